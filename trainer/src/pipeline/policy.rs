//! Updating the weights from a batch of completions.

use super::batch::{Batch, TokenValues, host_values, select};
use super::objective::PolicyObjective;
use crate::Result;
use crate::algorithm::{LossInput, Rows, Totals};
use crate::config::Config;
use crate::model::Model;
use crate::optim::schedule::Schedule;
use crate::optim::{AdamW, Gradients};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// The model under training with its optimiser.
pub(super) struct Policy {
    pub(super) model: Model,
    pub(super) optimizer: AdamW,
    schedule: Schedule,
    pub(super) loss: PolicyObjective,
    /// Divides the logits, in training as in sampling.
    temperature: f64,
    learning_rate: f64,
    max_grad_norm: f64,
    skip_grad_norm: f64,
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
        loss: PolicyObjective,
        temperature: f64,
    ) -> Self {
        let actor = &config.actor;
        Self {
            model,
            optimizer,
            schedule,
            loss,
            temperature,
            learning_rate: actor.optim.lr,
            max_grad_norm: actor.max_grad_norm,
            skip_grad_norm: actor.skip_grad_norm,
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
        let prompts = self
            .mini_batch_prompts
            .unwrap_or(batch.group_count())
            .max(1);
        let mini_batches: Vec<Vec<usize>> = (0..batch.group_count())
            .step_by(prompts)
            .map(|first| {
                let rows = batch.rows_of_groups(first..first + prompts);
                let trained = |row: &usize| signals.rows.trained_len(*row) > 0;
                rows.into_iter().filter(trained).collect::<Vec<_>>()
            })
            .filter(|rows| !rows.is_empty())
            .collect();
        // With one update, the old policy is the one that is being differentiated.
        let old = if mini_batches.len() == 1 && self.epochs == 1 {
            None
        } else {
            Some(self.evaluate(&self.model, batch, signals.rows)?.logp)
        };
        let learning_rate = self.learning_rate * self.schedule.factor(step);
        let mut metrics = BTreeMap::new();
        let mut updates = 0.0;
        for _ in 0..self.epochs {
            for rows in &mini_batches {
                let found = self.mini_batch(batch, rows, signals, old.as_deref(), learning_rate)?;
                for (name, value) in found {
                    *metrics.entry(name).or_insert(0.0) += value;
                }
                updates += 1.0;
            }
        }
        for value in metrics.values_mut() {
            *value /= f64::max(updates, 1.0);
        }
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
            let packed = batch.pack(&self.model, &rows)?;
            pictures |= !packed.images.is_empty();
            let out = self.model.forward(&packed, self.temperature)?;
            let (logp, entropy) = (host_values(&out.logp)?, host_values(&out.entropy)?);
            let gather = |values: Option<&[f64]>| values.map(|values| batch.gather(values, &rows));
            let old_logp = gather(old).unwrap_or_else(|| logp.clone());
            let (ref_logp, rollout_logp) = (gather(signals.ref_logp), gather(signals.rollout_logp));
            let selected = select(signals.rows, &rows)?;
            let advantages = batch.gather(signals.advantages, &rows);
            let loss = self.loss.loss(
                &LossInput {
                    ref_logp: ref_logp.as_deref(),
                    rollout_logp: rollout_logp.as_deref(),
                    entropy: Some(&entropy),
                    ..LossInput::new(&selected, &logp, &old_logp, &advantages)
                },
                &totals,
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
        gradients.check_coverage(self.model.weights(), pictures)?;
        let norm = gradients.norm()?;
        let applied = norm.is_finite() && norm <= self.skip_grad_norm;
        if applied {
            let scale = (self.max_grad_norm / (norm + 1e-6)).min(1.0);
            self.optimizer
                .step(self.model.weights(), &gradients, scale, learning_rate)?;
        }
        add(
            "actor/grad_norm",
            if norm.is_finite() { norm } else { -1.0 },
        );
        add("actor/skipped_updates", f64::from(u8::from(!applied)));
        Ok(metrics)
    }
}

fn trained_rows(rows: &Rows) -> Vec<usize> {
    (0..rows.len())
        .filter(|row| rows.trained_len(*row) > 0)
        .collect()
}

/// `Σ weights · x`, whose gradient is `weights`.
fn weighted_sum(x: &Tensor, weights: &[f64]) -> Result<Tensor> {
    let weights: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
    let weights = Tensor::from_vec(weights, x.shape(), x.device())?.to_dtype(x.dtype())?;
    Ok((x * weights)?.sum_all()?)
}
