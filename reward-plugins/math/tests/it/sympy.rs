//! Pairs whose verdict comes from `SymPy` (`cases/generate_sympy.py`).

use math::{judge, params::Options};
use serde_json::Value;

#[test]
fn verdicts_agree_with_sympy() {
    let pairs = include_str!("../../cases/sympy.jsonl");
    let (mut count, mut wrong) = (0, Vec::new());
    for line in pairs.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let expected = f64::from(u8::from(pair["equal"].as_bool().unwrap()));
        // Both ways round: equality is symmetric.
        for (reference, response) in [("reference", "response"), ("response", "reference")] {
            let response = format!("\\boxed{{{}}}", pair[response].as_str().unwrap());
            let got = judge(&response, &pair[reference], &Options::default()).unwrap();
            count += 1;
            if got.accuracy != expected {
                wrong.push(line);
                break;
            }
        }
    }
    assert!(count >= 600, "the fixture shrank to {count} comparisons");
    assert!(
        wrong.is_empty(),
        "{} pairs of {count} are judged wrongly:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
