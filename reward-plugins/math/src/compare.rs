//! Decides whether two answers are the same: structure first, exact values at the leaves.
//!
//! A doubtful case is not equal.

use crate::canonical::{Percent, canonical};
use crate::names::{by_name, grouped, is_point, numbered, several_names, values};
use crate::number::{Bounded, Budget, Rational, Stop};
use crate::params::{Arithmetic, Options, PercentRule};
use crate::poly::Quotient;
use crate::rewrite::{expanded, scaled, summed};
use crate::syntax::Node;
use crate::work::Left;
use crate::{approx, ellipsis, measure, modular, region, rounding, trigonometry, valueless};
use num_integer::Integer;
use num_traits::One;
use std::cmp::Ordering;

/// Lists of more items than this are not compared.
pub(crate) const MAX_ITEMS: usize = 64;
/// Comparisons of parts that one judgement may make: nested sets would square them at each level.
const MAX_STEPS: u32 = 10_000;
/// Comparisons at points modulo primes that one judgement may make.
const MAX_MODULAR: u32 = 40;

pub(crate) struct Comparer<'a> {
    pub(crate) options: &'a Options,
    pub(crate) work: &'a mut Left,
    pub(crate) percent: Percent,
    /// Are there dots in one of the answers?
    open: bool,
    seed: u64,
    fields: Option<modular::Fields>,
    steps: u32,
    modular: u32,
}

/// Is the response's answer the reference? The seed draws the primes and points of the modular test.
pub fn equal(response: &Node, reference: &Node, options: &Options, seed: u64) -> bool {
    if options.arithmetic == Arithmetic::Reject
        && response.is_unfinished()
        && !reference.is_unfinished()
    {
        return false;
    }
    if valueless::is(reference) || valueless::is(response) {
        return false;
    }
    let open = ellipsis::occurs(response) || ellipsis::occurs(reference);
    let readings: &[Percent] = match options.percent {
        // A sign that the reference leaves out says how its number is to be read.
        PercentRule::Auto
            if response.has_percent() && !reference.has_percent() && counts_percent(reference) =>
        {
            &[Percent::Value, Percent::Strip]
        }
        PercentRule::Auto | PercentRule::Value => &[Percent::Value],
        PercentRule::Strip => &[Percent::Strip],
        PercentRule::Either => &[Percent::Value, Percent::Strip],
    };
    let mut work = options.work.left();
    readings.iter().any(|&percent| {
        let mut comparer = Comparer {
            options,
            work: &mut work,
            percent,
            open,
            seed,
            fields: None,
            steps: MAX_STEPS,
            modular: MAX_MODULAR,
        };
        comparer.same(response, reference) || comparer.repeats(response, reference)
    })
}

/// May a reference without a percent sign be a number of percent? One below 1 is a share.
fn counts_percent(reference: &Node) -> bool {
    match reference {
        Node::Number(value) => value.abs().compare(&Rational::one()) != Ordering::Less,
        Node::Symbol(_) => true,
        Node::List(_) | Node::Set(_) | Node::Bracket(..) | Node::Relation(..) => {
            reference.children().into_iter().all(counts_percent)
        }
        value => canonical(value, Percent::Value, &mut Budget::of(100))
            .ok()
            .and_then(|value| value.as_rational())
            .is_some_and(|value| value.abs().compare(&Rational::one()) != Ordering::Less),
    }
}

impl Comparer<'_> {
    pub(crate) fn same(&mut self, a: &Node, b: &Node) -> bool {
        let Some(left) = self.steps.checked_sub(1) else {
            return false;
        };
        self.steps = left;
        if a == b {
            return true;
        }
        if self.open && (ellipsis::occurs(a) || ellipsis::occurs(b)) {
            return self.same_places(a, b);
        }
        // Lists of numbers need no more than this.
        if self.options.tolerance.is_zero()
            && let (Some(a), Some(b)) = (a.exact(), b.exact())
            && (a == b || !rounding::is_endless(&a) && !rounding::is_endless(&b))
        {
            return a == b;
        }
        if let Some(result) = self.same_points(a, b) {
            return result;
        }
        if let Some(a) = expanded(a) {
            return self.same(&a, b);
        }
        if let Some(b) = expanded(b) {
            return self.same(a, &b);
        }
        if let Some(a) = scaled(a).or_else(|| summed(a)) {
            return self.same(&a, b);
        }
        if let Some(b) = scaled(b).or_else(|| summed(b)) {
            return self.same(a, &b);
        }
        self.same_structure(a, b)
            || region::is_region(a) && region::is_region(b) && self.same_region(a, b)
    }

    /// Pairs of named values as points, `p = 5, q = 2; p = 7, q = 2`. Nothing where neither side is such a list.
    fn same_points(&mut self, a: &Node, b: &Node) -> Option<bool> {
        match (grouped(a), grouped(b)) {
            (None, None) => None,
            (Some((x, x_names)), Some((y, y_names))) => {
                Some(x_names == y_names && self.same(&Node::List(x), &Node::List(y)))
            }
            (Some((points, _)), None) => Some(self.same(&Node::List(points), b)),
            (None, Some((points, _))) => Some(self.same(a, &Node::List(points))),
        }
    }

    /// Is an answer of several items the reference again and again, `11/6 or 1 5/6`?
    fn repeats(&mut self, response: &Node, reference: &Node) -> bool {
        match (response, reference) {
            (_, Node::List(_) | Node::Set(_) | Node::SetOperation(..)) => false,
            (Node::List(items), reference) => {
                // `2, 2` are two of them.
                let distinct = (1..items.len()).all(|i| !items[..i].contains(&items[i]));
                distinct && items.len() <= 4 && items.iter().all(|item| self.same(item, reference))
            }
            _ => false,
        }
    }

    fn same_region(&mut self, a: &Node, b: &Node) -> bool {
        // Two intervals are compared end by end, so that their units and tolerance count.
        if matches!(
            (a, b),
            (Node::Bracket(..), Node::Bracket(..)) | (Node::Set(_), Node::Set(_))
        ) {
            return false;
        }
        let mut reader = region::Reader {
            percent: self.percent,
            budget: &mut self.work.budget,
            solved: true,
        };
        reader.same(a, b).unwrap_or(false)
    }

    fn same_structure(&mut self, a: &Node, b: &Node) -> bool {
        match (a, b) {
            (Node::Relation(..), Node::Relation(..)) => self.same_relation(a, b),
            (Node::Relation(..), other) => self.same_as_value(a, other) || self.answers(a, other),
            (other, Node::Relation(..)) => self.same_as_value(b, other),
            // `x = 2, y = 3` against `(2, 3)`: the names in order of the alphabet.
            (Node::List(x), Node::Bracket('(', ')', y))
            | (Node::Bracket('(', ')', y), Node::List(x))
                if several_names(x) =>
            {
                by_name(x).is_some_and(|x| self.each_of(&x, y))
            }
            // `x_1 = 2, x_2 = 3` against `x = 2 or x = 3`: the numbers only tell the roots apart.
            (Node::List(x), Node::List(y)) if numbered(x).is_some() != numbered(y).is_some() => {
                let (x, y) = (
                    numbered(x).or_else(|| values(x)),
                    numbered(y).or_else(|| values(y)),
                );
                x.zip(y).is_some_and(|(x, y)| self.matched(&x, &y))
            }
            // `x = 1, y = 2` against `1, 2`: only the order says which is which.
            (Node::List(x), Node::List(y))
                if self.options.ordered || several_names(x) != several_names(y) =>
            {
                self.each(x, y)
            }
            // Solutions that are points are a set: one given twice is one.
            (Node::List(x), Node::List(y)) if are_points(x) && are_points(y) => {
                self.included(x, y) && self.included(y, x)
            }
            (Node::List(x) | Node::SetOperation("or", x), Node::List(y))
            | (Node::List(x), Node::SetOperation("or", y)) => self.matched(x, y),
            (Node::List(x) | Node::Set(x), Node::List(y) | Node::Set(y)) => {
                self.included(x, y) && self.included(y, x)
            }
            (Node::Set(x), other) | (other, Node::Set(x)) => match x.as_slice() {
                [x] if !matches!(other, Node::Bracket(..) | Node::SetOperation(..)) => {
                    self.same(x, other)
                }
                _ => false,
            },
            // A vector in angle brackets may stand in round ones.
            (Node::Bracket(o1, c1, x), Node::Bracket(o2, c2, y)) => {
                let round = |open: &char, close: &char| match (open, close) {
                    ('<', '>') => ('(', ')'),
                    other => (*other.0, *other.1),
                };
                round(o1, c1) == round(o2, c2) && self.each(x, y)
            }
            // `P(3, 4)` is the point (3, 4).
            (Node::Call(name, x), Node::Bracket('(', ')', y))
            | (Node::Bracket('(', ')', y), Node::Call(name, x)) => {
                is_point(name) && self.each(x, y)
            }
            (Node::Call(name, x), Node::Call(other, y))
                if is_point(name) && is_point(other) && x.len() > 1 =>
            {
                name == other && self.each(x, y) || self.same_value(a, b)
            }
            (Node::Matrix(false, rows), Node::Bracket(open, close, items))
            | (Node::Bracket(open, close, items), Node::Matrix(false, rows)) => {
                self.same_matrix(rows, (*open, *close), items)
            }
            // Intervals joined by a word are their union where the other side is one.
            (Node::SetOperation("cup", x), Node::List(y))
            | (Node::List(y), Node::SetOperation("cup", x))
                if y.iter()
                    .all(|item| matches!(item, Node::Bracket(_, _, ends) if ends.len() == 2)) =>
            {
                self.matched(x, y)
            }
            (Node::SetOperation(n1, x), Node::SetOperation(n2, y)) => {
                n1 == n2
                    && if *n1 == "setminus" {
                        self.each(x, y)
                    } else {
                        self.matched(x, y)
                    }
            }
            (Node::Proportion(x), Node::Proportion(y)) => self.each(x, y),
            // `2/3` is `2:3`, which can't be cancelled.
            (Node::Proportion(x), value) | (value, Node::Proportion(x)) => match x.as_slice() {
                [Node::Number(above), Node::Number(below)]
                    if above.is_integer()
                        && below.is_integer()
                        && !below.is_one()
                        && above.numerator().gcd(below.numerator()).is_one() =>
                {
                    let numbers = [(false, above), (true, below)];
                    let numbers = numbers.map(|(divided, n)| (divided, Node::Number(n.clone())));
                    value.is_constant() && self.same_value(&Node::Product(numbers.into()), value)
                }
                _ => self.same_value(a, b),
            },
            (Node::Matrix(d1, x), Node::Matrix(d2, y)) => {
                d1 == d2 && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| self.each(x, y))
            }
            _ => self.same_value(a, b),
        }
    }

    /// A matrix against brackets: a column is a vector, and `[[1, 2], [3, 4]]` is a matrix.
    fn same_matrix(&mut self, rows: &[Vec<Node>], brackets: (char, char), items: &[Node]) -> bool {
        match brackets {
            ('(', ')') | ('<', '>') => {
                let column: Option<Vec<&Node>> = rows
                    .iter()
                    .map(|row| match row.as_slice() {
                        [item] => Some(item),
                        _ => None,
                    })
                    .collect();
                column.is_some_and(|column| self.each_of(&column, items))
            }
            ('[', ']') => {
                rows.len() == items.len()
                    && rows.iter().zip(items).all(|(row, item)| match item {
                        Node::Bracket('[', ']', item) => self.each(row, item),
                        _ => false,
                    })
            }
            _ => false,
        }
    }

    fn each_of(&mut self, x: &[&Node], y: &[Node]) -> bool {
        x.len() == y.len() && x.len() <= MAX_ITEMS && x.iter().zip(y).all(|(x, y)| self.same(x, y))
    }

    pub(crate) fn each(&mut self, x: &[Node], y: &[Node]) -> bool {
        x.len() == y.len() && x.len() <= MAX_ITEMS && x.iter().zip(y).all(|(x, y)| self.same(x, y))
    }

    /// Equal as multisets.
    fn matched(&mut self, x: &[Node], y: &[Node]) -> bool {
        if x.len() != y.len() || x.len() > MAX_ITEMS {
            return false;
        }
        let mut free: Vec<&Node> = y.iter().collect();
        x.iter()
            .all(|x| match free.iter().position(|y| self.same(x, y)) {
                Some(i) => {
                    free.remove(i);
                    true
                }
                None => false,
            })
    }

    /// Is each of `x` one of `y`?
    fn included(&mut self, x: &[Node], y: &[Node]) -> bool {
        x.len() <= MAX_ITEMS
            && y.len() <= MAX_ITEMS
            && x.iter().all(|x| y.iter().any(|y| self.same(x, y)))
    }

    /// Two expressions, or things that only their own spelling equals.
    pub(crate) fn same_value(&mut self, a: &Node, b: &Node) -> bool {
        if a == b {
            return true;
        }
        let x = canonical(a, self.percent, &mut self.work.budget);
        let y = canonical(b, self.percent, &mut self.work.budget);
        let equal = match (x, y) {
            (Ok(x), Ok(y)) => {
                let decimal = rounding::is_decimal(a) || rounding::is_decimal(b);
                self.same_quotient(&x, &y, decimal)
            }
            (Err(Stop::TooBig), _) | (_, Err(Stop::TooBig)) => Err(Stop::TooBig),
            _ => Ok(false),
        };
        // `sin²x + cos²x = 1` and the like hold at all points of the circle.
        let identity = || trigonometry::occurs(a) || trigonometry::occurs(b);
        let undecided = match equal {
            Ok(true) => return true,
            Ok(false) => identity(),
            Err(stop) => stop == Stop::TooBig,
        };
        if !undecided || self.modular == 0 {
            return false;
        }
        self.modular -= 1;
        let primes = if self.fields.is_none() {
            modular::PRIMES_COST
        } else {
            0
        };
        let cost = modular::cost(a).saturating_add(modular::cost(b));
        if !self.work.evaluates(cost.saturating_add(primes)) {
            return false;
        }
        let seed = self.seed;
        let fields = self.fields.get_or_insert_with(|| modular::Fields::of(seed));
        fields.agree(a, b, self.percent)
    }

    fn same_quotient(
        &mut self,
        response: &Quotient,
        reference: &Quotient,
        decimal: bool,
    ) -> Bounded<bool> {
        if response.equals(reference, &mut self.work.budget)? {
            return Ok(true);
        }
        let (a, b) = (
            measure::with_any_base(response, &mut self.work.budget)?,
            measure::with_any_base(reference, &mut self.work.budget)?,
        );
        if a.is_some() || b.is_some() {
            let (a, b) = (
                a.as_ref().unwrap_or(response),
                b.as_ref().unwrap_or(reference),
            );
            return a.equals(b, &mut self.work.budget);
        }
        let pairs = measure::comparable(
            response,
            reference,
            self.options.units,
            &mut self.work.budget,
        )?;
        for (x, y) in pairs {
            if x.equals(&y, &mut self.work.budget)?
                || self.within_tolerance(&x, &y)?
                || decimal && self.rounds(&x, &y)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Is one the other, whose decimals don't end, rightly rounded?
    fn rounds(&mut self, a: &Quotient, b: &Quotient) -> Bounded<bool> {
        let least = self.options.decimals;
        let (own, Some(b), true) = (a.as_rational(), b.as_rational(), least > 0) else {
            return Ok(false);
        };
        let budget = &mut self.work.budget;
        let Some(a) = own else {
            // A reference may be a root rightly rounded; an answer has to be the root.
            return match approx::approximate(a, budget) {
                Ok(a) => rounding::fits(&b, &a, least, budget),
                Err(_) => Ok(false),
            };
        };
        Ok(rounding::rounds(&a, &b, least, budget)? || rounding::rounds(&b, &a, least, budget)?)
    }

    /// `|response − reference| ≤ tolerance · |reference|`.
    fn within_tolerance(&mut self, response: &Quotient, reference: &Quotient) -> Bounded<bool> {
        if self.options.tolerance.is_zero() {
            return Ok(false);
        }
        let value = |q: &Quotient, budget: &mut Budget| match q.as_rational() {
            Some(value) => Ok(value),
            None => approx::approximate(q, budget),
        };
        let (Ok(x), Ok(y)) = (
            value(response, &mut self.work.budget),
            value(reference, &mut self.work.budget),
        ) else {
            return Ok(false);
        };
        let distance = x.sub(&y, &mut self.work.budget)?.abs();
        let allowed = y
            .abs()
            .mul(&self.options.tolerance, &mut self.work.budget)?;
        Ok(distance.compare(&allowed) != Ordering::Greater)
    }
}

fn are_points(items: &[Node]) -> bool {
    items
        .iter()
        .all(|item| matches!(item, Node::Bracket('(', ')', _)))
}

/// The share of items that two lists or sets have in common, of those of the longer one.
pub fn shared(response: &Node, reference: &Node, options: &Options) -> f64 {
    let (Node::List(x) | Node::Set(x), Node::List(y) | Node::Set(y)) = (response, reference) else {
        return 0.0;
    };
    let open = x.iter().chain(y).any(ellipsis::occurs);
    if open
        || several_names(x)
        || several_names(y)
        || x.len().max(y.len()) > MAX_ITEMS
        || y.is_empty()
    {
        return 0.0;
    }
    let mut free: Vec<&Node> = y.iter().collect();
    let mut common = 0;
    for x in x {
        if let Some(i) = free.iter().position(|y| equal(x, y, options, 0)) {
            free.remove(i);
            common += 1;
        }
    }
    f64::from(common) / x.len().max(y.len()) as f64
}
