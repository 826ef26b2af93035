//! The published cases: numbers from running `RLLaVA`'s functions in f64 (values and gradients).
//!
//! `RLHOST_CASES` may name another file of the same form; it is checked as well. A section or a
//! name that is not known here fails the test, so nothing is passed over in silence.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod advantages;
mod data;
mod losses;

use rlhost_trainer::algorithm::Rows;
use serde_json::Value;
use std::collections::BTreeMap;

/// Checks one case and panics if it fails.
type Check = fn(&Value);

/// How a case of each section is checked.
const SECTIONS: &[(&str, Check)] = &[
    ("advantage", advantages::advantages),
    ("policy_loss", losses::policy_loss),
    ("kl_penalty", losses::kl_penalty),
    ("agg_loss", losses::agg_loss),
    ("value_loss", losses::value_loss),
    ("kl_controller", advantages::kl_controller),
    ("kl_in_reward", advantages::kl_in_reward),
    ("masked_stats", advantages::masked_stats),
    ("response_mask", data::response_mask),
    ("lr_schedule", data::lr_schedule),
    ("seqlen_balance", data::seqlen_balance),
    ("online_filter", advantages::online_filter),
    ("actor_objective", losses::actor_objective),
    ("entropy_logprob", data::entropy_logprob),
    ("hint_schedule", data::hint_schedule),
    ("mrope", data::mrope),
    ("process_image", data::process_image),
];

#[test]
fn cases() {
    let own = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/cases/algorithms.json"
    );
    let counts = check_file(own);
    for (section, _) in SECTIONS {
        assert!(counts.contains_key(*section), "{own} lacks `{section}`");
    }
    if let Ok(other) = std::env::var("RLHOST_CASES") {
        check_file(&other);
    }
}

/// Checks all of a file and says how many cases each section had.
fn check_file(path: &str) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    println!("{path}");
    let mut counts = BTreeMap::new();
    for (section, cases) in file {
        if section == "meta" {
            continue;
        }
        let Some((_, check)) = SECTIONS.iter().find(|(name, _)| *name == section) else {
            panic!("{path}: section `{section}` is not known here");
        };
        let cases = cases.as_array().unwrap();
        assert!(!cases.is_empty(), "{path}: section `{section}` is empty");
        cases.iter().for_each(check);
        println!("  {section}: {} cases", cases.len());
        counts.insert(section, cases.len());
    }
    assert!(!counts.is_empty(), "{path} has no cases");
    counts
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        Value::Bool(flag) => vec![f64::from(u8::from(*flag))],
        number => vec![number.as_f64().unwrap()],
    }
}

fn flat_if(value: &Value) -> Option<Vec<f64>> {
    (!value.is_null()).then(|| flat(value))
}

fn flags_if(value: &Value) -> Option<Vec<bool>> {
    flat_if(value).map(|numbers| numbers.iter().map(|m| *m != 0.0).collect())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn integers<T: TryFrom<u64>>(value: &Value) -> Vec<T>
where
    T::Error: std::fmt::Debug,
{
    let items = value.as_array().unwrap().iter();
    items
        .map(|item| T::try_from(item.as_u64().unwrap()).unwrap())
        .collect()
}

/// Equal numbers for equal ids.
fn groups(ids: &Value) -> Vec<u64> {
    let ids = ids.as_array().unwrap();
    let first = |id| ids.iter().position(|other| other == id).unwrap() as u64;
    ids.iter().map(first).collect()
}

fn rows(mask: &Value) -> Rows {
    let lengths = mask.as_array().unwrap().iter().map(|row| flat(row).len());
    let offsets = std::iter::once(0)
        .chain(lengths.scan(0, |sum, length| {
            *sum += length;
            Some(*sum)
        }))
        .collect();
    Rows::new(offsets, flags_if(mask).unwrap()).unwrap()
}

fn width(mask: &Value) -> usize {
    mask[0].as_array().unwrap().len()
}

#[track_caller]
fn close(what: &str, found: f64, wanted: f64) {
    // The cases are printed with 12 digits, so a true zero may be 1e-13 there.
    let bound = 1e-6 * wanted.abs() + 1e-12;
    assert!(
        (found - wanted).abs() <= bound,
        "{what}: found {found}, wanted {wanted}"
    );
}

#[track_caller]
fn all_close(what: &str, found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        close(&format!("{what}[{i}]"), *found, *wanted);
    }
}
