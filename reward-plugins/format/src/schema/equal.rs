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
        (Value::Number(a), Value::Number(b)) => decimal(&a.to_string()) == decimal(&b.to_string()),
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

/// A text that equal values have in common, and no others.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => decimal(&number.to_string()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let mut items: Vec<String> = map
                .iter()
                .map(|(name, item)| format!("{}:{}", Value::from(name.as_str()), canonical(item)))
                .collect();
            items.sort();
            format!("{{{}}}", items.join(","))
        }
        other => other.to_string(),
    }
}

/// A JSON number without zeros at either end, as digits and a power of ten: equal numbers have equal texts. One whose exponent is
/// out of all bounds stays as it is.
fn decimal(text: &str) -> String {
    let (sign, rest) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i32>() else {
        return text.to_owned();
    };
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        return "0".to_owned();
    }
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX / 4);
    let power = i64::from(exponent) - length(fraction) + length(digits) - length(short);
    format!("{sign}{short}e{power}")
}

/// What comparing a value costs, at least 1: digits of numbers, pieces of texts, and what is in lists and objects.
pub(super) fn size(value: &Value) -> u64 {
    match value {
        Value::Number(number) => 1 + number.to_string().len() as u64,
        Value::String(text) => 1 + text.len() as u64 / 64,
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(map) => 1 + map.values().map(size).sum::<u64>(),
        Value::Null | Value::Bool(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_equal_decimals() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("0e5", "0"),
            ("1", "1e0"),
            ("1.0", "1e0"),
            ("10", "1e1"),
            ("1e1", "1e1"),
            ("0.010", "1e-2"),
            ("-12.50E+3", "-125e2"),
            ("1e99999999999", "1e99999999999"),
        ] {
            assert_eq!(decimal(text), expected, "{text}");
        }
    }
}
