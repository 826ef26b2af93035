//! Losses that pick tokens or mix targets in: values by hand and what is drawn at random.

use super::*;

/// Rows of one token each, all trained.
fn one_row(logp: &[f64], old: &[f64], advantages: &[f64], config: &LossConfig) -> LossOutput {
    let rows = Rows::new(vec![0, logp.len()], vec![true; logp.len()]).unwrap();
    let input = LossInput::new(&rows, logp, old, advantages);
    policy_loss(&input, &Totals::of(&rows, 9), config).unwrap()
}

fn config(mode: LossMode) -> LossConfig {
    LossConfig {
        loss_mode: mode,
        use_kl_loss: false,
        ..LossConfig::default()
    }
}

/// Weights e^(old − rollout) of 1.5, 3 and 1; the second is above the cap.
#[test]
fn weights_against_the_sampler() {
    let rows = Rows::new(vec![0, 3], vec![true; 3]).unwrap();
    let (logp, advantages) = ([-1.0, -1.0, -1.0], [1.0, -2.0, 0.5]);
    let rollout = [-1.0 - 1.5_f64.ln(), -1.0 - 3.0_f64.ln(), -1.0];
    let input = LossInput {
        rollout_logp: Some(&rollout),
        ..LossInput::new(&rows, &logp, &logp, &advantages)
    };
    let weights = |tis: Option<f64>, behave: Option<f64>| {
        let config = LossConfig {
            tis_imp_ratio_cap: tis,
            behav_imp_weight_cap: behave,
            ..config(LossMode::Vanilla)
        };
        let out = policy_loss(&input, &Totals::of(&rows, 9), &config).unwrap();
        let wanted: f64 = out.d_logp.iter().sum();
        close(out.loss, wanted, 1e-14, "at ratio 1 the loss is its slope");
        let pairs = out.d_logp.iter().zip(advantages);
        pairs.map(|(g, a)| -3.0 * g / a).collect::<Vec<_>>()
    };
    all_close(&weights(None, None), &[1.0, 1.0, 1.0], 1e-14, "none");
    all_close(&weights(Some(2.0), None), &[1.5, 2.0, 1.0], 1e-14, "tis");
    all_close(&weights(None, Some(2.0)), &[1.5, 0.0, 1.0], 1e-14, "cap");
    let open = weights(None, Some(f64::INFINITY));
    all_close(&open, &[1.5, 3.0, 1.0], 1e-14, "no cap");
}

/// Covariances 2.25, 0.25, 0.25 and 2.25 around the means 0 and −2.5.
#[test]
fn covariance_picks_tokens() {
    let logp = [-1.0, -2.0, -3.0, -4.0];
    let advantages = [1.5, 0.5, -0.5, -1.5];
    let mut clip = LossConfig {
        clip_cov_ratio: 0.25,
        ..config(LossMode::ClipCov)
    };
    let rows = Rows::new(vec![0, 4], vec![true; 4]).unwrap();
    let mut picked = [0; 4];
    for seed in 0..64 {
        let input = LossInput {
            seed,
            ..LossInput::new(&rows, &logp, &logp, &advantages)
        };
        let out = policy_loss(&input, &Totals::of(&rows, 9), &clip).unwrap();
        assert_eq!(
            out,
            policy_loss(&input, &Totals::of(&rows, 9), &clip).unwrap()
        );
        let zeros: Vec<usize> = (0..4).filter(|&t| out.d_logp[t] == 0.0).collect();
        assert_eq!(zeros.len(), 1, "a quarter of four tokens");
        assert_eq!(out.metrics["actor/pg_clipfrac_higher"], 0.25);
        picked[zeros[0]] += 1;
    }
    assert!(picked[0] > 16 && picked[3] > 16, "{picked:?}");
    assert_eq!(picked[1] + picked[2], 0, "their covariance is below 1");
    // Out of bounds on the other side: nothing to pick.
    clip.clip_cov_ub = 2.0;
    let out = one_row(&logp, &logp, &advantages, &clip);
    assert!(out.d_logp.iter().all(|g| *g != 0.0));

    // Ratios of e^0.5: the two of the highest covariance pay 0.1 · 0.5 on a mean over 4.
    let old = logp.map(|x| x - 0.5);
    let kl = LossConfig {
        kl_cov_ratio: 0.5,
        ..config(LossMode::KlCov)
    };
    let out = one_row(&logp, &old, &advantages, &kl);
    let ratio = 0.5_f64.exp();
    let wanted: Vec<f64> = advantages
        .iter()
        .zip([0.1, 0.0, 0.0, 0.1])
        .map(|(a, penalty)| (penalty - a * ratio) / 4.0)
        .collect();
    all_close(&out.d_logp, &wanted, 1e-14, "kl_cov");
    close(out.loss, 0.1 * 0.5 * 2.0 / 4.0, 1e-14, "kl_cov");
    close(out.metrics["actor/ppo_kl"], 0.5, 1e-14, "kl_cov");
}

/// What rejects tokens at random does on average what keeps them all: a token that is kept with
/// probability `p` counts `1 / p` times.
#[test]
fn rejection_is_unbiased() {
    const SEEDS: u64 = 4000;
    let batch = batch(0);
    let rows = rows(&batch);
    let totals = totals_of(&batch, &rows);
    let plain = LossConfig {
        loss_remove_clip: true,
        ..config(LossMode::Luffy)
    };
    let rejecting = LossConfig {
        off_policy_reshape: "classic_reject_token".parse().unwrap(),
        ..plain
    };
    assert_eq!(rejecting.scope(), Scope::Batch);
    let wanted = loss_of(&batch, &rows, &totals, &plain);
    let mut mean = vec![0.0; rows.tokens()];
    for seed in 0..SEEDS {
        let out = try_loss(&batch, &rows, &totals, &rejecting, false, seed).unwrap();
        for (sum, g) in mean.iter_mut().zip(out.d_logp) {
            *sum += g / SEEDS as f64;
        }
    }
    let prefix = join(&batch, |row| &row.prefix);
    for (token, (found, wanted)) in mean.iter().zip(&wanted.d_logp).enumerate() {
        // An own token is not drawn; a prefix token is 0 or 1 / p times as much, so that the
        // relative error of the mean is √((1 − p) / p / SEEDS), below 0.06 for p > 0.07.
        let bound = if prefix[token] { 0.25 } else { 1e-9 };
        assert!(
            (found - wanted).abs() <= bound * wanted.abs(),
            "{token}: {found} {wanted}"
        );
    }
}

/// A row of score 1 and one of score 0, both with ratio e^0.4 and entropy 0: the coefficient of
/// the first is 0.1 and the ratio is clipped at 1.2, the second has −1 and learns.
#[test]
fn the_clamp_of_srft_is_a_choice() {
    let rows = Rows::new(vec![0, 1, 2], vec![true; 2]).unwrap();
    let (logp, old) = ([-0.5; 2], [-0.9; 2]);
    let input = LossInput {
        entropy: Some(&[0.0; 2]),
        prefix_mask: Some(&[false; 2]),
        row_scores: Some(&[1.0, 0.0]),
        ..LossInput::new(&rows, &logp, &old, &[0.0; 2])
    };
    let base = LossConfig {
        srft_type: "classic_rl".parse().unwrap(),
        ..config(LossMode::Srft)
    };
    let ratio = 0.4_f64.exp();
    let run = |config: &LossConfig| policy_loss(&input, &Totals::of(&rows, 9), config).unwrap();
    let by_ratio = run(&LossConfig {
        srft_clamp: "ratio".parse().unwrap(),
        ..base
    });
    close(by_ratio.loss, 0.5 * (ratio - 0.12), 1e-14, "ratio");
    all_close(&by_ratio.d_logp, &[0.0, ratio / 2.0], 1e-14, "ratio");
    // The published clamp of the log-prob is 0.8 for every log-prob.
    let by_logp = run(&base);
    close(by_logp.loss, 0.5 * (ratio - 0.08), 1e-14, "log-prob");
    all_close(&by_logp.d_logp, &[0.0, ratio / 2.0], 1e-14, "log-prob");
    assert!(
        "p".parse::<SrftClamp>()
            .unwrap_err()
            .to_string()
            .contains("log-prob")
    );
}

#[test]
fn without_targets_the_mixed_losses_are_ppo() {
    let batch = batch(1);
    let rows = rows(&batch);
    let (logp, old) = (join(&batch, |r| &r.logp), join(&batch, |r| &r.old));
    let advantages = join(&batch, |r| &r.advantage);
    let input = LossInput::new(&rows, &logp, &old, &advantages);
    let totals = Totals::of(&rows, 9);
    let ppo = policy_loss(&input, &totals, &config(LossMode::Vanilla)).unwrap();
    for mode in [
        LossMode::Luffy,
        LossMode::Srft,
        LossMode::Hpt,
        LossMode::Uft,
    ] {
        assert!(mode.mixes());
        assert_eq!(policy_loss(&input, &totals, &config(mode)).unwrap(), ppo);
    }
    // Neither do targets that no row has.
    let none = vec![false; rows.tokens()];
    let input = LossInput {
        prefix_mask: Some(&none),
        ..input
    };
    for mode in [LossMode::Hpt, LossMode::Uft] {
        let out = policy_loss(&input, &totals, &config(mode)).unwrap();
        close(out.loss, ppo.loss, 1e-14, "loss");
        assert_eq!(out.d_logp, ppo.d_logp);
    }
}

/// Targets that the totals don't count are a part of more than a mini-batch.
#[test]
fn totals_must_count_the_targets() {
    let batch = batch(1);
    let rows = rows(&batch);
    let totals = Totals::of(&rows, 9);
    let error = try_loss(&batch, &rows, &totals, &config(LossMode::Hpt), false, 0).unwrap_err();
    assert!(error.to_string().contains("prefix_tokens"), "{error}");
}
