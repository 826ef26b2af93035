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
