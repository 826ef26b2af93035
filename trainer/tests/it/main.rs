//! Tests of the trainer by topic.
#![allow(clippy::unwrap_used)]

mod golden;
mod model;
mod ops;
