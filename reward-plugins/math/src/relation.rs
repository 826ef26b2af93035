//! Compares equations, inequalities and memberships: with each other, and with the value that they give a name.

use crate::approx;
use crate::canonical::canonical;
use crate::compare::{Comparer, MAX_ITEMS};
use crate::names::{combines_names, is_measure, is_name, names, solved};
use crate::number::{Bounded, Rational};
use crate::syntax::{Node, Relation};
use std::cmp::Ordering;

/// What an inequality or equation says between two neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Other(&'static str),
}

impl Comparer<'_> {
    /// An equation or inequality against something that is none.
    pub(crate) fn same_as_value(&mut self, relation: &Node, other: &Node) -> bool {
        if let Some(value) = self.value_of(relation) {
            return self.same(&value, other)
                || self
                    .rounded(relation, &value)
                    .is_some_and(|rounded| self.same(rounded, other));
        }
        // `x > 3` against `(3, ∞)`.
        let Node::Bracket(open @ ('(' | '['), close @ (')' | ']'), ends) = other else {
            return false;
        };
        let [low, high] = ends.as_slice() else {
            return false;
        };
        let Some((l, l_closed, h, h_closed)) = interval(relation) else {
            return false;
        };
        l_closed == (*open == '[')
            && h_closed == (*close == ']')
            && self.same(&l, low)
            && self.same(&h, high)
    }

    /// Does the response `a + b = 5` give the reference 5?
    pub(crate) fn answers(&mut self, relation: &Node, reference: &Node) -> bool {
        match relation {
            Node::Relation(asked, rest) if combines_names(asked) => {
                // `a + b = 2 + 3 = 5` too, where all are the same.
                !rest.is_empty()
                    && reference.is_constant()
                    && rest.iter().all(|(relation, value)| {
                        *relation == Relation::Equal
                            && value.is_constant()
                            && self.same(value, reference)
                    })
            }
            _ => false,
        }
    }

    /// What `x = 5`, `x = 2 + 3 = 5`, `x ∈ S` or `√2 ≈ 1.41` say that the answer is.
    fn value_of(&mut self, relation: &Node) -> Option<Node> {
        let Node::Relation(first, rest) = relation else {
            return None;
        };
        if let [(Relation::In, set)] = rest.as_slice() {
            return is_name(first).then(|| set.clone());
        }
        let mut value: Option<&Node> = None;
        let sides = std::iter::once((Relation::Equal, first.as_ref()))
            .chain(rest.iter().map(|(r, n)| (*r, n)));
        for (relation, side) in sides {
            match relation {
                Relation::Equal | Relation::Approximate if is_name(side) || is_measure(side) => {}
                Relation::Equal => match value {
                    Some(value) if !self.same_value(value, side) => return None,
                    // The last one: `3 + 9 = 12` says 12.
                    _ => value = Some(side),
                },
                Relation::Approximate => {
                    value.get_or_insert(side);
                }
                _ => return None,
            }
        }
        value.cloned()
    }

    /// The decimal that a relation gives for an exact value, `√3 ≈ 1.73`, if it is rightly rounded.
    fn rounded<'n>(&mut self, relation: &'n Node, exact: &Node) -> Option<&'n Node> {
        let Node::Relation(_, rest) = relation else {
            return None;
        };
        // `2.4 ≈ 2` would be two answers.
        if matches!(exact, Node::Number(_)) {
            return None;
        }
        let Some((Relation::Approximate, rounded @ Node::Number(value))) = rest.last() else {
            return None;
        };
        let mut unit = Rational::one();
        let ten = Rational::integer(10);
        let mut digits = 0;
        while !value.div(&unit, &mut self.work.budget).ok()?.is_integer() {
            unit = unit.div(&ten, &mut self.work.budget).ok()?;
            digits += 1;
            if digits > 20 {
                return None;
            }
        }
        let exact = canonical(exact, self.percent, &mut self.work.budget).ok()?;
        let exact = match exact.as_rational() {
            Some(value) => value,
            None => approx::approximate(&exact, &mut self.work.budget).ok()?,
        };
        let distance = exact.sub(value, &mut self.work.budget).ok()?.abs();
        let twice = distance.add(&distance, &mut self.work.budget).ok()?;
        (digits > 0 && twice.compare(&unit) != Ordering::Greater).then_some(rounded)
    }

    pub(crate) fn same_relation(&mut self, a: &Node, b: &Node) -> bool {
        let (Some(found), Some(wanted)) = (links(a), links(b)) else {
            return false;
        };
        if found.len() == wanted.len() && found.len() <= MAX_ITEMS {
            let mut free: Vec<_> = wanted.iter().collect();
            let all = found
                .iter()
                .all(|x| match free.iter().position(|y| self.same_link(x, y)) {
                    Some(i) => {
                        free.remove(i);
                        true
                    }
                    None => false,
                });
            if all {
                return true;
            }
        }
        // `x ∈ [1, 2]` against `1 ≤ x ≤ 2`.
        let member = |relation: &Node| match relation {
            Node::Relation(_, rest) => matches!(rest.as_slice(), [(Relation::In, _)]),
            _ => false,
        };
        if member(a) != member(b) {
            let (set, other) = if member(a) { (a, b) } else { (b, a) };
            return self
                .value_of(set)
                .is_some_and(|set| self.same_as_value(other, &set));
        }
        // `x = 2 + 3 = 5` against `x = 5`: the same name, the same value.
        let (Some(found), Some(wanted)) = (self.value_of(a), self.value_of(b)) else {
            return false;
        };
        let (given, asked) = (names(a), names(b));
        let graph = |name: &Node| match name {
            Node::Symbol(name) => name == "y",
            Node::Call(name, args) => {
                matches!(name.as_str(), "f" | "g" | "h") && args.len() == 1 && args[0] == x_axis()
            }
            _ => false,
        };
        // `f(x) = 2x` is the graph `y = 2x`.
        // `x(t) = 3t` is `x = 3t`; `x(0) = 3` is no `x = 3`.
        let function = |call: &Node, name: &Node| match (call, name) {
            (Node::Call(function, args), Node::Symbol(name)) => {
                function == name && matches!(args.as_slice(), [Node::Symbol(_)])
            }
            _ => false,
        };
        let same_name = given.iter().any(|name| asked.contains(name))
            || matches!((given.as_slice(), asked.as_slice()), ([a], [b]) if function(a, b) || function(b, a))
            || matches!((given.as_slice(), asked.as_slice()), ([a], [b]) if graph(a) && graph(b) && (matches!(a, Node::Symbol(_)) || matches!(b, Node::Symbol(_))));
        same_name && self.same(&found, &wanted)
    }

    fn same_link(&mut self, a: &(Link, &Node, &Node), b: &(Link, &Node, &Node)) -> bool {
        if a.0 != b.0 {
            return false;
        }
        if self.same(a.1, b.1) && self.same(a.2, b.2) {
            return true;
        }
        // `CD ∥ AB` is `AB ∥ CD`, of lines and of what is drawn over their points.
        if let Link::Other("parallel" | "perp" | "sim" | "approx" | "equiv") = a.0 {
            let [a, b] = [a, b].map(|link| [line(link.1), line(link.2)]);
            return self.same(a[0], b[0]) && self.same(a[1], b[1])
                || self.same(a[0], b[1]) && self.same(a[1], b[0]);
        }
        // `2x = 10` is not yet the answer `x = 5`.
        if matches!(a.0, Link::Other(_)) || solved(b) && !solved(a) {
            return false;
        }
        // Between constants an equation is true or false; a false one is no multiple of another.
        let constant = |link: &(Link, &Node, &Node)| link.1.is_constant() && link.2.is_constant();
        if constant(a) || constant(b) {
            return false;
        }
        // The differences of the sides are multiples of each other; of an inequality, positive ones.
        match self.ratio_of_differences(a, b) {
            Ok(Some(ratio)) => matches!(a.0, Link::Equal | Link::NotEqual) || !ratio.is_negative(),
            _ => false,
        }
    }

    fn ratio_of_differences(
        &mut self,
        a: &(Link, &Node, &Node),
        b: &(Link, &Node, &Node),
    ) -> Bounded<Option<Rational>> {
        let mut difference = |x: &(Link, &Node, &Node)| {
            let (left, right) = (
                canonical(x.1, self.percent, &mut self.work.budget)?,
                canonical(x.2, self.percent, &mut self.work.budget)?,
            );
            left.sub(&right, &mut self.work.budget)
        };
        let (a, b) = (difference(a)?, difference(b)?);
        if a.num.is_zero() || b.num.is_zero() {
            return Ok(None);
        }
        Ok(a.div(&b, &mut self.work.budget)?.as_rational())
    }
}

/// The points of `\overline{AB}` in a relation of lines.
fn line(node: &Node) -> &Node {
    match node {
        Node::Call(name, args) if args.len() == 1 && name.starts_with("over") => &args[0],
        node => node,
    }
}

fn x_axis() -> Node {
    Node::Symbol("x".into())
}

/// The neighbours in a chain, the smaller side first.
pub(crate) fn links(relation: &Node) -> Option<Vec<(Link, &Node, &Node)>> {
    let Node::Relation(first, rest) = relation else {
        return None;
    };
    let mut left = first.as_ref();
    let mut out = Vec::with_capacity(rest.len());
    for (relation, right) in rest {
        out.push(match relation {
            Relation::Equal => (Link::Equal, left, right),
            Relation::NotEqual => (Link::NotEqual, left, right),
            Relation::Less => (Link::Less, left, right),
            Relation::LessEqual => (Link::LessEqual, left, right),
            Relation::Greater => (Link::Less, right, left),
            Relation::GreaterEqual => (Link::LessEqual, right, left),
            Relation::Approximate => (Link::Other("approx"), left, right),
            Relation::In => (Link::Other("in"), left, right),
            Relation::Other(name) => (Link::Other(name), left, right),
        });
        left = right;
    }
    Some(out)
}

/// An inequality for one variable as an interval: ends, and whether they belong to it.
fn interval(relation: &Node) -> Option<(Node, bool, Node, bool)> {
    let links = links(relation)?;
    if !links
        .iter()
        .all(|(link, ..)| matches!(link, Link::Less | Link::LessEqual))
    {
        return None;
    }
    let closed = |link: Link| link == Link::LessEqual;
    let infinity = || Node::Negative(Box::new(Node::Infinity));
    match links.as_slice() {
        [(link, low, Node::Symbol(_))] => {
            Some(((*low).clone(), closed(*link), Node::Infinity, false))
        }
        [(link, Node::Symbol(_), high)] => {
            Some((infinity(), false, (*high).clone(), closed(*link)))
        }
        [(l, low, x), (h, y, high)] | [(h, y, high), (l, low, x)]
            if x == y && is_name(x) && !matches!(x, Node::Bracket(..)) =>
        {
            Some(((*low).clone(), closed(*l), (*high).clone(), closed(*h)))
        }
        _ => None,
    }
}
