//! A plugin's parameters, read with their types checked.

use std::fmt;

use serde_json::{Map, Value};

use crate::Failure;

/// The parameters that the run's configuration gives a plugin.
///
/// ```
/// use rlhost_plugin::Params;
///
/// let params = Params::parse(r#"{"weight": 0.5}"#)?;
/// assert_eq!(params.number("weight", 1.0)?, 0.5);
/// assert_eq!(params.text("mode", "strict")?, "strict");
/// assert_eq!(
///     params.reject_unknown(&["wight", "mode"]).unwrap_err().to_string(),
///     "there is no parameter `weight`; did you mean `wight`? Known are: wight, mode",
/// );
/// # Ok::<(), rlhost_plugin::ParamError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Params(Map<String, Value>);

/// A parameter that makes no sense. As a [`Failure`] it is `internal`: the configuration must change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamError(String);

impl fmt::Display for ParamError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ParamError {}

impl From<ParamError> for String {
    fn from(error: ParamError) -> Self {
        error.0
    }
}

impl From<ParamError> for Failure {
    fn from(error: ParamError) -> Self {
        Self::Internal(error.0)
    }
}

impl Params {
    /// Reads parameters from a JSON object; an empty text stands for none.
    pub fn parse(json: &str) -> Result<Self, ParamError> {
        if json.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_str(json) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            _ => Err(ParamError(format!(
                "the parameters must be a JSON object, but they are {json}"
            ))),
        }
    }

    /// The value of `name`, whatever its type; `None` where it is not given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A number, or `default` where it is not given.
    pub fn number(&self, name: &str, default: f64) -> Result<f64, ParamError> {
        self.typed(name, default, "a number", Value::as_f64)
    }

    /// A whole number of at least 0, or `default` where it is not given.
    pub fn count(&self, name: &str, default: u64) -> Result<u64, ParamError> {
        self.typed(name, default, "a whole number", Value::as_u64)
    }

    /// A boolean, or `default` where it is not given.
    pub fn boolean(&self, name: &str, default: bool) -> Result<bool, ParamError> {
        self.typed(name, default, "true or false", Value::as_bool)
    }

    /// A string, or `default` where it is not given.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, ParamError> {
        self.typed(name, default, "a string", Value::as_str)
    }

    /// One of `choices`, or `default` where it is not given.
    pub fn choice<'a>(
        &'a self,
        name: &str,
        choices: &[&str],
        default: &'a str,
    ) -> Result<&'a str, ParamError> {
        let chosen = self.text(name, default)?;
        if choices.contains(&chosen) {
            return Ok(chosen);
        }
        Err(ParamError(format!(
            "the parameter `{name}` must be one of {}, but it is `{chosen}`",
            choices.join(", ")
        )))
    }

    /// Refuses parameters that are not in `known`, naming the nearest known one.
    pub fn reject_unknown(&self, known: &[&str]) -> Result<(), ParamError> {
        let Some(unknown) = self.0.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let hint = known
            .iter()
            .map(|name| (edit_distance(unknown, name), name))
            .min()
            .filter(|&(distance, name)| distance <= name.len() / 3 + 1)
            .map_or(String::new(), |(_, name)| {
                format!("; did you mean `{name}`?")
            });
        let list = match known {
            [] => "The plugin takes none".to_owned(),
            _ => format!("Known are: {}", known.join(", ")),
        };
        let stop = if hint.is_empty() { ". " } else { " " };
        Err(ParamError(format!(
            "there is no parameter `{unknown}`{hint}{stop}{list}"
        )))
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        default: T,
        wanted: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T, ParamError> {
        let Some(value) = self.0.get(name) else {
            return Ok(default);
        };
        read(value).ok_or_else(|| {
            ParamError(format!(
                "the parameter `{name}` must be {wanted}, but it is {value}"
            ))
        })
    }
}

/// Levenshtein distance over bytes; long names count as far away, so that the work stays bounded.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn defaults_stand_where_nothing_is_given() {
        let params = Params::parse("").unwrap();
        assert!((params.number("x", 2.5).unwrap() - 2.5).abs() < f64::EPSILON);
        assert_eq!(params.count("x", 3).unwrap(), 3);
        assert!(params.boolean("x", true).unwrap());
        assert_eq!(params.text("x", "d").unwrap(), "d");
        assert!(params.get("x").is_none());
    }

    #[test]
    fn a_wrong_type_is_named() {
        let params = Params::parse(r#"{"n": "many", "k": -1, "m": "loose"}"#).unwrap();
        assert_eq!(
            params.number("n", 0.0).unwrap_err().to_string(),
            r#"the parameter `n` must be a number, but it is "many""#
        );
        assert_eq!(
            params.count("k", 0).unwrap_err().to_string(),
            "the parameter `k` must be a whole number, but it is -1"
        );
        assert_eq!(
            params
                .choice("m", &["strict", "lenient"], "strict")
                .unwrap_err()
                .to_string(),
            "the parameter `m` must be one of strict, lenient, but it is `loose`"
        );
        assert!(Params::parse("[1]").is_err());
    }

    #[test]
    fn unknown_names_get_the_nearest_known_one() {
        let params = Params::parse(r#"{"extrct": "auto"}"#).unwrap();
        let error = params.reject_unknown(&["extract", "format"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no parameter `extrct`; did you mean `extract`? Known are: extract, format"
        );
        let error = params.reject_unknown(&[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no parameter `extrct`. The plugin takes none"
        );
        assert!(params.reject_unknown(&["extrct"]).is_ok());
        assert!(matches!(Failure::from(error), Failure::Internal(_)));
    }

    #[test]
    fn edit_distances() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }
}
