//! The verifier on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use detection::Detection;
use rlhost_plugin::serde_json::{Value, from_str, json};
use rlhost_verifier::golden;

const RIGHT: &str = r#"[{"bbox_2d": [10, 10, 30, 30], "label": "cat"}]"#;
const REFERENCE: &str = r#"[{"bbox_2d": [10, 10, 30, 30], "label": "cat"}]"#;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Detection>(env!("CARGO_MANIFEST_DIR"), 100);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let reference: Value = from_str(REFERENCE).unwrap();
    let rows = [
        json!({"response": format!("<answer>{RIGHT}</answer>"), "answer": reference}),
        json!({"response": "I cannot say.", "answer": reference}),
    ];
    golden::check_description::<Detection>("detection", &rows);
}

#[test]
fn a_response_of_ten_megabytes_is_judged() {
    golden::check_huge::<Detection>(RIGHT, REFERENCE);
}
