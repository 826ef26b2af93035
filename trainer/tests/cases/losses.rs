//! Losses with their gradients.

use crate::{all_close, close, flags_if, flat, flat_if, number, rows, text, width};
use rlhost_trainer::algorithm::{
    self, KlPenalty, LossConfig, LossInput, Rows, Totals, ValueInput, ValueLossConfig, aggregate,
};
use serde_json::Value;

/// The counts of a case. `RLLaVA` counts rows without a trained token in means over rows, which
/// the trainer doesn't.
fn totals(rows: &Rows, mask: &Value, prefix: Option<&[bool]>) -> Totals {
    let none = vec![false; rows.tokens()];
    let mut totals = Totals::mixed(rows, prefix.unwrap_or(&none), width(mask)).unwrap();
    totals.rows = rows.len();
    totals
}

fn loss_config(case: &Value) -> LossConfig {
    let mut config = LossConfig {
        loss_agg_mode: text(&case["loss_agg_mode"]).parse().unwrap(),
        use_kl_loss: false,
        ..LossConfig::default()
    };
    for section in ["config_overrides", "policy_loss_config"] {
        for (key, value) in case[section].as_object().into_iter().flatten() {
            set(&mut config, key, value);
        }
    }
    config
}

fn set(config: &mut LossConfig, key: &str, value: &Value) {
    // RLLaVA writes "no bound" as a number that is not above 0.
    let cap = || value.as_f64().filter(|cap| *cap > 0.0);
    match key {
        "clip_ratio" => config.clip_ratio = number(value),
        "clip_ratio_low" => config.clip_ratio_low = number(value),
        "clip_ratio_high" => config.clip_ratio_high = number(value),
        "clip_ratio_c" => config.clip_ratio_c = number(value),
        "clip_upper_bound" => config.clip_upper_bound = number(value),
        "loss_remove_clip" => config.loss_remove_clip = value.as_bool().unwrap(),
        "tis_imp_ratio_cap" => config.tis_imp_ratio_cap = cap(),
        "clip_cov_ratio" => config.clip_cov_ratio = number(value),
        "clip_cov_lb" => config.clip_cov_lb = number(value),
        "clip_cov_ub" => config.clip_cov_ub = number(value),
        "kl_cov_ratio" => config.kl_cov_ratio = number(value),
        "ppo_kl_coef" => config.ppo_kl_coef = number(value),
        "on_policy_reshape" => config.on_policy_reshape = text(value).parse().unwrap(),
        "on_policy_reshape_weight" => config.on_policy_reshape_weight = number(value),
        "on_policy_reshape_pow_exp" => config.on_policy_reshape_pow_exp = number(value),
        "off_policy_reshape" => config.off_policy_reshape = text(value).parse().unwrap(),
        "off_policy_reshape_weight" => config.off_policy_reshape_weight = number(value),
        "off_policy_reshape_pow_exp" => config.off_policy_reshape_pow_exp = number(value),
        "off_policy_max_clip" => config.off_policy_max_clip = cap(),
        "off_policy_min_clip" => config.off_policy_min_clip = cap(),
        "all_max_clip" => config.all_max_clip = cap(),
        "srft_type" => config.srft_type = text(value).parse().unwrap(),
        "srft_clamp" => config.srft_clamp = text(value).parse().unwrap(),
        "sft_loss_coef" => config.sft_loss_coef = number(value),
        other => panic!("unknown setting `{other}`"),
    }
}

pub fn policy_loss(case: &Value) {
    let name = format!("{} {}", case["loss"], case["case"]);
    let mut config = loss_config(case);
    config.loss_mode = text(&case["loss"]).parse().unwrap();
    let mask = &case["response_mask"];
    let rows = rows(mask);
    let prefix = flags_if(&case["prefix_mask"]);
    let scores: Option<Vec<f64>> = case["token_level_scores"]
        .as_array()
        .map(|rows| rows.iter().map(|row| flat(row).iter().sum()).collect());
    let target_logp: Option<Vec<f64>> =
        flat_if(&case["target_probs"]).map(|probs| probs.iter().map(|p| p.ln()).collect());
    let out = algorithm::policy_loss(
        &LossInput {
            rollout_logp: flat_if(&case["rollout_log_probs"]).as_deref(),
            entropy: flat_if(&case["entropy"]).as_deref(),
            prefix_mask: prefix.as_deref(),
            row_scores: scores.as_deref(),
            target_logp: target_logp.as_deref(),
            ..LossInput::new(
                &rows,
                &flat(&case["log_prob"]),
                &flat(&case["old_log_prob"]),
                &flat(&case["advantages"]),
            )
        },
        &totals(&rows, mask, prefix.as_deref()),
        &config,
    )
    .unwrap();
    let expected = case["expected"].as_object().unwrap();
    close(&name, out.loss, number(&expected["pg_loss"]));
    for (key, value) in expected {
        let metric = match key.as_str() {
            "pg_loss" => "actor/pg_loss",
            "pg_clipfrac" => "actor/pg_clipfrac_higher",
            "pg_clipfrac_lower" => "actor/pg_clipfrac_lower",
            "ppo_kl" => "actor/ppo_kl",
            other => panic!("{name}: unknown expectation `{other}`"),
        };
        let what = format!("{name} {metric}");
        close(&what, out.metrics[metric], number(value));
    }
    for (metric, value) in case["expected_metrics"].as_object().into_iter().flatten() {
        let found = out.metrics.get(metric);
        let what = format!("{name} {metric}");
        close(
            &what,
            *found.unwrap_or_else(|| panic!("{what}")),
            number(value),
        );
    }
    let gradient = flat(&case["expected_grad_log_prob"]);
    all_close(&format!("{name} gradient"), &out.d_logp, &gradient);
    assert_eq!(out.d_entropy, None);
}

pub fn kl_penalty(case: &Value) {
    let estimator = text(&case["estimator"]);
    let kind: KlPenalty = estimator.parse().unwrap();
    if case["expect_error"].is_string() {
        // RLLaVA's straight-through variants always raise, which is a fault: here they have the
        // value of the plain estimator and the gradient of k2.
        let plain: KlPenalty = estimator.strip_suffix('+').unwrap().parse().unwrap();
        for d in [-1.5, -0.2, 0.0, 0.3, 2.0] {
            let (value, slope) = algorithm::kl_penalty(kind, -0.7 + d, -0.7);
            let wanted = algorithm::kl_penalty(plain, -0.7 + d, -0.7).0;
            close(estimator, value, wanted);
            close(estimator, slope, d);
        }
        return;
    }
    let rows = rows(&case["response_mask"]);
    let (values, slopes): (Vec<f64>, Vec<f64>) = flat(&case["log_prob"])
        .iter()
        .zip(flat(&case["ref_log_prob"]))
        .map(|(logp, reference)| algorithm::kl_penalty(kind, *logp, reference))
        .unzip();
    let name = format!("{estimator} {}", case["case"]);
    all_close(&name, &values, &flat(&case["expected_kl"]));
    let of_sum = flat_if(&case["expected_grad_sum"]);
    let of_mean = flat_if(&case["expected_grad_token_mean"]);
    assert!(of_sum.is_some() || of_mean.is_some(), "{name}: no gradient");
    if let Some(gradient) = of_sum {
        all_close(&format!("{name} gradient"), &slopes, &gradient);
    }
    if let Some(wanted) = of_mean {
        let totals = Totals::of(&rows, 1);
        let mean = aggregate(&values, &rows, &totals, "token-mean".parse().unwrap()).unwrap();
        close(&name, mean, number(&case["expected_token_mean"]));
        let gradient: Vec<f64> = slopes
            .iter()
            .zip(rows.mask())
            .map(|(slope, m)| f64::from(u8::from(*m)) * slope / totals.tokens as f64)
            .collect();
        all_close(&format!("{name} gradient"), &gradient, &wanted);
    }
}

pub fn agg_loss(case: &Value) {
    let rows = rows(&case["mask"]);
    let name = text(&case["mode"]);
    let mode = match name {
        "average_loss:token" => "token-mean",
        "average_loss:seq" => "seq-mean-token-mean",
        other => other,
    };
    let found = aggregate(
        &flat(&case["loss_mat"]),
        &rows,
        &totals(&rows, &case["mask"], None),
        mode.parse().unwrap(),
    )
    .unwrap();
    close(name, found, number(&case["expected"]));
}

pub fn value_loss(case: &Value) {
    let rows = rows(&case["response_mask"]);
    let mode = match text(&case["mode"]) {
        "token" => "token-mean",
        "seq" => "seq-mean-token-mean",
        other => panic!("unknown mode `{other}`"),
    };
    let out = algorithm::value_loss(
        &ValueInput {
            rows: &rows,
            values: &flat(&case["vpreds"]),
            old_values: &flat(&case["values"]),
            returns: &flat(&case["returns"]),
        },
        &totals(&rows, &case["response_mask"], None),
        &ValueLossConfig {
            cliprange_value: number(&case["cliprange_value"]),
            loss_agg_mode: mode.parse().unwrap(),
        },
    )
    .unwrap();
    close("value loss", out.loss, number(&case["expected_vf_loss"]));
    for (name, value) in case["expected_metrics"].as_object().unwrap() {
        let found = out.metrics[&format!("critic/{name}")];
        close(name, found, number(value));
    }
    let wanted = flat(&case["expected_grad_vpreds"]);
    all_close("value gradient", &out.d_values, &wanted);
}

/// The whole objective with entropy bonus and KL loss. `RLLaVA` takes each micro-batch for itself
/// and scales it, so here each micro-batch is given its own totals and the same scale.
pub fn actor_objective(case: &Value) {
    let name = text(&case["loss_agg_mode"]);
    let mut config = loss_config(case);
    config.use_kl_loss = true;
    config.entropy_coeff = number(&case["entropy_coeff"]);
    config.kl_loss_coef = number(&case["kl_loss_coef"]);
    config.kl_loss_type = text(&case["kl_loss_type"]).parse().unwrap();
    let mut total = 0.0;
    let mut gradient = Vec::new();
    for micro in case["micro_batches"].as_array().unwrap() {
        let pick = |key: &str| -> Value {
            let picked = micro["rows"].as_array().unwrap().iter();
            picked
                .map(|row| case[key][row.as_u64().unwrap() as usize].clone())
                .collect()
        };
        let mask = pick("response_mask");
        let rows = rows(&mask);
        let totals = totals(&rows, &mask, None);
        let out = algorithm::policy_loss(
            &LossInput {
                ref_logp: Some(&flat(&pick("ref_log_prob"))),
                entropy: Some(&flat(&pick("entropy"))),
                ..LossInput::new(
                    &rows,
                    &flat(&pick("log_prob")),
                    &flat(&pick("old_log_prob")),
                    &flat(&pick("advantages")),
                )
            },
            &totals,
            &config,
        )
        .unwrap();
        let scale = number(&micro["scale"]);
        for key in ["pg_loss", "entropy_loss", "kl_loss"] {
            let found = out.metrics[&format!("actor/{key}")];
            close(&format!("{name} {key}"), found, number(&micro[key]));
        }
        close(name, out.loss * scale, number(&micro["loss"]));
        total += out.loss * scale;
        gradient.extend(out.d_logp.iter().map(|g| g * scale));
        let bonus = -config.entropy_coeff / totals.tokens as f64;
        let mask = rows.mask().iter();
        let wanted: Vec<f64> = mask.map(|m| f64::from(u8::from(*m)) * bonus).collect();
        all_close("entropy gradient", &out.d_entropy.unwrap(), &wanted);
    }
    close(name, total, number(&case["expected_total"]));
    let wanted = flat(&case["expected_grad_log_prob_no_entropy_path"]);
    all_close(&format!("{name} gradient"), &gradient, &wanted);
}
