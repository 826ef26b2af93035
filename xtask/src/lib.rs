//! The project's own tasks: `cargo xtask TASK`.
//!
//! A library, so that end-to-end tests can make the quickstart's data; `main.rs` is the command.

mod algorithm_bench;
pub mod algorithms;
mod algorithms_plot;
pub mod bench;
pub mod book;
mod book_pages;
pub mod cheats;
pub mod cuda;
pub mod demo;
mod dependencies;
pub mod doctor;
pub mod guests;
mod language_bench;
pub mod lint;
mod math_bench;
mod operator_bench;
mod packages_bench;
mod peers;
mod process;
pub mod project;
pub mod quickstart;
mod sandbox_bench;
pub mod test;
pub mod toolchain;
mod verifier_bench;
