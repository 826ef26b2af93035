//! The verifier of yes and no on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use boolean::Boolean;
use rlhost_plugin::serde_json::json;
use rlhost_plugin::{Sample, SampleReward};
use rlhost_verifier::golden;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Boolean>(env!("CARGO_MANIFEST_DIR"), 100);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>yes</answer>", "answer": "yes"}),
        json!({"response": "I cannot say.", "answer": "yes"}),
    ];
    golden::check_description::<Boolean>("boolean", &rows);
}

/// Ten million bytes, as the contract may bring them, score 0 unread; nearly a MiB is read.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    let filler = "word <b>\\x{ ".repeat(80_000);
    let sample = Sample::from_text(&format!("{filler}<answer>yes</answer>"), r#""yes""#);
    assert_eq!(Boolean::score(&sample).unwrap().total, 1.0);
    let filler = filler.repeat(11);
    for (response, expected) in [
        (format!("{filler}<answer>yes</answer>"), 0.0),
        (format!("<answer>{filler}yes</answer>"), 0.0),
        (format!("<think>{filler}yes"), 0.0),
        ("<answer>".repeat(1_250_000), 0.0),
        ("\\boxed{".repeat(1_400_000), 0.0),
        ("[".repeat(10_000_000), 0.0),
    ] {
        assert!(response.len() > 8_000_000);
        let verdict = Boolean::score(&Sample::from_text(&response, r#""yes""#)).unwrap();
        assert_eq!(verdict.total, expected);
    }
}
