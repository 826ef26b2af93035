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
#[cfg(feature = "train")]
pub mod config;
#[cfg(feature = "train")]
pub mod data;
mod error;
#[cfg(feature = "train")]
pub mod model;
#[cfg(feature = "train")]
pub mod ops;
#[cfg(feature = "train")]
pub mod optim;
#[cfg(feature = "train")]
pub mod pipeline;
#[cfg(feature = "train")]
pub mod processor;
pub mod random;
#[cfg(feature = "train")]
pub mod rollout;
pub mod run;

pub use error::{Error, Result};
