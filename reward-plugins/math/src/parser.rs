//! Reads tokens as an answer: the levels from lists down to terms. Factors are read in `factor.rs`.
//!
//! The parser looks at each token a bounded number of times and never nests deeper than [`MAX_DEPTH`].

use crate::lexer::{Kind, Token, tokens};
use crate::names::{grouped, several_names};
use crate::number::{Bounded, Stop};
use crate::syntax::{Node, Relation};

/// Deepest nesting that is read.
pub const MAX_DEPTH: u32 = 80;

pub(crate) struct Parser {
    pub(crate) tokens: Vec<Token>,
    pub(crate) at: usize,
    pub(crate) depth: u32,
    /// Inside of `|…|`, where a bar closes.
    pub(crate) bars: u32,
    /// In an exponent or in what a function applies to, where a letter is no unit: `\sin(2 t)`.
    pub(crate) inner: bool,
}

/// Reads an answer as mathematics; an error says that it is none, or too much.
///
/// Words alone are no mathematics: `cat` is not a product of three symbols.
pub fn parse(source: &str) -> Bounded<Node> {
    read(source, false)
}

/// Reads an answer as mathematics, words of up to four letters as products of symbols too.
///
/// For the side of a comparison whose other side is mathematics: `xy` against `y \cdot x`.
pub fn parse_letters(source: &str) -> Bounded<Node> {
    read(source, true)
}

fn read(source: &str, letters: bool) -> Bounded<Node> {
    let tokens = tokens(source)?;
    if !letters && !is_mathematical(&tokens) {
        return Err(Stop::Undefined);
    }
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        bars: 0,
        inner: false,
    };
    let node = parser.list()?;
    if parser.at < parser.tokens.len() {
        Err(Stop::Undefined)
    } else {
        Ok(node)
    }
}

/// Words alone are text: something in the answer has to be mathematics.
fn is_mathematical(tokens: &[Token]) -> bool {
    let words_only = tokens.iter().all(|t| match &t.kind {
        Kind::Word(word) => !(word.len() == 1 || constant(word).is_some()),
        Kind::Text(_, upright) => !upright,
        Kind::Comma | Kind::Semicolon | Kind::Sign('-' | '\'' | '!' | ':' | '/' | '&') => true,
        _ => false,
    });
    let symbols_and_words = tokens
        .iter()
        .all(|t| matches!(&t.kind, Kind::Word(_) | Kind::Sign('\'' | '-' | '/')));
    let long = tokens
        .iter()
        .any(|t| matches!(&t.kind, Kind::Word(w) if w.len() > 1 && constant(w).is_none()));
    !(words_only || symbols_and_words && long && tokens.len() > 1)
}

/// Constants and Greek letters that may be written without a backslash.
pub(crate) fn constant(word: &str) -> Option<&'static str> {
    Some(match word {
        "pi" | "Pi" => "pi",
        "theta" => "theta",
        "alpha" => "alpha",
        "beta" => "beta",
        "gamma" => "gamma",
        "lambda" => "lambda",
        "inf" | "infinity" | "Infinity" | "oo" => "infty",
        _ => return None,
    })
}

/// `or` and `and` between answers, in words.
pub(crate) fn is_conjunction(kind: &Kind) -> bool {
    match kind {
        Kind::Word(word) | Kind::Text(word, _) => {
            matches!(
                word.trim()
                    .trim_matches(',')
                    .trim()
                    .to_ascii_lowercase()
                    .as_str(),
                "or" | "and" | ""
            )
        }
        Kind::Command(name) => matches!(name.as_str(), "lor" | "land" | "vee" | "wedge"),
        _ => false,
    }
}

/// Which of the two a conjunction is.
pub(crate) fn joint_of(kind: &Kind) -> Option<&'static str> {
    let (Kind::Word(name) | Kind::Text(name, _) | Kind::Command(name)) = kind else {
        return None;
    };
    match name
        .trim()
        .trim_matches(',')
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "or" | "lor" | "vee" => Some("or"),
        "and" | "land" | "wedge" => Some("and"),
        _ => None,
    }
}

/// Is it made of inequalities only?
fn is_inequality(node: &Node) -> bool {
    matches!(node, Node::Relation(_, rest) if rest.iter().all(|(relation, _)| matches!(
        relation,
        Relation::Less | Relation::LessEqual | Relation::Greater | Relation::GreaterEqual | Relation::NotEqual
    )))
}

impl Parser {
    pub(crate) fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    pub(crate) fn next_is(&self, kind: &Kind) -> bool {
        self.peek() == Some(kind)
    }

    pub(crate) fn accept(&mut self, kind: &Kind) -> bool {
        let found = self.next_is(kind);
        if found {
            self.at += 1;
        }
        found
    }

    pub(crate) fn expect(&mut self, kind: &Kind) -> Bounded<()> {
        if self.accept(kind) {
            Ok(())
        } else {
            Err(Stop::Undefined)
        }
    }

    /// Runs `inner` one level deeper.
    pub(crate) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Bounded<T>) -> Bounded<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Stop::TooBig);
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Items without brackets: `2, 3`, `2 or 3`.
    fn list(&mut self) -> Bounded<Node> {
        let (mut items, joint) = self.joined_items()?;
        match items.len() {
            0 => Err(Stop::Undefined),
            1 => Ok(items.remove(0)),
            _ if !joint.is_empty() && items.iter().all(is_inequality) => {
                Ok(Node::SetOperation(joint, items))
            }
            // Values of several names, of which only one need hold, are no value of each.
            _ if joint == "or" && several_names(&items) => {
                // `or` between points: `p = 5, q = 2 or p = 7, q = 2`.
                let list = Node::List(items);
                let ors = (self.tokens.iter()).filter(|token| joint_of(&token.kind) == Some("or"));
                let between = grouped(&list).is_some_and(|(points, _)| ors.count() < points.len());
                between.then_some(list).ok_or(Stop::Undefined)
            }
            _ => Ok(Node::List(items)),
        }
    }

    /// Items between separators, none at all included.
    pub(crate) fn items(&mut self) -> Bounded<Vec<Node>> {
        Ok(self.joined_items()?.0)
    }

    /// Items, and the word that joins them, if it is one and the same.
    pub(crate) fn joined_items(&mut self) -> Bounded<(Vec<Node>, &'static str)> {
        let mut items = Vec::new();
        let mut joint: Option<&'static str> = None;
        if matches!(self.peek(), None | Some(Kind::Close(_) | Kind::GroupClose)) {
            return Ok((items, ""));
        }
        loop {
            items.push(self.nested(Self::relation)?);
            let start = self.at;
            while matches!(self.peek(), Some(Kind::Comma | Kind::Semicolon))
                || self.peek().is_some_and(is_conjunction)
            {
                if let Some(word) = self.peek().and_then(joint_of) {
                    joint = Some(match joint {
                        Some(other) if other != word => "",
                        _ => word,
                    });
                }
                self.at += 1;
                // One comma, one word: more is a slip that changes the meaning.
                if self.at - start > 2 {
                    return Err(Stop::Undefined);
                }
            }
            if self.at == start {
                return Ok((items, joint.unwrap_or("")));
            }
        }
    }

    pub(crate) fn relation(&mut self) -> Bounded<Node> {
        // "x = ≈ 3" makes no sense, but "≈ 3" and "= 3" do.
        if matches!(
            self.peek(),
            Some(Kind::Relation(Relation::Equal | Relation::Approximate))
        ) {
            self.at += 1;
            return self.proportion();
        }
        let first = self.proportion()?;
        let mut rest = Vec::new();
        while let Some(&Kind::Relation(relation)) = self.peek() {
            self.at += 1;
            let mut side = self.proportion()?;
            if relation == Relation::Other("equiv")
                && let Some(modulus) = self.modulus()?
            {
                side = Node::Call("mod".into(), vec![side, modulus]);
            }
            rest.push((relation, side));
        }
        Ok(if rest.is_empty() {
            first
        } else {
            Node::Relation(Box::new(first), rest)
        })
    }

    /// What a congruence is taken by: `\pmod{7}`, `\mod 7`, `(mod 7)`.
    fn modulus(&mut self) -> Bounded<Option<Node>> {
        let start = self.at;
        let bracketed = self.accept(&Kind::Open('('));
        let named = matches!(self.peek(), Some(Kind::Command(name)) if matches!(name.as_str(), "pmod" | "bmod" | "mod"))
            || matches!(self.peek(), Some(Kind::Word(name) | Kind::Text(name, _)) if name.trim() == "mod");
        if !named {
            self.at = start;
            return Ok(None);
        }
        self.at += 1;
        let modulus = self.sum()?;
        if bracketed {
            self.expect(&Kind::Close(')'))?;
        }
        Ok(Some(modulus))
    }

    fn proportion(&mut self) -> Bounded<Node> {
        let first = self.sets()?;
        if !self.next_is(&Kind::Sign(':')) {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.accept(&Kind::Sign(':')) {
            items.push(self.sets()?);
        }
        Ok(Node::Proportion(items))
    }

    fn sets(&mut self) -> Bounded<Node> {
        let mut items = vec![self.sum()?];
        let mut operation = "";
        loop {
            let found = match self.peek() {
                Some(Kind::Command(name)) if matches!(name.as_str(), "cup" | "bigcup") => "cup",
                Some(Kind::Command(name)) if matches!(name.as_str(), "cap" | "bigcap") => "cap",
                Some(Kind::Command(name)) if matches!(name.as_str(), "setminus" | "backslash") => {
                    "setminus"
                }
                Some(Kind::Word(name))
                    if matches!(name.as_str(), "U" | "u") && self.between_brackets() =>
                {
                    "cup"
                }
                _ => break,
            };
            // Mixed operations, and differences of more than two sets, depend on the order.
            if !operation.is_empty() && (operation != found || found == "setminus") {
                return Err(Stop::Undefined);
            }
            operation = found;
            self.at += 1;
            items.push(self.sum()?);
        }
        Ok(if items.len() == 1 {
            items.remove(0)
        } else {
            Node::SetOperation(operation, items)
        })
    }

    fn between_brackets(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|i| self.tokens.get(i));
        let after = self.tokens.get(self.at + 1);
        matches!(before.map(|t| &t.kind), Some(Kind::Close(_)))
            && matches!(after.map(|t| &t.kind), Some(Kind::Open(_)))
    }

    pub(crate) fn sum(&mut self) -> Bounded<Node> {
        self.nested(|p| {
            let mut items = Vec::new();
            loop {
                let mut negative = false;
                let mut choice = None;
                let mut signs = 0;
                while let Some(&Kind::Sign(sign @ ('+' | '-' | '~' | '?'))) = p.peek() {
                    match sign {
                        '-' => negative = !negative,
                        '~' | '?' if choice.is_some() => return Err(Stop::Undefined),
                        '~' | '?' => choice = Some(sign == '?'),
                        _ => {}
                    }
                    signs += 1;
                    p.at += 1;
                }
                if !items.is_empty() && signs == 0 {
                    break;
                }
                let term = p.quantities(signs == 0)?;
                let term = match choice {
                    Some(flipped) => Node::PlusMinus(flipped != negative, Box::new(term)),
                    None if negative => Node::Negative(Box::new(term)),
                    None => term,
                };
                items.push(term);
            }
            Ok(if items.len() == 1 {
                items.remove(0)
            } else {
                Node::Sum(items)
            })
        })
    }

    /// Does a power of a number follow one: `2^6 3^5`?
    fn powers_of_numbers(&self, items: &[(bool, Node)]) -> bool {
        let kind = |i: usize| self.tokens.get(self.at + i).map(|t| &t.kind);
        // Behind a bracket too: `(n-2) 2^n`.
        let after_power = matches!(items.last(), Some((false, Node::Sum(_) | Node::Power(..))));
        after_power
            && matches!(kind(0), Some(Kind::Number { raw, .. }) if !raw.is_empty())
            && matches!(kind(1), Some(Kind::Sign('^')))
    }

    pub(crate) fn term(&mut self) -> Bounded<Node> {
        let mut items = vec![(false, self.mixed()?)];
        loop {
            let explicit = match self.peek() {
                Some(Kind::Sign('*')) => Some(false),
                Some(Kind::Sign('/')) => Some(true),
                _ => None,
            };
            if let Some(divided) = explicit {
                self.at += 1;
                let mut negative = false;
                while self.accept(&Kind::Sign('-')) {
                    negative = !negative;
                }
                let after_unit = matches!(items.last(), Some((_, Node::Unit(_))));
                if (divided || after_unit) && self.unit(&mut items, divided)? {
                    continue;
                }
                let factor = self.factor()?;
                items.push((
                    divided,
                    if negative {
                        Node::Negative(Box::new(factor))
                    } else {
                        factor
                    },
                ));
            } else if self.unit(&mut items, false)? {
            } else if self.starts_factor() || self.powers_of_numbers(&items) {
                items.push((false, self.factor()?));
            } else {
                break;
            }
            if items.len() > 200 {
                return Err(Stop::TooBig);
            }
        }
        Ok(if items.len() == 1 {
            items.remove(0).1
        } else {
            Node::Product(items)
        })
    }
}
