//! From one loss per token to one loss per mini-batch.

use std::str::FromStr;

use crate::{Error, Result};

use super::names::{check_len, lookup};
use super::rows::Rows;

/// How the losses of tokens become one number (`actor.loss_agg_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LossAggMode {
    /// Mean over all trained tokens (DAPO).
    #[default]
    TokenMean,
    /// Sum over a row's tokens, mean over rows.
    SeqMeanTokenSum,
    /// Mean over a row's tokens, mean over rows (GRPO as published).
    SeqMeanTokenMean,
    /// Sum over all tokens divided by a constant, the longest possible response (Dr. GRPO).
    SeqMeanTokenSumNorm,
}

const MODES: &[(&str, LossAggMode)] = &[
    ("token-mean", LossAggMode::TokenMean),
    ("seq-mean-token-sum", LossAggMode::SeqMeanTokenSum),
    ("seq-mean-token-mean", LossAggMode::SeqMeanTokenMean),
    ("seq-mean-token-sum-norm", LossAggMode::SeqMeanTokenSumNorm),
];

impl FromStr for LossAggMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        lookup("loss_agg_mode", MODES, name)
    }
}

/// Counts of the whole mini-batch that a micro-batch belongs to.
///
/// They come from masks alone, before any forward pass. Dividing by them, and not by a
/// micro-batch's own counts, is what makes the losses of micro-batches add up exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Trained tokens.
    pub tokens: usize,
    /// Rows with at least one trained token: rows left out by a failure don't thin the mean.
    pub rows: usize,
    /// Trained tokens that a target wrote (*prefix* tokens), for the losses that mix them in.
    pub prefix_tokens: usize,
    /// Rows with at least one of those.
    pub prefix_rows: usize,
    /// Trained tokens of such rows, of the prefix or not.
    pub prefix_row_tokens: usize,
    /// The longest possible response in tokens (`data.max_response_length`), the divisor of
    /// [`LossAggMode::SeqMeanTokenSumNorm`].
    pub norm_length: usize,
}

impl Totals {
    /// The counts of `rows`, taken as a whole mini-batch.
    pub fn of(rows: &Rows, norm_length: usize) -> Self {
        let trained = || (0..rows.len()).map(|row| rows.trained_len(row));
        Self {
            tokens: trained().sum(),
            rows: trained().filter(|trained| *trained > 0).count(),
            prefix_tokens: 0,
            prefix_rows: 0,
            prefix_row_tokens: 0,
            norm_length,
        }
    }

    /// The counts of `rows` where a target wrote the tokens of `prefix_mask`.
    ///
    /// # Errors
    /// If there is not one entry of `prefix_mask` per token.
    pub fn mixed(rows: &Rows, prefix_mask: &[bool], norm_length: usize) -> Result<Self> {
        check_len("prefix_mask", prefix_mask.len(), rows.tokens(), "tokens")?;
        let mut totals = Self::of(rows, norm_length);
        for row in 0..rows.len() {
            let prefix = rows
                .trained(row)
                .filter(|&token| prefix_mask[token])
                .count();
            if prefix > 0 {
                totals.prefix_tokens += prefix;
                totals.prefix_rows += 1;
                totals.prefix_row_tokens += rows.trained_len(row);
            }
        }
        Ok(totals)
    }

    /// Whether none of the counts is above that of `other`.
    pub(super) fn within(&self, other: &Self) -> bool {
        self.tokens <= other.tokens
            && self.rows <= other.rows
            && self.prefix_tokens <= other.prefix_tokens
            && self.prefix_rows <= other.prefix_rows
            && self.prefix_row_tokens <= other.prefix_row_tokens
    }
}

impl LossAggMode {
    /// The factor of each trained token of a row with `trained` of them; 0 for an empty row.
    pub(super) fn weight(self, trained: usize, totals: &Totals) -> f64 {
        if trained == 0 {
            return 0.0;
        }
        let rows = totals.rows.max(1) as f64;
        match self {
            Self::TokenMean => 1.0 / totals.tokens.max(1) as f64,
            Self::SeqMeanTokenSum => 1.0 / rows,
            Self::SeqMeanTokenMean => 1.0 / (rows * trained as f64),
            Self::SeqMeanTokenSumNorm => 1.0 / totals.norm_length.max(1) as f64,
        }
    }
}

/// This micro-batch's share of the mini-batch's aggregate of `values` (one per token).
pub fn aggregate(values: &[f64], rows: &Rows, totals: &Totals, mode: LossAggMode) -> Result<f64> {
    check_len("values", values.len(), rows.tokens(), "tokens")?;
    Ok((0..rows.len())
        .map(|row| {
            let sum: f64 = rows.trained(row).map(|token| values[token]).sum();
            mode.weight(rows.trained_len(row), totals) * sum
        })
        .sum())
}
