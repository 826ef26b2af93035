//! `rlhost eval` says what the run's own validation said.

use crate::support::{Project, guest};
use serde_json::Value;

#[test]
fn a_run_is_evaluated_as_it_validated_itself() {
    let project = Project::new();
    project.ok(&[
        "train",
        "train.toml",
        "reward.hostile.params.mode=[\"score\", \"steps\", \"abstain\"]",
    ]);
    let hostile = guest("hostile");
    let eval = |model: &str| -> Value {
        let output = project.ok(&[
            "eval",
            "--model",
            model,
            "--data",
            "data/val.jsonl",
            "--reward",
            &hostile,
            "reward.hostile.params.mode=[\"score\", \"steps\", \"abstain\"]",
            "data.max_prompt_length=24",
            "data.max_response_length=8",
            "rollout.val_override_config.temperature=1.0",
        ]);
        serde_json::from_str(&output.stdout).unwrap()
    };
    let validated: Vec<Value> = project
        .metrics("runs/train")
        .into_iter()
        .filter(|row| row.get("val/samples").is_some())
        .collect();
    let steps: Vec<_> = validated.iter().map(|row| &row["step"]).collect();
    assert_eq!(steps, [0, 3, 6]);
    // The run, its last checkpoint, and the model that it started from.
    for (model, row) in [
        ("runs/train", &validated[2]),
        ("runs/train/checkpoints/step-6", &validated[2]),
        ("model", &validated[0]),
    ] {
        let found = eval(model);
        assert_eq!(found["accuracy"], row["val/accuracy"]);
        assert_eq!(found["score"], row["val/score"]);
        assert_eq!(found["response_length"], row["val/response_length"]);
        assert_eq!(found["samples"], 16);
        assert_eq!(found["left_out"], 0);
        let outcomes = found["outcomes"].as_object().unwrap();
        let mut unscored = 0.0;
        for (outcome, count) in outcomes {
            assert_eq!(
                count.as_f64(),
                row[format!("val/outcome/{outcome}")].as_f64()
            );
            unscored += count.as_f64().unwrap();
        }
        assert!(outcomes.contains_key("abstain"));
        assert_eq!(found["scored"].as_f64(), Some(16.0 - unscored));
        // Only one of the modes reports the part, and always as 1; the score is 0.75 or 1.
        assert_eq!(found["accuracy"], 1.0);
        let score = found["score"].as_f64().unwrap();
        assert!((0.75..=1.0).contains(&score), "{score}");
    }
    assert_ne!(validated[0]["val/score"], validated[2]["val/score"]);
}
