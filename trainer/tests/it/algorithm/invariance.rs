//! What must not matter: the order of rows, padding, rows without a token.

use super::*;

#[test]
fn order_of_rows_does_not_matter() {
    let batch = batch(1);
    let order = [6, 2, 7, 0, 3, 1, 5, 4];
    let moved: Vec<Row> = order.iter().map(|&row| batch[row].clone()).collect();
    let (old_rows, new_rows) = (rows(&batch), rows(&moved));
    let permuted = |values: &[f64]| -> Vec<f64> {
        let parts = order.iter().map(|&row| &values[old_rows.range(row)]);
        parts.flatten().copied().collect()
    };
    for estimator in known_estimators() {
        let config = AdvantageConfig {
            estimator: estimator.parse().unwrap(),
            ..AdvantageConfig::default()
        };
        let before = advantage_of(&batch, &[true; 8], &config);
        let after = advantage_of(&moved, &[true; 8], &config);
        let wanted = permuted(&before.advantages);
        all_close(&after.advantages, &wanted, 1e-12, estimator);
        all_close(&after.returns, &permuted(&before.returns), 1e-12, estimator);
    }
    let totals = totals_of(&batch, &old_rows);
    assert_eq!(totals, totals_of(&moved, &new_rows));
    for config in configs() {
        let (before, after) = (
            loss(&batch, &totals, &config),
            loss(&moved, &totals, &config),
        );
        close(after.loss, before.loss, 1e-13, "loss");
        assert_eq!(after.d_logp, permuted(&before.d_logp));
    }
}

/// Tokens that are not trained may hold anything.
#[test]
fn padding_does_not_matter() {
    let batch = batch(2);
    let mut padded = batch.clone();
    for (i, row) in padded.iter_mut().enumerate() {
        for _ in 0..=i % 3 {
            row.mask.push(false);
            row.prefix.push(true);
            row.reward.push(0.0);
            for part in [
                &mut row.logp,
                &mut row.old,
                &mut row.reference,
                &mut row.rollout,
                &mut row.entropy,
                &mut row.advantage,
                &mut row.value,
                &mut row.target,
            ] {
                part.push(f64::NAN);
            }
        }
    }
    let padded_rows = rows(&padded);
    let unpadded = |values: &[f64]| -> Vec<f64> {
        let cut = |row: usize| {
            let range = padded_rows.range(row);
            let (kept, rest) = values[range].split_at(batch[row].mask.len());
            assert!(rest.iter().all(|x| *x == 0.0));
            kept.to_vec()
        };
        (0..batch.len()).flat_map(cut).collect()
    };
    for estimator in known_estimators() {
        let config = AdvantageConfig {
            estimator: estimator.parse().unwrap(),
            ..AdvantageConfig::default()
        };
        let before = advantage_of(&batch, &[true; 8], &config);
        let after = advantage_of(&padded, &[true; 8], &config);
        let found = unpadded(&after.advantages);
        all_close(&found, &before.advantages, 1e-13, estimator);
        assert!(before.advantages.iter().all(|x| x.is_finite()));
    }
    let totals = totals_of(&padded, &padded_rows);
    assert_eq!(totals, totals_of(&batch, &rows(&batch)));
    for config in configs() {
        let (before, after) = (
            loss(&batch, &totals, &config),
            loss(&padded, &totals, &config),
        );
        assert_eq!(unpadded(&after.d_logp), before.d_logp);
        assert_eq!(after.loss.to_bits(), before.loss.to_bits());
    }
}

#[test]
fn empty_rows_give_numbers() {
    let empty: Vec<Row> = vec![batch(0)[3].clone(); 3];
    for estimator in known_estimators() {
        let config = AdvantageConfig {
            estimator: estimator.parse().unwrap(),
            ..AdvantageConfig::default()
        };
        let out = advantage_of(&empty, &[true; 3], &config);
        assert_eq!(out.advantages, Vec::<f64>::new());
        // Also where a row has tokens and none of them is trained.
        let mut untrained = batch(0);
        untrained[2].mask.fill(false);
        untrained[7].mask.fill(false);
        let out = advantage_of(&untrained, &[true; 8], &config);
        assert!(out.advantages.iter().all(|x| x.is_finite()), "{estimator}");
        assert!(out.returns.iter().all(|x| x.is_finite()), "{estimator}");
    }
    for config in configs() {
        let out = loss(&empty, &totals_of(&empty, &rows(&empty)), &config);
        assert_eq!(out.loss.to_bits(), 0.0_f64.to_bits(), "{config:?}");
        assert!(out.metrics.values().all(|x| *x == 0.0), "{config:?}");
    }
}

/// Rows enough for several threads.
#[test]
fn threads_change_no_bit() {
    let batch: Vec<Row> = (0..640)
        .flat_map(|seed| {
            let mut rows = batch(seed);
            for row in &mut rows {
                row.group += 10 * seed;
            }
            rows
        })
        .collect();
    let totals = totals_of(&batch, &rows(&batch));
    assert!(totals.tokens > 10_000);
    let results = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let advantages = known_estimators().into_iter().map(|estimator| {
                let config = AdvantageConfig {
                    estimator: estimator.parse().unwrap(),
                    ..AdvantageConfig::default()
                };
                advantage_of(&batch, &vec![true; batch.len()], &config)
            });
            let losses = known_loss_modes().into_iter().map(|mode| {
                let config = LossConfig {
                    loss_mode: mode.parse().unwrap(),
                    ..LossConfig::default()
                };
                loss(&batch, &totals, &config)
            });
            (advantages.collect::<Vec<_>>(), losses.collect::<Vec<_>>())
        })
    };
    assert_eq!(results(1), results(5));
}
