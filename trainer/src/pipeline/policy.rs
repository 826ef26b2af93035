//! Updating the weights from a batch of completions.

use super::batch::{Batch, TokenValues, host_values, select};
use crate::Result;
use crate::algorithm::{LossConfig, LossInput, LossOutput, Rows, Scope, Totals, policy_loss};
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
    loss: LossConfig,
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

/// What the loss needs beside the batch itself; arrays have one entry per token, unless they say
/// otherwise.
pub(super) struct Signals<'a> {
    /// Which tokens are trained.
    pub(super) rows: &'a Rows,
    pub(super) advantages: &'a [f64],
    /// Log-probabilities and entropies under the weights at the start of the step, if they are known.
    pub(super) old: Option<TokenValues>,
    /// Log-probabilities that the sampler noted.
    pub(super) rollout_logp: Option<&'a [f64]>,
    /// Log-probabilities of the reference model.
    pub(super) ref_logp: Option<&'a [f64]>,
    /// Which tokens the data's targets wrote.
    pub(super) prefix_mask: Option<&'a [bool]>,
    /// The score of each row.
    pub(super) row_scores: Option<&'a [f64]>,
    /// Seed of the losses that draw tokens, of this step.
    pub(super) seed: u64,
}

impl<'a> Signals<'a> {
    /// Signals without any of what only some losses need.
    pub(super) fn new(rows: &'a Rows, advantages: &'a [f64]) -> Self {
        Self {
            rows,
            advantages,
            old: None,
            rollout_logp: None,
            ref_logp: None,
            prefix_mask: None,
            row_scores: None,
            seed: 0,
        }
    }

    /// What belongs to the chosen rows, whose log-probs and entropies are `now`.
    fn of(
        &self,
        batch: &Batch<'_>,
        chosen: &[usize],
        now: TokenValues,
        old: Option<&[f64]>,
    ) -> Result<Part> {
        let gather = |values: Option<&[f64]>| values.map(|values| batch.gather(values, chosen));
        Ok(Part {
            rows: select(self.rows, chosen)?,
            old_logp: gather(old).unwrap_or_else(|| now.logp.clone()),
            now,
            ref_logp: gather(self.ref_logp),
            rollout_logp: gather(self.rollout_logp),
            advantages: batch.gather(self.advantages, chosen),
            prefix_mask: self.prefix_mask.map(|mask| batch.gather(mask, chosen)),
            row_scores: self
                .row_scores
                .map(|scores| chosen.iter().map(|row| scores[*row]).collect()),
        })
    }
}

/// Some rows of a batch, as the loss sees them.
struct Part {
    rows: Rows,
    now: TokenValues,
    old_logp: Vec<f64>,
    ref_logp: Option<Vec<f64>>,
    rollout_logp: Option<Vec<f64>>,
    advantages: Vec<f64>,
    prefix_mask: Option<Vec<bool>>,
    row_scores: Option<Vec<f64>>,
}

impl Part {
    fn loss(&self, totals: &Totals, seed: u64, config: &LossConfig) -> Result<LossOutput> {
        let input = LossInput {
            ref_logp: self.ref_logp.as_deref(),
            rollout_logp: self.rollout_logp.as_deref(),
            entropy: Some(&self.now.entropy),
            prefix_mask: self.prefix_mask.as_deref(),
            row_scores: self.row_scores.as_deref(),
            seed,
            ..LossInput::new(&self.rows, &self.now.logp, &self.old_logp, &self.advantages)
        };
        policy_loss(&input, totals, config)
    }

    /// How far the sampler's arithmetic is from the trainer's, summed over the trained tokens that the
    /// sampler chose.
    fn sampler_distance(&self) -> Option<f64> {
        let rollout = self.rollout_logp.as_ref()?;
        let sampled = |token: usize| {
            let given = self.prefix_mask.as_ref().is_some_and(|mask| mask[token]);
            self.rows.mask()[token] && !given
        };
        let distances = self.now.logp.iter().zip(rollout).enumerate();
        Some(
            distances
                .filter(|(token, _)| sampled(*token))
                .map(|(_, (now, then))| (now - then).abs())
                .sum(),
        )
    }
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
        let old = match (&signals.old, mini_batches.len() == 1 && self.epochs == 1) {
            (Some(old), _) => Some(old.clone()),
            (None, true) => None,
            (None, false) => Some(self.evaluate(&self.model, batch, signals.rows)?),
        };
        let learning_rate = self.learning_rate * self.schedule.factor(step);
        let mut metrics = BTreeMap::new();
        let mut updates = 0_u32;
        for _ in 0..self.epochs {
            for rows in &mini_batches {
                let update = Update {
                    batch,
                    rows,
                    signals,
                    old: old.as_ref(),
                    // Nothing has moved since the old policy before the first update.
                    fresh: updates == 0,
                    seed: signals.seed.wrapping_add(u64::from(updates)),
                };
                for (name, value) in self.mini_batch(&update, learning_rate)? {
                    *metrics.entry(name).or_insert(0.0) += value;
                }
                updates += 1;
            }
        }
        for value in metrics.values_mut() {
            *value /= f64::from(updates.max(1));
        }
        metrics.insert("actor/lr".into(), learning_rate);
        Ok(metrics)
    }

    fn mini_batch(
        &mut self,
        update: &Update<'_>,
        learning_rate: f64,
    ) -> Result<BTreeMap<String, f64>> {
        let (batch, signals) = (update.batch, update.signals);
        let old = update.old.map(|old| old.logp.as_slice());
        let totals = self.totals(update)?;
        let mut metrics: BTreeMap<String, f64> = BTreeMap::new();
        let mut add = |name: &str, value: f64| {
            *metrics.entry(name.to_owned()).or_insert(0.0) += value;
        };
        let mut book = |loss: &LossOutput| {
            add("actor/loss", loss.loss);
            for (name, value) in &loss.metrics {
                add(name, *value);
            }
        };
        // A loss that ranks or draws tokens among all others sees them all before any gradient.
        let whole = match self.loss.scope() {
            Scope::Row => None,
            Scope::Batch => {
                let part = signals.of(batch, update.rows, self.now(update)?, old)?;
                let loss = part.loss(&totals, update.seed, &self.loss)?;
                book(&loss);
                Some(loss)
            }
        };
        let mut gradients = Gradients::new();
        let mut pictures = false;
        let mut distance = None;
        for rows in batch.micro_batches(update.rows, self.budget) {
            let packed = batch.pack(&self.model, &rows)?;
            pictures |= !packed.images.is_empty();
            let out = self.model.forward(&packed, self.temperature)?;
            let now = TokenValues {
                logp: host_values(&out.logp)?,
                entropy: host_values(&out.entropy)?,
            };
            let part = signals.of(batch, &rows, now, old)?;
            if let Some(found) = part.sampler_distance() {
                *distance.get_or_insert(0.0) += found;
            }
            let (d_logp, d_entropy) = if let Some(whole) = &whole {
                let own = |values: &[f64]| batch.gather_from(values, update.rows, &rows);
                (own(&whole.d_logp), whole.d_entropy.as_deref().map(own))
            } else {
                let loss = part.loss(&totals, update.seed, &self.loss)?;
                book(&loss);
                (loss.d_logp, loss.d_entropy)
            };
            let mut surrogate = weighted_sum(&out.logp, &d_logp)?;
            if let Some(d_entropy) = &d_entropy {
                surrogate = (surrogate + weighted_sum(&out.entropy, d_entropy)?)?;
            }
            gradients.add(self.model.weights(), surrogate.backward()?)?;
        }
        if let Some(distance) = distance {
            let sampled = totals.tokens.saturating_sub(totals.prefix_tokens).max(1);
            add("rollout/logp_difference", distance / sampled as f64);
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

    /// The counts of a mini-batch.
    fn totals(&self, update: &Update<'_>) -> Result<Totals> {
        let rows = select(update.signals.rows, update.rows)?;
        match update.signals.prefix_mask {
            Some(mask) => {
                let mask = update.batch.gather(mask, update.rows);
                Totals::mixed(&rows, &mask, self.norm_length)
            }
            None => Ok(Totals::of(&rows, self.norm_length)),
        }
    }

    /// Log-probs and entropies of a mini-batch's rows under the weights as they are.
    fn now(&self, update: &Update<'_>) -> Result<TokenValues> {
        let batch = update.batch;
        let all = match update.old.filter(|_| update.fresh) {
            Some(old) => old,
            None => &batch.evaluate(&self.model, update.rows, self.temperature, self.budget)?,
        };
        Ok(TokenValues {
            logp: batch.gather(&all.logp, update.rows),
            entropy: batch.gather(&all.entropy, update.rows),
        })
    }
}

/// One optimiser step.
struct Update<'a> {
    batch: &'a Batch<'a>,
    /// The rows of the mini-batch.
    rows: &'a [usize],
    signals: &'a Signals<'a>,
    /// Under the weights at the start of the step, for all rows; `None` where those are the weights as
    /// they are.
    old: Option<&'a TokenValues>,
    /// Whether the weights are those of `old`.
    fresh: bool,
    seed: u64,
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
