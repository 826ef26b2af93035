//! The length penalties on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use length::Length;
use rlhost_plugin::serde_json::json;
use rlhost_plugin::{Sample, SampleReward};
use rlhost_verifier::golden;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Length>(env!("CARGO_MANIFEST_DIR"), 50);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "a b c d e f g"}),
        json!({"response": "a b c d a b c d a b c d a b c d"}),
    ];
    golden::check_description::<Length>("length", &rows);
}

/// Ten million bytes, as the contract may bring them.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    for (response, least, most) in [
        ("so we go on ".repeat(840_000), -1.0, -0.99),
        ("一".repeat(3_400_000), -1.0, -0.99),
        ("x".repeat(10_000_000), 0.0, 0.0),
    ] {
        assert!(response.len() > 8_000_000);
        let verdict = Length::score(&Sample::from_text(&response, "null")).unwrap();
        assert!((least..=most).contains(&verdict.total), "{}", verdict.total);
    }
}
