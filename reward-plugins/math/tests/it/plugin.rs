//! The plugin over the contract's types.

use math::params::PARAMS;
use math::plugin::Math;
use rlhost_plugin::{Failure, Sample, SampleReward};

fn sample(response: &str, answer: &str, params: &str) -> Sample {
    let mut sample = Sample::from_text(response, answer);
    sample.params = params.into();
    sample
}

#[test]
fn a_verdict_has_its_parts() {
    let verdict = Math::score(&sample(
        "<answer>1/2</answer>",
        "0.5",
        r#"{"format_weight": 0.25}"#,
    ))
    .unwrap();
    assert_eq!(verdict.total, 0.75);
    assert_eq!(
        verdict.parts,
        [("accuracy".to_string(), 1.0), ("format".to_string(), 0.0)]
    );
    assert!(verdict.steps.is_empty());
}

#[test]
fn failures_say_whose_fault_it_is() {
    let failure = |answer: &str, params: &str| {
        Math::score(&sample("<answer>1</answer>", answer, params)).unwrap_err()
    };
    assert!(matches!(
        failure("null", "{}"),
        Failure::InvalidReference(_)
    ));
    assert!(matches!(failure("{", "{}"), Failure::InvalidReference(_)));
    assert!(matches!(
        failure("\"\"", "{}"),
        Failure::InvalidReference(_)
    ));
    assert!(matches!(failure("1", "{"), Failure::Internal(_)));
    let Failure::Internal(message) = failure("1", r#"{"formatweight": 1}"#) else {
        panic!()
    };
    assert!(
        message.contains("`formatweight`") && message.contains("`format_weight`"),
        "{message}"
    );
}

#[test]
fn the_description_is_complete() {
    let info = Math::describe();
    assert_eq!(info.name, "math");
    assert_eq!(info.parts, ["accuracy", "format"]);
    assert_eq!(info.params.len(), PARAMS.len());
    for param in &info.params {
        serde_json::from_str::<serde_json::Value>(&param.default).unwrap();
    }
}
