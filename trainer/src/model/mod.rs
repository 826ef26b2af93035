//! Vision-language models: from a Hugging Face folder to log-probabilities, with gradients, and to
//! sampled tokens, with a cache.
//!
//! A [`Model`] is described by its `config.json` and owns its weights ([`Weights`]) as variables.
//! Training runs [`Model::forward`] over a [`PackedBatch`]; sampling runs [`Model::prefill`] and
//! [`Model::decode`] over the very same tensors, detached.
//!
//! ```no_run
//! use candle_core::Device;
//! use rlhost_trainer::model::Model;
//!
//! let model = Model::load("models/Qwen2.5-VL-3B-Instruct".as_ref(), &Device::Cpu)?;
//! println!("{} parameters", model.weights().parameter_count());
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod batch;
mod cache;
mod config;
mod critic;
mod language;
mod positions;
mod vision;
mod vision_layout;
mod weights;

pub use batch::{PackedBatch, PackedGroup, Target};
pub use cache::{CacheRow, Prefix, SequenceCache};
pub use config::{ModelConfig, TextConfig, VisionConfig};
pub use critic::ValueModel;
pub use language::LanguageModel;
pub use positions::{PromptPositions, prompt_positions, visual_positions};
pub use vision::VisionTower;
pub use weights::Weights;

use crate::ops::{self, LogProb};
use crate::processor::ImagePatches;
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use language::Head;
use std::path::Path;

/// A vision-language model with trainable weights.
pub struct Model {
    config: ModelConfig,
    weights: Weights,
    /// Layers whose operations are recorded for the backward pass.
    training: Layers,
    /// The same weights (one storage), without recording.
    sampling: Layers,
}

struct Layers {
    vision: VisionTower,
    language: LanguageModel,
    /// `[outputs, hidden]`.
    head: Tensor,
}

impl Layers {
    fn new(config: &ModelConfig, weights: &Weights, head: Head, recorded: bool) -> Result<Self> {
        let get = |name: &str, shape: &[usize]| weights.tensor(name, shape, recorded);
        Ok(Self {
            vision: VisionTower::new(&config.vision, &get)?,
            language: LanguageModel::new(config, &get)?,
            head: head.load(config, &get)?,
        })
    }

    /// Token embeddings with the features of the pictures at the placeholders: `[rows, hidden]`.
    fn embed(
        &self,
        token_ids: &[u32],
        images: &[&ImagePatches],
        image_rows: &[usize],
    ) -> Result<Tensor> {
        let text = self.language.embed(token_ids)?;
        if images.is_empty() {
            return Ok(text);
        }
        let features = self.vision.forward(images)?;
        if features.dim(0)? != image_rows.len() {
            return Err(Error::Tensor(candle_core::Error::Msg(format!(
                "{} image placeholders in the tokens, but the pictures have {} features",
                image_rows.len(),
                features.dim(0)?
            ))));
        }
        // One gather instead of an assignment per picture: it is differentiable and keeps the graph small.
        let mut source: Vec<u32> = (0..token_ids.len() as u32).collect();
        for (feature, row) in image_rows.iter().enumerate() {
            source[*row] = (token_ids.len() + feature) as u32;
        }
        let source = Tensor::from_vec(source, token_ids.len(), text.device())?;
        Ok(Tensor::cat(&[text, features], 0)?.index_select(&source, 0)?)
    }

    /// The final norm's output for every row: `[rows, hidden]`.
    fn hidden_states(&self, batch: &PackedBatch) -> Result<Tensor> {
        let images: Vec<&ImagePatches> = batch.images.iter().collect();
        let embeddings = self.embed(&batch.token_ids, &images, &batch.image_rows)?;
        self.language
            .forward(&embeddings, &batch.positions, &batch.segments)
    }

    /// The states that predict the batch's targets, in their order: `[targets, hidden]`.
    fn target_states(&self, batch: &PackedBatch) -> Result<Tensor> {
        let hidden = self.hidden_states(batch)?;
        let rows: Vec<u32> = batch.targets.iter().map(|t| t.row as u32).collect();
        let rows = Tensor::from_vec(rows, batch.targets.len(), hidden.device())?;
        Ok(hidden.index_select(&rows, 0)?)
    }
}

impl Model {
    /// Loads a Hugging Face folder: `config.json` and safetensors, one file or sharded.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        let config = ModelConfig::load(folder)?;
        let weights = Weights::load(folder, &config, device)?;
        Self::new(config, weights)
    }

    /// A model with random weights, as `initializer_range` and the layers' conventions say.
    pub fn random(config: ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        let weights = Weights::random(&config, seed, device)?;
        Self::new(config, weights)
    }

    fn new(config: ModelConfig, weights: Weights) -> Result<Self> {
        Ok(Self {
            training: Layers::new(&config, &weights, Head::Vocabulary, true)?,
            sampling: Layers::new(&config, &weights, Head::Vocabulary, false)?,
            config,
            weights,
        })
    }

    /// What `config.json` says.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The weights by name.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        self.weights.device()
    }

    /// Log-probabilities and entropies of the batch's targets, in their order, with gradients.
    ///
    /// `temperature` divides the logits, as it does while sampling.
    pub fn forward(&self, batch: &PackedBatch, temperature: f64) -> Result<LogProb> {
        Self::log_prob(&self.training, batch, temperature)
    }

    /// As [`Self::forward`], without gradients.
    pub fn evaluate(&self, batch: &PackedBatch, temperature: f64) -> Result<LogProb> {
        Self::log_prob(&self.sampling, batch, temperature)
    }

    fn log_prob(layers: &Layers, batch: &PackedBatch, temperature: f64) -> Result<LogProb> {
        let states = layers.target_states(batch)?;
        let tokens: Vec<u32> = batch.targets.iter().map(|t| t.token).collect();
        Ok(ops::log_prob(&states, &layers.head, &tokens, temperature)?)
    }

    /// The final norm's output for every row, without gradients: `[rows, hidden]`.
    pub fn final_states(&self, batch: &PackedBatch) -> Result<Tensor> {
        self.sampling.hidden_states(batch)
    }

    /// Logits for rows of hidden states: `[rows, vocabulary]`, without gradients.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(ops::matmul_rows(hidden, &self.sampling.head)?)
    }

    /// Runs prompts (one segment each) and keeps their keys and values.
    ///
    /// Returns the logits after each prompt's last token, `[prompts, vocabulary]`, and the caches.
    pub fn prefill(&self, batch: &PackedBatch) -> Result<(Tensor, Vec<Prefix>)> {
        let layers = &self.sampling;
        let images: Vec<&ImagePatches> = batch.images.iter().collect();
        let embeddings = layers.embed(&batch.token_ids, &images, &batch.image_rows)?;
        let (hidden, prefixes) =
            layers
                .language
                .prefill(&embeddings, &batch.positions, &batch.segments)?;
        let last: Vec<u32> = (0..batch.segments.len())
            .map(|segment| batch.segments.range(segment).end as u32 - 1)
            .collect();
        let last = Tensor::from_vec(last, prefixes.len(), hidden.device())?;
        Ok((self.logits(&hidden.index_select(&last, 0)?)?, prefixes))
    }

    /// Feeds one token to each of `rows` and returns the logits after it, `[rows, vocabulary]`.
    pub fn decode(&self, rows: &mut [CacheRow<'_>]) -> Result<Tensor> {
        let tokens: Vec<u32> = rows.iter().map(|row| row.token).collect();
        let embeddings = self.sampling.language.embed(&tokens)?;
        let hidden = self.sampling.language.decode(&embeddings, rows)?;
        self.logits(&hidden)
    }
}
