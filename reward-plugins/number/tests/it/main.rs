//! The number verifier on its golden cases, on its own description and on huge input.

use number::Number;
use rlhost_plugin::serde_json::json;
use rlhost_verifier::golden;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Number>(env!("CARGO_MANIFEST_DIR"), 180);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>5</answer>", "answer": "5"}),
        json!({"response": "I cannot say.", "answer": "5"}),
    ];
    golden::check_description::<Number>("number", &rows);
}

#[test]
fn a_response_of_ten_megabytes_is_judged() {
    golden::check_huge::<Number>("5", r#""5""#);
}
