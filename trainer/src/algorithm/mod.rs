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
//!     &LossInput {
//!         rows: &step.rows,
//!         logp: &logp,
//!         old_logp: &logp,
//!         ref_logp: None,
//!         rollout_logp: None,
//!         entropy: None,
//!         advantages: &step.advantages,
//!     },
//!     &Totals::of(&step.rows, 16),
//!     &LossConfig { use_kl_loss: false, ..LossConfig::default() },
//! )?;
//! assert!(out.d_logp[0] < 0.0, "a good token becomes likelier");
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod advantage;
mod aggregate;
mod kl;
mod names;
mod policy_loss;
mod rewards;
mod rows;
pub mod stats;

pub use advantage::{
    AdvantageConfig, AdvantageInput, Advantages, Estimator, advantage, known_estimators,
};
pub use aggregate::{LossAggMode, Totals, aggregate};
pub use kl::{KlPenalty, kl_penalty};
pub use policy_loss::{
    LossConfig, LossInput, LossMode, LossOutput, Scope, known_loss_modes, policy_loss,
};
pub use rewards::place_rewards;
pub use rows::Rows;
