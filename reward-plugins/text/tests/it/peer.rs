//! ANLS and token F1 beside `RapidFuzz` and the `SQuAD` evaluation (`tests/peers/verifiers.py`).

use rlhost_plugin::serde_json::{Value, from_str};
use text::measures::{anls, f1};

/// Whether a text of the fixture has punctuation that `f1` keeps and the `SQuAD` evaluation drops: before a digit, but for `$`
/// and brackets (`12.5` beside `125`).
fn has_kept(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    chars
        .windows(2)
        .any(|pair| matches!(pair[0], '.' | ',' | '-' | '\'') && pair[1].is_ascii_digit())
}

#[test]
fn anls_and_f1_are_those_of_outside_implementations() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 600);
    let (mut alike, mut same, mut less) = (0, 0, 0);
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
            let got = f1(answer, reference);
            if [answer, reference].iter().any(|text| has_kept(text)) {
                // Words that are equal with it are equal without it.
                assert!(got < expected + 1e-12, "F1 {row}");
                less += u32::from(got < expected - 1e-12);
            } else {
                assert!((got - expected).abs() < 1e-12, "F1 {row}");
                same += 1;
            }
        }
        alike += u32::from((0.01..0.99).contains(&expected));
    }
    assert!(same > 300, "only {same} pairs without kept punctuation");
    assert!(less < 20, "{less} pairs depart from SQuAD's evaluation");
    assert!(
        alike > 300,
        "only {alike} pairs are neither equal nor wholly different"
    );
}
