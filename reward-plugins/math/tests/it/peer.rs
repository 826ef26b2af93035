//! Rewards that `RLLaVA` (commit 4753d4a) gives, where its accuracy is right.
//!
//! Its format part differs on purpose: it lets several `<think>` blocks pass.

use math::{judge, params::Options};
use serde_json::Value;

#[test]
fn accuracy_is_that_of_rllava_on_its_math_and_r1v_rewards() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../fixtures/rllava_math.json")).unwrap();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let response = case["response"].as_str().unwrap();
        let got = judge(response, &case["ground_truth"], &Options::default()).unwrap();
        assert_eq!(got.accuracy, case["accuracy"].as_f64().unwrap(), "{case}");
    }
}
