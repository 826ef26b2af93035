//! The critic: values of a step's tokens, and learning them from returns.

use super::batch::{Batch, host_values, select, trained_rows};
use super::checkpoint;
use super::setup;
use super::updates::{Passes, Updater, weighted_sum};
use crate::algorithm::{Rows, Totals, ValueInput, ValueLossConfig, explained_variance, value_loss};
use crate::config::Config;
use crate::model::{ModelConfig, ValueModel};
use crate::optim::{AdamW, AdamWSettings, Gradients};
use crate::{Error, Result};
use candle_core::Device;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The critic's folder in a checkpoint.
const FOLDER: &str = "critic";

/// A value model with its optimiser.
pub(super) struct Critic {
    model: ValueModel,
    updater: Updater,
    settings: AdamWSettings,
    loss: ValueLossConfig,
    mini_batch_prompts: Option<usize>,
    epochs: u64,
    budget: usize,
    norm_length: usize,
    /// The model folder that it started from.
    source: PathBuf,
}

impl Critic {
    /// Loads the critic, if there is a `[critic]`, for a job of `steps` steps. `actor` is the
    /// policy's model folder.
    ///
    /// # Errors
    /// If the folder is no model, or one that reads tokens or pictures otherwise than the policy.
    pub(super) fn open(
        config: &Config,
        device: &Device,
        actor: &Path,
        steps: u64,
    ) -> Result<Option<Self>> {
        let Some(critic) = &config.critic else {
            return Ok(None);
        };
        let source = match &critic.model.model_path {
            Some(path) => setup::model_folder(path)?,
            None => actor.to_owned(),
        };
        let model = ValueModel::load(&source, device)?;
        check_fits(&source, model.config(), &ModelConfig::load(actor)?)?;
        let settings = setup::optimizer_settings(&critic.optim);
        let updater = Updater::new(
            &critic.optim,
            critic.max_grad_norm,
            critic.skip_grad_norm,
            AdamW::new(settings, model.weights())?,
            setup::schedule(&critic.optim, steps)?,
        );
        let policy = &config.actor;
        Ok(Some(Self {
            model,
            updater,
            settings,
            loss: ValueLossConfig {
                cliprange_value: critic.cliprange_value,
                loss_agg_mode: critic.loss_agg_mode.as_str().parse()?,
            },
            mini_batch_prompts: critic.ppo_mini_batch_size.or(policy.ppo_mini_batch_size),
            epochs: critic.ppo_epochs.unwrap_or(policy.ppo_epochs),
            budget: critic
                .micro_batch_tokens
                .unwrap_or(policy.micro_batch_tokens),
            norm_length: config.data.max_response_length,
            source,
        }))
    }

    /// Goes on from where `checkpoint` was saved.
    pub(super) fn restore(&mut self, checkpoint: &Path) -> Result<()> {
        let folder = checkpoint.join(FOLDER);
        self.model = ValueModel::load(&folder, self.model.weights().device())?;
        let optimizer = checkpoint::restore(&folder, self.settings, self.model.weights())?;
        self.updater.restore(optimizer);
        Ok(())
    }

    /// Writes model and optimiser into the folder `critic` of the checkpoint in `folder`: a complete
    /// model folder, which `critic.model.model_path` takes.
    pub(super) fn save(&self, folder: &Path) -> Result<()> {
        let folder = folder.join(FOLDER);
        std::fs::create_dir(&folder).map_err(|e| Error::io(&folder, e))?;
        checkpoint::copy_description(&self.source, &folder)?;
        self.model.weights().save(&folder)?;
        self.updater.save(&folder.join(checkpoint::OPTIMIZER))
    }

    /// Values of all tokens of `batch`; 0 where `rows` trains nothing.
    pub(super) fn values(&self, batch: &Batch<'_>, rows: &Rows) -> Result<Vec<f64>> {
        let mut values = vec![0.0; rows.tokens()];
        for chosen in batch.micro_batches(&trained_rows(rows), self.budget) {
            let packed = batch.pack(self.model.config(), &chosen)?;
            let found = host_values(&self.model.evaluate(&packed)?)?;
            batch.scatter(&mut values, &chosen, &found);
        }
        for (value, trained) in values.iter_mut().zip(rows.mask()) {
            if !trained {
                *value = 0.0;
            }
        }
        Ok(values)
    }

    /// One training step: all epochs and mini-batches of `batch`. `step` counts from 0 and sets the
    /// learning rate; `old_values` are those of [`Self::values`] before it, which `returns` were
    /// computed from.
    pub(super) fn update(
        &mut self,
        step: u64,
        batch: &Batch<'_>,
        rows: &Rows,
        old_values: &[f64],
        returns: &[f64],
    ) -> Result<BTreeMap<String, f64>> {
        let learning_rate = self.updater.learning_rate(step);
        let passes = Passes::new(batch, rows, self.mini_batch_prompts, self.epochs);
        let mut metrics = passes.run(|chosen| {
            self.mini_batch(batch, chosen, rows, old_values, returns, learning_rate)
        })?;
        metrics.insert("critic/lr".into(), learning_rate);
        if let Some(share) = explained_variance(rows, old_values, returns)? {
            metrics.insert("critic/vf_explained_var".into(), share);
        }
        Ok(metrics)
    }

    fn mini_batch(
        &mut self,
        batch: &Batch<'_>,
        chosen: &[usize],
        rows: &Rows,
        old_values: &[f64],
        returns: &[f64],
        learning_rate: f64,
    ) -> Result<BTreeMap<String, f64>> {
        let totals = Totals::of(&select(rows, chosen)?, self.norm_length);
        let mut metrics: BTreeMap<String, f64> = BTreeMap::new();
        let mut gradients = Gradients::new();
        let mut pictures = false;
        for chosen in batch.micro_batches(chosen, self.budget) {
            let packed = batch.pack(self.model.config(), &chosen)?;
            pictures |= !packed.images.is_empty();
            let values = self.model.forward(&packed)?;
            let loss = value_loss(
                &ValueInput {
                    rows: &select(rows, &chosen)?,
                    values: &host_values(&values)?,
                    old_values: &batch.gather(old_values, &chosen),
                    returns: &batch.gather(returns, &chosen),
                },
                &totals,
                &self.loss,
            )?;
            for (name, value) in loss.metrics {
                *metrics.entry(name).or_insert(0.0) += value;
            }
            let surrogate = weighted_sum(&values, &loss.d_values)?;
            gradients.add(self.model.weights(), surrogate.backward()?)?;
        }
        let weights = self.model.weights();
        let update = self
            .updater
            .update(weights, &gradients, pictures, learning_rate)?;
        metrics.insert("critic/grad_norm".into(), update.grad_norm);
        let skipped = f64::from(u8::from(update.skipped));
        metrics.insert("critic/skipped_updates".into(), skipped);
        Ok(metrics)
    }
}

/// Checks that a critic takes the policy's tokens and pictures.
fn check_fits(folder: &Path, critic: &ModelConfig, actor: &ModelConfig) -> Result<()> {
    let refuse = |what: String| Err(Error::model(folder, format!("this critic {what}")));
    let (own, theirs) = (critic.text.vocab_size, actor.text.vocab_size);
    if own < theirs {
        return refuse(format!("knows {own} tokens, but the actor has {theirs}"));
    }
    if critic.image_token_id != actor.image_token_id {
        return refuse(format!(
            "has image_token_id = {}, but the actor has {}",
            critic.image_token_id, actor.image_token_id
        ));
    }
    let geometry = |model: &ModelConfig| {
        let vision = &model.vision;
        [
            vision.patch_size,
            vision.temporal_patch_size,
            vision.spatial_merge_size,
        ]
    };
    let (own, theirs) = (geometry(critic), geometry(actor));
    if own != theirs {
        return refuse(format!(
            "has patch_size, temporal_patch_size, spatial_merge_size = {own:?}, but the actor has \
             {theirs:?}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
