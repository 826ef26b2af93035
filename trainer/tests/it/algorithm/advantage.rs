//! Advantages: samples that left the step, and values computed by hand.

use super::*;

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
