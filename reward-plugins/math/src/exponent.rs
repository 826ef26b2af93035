//! Exponents of canonical forms.

use crate::number::{Bounded, Rational, Stop};
use num_integer::Integer;

/// Exponents beyond this are not formed.
const MAX_EXPONENT: i64 = 1 << 40;

/// An exponent: a small reduced fraction with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exponent {
    pub num: i64,
    pub den: i64,
}

impl Exponent {
    pub const ONE: Self = Self { num: 1, den: 1 };

    pub fn new(num: i128, den: i128) -> Bounded<Self> {
        if den == 0 {
            return Err(Stop::Undefined);
        }
        let g = num.gcd(&den).max(1) * den.signum();
        let (num, den) = (num / g, den / g);
        let limit = i128::from(MAX_EXPONENT);
        if num.abs() > limit || den > limit {
            return Err(Stop::TooBig);
        }
        Ok(Self {
            num: num as i64,
            den: den as i64,
        })
    }

    pub fn of(value: &Rational) -> Bounded<Self> {
        let num = i64::try_from(value.numerator().clone()).map_err(|_| Stop::TooBig)?;
        let den = i64::try_from(value.denominator().clone()).map_err(|_| Stop::TooBig)?;
        Self::new(num.into(), den.into())
    }

    pub fn plus(self, other: Self) -> Bounded<Self> {
        let (a, b) = (i128::from(self.den), i128::from(other.den));
        Self::new(i128::from(self.num) * b + i128::from(other.num) * a, a * b)
    }

    pub fn times(self, other: Self) -> Bounded<Self> {
        Self::new(
            i128::from(self.num) * i128::from(other.num),
            i128::from(self.den) * i128::from(other.den),
        )
    }

    #[must_use]
    pub fn negative(self) -> Self {
        Self {
            num: -self.num,
            den: self.den,
        }
    }

    pub fn floor(self) -> i64 {
        self.num.div_euclid(self.den)
    }

    #[must_use]
    pub fn fraction(self) -> Self {
        Self {
            num: self.num.rem_euclid(self.den),
            den: self.den,
        }
    }
}
