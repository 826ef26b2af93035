//! Dropping prompts that are too long, with a report.

use std::fmt;

use crate::{Error, Result};

/// What [`filter_overlong`] kept and dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterReport {
    /// Indices of the rows that stay, in their order.
    pub kept: Vec<usize>,
    /// Rows that were dropped.
    pub dropped: usize,
    /// Tokens of the longest prompt, dropped or not.
    pub longest: usize,
    /// The limit, `data.max_prompt_length`.
    pub limit: usize,
}

impl fmt::Display for FilterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "dropped {} of {} prompts longer than data.max_prompt_length = {} tokens (the longest \
             has {})",
            self.dropped,
            self.dropped + self.kept.len(),
            self.limit,
            self.longest
        )
    }
}

/// Drops the rows whose prompt has more than `limit` tokens; `lengths` has one entry a row.
///
/// # Errors
/// [`Error::Config`] if none is left.
pub fn filter_overlong(lengths: &[usize], limit: usize) -> Result<FilterReport> {
    let kept: Vec<usize> = (0..lengths.len())
        .filter(|&row| lengths[row] <= limit)
        .collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    if kept.is_empty() {
        let shortest = lengths.iter().copied().min().unwrap_or(0);
        return Err(Error::Config(format!(
            "all {} prompts are longer than data.max_prompt_length = {limit} tokens: the shortest \
             has {shortest}; raise it or lower data.max_pixels",
            lengths.len()
        )));
    }
    Ok(FilterReport {
        dropped: lengths.len() - kept.len(),
        kept,
        longest,
        limit,
    })
}
