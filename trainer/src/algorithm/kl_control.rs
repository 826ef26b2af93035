//! The divergence from the reference policy as part of the reward, and what steers its factor.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::aggregate::Totals;
use super::kl::{KlPenalty, kl_penalty};
use super::names::check_len;
use super::rows::Rows;

/// Rewards of tokens from which a divergence was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct KlReward {
    /// Reward of each token.
    pub rewards: Vec<f64>,
    /// Mean over rows of their tokens' mean divergence: what a [`KlController`] is told.
    pub kl: f64,
}

/// Takes `coef · KL(old ‖ reference)` from the reward of each trained token
/// (`algorithm.use_kl_in_reward`; Ziegler et al. 2019, arXiv:1909.08593).
///
/// Rows without a trained token touch neither rewards nor the mean.
///
/// # Errors
/// If lengths disagree.
pub fn kl_in_reward(
    rewards: &[f64],
    old_logp: &[f64],
    ref_logp: &[f64],
    rows: &Rows,
    kind: KlPenalty,
    coef: f64,
) -> Result<KlReward> {
    for (what, array) in [
        ("rewards", rewards),
        ("old_logp", old_logp),
        ("ref_logp", ref_logp),
    ] {
        check_len(what, array.len(), rows.tokens(), "tokens")?;
    }
    let mut rewards = rewards.to_vec();
    let of_rows = rows.map([&mut rewards], |row, [rewards]| {
        let start = rows.range(row).start;
        let mut of_row = 0.0;
        for token in rows.trained(row) {
            let (kl, _) = kl_penalty(kind, old_logp[token], ref_logp[token]);
            rewards[token - start] -= coef * kl;
            of_row += kl;
        }
        of_row / rows.trained_len(row).max(1) as f64
    });
    let sum: f64 = of_rows.into_iter().sum();
    let counted = Totals::of(rows, 0).rows;
    Ok(KlReward {
        rewards,
        kl: sum / counted.max(1) as f64,
    })
}

/// The factor of the divergence in the reward (`algorithm.kl_ctrl`). It is the whole state, so a
/// checkpoint stores it as it is.
///
/// ```
/// use rlhost_trainer::algorithm::KlController;
///
/// let mut control = KlController::adaptive(0.001, 0.1, 10_000.0)?;
/// control.update(0.5, 64);
/// assert!(control.coef() > 0.001, "too far from the reference: pull harder");
/// # Ok::<(), rlhost_trainer::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum KlController {
    /// Always the same factor.
    Fixed {
        /// The factor.
        kl_coef: f64,
    },
    /// A factor that rises while the divergence is above its target and falls while it is below
    /// (Ziegler et al. 2019, arXiv:1909.08593, section 2.2).
    Adaptive {
        /// The factor now.
        kl_coef: f64,
        /// The divergence that is aimed at, in nats per token.
        target_kl: f64,
        /// How many samples a change takes.
        horizon: f64,
    },
}

/// Bound of the relative error that [`KlController::update`] answers to.
const ERROR_BOUND: f64 = 0.2;

impl KlController {
    /// A controller that never changes its factor.
    ///
    /// # Errors
    /// If the factor is not a number of at least 0.
    pub fn fixed(kl_coef: f64) -> Result<Self> {
        not_negative("kl_coef", kl_coef)?;
        Ok(Self::Fixed { kl_coef })
    }

    /// A controller that starts at `kl_coef`.
    ///
    /// # Errors
    /// If the factor is not a number of at least 0, or target or horizon are not above 0.
    pub fn adaptive(kl_coef: f64, target_kl: f64, horizon: f64) -> Result<Self> {
        not_negative("kl_coef", kl_coef)?;
        for (key, value) in [("target_kl", target_kl), ("horizon", horizon)] {
            not_negative(key, value)?;
            if value == 0.0 {
                return Err(Error::Config(format!("`kl_ctrl.{key}` must be above 0")));
            }
        }
        Ok(Self::Adaptive {
            kl_coef,
            target_kl,
            horizon,
        })
    }

    /// The factor now.
    pub fn coef(&self) -> f64 {
        match self {
            Self::Fixed { kl_coef } | Self::Adaptive { kl_coef, .. } => *kl_coef,
        }
    }

    /// Answers to a step's divergence over `samples` completions. A step without a finite
    /// divergence changes nothing.
    pub fn update(&mut self, current_kl: f64, samples: usize) {
        if let Self::Adaptive {
            kl_coef,
            target_kl,
            horizon,
        } = self
        {
            let error = (current_kl / *target_kl - 1.0).clamp(-ERROR_BOUND, ERROR_BOUND);
            if error.is_finite() {
                // A step of more samples than the horizon must not turn the factor negative.
                let change = 1.0 + error * samples as f64 / *horizon;
                *kl_coef *= change.max(0.0);
            }
        }
    }
}

fn not_negative(key: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::Config(format!(
            "`kl_ctrl.{key}` must be a number of at least 0, and is {value}"
        )))
    }
}
