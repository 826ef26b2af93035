//! What has no value and so equals nothing, itself included: `1/0`, `0^0`, `∞ − ∞`, `nan`.

use crate::canonical::{Percent, canonical};
use crate::number::Budget;
use crate::parser;
use crate::syntax::Node;

/// Work for all divisors together.
const BUDGET: u32 = 400;
/// Divisors and powers that are looked at.
const MAX_CHECKS: u32 = 64;

/// Is a text without a value?
pub(crate) fn text(source: &str) -> bool {
    if source.eq_ignore_ascii_case("nan") {
        return true;
    }
    // Without a sign for it, nothing is divided, and nothing is nested without depth.
    let marks = [
        "/", "frac", "^", "÷", "div", "inf", "∞", "\u{207b}", "⁰", "oo", "²", "**",
    ];
    marks.iter().any(|mark| source.contains(mark))
        && parser::parse(source).is_ok_and(|node| is(&node))
}

/// Does an expression, or an item in it, divide by zero, raise zero to a power of zero or less, or take infinity off itself?
pub(crate) fn is(node: &Node) -> bool {
    within(node, &mut MAX_CHECKS.clone(), &mut Budget::of(BUDGET))
}

fn within(node: &Node, checks: &mut u32, budget: &mut Budget) -> bool {
    let mut zero = |node: &Node| {
        let Some(left) = checks.checked_sub(1) else {
            return false;
        };
        *checks = left;
        canonical(node, Percent::Value, budget).is_ok_and(|value| value.num.is_zero())
    };
    let infinite = |node: &&Node| matches!(node, Node::Infinity);
    let here = match node {
        Node::Product(items) => {
            items.iter().any(|(divided, item)| *divided && zero(item))
                || items.iter().filter(|(_, item)| infinite(&item)).count() > 0
                    && items
                        .iter()
                        .any(|(divided, item)| zero(item) || *divided && infinite(&item))
        }
        Node::Power(base, exponent) => {
            let positive =
                matches!(exponent.as_ref(), Node::Number(n) if !n.is_negative() && !n.is_zero());
            let constant = exponent.is_constant();
            !positive
                && constant
                && (zero(exponent) || matches!(exponent.as_ref(), Node::Negative(_)))
                && zero(base)
        }
        Node::Sum(items) => {
            let negative =
                |item: &Node| matches!(item, Node::Negative(inner) if infinite(&inner.as_ref()));
            items.iter().any(|item| infinite(&item)) && items.iter().any(negative)
        }
        _ => false,
    };
    here || node
        .children()
        .into_iter()
        .any(|item| within(item, checks, budget))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_has_no_value() {
        for source in [
            "1/0",
            "\\frac{1}{0}",
            "\\frac{1}{2-2}",
            "0^0",
            "0^{-1}",
            "\\infty - \\infty",
            "NaN",
            "(1, 1/0)",
            "x = 1/0",
            "x/(x-x)",
            "0 \\cdot \\infty",
        ] {
            assert!(text(source), "{source}");
        }
        for source in [
            "0/1",
            "\\frac{0}{3}",
            "0^2",
            "x^0",
            "\\infty",
            "(-\\infty, \\infty)",
            "1/x",
            "nano",
            "9^{9^{9^9}}",
            "-\\infty, \\infty",
            "x/(x-1)",
        ] {
            assert!(!text(source), "{source}");
        }
    }
}
