//! Sums and products with a sign: `\sum_{i=1}^{4} i`, `\prod_{k=1}^{n} k`.
//!
//! A short one between whole numbers is worked out; others are the same where their bounds and terms are, whatever the index is called.

use crate::canonical::{Percent, canonical};
use crate::lexer::Kind;
use crate::number::{Bounded, Budget, Rational, Stop};
use crate::parser::Parser;
use crate::poly::{Atom, Quotient};
use crate::syntax::{Node, Relation};

/// Terms that are worked out, at most.
const MAX_TERMS: i64 = 100;
/// The name of every index, before its height.
const INDEX: &str = "\\index";

impl Parser {
    /// What follows `\sum` or `\prod`: the bounds, and the term that it applies to.
    pub(crate) fn series(&mut self, name: &str) -> Bounded<Node> {
        self.expect(&Kind::Sign('_'))?;
        self.expect(&Kind::GroupOpen)?;
        let Node::Relation(index, from) = self.relation()? else {
            return Err(Stop::Undefined);
        };
        self.expect(&Kind::GroupClose)?;
        self.expect(&Kind::Sign('^'))?;
        let to = self.exponent()?;
        match (index.as_ref(), from.as_slice()) {
            (Node::Symbol(_), [(Relation::Equal, from)]) => {
                let term = self.nested(Self::term)?;
                Ok(Node::Call(
                    name.into(),
                    vec![*index, from.clone(), to, term],
                ))
            }
            _ => Err(Stop::Undefined),
        }
    }
}

/// The canonical form of a sum or product: index, bounds and term.
pub(crate) fn value(
    name: &str,
    args: &[Node],
    percent: Percent,
    budget: &mut Budget,
) -> Bounded<Quotient> {
    let [Node::Symbol(index), from, to, term] = args else {
        return Err(Stop::Undefined);
    };
    let (from, to) = (
        canonical(from, percent, budget)?,
        canonical(to, percent, budget)?,
    );
    let bound = |value: &Quotient| value.as_rational().and_then(|value| value.to_i64());
    // A name such as `F_k` has the index in it.
    let inside = names_with(term, index);
    if let (Some(from), Some(to), false) = (bound(&from), bound(&to), inside)
        && to - from < MAX_TERMS
        && to >= from
    {
        let product = name == "prod";
        let mut all = Quotient::rational(if product {
            Rational::one()
        } else {
            Rational::zero()
        });
        for i in from..=to {
            let number = Node::Number(Rational::integer(i));
            let value = canonical(&replaced(term, index, &number), percent, budget)?;
            all = if product {
                all.mul(&value, budget)?
            } else {
                all.add(&value, budget)?
            };
        }
        return Ok(all);
    }
    let (own, term) = if inside {
        (index.clone(), term.clone())
    } else {
        // An index of its own for each level, so that none is caught by a sum inside of its own.
        let own = format!("{INDEX}{}", height(term));
        let term = replaced(term, index, &Node::Symbol(own.clone()));
        (own, term)
    };
    let term = canonical(&term, percent, budget)?;
    let own = Quotient::atom(Atom::Symbol(own));
    Ok(Quotient::atom(Atom::Call(
        name.into(),
        vec![own, from, to, term],
    )))
}

/// How many sums and products stand in each other in an expression.
fn height(node: &Node) -> u32 {
    let inside = node.parts().into_iter().map(height).max().unwrap_or(0);
    let here = matches!(node, Node::Call(name, _) if matches!(name.as_str(), "sum" | "prod"));
    inside + u32::from(here)
}

/// Is there a name of which the index is a part?
fn names_with(node: &Node, index: &str) -> bool {
    matches!(node, Node::Symbol(name) if name != index && name.contains(index) && name.contains('_'))
        || node.parts().into_iter().any(|part| names_with(part, index))
}

/// An expression with another one in the place of a name.
pub(crate) fn replaced(node: &Node, name: &str, by: &Node) -> Node {
    let one = |node: &Node| replaced(node, name, by);
    let all = |items: &[Node]| items.iter().map(one).collect();
    let boxed = |node: &Node| Box::new(one(node));
    match node {
        Node::Symbol(own) if own == name => by.clone(),
        Node::Sum(items) => Node::Sum(all(items)),
        Node::Negative(inner) => Node::Negative(boxed(inner)),
        Node::Product(items) => Node::Product(items.iter().map(|(d, n)| (*d, one(n))).collect()),
        Node::Power(base, exponent) => Node::Power(boxed(base), boxed(exponent)),
        Node::Root(inner, degree) => Node::Root(boxed(inner), *degree),
        Node::PlusMinus(flipped, inner) => Node::PlusMinus(*flipped, boxed(inner)),
        Node::Percent(inner) => Node::Percent(boxed(inner)),
        Node::Call(own, args) => Node::Call(own.clone(), all(args)),
        Node::Bracket(open, close, items) => Node::Bracket(*open, *close, all(items)),
        Node::Set(items) => Node::Set(all(items)),
        Node::List(items) => Node::List(all(items)),
        Node::SetOperation(operation, items) => Node::SetOperation(operation, all(items)),
        Node::Proportion(items) => Node::Proportion(all(items)),
        Node::Matrix(determinant, rows) => {
            Node::Matrix(*determinant, rows.iter().map(|row| all(row)).collect())
        }
        Node::Relation(first, rest) => Node::Relation(
            boxed(first),
            rest.iter().map(|(r, n)| (*r, one(n))).collect(),
        ),
        Node::Symbol(_) | Node::Number(_) | Node::Unit(_) | Node::Infinity => node.clone(),
    }
}
