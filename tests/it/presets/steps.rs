//! What single keys do to a step, as the records of runs show it.

use super::{TARGETS, groups, mean, number, steps, train};
use crate::support::Project;
use serde_json::Value;

#[test]
fn remax_compares_with_a_greedy_completion() {
    let project = Project::new();
    let overrides = [
        "algorithm.adv_estimator=remax",
        "trainer.max_steps=2",
        "actor.overlong_reward_penalty=true",
        "actor.overlong_tokens=4",
    ];
    train(&project, "remax", &overrides);
    // Both are shaped alike.
    let shaped = |row: &Value| number(row, "score") - (number(row, "tokens") - 4.0).max(0.0) / 4.0;
    let mut compared = 0;
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
                let expected = shaped(row) - shaped(greedy);
                assert!((number(row, "advantage") - expected).abs() < 1e-9, "{row}");
                compared += 1;
            }
        }
    }
    assert!(compared > 3);
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
    // What was learnt before, and what was sampled in vain, is kept.
    let late = project.run(&[
        "train",
        "train.toml",
        "trainer.experiment_name=late",
        "trainer.save_freq=-1",
        "trainer.max_try_make_batch=1",
        "algorithm.online_filtering=true",
        "algorithm.filter_low=0.4",
        "algorithm.filter_high=0.9",
        "reward.hostile.on_failure=zero",
        "data.train_batch_size=2",
        "trainer.max_steps=40",
    ]);
    assert_eq!(late.code, Some(2), "{}", late.stderr);
    let done = steps(&project, "runs/late").len() as u64;
    assert!(done > 0, "{}", late.stderr);
    let checkpoint = format!("runs/late/checkpoints/step-{done}/state.json");
    assert!(project.path(&checkpoint).is_file());
    assert_eq!(project.rollouts("runs/late", done + 1).len(), 8);

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
                    "actor.all_max_clip=0.004",
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

/// A group of which one sample has a score can't be compared, so it fills no place of a step.
#[test]
fn dynamic_sampling_passes_over_groups_that_would_leave_the_step() {
    let project = Project::new();
    let name = "trainer.experiment_name=abstaining";
    project.ok(&[
        "train",
        "train.toml",
        name,
        "trainer.max_steps=4",
        "algorithm.online_filtering=true",
        "algorithm.filter_low=0.1",
        "algorithm.filter_high=2",
        "trainer.max_try_make_batch=0",
        "reward.hostile.params.mode=[\"score\", \"steps\", \"abstain\", \"abstain\", \"abstain\"]",
        "rollout.n=3",
    ]);
    let mut filtered = 0.0;
    for row in steps(&project, "runs/abstaining") {
        assert!(number(&row, "sampling/dropped_groups") < 1.0, "{row}");
        filtered += number(&row, "sampling/filtered_groups");
    }
    assert!(filtered > 0.0);
}

/// Samples without a score have no divergence, and a step without any leaves the factor alone.
#[test]
fn samples_without_a_score_do_not_steer() {
    let project = Project::new();
    let name = "trainer.experiment_name=silent";
    project.ok(&[
        "train",
        "train.toml",
        name,
        "algorithm.use_kl_in_reward=true",
        "algorithm.kl_ctrl.type=adaptive",
        "algorithm.kl_ctrl.kl_coef=0.5",
        "reward.hostile.params.mode=\"abstain\"",
        "trainer.max_steps=2",
        "trainer.max_empty_steps=-1",
    ]);
    for row in steps(&project, "runs/silent") {
        assert!(row.get("actor/reward_kl_penalty").is_none(), "{row}");
    }
    let state = project.read("runs/silent/checkpoints/step-2/state.json");
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["kl_controller"]["kl_coef"], 0.5);
}

/// Equal scores leave nothing to learn, and the divergence is not normalised into something.
#[test]
fn the_divergence_is_no_part_of_normalised_scores() {
    let project = Project::new();
    let overrides = [
        "algorithm.adv_estimator=normalized",
        "actor.adv_norm.mean_level=none",
        "actor.adv_norm.std_level=none",
        "algorithm.use_kl_in_reward=true",
        "algorithm.kl_ctrl.kl_coef=0.5",
        "reward.hostile.params.mode=\"score\"",
        "actor.entropy_coeff=0.01",
        "algorithm.use_kl_loss=false",
        "trainer.max_steps=3",
    ];
    train(&project, "normalized", &overrides);
    let rows = steps(&project, "runs/normalized");
    for (step, row) in (1..).zip(&rows) {
        let rollouts = project.rollouts("runs/normalized", step);
        let advantages = rollouts.iter().map(|row| number(row, "advantage"));
        // At gamma = lam = 1 a token has the penalties of all tokens from it on: at most 8 of them.
        let largest = advantages.map(f64::abs).fold(0.0, f64::max);
        let kl = number(row, "actor/reward_kl_penalty").abs();
        assert!(
            largest <= 0.5 * 8.0 * 16.0 * kl.max(1e-9),
            "{step}: {largest} {kl}"
        );
    }
    assert!(number(&rows[2], "actor/reward_kl_penalty").abs() > 0.0);
}
