//! Training with rewards that misbehave: it goes on, and says what came of each sample.

use crate::support::{Project, groups, guest, number};
use serde_json::Value;
use std::collections::BTreeMap;

/// Whatever can be done to a sandbox, and what it is called.
const MODES: [(&str, &str); 4] = [
    ("loop", "budget-exhausted"),
    ("allocate", "memory-exhausted"),
    ("trap", "trap"),
    ("recurse", "stack-exhausted"),
];

/// Trains three steps with the reward in the given mode.
fn train(project: &Project, mode: &str, more: &[&str]) {
    let mode = format!("reward.hostile.params.mode={mode}");
    // Also where no sample has a score.
    let mut arguments = vec!["train", "train.toml", "trainer.max_steps=3", &mode];
    arguments.push("trainer.max_empty_steps=-1");
    arguments.extend(more);
    project.ok(&arguments);
}

/// A metric that counts.
fn count(value: &Value) -> usize {
    number(value) as usize
}

/// GRPO's advantages (Shao et al., *`DeepSeekMath`*, 2024, eq. 4.1.2): the distance from the mean of
/// the group's remaining scores in their standard deviations.
fn assert_advantages(group: &[&Value]) {
    let scores: Vec<f64> = group
        .iter()
        .filter_map(|row| row["score"].as_f64())
        .collect();
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (count - 1.0);
    for row in group {
        if row["score"].is_null() || scores.len() < 2 {
            assert_eq!(row["advantage"], Value::Null, "{row}");
            continue;
        }
        let expected = (number(&row["score"]) - mean) / (variance.sqrt() + 1e-6);
        let advantage = number(&row["advantage"]);
        assert!(
            (advantage - expected).abs() < 1e-6,
            "{advantage} for {expected}: {row}"
        );
    }
}

#[test]
fn every_misbehaviour_is_recorded_and_left_out() {
    for (mode, outcome) in MODES {
        let project = Project::new();
        train(&project, mode, &[]);
        let metrics = project.metrics("runs/train");
        for step in 1..=3 {
            let rows = project.rollouts("runs/train", step);
            assert_eq!(rows.len(), 16);
            for row in &rows {
                assert_eq!(row["outcome"], outcome);
                assert_eq!(row["score"], Value::Null);
                assert_eq!(row["advantage"], Value::Null);
                assert_eq!(row["rewards"][0]["outcome"], outcome);
                assert!(row["rewards"][0]["fuel"].as_u64().unwrap() > 0);
            }
            let metrics = metrics
                .iter()
                .find(|row| row["step"] == step && row.get("reward/samples").is_some())
                .unwrap();
            assert_eq!(count(&metrics[&format!("reward/outcome/{outcome}")]), 16);
            assert_eq!(count(&metrics["sampling/dropped_samples"]), 16);
            assert_eq!(count(&metrics["sampling/dropped_groups"]), 4);
        }
        // Nothing to learn from: the weights stay.
        let weights =
            |folder: &str| std::fs::read(project.path(folder).join("model.safetensors")).unwrap();
        assert_eq!(weights("model"), weights("runs/train/checkpoints/step-3"));
    }
}

/// Modes among which the bytes of the response choose.
const MIXED: &str =
    r#"["loop", "score", "allocate", "steps", "trap", "steps", "recurse", "score"]"#;

#[test]
fn the_other_samples_are_learned_from() {
    let project = Project::new();
    train(&project, MIXED, &[]);
    let metrics = project.metrics("runs/train");
    let (mut seen, mut learned) = (BTreeMap::new(), 0);
    for step in 1..=3 {
        let rows = project.rollouts("runs/train", step);
        for group in groups(&rows) {
            assert_eq!(group.len(), 4);
            assert_advantages(&group);
        }
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        for row in &rows {
            let outcome = row["outcome"].as_str().unwrap().to_owned();
            assert_eq!(row["score"].is_null(), outcome != "score");
            *seen.entry(outcome.clone()).or_insert(0) += 1;
            *counts
                .entry(format!("reward/outcome/{outcome}"))
                .or_insert(0.0) += 1.0;
            learned += usize::from(row["advantage"].as_f64().is_some_and(|a| a != 0.0));
        }
        counts.remove("reward/outcome/score");
        let metrics = metrics
            .iter()
            .find(|row| row["step"] == step && row.get("reward/samples").is_some())
            .unwrap();
        let recorded: BTreeMap<String, f64> = metrics
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.starts_with("reward/outcome/"))
            .map(|(name, value)| (name.clone(), number(value)))
            .collect();
        assert_eq!(recorded, counts);
        let dropped = rows.iter().filter(|row| row["advantage"].is_null()).count();
        assert_eq!(count(&metrics["sampling/dropped_samples"]), dropped);
        let scores: Vec<f64> = rows
            .iter()
            .filter_map(|row| row["score"].as_f64())
            .collect();
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        assert!((number(&metrics["reward/score"]) - mean).abs() < 1e-12);
    }
    assert!(learned > 0);
    for outcome in MODES
        .map(|(_, outcome)| outcome)
        .into_iter()
        .chain(["score"])
    {
        assert!(
            seen.contains_key(outcome),
            "{outcome} did not occur: {seen:?}"
        );
    }
}

#[test]
fn zero_counts_as_a_score() {
    let project = Project::new();
    train(&project, MIXED, &["reward.hostile.on_failure=zero"]);
    let mut failed = 0;
    for step in 1..=3 {
        let rows = project.rollouts("runs/train", step);
        for row in &rows {
            // What really happened stays visible.
            if row["rewards"][0]["outcome"] != "score" {
                failed += 1;
                assert_eq!(row["score"], 0.0);
                assert_eq!(row["rewards"][0]["total"], Value::Null);
            }
            assert!(row["advantage"].is_number());
        }
        for group in groups(&rows) {
            assert_advantages(&group);
        }
    }
    assert!(failed > 0);
}

#[test]
fn a_policy_can_be_given_for_an_outcome() {
    let project = Project::new();
    train(
        &project,
        MIXED,
        &["reward.hostile.on_failure={ trap = \"zero\" }"],
    );
    let mut seen = BTreeMap::new();
    for step in 1..=3 {
        for row in project.rollouts("runs/train", step) {
            let outcome = row["rewards"][0]["outcome"].as_str().unwrap().to_owned();
            let scored = matches!(outcome.as_str(), "score" | "trap");
            assert_eq!(row["score"].is_number(), scored, "{row}");
            *seen.entry(outcome).or_insert(0) += 1;
        }
    }
    assert!(seen["trap"] > 0 && seen.len() > 3, "{seen:?}");
}

#[test]
fn stop_ends_the_run() {
    let project = Project::new();
    let outcome = project.run(&[
        "train",
        "train.toml",
        "reward.hostile.params.mode=trap",
        "reward.hostile.on_failure=stop",
    ]);
    assert_eq!(outcome.code, Some(2));
    for name in ["reward `hostile`", "sample 0", "trap", "on_failure"] {
        assert!(
            outcome.stderr.contains(name),
            "{name} is not in {}",
            outcome.stderr
        );
    }
    // Nothing of the step that failed is there.
    assert!(
        !project
            .path("runs/train/rollouts/step-1.jsonl.zst")
            .exists()
    );
}

#[test]
fn rewards_are_summed_by_their_weights() {
    let project = Project::new();
    let math = format!("reward.math.plugin={}", guest("math"));
    train(
        &project,
        r#"["score", "steps", "trap"]"#,
        &[&math, "reward.math.weight=-0.5", "reward.hostile.weight=2"],
    );
    let (mut scored, mut abstained) = (0, 0);
    for row in project.rollouts("runs/train", 1) {
        let rewards = row["rewards"].as_array().unwrap();
        let names: Vec<_> = rewards.iter().map(|reward| &reward["name"]).collect();
        assert_eq!(names, ["hostile", "math"]);
        assert_eq!(rewards[1]["outcome"], "score");
        if rewards[0]["outcome"] == "score" {
            let sum = 2.0 * number(&rewards[0]["total"]) - 0.5 * number(&rewards[1]["total"]);
            assert!((number(&row["score"]) - sum).abs() < 1e-12);
            assert_eq!(
                row["parts"]["math/accuracy"],
                rewards[1]["parts"]["accuracy"]
            );
            scored += 1;
        } else {
            // One reward that can't say is enough.
            assert_eq!(row["score"], Value::Null);
            abstained += 1;
        }
    }
    assert!(scored > 0 && abstained > 0);

    // A reward of weight 0 only records.
    let project = Project::new();
    train(&project, "trap", &[&math, "reward.hostile.weight=0"]);
    for row in project.rollouts("runs/train", 1) {
        assert_eq!(row["rewards"][0]["outcome"], "trap");
        assert_eq!(row["score"], row["rewards"][1]["total"]);
    }
}
