//! `rlhost eval` says what the run's own validation said.

use crate::support::{Project, guest, json_lines};
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
            "--json",
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

/// A run of two steps whose validations sample four completions of each prompt, which often hold the answer.
fn sampled_run(project: &Project) {
    project.answer_with("s");
    let looks = "reward.hostile.params.when=no such text";
    project.ok(&[
        "train",
        "train.toml",
        looks,
        "trainer.max_steps=2",
        "rollout.val_override_config.n=4",
    ]);
}

#[test]
fn a_run_is_evaluated_by_its_own_settings() {
    let project = Project::new();
    sampled_run(&project);
    let output = project.ok(&["eval", "runs/train", "--json", "--output", "samples.jsonl"]);
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    let last = project.metrics("runs/train").pop().unwrap();
    assert_eq!(found["metric"], "accuracy");
    assert_eq!(found["value"], last["val/accuracy"]);
    assert_eq!(found["score"], last["val/score"]);
    assert_eq!(
        (&found["samples"], &found["prompts"]),
        (&64.into(), &16.into())
    );
    // The samples are those of the run's last validation.
    let rows = project.read("samples.jsonl");
    let recorded = project.records("runs/train/rollouts/validation-2.jsonl.zst");
    let said = |text: &str| -> Vec<(Value, Value)> {
        let rows = json_lines(text).into_iter();
        rows.map(|mut row| (row["response"].take(), row["score"].take()))
            .collect()
    };
    assert_eq!(said(&rows), said(&recorded));

    // Overrides and options override the run.
    let output = project.ok(&[
        "eval",
        "runs/train",
        "rollout.val_override_config.n=1",
        "--json",
        "--model",
        "model",
        "--reward",
        &guest("hostile"),
        "reward.hostile.params.mode=steps",
    ]);
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(found["samples"], 16);
    assert_eq!(
        (&found["metric"], &found["value"]),
        (&"score".into(), &1.0.into())
    );
    assert_eq!(found.get("accuracy"), None);
    assert_eq!(found.get("pass_at"), None);

    project.refused(&["eval"], &["run", "model folder"]);
    project.refused(&["eval", "model"], &["--data", "--reward"]);
    project.refused(&["eval", "none"], &["--data", "--reward"]);
    let missing = [
        "eval",
        "none",
        "--data",
        "data/val.jsonl",
        "--reward",
        "math",
    ];
    project.refused(&missing, &["none", "no such model folder"]);
}

/// The share of the choices of `k` of these for which `holds`.
fn share_of_choices(k: usize, right: &[bool]) -> f64 {
    let choices = (0..1_u32 << right.len()).filter(|set| set.count_ones() as usize == k);
    let (mut all, mut good) = (0, 0);
    for set in choices {
        all += 1;
        good += u32::from((0..right.len()).any(|i| set & 1 << i != 0 && right[i]));
    }
    f64::from(good) / f64::from(all)
}

#[test]
fn several_completions_of_a_prompt_are_taken_together() {
    let project = Project::new();
    sampled_run(&project);
    let output = project.ok(&["eval", "runs/train", "--json", "-o", "samples.jsonl"]);
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    let rows = json_lines(&project.read("samples.jsonl"));
    let accuracy = |row: &Value| row["parts"]["accuracy"].as_f64().unwrap();
    for k in [1, 2, 4] {
        let of_prompt = |group: &[Value]| {
            let right: Vec<bool> = group.iter().map(|row| accuracy(row) > 0.5).collect();
            share_of_choices(k, &right)
        };
        let pass = rows.chunks(4).map(of_prompt).sum::<f64>() / 16.0;
        let said = found["pass_at"][k.to_string()].as_f64().unwrap();
        assert!((said - pass).abs() < 1e-9, "pass@{k} is {said}, not {pass}");
        // A random policy closes no tag: its answers are its last lines.
        let majority = |group: &[Value]| {
            let last = |row: &Value| {
                let text = row["response"].as_str().unwrap();
                let line = text
                    .lines()
                    .rfind(|line| !line.trim().is_empty())
                    .unwrap_or("");
                line.split_whitespace().collect::<Vec<_>>().join(" ")
            };
            let answers: Vec<String> = group[..k].iter().map(last).collect();
            let votes = |answer: &String| answers.iter().filter(|a| *a == answer).count();
            let most = answers.iter().map(votes).max().unwrap();
            let first = answers
                .iter()
                .position(|answer| votes(answer) == most)
                .unwrap();
            accuracy(&group[first])
        };
        let majority = rows.chunks(4).map(majority).sum::<f64>() / 16.0;
        assert_eq!(found["maj_at"][k.to_string()].as_f64(), Some(majority));
    }
    let [low, high] = [0, 1].map(|end| found["interval"][end].as_f64().unwrap());
    let value = found["value"].as_f64().unwrap();
    assert!(
        0.0 < low && low < value && value < high && high < 1.0,
        "{found}"
    );
    assert!(
        found["pass_at"]["1"].as_f64() < found["pass_at"]["4"].as_f64(),
        "{found}"
    );

    // For people, the same.
    let table = project.ok(&["eval", "runs/train"]).stdout;
    let first = format!("{value:.3}   95 % of such samples: {low:.3} to {high:.3}");
    let line = table.lines().next().unwrap();
    assert_eq!(line.split_once(' ').unwrap().0, "accuracy", "{table}");
    assert_eq!(line.split_once(' ').unwrap().1.trim(), first, "{table}");
    for line in ["pass@4", "maj@4", "score", "samples ", "length"] {
        assert!(table.contains(&format!("\n{line}")), "{line}: {table}");
    }
    assert!(table.contains("64 of 16 prompts\n"), "{table}");
}
