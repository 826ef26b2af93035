//! The verifier on its golden cases, on its own description and on huge input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod peer;

use rlhost_plugin::serde_json::json;
use rlhost_plugin::{Reward, Sample, Scope};
use rlhost_verifier::golden;
use wemath::Wemath;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Wemath>(env!("CARGO_MANIFEST_DIR"), 100);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>B</answer>", "answer": "B"}),
        json!({"response": "I cannot say.", "answer": "8, 6"}),
    ];
    golden::check_description::<Wemath>("wemath", &rows);
    assert_eq!(Wemath::describe().scope, Scope::Batch);
}

/// Ten million bytes, as the contract may bring them, score 0 unread, and a neighbour is judged all the same.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    let filler = "word <b>\\x{ ".repeat(880_000);
    for (answer, right) in [("\"B\"", "B"), ("\"8, 6\"", "8, 6")] {
        let texts = [
            format!("{filler}<answer>{right}</answer>"),
            format!("<answer>{right}</answer>"),
        ];
        assert!(texts[0].len() > 8_000_000);
        let samples = texts.iter().map(|text| Sample::from_text(text, answer));
        let totals = Wemath::score(samples.collect())
            .into_iter()
            .map(|v| v.unwrap().total);
        assert_eq!(totals.collect::<Vec<_>>(), [0.0, 1.0]);
    }
}
