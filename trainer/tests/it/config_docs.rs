//! `docs/configuration.md` says what the code does: every key, its type and its default.

use std::collections::BTreeMap;
use std::path::Path;

use rlhost_trainer::config::{Config, CriticConfig, JudgeConfig, RetrieverConfig, RewardConfig};
use serde_json::Value;

/// A row of one of the page's tables.
#[derive(Debug)]
struct Row {
    kind: String,
    default: String,
    meaning: String,
}

/// The page's rows by their dotted keys.
fn page() -> BTreeMap<String, Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [key, kind, default, meaning] = cells[..] else {
            panic!("four cells are expected: {line}");
        };
        let row = Row {
            kind: kind.to_owned(),
            default: default.trim_matches('`').to_owned(),
            meaning: meaning.to_owned(),
        };
        let before = rows.insert(key.trim_matches('`').to_owned(), row);
        assert!(before.is_none(), "{key} stands twice");
    }
    rows
}

/// The page's keys with their types.
pub fn keys() -> impl Iterator<Item = (String, String)> {
    page().into_iter().map(|(key, row)| (key, row.kind))
}

/// The code's keys with their defaults; null for those without one.
fn declared() -> BTreeMap<String, Value> {
    let mut config = Config::default();
    let mut reward = RewardConfig::default();
    // Tables that are not there by default, but whose keys have defaults.
    reward.allow.judge = Some(JudgeConfig::default());
    reward.allow.retriever = Some(RetrieverConfig::default());
    config.critic = Some(CriticConfig::default());
    config.reward.insert("NAME".into(), reward);
    let mut keys = BTreeMap::new();
    collect("", serde_json::to_value(&config).unwrap(), &mut keys);
    keys
}

fn collect(prefix: &str, value: Value, keys: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(section) if !section.is_empty() => {
            for (name, value) in section {
                let dotted = if prefix.is_empty() {
                    name
                } else {
                    format!("{prefix}.{name}")
                };
                collect(&dotted, value, keys);
            }
        }
        value => {
            keys.insert(prefix.to_owned(), value);
        }
    }
}

#[test]
fn the_page_has_every_key_and_no_other() {
    let page: Vec<_> = page().into_keys().collect();
    let declared: Vec<_> = declared().into_keys().collect();
    let missing: Vec<_> = declared.iter().filter(|key| !page.contains(key)).collect();
    let unknown: Vec<_> = page.iter().filter(|key| !declared.contains(key)).collect();
    assert!(missing.is_empty(), "not in the page: {missing:?}");
    assert!(unknown.is_empty(), "only in the page: {unknown:?}");
    assert!(page.len() > 60, "{} keys are too few to be all", page.len());
}

#[test]
fn defaults_are_those_of_the_code() {
    let declared = declared();
    for (key, row) in page() {
        assert!(!row.meaning.is_empty(), "{key}");
        let default = match row.default.as_str() {
            "–" => Value::Null,
            text => {
                let table: toml::Table = format!("value = {text}").parse().unwrap();
                serde_json::to_value(&table["value"]).unwrap()
            }
        };
        assert_eq!(default, declared[&key], "{key}");
    }
}

/// No key holds a date, so the error for one says what the key holds.
#[test]
fn types_are_those_of_the_code() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("date.toml");
    for (key, row) in page() {
        std::fs::write(&file, format!("{key} = 1979-05-27\n")).unwrap();
        let error = Config::load(Some(&file), &[]).unwrap_err().to_string();
        let (_, rest) = error
            .split_once(&format!("{key}: expected "))
            .unwrap_or_else(|| panic!("{key}: {error}"));
        let expected = rest.split(", found the date").next();
        let wanted = match row.kind.as_str() {
            "boolean" => "true or false".to_owned(),
            "string or list of strings" => "a string or a list of strings".to_owned(),
            integer if integer.starts_with("integer") => format!("an {integer}"),
            pair if pair.starts_with("2 numbers") => format!("a list of {pair}"),
            // The names, as the error quotes them.
            choice if choice.starts_with('`') => format!(
                "one of {}",
                choice.trim_end_matches(", or a table").replace('`', "")
            ),
            other => format!("a {other}"),
        };
        // A table by outcome has outcomes as keys, which the page tells elsewhere.
        let expected = expected.and_then(|text| text.split(" or a table with keys").next());
        assert_eq!(expected, Some(wanted.as_str()), "{key}");
    }
}
