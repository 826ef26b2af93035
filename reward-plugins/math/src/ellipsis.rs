//! Answers that go on: `1, 2, …, n`, `1 + 2 + ⋯ + n`. They are the same where what stands around the dots is, place by place.

use crate::compare::Comparer;
use crate::syntax::{Node, Relation};

/// The symbol that dots are read as, however they are written.
pub(crate) const DOTS: &str = "…";

/// The commands that set dots between items.
pub(crate) fn is_command(name: &str) -> bool {
    matches!(
        name,
        "ldots" | "cdots" | "dots" | "dotsc" | "dotsb" | "dotsm" | "dotsi" | "dotso" | "hdots"
    )
}

/// Are there dots in an answer?
pub(crate) fn occurs(node: &Node) -> bool {
    matches!(node, Node::Symbol(name) if name == DOTS) || node.children().into_iter().any(occurs)
}

impl Comparer<'_> {
    /// Do two answers agree place by place, dots on the same ones?
    pub(crate) fn same_places(&mut self, one: &Node, other: &Node) -> bool {
        match (one, other) {
            (Node::Symbol(x), Node::Symbol(y)) => x == y,
            (Node::List(x) | Node::Set(x), Node::List(y) | Node::Set(y))
            | (Node::Sum(x), Node::Sum(y)) => self.each(x, y),
            (Node::Bracket(o1, c1, x), Node::Bracket(o2, c2, y)) => {
                (o1, c1) == (o2, c2) && self.each(x, y)
            }
            (Node::Product(x), Node::Product(y)) => {
                x.len() == y.len()
                    && (x.iter().zip(y)).all(|((d1, x), (d2, y))| d1 == d2 && self.same(x, y))
            }
            (Node::Negative(x), Node::Negative(y)) => self.same(x, y),
            (Node::Root(x, degree), Node::Root(y, its)) => degree == its && self.same(x, y),
            (Node::Power(x, above), Node::Power(y, upon)) => {
                self.same(x, y) && self.same(above, upon)
            }
            (Node::Call(name, x), Node::Call(its, y)) => name == its && self.each(x, y),
            (Node::Matrix(d1, x), Node::Matrix(d2, y)) => {
                d1 == d2 && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| self.each(x, y))
            }
            (Node::Relation(x, xs), Node::Relation(y, ys)) => {
                xs.len() == ys.len()
                    && self.same(x, y)
                    && (xs.iter().zip(ys)).all(|((r, x), (s, y))| r == s && self.same(x, y))
            }
            // `S = 1 + 2 + ⋯ + n`
            (Node::Relation(name, rest), value) | (value, Node::Relation(name, rest)) => match rest
                .as_slice()
            {
                [(Relation::Equal, side)] if crate::names::is_name(name) => self.same(side, value),
                _ => false,
            },
            _ => false,
        }
    }
}
