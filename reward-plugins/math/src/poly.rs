//! Canonical forms: quotients of polynomials with exact coefficients over symbols, radicals and constants.
//!
//! Roots of integers are kept as primes with an exponent between 0 and 1. Different such products are
//! linearly independent over the rationals (Besicovitch, 1940), so sums of radicals are equal exactly
//! if their canonical forms are. Every rewriting is an identity: equal forms mean equal values.

pub use crate::atom::{Atom, Mono};
use crate::exponent::Exponent;
use crate::number::{Bounded, Budget, Rational, Stop};
use num_bigint::{BigInt, BigUint};
use num_integer::Integer;
use num_traits::One;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Sums of more terms than this are not expanded.
pub const MAX_TERMS: usize = 400;
/// A sum of monomials, without zero coefficients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Poly {
    pub terms: BTreeMap<Mono, Rational>,
}

/// What a monomial costs to copy and to compare: functions hold whole polynomials.
fn heft(mono: &Mono) -> u64 {
    let terms = |value: &Quotient| 4 * (value.num.terms.len() + value.den.terms.len()) as u64;
    let one = |atom: &Atom| match atom {
        Atom::Call(_, args) => 4 + args.iter().map(terms).sum::<u64>(),
        Atom::Power(_, exponent) => 4 + exponent.len() as u64,
        _ => 1,
    };
    mono.iter().map(|(atom, _)| one(atom)).sum()
}

/// A monomial with what its reduction sets free: a coefficient, and whole powers of root bases.
struct Reduced {
    mono: Mono,
    coefficient: Rational,
    bases: Vec<(Rc<Poly>, i64)>,
}

fn reduce(mono: Mono, budget: &mut Budget) -> Bounded<Reduced> {
    let mut out = Reduced {
        mono: Mono::with_capacity(mono.len()),
        coefficient: Rational::one(),
        bases: Vec::new(),
    };
    for (atom, exponent) in mono {
        match atom {
            Atom::Imaginary => {
                if exponent.den != 1 {
                    return Err(Stop::Undefined);
                }
                let turn = exponent.num.rem_euclid(4);
                if turn >= 2 {
                    out.coefficient = out.coefficient.neg();
                }
                if turn % 2 == 1 {
                    out.mono.push((Atom::Imaginary, Exponent::ONE));
                }
            }
            Atom::Prime(p) => {
                let whole = exponent.floor();
                if whole != 0 {
                    let power = Rational::integer(BigInt::from(p.clone())).pow(whole, budget)?;
                    out.coefficient = out.coefficient.mul(&power, budget)?;
                }
                let rest = exponent.fraction();
                if rest.num != 0 {
                    out.mono.push((Atom::Prime(p), rest));
                }
            }
            Atom::Root(base) => {
                let whole = exponent.floor();
                if whole > 0 {
                    out.bases.push((base.clone(), whole));
                    let rest = exponent.fraction();
                    if rest.num != 0 {
                        out.mono.push((Atom::Root(base), rest));
                    }
                } else if exponent.num != 0 {
                    out.mono.push((Atom::Root(base), exponent));
                }
            }
            Atom::Sign(mono) => {
                let num = exponent.num.rem_euclid(2 * exponent.den);
                if num != 0 {
                    let rest = Exponent::new(num.into(), exponent.den.into())?;
                    out.mono.push((Atom::Sign(mono), rest));
                }
            }
            _ if exponent.num == 0 => {}
            other => out.mono.push((other, exponent)),
        }
    }
    Ok(out)
}

fn merge(a: &Mono, b: &Mono) -> Bounded<Mono> {
    let mut out = Mono::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => {
                out.push(a[i].clone());
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                out.push(b[j].clone());
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                out.push((a[i].0.clone(), a[i].1.plus(b[j].1)?));
                i += 1;
                j += 1;
            }
        }
    }
    out.extend_from_slice(&a[i..]);
    out.extend_from_slice(&b[j..]);
    Ok(out)
}

impl Poly {
    pub fn constant(value: Rational) -> Self {
        let mut poly = Self::default();
        if !value.is_zero() {
            poly.terms.insert(Mono::new(), value);
        }
        poly
    }

    /// `coefficient` times a product of atom powers in any order.
    pub fn product(coefficient: &Rational, mut mono: Mono, budget: &mut Budget) -> Bounded<Self> {
        mono.sort_by(|a, b| a.0.cmp(&b.0));
        let mut merged = Mono::with_capacity(mono.len());
        for (atom, exponent) in mono {
            match merged.last_mut() {
                Some((last, e)) if *last == atom => *e = e.plus(exponent)?,
                _ => merged.push((atom, exponent)),
            }
        }
        Self::default().plus_product(coefficient, merged, budget)
    }

    fn plus_product(
        mut self,
        coefficient: &Rational,
        mono: Mono,
        budget: &mut Budget,
    ) -> Bounded<Self> {
        let reduced = reduce(mono, budget)?;
        let coefficient = coefficient.mul(&reduced.coefficient, budget)?;
        if reduced.bases.is_empty() {
            self.add_term(reduced.mono, &coefficient, budget)?;
            return Ok(self);
        }
        let mut term = Self::default();
        term.add_term(reduced.mono, &coefficient, budget)?;
        for (base, power) in reduced.bases {
            term = term.mul(&base.pow(power, budget)?, budget)?;
        }
        self.add(&term, budget)
    }

    fn add_term(&mut self, mono: Mono, coefficient: &Rational, budget: &mut Budget) -> Bounded<()> {
        budget.spend(1 + heft(&mono) / 4)?;
        if coefficient.is_zero() {
            return Ok(());
        }
        if let Some(old) = self.terms.get_mut(&mono) {
            *old = old.add(coefficient, budget)?;
            if old.is_zero() {
                self.terms.remove(&mono);
            }
            return Ok(());
        }
        if self.terms.len() >= MAX_TERMS {
            return Err(Stop::TooBig);
        }
        self.terms.insert(mono, coefficient.clone());
        Ok(())
    }

    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// May it be no real number: has it the imaginary unit in it, or a name that complex numbers have?
    pub fn has_complex(&self) -> bool {
        self.terms.keys().flatten().any(|(atom, _)| match atom {
            Atom::Imaginary => true,
            Atom::Symbol(name) => matches!(name.as_str(), "z" | "w"),
            _ => false,
        })
    }

    /// The value, if there is no atom in it.
    pub fn as_rational(&self) -> Option<Rational> {
        match self.terms.len() {
            0 => Some(Rational::zero()),
            1 => self
                .terms
                .first_key_value()
                .filter(|(mono, _)| mono.is_empty())
                .map(|(_, c)| c.clone()),
            _ => None,
        }
    }

    /// The only term, if there is one.
    pub fn single(&self) -> Option<(&Mono, &Rational)> {
        if self.terms.len() == 1 {
            self.terms.first_key_value()
        } else {
            None
        }
    }

    pub fn add(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        budget.spend(self.terms.len() as u64 / 6)?;
        let mut sum = self.clone();
        for (mono, coefficient) in &other.terms {
            sum.add_term(mono.clone(), coefficient, budget)?;
        }
        Ok(sum)
    }

    #[must_use]
    pub fn neg(&self) -> Self {
        Self {
            terms: self
                .terms
                .iter()
                .map(|(m, c)| (m.clone(), c.neg()))
                .collect(),
        }
    }

    pub fn scale(&self, factor: &Rational, budget: &mut Budget) -> Bounded<Self> {
        let mut out = Self::default();
        if !factor.is_zero() {
            for (mono, coefficient) in &self.terms {
                out.terms
                    .insert(mono.clone(), coefficient.mul(factor, budget)?);
            }
        }
        Ok(out)
    }

    pub fn mul(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        if let Some(c) = self.as_rational() {
            return other.scale(&c, budget);
        }
        if let Some(c) = other.as_rational() {
            return self.scale(&c, budget);
        }
        let mut out = Self::default();
        for (m, a) in &self.terms {
            for (n, b) in &other.terms {
                out = out.plus_product(&a.mul(b, budget)?, merge(m, n)?, budget)?;
            }
        }
        Ok(out)
    }

    /// A power with a whole exponent of 0 or more.
    pub fn pow(&self, exponent: i64, budget: &mut Budget) -> Bounded<Self> {
        if let Some((mono, coefficient)) = self.single() {
            let e = Exponent::new(exponent.into(), 1)?;
            let mono = mono
                .iter()
                .map(|(a, x)| Ok((a.clone(), x.times(e)?)))
                .collect::<Bounded<Mono>>()?;
            return Self::product(&coefficient.pow(exponent, budget)?, mono, budget);
        }
        if !(0..=256).contains(&exponent) {
            return Err(Stop::TooBig);
        }
        let (mut result, mut base, mut left) =
            (Self::constant(Rational::one()), self.clone(), exponent);
        while left > 0 {
            if left & 1 == 1 {
                result = result.mul(&base, budget)?;
            }
            left >>= 1;
            if left > 0 {
                base = base.mul(&base, budget)?;
            }
        }
        Ok(result)
    }

    /// The positive rational that, taken out, leaves whole coefficients without a common factor.
    pub fn content(&self) -> Rational {
        let mut num = BigUint::default();
        let mut den = BigUint::one();
        for coefficient in self.terms.values() {
            num = num.gcd(coefficient.numerator().magnitude());
            den = den.lcm(coefficient.denominator());
        }
        Rational::new(num.into(), den.into()).unwrap_or_else(Rational::one)
    }
}

/// A quotient of two polynomials.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quotient {
    pub num: Poly,
    pub den: Poly,
}

impl Quotient {
    pub fn rational(value: Rational) -> Self {
        Self::from(Poly::constant(value))
    }

    pub fn atom(atom: Atom) -> Self {
        let mut poly = Poly::default();
        poly.terms
            .insert(vec![(atom, Exponent::ONE)], Rational::one());
        Self::from(poly)
    }

    pub fn is_whole(&self) -> bool {
        self.den.as_rational().is_some_and(|d| d.is_one())
    }

    pub fn as_rational(&self) -> Option<Rational> {
        if self.is_whole() {
            self.num.as_rational()
        } else {
            None
        }
    }

    /// Is there no variable in it?
    pub fn is_constant(&self) -> bool {
        let constant = |atom: &Atom| {
            matches!(
                atom,
                Atom::Imaginary
                    | Atom::Prime(_)
                    | Atom::Pi
                    | Atom::Euler
                    | Atom::Log(..)
                    | Atom::Unit(_)
            )
        };
        let all = |poly: &Poly| poly.terms.keys().flatten().all(|(atom, _)| constant(atom));
        all(&self.num) && all(&self.den)
    }

    /// Brings a denominator of one term into the numerator, and takes common factors off longer ones.
    fn tidy(num: Poly, den: &Poly, budget: &mut Budget) -> Bounded<Self> {
        if den.is_zero() {
            return Err(Stop::Undefined);
        }
        if num.is_zero() {
            return Ok(Self::from(num));
        }
        if let Some((mono, coefficient)) = den.single() {
            let (stuck, free): (Mono, Mono) = mono
                .iter()
                .cloned()
                .partition(|(a, _)| matches!(a, Atom::Root(_)));
            let free = free.into_iter().map(|(a, e)| (a, e.negative())).collect();
            let inverse = Poly::product(&coefficient.inverse()?, free, budget)?;
            let den = Poly::product(&Rational::one(), stuck, budget)?;
            return Ok(Self {
                num: num.mul(&inverse, budget)?,
                den,
            });
        }
        budget.spend((num.terms.len() + den.terms.len()) as u64 / 3)?;
        let content = den.content();
        let lead = den
            .terms
            .first_key_value()
            .is_some_and(|(_, c)| c.is_negative());
        let factor = if lead { content.neg() } else { content }.inverse()?;
        let (num, den) = (num.scale(&factor, budget)?, den.scale(&factor, budget)?);
        if num.terms.len() == den.terms.len() && num.terms.keys().eq(den.terms.keys()) {
            let ratio = num.content();
            for sign in [ratio.clone(), ratio.neg()] {
                if den.scale(&sign, budget)? == num {
                    return Ok(Self::rational(sign));
                }
            }
        }
        Ok(Self { num, den })
    }

    pub fn add(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        if self.den == other.den {
            return Self::tidy(self.num.add(&other.num, budget)?, &self.den, budget);
        }
        let num = self
            .num
            .mul(&other.den, budget)?
            .add(&other.num.mul(&self.den, budget)?, budget)?;
        Self::tidy(num, &self.den.mul(&other.den, budget)?, budget)
    }

    #[must_use]
    pub fn neg(&self) -> Self {
        Self {
            num: self.num.neg(),
            den: self.den.clone(),
        }
    }

    pub fn sub(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        self.add(&other.neg(), budget)
    }

    pub fn mul(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        let (num, den) = (
            self.num.mul(&other.num, budget)?,
            self.den.mul(&other.den, budget)?,
        );
        if den.as_rational().is_some_and(|d| d.is_one()) {
            return Ok(Self { num, den });
        }
        Self::tidy(num, &den, budget)
    }

    pub fn inverse(&self, budget: &mut Budget) -> Bounded<Self> {
        Self::tidy(self.den.clone(), &self.num, budget)
    }

    pub fn div(&self, other: &Self, budget: &mut Budget) -> Bounded<Self> {
        self.mul(&other.inverse(budget)?, budget)
    }

    /// A power with a whole exponent.
    pub fn pow(&self, exponent: i64, budget: &mut Budget) -> Bounded<Self> {
        if exponent < 0 {
            return self
                .inverse(budget)?
                .pow(exponent.checked_neg().ok_or(Stop::TooBig)?, budget);
        }
        if exponent == 0 && self.num.is_zero() {
            return Err(Stop::Undefined);
        }
        Self::tidy(
            self.num.pow(exponent, budget)?,
            &self.den.pow(exponent, budget)?,
            budget,
        )
    }

    /// Are the two the same? Cross-multiplied, so nothing needs to be cancelled first.
    pub fn equals(&self, other: &Self, budget: &mut Budget) -> Bounded<bool> {
        if self == other {
            return Ok(true);
        }
        if self.is_whole() && other.is_whole() {
            return Ok(false);
        }
        let left = self.num.mul(&other.den, budget)?;
        Ok(left == other.num.mul(&self.den, budget)?)
    }
}

impl From<Poly> for Quotient {
    fn from(num: Poly) -> Self {
        Self {
            num,
            den: Poly::constant(Rational::one()),
        }
    }
}
