//! The text verifier on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use rlhost_plugin::serde_json::json;
use rlhost_verifier::golden;
use text::Text;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Text>(env!("CARGO_MANIFEST_DIR"), 100);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>Paris</answer>", "answer": "Paris"}),
        json!({"response": "I cannot say.", "answer": "Paris"}),
    ];
    golden::check_description::<Text>("text", &rows);
}

#[test]
fn a_response_of_ten_megabytes_is_judged() {
    golden::check_huge::<Text>("Paris", r#""Paris""#);
}
