//! Write reward plugins and [algorithms](algorithm) for rlhost in Rust.
//!
//! A reward plugin is a WebAssembly component: it says what it is ([`Reward::describe`]) and judges
//! responses ([`Reward::score`]). This crate has the bindings to the contract (`wit/plugin.wit`),
//! helpers for what nearly every plugin does, and the allocator that makes a fresh instance cheap.
//!
//! A complete plugin, which gives 1 where the response contains the reference answer:
//!
//! ```
//! use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict, export_reward};
//!
//! struct Contains;
//!
//! impl SampleReward for Contains {
//!     fn describe() -> PluginInfo {
//!         PluginInfo::new("contains", env!("CARGO_PKG_VERSION"), "Looks for the answer in the response.")
//!             .part("accuracy")
//!             .param("ignore_case", "Treat upper and lower case as the same.", "false")
//!     }
//!
//!     fn score(sample: &Sample) -> Result<Verdict, Failure> {
//!         let params = sample.params_json()?;
//!         params.reject_unknown(&["ignore_case"])?;
//!         let ignore_case = params.boolean("ignore_case", false)?;
//!
//!         let mut answer = sample.answer_text()?;
//!         let mut response = sample.last_text().to_owned();
//!         if ignore_case {
//!             answer = answer.to_lowercase();
//!             response = response.to_lowercase();
//!         }
//!         let accuracy = if response.contains(&answer) { 1.0 } else { 0.0 };
//!         Ok(Verdict::new(accuracy).part("accuracy", accuracy))
//!     }
//! }
//!
//! export_reward!(Contains);
//! # fn main() {
//! let sample = Sample::from_text("It is Paris.", r#""Paris""#);
//! assert_eq!(Contains::score(&sample).unwrap().total, 1.0);
//! # }
//! ```
//!
//! The crate that holds it is a `cdylib` (and an `rlib`, so that `cargo test` can test its logic
//! natively). `cargo xtask guests` finds it and builds `target/guests/FOLDER.wasm`.
//!
//! Its folder `cases` holds golden cases, samples with what the plugin has to say about them. A line of
//! `cases/words.jsonl`:
//!
//! ```json
//! {"response": "It is Paris.", "answer": "Paris", "expect": {"score": 1, "parts": {"accuracy": 1}}}
//! ```
//!
//! `rlhost plugin test FOLDER` runs the component on them, and `docs/plugins.md` has all of their form.
//!
//! The result must depend on the arguments alone: every sample meets a fresh instance, which has no
//! clock, no randomness, no files and no network.
#![deny(missing_docs)]

pub mod algorithm;
#[cfg(any(target_arch = "wasm32", test))]
mod allocator;
mod describe;
pub mod log;
mod panic;
mod params;
mod reward;
mod sample;
mod verdict;

/// The bindings as generated from `wit/plugin.wit`.
#[allow(missing_docs, clippy::pedantic, clippy::undocumented_unsafe_blocks)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "capable-reward-plugin",
        pub_export_macro: true,
        default_bindings_module: "rlhost_plugin::bindings",
    });
}

/// Running untrusted code in a nested sandbox: the capability `interpreter`. A plugin that uses it runs
/// only where the user grants it; in native tests its functions panic.
pub mod interpreter {
    pub use crate::bindings::rlhost::plugin::interpreter::{Execution, Fault, languages, run};
    pub use crate::bindings::rlhost::plugin::programs::{File, Finished, Program};
}

/// Asking a model: the capability `judge`. A plugin that uses it runs only where the user grants it; in
/// native tests its function panics.
pub mod judge {
    pub use crate::bindings::rlhost::plugin::judge::{Fault, Request, ask};
}

/// Searching an index: the capability `retriever`. A plugin that uses it runs only where the user grants
/// it; in native tests its function panics.
pub mod retriever {
    pub use crate::bindings::rlhost::plugin::retriever::{Fault, Hit, search};
}

pub use bindings::rlhost::plugin::types::{
    ContentPart, Failure, FinishReason, Image, Message, ParamInfo, PluginInfo, Sample, Scope,
    StepReward, Turn, Verdict,
};
pub use params::{ParamError, Params};
pub use reward::{Reward, SampleReward};

/// The JSON library that the helpers speak.
pub use serde_json;
