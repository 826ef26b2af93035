//! Properties of advantages and losses: gradients by finite differences, invariances, samples
//! that left the step, and values computed by hand.

use rlhost_trainer::algorithm::{
    AdvantageConfig, AdvantageInput, Advantages, Estimator, KlPenalty, LossAggMode, LossConfig,
    LossInput, LossMode, LossOutput, Rows, Scope, SrftClamp, Totals, advantage, known_estimators,
    known_loss_modes, place_rewards, policy_loss,
};
use rlhost_trainer::random::{Domain, Stream};

const MODES: [LossAggMode; 4] = [
    LossAggMode::TokenMean,
    LossAggMode::SeqMeanTokenSum,
    LossAggMode::SeqMeanTokenMean,
    LossAggMode::SeqMeanTokenSumNorm,
];

const RESHAPES: [&str; 8] = [
    "no_reshape",
    "logp",
    "p_logp",
    "square_root",
    "p_div_p_0.1",
    "p_div_p_0.3",
    "p_div_p_0.5",
    "pow",
];

/// A batch whose rows can be picked, reordered and padded.
#[derive(Clone)]
struct Row {
    mask: Vec<bool>,
    logp: Vec<f64>,
    old: Vec<f64>,
    reference: Vec<f64>,
    rollout: Vec<f64>,
    entropy: Vec<f64>,
    advantage: Vec<f64>,
    reward: Vec<f64>,
    value: Vec<f64>,
    /// Tokens that a target wrote, and their log-probs under it.
    prefix: Vec<bool>,
    target: Vec<f64>,
    score: f64,
    baseline: f64,
    group: u64,
}

/// Differences `logp − old` that lie well away from where a clip begins (±0.2; ln 0.8 = −0.223,
/// ln 1.2 = 0.182, ln 3 = 1.099), some inside and some beyond.
const LOG_RATIOS: [f64; 8] = [-0.7, -0.35, -0.1, -0.03, 0.06, 0.12, 0.4, 1.4];

/// Rows of several lengths, one of them empty, some with holes, in three groups.
fn batch(seed: u64) -> Vec<Row> {
    let lengths = [4, 1, 7, 0, 3, 6, 5, 2];
    let stream = |row: usize| Stream::new(seed, Domain::Sampling, row as u64, 0);
    lengths
        .iter()
        .enumerate()
        .map(|(i, &length)| {
            let stream = stream(i);
            let column = |kind: u32| -> Vec<f64> {
                (0..length)
                    .map(|t| stream.uniform(kind * 100 + t))
                    .collect()
            };
            let mask: Vec<bool> = (0..length)
                .map(|t| t + 1 == length || stream.uniform(t) < 0.8)
                .collect();
            let old: Vec<f64> = column(1).iter().map(|u| -0.1 - 2.0 * u).collect();
            let ratio = column(2);
            let logp: Vec<f64> = old
                .iter()
                .zip(&ratio)
                .map(|(old, u)| old + LOG_RATIOS[(u * 8.0) as usize])
                .collect();
            // One sign within a row, not one value: only GSPO's gradient asks for equal values.
            let level = if i % 2 == 0 { 1.3 } else { -0.8 };
            let spread = |x: &[f64], u: &[f64], by: f64| -> Vec<f64> {
                let signed = |u: f64| if u < 0.5 { u - 1.0 } else { u };
                x.iter().zip(u).map(|(x, u)| x + by * signed(*u)).collect()
            };
            Row {
                reference: spread(&logp, &column(3), 0.9),
                rollout: spread(&old, &column(4), 1.2),
                entropy: column(5),
                advantage: column(6).iter().map(|u| level * (0.5 + u)).collect(),
                reward: mask
                    .iter()
                    .zip(column(7))
                    .map(|(m, u)| if *m { u - 0.3 } else { 0.0 })
                    .collect(),
                value: column(8),
                // Rows of the policy alone, with a hint, and of a target alone.
                prefix: (0..length)
                    .map(|t| i % 3 == 1 || i % 3 == 2 && t < 3)
                    .collect(),
                target: column(9).iter().map(|u| -0.1 - 2.0 * u).collect(),
                score: [1.0, 0.0, 0.5][i % 3],
                baseline: stream.uniform(900),
                group: [5, 5, 9, 9, 5, 2, 2, 9][i],
                mask,
                logp,
                old,
            }
        })
        .collect()
}

fn join<T: Clone>(batch: &[Row], part: impl Fn(&Row) -> &Vec<T>) -> Vec<T> {
    batch.iter().flat_map(|row| part(row).clone()).collect()
}

fn rows(batch: &[Row]) -> Rows {
    let mut offsets = vec![0];
    for row in batch {
        offsets.push(offsets[offsets.len() - 1] + row.mask.len());
    }
    Rows::new(offsets, join(batch, |row| &row.mask)).unwrap()
}

/// The loss of some rows; on request with the probabilities of the targets and another seed.
fn try_loss(
    batch: &[Row],
    rows: &Rows,
    totals: &Totals,
    config: &LossConfig,
    targets: bool,
    seed: u64,
) -> rlhost_trainer::Result<LossOutput> {
    let target_logp = targets.then(|| join(batch, |row| &row.target));
    policy_loss(
        &LossInput {
            ref_logp: Some(&join(batch, |row| &row.reference)),
            rollout_logp: Some(&join(batch, |row| &row.rollout)),
            entropy: Some(&join(batch, |row| &row.entropy)),
            prefix_mask: Some(&join(batch, |row| &row.prefix)),
            row_scores: Some(&batch.iter().map(|row| row.score).collect::<Vec<_>>()),
            target_logp: target_logp.as_deref(),
            seed,
            ..LossInput::new(
                rows,
                &join(batch, |row| &row.logp),
                &join(batch, |row| &row.old),
                &join(batch, |row| &row.advantage),
            )
        },
        totals,
        config,
    )
}

fn loss_of(batch: &[Row], rows: &Rows, totals: &Totals, config: &LossConfig) -> LossOutput {
    // One variant of `srft` divides by the probabilities of the targets.
    let targets = config.off_policy_max_clip.is_some();
    try_loss(batch, rows, totals, config, targets, 0).unwrap()
}

fn totals_of(batch: &[Row], rows: &Rows) -> Totals {
    Totals::mixed(rows, &join(batch, |row| &row.prefix), 9).unwrap()
}

fn loss(batch: &[Row], totals: &Totals, config: &LossConfig) -> LossOutput {
    loss_of(batch, &rows(batch), totals, config)
}

fn advantage_of(batch: &[Row], kept: &[bool], config: &AdvantageConfig) -> Advantages {
    advantage(
        &AdvantageInput {
            rewards: &join(batch, |row| &row.reward),
            rows: &rows(batch),
            groups: &batch.iter().map(|row| row.group).collect::<Vec<_>>(),
            kept,
            values: Some(&join(batch, |row| &row.value)),
            baselines: Some(&batch.iter().map(|row| row.baseline).collect::<Vec<_>>()),
        },
        config,
    )
    .unwrap()
}

/// Every loss with every aggregation, each with a KL loss and an entropy bonus, and variants.
fn configs() -> Vec<LossConfig> {
    let kinds = [KlPenalty::K1, KlPenalty::Abs, KlPenalty::K2, KlPenalty::K3];
    let mut configs = Vec::new();
    for (i, name) in known_loss_modes().iter().enumerate() {
        for (j, mode) in MODES.into_iter().enumerate() {
            let base = LossConfig {
                loss_mode: name.parse().unwrap(),
                loss_agg_mode: mode,
                // All candidates are picked, so the order of the rows has no say.
                clip_cov_ratio: 1.0,
                clip_cov_lb: 0.3,
                kl_cov_ratio: 0.3,
                sft_loss_coef: 0.7,
                entropy_coeff: 0.01,
                kl_loss_coef: 0.05,
                kl_loss_type: kinds[(i + j) % kinds.len()],
                ..LossConfig::default()
            };
            configs.push(base);
            configs.extend(variants(&base));
        }
    }
    configs
}

fn variants(base: &LossConfig) -> Vec<LossConfig> {
    let no_clip = LossConfig {
        loss_remove_clip: true,
        ..*base
    };
    match base.loss_mode {
        LossMode::Vanilla => vec![
            no_clip,
            LossConfig {
                tis_imp_ratio_cap: Some(1.5),
                clip_ratio_high: 0.28,
                ..*base
            },
            LossConfig {
                behav_imp_weight_cap: Some(1.5),
                ..*base
            },
        ],
        LossMode::Luffy => RESHAPES
            .iter()
            .map(|name| LossConfig {
                on_policy_reshape: name.parse().unwrap(),
                off_policy_reshape: name.parse().unwrap(),
                ..*base
            })
            .chain([no_clip])
            .collect(),
        LossMode::Srft => ["paper", "exp", "classic_rl", "minus_old"]
            .iter()
            .flat_map(|name| {
                let with_type = |base: &LossConfig| LossConfig {
                    srft_type: name.parse().unwrap(),
                    ..*base
                };
                [
                    with_type(&no_clip),
                    LossConfig {
                        srft_clamp: SrftClamp::Ratio,
                        ..with_type(base)
                    },
                    LossConfig {
                        off_policy_max_clip: Some(1.1),
                        off_policy_min_clip: Some(0.4),
                        ..with_type(base)
                    },
                    LossConfig {
                        all_max_clip: Some(0.5),
                        off_policy_reshape: "p_div_p_0.1".parse().unwrap(),
                        ..with_type(&no_clip)
                    },
                ]
            })
            .collect(),
        LossMode::Hpt | LossMode::Uft => vec![no_clip],
        _ => Vec::new(),
    }
}

#[track_caller]
fn close(found: f64, wanted: f64, bound: f64, what: &str) {
    assert!(
        (found - wanted).abs() <= bound * wanted.abs().max(1.0),
        "{what}: {found} != {wanted}"
    );
}

#[track_caller]
fn all_close(found: &[f64], wanted: &[f64], bound: f64, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        close(*found, *wanted, bound, &format!("{what}[{i}]"));
    }
}

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

/// A step with samples left out is the step that never had them.
#[test]
fn samples_left_out_touch_nothing() {
    let mut batch = batch(3);
    batch[3] = batch[5].clone();
    batch[3].group = 9;
    batch[0].reward[0] = f64::NAN;
    let kept = [false, true, true, false, true, true, true, true];
    let rest: Vec<Row> = (0..8)
        .filter(|&row| kept[row])
        .map(|row| batch[row].clone())
        .collect();
    for estimator in known_estimators() {
        let config = AdvantageConfig {
            estimator: estimator.parse().unwrap(),
            ..AdvantageConfig::default()
        };
        let all = advantage_of(&batch, &kept, &config);
        let alone = advantage_of(&rest, &[true; 6], &config);
        assert_eq!((all.dropped_groups, all.dropped_rows), (0, 2));
        let pick = |values: &[f64]| -> Vec<f64> {
            (0..8)
                .filter(|&row| kept[row])
                .flat_map(|row| values[all.rows.range(row)].to_vec())
                .collect()
        };
        assert_eq!(pick(&all.advantages), alone.advantages, "{estimator}");
        assert_eq!(pick(&all.returns), alone.returns, "{estimator}");
        for row in [0, 3] {
            let range = all.rows.range(row);
            assert!(all.advantages[range].iter().all(|x| *x == 0.0));
            assert_eq!(all.rows.trained_len(row), 0);
        }
        for config in configs() {
            let masked = loss_of(&batch, &all.rows, &totals_of(&batch, &all.rows), &config);
            let without = loss(&rest, &totals_of(&rest, &rows(&rest)), &config);
            assert_eq!(masked.loss.to_bits(), without.loss.to_bits());
            assert_eq!(masked.metrics, without.metrics);
            assert_eq!(pick(&masked.d_logp), without.d_logp);
        }
    }
}

#[test]
fn a_group_with_one_sample_left_leaves_the_step() {
    let rows = Rows::new((0..=6).collect(), vec![true; 6]).unwrap();
    let input = AdvantageInput {
        rewards: &[1.0, 0.0, 0.0, 0.5, 0.0, 0.7],
        rows: &rows,
        // Group 1 loses a sample and keeps one, group 2 keeps two, group 3 had one from the start.
        groups: &[1, 1, 2, 2, 2, 3],
        kept: &[true, false, true, true, false, true],
        values: None,
        baselines: None,
    };
    let config = AdvantageConfig {
        norm_adv_by_std_in_grpo: false,
        ..AdvantageConfig::default()
    };
    let out = advantage(&input, &config).unwrap();
    assert_eq!((out.dropped_groups, out.dropped_rows), (1, 3));
    assert_eq!(
        out.rows.mask(),
        [false, false, true, true, false, true],
        "rows that the loss sees"
    );
    let wanted = [0.0, 0.0, -0.25, 0.25, 0.0, 0.7];
    all_close(&out.advantages, &wanted, 1e-15, "advantages");
}

/// A whole step without a single usable sample still gives numbers.
#[test]
fn a_step_without_samples_gives_zeros() {
    let batch = batch(0);
    for estimator in known_estimators() {
        let config = AdvantageConfig {
            estimator: estimator.parse().unwrap(),
            ..AdvantageConfig::default()
        };
        let out = advantage_of(&batch, &[false; 8], &config);
        assert!(out.advantages.iter().all(|x| *x == 0.0), "{estimator}");
        assert_eq!((out.dropped_groups, out.dropped_rows), (3, 8));
    }
}

#[test]
fn estimators_by_hand() {
    let one = |estimator, gamma, lam, rewards: &[f64], values: &[f64]| {
        let rows = Rows::new(vec![0, rewards.len()], vec![true; rewards.len()]).unwrap();
        advantage(
            &AdvantageInput {
                rewards,
                rows: &rows,
                groups: &[0],
                kept: &[true],
                values: Some(values),
                baselines: None,
            },
            &AdvantageConfig {
                estimator,
                gamma,
                lam,
                norm_adv_by_std_in_grpo: true,
            },
        )
        .unwrap()
    };
    // δ₁ = 1 − ¼, δ₀ = ½·¼ − ½, A₀ = δ₀ + ½·½·δ₁ = −0.1875; whitened, two numbers are ±1/√2.
    let gae = one(Estimator::Gae, 0.5, 0.5, &[0.0, 1.0], &[0.5, 0.25]);
    all_close(&gae.returns, &[0.3125, 1.0], 1e-15, "gae returns");
    let root = 0.5_f64.sqrt();
    all_close(&gae.advantages, &[-root, root], 1e-7, "gae");
    // R₂ = 1, R₁ = 0 + ½, R₀ = 1 + ¼.
    let plus = one(
        Estimator::ReinforcePlusPlus,
        0.5,
        1.0,
        &[1.0, 0.0, 1.0],
        &[0.0; 3],
    );
    all_close(&plus.returns, &[1.25, 0.5, 1.0], 1e-15, "reinforce++");

    let rows = Rows::new(vec![0, 1, 2, 3], vec![true; 3]).unwrap();
    let passk = advantage(
        &AdvantageInput {
            rewards: &[0.2, 0.9, 0.5],
            rows: &rows,
            groups: &[0; 3],
            kept: &[true; 3],
            values: None,
            baselines: None,
        },
        &AdvantageConfig {
            estimator: Estimator::GrpoPassk,
            norm_adv_by_std_in_grpo: false,
            ..AdvantageConfig::default()
        },
    )
    .unwrap();
    all_close(&passk.advantages, &[0.0, 0.4, 0.0], 1e-15, "pass@k");
}

#[test]
fn rewards_lie_on_tokens() {
    // Row 0 has a hole, row 1 ends in one, row 2 is empty.
    let mask = vec![true, false, true, true, true, false];
    let rows = Rows::new(vec![0, 4, 6, 6], mask).unwrap();
    let steps = [vec![(0, 0.25), (2, -0.5), (0, 0.25)], vec![], vec![]];
    let rewards = place_rewards(&[1.0, 0.7, 0.3], &steps, &rows).unwrap();
    assert_eq!(rewards, [0.5, 0.0, -0.5, 1.0, 0.7, 0.0]);

    // A step at the very end shares its token with the rest.
    let last = place_rewards(&[1.0, 0.0, 0.0], &[vec![(3, 0.4)], vec![], vec![]], &rows).unwrap();
    assert_eq!(&last[..4], [0.0, 0.0, 0.0, 1.0]);

    for token in [1, 4] {
        let steps = [vec![(token, 1.0)], vec![], vec![]];
        let error = place_rewards(&[1.0, 0.0, 0.0], &steps, &rows).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("row 0: a step reward lies on token {token}"))
        );
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
