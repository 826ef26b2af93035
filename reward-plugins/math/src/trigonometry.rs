//! Sine, cosine and the functions of them at points of the circle modulo a prime, so that identities such as
//! `sin²x + cos²x = 1` and `cos 2x = 1 − 2 sin²x` can be told.
//!
//! The monomials of an angle (`x`, `2x`, `ωt`) each turn by an angle of their own: a twelfth of each is a rational point of
//! the circle, `((1 − t²) / (1 + t²), 2t / (1 + t²))` with a drawn `t`, and multiples of it are powers. What holds for sines and
//! cosines as polynomials on the circle holds at each of these points, and what does not fails at nearly all.

use crate::canonical::{Percent, canonical};
use crate::exponent::Exponent;
use crate::number::{Budget, Rational, inverse_mod, mul_mod};
use crate::poly::Atom;
use crate::syntax::Node;

/// Parts of an angle that have a point of their own: halves, thirds and quarters of it are multiples of these.
const PARTS: i64 = 12;
/// Angles of more parts are not read.
const MAX_TURNS: u64 = 12 * 24;

pub(crate) fn is_function(name: &str) -> bool {
    matches!(name, "sin" | "cos" | "tan" | "cot" | "sec" | "csc")
}

/// Is one of these functions somewhere in an expression?
pub(crate) fn occurs(node: &Node) -> bool {
    matches!(node, Node::Call(name, _) if is_function(name)) || node.parts().into_iter().any(occurs)
}

/// Sine and cosine of an angle modulo a prime; nothing where a part of it is no multiple of a quarter turn or of a twelfth of
/// a monomial.
pub(crate) fn on_circle(
    angle: &Node,
    percent: Percent,
    prime: u64,
    drawn: impl Fn(&str) -> u64,
) -> Option<(u64, u64)> {
    let budget = &mut Budget::of(100);
    let angle = canonical(angle, percent, budget).ok()?;
    if !angle.is_whole() {
        return None;
    }
    let (mut sine, mut cosine) = (0, 1);
    for (mono, coefficient) in &angle.num.terms {
        let one = |exponent: &Exponent| *exponent == Exponent::ONE;
        let part = match mono.as_slice() {
            [(Atom::Pi, exponent)] if one(exponent) => {
                quarters(&coefficient.mul(&Rational::integer(2), budget).ok()?, prime)?
            }
            [(Atom::Unit(unit), exponent)] if unit == "°" && one(exponent) => quarters(
                &coefficient.div(&Rational::integer(90), budget).ok()?,
                prime,
            )?,
            mono if mono
                .iter()
                .all(|(atom, _)| matches!(atom, Atom::Pi | Atom::Euler | Atom::Symbol(_))) =>
            {
                let parts = coefficient.mul(&Rational::integer(PARTS), budget).ok()?;
                let parts = parts.is_integer().then(|| parts.to_i64())??;
                turned(drawn(&format!("{mono:?} on the circle")), parts, prime)?
            }
            _ => return None,
        };
        (sine, cosine) = together((sine, cosine), part, prime);
    }
    Some((sine, cosine))
}

/// Sine and cosine of the sum of two angles.
fn together((s, c): (u64, u64), (t, d): (u64, u64), prime: u64) -> (u64, u64) {
    let product = |a, b| mul_mod(a, b, prime);
    (
        (product(s, d) + product(c, t)) % prime,
        (product(c, d) + prime - product(s, t)) % prime,
    )
}

/// Sine and cosine of whole quarter turns.
fn quarters(turns: &Rational, prime: u64) -> Option<(u64, u64)> {
    let turns = turns.is_integer().then(|| turns.to_i64())??;
    Some(match turns.rem_euclid(4) {
        0 => (0, 1),
        1 => (1, 0),
        2 => (0, prime - 1),
        _ => (prime - 1, 0),
    })
}

/// Sine and cosine of `parts` times the angle that `t` is the half's tangent of.
fn turned(t: u64, parts: i64, prime: u64) -> Option<(u64, u64)> {
    if parts.unsigned_abs() > MAX_TURNS {
        return None;
    }
    let square = mul_mod(t, t, prime);
    let below = (1 + square) % prime;
    if below == 0 {
        return None;
    }
    let inverse = inverse_mod(below, prime);
    let mut step = (
        mul_mod(2 * t % prime, inverse, prime),
        mul_mod((1 + prime - square) % prime, inverse, prime),
    );
    if parts < 0 {
        step.0 = (prime - step.0) % prime;
    }
    let (mut angle, mut left) = ((0, 1), parts.unsigned_abs());
    while left > 0 {
        if left & 1 == 1 {
            angle = together(angle, step, prime);
        }
        step = together(step, step, prime);
        left >>= 1;
    }
    Some(angle)
}
