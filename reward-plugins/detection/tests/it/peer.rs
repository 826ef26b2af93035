//! The measures beside Shapely's intersections over unions and `SciPy`'s `linear_sum_assignment`, and the greedy ones beside
//! a plain reading of the published formula (`tests/peers/verifiers.py`).

use detection::Detection;
use rlhost_plugin::SampleReward;
use rlhost_plugin::serde_json::{Value, from_str, json};
use rlhost_verifier::golden;

#[test]
fn the_measures_are_those_of_scipy_and_shapely() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 400);
    let (mut part, mut better) = (0, 0);
    for row in &rows {
        let mut sums = Vec::new();
        for matching in ["optimal", "greedy"] {
            let sample = golden::sample(&json!({
                "response": format!("<answer>{}</answer>", row["found"]),
                "answer": row["wanted"],
                "params": {"matching": matching, "threshold": row["threshold"]},
            }));
            let verdict = Detection::score(&sample).unwrap();
            for (name, got) in &verdict.parts {
                let Some(mut expected) = row[matching][name].as_f64() else {
                    continue;
                };
                if name == "confidence" {
                    // The published formula gives a box in no pair 1 - confidence, this one 1 less.
                    let lonely = 1.0 - row[matching]["precision"].as_f64().unwrap();
                    expected = (expected - lonely).max(0.0);
                }
                assert!(
                    (got - expected).abs() < 1e-9,
                    "{matching} {name}: {got} {row}"
                );
            }
            sums.push(verdict.total);
        }
        part += u32::from(sums[0] > 0.0 && sums[0] < 1.0);
        better += u32::from(sums[0] > sums[1] + 1e-9);
    }
    assert!(part > 250, "only {part} match in part");
    assert!(
        better > 20,
        "optimal is better than greedy only {better} times"
    );
}
