//! Brings a syntax tree into its canonical form, or stops at the bounds.

use crate::approx;
use crate::exponent::Exponent;
use crate::number::{Bounded, Budget, Rational, Stop};
use crate::poly::{Atom, Quotient};
use crate::power::{logarithm, power, root};
use crate::series;
use crate::syntax::Node;
use num_integer::Integer;

/// How percent signs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percent {
    /// 50% is 1/2.
    Value,
    /// 50% is 50.
    Strip,
}

/// The canonical form of an expression.
pub fn canonical(node: &Node, percent: Percent, budget: &mut Budget) -> Bounded<Quotient> {
    budget.spend(1)?;
    match node {
        Node::Number(value) => Ok(Quotient::rational(value.clone())),
        Node::Symbol(name) => Ok(Quotient::atom(match name.as_str() {
            "pi" => Atom::Pi,
            "e" => Atom::Euler,
            "i" => Atom::Imaginary,
            other => Atom::Symbol(other.into()),
        })),
        Node::Unit(name) => Ok(Quotient::atom(Atom::Unit(name.clone()))),
        Node::Sum(items) => {
            let mut sum = Quotient::rational(Rational::zero());
            for item in items {
                sum = sum.add(&canonical(item, percent, budget)?, budget)?;
            }
            Ok(sum)
        }
        Node::Negative(inner) => Ok(canonical(inner, percent, budget)?.neg()),
        Node::Product(items) => {
            let mut product: Option<Quotient> = None;
            for (divided, item) in items {
                let mut value = canonical(item, percent, budget)?;
                if *divided {
                    value = value.inverse(budget)?;
                }
                product = Some(match product {
                    Some(product) => product.mul(&value, budget)?,
                    None => value,
                });
            }
            product.ok_or(Stop::Undefined)
        }
        Node::Power(base, exponent) => {
            let exponent = canonical(exponent, percent, budget)?;
            if matches!(base.as_ref(), Node::Symbol(name) if name == "e")
                && let Some(turn) = imaginary_turn(&exponent)
                && let Some(value) = on_circle(&turn, budget)?
            {
                return Ok(value);
            }
            // The base only counts to a power that exists: 0^0 does not.
            power(&canonical(base, percent, budget)?, &exponent, budget)
        }
        Node::Root(inner, degree) => {
            // The root of a square that would be written out in it, √((x − 1)²).
            if let (2, Node::Power(base, exponent)) = (*degree, inner.as_ref())
                && let Node::Number(exponent) = exponent.as_ref()
                && let Some(half) = exponent
                    .to_i64()
                    .filter(|n| *n > 0 && n % 2 == 0)
                    .map(|n| n / 2)
                && let base = canonical(base, percent, budget)?
                && !base.is_constant()
                && !base.num.has_complex()
            {
                let even = base.pow(half - half % 2, budget)?;
                return match half % 2 {
                    0 => Ok(even),
                    _ => even.mul(&absolute(&base, budget)?, budget),
                };
            }
            root(&canonical(inner, percent, budget)?, *degree, budget)
        }
        Node::Percent(inner) => {
            let value = canonical(inner, percent, budget)?;
            match percent {
                Percent::Value => value.mul(
                    &Quotient::rational(Rational::ratio(1, 100).ok_or(Stop::Undefined)?),
                    budget,
                ),
                Percent::Strip => Ok(value),
            }
        }
        Node::Call(name, args) if matches!(name.as_str(), "sum" | "prod") => {
            series::value(name, args, percent, budget)
        }
        Node::Call(name, args) => {
            let args = args
                .iter()
                .map(|arg| canonical(arg, percent, budget))
                .collect::<Bounded<Vec<_>>>()?;
            call(name, args, budget)
        }
        _ => Err(Stop::Undefined),
    }
}

fn call(name: &str, mut args: Vec<Quotient>, budget: &mut Budget) -> Bounded<Quotient> {
    if matches!(name, "gcd" | "lcm" | "max" | "min") {
        args.sort();
    }
    let rationals: Option<Vec<Rational>> = args.iter().map(Quotient::as_rational).collect();
    let known = match (name, args.as_slice()) {
        ("abs", [x]) => Some(absolute(x, budget)?),
        // The logarithm to the base ten by its own name.
        ("lg", [x]) => {
            let ten = Quotient::rational(Rational::integer(10));
            Some(call("log", vec![ten, x.clone()], budget)?)
        }
        ("ln", [x]) => logarithm(x, true, budget)?,
        ("log", [x]) => logarithm(x, false, budget)?,
        ("log", [base, x]) => match (logarithm(base, true, budget)?, logarithm(x, true, budget)?) {
            (Some(base), Some(x)) => Some(x.div(&base, budget)?),
            _ => None,
        },
        ("exp", [x]) => Some(power(&Quotient::atom(Atom::Euler), x, budget)?),
        ("sin" | "cos" | "tan", [x]) => trigonometric(name, x, budget)?,
        ("arcsin" | "arccos" | "arctan", [x]) => inverse_trigonometric(name, x, budget)?,
        _ => None,
    };
    if let Some(value) = known {
        return Ok(value);
    }
    // `n` over a small number is a polynomial.
    if let ("binom", [n, k]) = (name, args.as_slice())
        && n.as_rational().is_none()
        && let Some(k) = k.as_rational().and_then(|k| k.to_i64())
        && (1..=8).contains(&k)
    {
        let mut product = Quotient::rational(Rational::one());
        for i in 0..k {
            let less = Quotient::rational(Rational::integer(i));
            product = product.mul(&n.sub(&less, budget)?, budget)?;
        }
        let ways = Quotient::rational(falling(k, k, budget)?);
        return product.div(&ways, budget);
    }
    // `(n + 2)!` is `(n + 2)(n + 1) n!`.
    if let ("factorial", [n], None) = (name, args.as_slice(), &rationals)
        && let Some(value) = stepped(n, budget)?
    {
        return Ok(value);
    }
    if let ("binom", [n, k], None) = (name, args.as_slice(), &rationals)
        && n.as_rational()
            .is_none_or(|n| n.to_i64().is_some_and(|n| (0..=20).contains(&n)))
    {
        let of = |x: Quotient, budget: &mut Budget| call("factorial", vec![x], budget);
        let all = of(n.clone(), budget)?;
        let rest = n.sub(k, budget)?;
        let ways = of(k.clone(), budget)?.mul(&of(rest, budget)?, budget)?;
        return all.div(&ways, budget);
    }
    // A residue stays beside its modulus.
    if let ("mod", Some([a, m])) = (name, rationals.as_deref())
        && a.is_integer()
        && m.is_integer()
        && !m.is_zero()
    {
        let residue = Rational::integer(a.numerator().mod_floor(m.numerator()));
        let args = [residue, m.clone()].map(Quotient::rational);
        return Ok(Quotient::atom(Atom::Call(name.into(), args.into())));
    }
    if let Some(value) = rationals.and_then(|values| whole_function(name, &values, budget)) {
        return Ok(Quotient::rational(value?));
    }
    Ok(Quotient::atom(Atom::Call(name.into(), args)))
}

fn absolute(x: &Quotient, budget: &mut Budget) -> Bounded<Quotient> {
    if let Some(value) = x.as_rational() {
        return Ok(Quotient::rational(value.abs()));
    }
    match approx::sign(x, budget)? {
        Some(std::cmp::Ordering::Less) => Ok(x.neg()),
        Some(std::cmp::Ordering::Greater) => Ok(x.clone()),
        _ => crate::power::absolute(x, budget),
    }
}

/// The factorial of a sum with a small whole number in it, by that of the rest.
fn stepped(n: &Quotient, budget: &mut Budget) -> Bounded<Option<Quotient>> {
    let steps = n.num.terms.get(&crate::poly::Mono::new());
    let Some(steps) = steps.filter(|_| n.is_whole()).and_then(Rational::to_i64) else {
        return Ok(None);
    };
    // Of `−n + 5` the rest would be no number that has a factorial.
    let rises = n
        .num
        .terms
        .iter()
        .all(|(mono, factor)| mono.is_empty() || !factor.is_negative());
    if !rises || steps == 0 || steps.abs() > 8 {
        return Ok(None);
    }
    let rest = n.sub(&Quotient::rational(Rational::integer(steps)), budget)?;
    let mut value = Quotient::atom(Atom::Call("factorial".into(), vec![rest.clone()]));
    for i in 0..steps.abs() {
        let by = if steps > 0 { i + 1 } else { -i };
        let factor = rest.add(&Quotient::rational(Rational::integer(by)), budget)?;
        value = if steps > 0 {
            value.mul(&factor, budget)?
        } else {
            value.div(&factor, budget)?
        };
    }
    Ok(Some(value))
}

/// Functions of whole numbers.
fn whole_function(name: &str, args: &[Rational], budget: &mut Budget) -> Option<Bounded<Rational>> {
    let small = |value: &Rational| value.to_i64().filter(|n| (0..=400).contains(n));
    match (name, args) {
        ("factorial", [n]) => Some(falling(small(n)?, small(n)?, budget)),
        ("binom" | "C", [n, k]) => {
            let (n, k) = (small(n)?, small(k)?);
            let value =
                falling(n, k, budget).and_then(|top| top.div(&falling(k, k, budget)?, budget));
            Some(value)
        }
        ("floor", [x]) => Some(Ok(Rational::integer(
            x.numerator().div_floor(&x.denominator().clone().into()),
        ))),
        ("ceil", [x]) => Some(Ok(Rational::integer(
            x.numerator().div_ceil(&x.denominator().clone().into()),
        ))),
        ("gcd" | "lcm", [a, b]) if a.is_integer() && b.is_integer() => {
            let (a, b) = (a.numerator(), b.numerator());
            Some(Ok(Rational::integer(if name == "gcd" {
                a.gcd(b)
            } else {
                a.lcm(b)
            })))
        }
        ("max" | "min", [first, rest @ ..]) => {
            let mut best = first;
            for value in rest {
                if (value.compare(best) == std::cmp::Ordering::Greater) == (name == "max") {
                    best = value;
                }
            }
            Some(Ok(best.clone()))
        }
        _ => None,
    }
}

/// `n · (n − 1) ⋯ (n − k + 1)`.
fn falling(n: i64, k: i64, budget: &mut Budget) -> Bounded<Rational> {
    let mut product = Rational::one();
    for i in 0..k {
        product = product.mul(&Rational::integer(n - i), budget)?;
    }
    Ok(product)
}

/// Sine, cosine and tangent at multiples of π/6 and π/4, also in degrees; nothing elsewhere.
fn trigonometric(name: &str, x: &Quotient, budget: &mut Budget) -> Bounded<Option<Quotient>> {
    let turn = if x.num.is_zero() {
        Rational::zero()
    } else {
        let Some((mono, coefficient)) = x.num.single().filter(|_| x.is_whole()) else {
            return Ok(None);
        };
        match mono.as_slice() {
            [(Atom::Pi, e)] if *e == Exponent::ONE => coefficient.clone(),
            [(Atom::Unit(unit), e)] if *e == Exponent::ONE && unit == "°" => {
                coefficient.mul(&Rational::ratio(1, 180).ok_or(Stop::Undefined)?, budget)?
            }
            _ => return Ok(None),
        }
    };
    let Some((sine, cosine)) = at_turn(&turn, budget)? else {
        return Ok(None);
    };
    match name {
        "sin" => Ok(Some(sine)),
        "cos" => Ok(Some(cosine)),
        _ => sine.div(&cosine, budget).map(Some),
    }
}

/// Sine and cosine of a multiple of π.
fn at_turn(turn: &Rational, budget: &mut Budget) -> Bounded<Option<(Quotient, Quotient)>> {
    // Twelfths of π, modulo a whole turn.
    let twelfths = turn.mul(&Rational::integer(12), budget)?;
    if !twelfths.is_integer() {
        return Ok(None);
    }
    let modulus: num_bigint::BigInt = 24.into();
    let Ok(k) = i64::try_from(twelfths.numerator().mod_floor(&modulus)) else {
        return Ok(None);
    };
    Ok(Some((sine(k, budget)?, sine((k + 6) % 24, budget)?)))
}

/// `t` of `e^{itπ}`.
fn imaginary_turn(exponent: &Quotient) -> Option<Rational> {
    let (mono, coefficient) = exponent.num.single().filter(|_| exponent.is_whole())?;
    match mono.as_slice() {
        [(Atom::Imaginary, a), (Atom::Pi, b)] if *a == Exponent::ONE && *b == Exponent::ONE => {
            Some(coefficient.clone())
        }
        _ => None,
    }
}

/// `cos tπ + i sin tπ`.
fn on_circle(turn: &Rational, budget: &mut Budget) -> Bounded<Option<Quotient>> {
    let Some((sine, cosine)) = at_turn(turn, budget)? else {
        return Ok(None);
    };
    let imaginary = Quotient::atom(Atom::Imaginary).mul(&sine, budget)?;
    cosine.add(&imaginary, budget).map(Some)
}

/// The angle, as a multiple of π, whose sine, cosine or tangent is known to be `x`; nothing elsewhere.
fn inverse_trigonometric(
    name: &str,
    x: &Quotient,
    budget: &mut Budget,
) -> Bounded<Option<Quotient>> {
    let range = match name {
        "arcsin" => -6..=6,
        "arccos" => 0..=12,
        _ => -5..=5,
    };
    for k in range {
        let k: i64 = k;
        let (sine, cosine) = (
            sine(k.rem_euclid(24), budget)?,
            sine((k + 6).rem_euclid(24), budget)?,
        );
        let value = match name {
            "arcsin" => sine,
            "arccos" => cosine,
            _ => sine.div(&cosine, budget)?,
        };
        if value.equals(x, budget)? {
            let turn = Quotient::rational(Rational::ratio(k, 12).ok_or(Stop::Undefined)?);
            return Quotient::atom(Atom::Pi).mul(&turn, budget).map(Some);
        }
    }
    Ok(None)
}

/// `sin(kπ/12)`.
fn sine(k: i64, budget: &mut Budget) -> Bounded<Quotient> {
    let (k, negative) = if k >= 12 { (k - 12, true) } else { (k, false) };
    // The square of the sine.
    let square = match k.min(12 - k) {
        0 => (0, 1),
        2 => (1, 4),
        3 => (1, 2),
        4 => (3, 4),
        6 => (1, 1),
        // (√6 ∓ √2) / 4
        near => {
            let of = |n: i64, budget: &mut Budget| {
                root(&Quotient::rational(Rational::integer(n)), 2, budget)
            };
            let (six, two) = (of(6, budget)?, of(2, budget)?);
            let sum = if near == 1 {
                six.sub(&two, budget)?
            } else {
                six.add(&two, budget)?
            };
            let quarter = Rational::ratio(1, 4).ok_or(Stop::Undefined)?;
            let value = sum.mul(&Quotient::rational(quarter), budget)?;
            return Ok(if negative { value.neg() } else { value });
        }
    };
    let square = Rational::ratio(square.0, square.1).ok_or(Stop::Undefined)?;
    let value = root(&Quotient::rational(square), 2, budget)?;
    Ok(if negative { value.neg() } else { value })
}
