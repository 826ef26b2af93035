//! Which rewards a sample gets: dispatch by columns of the data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Columns, Sample};

/// A condition over the columns of a sample: all must hold. The empty one always does.
///
/// A column is `data_source`, `problem_type`, `answer_type` or any further column of the data row; dots
/// lead into objects (`meta.level`). It must equal the given value, or one of the given list. A column
/// that a row lacks, or that is `null`, equals `null` alone; the three named ones are texts and empty
/// where the row lacks them.
///
/// ```
/// use rlhost_host::{Sample, When};
///
/// let when: When = serde_json::from_str(r#"{"answer_type": ["number", "interval"], "meta.level": 3}"#)?;
/// let mut sample = Sample::single("12", "12");
/// assert!(!when.holds(&sample));
/// sample.answer_type = "number".to_owned();
/// sample.columns = r#"{"meta": {"level": 3}}"#.to_owned();
/// assert!(when.holds(&sample));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct When(BTreeMap<String, Value>);

impl When {
    /// Whether it always holds.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The columns that it asks for.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether it holds for a sample.
    pub fn holds(&self, sample: &Sample) -> bool {
        if self.is_empty() {
            return true;
        }
        let columns = further_columns(sample);
        self.0.iter().all(|(column, wanted)| {
            let value = value(sample, &columns, column);
            match wanted {
                Value::Array(choices) => {
                    value == *wanted || choices.iter().any(|choice| equal(&value, choice))
                }
                wanted => equal(&value, wanted),
            }
        })
    }

    /// What is asked for and what a sample has, for messages.
    pub(crate) fn describe(&self, sample: &Sample) -> String {
        let columns = further_columns(sample);
        let values = self.columns().map(|column| {
            let value = value(sample, &columns, column);
            format!("{column} = {}, and it is {value}", self.0[column])
        });
        values.collect::<Vec<_>>().join(", ")
    }
}

fn further_columns(sample: &Sample) -> Columns {
    serde_json::from_str(&sample.columns).unwrap_or_default()
}

/// What a sample has in a column.
fn value(sample: &Sample, columns: &Columns, column: &str) -> Value {
    match column {
        "data_source" => Value::from(sample.data_source.as_str()),
        "problem_type" => Value::from(sample.problem_type.as_str()),
        "answer_type" => Value::from(sample.answer_type.as_str()),
        path => further_column(columns, path),
    }
}

/// A column by its name, or by a path of names. Only what is asked for is parsed, so whatever else stands in
/// the row (numbers beyond all bounds, nesting without end) does no harm.
fn further_column(columns: &Columns, path: &str) -> Value {
    let parsed = |raw: &RawValue| {
        // What JSON's own types can't hold equals nothing but itself.
        serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::from(raw.get()))
    };
    let column = |wanted: &str| columns.iter().find(|(name, _)| *name == wanted);
    if let Some((_, value)) = column(path) {
        return parsed(value);
    }
    let mut names = path.split('.');
    let first = names
        .next()
        .and_then(column)
        .map(|(_, value)| parsed(value));
    let found = names.fold(first, |value, name| value?.get(name).cloned());
    found.unwrap_or(Value::Null)
}

/// Whether two values are the same; numbers by value, so that 3 and 3.0 are.
fn equal(a: &Value, b: &Value) -> bool {
    let fractional = a.is_f64() || b.is_f64();
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) if fractional => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn holds(when: &str, columns: &str) -> bool {
        let mut sample = Sample::single("", "null");
        sample.data_source = "geo".to_owned();
        sample.columns = columns.to_owned();
        serde_json::from_str::<When>(when).unwrap().holds(&sample)
    }

    #[test]
    fn columns_of_all_kinds() {
        assert!(holds("{}", "{}"));
        assert!(holds(r#"{"data_source": "geo"}"#, "{}"));
        assert!(!holds(r#"{"data_source": "geo", "level": 1}"#, "{}"));
        assert!(holds(r#"{"level": 3.0}"#, r#"{"level": 3}"#));
        assert!(!holds(r#"{"level": "3"}"#, r#"{"level": 3}"#));
        assert!(holds(r#"{"hard": [true, null]}"#, "{}"));
        assert!(!holds(r#"{"hard": [true]}"#, "{}"));
        assert!(holds(r#"{"tags": ["a", "b"]}"#, r#"{"tags": ["a", "b"]}"#));
        assert!(holds(r#"{"a.b": 1}"#, r#"{"a": {"b": 1}}"#));
        assert!(holds(r#"{"a.b": 1}"#, r#"{"a.b": 1, "a": {"b": 2}}"#));
        assert!(!holds(r#"{"a.b.c": 1}"#, r#"{"a": {"b": 1}}"#));
        let large = r#"{"id": 9007199254740993, "huge": 1e999, "level": 3}"#;
        assert!(!holds(r#"{"id": 9007199254740992}"#, large));
        assert!(holds(r#"{"id": 9007199254740993, "level": 3}"#, large));
    }
}
