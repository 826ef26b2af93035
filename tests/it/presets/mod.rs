//! Every named algorithm trains, and what each does to a step shows in the run's records.

mod steps;
mod targets;

use crate::support::{Project, assert_same, repository, run_files};
use rlhost_trainer::algorithm::known_loss_modes;
use rlhost_trainer::config::{PRESETS, known_advantage_estimators};
use serde_json::Value;
use std::collections::BTreeMap;

/// Overrides of a run that has targets to learn from.
const TARGETS: &[&str] = &[
    "data.train_files=data/sft.jsonl",
    "data.max_response_length=32",
];

/// Trains `train.toml` as `runs/NAME`; every sample has a score.
#[track_caller]
fn train(project: &Project, name: &str, overrides: &[&str]) {
    let name = format!("trainer.experiment_name={name}");
    let fixed = [
        "train",
        "train.toml",
        &name,
        "reward.hostile.on_failure=zero",
    ];
    project.ok(&[&fixed, overrides].concat());
}

/// The rows of metrics that belong to training steps.
fn steps(project: &Project, run: &str) -> Vec<Value> {
    let rows = project.metrics(run);
    rows.into_iter()
        .filter(|row| row.get("actor/lr").is_some() || row.get("critic/lr").is_some())
        .collect()
}

/// The samples of a step by their prompts.
fn groups(project: &Project, run: &str, step: u64) -> Vec<Vec<Value>> {
    let mut groups: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for row in project.rollouts(run, step) {
        groups
            .entry(row["draw"].as_u64().unwrap())
            .or_default()
            .push(row);
    }
    groups.into_values().collect()
}

fn number(row: &Value, key: &str) -> f64 {
    row[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key} in {row}"))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn every_preset_trains_and_is_replayed() {
    let project = Project::new();
    for preset in PRESETS {
        let chosen = format!("algorithm.preset={}", preset.name);
        let mut overrides = vec![
            chosen.as_str(),
            "trainer.max_steps=3",
            "trainer.val_freq=-1",
        ];
        overrides.extend(TARGETS);
        // 0.75 is a failure here, so that a switch has something to do.
        train(&project, preset.name, &overrides);
        let run = format!("runs/{}", preset.name);
        let rows = steps(&project, &run);
        assert_eq!(rows.len(), 3, "{}", preset.name);
        for row in &rows {
            for (name, value) in row.as_object().unwrap() {
                let value = value.as_f64();
                assert!(value.is_some_and(f64::is_finite), "{} {name}", preset.name);
            }
            assert!(number(row, "actor/skipped_updates") < 1.0, "{row}");
        }
        let moved = rows.iter().any(|row| number(row, "actor/grad_norm") > 0.0);
        assert!(moved, "{} never had a gradient", preset.name);
        let replayed = project.ok(&["replay", &run, "--json"]).stdout;
        let replayed: Value = serde_json::from_str(&replayed).unwrap();
        assert_eq!(replayed["changed"], 0, "{replayed}");
        assert_eq!(replayed["unreadable"], 0, "{replayed}");
    }
}

#[test]
fn the_page_lists_every_preset() {
    let page = std::fs::read_to_string(repository().join("docs/algorithms.md")).unwrap();
    for preset in PRESETS {
        let row = format!(
            "| `{}` | {} | {} |",
            preset.name, preset.about, preset.paper
        );
        assert!(page.contains(&row), "{row}");
    }
    let estimators = known_advantage_estimators();
    for name in estimators.iter().chain(&known_loss_modes()) {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn a_preset_fills_in_what_is_not_set() {
    let project = Project::empty();
    project.write("own.toml", "[actor]\nclip_ratio_high = 0.5\n");
    let shown = |arguments: &[&str]| -> toml::Table {
        let all = [&["config", "show"], arguments].concat();
        project.ok(&all).stdout.parse().unwrap()
    };
    let config = shown(&["own.toml", "algorithm.preset=dapo", "actor.clip_ratio_c=7"]);
    let actor = config["actor"].as_table().unwrap();
    assert_eq!(actor["clip_ratio_high"].as_float(), Some(0.5));
    assert_eq!(actor["clip_ratio_c"].as_float(), Some(7.0));
    assert_eq!(actor["overlong_reward_penalty"].as_bool(), Some(true));
    assert_eq!(
        config["algorithm"]["online_filtering"].as_bool(),
        Some(true)
    );
    // What is shown is a configuration that says the same without the preset.
    let mut plain = config.clone();
    plain["algorithm"].as_table_mut().unwrap().remove("preset");
    project.write("plain.toml", &plain.to_string());
    let again = shown(&["plain.toml", "trainer.experiment_name=own"]);
    assert_eq!(again, plain);

    let listed = project.ok(&["algorithms"]).stdout;
    for preset in PRESETS {
        assert!(listed.contains(&format!("\n{}: ", preset.name)), "{listed}");
        assert!(listed.contains(preset.paper));
        // What the command prints is a configuration file.
        let keys = project.ok(&["algorithms", preset.name]).stdout;
        project.write("keys.toml", &keys);
        let from_keys = shown(&["keys.toml", "trainer.experiment_name=x"]);
        let mut from_name = shown(&[
            &format!("algorithm.preset={}", preset.name),
            "trainer.experiment_name=x",
        ]);
        from_name["algorithm"]
            .as_table_mut()
            .unwrap()
            .remove("preset");
        assert_eq!(from_keys, from_name, "{}", preset.name);
    }
    project.refused(
        &["algorithms", "ddpo"],
        &["unknown preset `ddpo`", "dapo", "grpo"],
    );
}

/// What algorithms carry from step to step is in the checkpoints: a critic with its optimiser, the factor
/// of the divergence, the place in the data after a dynamic step.
#[test]
fn a_run_that_was_cut_short_goes_on_as_if_it_had_not_been() {
    let project = Project::new();
    let steered = [
        "algorithm.kl_ctrl.type=adaptive",
        "algorithm.kl_ctrl.kl_coef=0.5",
        "algorithm.kl_ctrl.horizon=100",
        "algorithm.kl_ctrl.target_kl=0.001",
    ];
    for (preset, more) in [
        (
            "ppo",
            &[&steered[..], &["trainer.critic_warmup=1"]].concat()[..],
        ),
        (
            "dapo",
            &["algorithm.filter_low=0.3", "algorithm.filter_high=0.95"],
        ),
        ("remax", &steered),
        ("clip_cov", &["actor.ppo_epochs=2"]),
        ("uft", &["algorithm.hint_steps=5"]),
    ] {
        let chosen = format!("algorithm.preset={preset}");
        let overrides = [TARGETS, &[chosen.as_str()], more].concat();
        train(&project, preset, &overrides);
        let run = format!("runs/{preset}");
        let expected = run_files(&project.path(&run));
        let state = project.read(&format!("{run}/checkpoints/step-4/state.json"));
        assert_eq!(state.contains("kl_controller"), more.len() >= 4, "{state}");
        let critic = project.path(&format!(
            "{run}/checkpoints/step-4/critic/optimizer.safetensors"
        ));
        assert_eq!(critic.exists(), preset == "ppo");
        std::fs::remove_dir_all(project.path(&format!("{run}/checkpoints/step-6"))).unwrap();
        train(&project, preset, &[&overrides[..], &["--resume"]].concat());
        assert_same(&expected, &run_files(&project.path(&run)));
    }
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_is_sampled() {
    let project = Project::new();
    for (overrides, parts) in [
        (
            &["algorithm.adv_estimator=grppo"][..],
            &[
                "algorithm.adv_estimator",
                "`grppo`",
                "known are: grpo, ",
                "normalized",
            ][..],
        ),
        (
            &["actor.policy_loss.loss_mode=gspoo"],
            &["actor.policy_loss.loss_mode", "`gspoo`", "gspo, ", "uft"],
        ),
        (
            &["algorithm.preset=grop"],
            &["algorithm.preset", "`grop`", "dr_grpo"],
        ),
        (
            &["algorithm.adv_estimator=grpo_passk", "rollout.n=1"],
            &["algorithm.adv_estimator", "rollout.n is 1"],
        ),
        (
            &["algorithm.adv_estimator=gae"],
            &[
                "algorithm.adv_estimator",
                "[critic]",
                "algorithm.preset=ppo",
            ],
        ),
        (
            &["actor.policy_loss.loss_mode=luffy"],
            &[
                "loss_mode",
                "algorithm.prefix_strategy",
                "algorithm.unify_strategy",
            ],
        ),
        (
            &["algorithm.preset=luffy"],
            &[
                "train.jsonl:1",
                "algorithm.prefix_strategy",
                "\"target\"",
                "data.target_key",
            ],
        ),
        (
            &["algorithm.preset=hpt", "algorithm.prefix_strategy=random"],
            &["algorithm.prefix_strategy", "algorithm.unify_strategy"],
        ),
        (
            &["algorithm.unify_strategy=switch"],
            &["algorithm.unify_strategy", "loss_mode = \"vanilla\""],
        ),
        (
            &["algorithm.preset=luffy", "algorithm.n_prefix=9"],
            &["algorithm.n_prefix", "rollout.n (4)"],
        ),
        (
            &["algorithm.preset=luffy", "algorithm.max_prefix_ratio=0.5"],
            &[
                "algorithm.min_prefix_ratio (1)",
                "algorithm.max_prefix_ratio (0.5)",
            ],
        ),
        (
            &["algorithm.preset=uft", "algorithm.hint_steps=0"],
            &["algorithm.prefix_strategy", "algorithm.hint_steps"],
        ),
        (
            &["actor.tis_imp_ratio_cap=2", "actor.use_decoupled_loss=true"],
            &["actor.tis_imp_ratio_cap", "actor.use_decoupled_loss"],
        ),
        (
            &["actor.tis_imp_ratio_cap=2", "algorithm.preset=gspo"],
            &["actor.tis_imp_ratio_cap", "loss_mode = \"gspo\""],
        ),
        (
            &["algorithm.filter_low=0.9", "algorithm.filter_high=0.1"],
            &["algorithm.filter_low (0.9)", "algorithm.filter_high (0.1)"],
        ),
        (
            &[
                "actor.overlong_reward_penalty=true",
                "actor.overlong_tokens=9",
            ],
            &["actor.overlong_tokens (9)", "data.max_response_length (8)"],
        ),
        (
            &[
                "algorithm.kl_ctrl.type=adaptive",
                "algorithm.kl_ctrl.target_kl=0",
            ],
            &["algorithm.kl_ctrl.target_kl"],
        ),
        (
            &[
                "actor.policy_loss.clip_cov_ratio=2",
                "algorithm.preset=clip_cov",
            ],
            &["clip_cov_ratio"],
        ),
        (
            &["algorithm.preset=hpt", "algorithm.switch_gate=4"],
            &["algorithm.switch_gate (4)", "rollout.n (4)"],
        ),
        (
            &["algorithm.preset=areal", "rollout.n=1"],
            &["actor.reward_norm.mean_level", "rollout.n is 1"],
        ),
        (
            &["algorithm.preset=luffy", "algorithm.n_prefix=-1"],
            &["algorithm.min_prefix_ratio is 1", "algorithm.n_prefix"],
        ),
        (
            &[
                "algorithm.kl_ctrl.type=adaptive",
                "algorithm.kl_ctrl.kl_coef=0",
            ],
            &["algorithm.kl_ctrl.kl_coef"],
        ),
        (
            &["algorithm.preset=ppo", "trainer.critic_warmup=6"],
            &["trainer.critic_warmup (6)", "6 steps"],
        ),
        (
            &["actor.policy_loss.ppo_kl_coef=nan"],
            &["actor.policy_loss.ppo_kl_coef"],
        ),
        (
            &["actor.policy_loss.clip_cov_lb=9"],
            &["actor.policy_loss.clip_cov_lb (9)", "clip_cov_ub (5)"],
        ),
        (&["actor.all_max_clip=0"], &["actor.all_max_clip", "or -1"]),
    ] {
        project.refused(&[&["train", "train.toml"], overrides].concat(), parts);
    }
}

/// A row of targets that no completion could be.
#[test]
fn targets_that_cannot_be_learnt_are_refused() {
    let project = Project::new();
    for (target, part) in [
        ("", "the target is empty"),
        (
            "<answer>11</answer><|im_end|>junk",
            "after an end-of-turn token",
        ),
    ] {
        let line = format!("{{\"prompt\": \"a\", \"answer\": 1, \"target\": {target:?}}}\n");
        project.write("data/odd.jsonl", &line);
        let arguments = [
            "data.train_files=data/odd.jsonl",
            "data.max_response_length=32",
        ];
        let all = [
            &["train", "train.toml", "algorithm.preset=hpt"],
            &arguments[..],
        ]
        .concat();
        project.refused(&all, &["odd.jsonl:1", part]);
        let all = [&["sft", "sft.toml"], &arguments[..]].concat();
        project.refused(&all, &["odd.jsonl:1", part]);
    }
}

#[test]
fn keys_that_change_nothing_are_told() {
    let project = Project::new();
    let told = project.ok(&[
        "train",
        "train.toml",
        "trainer.max_steps=1",
        "actor.clip_ratio=0.1",
        "actor.reward_scaling=10",
        "critic.optim.lr=1e-4",
    ]);
    for part in [
        "actor.clip_ratio is set, but only loss_mode = luffy or srft reads it",
        "actor.reward_scaling is set, but only algorithm.adv_estimator = normalized reads it",
        "[critic] is set, but not trained",
    ] {
        assert!(told.stderr.contains(part), "{part}: {}", told.stderr);
    }
    assert!(
        !project
            .path("runs/train/checkpoints/step-1/critic")
            .exists()
    );
}
