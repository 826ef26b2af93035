//! Takes units off canonical forms, so that values with and without them can be compared.

use crate::exponent::Exponent;
use crate::number::{Bounded, Budget, Rational, Stop};
use crate::params::UnitRule;
use crate::poly::{Atom, Mono, Poly, Quotient};
use crate::units;

/// The pairs of forms of which one has to be equal for the answers to be, by the rule for units.
pub fn comparable(
    response: &Quotient,
    reference: &Quotient,
    rule: UnitRule,
    budget: &mut Budget,
) -> Bounded<Vec<(Quotient, Quotient)>> {
    if !has_units(response) && !has_units(reference) {
        return Ok(vec![(response.clone(), reference.clone())]);
    }
    let mut pairs = Vec::new();
    let (a, b) = match rule {
        // A number without a unit is compared with the number as it is written.
        UnitRule::Convert if has_units(response) && has_units(reference) => {
            (converted(response, budget)?, converted(reference, budget)?)
        }
        _ => (response.clone(), reference.clone()),
    };
    let (x, y) = (split(response), split(reference));
    if let (Some((u, x)), Some((v, y))) = (x, y) {
        let fits = match rule {
            UnitRule::Ignore => true,
            UnitRule::Strict => u == v,
            UnitRule::Compare | UnitRule::Convert => u == v || says_nothing(&u) || says_nothing(&v),
        };
        if fits {
            pairs.push((x, y));
        }
    }
    if rule == UnitRule::Convert
        && let (Some((u, x)), Some((v, y))) = (split(response), split(reference))
        && let Some(pair) = temperatures(&u, x, &v, y, budget)?
    {
        pairs.push(pair);
    }
    if rule != UnitRule::Strict
        && let Some(pair) = angles(response, reference, budget)?
    {
        pairs.push(pair);
    }
    pairs.push((a, b));
    // `5m` is read as 5 times m, `5 m` as metres: the letters decide where one side has units.
    pairs.push((spelt(response, budget)?, spelt(reference, budget)?));
    Ok(pairs)
}

/// An angle in degrees and one in multiples of π, with or without `rad`, both in radians.
fn angles(
    a: &Quotient,
    b: &Quotient,
    budget: &mut Budget,
) -> Bounded<Option<(Quotient, Quotient)>> {
    let holds = |value: &Quotient, is: fn(&Atom) -> bool| {
        value.num.terms.keys().flatten().any(|(atom, _)| is(atom))
    };
    let degrees = |atom: &Atom| matches!(atom, Atom::Unit(name) if name == "°");
    let turns = |atom: &Atom| *atom == Atom::Pi;
    let mixed = holds(a, degrees) && holds(b, turns) || holds(b, degrees) && holds(a, turns);
    if !mixed {
        return Ok(None);
    }
    let mut radians = |value: &Quotient| {
        replaced(value, budget, |atom, exponent, budget| {
            Ok(match atom {
                Atom::Unit(name) if name == "°" => {
                    let turn = Rational::ratio(1, 180).ok_or(Stop::Undefined)?;
                    let scale = turn.pow(exponent.num, budget)?;
                    (exponent.den == 1).then(|| (scale, vec![(Atom::Pi, exponent)]))
                }
                Atom::Unit(name) if name == "rad" => Some((Rational::one(), Mono::new())),
                _ => None,
            })
        })
    };
    Ok(Some((radians(a)?, radians(b)?)))
}

/// Two temperatures, one of them in degrees Celsius and one in degrees Fahrenheit, both in the latter.
fn temperatures(
    u: &Mono,
    x: Quotient,
    v: &Mono,
    y: Quotient,
    budget: &mut Budget,
) -> Bounded<Option<(Quotient, Quotient)>> {
    let is = |units: &Mono, scale: &str| {
        matches!(units.as_slice(), [(Atom::Unit(name), power)]
            if name == scale && *power == Exponent::ONE)
    };
    let fahrenheit = |celsius: &Quotient, budget: &mut Budget| {
        let ratio = Rational::ratio(9, 5).ok_or(Stop::Undefined)?;
        let scaled = celsius.mul(&Quotient::rational(ratio), budget)?;
        scaled.add(&Quotient::rational(Rational::integer(32)), budget)
    };
    Ok(if is(u, "°C") && is(v, "°F") {
        Some((fahrenheit(&x, budget)?, y))
    } else if is(u, "°F") && is(v, "°C") {
        Some((x, fahrenheit(&y, budget)?))
    } else {
        None
    })
}

fn says_nothing(units: &Mono) -> bool {
    units
        .iter()
        .all(|(atom, _)| matches!(atom, Atom::Unit(name) if name == "unit"))
}

fn has_units(value: &Quotient) -> bool {
    let any = |poly: &Poly| {
        poly.terms
            .keys()
            .flatten()
            .any(|(atom, _)| matches!(atom, Atom::Unit(_)))
    };
    any(&value.num) || any(&value.den)
}

/// The units that all terms share, and the value without them.
fn split(value: &Quotient) -> Option<(Mono, Quotient)> {
    let is_unit = |atom: &Atom| matches!(atom, Atom::Unit(_));
    if value
        .den
        .terms
        .keys()
        .flatten()
        .any(|(atom, _)| is_unit(atom))
    {
        return None;
    }
    let mut shared: Option<Mono> = None;
    let mut rest = Poly::default();
    for (mono, coefficient) in &value.num.terms {
        let (units, others): (Mono, Mono) =
            mono.iter().cloned().partition(|(atom, _)| is_unit(atom));
        if shared.get_or_insert_with(|| units.clone()) != &units {
            return None;
        }
        rest.terms.insert(others, coefficient.clone());
    }
    Some((
        shared.unwrap_or_default(),
        Quotient {
            num: rest,
            den: value.den.clone(),
        },
    ))
}

/// Replaces atoms by something else, term by term.
fn replaced(
    value: &Quotient,
    budget: &mut Budget,
    replace: impl Fn(&Atom, Exponent, &mut Budget) -> Bounded<Option<(Rational, Mono)>>,
) -> Bounded<Quotient> {
    let poly = |from: &Poly, budget: &mut Budget| -> Bounded<Poly> {
        let mut sum = Poly::default();
        for (mono, coefficient) in &from.terms {
            let mut factor = coefficient.clone();
            let mut atoms = Mono::new();
            for (atom, exponent) in mono {
                let new = replace(atom, *exponent, budget)?;
                if let Some((scale, mono)) = new {
                    factor = factor.mul(&scale, budget)?;
                    atoms.extend(mono);
                } else {
                    atoms.push((atom.clone(), *exponent));
                }
            }
            sum = sum.add(&Poly::product(&factor, atoms, budget)?, budget)?;
        }
        Ok(sum)
    };
    let (num, den) = (
        Quotient::from(poly(&value.num, budget)?),
        Quotient::from(poly(&value.den, budget)?),
    );
    num.div(&den, budget)
}

fn converted(value: &Quotient, budget: &mut Budget) -> Bounded<Quotient> {
    replaced(value, budget, |atom, exponent, budget| {
        let Atom::Unit(name) = atom else {
            return Ok(None);
        };
        let Some((scale, base)) = units::conversion(name).filter(|_| exponent.den == 1) else {
            return Ok(None);
        };
        let mono = base
            .iter()
            .map(|(unit, power)| {
                Ok((
                    Atom::Unit((*unit).into()),
                    Exponent::new((*power).into(), 1)?.times(exponent)?,
                ))
            })
            .collect::<Bounded<Mono>>()?;
        Ok(Some((scale.pow(exponent.num, budget)?, mono)))
    })
}

fn spelt(value: &Quotient, budget: &mut Budget) -> Bounded<Quotient> {
    replaced(value, budget, |atom, exponent, _| {
        let Atom::Unit(name) = atom else {
            return Ok(None);
        };
        if name.len() > 4 || !name.chars().all(|c| c.is_ascii_alphabetic()) {
            return Ok(None);
        }
        if exponent.num == 0 {
            return Err(Stop::Undefined);
        }
        let mono = name
            .chars()
            .map(|c| (Atom::Symbol(c.to_string()), exponent))
            .collect();
        Ok(Some((Rational::one(), mono)))
    })
}

/// `value` with each logarithm of no named base as the natural one times an unknown factor, the same for all: what holds
/// then holds for any base, as `log 5 / log 3 = ln 5 / ln 3` does. Nothing where there is no such logarithm.
pub fn with_any_base(value: &Quotient, budget: &mut Budget) -> Bounded<Option<Quotient>> {
    let unnamed = |poly: &Poly| {
        let mut atoms = poly.terms.keys().flatten();
        atoms.any(|(atom, _)| matches!(atom, Atom::Log(false, _)))
    };
    if !unnamed(&value.num) && !unnamed(&value.den) {
        return Ok(None);
    }
    let changed = replaced(value, budget, |atom, exponent, _| {
        Ok(match atom {
            Atom::Log(false, prime) => {
                let factor = Atom::Symbol("\\log".into());
                let natural = Atom::Log(true, prime.clone());
                Some((
                    Rational::one(),
                    vec![(factor, exponent), (natural, exponent)],
                ))
            }
            _ => None,
        })
    })?;
    Ok(Some(changed))
}
