//! Every named algorithm trains, and what each does to a step shows in the run's records.

use crate::support::{Project, assert_same, json_lines, run_files};
use rlhost_trainer::config::PRESETS;
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

#[test]
fn remax_compares_with_a_greedy_completion() {
    let project = Project::new();
    let overrides = ["algorithm.adv_estimator=remax", "trainer.max_steps=2"];
    train(&project, "remax", &overrides);
    for group in groups(&project, "runs/remax", 2) {
        assert_eq!(group.len(), 5, "four samples and their baseline");
        let (greedy, sampled) = group.split_last().unwrap();
        assert_eq!(greedy["origin"], "greedy");
        assert!(greedy["advantage"].is_null());
        for row in sampled {
            assert_eq!(row["origin"], "policy");
            // With step rewards a token's return is less than the whole score; without, it is the
            // score for all of them.
            if row["steps"].as_array().is_some_and(Vec::is_empty) {
                let expected = number(row, "score") - number(greedy, "score");
                assert!((number(row, "advantage") - expected).abs() < 1e-9, "{row}");
            }
        }
    }
    // Greedy completions don't depend on the seed.
    let greedy = |name: &str, seed: &str| {
        let seed = format!("trainer.seed={seed}");
        train(
            &project,
            name,
            &[
                "algorithm.adv_estimator=remax",
                "trainer.max_steps=1",
                "data.augment={}",
                &seed,
            ],
        );
        let groups = groups(&project, &format!("runs/{name}"), 1);
        let last = groups.iter().map(|group| group.last().unwrap());
        last.map(|row| row["response"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(greedy("one", "1"), greedy("two", "2"));
}

#[test]
fn dynamic_sampling_fills_a_step_with_groups_that_differ() {
    let project = Project::new();
    let overrides = [
        "algorithm.online_filtering=true",
        "algorithm.filter_low=0.76",
        "algorithm.filter_high=0.99",
        "trainer.max_steps=3",
        "trainer.max_try_make_batch=0",
        "algorithm.use_kl_loss=false",
    ];
    train(&project, "dynamic", &overrides);
    let metrics = steps(&project, "runs/dynamic");
    let mut draws = 0;
    for step in 1..=3 {
        let row = &metrics[step as usize - 1];
        let (mut kept, mut filtered) = (0, 0);
        for group in groups(&project, "runs/dynamic", step) {
            let draw = group[0]["draw"].as_u64().unwrap();
            assert_eq!(draw, draws, "every prompt is drawn once");
            draws += 1;
            let mean = mean(group.iter().map(|row| number(row, "score")));
            let trained = group.iter().all(|row| row["advantage"].is_number());
            let inside = 0.76 < mean && mean < 0.99;
            assert!(inside || !trained, "{mean}");
            kept += u64::from(trained);
            filtered += u64::from(!inside);
        }
        assert_eq!(kept, 4);
        assert_eq!(number(row, "sampling/filtered_groups") as u64, filtered);
        let samples = project.rollouts("runs/dynamic", step).len();
        assert_eq!(number(row, "sampling/tries") as usize * 16, samples);
    }
    assert!(draws > 12, "nothing was filtered, so nothing was tested");

    // Without end it would go on for ever; with a bound it says why it stops.
    let stopped = project.run(&[
        "train",
        "train.toml",
        "trainer.experiment_name=starved",
        "algorithm.online_filtering=true",
        "algorithm.filter_low=1.5",
        "algorithm.filter_high=2",
        "trainer.max_try_make_batch=2",
    ]);
    assert_eq!(stopped.code, Some(2));
    for part in [
        "step 1",
        "2 draws",
        "trainer.max_try_make_batch",
        "only 0 of the 4 prompts",
        "algorithm.filter_low = 1.5",
    ] {
        assert!(stopped.stderr.contains(part), "{}", stopped.stderr);
    }
    let unknown = project.run(&[
        "train",
        "train.toml",
        "trainer.experiment_name=unknown",
        "algorithm.online_filtering=true",
        "algorithm.filter_key=acuracy",
    ]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("no reward has a part `acuracy`")
            && unknown.stderr.contains("overall"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn long_completions_cost_or_are_not_trained() {
    let project = Project::new();
    let plain = [
        "trainer.max_steps=1",
        "algorithm.norm_adv_by_std_in_grpo=false",
    ];
    train(&project, "plain", &plain);
    let filtered = [&plain[..], &["algorithm.overlong_filtering=true"]].concat();
    train(&project, "filtered", &filtered);
    let penalty = [
        &plain[..],
        &[
            "actor.overlong_reward_penalty=true",
            "actor.overlong_tokens=4",
            "actor.overlong_penalty_factor=0.5",
        ],
    ]
    .concat();
    train(&project, "penalty", &penalty);
    let of = |run: &str| project.rollouts(run, 1);
    let (mut cut, mut whole) = (0, 0);
    for (plain, filtered) in of("runs/plain").iter().zip(of("runs/filtered")) {
        assert_eq!(plain["response"], filtered["response"]);
        if plain["finish_reason"] == "length" {
            assert!(filtered["advantage"].is_null());
            cut += 1;
        } else {
            assert_eq!(plain["advantage"], filtered["advantage"]);
            whole += 1;
        }
    }
    assert!(cut > 0 && whole > 0, "{cut} {whole}");
    for group in groups(&project, "runs/penalty", 1) {
        // Longest 8, the last 4 tokens cost up to 0.5.
        let shaped = |row: &Value| {
            let over = (number(row, "tokens") - 4.0).max(0.0);
            number(row, "score") - 0.5 * over / 4.0
        };
        let mean = mean(group.iter().map(shaped));
        for row in &group {
            let expected = shaped(row) - mean;
            assert!((number(row, "advantage") - expected).abs() < 1e-9, "{row}");
        }
    }
}

/// Ziegler et al. 2019, section 2.2, from what the run itself wrote.
#[test]
fn the_divergence_in_the_reward_is_steered() {
    let project = Project::new();
    let overrides = [
        "algorithm.use_kl_loss=false",
        "algorithm.use_kl_in_reward=true",
        "algorithm.kl_ctrl.type=adaptive",
        "algorithm.kl_ctrl.kl_coef=0.5",
        "algorithm.kl_ctrl.horizon=100",
        "algorithm.kl_ctrl.target_kl=0.001",
        "actor.optim.lr=1e-2",
    ];
    train(&project, "whole", &overrides);
    let rows = steps(&project, "runs/whole");
    assert!(number(&rows[0], "actor/reward_kl_penalty").abs() < 1e-6);
    assert!(number(&rows[0], "actor/reward_kl_penalty_coeff").to_bits() == 0.5_f64.to_bits());
    for pair in rows.windows(2) {
        let error = number(&pair[0], "actor/reward_kl_penalty") / 0.001 - 1.0;
        let factor = 1.0 + error.clamp(-0.2, 0.2) * 16.0 / 100.0;
        let expected = number(&pair[0], "actor/reward_kl_penalty_coeff") * factor;
        let found = number(&pair[1], "actor/reward_kl_penalty_coeff");
        assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
    }
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

/// In the first steps only the critic moves.
#[test]
fn a_warm_up_leaves_the_policy_alone() {
    let project = Project::new();
    let overrides = [
        "algorithm.preset=ppo",
        "trainer.critic_warmup=2",
        "trainer.max_steps=3",
        "trainer.save_freq=1",
        "critic.optim.lr=1e-3",
    ];
    train(&project, "ppo", &overrides);
    let weights = |step: u64, of: &str| {
        let path = format!("runs/ppo/checkpoints/step-{step}/{of}model.safetensors");
        std::fs::read(project.path(&path)).unwrap()
    };
    let start = std::fs::read(project.path("model/model.safetensors")).unwrap();
    assert!(weights(1, "") == start && weights(2, "") == start);
    assert!(weights(3, "") != start);
    assert!(weights(1, "critic/") != weights(2, "critic/"));
    let rows = steps(&project, "runs/ppo");
    assert!(rows[1].get("actor/lr").is_none() && rows[2].get("actor/lr").is_some());
    // The head starts at 0, so the first step's values explain nothing of the returns.
    assert!(number(&rows[0], "critic/vf_explained_var").abs() < 1e-9);
}

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

/// The loss of all tokens together is the same however they are cut.
#[test]
fn losses_over_the_whole_mini_batch_do_not_depend_on_micro_batches() {
    let project = Project::new();
    for preset in ["clip_cov", "kl_cov", "srft", "dr_grpo"] {
        let run = |name: &str, tokens: &str| {
            let name = format!("{preset}-{name}");
            let preset = format!("algorithm.preset={preset}");
            let tokens = format!("actor.micro_batch_tokens={tokens}");
            let overrides = [
                TARGETS,
                &[
                    &preset,
                    &tokens,
                    "trainer.max_steps=2",
                    "actor.ppo_epochs=2",
                    "actor.ppo_mini_batch_size=2",
                    "actor.policy_loss.clip_cov_lb=-100",
                    "actor.policy_loss.clip_cov_ub=100",
                    "actor.policy_loss.clip_cov_ratio=0.2",
                    "actor.policy_loss.kl_cov_ratio=0.2",
                    "actor.all_max_clip=0.5",
                ],
            ]
            .concat();
            train(&project, &name, &overrides);
            steps(&project, &format!("runs/{name}"))
        };
        let (small, large) = (run("small", "56"), run("large", "100000"));
        for (small, large) in small.iter().zip(&large) {
            for name in ["actor/pg_loss", "actor/grad_norm", "actor/loss"] {
                let (a, b) = (number(small, name), number(large, name));
                assert!(
                    (a - b).abs() <= 1e-4 * a.abs().max(1e-3),
                    "{preset} {name} {a} {b}"
                );
            }
        }
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
            &["critic.optim.lr=1e-4"],
            &["[critic]", "algorithm.adv_estimator = \"grpo\""],
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
            &["actor.behav_imp_weight_cap=2"],
            &["actor.behav_imp_weight_cap", "actor.use_decoupled_loss"],
        ),
        (
            &["actor.tis_imp_ratio_cap=2", "algorithm.preset=gspo"],
            &["actor.tis_imp_ratio_cap", "loss_mode = \"gspo\""],
        ),
        (
            &["actor.reward_scaling=10"],
            &["actor.reward_scaling", "normalized"],
        ),
        (
            &["actor.adv_norm.std_level=none"],
            &["actor.adv_norm", "normalized"],
        ),
        (
            &["algorithm.filter_low=0.9", "algorithm.filter_high=0.1"],
            &["algorithm.filter_low (0.9)", "algorithm.filter_high (0.1)"],
        ),
        (
            &["actor.overlong_tokens=4"],
            &["actor.overlong_tokens", "actor.overlong_reward_penalty"],
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
    ] {
        project.refused(&[&["train", "train.toml"], overrides].concat(), parts);
    }
}
