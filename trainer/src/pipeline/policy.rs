//! Updating the weights from a batch of completions.

use super::batch::{Batch, TokenValues, host_values, select, trained_rows};
use super::objective::PolicyObjective;
use super::updates::{Passes, Updater, weighted_sum};
use crate::Result;
use crate::algorithm::{LossInput, LossOutput, Rows, Scope, Totals};
use crate::config::Config;
use crate::model::Model;
use crate::optim::schedule::Schedule;
use crate::optim::{AdamW, Gradients};
use std::collections::BTreeMap;

/// The model under training with its optimiser.
pub(super) struct Policy {
    pub(super) model: Model,
    pub(super) updater: Updater,
    pub(super) loss: PolicyObjective,
    /// Divides the logits, in training as in sampling.
    temperature: f64,
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
    fn loss(&self, totals: &Totals, seed: u64, objective: &PolicyObjective) -> Result<LossOutput> {
        let input = LossInput {
            ref_logp: self.ref_logp.as_deref(),
            rollout_logp: self.rollout_logp.as_deref(),
            entropy: Some(&self.now.entropy),
            prefix_mask: self.prefix_mask.as_deref(),
            row_scores: self.row_scores.as_deref(),
            seed,
            ..LossInput::new(&self.rows, &self.now.logp, &self.old_logp, &self.advantages)
        };
        objective.loss(&input, totals)
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
        loss: PolicyObjective,
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
        let old = match (&signals.old, passes.single()) {
            (Some(old), _) => Some(old.clone()),
            (None, true) => None,
            (None, false) => Some(self.evaluate(&self.model, batch, signals.rows)?),
        };
        let learning_rate = self.updater.learning_rate(step);
        let mut updates = 0;
        let mut metrics = passes.run(|rows| {
            let mini = MiniBatch {
                batch,
                rows,
                signals,
                old: old.as_ref(),
                // Nothing has moved since the old policy before the first update.
                fresh: updates == 0,
                seed: signals.seed.wrapping_add(updates),
            };
            updates += 1;
            self.mini_batch(&mini, learning_rate)
        })?;
        metrics.insert("actor/lr".into(), learning_rate);
        Ok(metrics)
    }

    fn mini_batch(
        &mut self,
        mini: &MiniBatch<'_>,
        learning_rate: f64,
    ) -> Result<BTreeMap<String, f64>> {
        let (batch, signals) = (mini.batch, mini.signals);
        let old = mini.old.map(|old| old.logp.as_slice());
        let totals = self.totals(mini)?;
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
                let part = signals.of(batch, mini.rows, self.now(mini)?, old)?;
                let loss = part.loss(&totals, mini.seed, &self.loss)?;
                book(&loss);
                Some(loss)
            }
        };
        let mut gradients = Gradients::new();
        let mut pictures = false;
        let mut distance = None;
        for rows in batch.micro_batches(mini.rows, self.budget) {
            let packed = batch.pack(self.model.config(), &rows)?;
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
                let own = |values: &[f64]| batch.gather_from(values, mini.rows, &rows);
                (own(&whole.d_logp), whole.d_entropy.as_deref().map(own))
            } else {
                let loss = part.loss(&totals, mini.seed, &self.loss)?;
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
        let weights = self.model.weights();
        let found = self
            .updater
            .update(weights, &gradients, pictures, learning_rate)?;
        add("actor/grad_norm", found.grad_norm);
        add("actor/skipped_updates", f64::from(u8::from(found.skipped)));
        Ok(metrics)
    }

    /// The counts of a mini-batch.
    fn totals(&self, mini: &MiniBatch<'_>) -> Result<Totals> {
        let rows = select(mini.signals.rows, mini.rows)?;
        match mini.signals.prefix_mask {
            Some(mask) => {
                let mask = mini.batch.gather(mask, mini.rows);
                Totals::mixed(&rows, &mask, self.norm_length)
            }
            None => Ok(Totals::of(&rows, self.norm_length)),
        }
    }

    /// Log-probs and entropies of a mini-batch's rows under the weights as they are.
    fn now(&self, mini: &MiniBatch<'_>) -> Result<TokenValues> {
        let batch = mini.batch;
        let all = match mini.old.filter(|_| mini.fresh) {
            Some(old) => old,
            None => &batch.evaluate(&self.model, mini.rows, self.temperature, self.budget)?,
        };
        Ok(TokenValues {
            logp: batch.gather(&all.logp, mini.rows),
            entropy: batch.gather(&all.entropy, mini.rows),
        })
    }
}

/// What one optimiser step is about.
struct MiniBatch<'a> {
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
