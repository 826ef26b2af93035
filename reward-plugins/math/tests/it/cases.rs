//! The golden cases (`cases/`), natively: what `rlhost plugin test math` runs as a component.

use math::plugin::Math;
use math::{judge, params::Options};
use rlhost_plugin::SampleReward;
use rlhost_verifier::golden;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A row of a file of cases and where it stands.
pub struct Case {
    pub place: String,
    pub row: Value,
}

/// All cases, by file and line.
pub fn cases() -> Vec<Case> {
    read("cases")
}

/// The cases of a folder's files.
pub fn read(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            cases.push(Case {
                place: format!("{name}:{}", number + 1),
                row: serde_json::from_str(line).unwrap(),
            });
        }
    }
    cases
}

/// Whether the plugin gives the score that a case of the corpus expects.
pub fn holds(row: &Value) -> bool {
    let verdict = Math::score(&golden::sample(row)).unwrap();
    row["expect"]["score"].as_f64() == Some(verdict.total)
}

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Math>(env!("CARGO_MANIFEST_DIR"), 1_700);
}

/// The pairs of `sympy.jsonl` the other way round: equality is symmetric.
#[test]
fn the_pairs_of_sympy_hold_both_ways() {
    let (mut count, mut wrong) = (0, Vec::new());
    for Case { place, row } in cases()
        .iter()
        .filter(|case| case.place.starts_with("sympy"))
    {
        let boxed = row["response"].as_str().unwrap();
        let answer = boxed
            .strip_prefix("\\boxed{")
            .and_then(|b| b.strip_suffix('}'))
            .unwrap();
        let response = format!("\\boxed{{{}}}", row["answer"].as_str().unwrap());
        let got = judge(&response, &answer.into(), &Options::default()).unwrap();
        count += 1;
        if Some(got.accuracy) != row["expect"]["score"].as_f64() {
            wrong.push(format!("{place} {row}"));
        }
    }
    assert!(count >= 300, "the pairs shrank to {count}");
    assert!(
        wrong.is_empty(),
        "{} of {count} pairs:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
