//! What canonical forms are built of: primes under roots, constants, variables, units, functions.

use crate::exponent::Exponent;
use crate::poly::{Poly, Quotient};
use num_bigint::BigUint;
use std::rc::Rc;

/// What a canonical form is built of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// The imaginary unit.
    Imaginary,
    /// A prime under a root: its exponent is between 0 and 1.
    Prime(BigUint),
    /// The circle constant.
    Pi,
    /// The base of natural logarithms.
    Euler,
    /// Logarithm of a prime; the flag says whether it is the natural one.
    Log(bool, BigUint),
    /// A variable.
    Symbol(String),
    /// A unit of measure or a label such as `apples`.
    Unit(String),
    /// A power with a symbolic exponent: the base and the monomial of the exponent.
    Power(Box<Atom>, Mono),
    /// A power of −1 whose exponent is this monomial times an exponent between 0 and 2. Symbols in it are whole numbers, as
    /// they are where −1 has such an exponent.
    Sign(Mono),
    /// Base of a root that has no simpler form: its exponent is between 0 and 1.
    Root(Rc<Poly>),
    /// A function of canonical arguments.
    Call(String, Vec<Quotient>),
}

impl Atom {
    /// Is it certainly a positive real number?
    pub fn is_positive(&self) -> bool {
        match self {
            Self::Prime(_) | Self::Pi | Self::Euler | Self::Log(..) | Self::Unit(_) => true,
            Self::Power(base, mono) => {
                base.is_positive() && mono.iter().all(|(atom, _)| !atom.has_imaginary())
            }
            _ => false,
        }
    }

    fn has_imaginary(&self) -> bool {
        match self {
            Self::Imaginary | Self::Root(_) | Self::Call(..) | Self::Sign(_) => true,
            Self::Power(base, mono) => {
                base.has_imaginary() || mono.iter().any(|(atom, _)| atom.has_imaginary())
            }
            _ => false,
        }
    }
}

/// A product of atoms, sorted, without zero exponents.
pub type Mono = Vec<(Atom, Exponent)>;
