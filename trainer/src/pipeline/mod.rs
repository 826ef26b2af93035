//! Whole jobs: supervised fine-tuning, reinforcement learning, evaluation.
//!
//! [`sft`] and [`train`] leave a run folder behind (see [`crate::run`]); both go on from its latest
//! checkpoint when asked to resume and then write the same bytes as a run that was never
//! interrupted. What happens on the way is told to an [`Observer`].
//!
//! ```no_run
//! use rlhost_host::Host;
//! use rlhost_trainer::config::Config;
//! use rlhost_trainer::pipeline::{self, Silent, Start};
//!
//! let mut config = Config::load(Some("configs/quickstart.toml".as_ref()), &[])?;
//! config.add_reward("math")?;
//! let summary = pipeline::train(&config, Start::Fresh, Host::builder(), &mut Silent)?;
//! println!("{} steps, held out {:?}", summary.steps, summary.held_out);
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod answer;
mod arithmetic;
mod batch;
mod checkpoint;
mod comparison;
mod critic;
mod evaluate;
mod evaluation;
mod job;
mod journal;
mod measure;
pub mod objective;
mod passes;
mod policy;
mod prompts;
mod references;
pub mod replay;
mod rewards;
mod rl;
mod rows;
mod sampled;
mod setup;
mod sft;
mod tally;
mod targets;
mod trajectory;
mod unscored;
mod updates;

pub use checkpoint::copy_description;
pub use evaluate::{evaluate, evaluate_model};
pub use evaluation::Evaluation;
pub use journal::{Observer, Report, Silent, Start, Summary};
pub use rewards::load_rewards;
pub use rl::train;
pub use setup::{device, model_folder};
pub use sft::sft;
pub use tally::Means;
