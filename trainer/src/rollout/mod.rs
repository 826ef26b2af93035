//! Sampling completions.
//!
//! A [`RolloutEngine`] turns prompts into completions; [`NativeEngine`] does it with the very weights
//! that training updates. What is sampled depends on the request alone: the random number for a
//! token is addressed by (seed, draw, sample, absolute position), and no row's arithmetic depends on
//! the rows beside it.
//!
//! ```no_run
//! use rlhost_trainer::model::Model;
//! use rlhost_trainer::processor::{ChatMessage, PixelLimits, Processor};
//! use rlhost_trainer::rollout::{NativeEngine, Request, RolloutEngine, SamplingParams};
//!
//! let folder = "models/tiny".as_ref();
//! let model = Model::load(folder, &candle_core::Device::Cpu)?;
//! let processor = Processor::load(folder, PixelLimits::default())?;
//! let prompt = processor.prepare(&[ChatMessage::text("user", "2+2?")], &[])?;
//! let params = SamplingParams {
//!     max_tokens: 32,
//!     stop: processor.tokenizer().eos_ids().to_vec(),
//!     ..SamplingParams::default()
//! };
//! let request = Request { prompt: &prompt, draw: 0, samples: 4, prefixes: &[] };
//! let groups = NativeEngine::new(&model).generate(&[request], &params)?;
//! assert_eq!(groups[0].len(), 4);
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod native;
mod sampler;

pub use native::NativeEngine;
pub use sampler::SamplingParams;

use crate::Result;
use crate::processor::PreparedPrompt;

/// A prompt and how many completions of it are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The prompt.
    pub prompt: &'a PreparedPrompt,
    /// Ordinal of the prompt in the run's data order: the name of its random numbers.
    pub draw: u64,
    /// Completions; they are numbered from 0.
    pub samples: usize,
    /// Tokens that the completions begin with, by their numbers; a completion beyond the end of the
    /// list begins with none.
    pub prefixes: &'a [Vec<u32>],
}

/// Why a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It produced a stop token.
    Stop,
    /// It used up its tokens.
    Length,
}

impl FinishReason {
    /// Its name in rollouts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// A sampled completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The tokens: those that it was to begin with, then the sampled ones, the stop token included.
    pub token_ids: Vec<u32>,
    /// Log-probability of each token under the distribution at the sampling temperature, in nats.
    pub logprobs: Vec<f32>,
    /// Why it ended.
    pub finish: FinishReason,
}

/// Something that samples completions.
pub trait RolloutEngine {
    /// Completions for each request, in order.
    fn generate(
        &mut self,
        requests: &[Request<'_>],
        params: &SamplingParams,
    ) -> Result<Vec<Vec<Completion>>>;
}
