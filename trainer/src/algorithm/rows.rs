//! Ragged rows of tokens.

use std::ops::Range;

use rayon::prelude::*;

use crate::{Error, Result};

use super::names::check_len;
use super::stats::masked_sum;

/// Below this many tokens, work is done before another thread has woken up.
const TOKENS_FOR_THREADS: usize = 16_384;

/// Ragged rows: one row per completion, one mask entry per token.
///
/// Row `i` is the tokens `offsets[i]..offsets[i + 1]` of every per-token array. The mask says
/// which tokens are trained: those that the policy sampled. It may have holes (observations of a
/// multi-turn episode) and a row may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    offsets: Vec<usize>,
    mask: Vec<bool>,
    /// Number of trained tokens of each row.
    trained: Vec<usize>,
}

impl Rows {
    /// Rows between consecutive `offsets` (rows + 1 of them, from 0 to the number of tokens).
    ///
    /// # Errors
    /// If the offsets don't start at 0, decrease, or don't end at the length of `mask`.
    pub fn new(offsets: Vec<usize>, mask: Vec<bool>) -> Result<Self> {
        let ordered = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        if offsets.first() != Some(&0) || offsets.last() != Some(&mask.len()) || !ordered {
            return Err(Error::Config(format!(
                "row offsets must rise from 0 to the {} tokens of the mask, and are {offsets:?}",
                mask.len()
            )));
        }
        let count = |pair: &[usize]| mask[pair[0]..pair[1]].iter().filter(|m| **m).count();
        let trained = offsets.windows(2).map(count).collect();
        Ok(Self {
            offsets,
            mask,
            trained,
        })
    }

    /// Rows of one trained token each.
    pub(super) fn of_single_tokens(count: usize) -> Self {
        Self {
            offsets: (0..=count).collect(),
            mask: vec![true; count],
            trained: vec![1; count],
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of tokens, trained or not.
    pub fn tokens(&self) -> usize {
        self.mask.len()
    }

    /// The boundaries of the rows: row `i` is tokens `offsets[i]..offsets[i + 1]`.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Which tokens are trained.
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// The tokens of row `row`, as a range into per-token arrays.
    pub fn range(&self, row: usize) -> Range<usize> {
        self.offsets[row]..self.offsets[row + 1]
    }

    /// The trained tokens of row `row`, as indices into per-token arrays.
    pub fn trained(&self, row: usize) -> impl DoubleEndedIterator<Item = usize> + Clone {
        self.range(row).filter(|&token| self.mask[token])
    }

    /// Number of trained tokens of row `row`.
    pub fn trained_len(&self, row: usize) -> usize {
        self.trained[row]
    }

    /// The same rows with nothing trained in those that `kept` (one entry per row) leaves out.
    pub fn keep(&self, kept: &[bool]) -> Result<Self> {
        check_len("kept", kept.len(), self.len(), "rows")?;
        let mut rows = self.clone();
        for (row, _) in kept.iter().enumerate().filter(|(_, kept)| !**kept) {
            rows.mask[self.range(row)].fill(false);
            rows.trained[row] = 0;
        }
        Ok(rows)
    }

    /// One number per token: that of its row in `values` where it is trained, else 0.
    pub(super) fn spread(&self, values: &[f64]) -> Vec<f64> {
        let mut tokens = Vec::with_capacity(self.tokens());
        for (row, &value) in values.iter().enumerate() {
            let mask = &self.mask[self.range(row)];
            if self.trained[row] == mask.len() {
                tokens.resize(tokens.len() + mask.len(), value);
            } else {
                tokens.extend(
                    mask.iter()
                        .map(|trained| if *trained { value } else { 0.0 }),
                );
            }
        }
        tokens
    }

    /// `Σ of(x)` over the `values` of trained tokens.
    pub(super) fn sum(&self, values: &[f64], of: impl Fn(f64) -> f64 + Sync) -> f64 {
        let of_rows = self.map([], |row, []| {
            let range = self.range(row);
            masked_sum(&values[range.clone()], &self.mask[range], &of)
        });
        of_rows.into_iter().sum()
    }

    /// Calls `work` with the number of each row and the row's part of each of `arrays`, which have
    /// one entry per token. Rows are shared among threads; the results are in the order of rows,
    /// so what is made of them doesn't depend on the number of threads.
    pub(super) fn map<const N: usize, T: Send>(
        &self,
        mut arrays: [&mut [f64]; N],
        work: impl Fn(usize, [&mut [f64]; N]) -> T + Sync,
    ) -> Vec<T> {
        let mut parts = |row: usize| {
            let tokens = self.range(row).len();
            arrays.each_mut().map(|array| {
                let (part, rest) = std::mem::take(array).split_at_mut(tokens);
                *array = rest;
                part
            })
        };
        let parts: Vec<_> = (0..self.len()).map(|row| (row, parts(row))).collect();
        if self.tokens() < TOKENS_FOR_THREADS {
            parts
                .into_iter()
                .map(|(row, parts)| work(row, parts))
                .collect()
        } else {
            let parts = parts.into_par_iter();
            parts.map(|(row, parts)| work(row, parts)).collect()
        }
    }
}
