//! Learning from targets, as the records of runs show it.

use super::{TARGETS, groups, mean, number, train};
use crate::support::{Project, json_lines};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn prefixes_are_the_targets_beginnings() {
    let project = Project::new();
    let base = [
        TARGETS,
        &[
            "actor.policy_loss.loss_mode=luffy",
            "algorithm.prefix_strategy=random",
            "algorithm.n_prefix=2",
            "trainer.max_steps=1",
        ],
    ]
    .concat();
    let targets: BTreeMap<u64, String> = json_lines(&project.read("data/sft.jsonl"))
        .iter()
        .zip(0..)
        .map(|(row, index)| (index, row["target"].as_str().unwrap().to_owned()))
        .collect();
    let target = |row: &Value| &targets[&row["index"].as_u64().unwrap()];
    train(&project, "random", &base);
    let mut lengths = Vec::new();
    for group in groups(&project, "runs/random", 1) {
        for (sample, row) in group.iter().enumerate() {
            let tokens = row["prefix_tokens"].as_u64().unwrap();
            if sample >= 2 {
                assert_eq!(tokens, 0);
                continue;
            }
            lengths.push(tokens);
            // A token of this model's vocabulary is a character or a tag, so a share of the tokens
            // is at least as many characters.
            let response = row["response"].as_str().unwrap();
            let same = target(row)
                .chars()
                .zip(response.chars())
                .take_while(|(a, b)| a == b)
                .count() as u64;
            assert!(same >= tokens.min(target(row).len() as u64), "{row}");
            assert!(tokens <= row["tokens"].as_u64().unwrap());
        }
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 2, "shares are random: {lengths:?}");

    let all = ["algorithm.min_prefix_ratio=1.0"];
    train(&project, "whole", &[&base[..], &all].concat());
    for group in groups(&project, "runs/whole", 1) {
        for row in &group[..2] {
            assert_eq!(row["response"].as_str().unwrap(), target(row));
            assert_eq!(row["prefix_tokens"], row["tokens"]);
            assert_eq!(row["finish_reason"], "stop");
        }
    }

    // Hints fall to nothing.
    let hints = [
        TARGETS,
        &[
            "algorithm.preset=uft",
            "algorithm.hint_steps=3",
            "trainer.max_steps=5",
        ],
    ]
    .concat();
    train(&project, "hints", &hints);
    let given = |step: u64| {
        let rows = project.rollouts("runs/hints", step);
        mean(rows.iter().map(|row| number(row, "prefix_tokens")))
    };
    assert!(given(1) > given(3), "{} {}", given(1), given(3));
    assert!(given(4).abs() < 1e-12 && given(5).abs() < 1e-12);
}

#[test]
fn a_switch_trains_the_target_of_unsolved_prompts_instead() {
    let project = Project::new();
    let overrides = [
        TARGETS,
        &[
            "algorithm.preset=hpt",
            "algorithm.success_reward_threshold=1.0",
            "algorithm.switch_gate=1",
            "trainer.max_steps=2",
        ],
    ]
    .concat();
    train(&project, "hpt", &overrides);
    let (mut switched, mut solved) = (0, 0);
    for step in 1..=2 {
        for group in groups(&project, "runs/hpt", step) {
            let policy = group.iter().filter(|row| row["origin"] == "policy");
            let good = policy.filter(|row| number(row, "score") >= 1.0).count();
            let targets: Vec<_> = group
                .iter()
                .filter(|row| row["origin"] == "target")
                .collect();
            if good <= 1 {
                assert_eq!(targets.len(), 1);
                assert!(targets[0]["advantage"].is_number());
                assert_eq!(targets[0]["prefix_tokens"], targets[0]["tokens"]);
                assert_eq!(targets[0]["sample"], 4);
                let others = group.iter().filter(|row| row["origin"] == "policy");
                assert!(others.clone().all(|row| row["advantage"].is_null()));
                switched += 1;
            } else {
                assert!(targets.is_empty());
                assert!(group.iter().all(|row| row["advantage"].is_number()));
                solved += 1;
            }
        }
    }
    assert!(switched > 0 && solved > 0, "{switched} {solved}");
}

/// Where the shares of a step come to nothing, `luffy` is still `luffy`, with its own clip.
#[test]
fn a_loss_that_mixes_is_the_same_without_a_prefix() {
    let project = Project::new();
    let mut losses = Vec::new();
    for clip in ["clip_ratio", "clip_ratio_high"] {
        let bound = format!("actor.{clip}=0.0001");
        let overrides = [
            TARGETS,
            &[
                "algorithm.preset=luffy",
                "algorithm.min_prefix_ratio=0",
                "algorithm.max_prefix_ratio=0.001",
                "actor.loss_remove_clip=false",
                "actor.ppo_epochs=3",
                "trainer.max_steps=2",
                &bound,
            ],
        ]
        .concat();
        train(&project, clip, &overrides);
        let run = format!("runs/{clip}");
        let rows = project.metrics(&run);
        let steps = rows.iter().filter(|row| row.get("actor/lr").is_some());
        let clipped = steps.map(|row| number(row, "actor/on_pg_clipfrac"));
        losses.push(clipped.sum::<f64>());
        assert!(
            groups(&project, &run, 1)
                .iter()
                .flatten()
                .all(|row| row["prefix_tokens"] == 0)
        );
    }
    assert!(losses[0] > losses[1], "{losses:?}");
}

/// Three weights whose sum is 1 only on paper: a right answer is one all the same.
#[test]
fn success_does_not_hang_on_the_last_bit() {
    let project = Project::new();
    let reward = |name: &str, weight: &str| {
        format!(
            "\n[reward.{name}]\nplugin = {:?}\nweight = {weight}\nparams = {{ mode = \"steps\" }}\n\
             on_failure = \"zero\"\n",
            crate::support::guest("hostile")
        )
    };
    let config = project.read("train.toml");
    let (config, _) = config.split_once("[reward.hostile]").unwrap();
    let rewards = [("a", "0.7"), ("b", "0.2"), ("c", "0.1")].map(|(name, w)| reward(name, w));
    project.write("weights.toml", &(config.to_owned() + &rewards.concat()));
    let all = [
        &[
            "train",
            "weights.toml",
            "algorithm.preset=hpt",
            "trainer.max_steps=2",
        ],
        TARGETS,
    ]
    .concat();
    project.ok(&all);
    let mut solved = 0;
    for step in 1..=2 {
        for group in groups(&project, "runs/weights", step) {
            let policy = group.iter().filter(|row| row["origin"] == "policy");
            let best = policy.clone().map(|row| number(row, "score"));
            let best = best.fold(0.0, f64::max);
            assert!(best < 1.0, "no test of rounding: {best}");
            if best > 0.99 {
                assert_eq!(policy.count(), group.len(), "no target is needed");
                solved += 1;
            }
        }
    }
    assert!(solved > 0);
}
