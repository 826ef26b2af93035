//! Tests of the sandbox host, against small guests written in WebAssembly text.
#![allow(clippy::unwrap_used)]

mod audit;
mod cache;
mod contract;
mod find;
mod golden;
mod guest;
mod input;
mod limits;
mod loading;
mod receipts;
mod rewards;
mod scoring;
