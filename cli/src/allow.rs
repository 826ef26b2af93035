//! `--allow`: capabilities for a plugin that is run from the command line.

use anyhow::{Context, Result};
use rlhost_host::{Allow, Grants, Host};
use serde_json::{Map, Value};

#[derive(clap::Args)]
pub struct Arguments {
    /// Grant a capability: log, interpreter=PLUGIN, … (docs/plugins.md)
    #[arg(long, value_name = "KEY[=VALUE]")]
    allow: Vec<String>,
}

impl Arguments {
    /// Loads what is granted.
    pub fn grants(&self, host: &Host) -> Result<Grants> {
        Ok(self.parse()?.grants(host)?)
    }

    /// The grants as they were typed.
    pub fn as_typed(&self) -> &[String] {
        &self.allow
    }

    fn parse(&self) -> Result<Allow> {
        let mut table = Map::new();
        for text in &self.allow {
            let (key, value) = match text.split_once('=') {
                Some((key, value)) => (
                    key,
                    serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
                ),
                None => (text.as_str(), Value::Bool(true)),
            };
            insert(&mut table, key, value);
        }
        serde_json::from_value(Value::Object(table))
            .with_context(|| format!("--allow {}", self.allow.join(" --allow ")))
    }
}

/// Puts a value under a dotted key; interpreters add up.
fn insert(table: &mut Map<String, Value>, key: &str, value: Value) {
    if let Some((section, key)) = key.split_once('.') {
        let section = table
            .entry(section)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(section) = section {
            insert(section, key, value);
        }
    } else if key == "interpreter" {
        let list = table.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value);
        }
    } else {
        table.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(allow: &[&str]) -> Result<Allow> {
        let allow = allow.iter().map(|text| (*text).to_owned()).collect();
        Arguments { allow }.parse()
    }

    #[test]
    fn keys_are_those_of_the_configuration() {
        let allow = parse(&[
            "log",
            "interpreter=python",
            "interpreter=./js.wasm",
            "judge.url=http://127.0.0.1:8000/v1",
            "judge.model=qwen",
            "judge.extra.seed=3",
        ])
        .unwrap();
        assert!(allow.log);
        assert_eq!(allow.interpreter, ["python", "./js.wasm"]);
        let judge = allow.judge.unwrap();
        assert_eq!((judge.model.as_str(), judge.retries), ("qwen", 3));
        assert_eq!(judge.extra["seed"], 3);
        assert_eq!(parse(&[]).unwrap(), Allow::default());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let text = |allow: &[&str]| format!("{:#}", parse(allow).unwrap_err());
        assert!(text(&["clock"]).contains("unknown field `clock`"));
        assert!(text(&["judge.url=x"]).contains("missing field `model`"));
        assert!(text(&["log=7"]).contains("expected a boolean"));
    }
}
