//! The verifier of yes and no on its golden cases, on its own description and on huge input.

use boolean::Boolean;
use rlhost_plugin::serde_json::json;
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

#[test]
fn a_response_of_ten_megabytes_is_judged() {
    golden::check_huge::<Boolean>("yes", r#""yes""#);
}
