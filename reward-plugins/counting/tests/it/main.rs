//! The verifier of counts on its golden cases, on its own description and on huge input.

use counting::Counting;
use rlhost_plugin::serde_json::json;
use rlhost_verifier::golden;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Counting>(env!("CARGO_MANIFEST_DIR"), 100);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>12</answer>", "answer": "12"}),
        json!({"response": "I cannot say.", "answer": "12"}),
    ];
    golden::check_description::<Counting>("counting", &rows);
}

#[test]
fn a_response_of_ten_megabytes_is_judged() {
    golden::check_huge::<Counting>("12", r#""12""#);
}
