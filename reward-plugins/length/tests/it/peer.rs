//! The penalties beside a reading of the papers in Python (`tests/peers/verifiers.py`).

use length::Length;
use rlhost_plugin::SampleReward;
use rlhost_plugin::serde_json::{Value, from_str, json};
use rlhost_verifier::golden;

#[test]
fn the_penalties_are_those_of_the_papers() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    let (mut long, mut repeated) = (0, 0);
    for row in &rows {
        let sample = golden::sample(&json!({
            "response": row["response"],
            "params": row["params"],
        }));
        let verdict = Length::score(&sample).unwrap();
        for name in ["overlong", "repetition"] {
            let expected = row[name].as_f64().unwrap();
            let (_, got) = verdict.parts.iter().find(|(part, _)| part == name).unwrap();
            assert!((got - expected).abs() < 1e-12, "{name}: {got} for {row}");
        }
        let strictly_between = |value: &Value| value.as_f64().is_some_and(|v| 0.0 < v && v < 1.0);
        long += u32::from(strictly_between(&row["overlong"]));
        repeated += u32::from(strictly_between(&row["repetition"]));
    }
    assert!(
        long > 40 && repeated > 100,
        "{long} long, {repeated} repeated"
    );
}
