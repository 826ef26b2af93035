//! Which groups are worth a step.

use std::collections::BTreeMap;

use crate::Result;

use super::names::check_len;

/// Which rows stay when groups are kept whose mean score lies strictly between `low` and `high`
/// (dynamic sampling, DAPO, arXiv:2503.14476, section 3.2): where all completions are right or all
/// wrong there is nothing to learn.
///
/// # Errors
/// If `scores` and `groups` differ in length.
pub fn keep_groups(scores: &[f64], groups: &[u64], low: f64, high: f64) -> Result<Vec<bool>> {
    check_len("groups", groups.len(), scores.len(), "scores")?;
    let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (score, group) in scores.iter().zip(groups) {
        let (sum, count) = sums.entry(*group).or_default();
        *sum += score;
        *count += 1.0;
    }
    let stays = |group: &u64| {
        let (sum, count) = sums[group];
        let mean = sum / count;
        low < mean && mean < high
    };
    Ok(groups.iter().map(stays).collect())
}
