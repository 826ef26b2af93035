//! ANLS and token F1 beside `RapidFuzz` and the `SQuAD` evaluation (`tests/peers/verifiers.py`).

use rlhost_plugin::serde_json::{Value, from_str};
use text::measures::{anls, f1};

#[test]
fn anls_and_f1_are_those_of_outside_implementations() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 600);
    let mut alike = 0;
    for row in &rows {
        let (answer, reference) = (
            row["answer"].as_str().unwrap(),
            row["reference"].as_str().unwrap(),
        );
        let expected = row["anls"].as_f64().unwrap();
        assert!(
            (anls(answer, reference) - expected).abs() < 1e-12,
            "ANLS {row}"
        );
        if let Some(expected) = row["f1"].as_f64() {
            assert!((f1(answer, reference) - expected).abs() < 1e-12, "F1 {row}");
        }
        alike += u32::from((0.01..0.99).contains(&expected));
    }
    assert!(
        alike > 300,
        "only {alike} pairs are neither equal nor wholly different"
    );
}
