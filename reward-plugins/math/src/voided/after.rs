//! What follows a mark, in its own clause.

use super::words::{blames, differs, is_copula, negates, small};
use crate::clauses::Piece;
use crate::cues::names_answer;
use crate::{units, words};

/// What follows a mark.
pub(super) struct After<'a>(pub(super) &'a [Piece<'a>]);

impl After<'_> {
    /// The words of the mark's own clause; formulas are empty.
    fn clause(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (at, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Word(word) => out.push(small(word)),
                // The rest of the formula that the mark is in is looked at elsewhere.
                Piece::Formula(_) if at == 0 => {}
                Piece::Formula(_) | Piece::Open(_) => out.push(String::new()),
                Piece::Comma | Piece::Stop | Piece::Colon | Piece::Question => break,
            }
        }
        out
    }

    /// Does an operator in words touch the mark: `\boxed{3} squared`, `\boxed{3} and a half`, `\boxed{3} million`?
    pub(super) fn is_operator(&self) -> bool {
        let clause = self.clause();
        let word = |at: usize| clause.get(at).map_or("", String::as_str);
        let number = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_digit()) || words::small(word).is_some()
        };
        let value = |at: usize| clause.len() > at && (word(at).is_empty() || number(word(at)));
        match word(0) {
            "squared" | "cubed" | "factorial" | "doubled" | "tripled" | "halved" | "negated" => {
                true
            }
            "plus" | "minus" | "times" | "over" | "divided" | "multiplied" => {
                value(1) || matches!(word(1), "by") && value(2)
            }
            "point" => number(word(1)),
            "in" => matches!(word(1), "base" | "binary" | "hexadecimal" | "octal"),
            "base" | "vs" | "versus" => value(1),
            "and" => {
                let part = |word: &str| {
                    let word = word.strip_suffix('s').unwrap_or(word);
                    matches!(
                        word,
                        "half" | "halve" | "third" | "quarter" | "fifth" | "tenth"
                    )
                };
                part(word(1)) || part(word(2)) && (word(1) == "a" || number(word(1)))
            }
            first => units::multiple(&format!("{first} {}", word(1)))
                .or_else(|| units::multiple(first))
                .is_some(),
        }
    }

    /// Is the mark called wrong, or asked for?
    pub(super) fn is_denied(&self) -> bool {
        let clause = self.clause();
        let ended = self.0.iter().find(|piece| {
            matches!(
                piece,
                Piece::Comma | Piece::Stop | Piece::Colon | Piece::Question
            )
        });
        if ended == Some(&Piece::Question) {
            return true;
        }
        // `\boxed{3}, which is wrong`
        let relative = self
            .0
            .iter()
            .position(|piece| matches!(piece, Piece::Comma))
            .filter(|at| *at <= clause.len() + 1)
            .map(|at| After(&self.0[at + 1..]).clause())
            .filter(|words| words.first().is_some_and(|word| word == "which"));
        is_blame(&clause) || relative.is_some_and(|words| is_blame(&words[1..]))
    }

    /// Does another value stand beside the mark: `\boxed{3} or 4`, `\boxed{3}; 4; 5`?
    pub(super) fn is_alternative(&self, content: &str) -> bool {
        let mut pieces = self.0.iter().peekable();
        if matches!(pieces.peek(), Some(Piece::Formula(_))) {
            pieces.next();
        }
        match pieces.next() {
            Some(Piece::Word(word)) if matches!(small(word).as_str(), "or" | "to" | "and") => {
                let value = pieces.next();
                let ends = !matches!(pieces.next(), Some(Piece::Word(_)));
                ends && value.is_some_and(|value| differs(value, content))
            }
            Some(Piece::Comma | Piece::Stop) => {
                // Nothing but values up to the end of the text.
                let rest: Vec<_> = pieces.collect();
                let values = rest
                    .iter()
                    .filter(|piece| !matches!(piece, Piece::Comma | Piece::Stop))
                    .filter(|piece| !matches!(piece, Piece::Word(word) if matches!(small(word).as_str(), "or" | "and")));
                let values: Vec<_> = values.collect();
                !values.is_empty() && values.iter().all(|value| differs(value, content))
            }
            _ => false,
        }
    }
}

/// Does a clause that follows a mark call it wrong: `is wrong`, `isn't the answer`, `rejected`?
fn is_blame(clause: &[String]) -> bool {
    let wrong = |word: &String| {
        blames(word)
            || matches!(
                word.as_str(),
                "impossible" | "rejected" | "discarded" | "excluded" | "extraneous"
            )
    };
    let right = |word: &String| {
        names_answer(word)
            || matches!(
                word.as_str(),
                "right" | "correct" | "true" | "valid" | "possible" | "it"
            )
    };
    let verbs = clause
        .iter()
        .take_while(|word| {
            is_copula(word) || negates(word) || matches!(word.as_str(), "would" | "can")
        })
        .count();
    let (verbs, rest) = clause.split_at(verbs);
    let rest = &rest[..rest.len().min(3)];
    if verbs.iter().any(|word| negates(word)) {
        rest.is_empty() || rest.iter().any(right)
    } else {
        let said = if verbs.is_empty() { 1 } else { 3 };
        rest.iter().take(said).any(wrong)
    }
}
