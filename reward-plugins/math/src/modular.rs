//! Equality of rational functions that are too long to expand: values at several points modulo two primes.
//!
//! The primes and the points are drawn by a hash of both expressions' texts, so neither expression can be made for a prime:
//! there are more than 10^16 primes of 61 bits, and a difference of the size that is let through has less than 10^6 of
//! them as factors. By the Schwartz-Zippel lemma, two different functions of degree `d` agree at one random point with a
//! probability of at most `d / 2^60`; the degree, with nested powers multiplied out, is bounded, and all points have to agree.

use crate::canonical::Percent;
use crate::number::{Rational, mul_mod, pow_mod};
use crate::syntax::Node;
use crate::trigonometry;
use num_bigint::BigUint;
use num_traits::ToPrimitive;

/// Points for each prime.
const POINTS: u64 = 2;
/// Steps of evaluation that drawing the primes costs as much as.
pub const PRIMES_COST: u32 = 1_500;
/// Expressions of a greater weight are not compared.
const MAX_WEIGHT: u64 = 1 << 24;

/// Two primes between 2^60 and 2^61, and the seed of the points.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    primes: [u64; 2],
    seed: u64,
}

impl Fields {
    /// The fields that a seed draws.
    pub fn of(seed: u64) -> Self {
        let first = prime(mix(seed));
        let second = prime(mix(seed ^ first));
        Self {
            primes: [first, second],
            seed,
        }
    }

    /// Do two expressions agree at all points? `false` also where they can't be evaluated, or are of too high a degree.
    pub fn agree(&self, a: &Node, b: &Node, percent: Percent) -> bool {
        let light = |node: &Node| weight(node).is_some_and(|weight| weight <= MAX_WEIGHT);
        if !light(a) || !light(b) {
            return false;
        }
        self.primes.iter().all(|&prime| {
            (0..POINTS).all(|point| {
                let point = Point {
                    percent,
                    prime,
                    seed: mix(self.seed ^ mix(prime.wrapping_add(point))),
                };
                match (point.value(a), point.value(b)) {
                    (Some(a), Some(b)) => mul_mod(a.0, b.1, prime) == mul_mod(b.0, a.1, prime),
                    _ => false,
                }
            })
        })
    }
}

/// Steps of evaluating an expression at all points.
pub fn cost(node: &Node) -> u32 {
    fn once(node: &Node) -> u32 {
        let own = match node {
            Node::Call(..) => 40,
            Node::Power(..) => 10,
            _ => 1,
        };
        let parts = node.parts().into_iter();
        parts.fold(own, |sum, part| sum.saturating_add(once(part)))
    }
    once(node).saturating_mul(2 * POINTS as u32)
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

/// A prime between 2^60 and 2^61, drawn by `state`.
fn prime(mut state: u64) -> u64 {
    loop {
        state = mix(state);
        let candidate = (1 << 60) | (state >> 4) | 1;
        if is_prime(candidate) {
            return candidate;
        }
    }
}

/// Miller and Rabin's test; of these bases it is right for every number below 2^64 (Sorenson and Webster, 2015).
fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 {
        return false;
    }
    if let Some(base) = BASES.iter().find(|base| n.is_multiple_of(**base)) {
        return n == *base;
    }
    let twos = (n - 1).trailing_zeros();
    let odd = (n - 1) >> twos;
    BASES.iter().all(|&base| {
        let mut power = pow_mod(base, odd, n);
        if power == 1 || power == n - 1 {
            return true;
        }
        for _ in 1..twos {
            power = mul_mod(power, power, n);
            if power == n - 1 {
                return true;
            }
        }
        false
    })
}

/// A bound of the degree of numerator and denominator, and of the length of the numbers in them: what is nested in powers
/// counts as often as their exponents say.
fn weight(node: &Node) -> Option<u64> {
    match node {
        Node::Number(value) => Some(1 + value.bits() / 64),
        Node::Power(base, exponent) => {
            weight(base)?.checked_mul(whole(exponent)?.unsigned_abs().max(1))
        }
        _ => node
            .parts()
            .into_iter()
            .try_fold(1u64, |sum, part| sum.checked_add(weight(part)?)),
    }
}

/// An exponent that is a whole number.
fn whole(exponent: &Node) -> Option<i64> {
    match exponent {
        Node::Number(n) => n.to_i64(),
        Node::Negative(n) => match n.as_ref() {
            Node::Number(n) => n.to_i64()?.checked_neg(),
            _ => None,
        },
        _ => None,
    }
}

/// A point at which expressions are evaluated: its seed gives each name a value.
struct Point {
    percent: Percent,
    prime: u64,
    seed: u64,
}

impl Point {
    /// The value that a name has here.
    fn drawn(&self, name: &str) -> u64 {
        2 + mix(seed(name, "").wrapping_add(self.seed)) % (self.prime - 3)
    }

    fn number(&self, value: &Rational) -> Option<(u64, u64)> {
        let residue = |whole: &BigUint| (whole % self.prime).to_u64();
        let num = residue(value.numerator().magnitude())?;
        let den = residue(value.denominator())?;
        let num = if value.is_negative() {
            (self.prime - num) % self.prime
        } else {
            num
        };
        (den != 0).then_some((num, den))
    }

    /// Numerator and denominator of a value; an inverse would cost more than all else.
    fn value(&self, node: &Node) -> Option<(u64, u64)> {
        let prime = self.prime;
        let product = |a, b| mul_mod(a, b, prime);
        Some(match node {
            Node::Number(value) => self.number(value)?,
            // i has relations that a residue does not keep; pi and e have none over the rationals that matter here.
            Node::Symbol(name) if name != "i" => (self.drawn(name), 1),
            Node::Sum(items) => {
                let mut sum = (0, 1);
                for item in items {
                    let (a, b) = self.value(item)?;
                    sum = if b == sum.1 {
                        ((sum.0 + a) % prime, b)
                    } else {
                        (
                            (product(sum.0, b) + product(a, sum.1)) % prime,
                            product(sum.1, b),
                        )
                    };
                }
                sum
            }
            Node::Negative(inner) => {
                let (a, b) = self.value(inner)?;
                ((prime - a) % prime, b)
            }
            Node::Product(items) => {
                let mut all = (1, 1);
                for (divided, item) in items {
                    let (mut a, mut b) = self.value(item)?;
                    if *divided {
                        (a, b) = (b, a);
                    }
                    if b == 0 {
                        return None;
                    }
                    all = (product(all.0, a), product(all.1, b));
                }
                all
            }
            Node::Power(base, exponent) => {
                let ((mut a, mut b), exponent) = (self.value(base)?, whole(exponent)?);
                if a == 0 && exponent <= 0 {
                    return None;
                }
                if exponent < 0 {
                    (a, b) = (b, a);
                }
                let power = |base| pow_mod(base, exponent.unsigned_abs(), prime);
                (power(a), if b == 1 { 1 } else { power(b) })
            }
            Node::Percent(inner) => {
                let (a, b) = self.value(inner)?;
                match self.percent {
                    Percent::Value => (a, product(b, 100)),
                    Percent::Strip => (a, b),
                }
            }
            Node::Call(name, args) => {
                let ([angle], true) = (args.as_slice(), trigonometry::is_function(name)) else {
                    return None;
                };
                let (sine, cosine) =
                    trigonometry::on_circle(angle, self.percent, prime, |name| self.drawn(name))?;
                let (above, below) = match name.as_str() {
                    "sin" => (sine, 1),
                    "cos" => (cosine, 1),
                    "tan" => (sine, cosine),
                    "cot" => (cosine, sine),
                    "sec" => (1, cosine),
                    _ => (1, sine),
                };
                if below == 0 {
                    return None;
                }
                (above, below)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_prime() {
        // Known primes, a Carmichael number, a strong pseudoprime to the bases 2, 3, 5 and 7, a product of two large primes.
        for prime in [2, 37, 41, (1 << 61) - 1, 18_446_744_073_709_551_557] {
            assert!(is_prime(prime), "{prime}");
        }
        for composite in [0, 1, 561, 3_215_031_751, 4_294_967_291 * 4_294_967_279] {
            assert!(!is_prime(composite), "{composite}");
        }
        let fields = Fields::of(1);
        assert!(fields.primes.iter().all(|p| p >> 60 == 1 && is_prime(*p)));
        assert_ne!(fields.primes, Fields::of(2).primes);
    }
}
