//! End-to-end tests over the built binary and the real guests.
#![allow(clippy::unwrap_used)]

mod algorithms;
mod attacks;
mod bad_input;
mod bad_model;
mod book;
mod capabilities;
mod compiler;
mod determinism;
mod dispatch;
mod eval;
mod field;
mod field_data;
mod help;
mod http;
mod judged_run;
mod learning;
mod mixes;
mod plugin_algorithms;
mod plugin_audit;
mod plugin_examples;
mod plugin_languages;
mod plugin_new;
mod plugin_python;
mod plugin_test;
mod plugin_watch;
mod presets;
mod references;
mod replay;
mod resume;
mod rewards;
mod rollouts;
mod score;
mod streams;
mod support;
