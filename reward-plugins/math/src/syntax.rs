//! The syntax tree of an answer.

use crate::number::Rational;

/// What stands between the sides of an equation or inequality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Approximate,
    In,
    /// One that is only compared by name.
    Other(&'static str),
}

/// An answer as it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Number(Rational),
    /// A variable, a constant (`pi`, `e`, `i`) or a name such as `AB` or `x_1`.
    Symbol(String),
    /// A unit or label after a number.
    Unit(String),
    Infinity,
    Sum(Vec<Node>),
    Negative(Box<Node>),
    /// Factors; the flag marks those that are divided by.
    Product(Vec<(bool, Node)>),
    Power(Box<Node>, Box<Node>),
    /// Radicand and degree.
    Root(Box<Node>, u32),
    /// Plus-minus (`false`) or minus-plus (`true`) before a term.
    PlusMinus(bool, Box<Node>),
    Percent(Box<Node>),
    Call(String, Vec<Node>),
    /// Items in round, square or angle brackets, in order. One item in round brackets is that item.
    Bracket(char, char, Vec<Node>),
    Set(Vec<Node>),
    /// Items without brackets.
    List(Vec<Node>),
    /// Sets joined by `cup`, `cap` or `setminus`.
    SetOperation(&'static str, Vec<Node>),
    /// Numbers joined by colons.
    Proportion(Vec<Node>),
    Matrix(bool, Vec<Vec<Node>>),
    Relation(Box<Node>, Vec<(Relation, Node)>),
}

impl Node {
    /// Does a plus-minus sign occur in it (outside of its own list items)?
    pub fn has_sign_choice(&self) -> bool {
        match self {
            Self::PlusMinus(..) => true,
            Self::Negative(a) | Self::Root(a, _) | Self::Percent(a) => a.has_sign_choice(),
            Self::Sum(items) | Self::Call(_, items) => items.iter().any(Self::has_sign_choice),
            Self::Product(items) => items.iter().any(|(_, item)| item.has_sign_choice()),
            Self::Power(a, b) => a.has_sign_choice() || b.has_sign_choice(),
            Self::Relation(first, rest) => {
                first.has_sign_choice() || rest.iter().any(|(_, n)| n.has_sign_choice())
            }
            _ => false,
        }
    }

    /// The value of a number as it is written, with or without a sign.
    pub fn exact(&self) -> Option<Rational> {
        match self {
            Self::Number(value) => Some(value.clone()),
            Self::Negative(inner) => match inner.as_ref() {
                Self::Number(value) => Some(value.neg()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Is it a number with a unit?
    pub fn is_quantity(&self) -> bool {
        match self {
            Self::Product(items) => {
                matches!(items.first(), Some((false, value)) if value.is_plain())
                    && items[1..]
                        .iter()
                        .any(|(divided, n)| !divided && matches!(n, Self::Unit(_)))
                    && items[1..].iter().all(|(_, n)| match n {
                        Self::Power(base, _) => matches!(base.as_ref(), Self::Unit(_)),
                        n => matches!(n, Self::Unit(_)) || n.is_plain(),
                    })
            }
            _ => false,
        }
    }

    /// Are both quantities of one unit each, and is the other's unit a smaller one of the same kind?
    pub fn is_same_kind(&self, other: &Self) -> bool {
        let unit = |node: &Self| match node {
            Self::Product(items) => match items.as_slice() {
                [_, (false, Self::Unit(name))] => crate::units::conversion(name),
                _ => None,
            },
            _ => None,
        };
        match (unit(self), unit(other)) {
            (Some((a, kind)), Some((b, same))) => kind == same && a.compare(&b).is_gt(),
            _ => false,
        }
    }

    /// The parts of an expression; none of a structure such as a list or a relation.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Negative(a) | Self::Root(a, _) | Self::Percent(a) | Self::PlusMinus(_, a) => {
                vec![a]
            }
            Self::Sum(items) | Self::Call(_, items) => items.iter().collect(),
            Self::Product(items) => items.iter().map(|(_, item)| item).collect(),
            Self::Power(a, b) => vec![a, b],
            _ => Vec::new(),
        }
    }

    /// All nodes directly in it, those of structures too.
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Bracket(_, _, items)
            | Self::Set(items)
            | Self::List(items)
            | Self::SetOperation(_, items)
            | Self::Proportion(items) => items.iter().collect(),
            Self::Matrix(_, rows) => rows.iter().flatten().collect(),
            Self::Relation(first, rest) => std::iter::once(first.as_ref())
                .chain(rest.iter().map(|(_, n)| n))
                .collect(),
            other => other.parts(),
        }
    }

    /// Is there a percent sign in it?
    pub fn has_percent(&self) -> bool {
        matches!(self, Self::Percent(_)) || self.children().into_iter().any(Self::has_percent)
    }

    /// Is it an expression without variables?
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Number(_) | Self::Unit(_) | Self::Infinity => true,
            Self::Symbol(name) => matches!(name.as_str(), "pi" | "e" | "i"),
            _ => {
                let parts = self.parts();
                !parts.is_empty() && parts.into_iter().all(Self::is_constant)
            }
        }
    }

    /// Is it a number without letters, roots or units?
    fn is_plain(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Negative(a) | Self::Percent(a) => a.is_plain(),
            Self::Product(items) => items.iter().all(|(_, item)| item.is_plain()),
            Self::Sum(items) => items.iter().all(Self::is_plain),
            Self::Call(name, items) => {
                name == "factorial" || name == "binom" || items.iter().all(Self::is_plain)
            }
            _ => false,
        }
    }

    /// Is a sum or product of plain numbers left to be worked out in it, such as `3+9`?
    ///
    /// A fraction, a power and a number in scientific notation are finished.
    pub fn is_unfinished(&self) -> bool {
        let here = match self {
            Self::Sum(items) => items.iter().filter(|item| item.is_plain()).count() > 1,
            Self::Product(items) => {
                let count = |divided| {
                    items
                        .iter()
                        .filter(|(d, item)| *d == divided && item.is_plain())
                        .count()
                };
                count(false) > 1 || count(true) > 1
            }
            // `3 + 9 = 12` is finished: one of its values is.
            Self::Relation(first, rest) => {
                let sides = || std::iter::once(first.as_ref()).chain(rest.iter().map(|(_, n)| n));
                let values = || sides().filter(|n| n.is_constant());
                return if values().next().is_some() {
                    values().all(Self::is_unfinished)
                } else {
                    sides().any(Self::is_unfinished)
                };
            }
            Self::Bracket(_, _, items)
            | Self::Set(items)
            | Self::List(items)
            | Self::SetOperation(_, items)
            | Self::Proportion(items) => return items.iter().any(Self::is_unfinished),
            Self::Matrix(_, rows) => return rows.iter().flatten().any(Self::is_unfinished),
            Self::Call(name, items) => {
                matches!(name.as_str(), "sum" | "prod")
                    || matches!(
                        name.as_str(),
                        "factorial" | "binom" | "gcd" | "lcm" | "max" | "min"
                    ) && items.iter().all(Self::is_plain)
            }
            _ => false,
        };
        here || self.parts().into_iter().any(Self::is_unfinished)
    }

    /// The tree with every plus-minus read as plus (`upper`) or as minus.
    #[must_use]
    pub fn with_sign(&self, upper: bool) -> Self {
        let boxed = |node: &Self| Box::new(node.with_sign(upper));
        let all = |items: &[Self]| items.iter().map(|n| n.with_sign(upper)).collect();
        match self {
            Self::PlusMinus(flipped, a) if *flipped == upper => Self::Negative(boxed(a)),
            Self::PlusMinus(_, a) => a.with_sign(upper),
            Self::Negative(a) => Self::Negative(boxed(a)),
            Self::Root(a, n) => Self::Root(boxed(a), *n),
            Self::Percent(a) => Self::Percent(boxed(a)),
            Self::Sum(items) => Self::Sum(all(items)),
            Self::Call(name, items) => Self::Call(name.clone(), all(items)),
            Self::Product(items) => Self::Product(
                items
                    .iter()
                    .map(|(i, n)| (*i, n.with_sign(upper)))
                    .collect(),
            ),
            Self::Power(a, b) => Self::Power(boxed(a), boxed(b)),
            Self::Relation(first, rest) => Self::Relation(
                boxed(first),
                rest.iter().map(|(r, n)| (*r, n.with_sign(upper))).collect(),
            ),
            other => other.clone(),
        }
    }
}
