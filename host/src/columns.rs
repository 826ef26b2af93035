//! JSON objects that keep their order and their values' own text.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// So many names are compared one by one.
const FEW: usize = 32;

/// A JSON object as its text has it: entries in their order, and each value's own text, so that `1.50`
/// stays `1.50`. A name that stands twice is an error.
///
/// ```
/// use rlhost_host::Columns;
///
/// let mut row: Columns = serde_json::from_str(r#"{"level": 1.50, "answer": 3, "id": "x"}"#)?;
/// assert_eq!(row.remove("answer").unwrap().get(), "3");
/// assert_eq!(row.to_json(), r#"{"level":1.50,"id":"x"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Columns(Vec<(String, Box<RawValue>)>);

impl Columns {
    /// The entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// Takes an entry out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// The value of a column by its name, or by a path of names: dots lead into objects
    /// (`reward_model.ground_truth`). A column that has the whole path as its name takes precedence.
    ///
    /// ```
    /// use rlhost_host::Columns;
    ///
    /// let row: Columns = serde_json::from_str(r#"{"reward_model": {"ground_truth": 1.50}}"#)?;
    /// assert_eq!(row.find("reward_model.ground_truth").unwrap().get(), "1.50");
    /// assert!(row.find("reward_model.style").is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn find(&self, path: &str) -> Option<Box<RawValue>> {
        let column = |wanted: &str| self.iter().find(|(name, _)| *name == wanted);
        if let Some((_, value)) = column(path) {
            return Some(value.to_owned());
        }
        let mut names = path.split('.');
        let (_, first) = column(names.next()?)?;
        names.try_fold(first.to_owned(), |value, name| {
            serde_json::from_str::<Self>(value.get()).ok()?.remove(name)
        })
    }

    /// The object's text, without white space between entries.
    pub fn to_json(&self) -> String {
        let entries: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), value.get()))
            .collect();
        format!("{{{}}}", entries.join(","))
    }
}

impl IntoIterator for Columns {
    type Item = (String, Box<RawValue>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Box<RawValue>)> for Columns {
    fn from_iter<I: IntoIterator<Item = (String, Box<RawValue>)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnsVisitor;

        impl<'de> Visitor<'de> for ColumnsVisitor {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Columns, A::Error> {
                let mut columns: Vec<(String, Box<RawValue>)> = Vec::new();
                let mut many = HashSet::new();
                while let Some((name, value)) = entries.next_entry::<String, Box<RawValue>>()? {
                    // Looking through all of a few names is faster, through all of many takes for ever.
                    let known = if columns.len() < FEW {
                        columns.iter().any(|(known, _)| *known == name)
                    } else {
                        if many.is_empty() {
                            many.extend(columns.iter().map(|(name, _)| name.clone()));
                        }
                        !many.insert(name.clone())
                    };
                    if known {
                        return Err(A::Error::custom(format_args!("{name:?} stands twice")));
                    }
                    columns.push((name, value));
                }
                Ok(Columns(columns))
            }
        }

        deserializer.deserialize_map(ColumnsVisitor)
    }
}
