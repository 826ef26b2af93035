//! Equality of rational functions that are too long to expand: values at several points modulo a prime.
//!
//! By the Schwartz-Zippel lemma two different functions of degree `d` agree at one random point with a
//! probability of at most `d / 2^61`; here all of eight points have to agree. The points come from the
//! reference and the response together, so a response can't be made for them without knowing both.

use crate::canonical::Percent;
use crate::number::{Rational, inverse_mod, mul_mod, pow_mod};
use crate::syntax::Node;

/// The Mersenne prime 2^61 − 1.
const PRIME: u64 = (1 << 61) - 1;
const POINTS: u64 = 8;
/// Exponents beyond this make the lemma's bound weak.
const MAX_EXPONENT: i64 = 100_000;

/// Do two expressions agree at all points? `false` also where they can't be evaluated.
pub fn agree(a: &Node, b: &Node, percent: Percent, seed: u64) -> bool {
    (0..POINTS).all(|point| {
        let seed = mix(seed ^ mix(point + 1));
        match (value(a, percent, seed), value(b, percent, seed)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
    })
}

/// A deterministic seed from two texts (FNV-1a).
pub fn seed(a: &str, b: &str) -> u64 {
    a.bytes()
        .chain([0])
        .chain(b.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |h, byte| {
            (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// One step of `SplitMix64` (Steele, Lea and Flood, 2014).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn value(node: &Node, percent: Percent, seed: u64) -> Option<u64> {
    Some(match node {
        Node::Number(value) => value.modulo(PRIME)?,
        // i has relations that a residue does not keep; pi and e have none over the rationals that matter here.
        Node::Symbol(name) if name != "i" => {
            2 + mix(self::seed(name, "").wrapping_add(seed)) % (PRIME - 3)
        }
        Node::Sum(items) => {
            let mut sum = 0;
            for item in items {
                sum = (sum + value(item, percent, seed)?) % PRIME;
            }
            sum
        }
        Node::Negative(inner) => (PRIME - value(inner, percent, seed)?) % PRIME,
        Node::Product(items) => {
            let mut product = 1;
            for (divided, item) in items {
                let factor = value(item, percent, seed)?;
                if *divided && factor == 0 {
                    return None;
                }
                product = mul_mod(
                    product,
                    if *divided {
                        inverse_mod(factor, PRIME)
                    } else {
                        factor
                    },
                    PRIME,
                );
            }
            product
        }
        Node::Power(base, exponent) => {
            let base = value(base, percent, seed)?;
            let exponent = match exponent.as_ref() {
                Node::Number(n) => n.to_i64()?,
                Node::Negative(n) => match n.as_ref() {
                    Node::Number(n) => n.to_i64()?.checked_neg()?,
                    _ => return None,
                },
                _ => return None,
            };
            if exponent.abs() > MAX_EXPONENT || (base == 0 && exponent <= 0) {
                return None;
            }
            let power = pow_mod(base, exponent.unsigned_abs(), PRIME);
            if exponent < 0 {
                inverse_mod(power, PRIME)
            } else {
                power
            }
        }
        Node::Percent(inner) if percent == Percent::Value => mul_mod(
            value(inner, percent, seed)?,
            Rational::ratio(1, 100)?.modulo(PRIME)?,
            PRIME,
        ),
        Node::Percent(inner) => value(inner, percent, seed)?,
        _ => return None,
    })
}
