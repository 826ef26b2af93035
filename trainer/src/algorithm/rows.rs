//! Ragged rows of tokens.

use std::ops::Range;

use crate::{Error, Result};

use super::names::check_len;

/// Ragged rows: one row per completion, one mask entry per token.
///
/// Row `i` is the tokens `offsets[i]..offsets[i + 1]` of every per-token array. The mask says
/// which tokens are trained: those that the policy sampled. It may have holes (observations of a
/// multi-turn episode) and a row may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    offsets: Vec<usize>,
    mask: Vec<bool>,
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
        Ok(Self { offsets, mask })
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
        self.trained(row).count()
    }

    /// The same rows with nothing trained in those that `kept` (one entry per row) leaves out.
    pub fn keep(&self, kept: &[bool]) -> Result<Self> {
        check_len("kept", kept.len(), self.len(), "rows")?;
        let mut mask = self.mask.clone();
        for (row, _) in kept.iter().enumerate().filter(|(_, kept)| !**kept) {
            mask[self.range(row)].fill(false);
        }
        Ok(Self {
            offsets: self.offsets.clone(),
            mask,
        })
    }
}
