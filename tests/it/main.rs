//! End-to-end tests over the built binary and the real guests.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod bad_model;
mod determinism;
mod eval;
mod help;
mod learning;
mod replay;
mod resume;
mod rewards;
mod rollouts;
mod score;
mod streams;
mod support;
