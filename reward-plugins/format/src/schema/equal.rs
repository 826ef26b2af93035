//! Equality of JSON values as JSON Schema has it, and their numbers.

use rlhost_plugin::serde_json::Value;
use rlhost_verifier::rational::Rational;

/// The number that a value is, exactly; nothing where it is none, or too long or large to be worked with.
pub(super) fn number(value: &Value) -> Option<Rational> {
    match value {
        Value::Number(number) => Rational::parse(&number.to_string()),
        _ => None,
    }
}

/// Whether two values are equal: numbers by their value, lists in order, objects in any.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (number(a), number(b)) {
            (Some(a), Some(b)) => a == b,
            // Too long to be worked with: only the same digits are equal.
            _ => x.to_string() == y.to_string(),
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}
