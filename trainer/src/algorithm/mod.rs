//! Advantages and policy losses as arithmetic over plain `f64` arrays.
//!
//! No tensors, no devices, no I/O: a batch is [`Rows`] (ragged rows of tokens with a mask of the
//! tokens that are trained) and arrays with one number per token. A loss returns its value *and*
//! its analytic gradient with respect to the log-probs (and entropies); the trainer then
//! backpropagates the surrogate `Σ d_logp · logp + Σ d_entropy · entropy` with those gradients as
//! constants. So every algorithm is checked against published numbers without a model.
//!
//! The order of use in a step: [`place_rewards`] puts scores on tokens, [`advantage`] runs once
//! over all rows of the step, [`Totals::of`] counts a whole mini-batch, and [`policy_loss`] runs
//! on each of its micro-batches with those totals. Losses and metrics of the micro-batches *add
//! up* to those of the mini-batch, however it is split.
//!
//! ```
//! use rlhost_trainer::algorithm::*;
//!
//! // Two completions of one prompt (draw 7), of 2 and 3 tokens; the first one is right.
//! let rows = Rows::new(vec![0, 2, 5], vec![true; 5])?;
//! let rewards = place_rewards(&[1.0, 0.0], &[vec![], vec![]], &rows)?;
//! let step = advantage(
//!     &AdvantageInput {
//!         rewards: &rewards,
//!         rows: &rows,
//!         groups: &[7, 7],
//!         kept: &[true, true],
//!         values: None,
//!         baselines: None,
//!     },
//!     &AdvantageConfig::default(),
//! )?;
//! assert!(step.advantages[0] > 0.0 && step.advantages[4] < 0.0);
//!
//! let logp = [-0.5, -0.2, -1.0, -0.1, -0.3];
//! let out = policy_loss(
//!     &LossInput::new(&step.rows, &logp, &logp, &step.advantages),
//!     &Totals::of(&step.rows, 16),
//!     &LossConfig { use_kl_loss: false, ..LossConfig::default() },
//! )?;
//! assert!(out.d_logp[0] < 0.0, "a good token becomes likelier");
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod advantage;
mod aggregate;
mod balance;
mod covariance;
mod filter;
mod kl;
mod kl_control;
mod loss_config;
mod method;
mod mixing;
mod names;
mod normalized;
mod overlong;
mod policy_loss;
mod prefix;
mod reshape;
mod rewards;
mod rows;
pub mod stats;
mod surrogate;
mod terms;
mod value_loss;

pub use advantage::{
    AdvantageConfig, AdvantageInput, Advantages, Estimator, advantage, known_estimators,
};
pub(crate) use advantage::{remaining, row_scores};
pub use aggregate::{LossAggMode, Totals, aggregate};
pub use balance::{balanced_partition, sequence_workload};
pub use filter::keep_groups;
pub use kl::{KlPenalty, kl_penalty};
pub use kl_control::{KlController, KlReward, kl_in_reward};
pub use loss_config::{LossConfig, LossMode, Scope, SrftClamp, SrftType, known_loss_modes};
pub use method::{AdvantageMethod, with_penalties};
pub use normalized::{Norm, NormLevel, NormalizedConfig, normalized_advantage};
pub use overlong::overlong_penalty;
pub use policy_loss::{LossInput, LossOutput, policy_loss, regularize};
pub use prefix::{hint_ratio_bound, response_len};
pub use reshape::Reshape;
pub use rewards::place_rewards;
pub use rows::Rows;
pub use value_loss::{ValueInput, ValueLossConfig, ValueOutput, explained_variance, value_loss};
