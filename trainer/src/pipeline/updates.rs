//! From a batch to updates of weights: what policy and critic share.

use super::batch::Batch;
use crate::Result;
use crate::algorithm::Rows;
use crate::config::OptimConfig;
use crate::model::Weights;
use crate::optim::schedule::Schedule;
use crate::optim::{AdamW, Gradients};
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::path::Path;

/// The mini-batches of a training step, and how often they are gone through.
pub(super) struct Passes {
    mini_batches: Vec<Vec<usize>>,
    epochs: u64,
}

impl Passes {
    /// Cuts the trained rows of `batch` into mini-batches of `prompts` prompts (all by default).
    pub(super) fn new(batch: &Batch<'_>, rows: &Rows, prompts: Option<usize>, epochs: u64) -> Self {
        let prompts = prompts.unwrap_or(batch.group_count()).max(1);
        let mini_batches = (0..batch.group_count())
            .step_by(prompts)
            .map(|first| {
                let rows_of = batch.rows_of_groups(first..first + prompts);
                let trained = |row: &usize| rows.trained_len(*row) > 0;
                rows_of.into_iter().filter(trained).collect::<Vec<_>>()
            })
            .filter(|rows| !rows.is_empty())
            .collect();
        Self {
            mini_batches,
            epochs,
        }
    }

    /// Whether the weights change once at the most.
    pub(super) fn single(&self) -> bool {
        self.mini_batches.len() <= 1 && self.epochs <= 1
    }

    /// Does `update` for every mini-batch of every epoch and returns the means of its metrics.
    pub(super) fn run(
        &self,
        mut update: impl FnMut(&[usize]) -> Result<BTreeMap<String, f64>>,
    ) -> Result<BTreeMap<String, f64>> {
        let mut metrics = BTreeMap::new();
        let mut updates = 0.0;
        for _ in 0..self.epochs {
            for rows in &self.mini_batches {
                for (name, value) in update(rows)? {
                    *metrics.entry(name).or_insert(0.0) += value;
                }
                updates += 1.0;
            }
        }
        for value in metrics.values_mut() {
            *value /= f64::max(updates, 1.0);
        }
        Ok(metrics)
    }
}

/// An optimiser with its learning rate and the bounds of its gradients.
pub(super) struct Updater {
    optimizer: AdamW,
    schedule: Schedule,
    learning_rate: f64,
    max_grad_norm: f64,
    skip_grad_norm: f64,
}

/// What came of a gradient.
pub(super) struct Update {
    /// Norm before clipping; −1 if it was not finite.
    pub(super) grad_norm: f64,
    /// Whether the weights stayed as they were because of it.
    pub(super) skipped: bool,
}

impl Updater {
    pub(super) fn new(
        optim: &OptimConfig,
        max_grad_norm: f64,
        skip_grad_norm: f64,
        optimizer: AdamW,
        schedule: Schedule,
    ) -> Self {
        Self {
            optimizer,
            schedule,
            learning_rate: optim.lr,
            max_grad_norm,
            skip_grad_norm,
        }
    }

    /// The learning rate of a step; steps count from 0.
    pub(super) fn learning_rate(&self, step: u64) -> f64 {
        self.learning_rate * self.schedule.factor(step)
    }

    /// Updates the weights by the gradients of a mini-batch, clipped, unless their norm is too large.
    ///
    /// `pictures` says whether there were any: without, the vision tower has no gradients.
    pub(super) fn update(
        &mut self,
        weights: &Weights,
        gradients: &Gradients,
        pictures: bool,
        learning_rate: f64,
    ) -> Result<Update> {
        gradients.check_coverage(weights, pictures)?;
        let norm = gradients.norm()?;
        let applied = norm.is_finite() && norm <= self.skip_grad_norm;
        if applied {
            let scale = (self.max_grad_norm / (norm + 1e-6)).min(1.0);
            self.optimizer
                .step(weights, gradients, scale, learning_rate)?;
        }
        Ok(Update {
            grad_norm: if norm.is_finite() { norm } else { -1.0 },
            skipped: !applied,
        })
    }

    /// Writes the optimiser's state.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        self.optimizer.save(path)
    }

    /// Goes on with another state of the optimiser.
    pub(super) fn restore(&mut self, optimizer: AdamW) {
        self.optimizer = optimizer;
    }
}

/// `Σ weights · x`, whose gradient is `weights`.
pub(super) fn weighted_sum(x: &Tensor, weights: &[f64]) -> Result<Tensor> {
    let weights: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
    let weights = Tensor::from_vec(weights, x.shape(), x.device())?.to_dtype(x.dtype())?;
    Ok((x * weights)?.sum_all()?)
}
