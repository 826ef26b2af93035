//! Exact numbers: reduced fractions of big integers, with a budget that bounds all work on them.
//!
//! Nothing here rounds, except [`Rational::approximate`], which is used for signs and tolerances only.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::cmp::Ordering;

/// Numbers of more bits than this are not computed (about 1,200 decimal digits).
pub const MAX_BITS: u64 = 4096;
/// Literals of more digits than this are not read as numbers.
pub const MAX_DIGITS: usize = 1000;

/// Why an exact computation was not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The result, or the work to get it, is over the bounds.
    TooBig,
    /// There is no such value (a division by zero), or none that this verifier knows how to form.
    Undefined,
}

/// Result of a bounded computation.
pub type Bounded<T> = Result<T, Stop>;

/// Work that one judgement may still do, in units of roughly one small big-number operation.
#[derive(Debug)]
pub struct Budget(u32);

impl Budget {
    /// What a comparison gets.
    pub const fn new() -> Self {
        Self(24_000)
    }

    /// A budget of so many units.
    pub const fn of(units: u32) -> Self {
        Self(units)
    }

    /// Takes `units` off, or stops.
    pub fn spend(&mut self, units: u64) -> Bounded<()> {
        let left = u32::try_from(units)
            .ok()
            .and_then(|u| self.0.checked_sub(u));
        self.0 = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Stop::TooBig)
    }

    /// Pays for one operation on numbers of `bits` bits: products are fast, the greatest common divisor that
    /// reduces a fraction is a tenfold slower, and both are quadratic.
    fn number(&mut self, bits: u64, whole: bool) -> Bounded<()> {
        if bits > MAX_BITS {
            return Err(Stop::TooBig);
        }
        self.spend(1 + bits * bits / if whole { 40_000 } else { 4_000 })
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// A reduced fraction. The derived order is structural (for keys); [`Rational::compare`] is by value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rational {
    num: BigInt,
    den: BigUint,
}

impl Rational {
    pub fn zero() -> Self {
        Self {
            num: BigInt::zero(),
            den: BigUint::one(),
        }
    }

    pub fn one() -> Self {
        Self::integer(1)
    }

    pub fn integer(n: impl Into<BigInt>) -> Self {
        Self {
            num: n.into(),
            den: BigUint::one(),
        }
    }

    /// `num / den`, reduced; nothing for a zero `den`.
    pub fn new(num: BigInt, den: BigInt) -> Option<Self> {
        if den.is_zero() {
            return None;
        }
        let (sign, den) = den.into_parts();
        let num = if sign == Sign::Minus { -num } else { num };
        Some(Self::reduced(num, den))
    }

    pub fn ratio(num: i64, den: i64) -> Option<Self> {
        Self::new(num.into(), den.into())
    }

    fn reduced(num: BigInt, den: BigUint) -> Self {
        if den.is_one() {
            return Self { num, den };
        }
        if let (Some(n), Some(d)) = (num.to_i64(), den.to_u64()) {
            let g = n.unsigned_abs().gcd(&d).max(1);
            // Divides both exactly, and an i64 over a positive integer is an i64 again,
            // except that 2^63 has no positive twin: so the sign is put back on the big integer.
            let magnitude = BigInt::from(n.unsigned_abs() / g);
            return Self {
                num: if n < 0 { -magnitude } else { magnitude },
                den: (d / g).into(),
            };
        }
        let g = num.magnitude().gcd(&den);
        if g.is_one() {
            return Self { num, den };
        }
        Self {
            num: num / BigInt::from(g.clone()),
            den: den / g,
        }
    }

    /// Reads `digits[.digits]` and an optional power of ten, exactly.
    pub fn decimal(whole: &str, fraction: &str, exponent: i64) -> Bounded<Self> {
        if whole.len() + fraction.len() > MAX_DIGITS || exponent.unsigned_abs() > MAX_DIGITS as u64
        {
            return Err(Stop::TooBig);
        }
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let num = if digits.len() <= 18 {
            digits.parse::<i64>().ok().map(BigInt::from)
        } else {
            digits.parse::<BigInt>().ok()
        };
        let num = num.ok_or(Stop::Undefined)?;
        let shift = exponent - i64::from(fraction.len() as u32);
        let scale = BigUint::from(10u32).pow(shift.unsigned_abs() as u32);
        Ok(if shift >= 0 {
            Self::integer(num * BigInt::from(scale))
        } else {
            Self::reduced(num, scale)
        })
    }

    /// Reads a JSON number or a plain decimal or fraction such as `-1.5e3` or `1/3`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((a, b)) = text.split_once('/') {
            let (a, b) = (Self::parse(a)?, Self::parse(b)?);
            return a.div(&b, &mut Budget::new()).ok();
        }
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((m, e)) => (m, e.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let value = Self::decimal(whole, fraction, exponent).ok()?;
        Some(if negative { value.neg() } else { value })
    }

    pub fn numerator(&self) -> &BigInt {
        &self.num
    }

    pub fn denominator(&self) -> &BigUint {
        &self.den
    }

    pub fn is_zero(&self) -> bool {
        self.num.is_zero()
    }

    pub fn is_one(&self) -> bool {
        self.den.is_one() && self.num.is_one()
    }

    pub fn is_integer(&self) -> bool {
        self.den.is_one()
    }

    pub fn is_negative(&self) -> bool {
        self.num.is_negative()
    }

    /// The value as a small integer, if it is one.
    pub fn to_i64(&self) -> Option<i64> {
        if self.den.is_one() {
            self.num.to_i64()
        } else {
            None
        }
    }

    /// Bits of the longer half.
    pub fn bits(&self) -> u64 {
        self.num.bits().max(self.den.bits())
    }

    #[must_use]
    pub fn neg(&self) -> Self {
        Self {
            num: -&self.num,
            den: self.den.clone(),
        }
    }

    #[must_use]
    pub fn abs(&self) -> Self {
        Self {
            num: self.num.abs(),
            den: self.den.clone(),
        }
    }

    fn checked(self) -> Bounded<Self> {
        if self.bits() > MAX_BITS {
            Err(Stop::TooBig)
        } else {
            Ok(self)
        }
    }

    pub fn add(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        budget.number(
            self.bits().max(other.bits()),
            self.is_integer() && other.is_integer(),
        )?;
        if self.den == other.den {
            return Self::reduced(&self.num + &other.num, self.den.clone()).checked();
        }
        let (a, b) = (
            BigInt::from(self.den.clone()),
            BigInt::from(other.den.clone()),
        );
        Self::reduced(&self.num * b + &other.num * a, &self.den * &other.den).checked()
    }

    pub fn sub(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        self.add(&other.neg(), budget)
    }

    pub fn mul(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        budget.number(
            self.bits().max(other.bits()),
            self.is_integer() && other.is_integer(),
        )?;
        Self::reduced(&self.num * &other.num, &self.den * &other.den).checked()
    }

    pub fn inverse(&self) -> Bounded<Self> {
        if self.num.is_zero() {
            return Err(Stop::Undefined);
        }
        let (sign, magnitude) = self.num.clone().into_parts();
        Ok(Self {
            num: BigInt::from_biguint(sign, self.den.clone()),
            den: magnitude,
        })
    }

    pub fn div(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        self.mul(&other.inverse()?, budget)
    }

    /// An integer power; zero to a power of zero or less is undefined.
    pub fn pow(&self, exponent: i64, budget: &mut Budget) -> Bounded<Self> {
        if self.is_zero() && exponent <= 0 {
            return Err(Stop::Undefined);
        }
        if self.is_one() || exponent == 0 {
            return Ok(Self::one());
        }
        let power = exponent.unsigned_abs();
        if self.den.is_one() && self.num.magnitude().is_one() {
            return Ok(if power.is_multiple_of(2) {
                Self::one()
            } else {
                self.clone()
            });
        }
        // A number of b bits to the power k has at least (b - 1) * k bits.
        let bits = (self.bits() - 1).max(1).saturating_mul(power);
        if bits > MAX_BITS || power > MAX_BITS {
            return Err(Stop::TooBig);
        }
        budget.number(bits, true)?;
        let power = power as u32;
        let value = Self {
            num: self.num.pow(power),
            den: self.den.pow(power),
        }
        .checked()?;
        if exponent < 0 {
            value.inverse()
        } else {
            Ok(value)
        }
    }

    /// Order by value.
    pub fn compare(&self, other: &Self) -> Ordering {
        let left = &self.num * BigInt::from(other.den.clone());
        left.cmp(&(&other.num * BigInt::from(self.den.clone())))
    }

    /// The nearest multiple of `10^-digits` towards zero: keeps approximations short.
    #[must_use]
    pub fn approximate(&self, digits: u32) -> Self {
        let scale = BigUint::from(10u32).pow(digits);
        let num = &self.num * BigInt::from(scale.clone()) / BigInt::from(self.den.clone());
        Self::reduced(num, scale)
    }

    /// The residue modulo a prime, unless the prime divides the denominator.
    pub fn modulo(&self, prime: u64) -> Option<u64> {
        let num = self.num.mod_floor(&BigInt::from(prime)).to_u64()?;
        let den = (&self.den % prime).to_u64()?;
        (den != 0).then(|| mul_mod(num, inverse_mod(den, prime), prime))
    }
}

/// `a * b` modulo `m`.
pub fn mul_mod(a: u64, b: u64, m: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(m)) as u64
}

/// `base ^ exponent` modulo `m`.
pub fn pow_mod(mut base: u64, mut exponent: u64, m: u64) -> u64 {
    let mut result = 1 % m;
    base %= m;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = mul_mod(result, base, m);
        }
        base = mul_mod(base, base, m);
        exponent >>= 1;
    }
    result
}

/// The inverse of a non-zero residue modulo a prime (Fermat).
pub fn inverse_mod(a: u64, prime: u64) -> u64 {
    pow_mod(a, prime - 2, prime)
}

/// Splits `n` into prime powers by trial division.
///
/// A cofactor without small factors stays as it is (its exact square or cube root is taken out):
/// the product is always right, only the last factor may not be prime.
pub fn factor(n: &BigUint, budget: &mut Budget) -> Bounded<Vec<(BigUint, u32)>> {
    let mut factors: Vec<(BigUint, u32)> = Vec::new();
    let mut rest = n.clone();
    let mut divisor: u32 = 2;
    while rest.to_u64().is_none() && divisor < 400 {
        budget.spend(1 + rest.bits() / 512)?;
        let mut count = 0;
        while (&rest % divisor).is_zero() {
            rest /= divisor;
            count += 1;
        }
        if count > 0 {
            factors.push((divisor.into(), count));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    if let Some(mut small) = rest.to_u64() {
        let mut divisor = u64::from(divisor);
        budget.spend(1)?;
        while divisor * divisor <= small && divisor < 60_000 {
            if divisor.is_multiple_of(512) || divisor % 512 == 1 {
                budget.spend(2)?;
            }
            let mut count = 0;
            while small.is_multiple_of(divisor) {
                small /= divisor;
                count += 1;
            }
            if count > 0 {
                factors.push((divisor.into(), count));
            }
            divisor += if divisor == 2 { 1 } else { 2 };
        }
        rest = small.into();
    }
    if !rest.is_one() {
        budget.spend(1 + rest.bits() / 32)?;
        let square = rest.sqrt();
        let cube = rest.cbrt();
        if &square * &square == rest {
            factors.push((square, 2));
        } else if &cube * &cube * &cube == rest {
            factors.push((cube, 3));
        } else {
            factors.push((rest, 1));
        }
    }
    Ok(factors)
}
