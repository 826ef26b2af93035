//! The completions of a step: as rows of arithmetic and as packed rows of a forward pass.

use crate::algorithm::Rows;
use crate::model::{Model, ModelConfig, PackedBatch, PackedGroup};
use crate::processor::PreparedPrompt;
use crate::{Error, Result};
use std::ops::Range;

/// Prompts with their completions. Row `r` of the arithmetic is the `r`-th completion, group by
/// group.
pub(super) struct Batch<'a> {
    groups: Vec<(&'a PreparedPrompt, Vec<&'a [u32]>)>,
    /// Group of each row.
    group_of: Vec<usize>,
    rows: Rows,
}

/// Log-probabilities and entropies, one number per token.
#[derive(Clone)]
pub(super) struct TokenValues {
    pub(super) logp: Vec<f64>,
    pub(super) entropy: Vec<f64>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(groups: Vec<(&'a PreparedPrompt, Vec<&'a [u32]>)>) -> Result<Self> {
        let mut offsets = vec![0];
        let mut group_of = Vec::new();
        let mut tokens = 0;
        for (group, (_, completions)) in groups.iter().enumerate() {
            for completion in completions {
                tokens += completion.len();
                offsets.push(tokens);
                group_of.push(group);
            }
        }
        let rows = Rows::new(offsets, vec![true; tokens])?;
        Ok(Self {
            groups,
            group_of,
            rows,
        })
    }

    /// All completions, every token trained.
    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Rows of the groups in `range`.
    pub(super) fn rows_of_groups(&self, range: Range<usize>) -> Vec<usize> {
        (0..self.rows.len())
            .filter(|row| range.contains(&self.group_of[*row]))
            .collect()
    }

    pub(super) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The chosen rows' part of an array with one number per token.
    pub(super) fn gather<T: Copy>(&self, values: &[T], chosen: &[usize]) -> Vec<T> {
        let parts = chosen.iter().map(|row| &values[self.rows.range(*row)]);
        parts.flatten().copied().collect()
    }

    /// The chosen rows of an array with one number per token of the rows `of` (in order).
    pub(super) fn gather_from(&self, values: &[f64], of: &[usize], chosen: &[usize]) -> Vec<f64> {
        let mut all = vec![0.0; self.rows.tokens()];
        self.scatter(&mut all, of, values);
        self.gather(&all, chosen)
    }

    /// Writes what [`Self::gather`] would take.
    pub(super) fn scatter(&self, values: &mut [f64], chosen: &[usize], part: &[f64]) {
        let mut at = 0;
        for row in chosen {
            let range = self.rows.range(*row);
            let len = range.len();
            values[range].copy_from_slice(&part[at..at + len]);
            at += len;
        }
    }

    /// Cuts rows (in order) into forward passes of at most `budget` packed rows each, where single
    /// completions allow it.
    pub(super) fn micro_batches(&self, chosen: &[usize], budget: usize) -> Vec<Vec<usize>> {
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let (mut used, mut last_group) = (0, None);
        for row in chosen {
            let group = self.group_of[*row];
            let own = self.rows.range(*row).len();
            let prompt = self.groups[group].0.token_ids.len();
            let cost = if last_group == Some(group) {
                own
            } else {
                own + prompt
            };
            match batches.last_mut() {
                Some(batch) if used + cost <= budget => {
                    batch.push(*row);
                    used += cost;
                }
                _ => {
                    batches.push(vec![*row]);
                    used = own + prompt;
                }
            }
            last_group = Some(group);
        }
        batches
    }

    /// The chosen rows (in order), packed with their prompts once a group.
    pub(super) fn pack(&self, config: &ModelConfig, chosen: &[usize]) -> Result<PackedBatch> {
        let mut groups: Vec<PackedGroup<'_>> = Vec::new();
        let mut last_group = None;
        for row in chosen {
            let group = self.group_of[*row];
            let first = self.group_of.partition_point(|g| *g < group);
            let (prompt, completions) = &self.groups[group];
            if last_group != Some(group) {
                groups.push(PackedGroup {
                    prompt,
                    completions: Vec::new(),
                });
                last_group = Some(group);
            }
            if let Some(packed) = groups.last_mut() {
                packed.completions.push(completions[*row - first]);
            }
        }
        PackedBatch::new(config, &groups)
    }

    /// Log-probabilities and entropies of the chosen rows without gradients; 0 elsewhere.
    pub(super) fn evaluate(
        &self,
        model: &Model,
        chosen: &[usize],
        temperature: f64,
        budget: usize,
    ) -> Result<TokenValues> {
        let zeros = || vec![0.0; self.rows.tokens()];
        let mut all = TokenValues {
            logp: zeros(),
            entropy: zeros(),
        };
        for rows in self.micro_batches(chosen, budget) {
            let out = model.evaluate(&self.pack(model.config(), &rows)?, temperature)?;
            self.scatter(&mut all.logp, &rows, &host_values(&out.logp)?);
            self.scatter(&mut all.entropy, &rows, &host_values(&out.entropy)?);
        }
        Ok(all)
    }
}

/// The rows of which something is trained.
pub(super) fn trained_rows(rows: &Rows) -> Vec<usize> {
    (0..rows.len())
        .filter(|row| rows.trained_len(*row) > 0)
        .collect()
}

/// The chosen rows as arithmetic of their own, with the trained tokens of `rows`.
pub(super) fn select(rows: &Rows, chosen: &[usize]) -> Result<Rows> {
    let mut offsets = vec![0];
    let mut mask = Vec::new();
    for row in chosen {
        mask.extend_from_slice(&rows.mask()[rows.range(*row)]);
        offsets.push(mask.len());
    }
    Rows::new(offsets, mask)
}

/// A vector of a device as `f64` in host memory.
pub(super) fn host_values(x: &candle_core::Tensor) -> Result<Vec<f64>> {
    x.to_dtype(candle_core::DType::F64)
        .and_then(|x| x.to_vec1())
        .map_err(Error::from)
}
