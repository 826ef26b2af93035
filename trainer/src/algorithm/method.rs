//! Either kind of built-in advantages.

use crate::Result;

use super::advantage::{AdvantageConfig, AdvantageInput, Advantages, Estimator, advantage};
use super::normalized::{NormalizedConfig, normalized_advantage};

/// How rewards become advantages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AdvantageMethod {
    /// An estimator by name.
    Estimator(AdvantageConfig),
    /// Normalisation of rewards and advantages.
    Normalized(NormalizedConfig),
}

impl AdvantageMethod {
    /// Advantages and returns of a step's tokens: [`advantage`] or [`normalized_advantage`].
    ///
    /// # Errors
    /// Theirs.
    pub fn advantage(&self, input: &AdvantageInput) -> Result<Advantages> {
        match self {
            Self::Estimator(config) => advantage(input, config),
            Self::Normalized(config) => normalized_advantage(input, config),
        }
    }

    /// Whether it compares with the score of a greedy completion.
    pub fn needs_baselines(&self) -> bool {
        matches!(self, Self::Estimator(config) if config.estimator == Estimator::Remax)
    }
}
