//! Advantages from normalised rewards, the way of `AReaL` (Fu et al. 2025, arXiv:2505.24298).
//!
//! The score of a row is shaped, normalised among its group or the whole step, put on the row's
//! last trained token, spread over its tokens by generalised advantage estimation (without a
//! critic and at `gamma = lam = 1` every token gets the score), and the tokens are normalised.

use std::collections::BTreeMap;

use crate::{Error, Result};

use super::advantage::{AdvantageInput, Advantages, check, remaining, row_score};
use super::rows::Rows;

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
        let means = self.means(values, groups);
        let Some(level) = self.std_level else {
            for (value, mean) in values.iter_mut().zip(means) {
                *value -= mean;
            }
            return;
        };
        let mut squares: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for ((value, mean), group) in values.iter().zip(&means).zip(groups) {
            let (sum, count) = squares.entry(level.key(*group)).or_default();
            *sum += (value - mean).powi(2);
            *count += 1.0;
        }
        for ((value, mean), group) in values.iter_mut().zip(means).zip(groups) {
            let (sum, count) = squares[&level.key(*group)];
            let std = match (self.std_unbiased, count > 1.0) {
                (true, true) => (sum / (count - 1.0)).sqrt(),
                (true, false) => 1.0,
                (false, _) => (sum / count).sqrt(),
            };
            let divisor = std + self.eps;
            let centred = *value - mean;
            // Equal values differ from their mean by nothing, also where `eps` is 0.
            *value = if divisor > 0.0 {
                centred / divisor
            } else {
                0.0
            };
        }
    }

    fn means(&self, values: &[f64], groups: &[u64]) -> Vec<f64> {
        let Some(level) = self.mean_level else {
            return vec![0.0; values.len()];
        };
        let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for (value, group) in values.iter().zip(groups) {
            let (sum, count) = sums.entry(level.key(*group)).or_default();
            *sum += value;
            *count += 1.0;
        }
        let mean = |(value, group): (&f64, &u64)| {
            let (sum, count) = sums[&level.key(*group)];
            match (self.mean_leave1out, count > 1.0) {
                (true, true) => (sum - value) / (count - 1.0),
                (true, false) => 0.0,
                (false, _) => sum / count,
            }
        };
        values.iter().zip(groups).map(mean).collect()
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

impl NormLevel {
    /// Equal for what is compared.
    fn key(self, group: u64) -> u64 {
        match self {
            Self::Group => group,
            Self::Batch => 0,
        }
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
    config.validate()?;
    check(input)?;
    let (rows, groups, mut out) = remaining(input)?;
    let mut order: Vec<usize> = groups.values().flatten().copied().collect();
    order.sort_unstable();
    let mut scores: Vec<f64> = order
        .iter()
        .map(|&row| config.shape(row_score(input, row)))
        .collect();
    if let Some(norm) = &config.reward_norm {
        let groups: Vec<u64> = order.iter().map(|&row| input.groups[row]).collect();
        norm.apply(&mut scores, &groups);
    }
    out.advantages = vec![0.0; rows.tokens()];
    out.returns = vec![0.0; rows.tokens()];
    for (&row, score) in order.iter().zip(scores) {
        let (mut next_value, mut carry, mut reward) = (0.0, 0.0, score);
        for token in rows.trained(row).rev() {
            let value = input.values.map_or(0.0, |values| values[token]);
            carry = reward + config.gamma * next_value - value + config.gamma * config.lam * carry;
            out.advantages[token] = carry;
            out.returns[token] = carry + value;
            (next_value, reward) = (value, 0.0);
        }
    }
    if let Some(norm) = &config.adv_norm {
        normalize_tokens(&mut out.advantages, &rows, input.groups, norm);
    }
    out.rows = rows;
    Ok(out)
}

/// Normalises the numbers of trained tokens, each token counting once.
fn normalize_tokens(values: &mut [f64], rows: &Rows, groups: &[u64], norm: &Norm) {
    let trained: Vec<(usize, u64)> = (0..rows.len())
        .flat_map(|row| rows.trained(row).map(move |token| (token, groups[row])))
        .collect();
    let groups: Vec<u64> = trained.iter().map(|(_, group)| *group).collect();
    let mut chosen: Vec<f64> = trained.iter().map(|(token, _)| values[*token]).collect();
    norm.apply(&mut chosen, &groups);
    for ((token, _), value) in trained.iter().zip(chosen) {
        values[*token] = value;
    }
}
