//! Losses: gradients by finite differences, micro-batches, names and bad input.

use super::*;
#[test]
fn gradients_are_finite_differences() {
    const H: f64 = 1e-5;
    let (mut checked, mut non_zero) = (0, 0);
    for seed in 0..4 {
        let mut batch = batch(seed);
        for config in configs() {
            if config.loss_mode == LossMode::Gspo {
                for row in &mut batch {
                    let level = row.advantage.first().copied().unwrap_or(0.0);
                    row.advantage.fill(level);
                    let trained: Vec<f64> = row
                        .mask
                        .iter()
                        .zip(row.logp.iter().zip(&row.old))
                        .filter(|(m, _)| **m)
                        .map(|(_, (logp, old))| logp - old)
                        .collect();
                    let mean = trained.iter().sum::<f64>() / trained.len().max(1) as f64;
                    assert!((mean - 0.8_f64.ln()).abs() > 1e-3, "kink");
                    assert!((mean - 1.2_f64.ln()).abs() > 1e-3, "kink");
                }
            }
            let totals = totals_of(&batch, &rows(&batch));
            let out = loss(&batch, &totals, &config);
            let d_entropy = out.d_entropy.unwrap();
            let mut token = 0;
            for row in 0..batch.len() {
                for t in 0..batch[row].mask.len() {
                    let slope = |part: fn(&mut Row) -> &mut Vec<f64>| {
                        let at = |shift: f64| {
                            let mut moved = batch.clone();
                            part(&mut moved[row])[t] += shift;
                            loss(&moved, &totals, &config).loss
                        };
                        (at(H) - at(-H)) / (2.0 * H)
                    };
                    let what = format!("{config:?} row {row} token {t}");
                    let d_logp = slope(|row| &mut row.logp);
                    close(out.d_logp[token], d_logp, 1e-7, &what);
                    if config.loss_mode == LossMode::Srft {
                        // Its coefficients are constants made of entropies: only the bonus counts.
                        let trained = f64::from(u8::from(batch[row].mask[t]));
                        let bonus = -0.01 * trained / totals.tokens as f64;
                        close(d_entropy[token], bonus, 1e-15, &what);
                    } else {
                        close(d_entropy[token], slope(|row| &mut row.entropy), 1e-7, &what);
                    }
                    checked += 1;
                    non_zero += usize::from(d_logp.abs() > 1e-4);
                    token += 1;
                }
            }
        }
    }
    assert!(
        checked > 3000 && non_zero > checked / 2,
        "{non_zero}/{checked}"
    );
}

#[test]
fn micro_batches_add_up_to_their_mini_batch() {
    for seed in 0..4 {
        let batch = batch(seed);
        let totals = totals_of(&batch, &rows(&batch));
        for config in configs() {
            let whole = loss(&batch, &totals, &config);
            if config.scope() == Scope::Batch {
                let part = &batch[..4];
                let error = try_loss(part, &rows(part), &totals, &config, false, 0).unwrap_err();
                assert!(error.to_string().contains("whole mini-batch"), "{error}");
                continue;
            }
            for cuts in [vec![1], vec![4], vec![2, 3, 6], (1..8).collect()] {
                let bounds: Vec<usize> = [vec![0], cuts, vec![batch.len()]].concat();
                let (mut sum, mut d_logp, mut d_entropy) = (0.0, vec![], vec![]);
                let mut metrics = std::collections::BTreeMap::<String, f64>::new();
                for pair in bounds.windows(2) {
                    let part = loss(&batch[pair[0]..pair[1]], &totals, &config);
                    sum += part.loss;
                    d_logp.extend(part.d_logp);
                    d_entropy.extend(part.d_entropy.unwrap());
                    for (name, value) in part.metrics {
                        *metrics.entry(name).or_default() += value;
                    }
                }
                let what = format!("{config:?} {bounds:?}");
                close(sum, whole.loss, 1e-13, &what);
                assert_eq!(d_logp, whole.d_logp, "{what}");
                assert_eq!(Some(d_entropy), whole.d_entropy, "{what}");
                assert!(metrics.keys().eq(whole.metrics.keys()), "{what}");
                for (name, value) in &whole.metrics {
                    close(metrics[name], *value, 1e-13, &what);
                }
            }
        }
    }
}

#[test]
fn unknown_names_list_the_known_ones() {
    let error = "grop".parse::<Estimator>().unwrap_err().to_string();
    for name in known_estimators() {
        assert!(error.contains(name), "{error}");
    }
    let error = "clipped".parse::<LossMode>().unwrap_err().to_string();
    for name in known_loss_modes() {
        assert!(error.contains(name), "{error}");
        let config = LossConfig {
            loss_mode: name.parse().unwrap(),
            ..LossConfig::default()
        };
        let whole = ["clip_cov", "kl_cov"].contains(&name);
        assert_eq!(config.scope() == Scope::Batch, whole, "{name}");
    }
    let error = "mean".parse::<LossAggMode>().unwrap_err().to_string();
    assert!(error.contains("`mean`") && error.contains("seq-mean-token-sum-norm"));
}

#[test]
fn bad_input_is_named() {
    let batch = batch(0);
    let rows_ = rows(&batch);
    let logp = join(&batch, |row| &row.logp);
    let input = LossInput::new(&rows_, &logp, &logp, &logp);
    let totals = Totals::of(&rows_, 9);
    let plain = LossConfig {
        use_kl_loss: false,
        ..LossConfig::default()
    };
    policy_loss(&input, &totals, &plain).unwrap();
    let short = LossInput {
        old_logp: &logp[1..],
        ..input
    };
    let few = Totals { rows: 1, ..totals };
    let no_length = Totals {
        norm_length: 0,
        ..totals
    };
    let with = |change: fn(&mut LossConfig)| {
        let mut config = plain;
        change(&mut config);
        config
    };
    let bad = [
        (short, totals, plain, "old_logp"),
        (input, few, plain, "mini-batch"),
        (input, totals, with(|c| c.use_kl_loss = true), "use_kl_loss"),
        (
            input,
            totals,
            with(|c| c.entropy_coeff = 0.1),
            "entropy_coeff",
        ),
        (
            input,
            totals,
            with(|c| c.clip_ratio_c = 1.0),
            "clip_ratio_c",
        ),
        (
            input,
            totals,
            with(|c| c.clip_ratio_low = -0.1),
            "clip_ratio_low",
        ),
        (
            input,
            totals,
            with(|c| c.tis_imp_ratio_cap = Some(2.0)),
            "tis_imp_ratio_cap",
        ),
        (
            input,
            totals,
            with(|c| c.tis_imp_ratio_cap = Some(-1.0)),
            "tis_imp_ratio_cap",
        ),
        (
            input,
            totals,
            with(|c| c.behav_imp_weight_cap = Some(5.0)),
            "behav_imp_weight_cap",
        ),
        (
            input,
            totals,
            with(|c| {
                c.behav_imp_weight_cap = Some(5.0);
                c.tis_imp_ratio_cap = Some(2.0);
            }),
            "set one of them",
        ),
        (
            input,
            totals,
            with(|c| c.clip_cov_ratio = 1.5),
            "clip_cov_ratio",
        ),
        (
            input,
            totals,
            with(|c| c.on_policy_reshape = "classic_reject_token".parse().unwrap()),
            "on_policy_reshape",
        ),
        (
            LossInput {
                prefix_mask: Some(&[true]),
                ..input
            },
            totals,
            with(|c| c.loss_mode = LossMode::Hpt),
            "prefix_mask",
        ),
        (
            LossInput {
                row_scores: Some(&[1.0]),
                ..input
            },
            totals,
            plain,
            "row_scores",
        ),
        (
            input,
            no_length,
            with(|c| c.loss_agg_mode = LossAggMode::SeqMeanTokenSumNorm),
            "max_response_length",
        ),
    ];
    for (input, totals, config, named) in bad {
        let error = policy_loss(&input, &totals, &config).unwrap_err();
        assert!(error.to_string().contains(named), "{named}: {error}");
    }

    for offsets in [vec![], vec![1, 2], vec![0, 2, 1, 2], vec![0, 3]] {
        assert!(Rows::new(offsets, vec![true; 2]).is_err());
    }
    let step = AdvantageInput {
        rewards: &[1.0, f64::NAN],
        rows: &Rows::new(vec![0, 1, 2], vec![true; 2]).unwrap(),
        groups: &[4, 4],
        kept: &[true, true],
        values: None,
        baselines: None,
    };
    let grpo = AdvantageConfig::default();
    let error = advantage(&step, &grpo).unwrap_err().to_string();
    assert!(error.contains("row 1 (group 4)"), "{error}");
    let step = AdvantageInput {
        rewards: &[1.0, 0.0],
        ..step
    };
    for (estimator, named) in [(Estimator::Gae, "critic"), (Estimator::Remax, "greedy")] {
        let config = AdvantageConfig { estimator, ..grpo };
        let error = advantage(&step, &config).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}
