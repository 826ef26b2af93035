//! The standard verifiers on what people report about rewards in public issues: 637 cases in `tests/fixtures/field`, each with the score
//! that a user expects. None of them was written by whoever wrote the verifiers.

use crate::support::{Project, guest, json_lines, repository};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;

/// Cases whose expectation is held to be wrong, and why.
const DISPUTED: &[(&str, &str)] = &[];

/// The share of cases that may be disputed.
const MOST_DISPUTED: f64 = 0.03;

/// A case, and where it stands among those of its plugin and parameters.
struct Case {
    id: String,
    row: Value,
    score: Option<f64>,
    outcome: String,
    why: String,
}

/// The cases by plugin and parameters: one call of the command scores them all.
fn cases() -> BTreeMap<(String, String), Vec<Case>> {
    let text = fs::read_to_string(repository().join("tests/fixtures/field/rows.jsonl")).unwrap();
    let mut out: BTreeMap<_, Vec<Case>> = BTreeMap::new();
    for row in json_lines(&text) {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let params = row
            .get("params")
            .cloned()
            .unwrap_or(Value::Object(Map::new()));
        out.entry((text("plugin"), params.to_string()))
            .or_default()
            .push(Case {
                id: text("id"),
                row: row["row"].clone(),
                score: row["expect_score"].as_f64(),
                outcome: text("expect_outcome"),
                why: text("why"),
            });
    }
    out
}

#[test]
fn the_verifiers_score_what_users_expect() {
    let project = Project::empty();
    let cases = cases();
    let total: usize = cases.values().map(Vec::len).sum();
    let mut wrong = Vec::new();
    for ((plugin, params), cases) in &cases {
        let rows: Vec<String> = cases.iter().map(|case| case.row.to_string()).collect();
        project.write("rows.jsonl", &(rows.join("\n") + "\n"));
        let component = guest(plugin);
        let mut arguments = vec!["score", &component, "--input", "rows.jsonl"];
        let params: Map<String, Value> = serde_json::from_str(params).unwrap();
        let params: Vec<String> = params
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        for param in &params {
            arguments.extend(["--param", param]);
        }
        let records = json_lines(&project.ok(&arguments).stdout);
        assert_eq!(records.len(), cases.len(), "{plugin}");
        for (case, record) in cases.iter().zip(&records) {
            let score = record["score"].as_f64();
            let same = match (case.score, score) {
                (Some(expected), Some(score)) => (expected - score).abs() < 1e-6,
                (expected, score) => expected == score,
            };
            if !same || record["outcome"] != case.outcome {
                wrong.push((case, score));
            }
        }
    }
    let disputed = |id: &str| DISPUTED.iter().any(|(disputed, _)| *disputed == id);
    let told: Vec<String> = wrong
        .iter()
        .filter(|(case, _)| !disputed(&case.id))
        .map(|(case, score)| {
            format!(
                "{} {score:?}, expected {:?} ({}): {}",
                case.id, case.score, case.why, case.row
            )
        })
        .collect();
    assert!(
        told.is_empty(),
        "{} of {total}:\n{}",
        told.len(),
        told.join("\n")
    );
    // A dispute that is settled is taken off the list.
    for (id, why) in DISPUTED {
        assert!(
            wrong.iter().any(|(case, _)| case.id == *id),
            "{id} is scored as expected: {why}"
        );
    }
    assert!((DISPUTED.len() as f64) <= MOST_DISPUTED * total as f64);
}
