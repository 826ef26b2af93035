//! Updating the weights from a batch of completions.

use super::batch::{Batch, TokenValues, host_values, select, trained_rows};
use super::updates::{Passes, Updater, weighted_sum};
use crate::Result;
use crate::algorithm::{LossConfig, LossInput, Rows, Totals, policy_loss};
use crate::config::Config;
use crate::model::Model;
use crate::optim::schedule::Schedule;
use crate::optim::{AdamW, Gradients};
use std::collections::BTreeMap;

/// The model under training with its optimiser.
pub(super) struct Policy {
    pub(super) model: Model,
    pub(super) updater: Updater,
    loss: LossConfig,
    /// Divides the logits, in training as in sampling.
    temperature: f64,
    mini_batch_prompts: Option<usize>,
    epochs: u64,
    budget: usize,
    norm_length: usize,
}

/// What the loss needs beside the batch itself, one number per token.
pub(super) struct Signals<'a> {
    /// Which tokens are trained.
    pub(super) rows: &'a Rows,
    pub(super) advantages: &'a [f64],
    /// Log-probabilities that the sampler noted.
    pub(super) rollout_logp: Option<&'a [f64]>,
    /// Log-probabilities of the reference model.
    pub(super) ref_logp: Option<&'a [f64]>,
}

impl Policy {
    pub(super) fn new(
        config: &Config,
        model: Model,
        optimizer: AdamW,
        schedule: Schedule,
        loss: LossConfig,
        temperature: f64,
    ) -> Self {
        let actor = &config.actor;
        Self {
            model,
            updater: Updater::new(
                &actor.optim,
                actor.max_grad_norm,
                actor.skip_grad_norm,
                optimizer,
                schedule,
            ),
            loss,
            temperature,
            mini_batch_prompts: actor.ppo_mini_batch_size,
            epochs: actor.ppo_epochs,
            budget: actor.micro_batch_tokens,
            norm_length: config.data.max_response_length,
        }
    }

    /// Log-probabilities and entropies of the trained rows under `model`.
    pub(super) fn evaluate(
        &self,
        model: &Model,
        batch: &Batch<'_>,
        rows: &Rows,
    ) -> Result<TokenValues> {
        let trained = trained_rows(rows);
        batch.evaluate(model, &trained, self.temperature, self.budget)
    }

    /// One training step: all epochs and mini-batches of `batch`. `step` counts from 0 and sets the
    /// learning rate.
    pub(super) fn update(
        &mut self,
        step: u64,
        batch: &Batch<'_>,
        signals: &Signals<'_>,
    ) -> Result<BTreeMap<String, f64>> {
        let passes = Passes::new(batch, signals.rows, self.mini_batch_prompts, self.epochs);
        // With one update, the old policy is the one that is being differentiated.
        let old = if passes.single() {
            None
        } else {
            Some(self.evaluate(&self.model, batch, signals.rows)?.logp)
        };
        let learning_rate = self.updater.learning_rate(step);
        let mut metrics = passes
            .run(|rows| self.mini_batch(batch, rows, signals, old.as_deref(), learning_rate))?;
        metrics.insert("actor/lr".into(), learning_rate);
        Ok(metrics)
    }

    fn mini_batch(
        &mut self,
        batch: &Batch<'_>,
        rows: &[usize],
        signals: &Signals<'_>,
        old: Option<&[f64]>,
        learning_rate: f64,
    ) -> Result<BTreeMap<String, f64>> {
        let totals = Totals::of(&select(signals.rows, rows)?, self.norm_length);
        let mut metrics: BTreeMap<String, f64> = BTreeMap::new();
        let mut add = |name: &str, value: f64| {
            *metrics.entry(name.to_owned()).or_insert(0.0) += value;
        };
        let mut gradients = Gradients::new();
        let mut pictures = false;
        for rows in batch.micro_batches(rows, self.budget) {
            let packed = batch.pack(self.model.config(), &rows)?;
            pictures |= !packed.images.is_empty();
            let out = self.model.forward(&packed, self.temperature)?;
            let (logp, entropy) = (host_values(&out.logp)?, host_values(&out.entropy)?);
            let gather = |values: Option<&[f64]>| values.map(|values| batch.gather(values, &rows));
            let old_logp = gather(old).unwrap_or_else(|| logp.clone());
            let (ref_logp, rollout_logp) = (gather(signals.ref_logp), gather(signals.rollout_logp));
            let selected = select(signals.rows, &rows)?;
            let advantages = batch.gather(signals.advantages, &rows);
            let loss = policy_loss(
                &LossInput {
                    ref_logp: ref_logp.as_deref(),
                    rollout_logp: rollout_logp.as_deref(),
                    entropy: Some(&entropy),
                    ..LossInput::new(&selected, &logp, &old_logp, &advantages)
                },
                &totals,
                &self.loss,
            )?;
            add("actor/loss", loss.loss);
            for (name, value) in &loss.metrics {
                add(name, *value);
            }
            if let Some(rollout) = &rollout_logp {
                // How far the sampler's arithmetic is from the trainer's, per token.
                let trained = selected.mask().iter().zip(logp.iter().zip(rollout));
                let distance: f64 = trained
                    .filter(|(trained, _)| **trained)
                    .map(|(_, (a, b))| (a - b).abs())
                    .sum();
                add(
                    "rollout/logp_difference",
                    distance / totals.tokens.max(1) as f64,
                );
            }
            let mut surrogate = weighted_sum(&out.logp, &loss.d_logp)?;
            if let Some(d_entropy) = &loss.d_entropy {
                surrogate = (surrogate + weighted_sum(&out.entropy, d_entropy)?)?;
            }
            gradients.add(self.model.weights(), surrogate.backward()?)?;
        }
        let weights = self.model.weights();
        let update = self
            .updater
            .update(weights, &gradients, pictures, learning_rate)?;
        add("actor/grad_norm", update.grad_norm);
        add("actor/skipped_updates", f64::from(u8::from(update.skipped)));
        Ok(metrics)
    }
}
