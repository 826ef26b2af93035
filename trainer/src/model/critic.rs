//! A critic: the same architecture with a head that gives one number, the value.
//!
//! The value of a token is that of the state *before* it: `score · h`, where `h` is the final norm's
//! output at the row whose logits give that token's log-probability. So values stand beside
//! log-probabilities, one for each target of a [`PackedBatch`].
//!
//! ```no_run
//! use candle_core::Device;
//! use rlhost_trainer::model::ValueModel;
//!
//! let critic = ValueModel::load("models/Qwen2.5-VL-3B-Instruct".as_ref(), &Device::Cpu)?;
//! println!("{} parameters", critic.weights().parameter_count());
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

use super::language::Head;
use super::{Layers, ModelConfig, PackedBatch, Weights};
use crate::ops;
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use std::path::Path;

const BIAS: &str = "score.bias";

/// A vision-language model with a value head instead of an output head.
pub struct ValueModel {
    config: ModelConfig,
    weights: Weights,
    /// Layers whose operations are recorded for the backward pass.
    training: Layers,
    /// The same weights (one storage), without recording.
    detached: Layers,
}

impl ValueModel {
    /// Loads a Hugging Face folder. The head is `score.weight` (`[1, hidden]`), as
    /// `…ForTokenClassification` calls it; where the folder has none it is zeros, so all values are
    /// 0 at first.
    ///
    /// An output head of its own (`lm_head.weight`) is kept for [`Weights::save`], not trained, and
    /// need not be there.
    ///
    /// # Errors
    /// If the folder is not complete, its `score.weight` has another shape (more than one label),
    /// or it has a `score.bias` that is not zero: a value head has no bias here.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        let config = ModelConfig::load(folder)?;
        let mut weights = Weights::load_with(folder, &config, Head::Value, device)?;
        if let Some(bias) = weights.other(BIAS) {
            let size = bias.to_dtype(DType::F32)?.abs()?.sum_all()?;
            if size.to_scalar::<f32>()? != 0.0 {
                return Err(Error::model(
                    folder,
                    format!(
                        "has a {BIAS}, but a value head has no bias here: train one from a folder \
                         without score.weight"
                    ),
                ));
            }
        }
        weights.complete(&config, Head::Value)?;
        Ok(Self {
            training: Layers::new(&config, &weights, Head::Value, true)?,
            detached: Layers::new(&config, &weights, Head::Value, false)?,
            config,
            weights,
        })
    }

    /// What `config.json` says.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The weights by name, the head's among them.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Values of the batch's targets, in their order, with gradients: `[targets]`.
    pub fn forward(&self, batch: &PackedBatch) -> Result<Tensor> {
        values(&self.training, batch)
    }

    /// As [`Self::forward`], without gradients.
    pub fn evaluate(&self, batch: &PackedBatch) -> Result<Tensor> {
        values(&self.detached, batch)
    }
}

fn values(layers: &Layers, batch: &PackedBatch) -> Result<Tensor> {
    let states = layers.target_states(batch)?;
    Ok(ops::linear(&states, &layers.head, None)?.squeeze(1)?)
}
