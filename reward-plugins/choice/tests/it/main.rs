//! The choice verifier on its golden cases, on its own description and on huge input.

use choice::Choice;
use rlhost_plugin::serde_json::json;
use rlhost_verifier::golden;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Choice>(env!("CARGO_MANIFEST_DIR"), 150);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>B</answer>", "answer": "B"}),
        json!({"response": "I cannot say.", "answer": "B"}),
    ];
    golden::check_description::<Choice>("choice", &rows);
}

#[test]
fn a_response_of_ten_megabytes_is_judged() {
    golden::check_huge::<Choice>("B", r#""B""#);
}
