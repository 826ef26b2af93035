//! Tests of the trainer by topic.
#![allow(clippy::unwrap_used)]

mod algorithm;
mod golden;
mod model;
mod ops;
mod run;
