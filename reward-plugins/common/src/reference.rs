//! Reading the reference answer of a row.

use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{Failure, Sample};

use crate::extract;

/// How many acceptable answers a reference may list.
const MAX_ALTERNATIVES: usize = 64;

/// The acceptable answers of a sample, at least one, as texts.
///
/// The reference is a text, a number, `true` or `false`, a list of these, or an object with one of the keys
/// `answer`, `ground_truth`, `value`, `any_of`. A text may hold its answer in `<answer>…</answer>` or `\boxed{…}`.
///
/// # Errors
/// [`Failure::InvalidReference`] where it is missing, empty or of another form.
pub fn texts(sample: &Sample) -> Result<Vec<String>, Failure> {
    let mut value = sample.answer_json()?;
    if let Value::Object(map) = &mut value {
        value = ["answer", "ground_truth", "value", "any_of"]
            .iter()
            .find_map(|key| map.remove(*key))
            .ok_or_else(|| {
                invalid("an object without the key `answer`, `ground_truth`, `value` or `any_of`")
            })?;
    }
    match value {
        Value::Array(items) if items.is_empty() => Err(invalid("an empty list")),
        Value::Array(items) if items.len() > MAX_ALTERNATIVES => {
            Err(invalid("a list of more than 64 alternatives"))
        }
        Value::Array(items) => items.iter().map(text).collect(),
        value => Ok(vec![text(&value)?]),
    }
}

/// The answer of a reference that may be a whole solution: what its last tag or box holds, or else what follows the last
/// `####` at the start of a line, as `GSM8K` has it; the text itself where it has no such mark.
///
/// ```
/// use rlhost_verifier::reference::solution;
/// assert_eq!(solution("He sold 3 of 21.\n#### 18"), "18");
/// assert_eq!(solution(r"So $x = \boxed{18}$."), "18");
/// assert_eq!(solution("18"), "18");
/// ```
pub fn solution(text: &str) -> &str {
    let opened = extract::opened(text);
    if opened.len() < text.trim().len() {
        return opened;
    }
    let marked = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("####"))
        .map(str::trim)
        .rfind(|answer| !answer.is_empty());
    marked.unwrap_or(opened)
}

fn text(value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => {
            let text = solution(text);
            if text.is_empty() {
                return Err(invalid("an empty text"));
            }
            Ok(text.to_owned())
        }
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null => Err(invalid("null")),
        Value::Array(_) => Err(invalid("a list of lists")),
        Value::Object(_) => Err(invalid("an object in a list or an object")),
    }
}

fn invalid(what: &str) -> Failure {
    Failure::InvalidReference(format!("the reference answer is {what}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn references_come_in_several_forms() {
        let read = |answer: &str| texts(&Sample::from_text("", answer));
        assert_eq!(read("1.50").unwrap(), ["1.50"]);
        assert_eq!(read("\" x \"").unwrap(), ["x"]);
        assert_eq!(read("[\"a\", 2, true]").unwrap(), ["a", "2", "true"]);
        assert_eq!(read("{\"any_of\": [\"a\", \"b\"]}").unwrap(), ["a", "b"]);
        assert_eq!(read("\"<answer>a</answer>\"").unwrap(), ["a"]);
        for wrong in ["null", "[]", "[[1]]", "{}", "\"\"", "\" \"", "[null]", "{"] {
            let failure = read(wrong).unwrap_err();
            assert!(matches!(failure, Failure::InvalidReference(_)), "{wrong}");
        }
    }
}
