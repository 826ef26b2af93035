//! Rational approximations of real constants: for signs and for the tolerance only, never for equality.

use crate::exponent::Exponent;
use crate::number::{Bounded, Budget, Rational, Stop};
use crate::poly::{Atom, Poly, Quotient};
use num_bigint::{BigInt, BigUint};
use std::cmp::Ordering;

/// Decimal digits that are kept after each step.
const DIGITS: u32 = 60;
const PI: &str = "3.14159265358979323846264338327950288419716939937510582097494459";
const EULER: &str = "2.71828182845904523536028747135266249775724709369995957496696763";

/// A rational near the value of a form without symbols, good to far more than 20 digits.
pub fn approximate(value: &Quotient, budget: &mut Budget) -> Bounded<Rational> {
    let (num, den) = (poly(&value.num, budget)?, poly(&value.den, budget)?);
    Ok(num.div(&den, budget)?.approximate(DIGITS))
}

/// The sign, unless the value is too near to zero to tell or is no known real number.
pub fn sign(value: &Quotient, budget: &mut Budget) -> Bounded<Option<Ordering>> {
    let Ok(value) = approximate(value, budget) else {
        return Ok(None);
    };
    let threshold = Rational::parse("1e-25").ok_or(Stop::Undefined)?;
    Ok(match value.abs().compare(&threshold) {
        Ordering::Greater => Some(value.compare(&Rational::zero())),
        _ => None,
    })
}

fn poly(value: &Poly, budget: &mut Budget) -> Bounded<Rational> {
    budget.spend(20)?;
    let mut sum = Rational::zero();
    for (mono, coefficient) in &value.terms {
        let mut term = coefficient.clone();
        for (atom, exponent) in mono {
            term = term.mul(&atom_power(atom, *exponent, budget)?, budget)?;
        }
        sum = sum.add(&term, budget)?;
    }
    Ok(sum)
}

fn atom_power(atom: &Atom, exponent: Exponent, budget: &mut Budget) -> Bounded<Rational> {
    budget.spend(20)?;
    let base = match atom {
        Atom::Prime(prime) => Rational::integer(BigInt::from(prime.clone())),
        Atom::Pi => Rational::parse(PI).ok_or(Stop::Undefined)?,
        Atom::Euler => Rational::parse(EULER).ok_or(Stop::Undefined)?,
        Atom::Root(base) => {
            let base = poly(base, budget)?;
            if base.is_negative() {
                return Err(Stop::Undefined);
            }
            base
        }
        _ => return Err(Stop::Undefined),
    };
    let base = base.approximate(DIGITS);
    let base = if exponent.den == 1 {
        base
    } else {
        nth_root(&base, exponent.den)?
    };
    Ok(base.pow(exponent.num, budget)?.approximate(DIGITS))
}

/// The `degree`-th root, rounded towards zero in the last digit kept.
fn nth_root(value: &Rational, degree: i64) -> Bounded<Rational> {
    let degree = u32::try_from(degree).map_err(|_| Stop::TooBig)?;
    if degree > 16 {
        return Err(Stop::TooBig);
    }
    let scale = BigUint::from(10u32).pow(DIGITS * degree);
    let scaled = value.numerator().magnitude() * scale / value.denominator();
    let root = scaled.nth_root(degree);
    Rational::new(root.into(), BigUint::from(10u32).pow(DIGITS).into()).ok_or(Stop::Undefined)
}
