//! Decimals that stand for fractions whose decimals do not end: `0.333333` for 1/3.

use crate::number::{Bounded, Budget, Rational};
use crate::syntax::Node;
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::{One, Zero};
use std::cmp::Ordering;

/// Most decimals that are looked at.
pub(crate) const MAX_DECIMALS: u32 = 60;

/// Is it written as a decimal, with or without sign, percent sign and unit?
pub(crate) fn is_decimal(node: &Node) -> bool {
    match node {
        Node::Number(value) => !value.is_integer(),
        Node::Negative(inner) | Node::Percent(inner) => is_decimal(inner),
        Node::Product(items) => {
            let unit = |node: &Node| match node {
                Node::Power(base, _) => matches!(base.as_ref(), Node::Unit(_)),
                node => matches!(node, Node::Unit(_)),
            };
            matches!(items.first(), Some((false, value)) if is_decimal(value))
                && items[1..].iter().all(|(_, item)| unit(item))
        }
        _ => false,
    }
}

/// Do the decimals of a number never end?
pub(crate) fn is_endless(value: &Rational) -> bool {
    let mut rest = value.denominator().clone();
    for prime in [2_u32, 5] {
        while !rest.is_one() && rest.is_multiple_of(&prime.into()) {
            rest /= prime;
        }
    }
    !rest.is_one()
}

/// Is `decimal` the number `exact`, whose decimals don't end, rightly rounded to `least` decimals or more?
///
/// Half of the decimals and one more have to be significant: six zeros are no decimals of a small number.
pub(crate) fn rounds(
    decimal: &Rational,
    exact: &Rational,
    least: u32,
    budget: &mut Budget,
) -> Bounded<bool> {
    Ok(is_endless(exact) && fits(decimal, exact, least, budget)?)
}

/// As [`rounds`], for any number beside the decimal.
pub(crate) fn fits(
    decimal: &Rational,
    exact: &Rational,
    least: u32,
    budget: &mut Budget,
) -> Bounded<bool> {
    if decimal.denominator().is_zero() {
        return Ok(false);
    }
    let ten = BigUint::from(10_u32);
    let mut digits = 0;
    let mut scale = BigUint::one();
    while !scale.is_multiple_of(decimal.denominator()) {
        digits += 1;
        if digits > MAX_DECIMALS {
            return Ok(false);
        }
        scale *= &ten;
    }
    let scale = Rational::integer(scale);
    let shifted = decimal.mul(&scale, budget)?;
    let significant = shifted.numerator().magnitude().to_string().len();
    let distance = exact.mul(&scale, budget)?.sub(&shifted, budget)?.abs();
    let half = Rational::ratio(1, 2).unwrap_or_else(Rational::zero);
    Ok(digits >= least
        && significant > least as usize / 2
        && distance.compare(&half) == Ordering::Less)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_rightly_rounded() {
        for (decimal, exact, least, expected) in [
            ("0.333333", (1, 3), 6, true),
            ("0.33333", (1, 3), 6, false),
            ("0.333334", (1, 3), 6, false),
            ("0.666667", (2, 3), 6, true),
            ("0.666666", (2, 3), 6, false),
            ("-3.142857", (-22, 7), 6, true),
            ("0.083333", (1, 12), 6, true),
            ("0.000001", (1, 999_999), 6, false),
            ("0.33", (1, 3), 2, true),
            ("0.5", (1, 2), 1, false),
            ("0.000977", (1, 1024), 6, false),
        ] {
            let exact = Rational::ratio(exact.0, exact.1).expect("a fraction");
            let decimal = Rational::parse(decimal).expect("a decimal");
            let found = rounds(&decimal, &exact, least, &mut Budget::of(1000));
            assert_eq!(found, Ok(expected), "{decimal:?} for {exact:?}");
        }
    }
}
