//! Advantages from normalised rewards.

use super::*;
use rlhost_trainer::algorithm::{Norm, NormLevel, NormalizedConfig, normalized_advantage};

const PLAIN: NormalizedConfig = NormalizedConfig {
    reward_scaling: 1.0,
    reward_bias: 0.0,
    reward_clip: f64::INFINITY,
    reward_norm: None,
    gamma: 1.0,
    lam: 1.0,
    adv_norm: None,
};

const GROUP: Norm = Norm {
    mean_level: Some(NormLevel::Group),
    mean_leave1out: false,
    std_level: Some(NormLevel::Group),
    std_unbiased: true,
    eps: 1e-5,
};

const BATCH: Norm = Norm {
    mean_level: Some(NormLevel::Batch),
    std_level: Some(NormLevel::Batch),
    ..GROUP
};

fn normalized(batch: &[Row], kept: &[bool], config: &NormalizedConfig, critic: bool) -> Advantages {
    let values = join(batch, |row| &row.value);
    normalized_advantage(
        &AdvantageInput {
            rewards: &join(batch, |row| &row.reward),
            rows: &rows(batch),
            groups: &batch.iter().map(|row| row.group).collect::<Vec<_>>(),
            kept,
            values: critic.then_some(&values),
            baselines: None,
        },
        config,
    )
    .unwrap()
}

/// One token per row.
fn single(rewards: &[f64], groups: &[u64], config: &NormalizedConfig) -> Vec<f64> {
    let count = rewards.len();
    let rows = Rows::new((0..=count).collect(), vec![true; count]).unwrap();
    let input = AdvantageInput {
        rewards,
        rows: &rows,
        groups,
        kept: &vec![true; count],
        values: None,
        baselines: None,
    };
    normalized_advantage(&input, config).unwrap().advantages
}

fn norms() -> Vec<NormalizedConfig> {
    let levels = [None, Some(NormLevel::Group), Some(NormLevel::Batch)];
    let mut configs = vec![PLAIN];
    for (mean_level, std_level) in levels
        .iter()
        .flat_map(|mean| levels.iter().map(move |std| (*mean, *std)))
    {
        for mean_leave1out in [false, true] {
            let norm = Norm {
                mean_level,
                std_level,
                mean_leave1out,
                std_unbiased: !mean_leave1out,
                eps: 1e-5,
            };
            configs.push(NormalizedConfig {
                reward_norm: Some(norm),
                ..PLAIN
            });
            configs.push(NormalizedConfig {
                adv_norm: Some(norm),
                gamma: 0.9,
                lam: 0.8,
                ..PLAIN
            });
        }
    }
    configs
}

/// `LLaVA-OneVision-1.5-RL`: (r − 0.5) · 10, one of four right.
#[test]
fn published_settings_by_hand() {
    let config = NormalizedConfig {
        reward_scaling: 10.0,
        reward_bias: -0.5,
        reward_clip: 20.0,
        reward_norm: Some(GROUP),
        ..PLAIN
    };
    // 5, −5, −5, −5: mean −2.5, squares 56.25 + 3 · 6.25 = 75, deviation √(75 / 3) = 5.
    let found = single(&[1.0, 0.0, 0.0, 0.0], &[1; 4], &config);
    let wanted = [7.5, -2.5, -2.5, -2.5].map(|x| x / 5.00001);
    all_close(&found, &wanted, 1e-14, "group");
    // With the bound of 20 a reward of 9 counts as one of 2.5.
    assert_eq!(config.shape(9.0), 20.0);
    assert_eq!(config.shape(2.5), 20.0);
    assert_eq!(config.shape(-9.0), -20.0);
    // Equal rewards teach nothing.
    assert_eq!(single(&[1.0; 4], &[1; 4], &config), [0.0; 4]);
}

#[test]
fn leave_one_out_by_hand() {
    let norm = Norm {
        mean_leave1out: true,
        eps: 0.0,
        ..BATCH
    };
    let config = NormalizedConfig {
        reward_norm: Some(norm),
        ..PLAIN
    };
    // Means of the others 4, 3.5 and 1.5; the deviation is about those.
    let std = (31.5_f64 / 2.0).sqrt();
    let wanted = [-3.0 / std, -1.5 / std, 4.5 / std];
    let found = single(&[1.0, 2.0, 6.0], &[1, 2, 3], &config);
    all_close(&found, &wanted, 1e-14, "batch");
    // A lone number has the mean 0 and the deviation 1.
    let config = NormalizedConfig {
        reward_norm: Some(Norm {
            mean_leave1out: true,
            eps: 0.0,
            ..GROUP
        }),
        ..PLAIN
    };
    let found = single(&[0.7, 1.0, 3.0], &[4, 5, 5], &config);
    // About the other's value both are 2 away: √((4 + 4) / 1).
    let root = 8.0_f64.sqrt();
    all_close(&found, &[0.7, -2.0 / root, 2.0 / root], 1e-14, "lone");
}

/// Two of the published estimators are special cases.
#[test]
fn group_norms_are_published_estimators() {
    for seed in 0..3 {
        let batch = batch(seed);
        let rloo = Norm {
            mean_leave1out: true,
            std_level: None,
            ..GROUP
        };
        let grpo = Norm { eps: 1e-6, ..GROUP };
        for (estimator, norm) in [(Estimator::Rloo, rloo), (Estimator::Grpo, grpo)] {
            let config = NormalizedConfig {
                reward_norm: Some(norm),
                ..PLAIN
            };
            let found = normalized(&batch, &[true; 8], &config, false);
            let published = advantage_of(
                &batch,
                &[true; 8],
                &AdvantageConfig {
                    estimator,
                    ..AdvantageConfig::default()
                },
            );
            let what = format!("{estimator:?}");
            all_close(&found.advantages, &published.advantages, 1e-12, &what);
        }
    }
}

/// With a reward on the last token, the returns are those of `gae`, and a normalisation by tokens
/// whitens them.
#[test]
fn a_critic_and_whole_batches() {
    let mut batch = batch(1);
    for row in &mut batch {
        let score: f64 = row.reward.iter().sum();
        row.reward.fill(0.0);
        if let Some(last) = row.reward.last_mut() {
            *last = score;
        }
    }
    let config = NormalizedConfig {
        gamma: 0.9,
        lam: 0.7,
        adv_norm: Some(Norm { eps: 0.0, ..BATCH }),
        ..PLAIN
    };
    let found = normalized(&batch, &[true; 8], &config, true);
    let gae = advantage_of(
        &batch,
        &[true; 8],
        &AdvantageConfig {
            estimator: Estimator::Gae,
            gamma: 0.9,
            lam: 0.7,
            norm_adv_by_std_in_grpo: true,
        },
    );
    all_close(&found.returns, &gae.returns, 1e-13, "returns");
    all_close(&found.advantages, &gae.advantages, 1e-6, "advantages");
    let trained: Vec<f64> = found
        .advantages
        .iter()
        .zip(found.rows.mask())
        .filter(|(_, m)| **m)
        .map(|(x, _)| *x)
        .collect();
    let count = trained.len() as f64;
    close(trained.iter().sum::<f64>() / count, 0.0, 1e-13, "mean");
    let squares: f64 = trained.iter().map(|x| x * x).sum();
    close(squares / (count - 1.0), 1.0, 1e-12, "variance");
}

#[test]
fn samples_left_out_touch_no_statistic() {
    let mut batch = batch(3);
    batch[0].reward[0] = f64::NAN;
    // Group 2 (rows 5 and 6) loses one of two and leaves the step.
    let kept = [false, true, true, true, true, false, true, true];
    let stays = [false, true, true, true, true, false, false, true];
    let rest: Vec<Row> = (0..8)
        .filter(|&row| stays[row])
        .map(|row| batch[row].clone())
        .collect();
    for config in norms() {
        for critic in [false, true] {
            let all = normalized(&batch, &kept, &config, critic);
            let alone = normalized(&rest, &[true; 5], &config, critic);
            assert_eq!((all.dropped_groups, all.dropped_rows), (1, 3));
            let pick = |values: &[f64]| -> Vec<f64> {
                (0..8)
                    .filter(|&row| stays[row])
                    .flat_map(|row| values[all.rows.range(row)].to_vec())
                    .collect()
            };
            assert_eq!(pick(&all.advantages), alone.advantages, "{config:?}");
            assert_eq!(pick(&all.returns), alone.returns, "{config:?}");
            let zeros = all.advantages.iter().zip(all.rows.mask());
            assert!(zeros.into_iter().all(|(x, m)| *m || *x == 0.0));
            assert!(alone.advantages.iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn order_and_padding_do_not_matter() {
    let batch = batch(2);
    let order = [6, 2, 7, 0, 3, 1, 5, 4];
    let mut moved: Vec<Row> = order.iter().map(|&row| batch[row].clone()).collect();
    for row in &mut moved {
        row.mask.push(false);
        row.reward.push(0.0);
        row.value.push(f64::NAN);
    }
    let (before, after) = (rows(&batch), rows(&moved));
    for config in norms() {
        let found = normalized(&moved, &[true; 8], &config, true);
        let plain = normalized(&batch, &[true; 8], &config, true);
        for (place, &row) in order.iter().enumerate() {
            let range = after.range(place);
            let found = &found.advantages[range.start..range.end - 1];
            let wanted = &plain.advantages[before.range(row)];
            all_close(found, wanted, 1e-11, &format!("{config:?}"));
        }
    }
    // Nothing trained anywhere.
    let mut empty = batch.clone();
    for row in &mut empty {
        row.mask.fill(false);
    }
    for config in norms() {
        let out = normalized(&empty, &[true; 8], &config, true);
        assert!(out.advantages.iter().all(|x| *x == 0.0), "{config:?}");
        let out = normalized(&batch, &[false; 8], &config, true);
        assert!(out.advantages.iter().all(|x| *x == 0.0), "{config:?}");
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let bad: [(&str, NormalizedConfig); 5] = [
        (
            "reward_clip",
            NormalizedConfig {
                reward_clip: 0.0,
                ..PLAIN
            },
        ),
        (
            "reward_scaling",
            NormalizedConfig {
                reward_scaling: f64::NAN,
                ..PLAIN
            },
        ),
        (
            "gamma",
            NormalizedConfig {
                gamma: 1.5,
                ..PLAIN
            },
        ),
        ("lam", NormalizedConfig { lam: -0.1, ..PLAIN }),
        (
            "adv_norm.eps",
            NormalizedConfig {
                adv_norm: Some(Norm { eps: -1.0, ..BATCH }),
                ..PLAIN
            },
        ),
    ];
    for (named, config) in bad {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    NormalizedConfig::default().validate().unwrap();
}
