//! Powers and roots of canonical forms: `√8 = 2√2`, `x^{n+1} = x·x^n`, `e^{2x} = (e^x)^2`.

use crate::exponent::Exponent;
use crate::number::{Bounded, Budget, Rational, Stop, factor};
use crate::poly::{Atom, Mono, Poly, Quotient};
use num_bigint::BigInt;
use num_traits::{One, Signed};
use std::rc::Rc;

/// `base ^ exponent`.
pub fn power(base: &Quotient, exponent: &Quotient, budget: &mut Budget) -> Bounded<Quotient> {
    if let Some(value) = exponent.as_rational() {
        if let Some(whole) = value.to_i64() {
            return whole_power(base, whole, budget);
        }
        return fractional(base, Exponent::of(&value)?, budget);
    }
    symbolic(base, exponent, budget)
}

fn whole_power(base: &Quotient, exponent: i64, budget: &mut Budget) -> Bounded<Quotient> {
    match base.pow(exponent, budget) {
        // Too long to write out, but still equal to itself: 2^{100000}.
        Err(Stop::TooBig) if base.as_rational().is_some() => {
            let exponent = Quotient::rational(Rational::integer(exponent));
            Ok(Quotient::atom(Atom::Call(
                "power".into(),
                vec![base.clone(), exponent],
            )))
        }
        other => other,
    }
}

/// The real root of a number where there is one, and else the principal one.
pub fn root(radicand: &Quotient, degree: u32, budget: &mut Budget) -> Bounded<Quotient> {
    let exponent = Exponent::new(1, degree.into())?;
    if degree % 2 == 1
        && radicand
            .as_rational()
            .is_some_and(|value| value.is_negative())
    {
        return Ok(fractional(&radicand.neg(), exponent, budget)?.neg());
    }
    // The real root of odd degree of x³ is x.
    if degree % 2 == 1
        && radicand.is_whole()
        && let Some((mono, coefficient)) = radicand.num.single()
    {
        let whole = |(atom, e): &(Atom, Exponent)| {
            is_real(atom) && e.den == 1 && e.num % i64::from(degree) == 0
        };
        let (outside, inside): (Mono, Mono) = mono.iter().cloned().partition(whole);
        if !outside.is_empty() {
            let outside = outside
                .into_iter()
                .map(|(atom, e)| Ok((atom, e.times(exponent)?)))
                .collect::<Bounded<Mono>>()?;
            let inside = Poly::product(coefficient, inside, budget)?.into();
            let outside = Quotient::from(Poly::product(&Rational::one(), outside, budget)?);
            return outside.mul(&root(&inside, degree, budget)?, budget);
        }
    }
    fractional(radicand, exponent, budget)
}

/// A power with an exponent that is no whole number.
fn fractional(base: &Quotient, exponent: Exponent, budget: &mut Budget) -> Bounded<Quotient> {
    if exponent.den > 64 {
        return Err(Stop::TooBig);
    }
    if base.num.is_zero() {
        return if exponent.num > 0 {
            Ok(base.clone())
        } else {
            Err(Stop::Undefined)
        };
    }
    if base.is_whole() {
        return poly_power(&base.num, exponent, budget);
    }
    // (n/d)^a = n^a / d^a holds for positive d, and for a positive n where the value is a real number.
    let positive = |poly: &Poly| {
        let mut terms = poly.terms.iter();
        terms.all(|(mono, c)| !c.is_negative() && mono.iter().all(|(a, _)| a.is_positive()))
    };
    if positive(&base.den) || positive(&base.num) {
        let (num, den) = (
            poly_power(&base.num, exponent, budget)?,
            poly_power(&base.den, exponent, budget)?,
        );
        return num.div(&den, budget);
    }
    let exponent = Rational::ratio(exponent.num, exponent.den).ok_or(Stop::Undefined)?;
    Ok(Quotient::atom(Atom::Call(
        "power".into(),
        vec![base.clone(), Quotient::rational(exponent)],
    )))
}

fn poly_power(base: &Poly, exponent: Exponent, budget: &mut Budget) -> Bounded<Quotient> {
    let Some((mono, coefficient)) = base.single() else {
        return sum_power(base, exponent, budget);
    };
    let (positive, rest): (Mono, Mono) = mono
        .iter()
        .cloned()
        .partition(|(atom, _)| atom.is_positive());
    let mut factors = prime_power(&coefficient.abs(), exponent, budget)?;
    for (atom, e) in positive {
        factors.push((atom, e.times(exponent)?));
    }
    let negative = coefficient.is_negative();
    let mut rest = rest;
    if exponent.den == 2 {
        // The root of a real square is its absolute value.
        let square = |(atom, e): &(Atom, Exponent)| is_real(atom) && e.den == 1 && e.num % 2 == 0;
        let (squares, others): (Mono, Mono) = rest.into_iter().partition(square);
        rest = others;
        for (atom, e) in squares {
            let half = e.num / 2 * exponent.num;
            factors.extend(magnitude(atom, half)?);
        }
    }
    match rest.as_slice() {
        [] if negative && exponent.den == 2 => {
            factors.push((Atom::Imaginary, Exponent::new(exponent.num.into(), 1)?));
        }
        [] if !negative => {}
        // Principal powers multiply their exponents while the inner one is between -1 and 1; at -1 too, where the values are
        // real numbers.
        [(atom @ (Atom::Symbol(_) | Atom::Root(_) | Atom::Call(..)), e)]
            if !negative && e.num.abs() <= e.den =>
        {
            factors.push((atom.clone(), e.times(exponent)?));
        }
        _ => {
            let sign = if negative {
                Rational::integer(-1)
            } else {
                Rational::one()
            };
            let base = Poly::product(&sign, rest, budget)?;
            factors.push((Atom::Root(Rc::new(base)), exponent));
        }
    }
    Ok(Poly::product(&Rational::one(), factors, budget)?.into())
}

/// Is it a real number wherever it stands in answers? `z` and `w` are names of complex ones.
fn is_real(atom: &Atom) -> bool {
    match atom {
        Atom::Symbol(name) => !name.starts_with(['z', 'w', '\\']) || name.starts_with("\\theta"),
        Atom::Call(name, _) => matches!(name.as_str(), "sin" | "cos" | "tan" | "abs" | "ln"),
        atom => atom.is_positive(),
    }
}

/// `|atom| ^ exponent` of a real number, with the absolute value only where the exponent is odd.
fn magnitude(atom: Atom, exponent: i64) -> Bounded<Mono> {
    let even = Exponent::new((exponent - exponent.rem_euclid(2)).into(), 1)?;
    let absolute = matches!(&atom, Atom::Call(name, _) if name == "abs");
    if absolute || atom.is_positive() || exponent % 2 == 0 {
        return Ok(vec![(atom, Exponent::new(exponent.into(), 1)?)]);
    }
    let of = Atom::Call("abs".into(), vec![Quotient::atom(atom.clone())]);
    Ok(vec![(of, Exponent::ONE), (atom, even)])
}

/// `|value|`: the sign and rational factors taken out, products factor by factor.
pub fn absolute(value: &Quotient, budget: &mut Budget) -> Bounded<Quotient> {
    if value.is_whole()
        && let Some((mono, coefficient)) = value.num.single()
        && mono.iter().all(|(atom, e)| {
            atom.is_positive() || e.den == 1 && (is_real(atom) || matches!(atom, Atom::Sign(_)))
        })
    {
        let mut factors = Mono::new();
        for (atom, e) in mono {
            match atom {
                Atom::Sign(_) => {}
                atom if atom.is_positive() => factors.push((atom.clone(), *e)),
                atom => factors.extend(magnitude(atom.clone(), e.num)?),
            }
        }
        return Ok(Poly::product(&coefficient.abs(), factors, budget)?.into());
    }
    let content = value.num.content();
    let lead = value.num.terms.first_key_value();
    let negative = lead.is_some_and(|(_, c)| c.is_negative());
    let factor = if negative {
        content.neg()
    } else {
        content.clone()
    };
    let num = value.num.scale(&factor.inverse()?, budget)?;
    let inner = Quotient {
        num,
        den: value.den.clone(),
    };
    Quotient::atom(Atom::Call("abs".into(), vec![inner])).mul(&Quotient::rational(content), budget)
}

/// A positive rational to a fractional power, as powers of primes.
fn prime_power(value: &Rational, exponent: Exponent, budget: &mut Budget) -> Bounded<Mono> {
    let mut out = Mono::new();
    for (part, sign) in [
        (value.numerator().magnitude(), 1),
        (value.denominator(), -1),
    ] {
        if part.is_one() {
            continue;
        }
        for (prime, count) in factor(part, budget)? {
            let e = Exponent::new((i64::from(count) * sign).into(), 1)?.times(exponent)?;
            out.push((Atom::Prime(prime), e));
        }
    }
    Ok(out)
}

fn sum_power(base: &Poly, exponent: Exponent, budget: &mut Budget) -> Bounded<Quotient> {
    if exponent.den == 2
        && let Some(root) = denested(base, budget)?
    {
        return Quotient::from(root).pow(exponent.num, budget);
    }
    let content = base.content();
    let primitive = base.scale(&content.inverse()?, budget)?;
    let mut factors = prime_power(&content, exponent, budget)?;
    let whole = exponent.floor();
    factors.push((Atom::Root(Rc::new(primitive.clone())), exponent.fraction()));
    let rooted: Quotient = Poly::product(&Rational::one(), factors, budget)?.into();
    if whole == 0 {
        return Ok(rooted);
    }
    rooted.mul(&Quotient::from(primitive).pow(whole, budget)?, budget)
}

/// `√(a + b√c)` as a sum of two roots, where `a² − b²c` is the square of a rational.
fn denested(base: &Poly, budget: &mut Budget) -> Bounded<Option<Poly>> {
    if base.terms.len() != 2 {
        return Ok(None);
    }
    let Some(a) = base.terms.get(&Mono::new()).filter(|a| !a.is_negative()) else {
        return Ok(None);
    };
    let Some((mono, b)) = base.terms.iter().find(|(mono, _)| !mono.is_empty()) else {
        return Ok(None);
    };
    if !mono
        .iter()
        .all(|(atom, e)| matches!(atom, Atom::Prime(_)) && e.den == 2)
    {
        return Ok(None);
    }
    let surd = Poly::product(b, mono.clone(), budget)?;
    let Some(square) = surd.mul(&surd, budget)?.as_rational() else {
        return Ok(None);
    };
    let rest = a.mul(a, budget)?.sub(&square, budget)?;
    let Some(s) = rational_root(&rest) else {
        return Ok(None);
    };
    let half = |value: Rational, budget: &mut Budget| {
        value.mul(&Rational::ratio(1, 2).ok_or(Stop::Undefined)?, budget)
    };
    let large = half(a.add(&s, budget)?, budget)?;
    let small = half(a.sub(&s, budget)?, budget)?;
    let power = Exponent::new(1, 2)?;
    let large = Poly::product(
        &Rational::one(),
        prime_power(&large, power, budget)?,
        budget,
    )?;
    let small = Poly::product(
        &Rational::one(),
        prime_power(&small, power, budget)?,
        budget,
    )?;
    Ok(Some(large.add(
        &if b.is_negative() { small.neg() } else { small },
        budget,
    )?))
}

fn rational_root(value: &Rational) -> Option<Rational> {
    if value.numerator().is_negative() {
        return None;
    }
    let (num, den) = (
        value.numerator().magnitude().sqrt(),
        value.denominator().sqrt(),
    );
    let exact =
        &num * &num == *value.numerator().magnitude() && &den * &den == *value.denominator();
    if exact {
        Rational::new(BigInt::from(num), BigInt::from(den))
    } else {
        None
    }
}

/// A power whose exponent holds symbols: each term of the exponent becomes a factor.
fn symbolic(base: &Quotient, exponent: &Quotient, budget: &mut Budget) -> Bounded<Quotient> {
    let opaque = || {
        Quotient::atom(Atom::Call(
            "power".into(),
            vec![base.clone(), exponent.clone()],
        ))
    };
    if !exponent.is_whole() || !base.is_whole() {
        return Ok(opaque());
    }
    let Some((mono, coefficient)) = base.num.single() else {
        return Ok(opaque());
    };
    // (−2)^n = (−1)^n · 2^n
    if coefficient.is_negative()
        && mono.iter().all(|(atom, _)| atom.is_positive())
        && let Some(sign) = sign_power(&exponent.num, budget)?
    {
        return sign.mul(&symbolic(&base.neg(), exponent, budget)?, budget);
    }
    // (a·b)^n = a^n · b^n for positive a and b; one symbol may stand alone.
    let positive = !coefficient.is_negative() && mono.iter().all(|(atom, _)| atom.is_positive());
    let alone = coefficient.is_one()
        && matches!(mono.as_slice(), [(Atom::Symbol(_), e)] if *e == Exponent::ONE);
    if !positive && !alone {
        return Ok(opaque());
    }
    let mut bases = prime_power(coefficient, Exponent::ONE, budget)?;
    bases.extend(mono.iter().cloned());
    let mut result = Quotient::rational(Rational::one());
    for (term, factor) in &exponent.num.terms {
        if term.is_empty() {
            let constant = Quotient::rational(factor.clone());
            result = result.mul(&power(base, &constant, budget)?, budget)?;
            continue;
        }
        let times = Exponent::of(factor)?;
        let mut factors = Mono::new();
        for (atom, e) in &bases {
            let e = e.times(times)?;
            match (atom, term.as_slice()) {
                // e^{k ln p} = p^k
                (Atom::Euler, [(Atom::Log(true, prime), one)]) if *one == Exponent::ONE => {
                    factors.push((Atom::Prime(prime.clone()), e));
                }
                _ => factors.push((Atom::Power(Box::new(atom.clone()), term.clone()), e)),
            }
        }
        result = result.mul(
            &Poly::product(&Rational::one(), factors, budget)?.into(),
            budget,
        )?;
    }
    Ok(result)
}

/// May a letter stand for a whole number? The last ones of the alphabet and most Greek ones are names of real numbers.
fn may_be_whole(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() && !matches!(c, 't'..='z'))
        && name
            .split('_')
            .next()
            .is_some_and(|letter| letter.len() == 1)
        || name.starts_with("\\index")
}

/// `(−1)^exponent`, its terms apart; nothing where the constant in it is no whole number.
fn sign_power(exponent: &Poly, budget: &mut Budget) -> Bounded<Option<Quotient>> {
    let mut result = Rational::one();
    let mut factors = Mono::new();
    for (term, factor) in &exponent.terms {
        if term.is_empty() {
            if !factor.is_integer() {
                return Ok(None);
            }
            if factor.numerator().bit(0) {
                result = result.neg();
            }
            continue;
        }
        let plain = |(atom, e): &(Atom, Exponent)| {
            matches!(atom, Atom::Symbol(name) if may_be_whole(name)) && e.den == 1 && e.num > 0
        };
        // Only of whole numbers it is known which are even: `(−1)^{2√2}` is not 1.
        if !term.iter().all(plain) {
            let exponent = Poly::product(factor, term.clone(), budget)?.into();
            let minus_one = Quotient::rational(Rational::integer(-1));
            let power = Atom::Call("power".into(), vec![minus_one, exponent]);
            factors.push((power, Exponent::ONE));
            continue;
        }
        // n² is even where n is.
        let mut term = term.clone();
        if factor.is_integer() {
            for (_, e) in &mut term {
                *e = Exponent::ONE;
            }
        }
        factors.push((Atom::Sign(term), Exponent::of(factor)?));
    }
    Ok(Some(Poly::product(&result, factors, budget)?.into()))
}

/// The logarithm of a positive product: a sum over its factors.
pub fn logarithm(
    value: &Quotient,
    natural: bool,
    budget: &mut Budget,
) -> Bounded<Option<Quotient>> {
    if !value.is_whole() {
        return Ok(None);
    }
    let Some((mono, coefficient)) = value.num.single() else {
        return Ok(None);
    };
    if coefficient.is_negative() {
        return Ok(None);
    }
    let mut factors = prime_power(coefficient, Exponent::ONE, budget)?;
    for (atom, e) in mono {
        match atom {
            Atom::Prime(_) => factors.push((atom.clone(), *e)),
            Atom::Euler if natural => factors.push((atom.clone(), *e)),
            Atom::Power(base, _) if natural && **base == Atom::Euler && atom.is_positive() => {
                factors.push((atom.clone(), *e));
            }
            _ => return Ok(None),
        }
    }
    let mut sum = Poly::default();
    for (atom, e) in factors {
        let factor = Rational::ratio(e.num, e.den).ok_or(Stop::Undefined)?;
        let term = match atom {
            Atom::Prime(prime) => Poly::product(
                &factor,
                vec![(Atom::Log(natural, prime), Exponent::ONE)],
                budget,
            )?,
            // ln e^m is m for real m: symbols in exponents are taken as real, as is usual.
            Atom::Power(_, mono) => Poly::product(&factor, mono, budget)?,
            _ => Poly::constant(factor),
        };
        sum = sum.add(&term, budget)?;
    }
    Ok(Some(sum.into()))
}
