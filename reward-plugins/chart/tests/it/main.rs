//! The verifier on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use chart::Chart;
use rlhost_plugin::serde_json::{Value, from_str, json};
use rlhost_plugin::{Sample, SampleReward};
use rlhost_verifier::golden;

const RIGHT: &str = "104";
const REFERENCE: &str = "100";

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Chart>(env!("CARGO_MANIFEST_DIR"), 100);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let reference: Value = from_str(REFERENCE).unwrap();
    let rows = [
        json!({"response": format!("<answer>{RIGHT}</answer>"), "answer": reference}),
        json!({"response": "I cannot say.", "answer": reference}),
    ];
    golden::check_description::<Chart>("chart", &rows);
}

/// Ten million bytes, as the contract may bring them, score 0 unread; nearly a MiB is read.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    let filler = "word <b>\\x{ ".repeat(80_000);
    let answer = format!("{filler}<answer>{RIGHT}</answer>");
    assert_eq!(
        Chart::score(&Sample::from_text(&answer, REFERENCE))
            .unwrap()
            .total,
        1.0
    );
    let filler = filler.repeat(11);
    for response in [
        format!("{filler}<answer>{RIGHT}</answer>"),
        format!("<answer>{filler}{RIGHT}</answer>"),
        format!("<think>{filler}{RIGHT}"),
        "<answer>".repeat(1_250_000),
        "[".repeat(10_000_000),
        "[{\"a\":".repeat(1_400_000),
    ] {
        assert!(response.len() > 8_000_000);
        let verdict = Chart::score(&Sample::from_text(&response, REFERENCE)).unwrap();
        assert_eq!(verdict.total, 0.0);
    }
}
