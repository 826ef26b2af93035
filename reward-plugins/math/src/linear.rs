//! Sides of inequalities that are linear in one variable: `-x`, `x - 2`, `3x - 1`.

use crate::canonical::{Percent, canonical};
use crate::exponent::Exponent;
use crate::number::{Budget, Rational};
use crate::poly::{Atom, Mono, Poly, Quotient};
use crate::syntax::Node;

/// `slope · name + offset`.
pub(crate) struct Linear {
    pub(crate) name: String,
    pub(crate) slope: Rational,
    pub(crate) offset: Quotient,
}

/// Reads a side; nothing where it has no variable, several, or one that is not linear.
pub(crate) fn read(node: &Node, percent: Percent, budget: &mut Budget) -> Option<Linear> {
    if let Node::Symbol(name) = node {
        return (!matches!(name.as_str(), "pi" | "e" | "i")).then(|| Linear {
            name: name.clone(),
            slope: Rational::one(),
            offset: Quotient::rational(Rational::zero()),
        });
    }
    let value = canonical(node, percent, budget)
        .ok()
        .filter(Quotient::is_whole)?;
    let mut variable: Option<(String, Rational)> = None;
    let mut offset = Poly::default();
    for (mono, coefficient) in value.num.terms {
        if let [(Atom::Symbol(name), Exponent::ONE)] = mono.as_slice() {
            if variable.is_some() {
                return None;
            }
            variable = Some((name.clone(), coefficient));
        } else if is_constant(&mono) {
            offset.terms.insert(mono, coefficient);
        } else {
            return None;
        }
    }
    let (name, slope) = variable?;
    Some(Linear {
        name,
        slope,
        offset: offset.into(),
    })
}

fn is_constant(mono: &Mono) -> bool {
    let known = |atom: &Atom| {
        matches!(
            atom,
            Atom::Prime(_) | Atom::Pi | Atom::Euler | Atom::Log(true, _)
        )
    };
    mono.iter().all(|(atom, _)| known(atom))
}
