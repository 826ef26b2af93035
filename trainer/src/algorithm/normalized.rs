//! Advantages from normalised rewards, the way of `AReaL` (Fu et al. 2025, arXiv:2505.24298).
//!
//! The score of a row is shaped, normalised among its group or the whole step, put on the row's
//! last trained token, spread over its tokens by generalised advantage estimation (without a
//! critic and at `gamma = lam = 1` every token gets the score), and the tokens are normalised.

use std::collections::BTreeMap;

use crate::{Error, Result};

use super::advantage::{AdvantageInput, Advantages, remaining, row_scores};
use super::names::check_len;
use super::rows::Rows;
use super::stats::masked_sum;

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormLevel {
    /// With the completions of the same prompt.
    Group,
    /// With the whole step.
    Batch,
}

/// `(x − mean) / (std + eps)`, each over a level of its own; the form of `AReaL`'s `reward_norm`
/// and `adv_norm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Where the mean is taken; `None` for no mean.
    pub mean_level: Option<NormLevel>,
    /// Whether the mean of a number leaves that number out. A lone number then has the mean 0.
    pub mean_leave1out: bool,
    /// Where the standard deviation (about those means) is taken; `None` for no division.
    pub std_level: Option<NormLevel>,
    /// Whether the deviation divides by n − 1; a lone number then has the deviation 1.
    pub std_unbiased: bool,
    /// Added to the deviation.
    pub eps: f64,
}

impl Default for Norm {
    fn default() -> Self {
        Self {
            mean_level: Some(NormLevel::Group),
            mean_leave1out: false,
            std_level: Some(NormLevel::Group),
            std_unbiased: true,
            eps: 1e-5,
        }
    }
}

impl Norm {
    /// Normalises `values` in place; `groups` has the group of each. All of them take part.
    pub fn apply(&self, values: &mut [f64], groups: &[u64]) {
        self.apply_to_tokens(values, &Rows::of_single_tokens(values.len()), groups);
    }

    /// Normalises the `values` of trained tokens in place, each token counting once; `groups` has
    /// the group of each row.
    fn apply_to_tokens(&self, values: &mut [f64], rows: &Rows, groups: &[u64]) {
        let mask = |row: usize| &rows.mask()[rows.range(row)];
        let means = self.mean_level.map(|level| {
            let sums = rows.map([&mut *values], |row, [values]| {
                masked_sum(values, mask(row), |x| x)
            });
            level.totals(&sums, rows, groups)
        });
        let mean = |row: usize| match &means {
            None => Mean::Same(0.0),
            Some(means) => Mean::new(means[row], self.mean_leave1out),
        };
        let divisors = self.std_level.map(|level| {
            let squares = rows.map([&mut *values], |row, [values]| {
                let mean = mean(row);
                masked_sum(values, mask(row), |x| (x - mean.of(x)).powi(2))
            });
            level.totals(&squares, rows, groups)
        });
        let divisor = |row: usize| match divisors.as_ref().map(|totals| totals[row]) {
            None => 1.0,
            Some(Total { sum, count }) => {
                let std = match (self.std_unbiased, count > 1.0) {
                    (true, true) => (sum / (count - 1.0)).sqrt(),
                    (true, false) => 1.0,
                    (false, _) => (sum / count).sqrt(),
                };
                std + self.eps
            }
        };
        rows.map([values], |row, [values]| {
            let (mean, divisor) = (mean(row), divisor(row));
            for (value, trained) in values.iter_mut().zip(mask(row)) {
                // Equal values differ from their mean by nothing, also where `eps` is 0.
                let normalized = if divisor > 0.0 {
                    (*value - mean.of(*value)) / divisor
                } else {
                    0.0
                };
                *value = if *trained { normalized } else { *value };
            }
        });
    }

    fn validate(&self, key: &str) -> Result<()> {
        if self.eps.is_finite() && self.eps >= 0.0 {
            Ok(())
        } else {
            Err(Error::Config(format!(
                "`{key}.eps` must be a number of at least 0, and is {}",
                self.eps
            )))
        }
    }
}

/// A sum over what is compared with each other, and how many numbers it has.
#[derive(Clone, Copy, Default)]
struct Total {
    sum: f64,
    count: f64,
}

/// The mean that a number is compared with.
#[derive(Clone, Copy)]
enum Mean {
    Same(f64),
    /// That of the others, from the sum of all and the number of others.
    OfOthers(f64, f64),
}

impl Mean {
    fn new(Total { sum, count }: Total, leave_one_out: bool) -> Self {
        match (leave_one_out, count > 1.0) {
            (true, true) => Self::OfOthers(sum, count - 1.0),
            (true, false) => Self::Same(0.0),
            (false, _) => Self::Same(sum / count),
        }
    }

    fn of(self, value: f64) -> f64 {
        match self {
            Self::Same(mean) => mean,
            Self::OfOthers(sum, others) => (sum - value) / others,
        }
    }
}

impl NormLevel {
    /// For each row, the total of the rows that it is compared with, from the sums of rows.
    fn totals(self, sums: &[f64], rows: &Rows, groups: &[u64]) -> Vec<Total> {
        let key = |row: usize| match self {
            Self::Group => groups[row],
            Self::Batch => 0,
        };
        let mut totals: BTreeMap<u64, Total> = BTreeMap::new();
        for (row, sum) in sums.iter().enumerate() {
            let total = totals.entry(key(row)).or_default();
            total.sum += sum;
            total.count += rows.trained_len(row) as f64;
        }
        (0..rows.len()).map(|row| totals[&key(row)]).collect()
    }
}

/// Settings of [`normalized_advantage`], by `AReaL`'s names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalizedConfig {
    /// Factor of a score, after the bias.
    pub reward_scaling: f64,
    /// Added to a score.
    pub reward_bias: f64,
    /// Bound of a shaped score either way; infinity for no bound.
    pub reward_clip: f64,
    /// Normalisation of the shaped scores, one per row.
    pub reward_norm: Option<Norm>,
    /// Discount per token.
    pub gamma: f64,
    /// Decay of the advantage estimation.
    pub lam: f64,
    /// Normalisation of the advantages, one per trained token: a long row counts more than a short
    /// one.
    pub adv_norm: Option<Norm>,
}

impl NormalizedConfig {
    /// Whether scores or advantages are set against those of the same prompt.
    pub fn compares_groups(&self) -> bool {
        let norms = [self.reward_norm, self.adv_norm];
        let mut means = norms.into_iter().flatten().map(|norm| norm.mean_level);
        means.any(|level| level == Some(NormLevel::Group))
    }
}

impl Default for NormalizedConfig {
    fn default() -> Self {
        Self {
            reward_scaling: 1.0,
            reward_bias: 0.0,
            reward_clip: 20.0,
            reward_norm: Some(Norm::default()),
            gamma: 1.0,
            lam: 1.0,
            adv_norm: Some(Norm {
                mean_level: Some(NormLevel::Batch),
                std_level: Some(NormLevel::Batch),
                ..Norm::default()
            }),
        }
    }
}

impl NormalizedConfig {
    /// A score as it enters the normalisation: `(score + bias) · scaling`, bounded.
    pub fn shape(&self, score: f64) -> f64 {
        ((score + self.reward_bias) * self.reward_scaling)
            .clamp(-self.reward_clip, self.reward_clip)
    }

    /// Checks the ranges of the settings; [`normalized_advantage`] does it too.
    ///
    /// # Errors
    /// Names the key that is out of range.
    pub fn validate(&self) -> Result<()> {
        let numbers = [
            ("reward_scaling", self.reward_scaling.is_finite()),
            ("reward_bias", self.reward_bias.is_finite()),
            ("reward_clip", self.reward_clip > 0.0),
            ("gamma", (0.0..=1.0).contains(&self.gamma)),
            ("lam", (0.0..=1.0).contains(&self.lam)),
        ];
        if let Some((key, _)) = numbers.iter().find(|(_, fine)| !fine) {
            return Err(Error::Config(format!(
                "`{key}` is out of range: factors must be finite, `reward_clip` above 0, `gamma` \
                 and `lam` from 0 to 1"
            )));
        }
        for (key, norm) in [
            ("reward_norm", &self.reward_norm),
            ("adv_norm", &self.adv_norm),
        ] {
            if let Some(norm) = norm {
                norm.validate(key)?;
            }
        }
        Ok(())
    }
}

/// Advantages and returns of a step's tokens, from normalised rewards. The baselines of `input`
/// are not used; without values, those of all tokens are 0.
///
/// Rows leave the step as they do in [`advantage`](super::advantage), before any statistic.
///
/// # Errors
/// If lengths disagree, a kept reward is not finite, or a setting is out of range.
pub fn normalized_advantage(
    input: &AdvantageInput,
    config: &NormalizedConfig,
) -> Result<Advantages> {
    with_penalties(input, None, config)
}

/// [`normalized_advantage`] with rewards of tokens beside the scores, such as a divergence: they come
/// on top of the normalised scores, token by token.
pub(super) fn with_penalties(
    input: &AdvantageInput,
    penalties: Option<&[f64]>,
    config: &NormalizedConfig,
) -> Result<Advantages> {
    config.validate()?;
    if let Some(penalties) = penalties {
        check_len("penalties", penalties.len(), input.rows.tokens(), "tokens")?;
    }
    let scores = row_scores(input)?;
    let (groups, mut out) = remaining(input)?;
    let mut order: Vec<usize> = groups.values().flatten().copied().collect();
    order.sort_unstable();
    let mut scores: Vec<f64> = order.iter().map(|&row| config.shape(scores[row])).collect();
    if let Some(norm) = &config.reward_norm {
        let groups: Vec<u64> = order.iter().map(|&row| input.groups[row]).collect();
        norm.apply(&mut scores, &groups);
    }
    let mut of_row = vec![0.0; out.rows.len()];
    for (&row, score) in order.iter().zip(scores) {
        of_row[row] = score;
    }
    let rows = &out.rows;
    let (mut advantages, returns) = match (input.values, penalties) {
        // Every token has the score.
        (None, None) if config.gamma * config.lam >= 1.0 => {
            (rows.spread(&of_row), rows.spread(&of_row))
        }
        (values, penalties) => estimated(values, &of_row, penalties, rows, config),
    };
    if let Some(norm) = &config.adv_norm {
        norm.apply_to_tokens(&mut advantages, rows, input.groups);
    }
    (out.advantages, out.returns) = (advantages, returns);
    Ok(out)
}

/// Generalised advantage estimation of `scores` that lie on the last trained token of each row, and
/// of the penalties of tokens.
fn estimated(
    values: Option<&[f64]>,
    scores: &[f64],
    penalties: Option<&[f64]>,
    rows: &Rows,
    config: &NormalizedConfig,
) -> (Vec<f64>, Vec<f64>) {
    let mut advantages = vec![0.0; rows.tokens()];
    let mut returns = vec![0.0; rows.tokens()];
    let arrays: [&mut [f64]; 2] = [&mut advantages, &mut returns];
    rows.map(arrays, |row, [advantages, returns]| {
        let start = rows.range(row).start;
        let (mut next_value, mut carry, mut reward) = (0.0, 0.0, scores[row]);
        for token in rows.trained(row).rev() {
            let value = values.map_or(0.0, |values| values[token]);
            reward += penalties.map_or(0.0, |penalties| penalties[token]);
            carry = reward + config.gamma * next_value - value + config.gamma * config.lam * carry;
            advantages[token - start] = carry;
            returns[token - start] = carry + value;
            (next_value, reward) = (value, 0.0);
        }
    });
    (advantages, returns)
}
