//! Either kind of built-in advantages.

use std::borrow::Cow;

use crate::Result;

use super::advantage::{AdvantageConfig, AdvantageInput, Advantages, Estimator, advantage};
use super::names::check_len;
use super::normalized::{self, NormalizedConfig};

/// How rewards become advantages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AdvantageMethod {
    /// An estimator by name.
    Estimator(AdvantageConfig),
    /// Normalisation of rewards and advantages.
    Normalized(NormalizedConfig),
}

impl AdvantageMethod {
    /// Advantages and returns of a step's tokens: [`advantage`] or [`normalized_advantage`](super::normalized_advantage).
    ///
    /// `penalties` are rewards of tokens that are no part of the score, such as a divergence. Estimators
    /// take them with the rewards; normalisation is that of scores alone, so there they come after it, as
    /// in `AReaL`.
    ///
    /// # Errors
    /// Theirs, and if there is not one penalty per token.
    pub fn advantage(
        &self,
        input: &AdvantageInput,
        penalties: Option<&[f64]>,
    ) -> Result<Advantages> {
        match self {
            Self::Estimator(config) => {
                let rewards = with_penalties(input.rewards, penalties)?;
                let rewards = &rewards;
                advantage(&AdvantageInput { rewards, ..*input }, config)
            }
            Self::Normalized(config) => normalized::with_penalties(input, penalties, config),
        }
    }

    /// Whether it is made of a critic's values, where there are any.
    pub fn takes_values(&self) -> bool {
        match self {
            Self::Estimator(config) => config.estimator == Estimator::Gae,
            Self::Normalized(_) => true,
        }
    }

    /// Whether it compares the completions of a prompt with each other.
    pub fn compares_groups(&self) -> bool {
        match self {
            Self::Estimator(config) => matches!(
                config.estimator,
                Estimator::Grpo
                    | Estimator::GrpoPassk
                    | Estimator::Rloo
                    | Estimator::Opo
                    | Estimator::ReinforcePlusPlusBaseline
            ),
            Self::Normalized(config) => config.compares_groups(),
        }
    }

    /// Whether it compares with the score of a greedy completion.
    pub fn needs_baselines(&self) -> bool {
        matches!(self, Self::Estimator(config) if config.estimator == Estimator::Remax)
    }
}

/// Rewards of tokens together with what is taken from them.
///
/// # Errors
/// If there is not one penalty per token.
pub fn with_penalties<'a>(rewards: &'a [f64], penalties: Option<&[f64]>) -> Result<Cow<'a, [f64]>> {
    let Some(penalties) = penalties else {
        return Ok(rewards.into());
    };
    check_len("penalties", penalties.len(), rewards.len(), "tokens")?;
    Ok(rewards.iter().zip(penalties).map(|(r, p)| r + p).collect())
}
