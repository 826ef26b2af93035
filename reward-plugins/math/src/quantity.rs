//! Reads mixed numbers and what is counted: `1\frac{1}{2}`, `5 cm`, `1 hour 30 minutes`, `2.5 million`, `25 percent`.

use crate::han;
use crate::lexer::{Kind, Token};
use crate::number::{Bounded, Budget, Rational, Stop};
use crate::parser::{Parser, constant, is_conjunction, joint_of};
use crate::syntax::Node;
use crate::units;

impl Parser {
    /// A term, or quantities side by side that are one: `5 ft 6 in`, `1 hour 30 minutes`.
    pub(crate) fn quantities(&mut self, unsigned: bool) -> Bounded<Node> {
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

    /// A number and a proper fraction of whole numbers after it: `1\frac{1}{2}`, `1 1/2`.
    pub(crate) fn mixed(&mut self) -> Bounded<Node> {
        if let Some(Token {
            kind: Kind::Number { value, raw },
            ..
        }) = self.tokens.get(self.at)
            && !raw.is_empty()
        {
            let whole = value.clone();
            let fraction = self.fraction_at(self.at + 1)?;
            if let Some((value, length)) = fraction {
                let mut budget = Budget::of(200);
                let value = whole.add(&value, &mut budget)?;
                self.at += 1 + length;
                return Ok(self.measured(Node::Number(value)));
            }
        }
        self.factor()
    }

    /// A fraction of whole numbers at this token: its value, and its length in tokens.
    fn fraction_at(&self, at: usize) -> Bounded<Option<(Rational, usize)>> {
        let number = |i: usize| match self.tokens.get(i).map(|t| &t.kind) {
            Some(Kind::Number { value, raw }) if !raw.is_empty() => Some((value, raw)),
            _ => None,
        };
        let is = |i: usize, kind: &Kind| self.tokens.get(i).is_some_and(|t| t.kind == *kind);
        let mut budget = Budget::of(200);
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
                    let digit = |c: &str| Rational::parse(c);
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
        if value.compare(&Rational::one()).is_ge() || value.is_zero() {
            return Err(Stop::Undefined);
        }
        Ok(Some((value, length)))
    }

    /// Reads a word that multiplies the number before it, if there is one: `million`, `percent`.
    fn multiple(&mut self, items: &mut Vec<(bool, Node)>) -> Bounded<bool> {
        let Some(Kind::Word(text) | Kind::Text(text, _)) = self.peek() else {
            return Ok(false);
        };
        let next = self.tokens.get(self.at + 1).map(|t| &t.kind);
        let per_cent = text == "per" && matches!(next, Some(Kind::Word(word)) if word == "cent");
        let text = if per_cent { "percent" } else { text };
        let chinese = han::multiple(text).map(|(value, rest)| (Some(value), rest));
        let Some((value, rest)) = chinese.or_else(|| units::multiple(text)) else {
            return Ok(false);
        };
        let rest = rest.to_owned();
        self.at += 1 + usize::from(per_cent);
        match (value, items.last_mut()) {
            // `2.5 million` is one number.
            (Some(value), Some((false, Node::Number(number)))) => {
                *number = number.mul(&value, &mut Budget::of(200))?;
            }
            (Some(value), _) => items.push((false, Node::Number(value))),
            (None, _) => {
                let all = Node::Product(std::mem::take(items));
                items.push((false, Node::Percent(Box::new(all))));
            }
        }
        if !rest.is_empty() {
            for (name, power) in units::label(&rest).ok_or(Stop::Undefined)? {
                let exponent = Box::new(Node::Number(Rational::integer(power.abs())));
                let unit = Node::Power(Box::new(Node::Unit(name)), exponent);
                items.push((power < 0, unit));
            }
        }
        Ok(true)
    }

    /// Reads a unit after a value, if there is one: `\text{ cm}`, `apples`, a degree sign's letter.
    pub(crate) fn unit(&mut self, items: &mut Vec<(bool, Node)>, divided: bool) -> Bounded<bool> {
        let numeric = items
            .iter()
            .all(|(_, n)| !matches!(n, Node::Symbol(name) if name != "pi"));
        if numeric && !divided && self.multiple(items)? {
            return Ok(true);
        }
        let Some(token) = self.tokens.get(self.at) else {
            return Ok(false);
        };
        if let (Kind::Command(name), Some((_, Node::Number(_)))) = (&token.kind, items.last())
            && name == "Omega"
        {
            self.at += 1;
            items.push((divided, Node::Unit("ohm".into())));
            return Ok(true);
        }
        if let Some((labels, length)) = self.enclosed_label(numeric && !divided) {
            self.at += length;
            for (name, power) in labels {
                let exponent = Box::new(Node::Number(Rational::integer(power.abs())));
                let unit = Node::Power(Box::new(Node::Unit(name)), exponent);
                items.push((power < 0, unit));
            }
            return Ok(true);
        }
        let labels = match &token.kind {
            Kind::Text(text, _) if !is_conjunction(&token.kind) => {
                self.at += 1;
                units::label(text).ok_or(Stop::Undefined)?
            }
            Kind::Word(word) if !is_conjunction(&token.kind) && constant(word).is_none() => {
                let after_unit = matches!(items.last(), Some((_, Node::Unit(_) | Node::Power(..))));
                let single = word.len() == 1
                    && numeric
                    && !self.inner
                    && (token.spaced || after_unit && divided);
                let last = !matches!(
                    self.tokens.get(self.at + 1).map(|t| &t.kind),
                    Some(Kind::Word(_) | Kind::Open(_) | Kind::Sign('+' | '-'))
                );
                let label = if let Some(unit) =
                    units::known(word).filter(|_| word.len() > 1 || single && last)
                {
                    vec![(unit.to_string(), 1)]
                } else if (word.len() > 2 || word == "sq" || word == "cu")
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
                let exponent = Node::Number(Rational::integer(power.abs()));
                node = Node::Power(Box::new(node), Box::new(exponent));
            }
            items.push((inverted, node));
        }
        Ok(true)
    }

    /// A unit in brackets or braces after a number, `7 (cm)`, `7 (square units)`, `7{\text{cm}}`, and its length in tokens. Letters
    /// in brackets that are no known unit are factors.
    fn enclosed_label(&self, after_number: bool) -> Option<(Vec<(String, i64)>, usize)> {
        let close = match self.peek()? {
            Kind::Open('(') => Kind::Close(')'),
            Kind::GroupOpen => Kind::GroupClose,
            _ => return None,
        };
        if !after_number {
            return None;
        }
        let mut text = String::new();
        let mut letters = false;
        for (i, token) in self.tokens[self.at + 1..].iter().take(6).enumerate() {
            match &token.kind {
                Kind::Text(word, _) => text.push_str(word),
                Kind::Word(word) => {
                    letters = true;
                    text.push_str(word);
                }
                kind if *kind == close && i > 0 => {
                    let label = units::label(&text)?;
                    let known = |name: &str| units::known(name).is_some();
                    let clear =
                        !letters || text.len() > 1 && label.iter().all(|(name, _)| known(name));
                    return clear.then_some((label, i + 2));
                }
                _ => return None,
            }
            text.push(' ');
        }
        None
    }
}
