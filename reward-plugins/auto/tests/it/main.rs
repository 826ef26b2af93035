//! The verifier on its golden cases, on its own description, and beside the verifiers that it uses.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use auto::Auto;
use rlhost_plugin::serde_json::{Value, from_str, json};
use rlhost_plugin::{Reward, Sample, SampleReward};
use rlhost_verifier::golden;
use std::fs;

#[test]
fn the_plugin_says_what_its_cases_expect() {
    golden::check::<Auto>(env!("CARGO_MANIFEST_DIR"), 70);
}

#[test]
fn the_description_is_that_of_the_plugin() {
    let rows = [
        json!({"response": "<answer>B</answer>", "answer": "B", "answer_type": "multiple-choice"}),
        json!({"response": "I cannot say.", "answer": [1, 2, 3, 4], "answer_type": "bbox"}),
    ];
    golden::check_description::<Auto>("auto", &rows);
}

/// On the golden cases of a verifier, this one says what that one says.
fn same<T: SampleReward>(folder: &str, answer_type: &str, preset: Option<(&str, &str)>) {
    let folder = format!("{}/../{folder}/cases", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "jsonl") {
            continue;
        }
        for line in fs::read_to_string(path).unwrap().lines() {
            let row: Value = from_str(line).unwrap();
            let mut sample = golden::sample(&row);
            let params = row.get("params").cloned().unwrap_or(json!({}));
            let metric = preset.map(|(name, metric)| params.get(name).is_none_or(|m| m == metric));
            if metric == Some(false) {
                continue;
            }
            let mut own = params.as_object().unwrap().clone();
            own.extend(preset.map(|(name, metric)| (name.to_owned(), json!(metric))));
            sample.params = Value::Object(own).to_string();
            let expected = T::score(&sample);
            answer_type.clone_into(&mut sample.answer_type);
            sample.params = json!({"verifiers": {answer_type: params}}).to_string();
            let got = Auto::score(vec![sample]).remove(0);
            assert_eq!(format!("{got:?}"), format!("{expected:?}"), "{row}");
            count += 1;
        }
    }
    assert!(count >= 20, "{answer_type}: only {count} cases");
}

#[test]
fn each_type_is_judged_as_its_verifier_does() {
    same::<choice::Choice>("choice", "multiple-choice", None);
    same::<math::plugin::Math>("math", "math-expressions", None);
    same::<number::Number>("number", "number", None);
    same::<boolean::Boolean>("boolean", "boolean", None);
    same::<bbox::Bbox>("bbox", "bbox", None);
    same::<text::Text>("text", "ocrtext", Some(("metric", "anls")));
    same::<text::Text>("text", "critic", Some(("metric", "critic")));
    same::<text::Text>("text", "any", Some(("metric", "any")));
}

/// Ten million bytes, as the contract may bring them, score 0.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    let filler = "word <b>\\x{ ".repeat(880_000);
    for (answer_type, answer) in [
        ("multiple-choice", "\"B\""),
        ("number", "5"),
        ("boolean", "true"),
        ("ocrtext", "\"Paris\""),
        ("bbox", "[1, 2, 3, 4]"),
        ("critic", "\"x\""),
        ("any", "\"x\""),
    ] {
        let mut sample = Sample::from_text(&format!("<think>{filler}"), answer);
        sample.answer_type = answer_type.to_owned();
        sample.params = r#"{"thinking": "box"}"#.to_owned();
        assert_eq!(Auto::score(vec![sample]).remove(0).unwrap().total, 0.0);
    }
}
