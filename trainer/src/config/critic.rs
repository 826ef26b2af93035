//! The section `[critic]`: its keys, and the values that can't be.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Table;

use super::Config;
use super::actor::{LossAggMode, ModelConfig, OptimConfig};
use super::bounds::MILLION;
use super::schema::section;
use super::validate::{check_micro_batch, check_mini_batch, check_optim, require};
use crate::Result;

const LEARNING_RATE: f64 = 1e-5;

fn optim() -> OptimConfig {
    OptimConfig {
        lr: LEARNING_RATE,
        ..OptimConfig::default()
    }
}

/// Keys that are not there have the critic's defaults, not the actor's.
fn read_optim<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OptimConfig, D::Error> {
    let mut table = Table::deserialize(deserializer)?;
    table.entry("lr").or_insert(LEARNING_RATE.into());
    table.try_into().map_err(D::Error::custom)
}

section! {
    /// `[critic]`: the model that predicts returns. There is one where this table is there.
    CriticConfig {
        /// The model to start from; the actor's by default.
        model: ModelConfig = ModelConfig::default(),
        /// Prompts in an optimiser step; the actor's by default.
        ppo_mini_batch_size: Option<usize> [Integers(1, MILLION)] = None,
        /// Passes over a step's samples; the actor's by default.
        ppo_epochs: Option<u64> [Integers(1, 1000)] = None,
        /// Tokens that are packed into one forward pass; the actor's by default.
        micro_batch_tokens: Option<usize> [Integers(1, 1 << 30)] = None,
        /// Gradients of a larger norm are scaled down to it.
        max_grad_norm: f64 [Above(0.0, f64::INFINITY)] = 1.0,
        /// An optimiser step with a gradient of a larger norm is skipped.
        skip_grad_norm: f64 [Above(0.0, f64::INFINITY)] = 80.0,
        /// How far a value may move from that at the start of the step; infinity for no clip.
        cliprange_value: f64 [Above(0.0, f64::INFINITY)] = 0.5,
        /// How token losses become one number.
        loss_agg_mode: LossAggMode = LossAggMode::TokenMean,
        /// The optimiser; its `lr` is 1e-5 by default.
        #[serde(deserialize_with = "read_optim")]
        optim: OptimConfig = optim(),
    }
}

impl Config {
    pub(super) fn check_critic(&self) -> Result<()> {
        let Some(critic) = &self.critic else {
            return require(
                self.trainer.critic_warmup == 0,
                "trainer.critic_warmup is set, but there is no [critic] to warm up; add that section \
                 or remove the key",
            );
        };
        if let Some(mini) = critic.ppo_mini_batch_size {
            check_mini_batch("critic", mini, &self.data)?;
        }
        if let Some(tokens) = critic.micro_batch_tokens {
            check_micro_batch("critic", tokens, &self.data)?;
        }
        check_optim("critic", &critic.optim)
    }
}
