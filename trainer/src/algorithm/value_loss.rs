//! What a critic learns.

use std::collections::BTreeMap;

use crate::{Error, Result};

use super::aggregate::{LossAggMode, Totals};
use super::names::check_len;
use super::rows::Rows;

/// A micro-batch of values: arrays with one number per token; numbers of tokens that are not
/// trained are never read.
#[derive(Clone, Copy, Debug)]
pub struct ValueInput<'a> {
    /// The rows and which of their tokens are trained.
    pub rows: &'a Rows,
    /// Values under the weights being trained.
    pub values: &'a [f64],
    /// Values under the weights at the start of the step.
    pub old_values: &'a [f64],
    /// Returns, as [`advantage`](super::advantage) gives them.
    pub returns: &'a [f64],
}

/// Settings of [`value_loss`], by the names of the `critic` section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueLossConfig {
    /// How far a value may move from that at the start of the step; infinity for no clip.
    pub cliprange_value: f64,
    /// How tokens become one number: `token-mean` (`RLLaVA`'s `token`) or `seq-mean-token-mean`
    /// (its `seq`), or any other.
    pub loss_agg_mode: LossAggMode,
}

impl Default for ValueLossConfig {
    fn default() -> Self {
        Self {
            cliprange_value: 0.5,
            loss_agg_mode: LossAggMode::TokenMean,
        }
    }
}

/// A micro-batch's share of the mini-batch's value loss.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueOutput {
    /// The loss.
    pub loss: f64,
    /// Derivative of the loss with respect to each value; 0 where nothing is trained.
    pub d_values: Vec<f64>,
    /// `critic/vf_loss`, `critic/vf_clipfrac` (share of tokens) and `critic/vpred_mean`, divided
    /// by the totals already: add them up over micro-batches.
    pub metrics: BTreeMap<String, f64>,
}

/// `½ max((v − return)², (clip(v, old ± cliprange) − return)²)` (the value clip of PPO's reference
/// implementation, `OpenAI` Baselines), as the share of the mini-batch that `totals` counts.
///
/// # Errors
/// If lengths disagree, the range is not a number of at least 0, or the counts of the mini-batch
/// are below those of its part.
pub fn value_loss(
    input: &ValueInput,
    totals: &Totals,
    config: &ValueLossConfig,
) -> Result<ValueOutput> {
    let rows = input.rows;
    for (what, array) in [
        ("values", input.values),
        ("old_values", input.old_values),
        ("returns", input.returns),
    ] {
        check_len(what, array.len(), rows.tokens(), "tokens")?;
    }
    let range = config.cliprange_value;
    if range.is_nan() || range < 0.0 {
        return Err(Error::Config(format!(
            "`cliprange_value` must be at least 0, and is {range}"
        )));
    }
    let own = Totals::of(rows, totals.norm_length);
    if !own.within(totals) {
        return Err(Error::Config(format!(
            "a micro-batch is more than its mini-batch: {own:?} against {totals:?}"
        )));
    }
    let per_token = 1.0 / totals.tokens.max(1) as f64;
    let mut d_values = vec![0.0; rows.tokens()];
    let (mut loss, mut clipped, mut mean) = (0.0, 0.0, 0.0);
    for row in 0..rows.len() {
        let weight = config.loss_agg_mode.weight(rows.trained_len(row), totals);
        for token in rows.trained(row) {
            let (value, old) = (input.values[token], input.old_values[token]);
            let error = value - input.returns[token];
            // Not `clamp`, which panics where a critic has gone to NaN.
            let bounded = value.max(old - range).min(old + range);
            let bounded_error = bounded - input.returns[token];
            mean += per_token * value;
            if bounded_error.powi(2) > error.powi(2) {
                loss += weight * 0.5 * bounded_error.powi(2);
                clipped += per_token;
            } else {
                loss += weight * 0.5 * error.powi(2);
                d_values[token] = weight * error;
            }
        }
    }
    let metrics = [
        ("critic/vf_loss", loss),
        ("critic/vf_clipfrac", clipped),
        ("critic/vpred_mean", mean),
    ];
    Ok(ValueOutput {
        loss,
        d_values,
        metrics: metrics.map(|(name, v)| (name.to_owned(), v)).into(),
    })
}

/// Share of the returns' variance that the values explain, over the trained tokens:
/// `1 − Var(returns − values) / Var(returns)`. 1 is perfect, 0 no better than a constant; `None`
/// where the returns don't vary.
///
/// # Errors
/// If lengths disagree.
pub fn explained_variance(rows: &Rows, values: &[f64], returns: &[f64]) -> Result<Option<f64>> {
    check_len("values", values.len(), rows.tokens(), "tokens")?;
    check_len("returns", returns.len(), rows.tokens(), "tokens")?;
    let trained = || rows.mask().iter().enumerate().filter(|(_, m)| **m);
    let count = trained().count().max(1) as f64;
    // Mean of the squares, and the variance.
    let moments = |x: &dyn Fn(usize) -> f64| {
        let mean = trained().map(|(i, _)| x(i)).sum::<f64>() / count;
        let squares = trained().map(|(i, _)| x(i).powi(2)).sum::<f64>() / count;
        let variance = trained().map(|(i, _)| (x(i) - mean).powi(2)).sum::<f64>() / count;
        (squares, variance)
    };
    let (squares, total) = moments(&|i| returns[i]);
    let (_, left) = moments(&|i| returns[i] - values[i]);
    // Equal returns differ from their mean by rounding.
    Ok((total > 1e-24 * squares).then(|| 1.0 - left / total))
}
