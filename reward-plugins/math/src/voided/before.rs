//! What stands before a mark, in its own clause.

use super::words::{blames, changes, changes_of, differs, is_copula, negates, small};
use crate::around::FUNCTIONS;
use crate::clauses::Piece;
use crate::cues::names_answer;
use crate::words;

/// The clause before a mark.
pub(super) struct Before<'a> {
    /// Its words; formulas are empty.
    words: Vec<String>,
    /// All that stands before the mark.
    pieces: &'a [Piece<'a>],
}

impl<'a> Before<'a> {
    pub(super) fn new(pieces: &'a [Piece<'a>]) -> Self {
        let ends = |piece: &Piece<'_>| {
            matches!(
                piece,
                Piece::Comma | Piece::Stop | Piece::Colon | Piece::Question
            )
        };
        // `Wrong answer: \boxed{3}`: directly behind a colon, what introduces it counts.
        let inner = match pieces {
            [inner @ .., Piece::Colon] | [inner @ .., Piece::Colon, Piece::Open(_)] => inner,
            all => all,
        };
        let start = inner.iter().rposition(ends).map_or(0, |at| at + 1);
        let words = pieces[start..]
            .iter()
            .filter_map(|piece| match piece {
                Piece::Word(word) => Some(small(word)),
                Piece::Formula(_) => Some(String::new()),
                _ => None,
            })
            .collect();
        Self { words, pieces }
    }

    fn last(&self, back: usize) -> &str {
        let at = self.words.len().checked_sub(back + 1);
        at.map_or("", |at| self.words[at].as_str())
    }

    /// Does an operator in words touch the mark: `minus \boxed{3}`, `half of \boxed{3}`, `all but \boxed{3}`?
    pub(super) fn is_operator(&self) -> bool {
        let (last, second) = (self.last(0), self.last(1));
        // `this many times \boxed{3}` has no factor before it.
        let times = last == "times" && !second.is_empty() && words::small(second).is_none();
        let part = match second {
            "multiple" => self.last(2) != "common",
            // `by a factor of \boxed{3}`
            "factor" => self.last(2) != "a",
            "root" => !matches!(self.last(2), "a" | "the" | "one"),
            word => changes_of(word),
        };
        let excludes = matches!(last, "except" | "without" | "excluding")
            || last == "but" && matches!(second, "all" | "anything" | "everything");
        let computes = |word: &str| FUNCTIONS.contains(&word);
        computes(last)
            || last == "of" && computes(second)
            || changes(last) && !times
            || last == "of" && part
            || excludes
    }

    /// Is the mark denied in its own clause? The negation stands beside it, or only words without a meaning of their own stand
    /// between.
    pub(super) fn is_denied(&self) -> bool {
        let mut behind = "answer";
        for word in self.words.iter().rev() {
            // `the wrong answer is`; a person may be wrong.
            let wrong = blames(word) && (names_answer(behind) || behind == "value");
            if negates(word) || wrong {
                return true;
            }
            behind = if is_copula(word) { "" } else { word };
            let passes = is_copula(word)
                || matches!(
                    word.as_str(),
                    "equal"
                        | "been"
                        | "to"
                        | "the"
                        | "a"
                        | "an"
                        | "our"
                        | "my"
                        | "final"
                        | "correct"
                        | "right"
                )
                || names_answer(word)
                || matches!(
                    word.as_str(),
                    "value" | "exactly" | "simply" | "just" | "quite" | "even" | "than"
                )
                || word.ends_with("ly");
            if !passes {
                break;
            }
        }
        // `a common mistake is \boxed{3}`
        let mistaken = is_copula(self.last(0))
            && matches!(
                self.last(1),
                "mistake" | "trap" | "distractor" | "misconception" | "blunder" | "guess"
            )
            || is_copula(self.last(0)) && self.last(1) == "error" && self.last(2) == "common";
        let struck = self
            .pieces
            .last()
            .is_some_and(|piece| matches!(piece, Piece::Word(word) if word.ends_with("~~")));
        mistaken || struck
    }

    /// Does the clause speak of something made of the answer, of somebody else's answer, or does it only suppose one?
    pub(super) fn is_of_another_thing(&self) -> bool {
        let Some(at) = self.words.iter().rposition(|word| names_answer(word)) else {
            return false;
        };
        let first = self.words.first().map_or("", String::as_str);
        let supposed = matches!(
            first,
            "suppose"
                | "supposing"
                | "assume"
                | "assuming"
                | "imagine"
                | "pretend"
                | "if"
                | "unless"
                | "whether"
        );
        let said = self.words[..at].iter().any(|word| {
            matches!(
                word.as_str(),
                "says"
                    | "said"
                    | "claims"
                    | "claimed"
                    | "thinks"
                    | "thought"
                    | "believes"
                    | "guessed"
                    | "doubt"
                    | "deny"
            )
        });
        let false_that = self.words[..at]
            .windows(2)
            .any(|pair| pair[1] == "that" && (blames(&pair[0]) || negates(&pair[0])));
        // `twice the answer is`, `the square of the final answer is`, `the previous answer is`
        let determines =
            |word: &str| matches!(word, "the" | "our" | "my" | "your" | "this" | "that");
        let mut owners = self.words[..at]
            .iter()
            .rev()
            .map(String::as_str)
            .skip_while(|word| matches!(*word, "final" | "correct" | "right"))
            .peekable();
        let is_owned = owners.next_if(|word| determines(word)).is_some();
        let holder = owners.next().unwrap_or_default();
        let changed = blames(holder)
            || matches!(holder, "previous" | "earlier" | "than")
            || is_owned && changes(holder)
            || holder == "of" && owners.next().is_some_and(changes_of);
        // `the answer squared is`, `the answer plus one is`
        let rewritten = self.words[at + 1..].iter().any(|word| {
            changes(word)
                || matches!(
                    word.as_str(),
                    "squared" | "cubed" | "doubled" | "halved" | "negated"
                )
        });
        supposed || said || false_that || changed || rewritten
    }

    /// Is the mark one of two values, `4 or \boxed{3}`, `x = 4 or x = \boxed{3}`? A value that is the same, `12/4 or \boxed{3}`,
    /// is no other one, and neither is one that something else depends on, `the reciprocal of 4 or \boxed{1/4}`, or another
    /// equation, `2x = 6 or x = \boxed{3}`. After a comma, `or` restates.
    pub(super) fn is_alternative(&self, content: &str) -> bool {
        if self.last(0) != "or" {
            return false;
        }
        if self.words.iter().any(|word| word == "either") {
            return true;
        }
        let (name, pieces) = match self.pieces {
            [pieces @ .., _, Piece::Open(formula)] => (left_side(formula), pieces),
            [pieces @ .., _] => (None, pieces),
            [] => return false,
        };
        let [before @ .., value] = pieces else {
            return false;
        };
        let depends = matches!(before, [.., Piece::Word("of" | "than" | "by" | "from")]);
        let same_name = match value {
            Piece::Formula(value) => name.is_none() || left_side(value) == name,
            _ => true,
        };
        !depends && same_name && differs(value, content)
    }
}

/// The left side of an equation, or nothing.
fn left_side(formula: &str) -> Option<&str> {
    let (left, _) = formula.split_once('=')?;
    Some(left.trim_matches([' ', '&']))
}
