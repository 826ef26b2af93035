//! The format checker on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use format::Format;
use rlhost_plugin::serde_json::json;
use rlhost_plugin::{Sample, SampleReward};
use rlhost_verifier::golden;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Format>(env!("CARGO_MANIFEST_DIR"), 180);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<think>x</think><answer>5</answer>"}),
        json!({"response": "5"}),
    ];
    golden::check_description::<Format>("format", &rows);
}

/// Ten million bytes, as the contract may bring them.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    let filler = "word <b>\\x{ ".repeat(830_000);
    for (response, expected) in [
        (format!("<think>{filler}</think><answer>5</answer>"), 0.0),
        (format!("<think>{filler}<answer>5</answer>"), 0.0),
        ("<answer>".repeat(1_250_000), 0.0),
        ("<".repeat(10_000_000), 0.0),
    ] {
        assert!(response.len() > 8_000_000);
        let verdict = Format::score(&Sample::from_text(&response, "null")).unwrap();
        assert_eq!(verdict.total, expected);
    }
}
