//! Loads, limits and runs rlhost's WebAssembly reward components.
//!
//! A reward plugin is a component of the world `rlhost:plugin/reward-plugin` (`wit/plugin.wit`). The
//! [`Host`] gives every sample an instance of its own, with no clock, no randomness, no files and no
//! network, and with limits on fuel, memory, stack and output. So equal samples get equal scores, on any
//! number of threads and in any order, and a plugin that loops, allocates, recurses or panics yields an
//! [`Outcome`] instead of an accident.
//!
//! ```no_run
//! use rlhost_host::{Host, Limits, Reward, RewardSet, Sample, Scorer};
//!
//! # fn main() -> Result<(), rlhost_host::Error> {
//! let host = Host::builder().build()?;
//! let math = host.load("math")?; // or a path: host.load("./my-reward.wasm")?
//! let scorer = Scorer::new(&math, &serde_json::Map::new(), Limits::default())?;
//! let rewards = RewardSet::new([Reward::new("math", scorer)])?;
//!
//! let samples = [Sample::single("<think>3+9</think><answer>12</answer>", "\"12\"")];
//! for judgement in rewards.score(&samples)? {
//!     println!("{}: {:?}", judgement.outcome, judgement.score);
//! }
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs, unsafe_code)]

mod bindings;
mod cache;
mod columns;
mod decode;
mod digest;
mod engine;
mod error;
mod find;
mod host;
mod input;
mod instance;
mod limits;
mod lower;
mod outcome;
mod plugin;
mod pool;
pub mod receipt;
mod record;
pub mod replay;
mod reward_set;
mod sample;
mod scorer;
mod verdict;

pub use columns::Columns;
pub use digest::{Digest, DigestError};
pub use error::{Error, Result};
pub use find::{PluginRef, Search};
pub use host::{Host, HostBuilder};
pub use input::SampleReader;
pub use limits::Limits;
pub use outcome::Outcome;
pub use plugin::{Inspection, ParamInfo, Plugin, PluginInfo, Scope};
pub use receipt::Receipt;
pub use record::{Judgement, Record, RewardRecord, StepReward};
pub use reward_set::{FailureAction, FailurePolicy, Reward, RewardSet, Share, sum_rewards};
pub use sample::{ContentPart, FinishReason, Image, Message, Sample, Turn};
pub use scorer::{Scored, Scorer};
