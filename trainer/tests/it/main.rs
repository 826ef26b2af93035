//! Tests of the trainer, by topic.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod algorithm;
mod config;
mod config_docs;
mod corpus;
mod critic;
mod data;
mod fixtures;
mod golden;
mod image;
mod model;
mod numbers;
mod ops;
mod plot;
mod recorder;
mod run;
mod schedule;
mod template;
mod tokenizer;
