//! Plain numbers and words beside the published function of `ChartQA`'s relaxed accuracy (`tests/peers/verifiers.py`).

use chart::Chart;
use rlhost_plugin::SampleReward;
use rlhost_plugin::serde_json::{Value, from_str, json};
use rlhost_verifier::golden;

#[test]
fn plain_answers_are_judged_as_published() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 600);
    let mut right = 0;
    for row in &rows {
        let sample = golden::sample(&json!({
            "response": format!("<answer>{}</answer>", row["answer"].as_str().unwrap()),
            "answer": row["reference"],
            "params": {"years": "relaxed", "percent": "value"},
        }));
        let got = Chart::score(&sample).unwrap().total > 0.5;
        assert_eq!(Value::from(got), row["right"], "{row}");
        right += u32::from(got);
    }
    assert!((150..450).contains(&right), "{right} are right");
}
