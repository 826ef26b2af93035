//! Properties of advantages and losses: gradients by finite differences, invariances, samples
//! that left the step, and values computed by hand.

mod advantage;
mod invariance;
mod loss;
mod normalized;
mod picked;
mod steering;

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
