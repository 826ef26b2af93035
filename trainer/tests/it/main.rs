//! Tests of the trainer, by topic.
#![allow(clippy::unwrap_used)]

mod algorithm;
mod algorithm_cases;
mod run;
mod schedule;
