//! Reinforcement learning for vision-language models: differentiable ops, models, processors,
//! rollouts, algorithms, optimisers and the pipelines that join them.
//!
//! The crate computes; what judges a sample lives in `rlhost-host`. Read it in this order:
//! [`config`] (what a run is told), [`data`] and [`processor`] (rows and pictures become tokens and
//! patches), [`ops`] and [`model`] (the network and its gradients), [`rollout`] (sampling),
//! [`algorithm`] (advantages and losses over plain arrays), [`optim`], [`run`] (the folder that a
//! run leaves behind) and [`pipeline`] (SFT, GRPO, evaluation).
#![deny(missing_docs, clippy::print_stdout, clippy::print_stderr)]

pub mod algorithm;
pub mod config;
pub mod data;
mod error;
pub mod model;
pub mod ops;
pub mod optim;
pub mod pipeline;
pub mod processor;
pub mod random;
pub mod rollout;
pub mod run;

pub use error::{Error, Result};
