//! Tests of the trainer, by topic.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod config;
mod data;
mod fixtures;
mod image;
mod template;
mod tokenizer;
