//! A condition behind an expression: `x^2 (x > 0)`, `x^2, x > 0`. What a response says of a letter that its reference says nothing
//! of is no mistake; where both say something, it has to be the same.

use crate::parser;
use crate::syntax::{Node, Relation};

/// The expression and the inequality for a letter of it.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    if text.len() > 200 {
        return None;
    }
    let signs = ["<", ">", "\\le", "\\ge", "\\ne", "≤", "≥", "≠"];
    if !signs.iter().any(|sign| text.contains(sign)) {
        return None;
    }
    let (value, condition) = if let Some(inner) = text.strip_suffix(')') {
        let inner = inner.strip_suffix("\\right").unwrap_or(inner);
        inner.rsplit_once('(')?
    } else {
        text.rsplit_once(',')?
    };
    let value = value.strip_suffix("\\left").unwrap_or(value);
    let mut value = value.trim_end();
    while let Some(less) = ["\\quad", "\\qquad", "\\ ", "\\", ",", "~", ";"]
        .iter()
        .find_map(|space| value.strip_suffix(space))
    {
        value = less.trim_end();
    }
    let condition = condition.trim();
    let (left, right) = (parser::parse(value).ok()?, parser::parse(condition).ok()?);
    let Node::Relation(_, rest) = &right else {
        return None;
    };
    let bounds = |relation: &Relation| {
        matches!(
            relation,
            Relation::Less
                | Relation::LessEqual
                | Relation::Greater
                | Relation::GreaterEqual
                | Relation::NotEqual
        )
    };
    let (mut of, mut named) = (Vec::new(), Vec::new());
    letters(&left, &mut of);
    letters(&right, &mut named);
    let holds = rest.iter().all(|(relation, _)| bounds(relation))
        && is_expression(&left)
        && !named.is_empty()
        && named.iter().all(|name| of.contains(name));
    holds.then_some((value, condition))
}

/// Is it an expression or a formula for one, and no letter, bound, list or solved equation?
fn is_expression(node: &Node) -> bool {
    match node {
        Node::Relation(name, rest) => {
            matches!(rest.as_slice(), [(Relation::Equal, side)] if is_expression(side) && !side.is_constant() && !name.is_constant())
        }
        Node::Symbol(_)
        | Node::List(_)
        | Node::Set(_)
        | Node::SetOperation(..)
        | Node::Bracket(..) => false,
        _ => true,
    }
}

/// The names in an expression.
fn letters<'n>(node: &'n Node, out: &mut Vec<&'n str>) {
    if let Node::Symbol(name) = node
        && !matches!(name.as_str(), "pi" | "e" | "i")
    {
        out.push(name);
    }
    for child in node.children() {
        letters(child, out);
    }
}

/// Is one of these letters in the exponent of a negative number? There it is a whole number, or the power is none that is compared.
pub(crate) fn raises_negative(text: &str, named: &[String]) -> bool {
    parser::parse(text).is_ok_and(|node| has_such_power(&node, named))
}

fn has_such_power(node: &Node, named: &[String]) -> bool {
    let here = match node {
        Node::Power(base, exponent) => {
            let mut of = Vec::new();
            letters(exponent, &mut of);
            matches!(base.as_ref(), Node::Negative(inner) if inner.is_constant())
                && of
                    .iter()
                    .any(|letter| named.iter().any(|name| name == letter))
        }
        _ => false,
    };
    here || (node.children().into_iter()).any(|part| has_such_power(part, named))
}

/// The only name in the value of an answer, if that has π in it: the index of a family of angles that says nothing of its index.
pub(crate) fn index_of_angles(value: &Node) -> Option<&str> {
    let mut names = Vec::new();
    letters(value, &mut names);
    let first = *names.first()?;
    let angles = has_pi(value) && names.iter().all(|name| *name == first);
    angles.then_some(first)
}

fn has_pi(node: &Node) -> bool {
    matches!(node, Node::Symbol(name) if name == "pi") || node.children().into_iter().any(has_pi)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn conditions_are_taken_off_expressions() {
        for (text, expected) in [
            ("x^2 (x>0)", Some(("x^2", "x>0"))),
            ("x^2, x > 0", Some(("x^2", "x > 0"))),
            ("x^2 \\quad (x \\ge 0)", Some(("x^2", "x \\ge 0"))),
            ("y = 2x+1, x \\ne 3", Some(("y = 2x+1", "x \\ne 3"))),
            ("x, x > 0", None),
            ("x > 1, x < 2", None),
            ("x = 2, x > 0", None),
            ("2, x > 0", None),
            ("x^2, y > 0", None),
            ("(x+1)(x-2)", None),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
