//! The value loss, the divergence in the reward and its controller, and what chooses samples.

use super::*;
use rlhost_trainer::algorithm::{
    KlController, ValueInput, ValueLossConfig, ValueOutput, balanced_partition, explained_variance,
    hint_ratio_bound, keep_groups, kl_in_reward, kl_penalty, response_len, sequence_workload,
    value_loss,
};

fn value(batch: &[Row], totals: &Totals, config: &ValueLossConfig) -> ValueOutput {
    value_loss(
        &ValueInput {
            rows: &rows(batch),
            values: &join(batch, |row| &row.logp),
            old_values: &join(batch, |row| &row.old),
            returns: &join(batch, |row| &row.value),
        },
        totals,
        config,
    )
    .unwrap()
}

fn value_configs() -> Vec<ValueLossConfig> {
    MODES
        .iter()
        .flat_map(|mode| {
            // Between the distances that occur: some are clipped.
            [0.2, 0.5, f64::INFINITY].map(|cliprange_value| ValueLossConfig {
                cliprange_value,
                loss_agg_mode: *mode,
            })
        })
        .collect()
}

#[test]
fn value_gradients_are_finite_differences() {
    const H: f64 = 1e-6;
    let (mut clipped, mut moving) = (0, 0);
    for seed in 0..4 {
        let batch = batch(seed);
        let totals = Totals::of(&rows(&batch), 9);
        for config in value_configs() {
            let out = value(&batch, &totals, &config);
            let mut token = 0;
            for row in 0..batch.len() {
                for t in 0..batch[row].mask.len() {
                    let at = |shift: f64| {
                        let mut moved = batch.clone();
                        moved[row].logp[t] += shift;
                        value(&moved, &totals, &config).loss
                    };
                    let slope = (at(H) - at(-H)) / (2.0 * H);
                    close(out.d_values[token], slope, 1e-8, &format!("{config:?}"));
                    if batch[row].mask[t] {
                        clipped += usize::from(slope.abs() < 1e-9);
                        moving += usize::from(slope.abs() > 1e-4);
                    }
                    token += 1;
                }
            }
        }
    }
    assert!(clipped > 50 && moving > 500, "{clipped} {moving}");
}

#[test]
fn value_losses_add_up_and_survive_empty_rows() {
    let batch = batch(2);
    let totals = Totals::of(&rows(&batch), 9);
    for config in value_configs() {
        let whole = value(&batch, &totals, &config);
        let parts = [&batch[..3], &batch[3..4], &batch[4..]].map(|p| value(p, &totals, &config));
        let sum: f64 = parts.iter().map(|part| part.loss).sum();
        close(sum, whole.loss, 1e-14, "loss");
        let d_values: Vec<f64> = parts.iter().flat_map(|p| p.d_values.clone()).collect();
        assert_eq!(d_values, whole.d_values);
        for (name, found) in &whole.metrics {
            let sum: f64 = parts.iter().map(|part| part.metrics[name]).sum();
            close(sum, *found, 1e-14, name);
        }
        let empty = vec![batch[3].clone(); 2];
        let out = value(&empty, &Totals::of(&rows(&empty), 9), &config);
        assert_eq!(out.loss, 0.0);
        assert!(out.metrics.values().all(|x| *x == 0.0));
        let mut padded = batch.clone();
        for row in &mut padded {
            row.mask.push(false);
            row.logp.push(f64::NAN);
            row.old.push(f64::NAN);
            row.value.push(f64::NAN);
        }
        let out = value(&padded, &totals, &config);
        assert_eq!(out.loss.to_bits(), whole.loss.to_bits());
        assert!(out.d_values.iter().all(|x| x.is_finite()));
    }
    let config = ValueLossConfig {
        cliprange_value: -1.0,
        ..ValueLossConfig::default()
    };
    let numbers = join(&batch, |row| &row.logp);
    let input = ValueInput {
        rows: &rows(&batch),
        values: &numbers,
        old_values: &numbers,
        returns: &numbers,
    };
    let error = value_loss(&input, &totals, &config)
        .unwrap_err()
        .to_string();
    assert!(error.contains("cliprange_value"), "{error}");
    let few = Totals {
        tokens: 1,
        ..totals
    };
    let error = value_loss(&input, &few, &ValueLossConfig::default()).unwrap_err();
    assert!(error.to_string().contains("mini-batch"), "{error}");
}

/// By hand: returns 1, 2, 3, 6 vary by (4 + 1 + 0 + 9) / 4 = 14/4 about 3; what is left of them
/// after the values 1, 1, 3, 5 is 0, 1, 0, 1, which varies by 1/4.
#[test]
fn explained_variance_by_hand() {
    let rows = Rows::new(vec![0, 3, 3, 6], vec![true, true, false, true, false, true]).unwrap();
    let returns = [1.0, 2.0, 9.0, 3.0, f64::NAN, 6.0];
    let explained = |values: &[f64], returns: &[f64]| {
        let found = explained_variance(&rows, values, returns).unwrap();
        found.inspect(|share| assert!(share.is_finite()))
    };
    let share = explained(&[1.0, 1.0, 7.0, 3.0, f64::NAN, 5.0], &returns).unwrap();
    close(share, 1.0 - 1.0 / 14.0, 1e-14, "by hand");
    let perfect = explained(&returns, &returns).unwrap();
    close(perfect, 1.0, 1e-14, "perfect");
    close(
        explained(&[0.3; 6], &returns).unwrap(),
        0.0,
        1e-14,
        "constant",
    );
    // Twice too large and then some: worse than a constant.
    let double: Vec<f64> = returns.iter().map(|r| 3.0 * r).collect();
    close(explained(&double, &returns).unwrap(), -3.0, 1e-14, "worse");
    for equal in [0.0, 0.1, 1e9] {
        assert_eq!(explained(&returns, &[equal; 6]), None);
    }
    let nothing = Rows::new(vec![0, 2], vec![false; 2]).unwrap();
    assert_eq!(
        explained_variance(&nothing, &[1.0; 2], &[2.0; 2]).unwrap(),
        None
    );
    assert!(explained_variance(&rows, &[1.0; 5], &returns).is_err());
}

/// A critic that has gone to NaN is the optimiser's to skip, no reason to panic.
#[test]
fn values_that_are_not_numbers_are_no_panic() {
    let rows = Rows::new(vec![0, 2], vec![true; 2]).unwrap();
    let out = value_loss(
        &ValueInput {
            rows: &rows,
            values: &[0.5, f64::NAN],
            old_values: &[f64::NAN; 2],
            returns: &[1.0, 1.0],
        },
        &Totals::of(&rows, 2),
        &ValueLossConfig::default(),
    )
    .unwrap();
    assert!(out.d_values[1].is_nan());
}

/// The value of the one estimator, the gradient of k2.
#[test]
fn straight_through_estimators() {
    for (name, plain) in [("k1+", "k1"), ("abs+", "abs"), ("k2+", "k2"), ("k3+", "k3")] {
        let (through, plain): (KlPenalty, KlPenalty) =
            (name.parse().unwrap(), plain.parse().unwrap());
        for logp in [-3.0, -0.9, -0.4, 0.0, 40.0] {
            let (value, slope) = kl_penalty(through, logp, -0.6);
            assert_eq!(value, kl_penalty(plain, logp, -0.6).0, "{name}");
            assert_eq!(slope, logp + 0.6, "{name}");
        }
    }
    // In the loss: Σ (logp − ref) over the trained tokens by their weight.
    let batch = batch(0);
    let totals = totals_of(&batch, &rows(&batch));
    let config = |kl_loss_coef| LossConfig {
        kl_loss_type: KlPenalty::K3Plus,
        kl_loss_coef,
        ..LossConfig::default()
    };
    let (with, without) = (
        loss(&batch, &totals, &config(0.5)).d_logp,
        loss(&batch, &totals, &config(0.0)).d_logp,
    );
    let (logp, reference) = (join(&batch, |r| &r.logp), join(&batch, |r| &r.reference));
    for (token, trained) in rows(&batch).mask().iter().enumerate() {
        let distance = f64::from(u8::from(*trained)) * (logp[token] - reference[token]);
        let wanted = 0.5 * distance / totals.tokens as f64;
        close(with[token] - without[token], wanted, 1e-14, "k3+");
    }
}

#[test]
fn divergence_in_the_reward_leaves_untrained_tokens_alone() {
    // Row 1 trains nothing, row 2 is empty.
    let rows = Rows::new(vec![0, 3, 4, 4], vec![true, false, true, false]).unwrap();
    let (old, reference) = ([-1.0, f64::NAN, -2.0, f64::NAN], [-1.5, 0.0, -1.0, 0.0]);
    let out = kl_in_reward(
        &[0.0, 7.0, 1.0, 8.0],
        &old,
        &reference,
        &rows,
        KlPenalty::K1,
        0.1,
    );
    let out = out.unwrap();
    all_close(&out.rewards, &[-0.05, 7.0, 1.1, 8.0], 1e-15, "rewards");
    close(out.kl, (0.5 - 1.0) / 2.0, 1e-15, "kl");
    let empty = Rows::new(vec![0, 0], vec![]).unwrap();
    let out = kl_in_reward(&[], &[], &[], &empty, KlPenalty::K3, 0.1).unwrap();
    assert_eq!(out.kl, 0.0);
    let error = kl_in_reward(&[0.0], &old, &reference, &rows, KlPenalty::K3, 0.1).unwrap_err();
    assert!(error.to_string().contains("rewards"), "{error}");
}

#[test]
fn controllers_by_hand() {
    let mut fixed = KlController::fixed(0.02).unwrap();
    fixed.update(9.0, 1000);
    assert_eq!(fixed.coef(), 0.02);
    let mut adaptive = KlController::adaptive(0.5, 0.1, 100.0).unwrap();
    // Ten per cent too much over 10 of 100 samples.
    adaptive.update(0.11, 10);
    close(adaptive.coef(), 0.5 * 1.01, 1e-15, "up");
    // Errors count up to 20 per cent.
    adaptive.update(9.0, 50);
    close(adaptive.coef(), 0.5 * 1.01 * 1.1, 1e-15, "bounded");
    // Nothing to learn from, and never below 0.
    let before = adaptive;
    adaptive.update(f64::NAN, 50);
    assert_eq!(adaptive, before);
    adaptive.update(-1.0, 10_000);
    assert_eq!(adaptive.coef(), 0.0);
    let text = serde_json::to_string(&before).unwrap();
    assert!(text.contains(r#""type":"adaptive""#), "{text}");
    assert_eq!(serde_json::from_str::<KlController>(&text).unwrap(), before);
    for (bad, key) in [
        (KlController::fixed(-1.0), "kl_coef"),
        (KlController::adaptive(0.1, 0.0, 10.0), "target_kl"),
        (KlController::adaptive(0.1, 0.1, f64::NAN), "horizon"),
    ] {
        assert!(bad.unwrap_err().to_string().contains(key));
    }
}

#[test]
fn samples_are_chosen_and_shared() {
    let kept = keep_groups(&[1.0, 0.0, 1.0, 1.0, 0.5], &[7, 7, 8, 8, 9], 0.0, 1.0).unwrap();
    assert_eq!(kept, [true, true, false, false, true]);
    assert!(keep_groups(&[1.0], &[], 0.0, 1.0).is_err());

    assert_eq!(response_len(&[5, 2, 3, 2], &[2, 9]), 2);
    assert_eq!(response_len(&[5, 3], &[2]), 2);
    assert_eq!(response_len(&[], &[2]), 0);
    close(hint_ratio_bound(50, 100, 0.1, 0.8), 0.4, 1e-15, "half way");
    close(hint_ratio_bound(100, 100, 0.1, 0.8), 0.1, 1e-15, "floor");
    close(hint_ratio_bound(900, 100, 0.0, 0.8), 0.0, 1e-15, "after");
    close(hint_ratio_bound(0, 0, 0.0, 0.8), 0.0, 1e-15, "no hints");

    // The textbook example: largest differencing ends 2 apart, 8 + 6 and 7 + 5 + 4.
    let mut parts = balanced_partition(&[8, 7, 6, 5, 4], 2);
    parts.sort();
    assert_eq!(parts, [vec![0, 2], vec![1, 3, 4]]);
    assert_eq!(balanced_partition(&[3], 2), [vec![0], vec![]]);
    assert_eq!(balanced_partition(&[], 2), [vec![0_usize; 0], vec![]]);
    assert_eq!(sequence_workload(10), 245_860);
}
