//! The metrics beside a reckoning with pandas (`tests/peers/verifiers.py`).

use rlhost_plugin::Reward;
use rlhost_plugin::serde_json::{Value, from_str, json};
use rlhost_verifier::golden;
use wemath::Wemath;
use wemath::metrics::NAMES;

#[test]
fn the_metrics_are_those_of_pandas() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    let mut whole = 0;
    for row in &rows {
        let questions = row["rows"].as_array().unwrap();
        let samples = questions.iter().map(|question| {
            let answer = if question["right"] == true { "B" } else { "C" };
            golden::sample(&json!({
                "response": format!("<answer>{answer}</answer>"),
                "answer": {"answer": "B", "ID": question["ID"], "key": question["key"]},
            }))
        });
        for verdict in Wemath::score(samples.collect()) {
            let verdict = verdict.unwrap();
            for name in NAMES {
                let part = verdict.parts.iter().find(|(part, _)| part == name);
                let expected = row["metrics"].get(name).and_then(Value::as_f64);
                let near = match (part, expected) {
                    (Some((_, got)), Some(expected)) => (got - expected).abs() < 1e-12,
                    (None, None) => true,
                    _ => false,
                };
                assert!(near, "{name}: {part:?} for {expected:?} in {row}");
            }
        }
        whole += u32::from(!row["metrics"].is_null());
    }
    assert!(whole >= 70, "only {whole} have a whole problem");
}
