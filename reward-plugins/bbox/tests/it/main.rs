//! The box verifier on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use bbox::Bbox;
use rlhost_plugin::serde_json::json;
use rlhost_plugin::{Sample, SampleReward};
use rlhost_verifier::golden;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Bbox>(env!("CARGO_MANIFEST_DIR"), 120);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>[10, 10, 30, 30]</answer>", "answer": "[10, 10, 30, 30]"}),
        json!({"response": "I cannot say.", "answer": "[10, 10, 30, 30]"}),
    ];
    golden::check_description::<Bbox>("bbox", &rows);
}

/// Ten million bytes, as the contract may bring them, score 0 unread; nearly a MiB is read.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    let filler = "word <b>\\x{ ".repeat(80_000);
    let sample = Sample::from_text(
        &format!("{filler}<answer>[10, 10, 30, 30]</answer>"),
        r#""[10, 10, 30, 30]""#,
    );
    assert_eq!(Bbox::score(&sample).unwrap().total, 1.0);
    let filler = filler.repeat(11);
    for (response, expected) in [
        (format!("{filler}<answer>[10, 10, 30, 30]</answer>"), 0.0),
        (format!("<answer>{filler}[10, 10, 30, 30]</answer>"), 0.0),
        (format!("<think>{filler}[10, 10, 30, 30]"), 0.0),
        ("<answer>".repeat(1_250_000), 0.0),
        ("\\boxed{".repeat(1_400_000), 0.0),
        ("[".repeat(10_000_000), 0.0),
    ] {
        assert!(response.len() > 8_000_000);
        let verdict = Bbox::score(&Sample::from_text(&response, r#""[10, 10, 30, 30]""#)).unwrap();
        assert_eq!(verdict.total, expected);
    }
}
