//! The box verifier on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use bbox::Bbox;
use rlhost_plugin::serde_json::json;
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

#[test]
fn a_response_of_ten_megabytes_is_judged() {
    golden::check_huge::<Bbox>("[10, 10, 30, 30]", r#""[10, 10, 30, 30]""#);
}
