//! Advantages, rewards and statistics.

use crate::{all_close, close, flat, flat_if, groups, integers, number, rows, text};
use rlhost_trainer::algorithm::{
    self, AdvantageConfig, AdvantageInput, KlController, Rows, advantage, keep_groups, stats,
};
use serde_json::Value;

pub fn advantages(case: &Value) {
    let name = format!("{} {}", case["estimator"], case["case"]);
    let mut config = AdvantageConfig {
        estimator: text(&case["estimator"]).parse().unwrap(),
        ..AdvantageConfig::default()
    };
    if case["expect_error"].is_string() {
        // The one such case: pass@k with a group of one.
        assert!(name.contains("singleton group"), "unknown case {name}");
        let error = advantage(
            &AdvantageInput {
                rewards: &[1.0],
                rows: &Rows::new(vec![0, 1], vec![true]).unwrap(),
                groups: &[3],
                kept: &[true],
                values: None,
                baselines: None,
            },
            &config,
        )
        .unwrap_err();
        assert!(error.to_string().contains("at least 2"), "{error}");
        return;
    }
    config.gamma = number(&case["config"]["gamma"]);
    config.lam = number(&case["config"]["lam"]);
    config.norm_adv_by_std_in_grpo = case["config"]["norm_adv_by_std_in_grpo"].as_bool().unwrap();
    let rows = rows(&case["response_mask"]);
    let out = advantage(
        &AdvantageInput {
            rewards: &flat(&case["token_level_rewards"]),
            rows: &rows,
            groups: &groups(&case["group_ids"]),
            kept: &vec![true; rows.len()],
            values: flat_if(&case["values"]).as_deref(),
            baselines: flat_if(&case["reward_baselines"]).as_deref(),
        },
        &config,
    )
    .unwrap();
    assert_eq!((out.dropped_groups, out.dropped_rows), (0, 0));
    // Where nothing is trained RLLaVA's GAE leaves numbers without a meaning; here they are 0.
    let trained = |key: &str| -> Vec<f64> {
        let all = flat(&case[key]);
        let mask = rows.mask().iter();
        all.iter()
            .zip(mask)
            .map(|(x, m)| if *m { *x } else { 0.0 })
            .collect()
    };
    all_close(&name, &out.advantages, &trained("expected_advantages"));
    let returns = format!("{name} returns");
    all_close(&returns, &out.returns, &trained("expected_returns"));
}

pub fn kl_controller(case: &Value) {
    let coef = number(&case["kl_coef"]);
    let mut control = match text(&case["type"]) {
        "fixed" => KlController::fixed(coef),
        "adaptive" => {
            KlController::adaptive(coef, number(&case["target_kl"]), number(&case["horizon"]))
        }
        other => panic!("unknown controller `{other}`"),
    }
    .unwrap();
    for step in case["steps"].as_array().unwrap() {
        // As a checkpoint does between any two steps.
        let stored = serde_json::to_string(&control).unwrap();
        control = serde_json::from_str(&stored).unwrap();
        let samples = step["n_steps"].as_u64().unwrap() as usize;
        control.update(number(&step["current_kl"]), samples);
        close("kl_coef", control.coef(), number(&step["value_after"]));
    }
}

pub fn kl_in_reward(case: &Value) {
    let kind = text(&case["kl_penalty"]);
    let rows = rows(&case["response_mask"]);
    let out = algorithm::kl_in_reward(
        &flat(&case["token_level_scores"]),
        &flat(&case["old_log_probs"]),
        &flat(&case["ref_log_probs"]),
        &rows,
        kind.parse().unwrap(),
        number(&case["beta"]),
    )
    .unwrap();
    all_close(
        kind,
        &out.rewards,
        &flat(&case["expected_token_level_rewards"]),
    );
    close(kind, out.kl, number(&case["expected_current_kl"]));
}

pub fn masked_stats(case: &Value) {
    let values = flat(&case["values"]);
    let rows = rows(&case["mask"]);
    let mean = stats::masked_mean(&values, &rows);
    let var = stats::masked_var(&values, &rows);
    close("mean", mean, number(&case["mean"]));
    close("var", var, number(&case["var"]));
    let white = stats::masked_whiten(&values, &rows);
    all_close("whiten", &white, &flat(&case["whiten"]));
}

pub fn online_filter(case: &Value) {
    let kept = keep_groups(
        &flat(&case["scores"]),
        &groups(&case["uids"]),
        number(&case["filter_low"]),
        number(&case["filter_high"]),
    )
    .unwrap();
    let found: Vec<usize> = (0..kept.len()).filter(|&row| kept[row]).collect();
    assert_eq!(found, integers::<usize>(&case["expected_kept_indices"]));
}
