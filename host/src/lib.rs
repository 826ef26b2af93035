//! Loads, limits and runs rlhost's WebAssembly reward components.
//!
//! A reward plugin is a component of the world `rlhost:plugin/reward-plugin` (`wit/plugin.wit`). The
//! [`Host`] gives every sample an instance of its own, with no clock, no randomness, no files and no
//! network, and with limits on fuel, memory, stack and output. So equal samples get equal scores, on any
//! number of threads and in any order, and a plugin that loops, allocates, recurses or panics yields an
//! [`Outcome`] instead of an accident.
//!
//! Load a plugin, score samples with it, and read what came of each:
//!
//! ```no_run
//! use rlhost_host::{Host, Limits, Outcome, Sample, Scorer};
//! use serde_json::{Map, json};
//!
//! # fn main() -> Result<(), rlhost_host::Error> {
//! let host = Host::builder().threads(4).build()?;
//! let math = host.load("math")?; // or a path: host.load("./my-reward.wasm")?
//! println!("{} {}: {}", math.info().name, math.info().version, math.digest());
//!
//! let params = Map::from_iter([("format_weight".to_owned(), json!(0.2))]);
//! let limits = Limits { fuel: 100_000_000, ..Limits::default() };
//! let scorer = Scorer::new(&math, &params, limits)?;
//!
//! let samples = [
//!     Sample::single("<think>3+9</think><answer>12</answer>", "12"),
//!     Sample::single("I don't know", "null"),
//! ];
//! for scored in scorer.score(&samples) {
//!     match (scored.outcome, scored.total) {
//!         (Outcome::Score, Some(total)) => println!("{total} {:?}", scored.parts),
//!         // No judgement, which is something else than a low score: keep such samples apart.
//!         (outcome, _) => println!("{outcome}: {}", scored.message.unwrap_or_default()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What else there is:
//!
//! | | |
//! | --- | --- |
//! | [`RewardSet`] | Several plugins with weights and failure policies, summed; its [`Record`]s are what runs and `rlhost score` write. |
//! | [`SampleReader`], [`Chunks`] | Samples from JSON Lines, one by one or in calls. |
//! | [`Chat`], [`Picture`] | Prompts and pictures in the forms that rows of data have them in. |
//! | [`Search`] | Where plugins are looked for by name. |
//! | [`receipt`] | What a score was made of, so that anyone can make it again. |
//! | [`golden`] | Cases beside a plugin's source, with what it has to say about them. |
//! | [`algorithm`] | Advantage estimators and policy losses that run in the sandbox. |
//! | [`preinitialise`] | The start of a language's runtime, once at build time. |
//! | [`fuse`] | The modules of a component as one, once at build time. |
//! | [`files`] | Reading files within bounds, and writing them whole. |
//! | [`audit`] | Is every answer the same in any order, on any threads and in any process? |
//!
//! What goes wrong outside of guests is an [`Error`], which names the thing and the way out.
#![deny(missing_docs, unsafe_code, clippy::print_stdout, clippy::print_stderr)]

pub mod algorithm;
mod asked;
pub mod audit;
mod bindings;
mod cache;
mod capability;
mod chat;
mod chunks;
mod columns;
mod compiler;
mod component;
mod costs;
mod decode;
mod digest;
mod dispatch;
mod engine;
mod error;
pub mod files;
mod find;
mod fuse;
pub mod golden;
mod guest;
mod host;
mod imports;
mod input;
mod instance;
mod limits;
mod lower;
mod marks;
mod measure;
mod memory;
mod message;
mod names;
mod net;
mod outcome;
mod picture;
mod plugin;
mod pool;
mod preinit;
pub mod receipt;
mod record;
pub mod replay;
mod reward_set;
mod sample;
mod scorer;
mod session;
mod trust;
mod verdict;
mod vet;
mod wasi;

pub use asked::{AskedLimits, LimitSettings};
pub use capability::{
    Allow, Answer, Capability, Exchange, Grants, Hit, HttpJudge, HttpRetriever, Interpreter,
    InterpreterInfo, Judge, JudgeRequest, JudgeSettings, LogLevel, LogLine, Retriever,
    RetrieverSettings,
};
pub use chat::{Chat, ChatContent, ChatTurn};
pub use chunks::Chunks;
pub use columns::Columns;
pub use compiler::{
    ChildCompiler, CompileFault, CompileLimits, CompileLimitsError, Compiler, compile_child,
};
pub use digest::{Digest, DigestError};
pub use dispatch::When;
pub use error::{Error, Result};
pub use find::{PluginRef, Search};
pub use fuse::fuse;
pub use host::{Host, HostBuilder};
pub use input::SampleReader;
pub use limits::Limits;
pub use measure::Measured;
pub use names::{RESERVED, as_name, is_plain, is_reserved};
pub use outcome::Outcome;
pub use picture::Picture;
pub use plugin::{Inspected, Inspection, ParamInfo, Plugin, PluginInfo, Scope};
pub use preinit::{Preinitialised, preinitialise};
pub use receipt::Receipt;
pub use record::{Judgement, Record, RewardRecord, StepReward};
pub use reward_set::{FailureAction, FailurePolicy, Reward, RewardSet, Share, sum_rewards};
pub use sample::{ContentPart, FinishReason, Image, Message, Sample, Turn};
pub use scorer::{Scored, Scorer};
pub use session::Session;
