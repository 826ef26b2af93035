//! The golden cases (`cases/`), natively: what `rlhost plugin test math` runs as a component.

use math::plugin::Math;
use math::{judge, params::Options};
use rlhost_plugin::{Failure, Sample, SampleReward, Turn};
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

/// The sample that the host makes of a row.
fn sample(row: &Value) -> Sample {
    let answer = row.get("answer").unwrap_or(&Value::Null).to_string();
    let mut sample = Sample::from_text(row["response"].as_str().unwrap_or_default(), &answer);
    if let Some(turns) = row["response"].as_array() {
        let first = sample.response.remove(0);
        sample.response = turns
            .iter()
            .map(|turn| Turn {
                text: turn["text"].as_str().unwrap().into(),
                ..first.clone()
            })
            .collect();
    }
    if let Some(params) = row.get("params") {
        sample.params = params.to_string();
    }
    sample
}

/// Whether the plugin says what the case expects.
pub fn holds(row: &Value) -> bool {
    let expect = row["expect"].as_object().unwrap();
    let result = Math::score(&sample(row));
    expect
        .iter()
        .all(|(key, expected)| match (key.as_str(), &result) {
            ("score", Ok(verdict)) => expected.as_f64() == Some(verdict.total),
            ("parts", Ok(verdict)) => expected.as_object().unwrap().iter().all(|(name, value)| {
                let part = verdict.parts.iter().find(|(part, _)| part == name);
                part.map(|(_, value)| *value) == value.as_f64()
            }),
            ("outcome", Err(Failure::InvalidReference(_))) => expected == "invalid-reference",
            ("outcome", Err(Failure::Internal(_))) => expected == "internal",
            ("message", Err(Failure::InvalidReference(message) | Failure::Internal(message))) => {
                message.contains(expected.as_str().unwrap())
            }
            _ => false,
        })
}

#[test]
fn the_plugin_says_what_its_cases_expect() {
    let cases = cases();
    assert!(cases.len() >= 1100, "the cases shrank to {}", cases.len());
    let wrong: Vec<_> = cases.iter().filter(|case| !holds(&case.row)).collect();
    let shown: Vec<_> = wrong
        .iter()
        .map(|case| format!("{} {}", case.place, case.row))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        shown.join("\n")
    );
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
