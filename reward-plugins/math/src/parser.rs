//! Reads tokens as an answer: the levels from lists down to terms. Factors are read in `factor.rs`.
//!
//! The parser looks at each token a bounded number of times and never nests deeper than [`MAX_DEPTH`].

use crate::lexer::{Kind, Token, tokens};
use crate::number::{Bounded, Stop};
use crate::syntax::{Node, Relation};
use crate::units;

/// Deepest nesting that is read.
pub const MAX_DEPTH: u32 = 80;
/// Longest answer that is read, in tokens.
const MAX_TOKENS: usize = 1200;

pub(crate) struct Parser {
    pub(crate) tokens: Vec<Token>,
    pub(crate) at: usize,
    pub(crate) depth: u32,
    /// Inside of `|…|`, where a bar closes.
    pub(crate) bars: u32,
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
    if tokens.len() > MAX_TOKENS {
        return Err(Stop::TooBig);
    }
    if !letters && !is_mathematical(&tokens) {
        return Err(Stop::Undefined);
    }
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        bars: 0,
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
fn is_conjunction(kind: &Kind) -> bool {
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
fn joint_of(kind: &Kind) -> Option<&'static str> {
    let name = match kind {
        Kind::Word(name) | Kind::Text(name, _) | Kind::Command(name) => name,
        _ => return None,
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
            _ => Ok(Node::List(items)),
        }
    }

    /// Items between separators, none at all included.
    pub(crate) fn items(&mut self) -> Bounded<Vec<Node>> {
        Ok(self.joined_items()?.0)
    }

    /// Items, and the word that joins them, if it is one and the same.
    fn joined_items(&mut self) -> Bounded<(Vec<Node>, &'static str)> {
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

    fn relation(&mut self) -> Bounded<Node> {
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
            rest.push((relation, self.proportion()?));
        }
        Ok(if rest.is_empty() {
            first
        } else {
            Node::Relation(Box::new(first), rest)
        })
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

    /// A term, or quantities side by side that are one: `5 ft 6 in`, `1 hour 30 minutes`.
    fn quantities(&mut self, unsigned: bool) -> Bounded<Node> {
        let first = self.term()?;
        if !unsigned || !first.is_quantity() {
            return Ok(first);
        }
        let mut items = vec![first];
        loop {
            // `1 hour and 30 minutes` too, but `2 apples and 3 pears` are a list.
            let start = self.at;
            let word = self.peek().and_then(joint_of) == Some("and");
            self.at += usize::from(word);
            if !matches!(self.peek(), Some(Kind::Number { .. })) {
                self.at = start;
                break;
            }
            let next = self.term()?;
            let same_kind = items[0].is_same_kind(&next);
            if word && !same_kind {
                self.at = start;
                break;
            }
            if !next.is_quantity() || items.len() > 3 {
                return Err(Stop::Undefined);
            }
            items.push(next);
        }
        Ok(if items.len() == 1 {
            items.remove(0)
        } else {
            Node::Sum(items)
        })
    }

    fn term(&mut self) -> Bounded<Node> {
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
                if divided && self.unit(&mut items, true)? {
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
            } else if self.starts_factor() {
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

    /// A number and a proper fraction of whole numbers after it: `1\frac{1}{2}`, `1 1/2`.
    fn mixed(&mut self) -> Bounded<Node> {
        if let Some(Token {
            kind: Kind::Number { value, raw },
            ..
        }) = self.tokens.get(self.at)
            && !raw.is_empty()
        {
            let whole = value.clone();
            let fraction = self.fraction_at(self.at + 1)?;
            if let Some((value, length)) = fraction {
                let mut budget = crate::number::Budget::of(200);
                let value = whole.add(&value, &mut budget)?;
                self.at += 1 + length;
                return Ok(self.measured(Node::Number(value)));
            }
        }
        self.factor()
    }

    /// A fraction of whole numbers at this token: its value, and its length in tokens.
    fn fraction_at(&self, at: usize) -> Bounded<Option<(crate::number::Rational, usize)>> {
        let number = |i: usize| match self.tokens.get(i).map(|t| &t.kind) {
            Some(Kind::Number { value, raw }) if !raw.is_empty() => Some((value, raw)),
            _ => None,
        };
        let is = |i: usize, kind: &Kind| self.tokens.get(i).is_some_and(|t| t.kind == *kind);
        let mut budget = crate::number::Budget::of(200);
        let (a, b, length) = match self.tokens.get(at).map(|t| &t.kind) {
            Some(Kind::Command(name))
                if matches!(name.as_str(), "frac" | "dfrac" | "tfrac" | "cfrac") =>
            {
                let grouped = is(at + 1, &Kind::GroupOpen) && is(at + 3, &Kind::GroupClose);
                let grouped =
                    grouped && is(at + 4, &Kind::GroupOpen) && is(at + 6, &Kind::GroupClose);
                if grouped {
                    let (Some((a, _)), Some((b, _))) = (number(at + 2), number(at + 5)) else {
                        return Ok(None);
                    };
                    (a.clone(), b.clone(), 7)
                } else if let Some((_, raw)) = number(at + 1) {
                    let digit = |c: &str| crate::number::Rational::parse(c);
                    if raw.len() == 2 {
                        let (Some(a), Some(b)) = (digit(&raw[..1]), digit(&raw[1..])) else {
                            return Ok(None);
                        };
                        (a, b, 2)
                    } else if raw.len() == 1
                        && let Some((b, next)) = number(at + 2)
                        && next.len() == 1
                    {
                        let Some(a) = digit(raw) else { return Ok(None) };
                        (a, b.clone(), 3)
                    } else {
                        return Ok(None);
                    }
                } else {
                    return Ok(None);
                }
            }
            Some(Kind::Number { .. }) if is(at + 1, &Kind::Sign('/')) => {
                let (Some((a, _)), Some((b, _))) = (number(at), number(at + 2)) else {
                    return Err(Stop::Undefined);
                };
                (a.clone(), b.clone(), 3)
            }
            _ => return Ok(None),
        };
        let value = a.div(&b, &mut budget)?;
        // `5\frac{10}{3}` is neither a mixed number nor clearly a product.
        if value.compare(&crate::number::Rational::one()).is_ge() || value.is_zero() {
            return Err(Stop::Undefined);
        }
        Ok(Some((value, length)))
    }

    /// Reads a unit after a value, if there is one: `\text{ cm}`, `apples`, a degree sign's letter.
    fn unit(&mut self, items: &mut Vec<(bool, Node)>, divided: bool) -> Bounded<bool> {
        let Some(token) = self.tokens.get(self.at) else {
            return Ok(false);
        };
        let numeric = items
            .iter()
            .all(|(_, n)| !matches!(n, Node::Symbol(name) if name != "pi"));
        let per_cent = matches!(&token.kind, Kind::Word(word) if word == "per")
            && matches!(self.tokens.get(self.at + 1).map(|t| &t.kind), Some(Kind::Word(word)) if word == "cent");
        if let Kind::Word(text) | Kind::Text(text, _) = &token.kind
            && let Some((value, rest)) = units::multiple(if per_cent { "percent" } else { text })
            && numeric
            && !divided
        {
            let rest = rest.to_owned();
            self.at += 1 + usize::from(per_cent);
            match value {
                // `2.5 million` is one number.
                Some(value) => match items.last_mut() {
                    Some((false, Node::Number(number))) => {
                        *number = number.mul(&value, &mut crate::number::Budget::of(200))?;
                    }
                    _ => items.push((false, Node::Number(value))),
                },
                None => {
                    let all = Node::Product(std::mem::take(items));
                    items.push((false, Node::Percent(Box::new(all))));
                }
            }
            if rest.is_empty() {
                return Ok(true);
            }
            for (name, power) in units::label(&rest).ok_or(Stop::Undefined)? {
                let exponent = Node::Number(crate::number::Rational::integer(power.abs()));
                items.push((
                    power < 0,
                    Node::Power(Box::new(Node::Unit(name)), Box::new(exponent)),
                ));
            }
            return Ok(true);
        }
        if let (Kind::Command(name), Some((_, Node::Number(_)))) = (&token.kind, items.last())
            && name == "Omega"
        {
            self.at += 1;
            items.push((divided, Node::Unit("ohm".into())));
            return Ok(true);
        }
        let labels = match &token.kind {
            Kind::Text(text, _) if !is_conjunction(&token.kind) => {
                self.at += 1;
                units::label(text).ok_or(Stop::Undefined)?
            }
            Kind::Word(word) if !is_conjunction(&token.kind) && constant(word).is_none() => {
                let after_unit = matches!(items.last(), Some((_, Node::Unit(_) | Node::Power(..))));
                let single = word.len() == 1 && numeric && (token.spaced || after_unit && divided);
                let last = !matches!(
                    self.tokens.get(self.at + 1).map(|t| &t.kind),
                    Some(Kind::Word(_) | Kind::Open(_) | Kind::Sign('+' | '-'))
                );
                let label = if let Some(unit) =
                    units::known(word).filter(|_| word.len() > 1 || single && last)
                {
                    vec![(unit.to_string(), 1)]
                } else if word.len() > 2
                    && numeric
                    && token.spaced
                    && !crate::function::is_function(word)
                {
                    let mut text = word.clone();
                    let mut count = 1;
                    while let Some(Kind::Word(more)) =
                        self.tokens.get(self.at + count).map(|t| &t.kind)
                    {
                        if is_conjunction(&Kind::Word(more.clone())) {
                            break;
                        }
                        text.push(' ');
                        text.push_str(more);
                        count += 1;
                    }
                    self.at += count - 1;
                    units::label(&text).ok_or(Stop::Undefined)?
                } else {
                    return Ok(false);
                };
                self.at += 1;
                label
            }
            _ => return Ok(false),
        };
        let count = labels.len();
        for (i, (name, power)) in labels.into_iter().enumerate() {
            let mut node = Node::Unit(name);
            if i + 1 == count && self.accept(&Kind::Sign('^')) {
                node = Node::Power(Box::new(node), Box::new(self.exponent()?));
            }
            let inverted = (power < 0) != divided;
            if power.abs() != 1 {
                let exponent = Node::Number(crate::number::Rational::integer(power.abs()));
                node = Node::Power(Box::new(node), Box::new(exponent));
            }
            items.push((inverted, node));
        }
        Ok(true)
    }
}
