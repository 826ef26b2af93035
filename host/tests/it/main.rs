//! Tests of the sandbox host, against small guests written in WebAssembly text.
#![allow(clippy::unwrap_used)]

mod attack;
mod audit;
mod cache;
mod compiler;
mod contract;
mod corpus;
mod find;
mod fuse;
mod golden;
mod guest;
mod input;
mod limits;
mod loading;
mod preinit;
mod receipts;
mod rewards;
mod scoring;
mod sessions;
mod wasi;
