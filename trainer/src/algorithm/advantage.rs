//! Advantage estimators.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::{Error, Result};

use super::names::{check_len, lookup};
use super::rows::Rows;
use super::stats::{group_moments, masked_whiten};

/// Added to a group's standard deviation, so that equal scores give 0 and not NaN.
const STD_EPS: f64 = 1e-6;

/// How rewards become advantages (`algorithm.adv_estimator`). Below, `s` is a row's score (the
/// sum of its tokens' rewards) and a group is the completions of one prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Estimator {
    /// `(s − mean) / (std + 1e-6)` within the group (Shao et al. 2024, arXiv:2402.03300), without
    /// the division where [`AdvantageConfig::norm_adv_by_std_in_grpo`] is off (Liu et al. 2025,
    /// Dr. GRPO, arXiv:2503.20783).
    #[default]
    Grpo,
    /// Only the best row of a group gets an advantage: its lead over the second (Tang et al.
    /// 2025, arXiv:2503.19595). Needs groups of 2 or more.
    GrpoPassk,
    /// `s` minus the mean of the other rows (Ahmadian et al. 2024, arXiv:2402.14740).
    Rloo,
    /// `s` minus the length-weighted mean (Hao et al. 2025, arXiv:2505.23585).
    Opo,
    /// `α (s − mean)` with `α` = rows / rows of non-zero score, over the whole step (Chu et al.
    /// 2025, arXiv:2504.02546).
    Gpg,
    /// Discounted returns of tokens, whitened over the step (Hu 2025, arXiv:2501.03262).
    ReinforcePlusPlus,
    /// `s − mean` of the group on every token, whitened over the step (the same paper).
    ReinforcePlusPlusBaseline,
    /// Return minus the score of a greedy completion (Li et al. 2023, arXiv:2310.10505).
    Remax,
    /// Generalised advantage estimation with a critic (Schulman et al. 2015, arXiv:1506.02438),
    /// over trained tokens only, whitened over the step.
    Gae,
}

const ESTIMATORS: &[(&str, Estimator)] = &[
    ("grpo", Estimator::Grpo),
    ("grpo_passk", Estimator::GrpoPassk),
    ("rloo", Estimator::Rloo),
    ("opo", Estimator::Opo),
    ("gpg", Estimator::Gpg),
    ("reinforce_plus_plus", Estimator::ReinforcePlusPlus),
    (
        "reinforce_plus_plus_baseline",
        Estimator::ReinforcePlusPlusBaseline,
    ),
    ("remax", Estimator::Remax),
    ("gae", Estimator::Gae),
];

/// The names that `algorithm.adv_estimator` may have.
pub fn known_estimators() -> Vec<&'static str> {
    ESTIMATORS.iter().map(|(name, _)| *name).collect()
}

impl FromStr for Estimator {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        lookup("advantage estimator", ESTIMATORS, name)
    }
}

/// Settings of [`advantage`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdvantageConfig {
    /// Which estimator.
    pub estimator: Estimator,
    /// Discount per token, of the estimators that work on tokens.
    pub gamma: f64,
    /// Decay of [`Estimator::Gae`].
    pub lam: f64,
    /// Whether `grpo` and `grpo_passk` divide by the group's standard deviation.
    pub norm_adv_by_std_in_grpo: bool,
}

impl Default for AdvantageConfig {
    fn default() -> Self {
        Self {
            estimator: Estimator::default(),
            gamma: 1.0,
            lam: 1.0,
            norm_adv_by_std_in_grpo: true,
        }
    }
}

/// What [`advantage`] works on: all rows of a step.
#[derive(Clone, Copy, Debug)]
pub struct AdvantageInput<'a> {
    /// Reward of each token ([`place_rewards`](super::place_rewards)).
    pub rewards: &'a [f64],
    /// The rows and which of their tokens are trained.
    pub rows: &'a Rows,
    /// Group of each row: equal numbers are completions of one prompt, in any order.
    pub groups: &'a [u64],
    /// Whether each row has a score. A row that was left out because its reward abstained or
    /// failed touches no statistic.
    pub kept: &'a [bool],
    /// The critic's value of each token; only for `gae`.
    pub values: Option<&'a [f64]>,
    /// Score of a greedy completion of each row's prompt; only for `remax`.
    pub baselines: Option<&'a [f64]>,
}

/// What [`advantage`] returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Advantages {
    /// Advantage of each token, 0 where nothing is trained.
    pub advantages: Vec<f64>,
    /// Return of each token (what a critic learns), 0 where nothing is trained.
    pub returns: Vec<f64>,
    /// The rows as the loss must see them: nothing is trained in rows that left the step.
    pub rows: Rows,
    /// Groups that left the step: they lost rows, and fewer than 2 remained.
    pub dropped_groups: usize,
    /// Rows that left the step, their own failures and those of dropped groups together.
    pub dropped_rows: usize,
}

/// Advantages and returns of a step's tokens.
///
/// Rows with `kept == false` leave the step. So does what remains of a group that lost rows and
/// has fewer than 2 left, since nothing remains to compare a lone row with. A group that had only
/// one row from the start stays: its estimator knows what to do with it.
///
/// # Errors
/// If lengths disagree, a kept reward is not finite, `gae` has no values or `remax` no baselines,
/// or `grpo_passk` meets a group of one.
pub fn advantage(input: &AdvantageInput, config: &AdvantageConfig) -> Result<Advantages> {
    check(input)?;
    let (rows, groups, mut out) = remaining(input)?;
    let step = Step {
        input,
        config,
        rows: &rows,
        groups: &groups,
    };
    (out.advantages, out.returns) = match config.estimator {
        Estimator::Grpo => step.by_group(|scores, _| {
            let (mean, std) = step.moments(scores);
            Ok(scores.iter().map(|s| (s - mean) / std).collect())
        })?,
        Estimator::GrpoPassk => step.by_group(|scores, members| step.passk(scores, members))?,
        Estimator::Rloo => step.by_group(|scores, _| {
            let count = scores.len() as f64;
            let sum: f64 = scores.iter().sum();
            Ok(match scores {
                [lone] => vec![*lone],
                _ => scores
                    .iter()
                    .map(|s| s - (sum - s) / (count - 1.0))
                    .collect(),
            })
        })?,
        Estimator::Opo => step.by_group(|scores, members| Ok(step.opo(scores, members)))?,
        Estimator::Gpg => {
            let alpha = step.gpg_alpha();
            step.by_group(|scores, _| {
                let (mean, _) = group_moments(scores);
                Ok(scores.iter().map(|s| alpha * (s - mean)).collect())
            })?
        }
        Estimator::ReinforcePlusPlus => {
            let returns = step.returns(config.gamma);
            (masked_whiten(&returns, rows.mask()), returns)
        }
        Estimator::ReinforcePlusPlusBaseline => {
            let (centred, _) = step.by_group(|scores, _| {
                let (mean, _) = group_moments(scores);
                Ok(scores.iter().map(|s| s - mean).collect())
            })?;
            let white = masked_whiten(&centred, rows.mask());
            (white.clone(), white)
        }
        Estimator::Remax => step.remax()?,
        Estimator::Gae => step.gae()?,
    };
    for (token, _) in rows.mask().iter().enumerate().filter(|(_, m)| !**m) {
        out.advantages[token] = 0.0;
        out.returns[token] = 0.0;
    }
    out.rows = rows;
    Ok(out)
}

pub(crate) fn check(input: &AdvantageInput) -> Result<()> {
    let rows = input.rows;
    check_len("rewards", input.rewards.len(), rows.tokens(), "tokens")?;
    check_len("groups", input.groups.len(), rows.len(), "rows")?;
    check_len("kept", input.kept.len(), rows.len(), "rows")?;
    if let Some(values) = input.values {
        check_len("values", values.len(), rows.tokens(), "tokens")?;
    }
    if let Some(baselines) = input.baselines {
        check_len("baselines", baselines.len(), rows.len(), "rows")?;
    }
    for row in (0..rows.len()).filter(|&row| input.kept[row]) {
        let mut rewards = input.rewards[rows.range(row)].iter();
        if let Some(bad) = rewards.find(|r| !r.is_finite()) {
            return Err(Error::Config(format!(
                "row {row} (group {}) has a reward of {bad}; leave the row out or give it a number",
                input.groups[row]
            )));
        }
    }
    Ok(())
}

pub(crate) type Groups = BTreeMap<u64, Vec<usize>>;

/// The rows and groups that stay in the step, and a result that counts those that don't.
pub(crate) fn remaining(input: &AdvantageInput) -> Result<(Rows, Groups, Advantages)> {
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    let mut groups = Groups::new();
    for (row, &group) in input.groups.iter().enumerate() {
        *sizes.entry(group).or_default() += 1;
        let members = groups.entry(group).or_default();
        if input.kept[row] {
            members.push(row);
        }
    }
    groups.retain(|group, members| members.len() >= 2 || members.len() == sizes[group]);
    let mut stays = vec![false; input.rows.len()];
    for &row in groups.values().flatten() {
        stays[row] = true;
    }
    let out = Advantages {
        advantages: Vec::new(),
        returns: Vec::new(),
        rows: input.rows.clone(),
        dropped_groups: sizes.len() - groups.len(),
        dropped_rows: stays.iter().filter(|stays| !**stays).count(),
    };
    Ok((input.rows.keep(&stays)?, groups, out))
}

/// The score of a row: the sum of its tokens' rewards.
pub(super) fn row_score(input: &AdvantageInput, row: usize) -> f64 {
    input.rewards[input.rows.range(row)].iter().sum()
}

/// A step without the rows that left it.
struct Step<'a> {
    input: &'a AdvantageInput<'a>,
    config: &'a AdvantageConfig,
    rows: &'a Rows,
    groups: &'a Groups,
}

impl Step<'_> {
    fn score(&self, row: usize) -> f64 {
        row_score(self.input, row)
    }

    /// Rows of the step in their order.
    fn row_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = self.groups.values().flatten().copied().collect();
        order.sort_unstable();
        order
    }

    /// Gives all tokens of a row the value that `estimate` returns for it, from the scores and
    /// the row numbers of its group. Advantages and returns are the same.
    fn by_group(
        &self,
        estimate: impl Fn(&[f64], &[usize]) -> Result<Vec<f64>>,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let mut tokens = vec![0.0; self.rows.tokens()];
        for members in self.groups.values() {
            let scores: Vec<f64> = members.iter().map(|&row| self.score(row)).collect();
            for (&row, value) in members.iter().zip(estimate(&scores, members)?) {
                for token in self.rows.trained(row) {
                    tokens[token] = value;
                }
            }
        }
        Ok((tokens.clone(), tokens))
    }

    /// Mean and divisor of a group's scores.
    fn moments(&self, scores: &[f64]) -> (f64, f64) {
        let (mean, std) = group_moments(scores);
        if self.config.norm_adv_by_std_in_grpo {
            (mean, std + STD_EPS)
        } else {
            (mean, 1.0)
        }
    }

    fn passk(&self, scores: &[f64], members: &[usize]) -> Result<Vec<f64>> {
        if scores.len() < 2 {
            return Err(Error::Config(format!(
                "`grpo_passk` needs at least 2 completions per prompt, and group {} has {}; raise \
                 `rollout.n`",
                self.input.groups[members[0]],
                scores.len()
            )));
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let (_, divisor) = self.moments(scores);
        let mut values = vec![0.0; scores.len()];
        values[order[0]] = (scores[order[0]] - scores[order[1]]) / divisor;
        Ok(values)
    }

    fn opo(&self, scores: &[f64], members: &[usize]) -> Vec<f64> {
        let lengths: Vec<f64> = members
            .iter()
            .map(|&row| self.rows.trained_len(row) as f64)
            .collect();
        let total: f64 = lengths.iter().sum();
        let baseline = if scores.len() < 2 || total == 0.0 {
            0.0
        } else {
            scores.iter().zip(&lengths).map(|(s, l)| s * l).sum::<f64>() / total
        };
        scores.iter().map(|s| s - baseline).collect()
    }

    fn gpg_alpha(&self) -> f64 {
        let rows = self.row_order();
        let non_zero = rows.iter().filter(|&&row| self.score(row) != 0.0).count();
        rows.len() as f64 / non_zero.max(1) as f64
    }

    /// Discounted sum of the rewards from each token on. The sum starts anew after a token that
    /// is not trained, as in the reference implementations.
    fn returns(&self, gamma: f64) -> Vec<f64> {
        let mut returns = vec![0.0; self.rows.tokens()];
        for row in self.row_order() {
            let mut carry = 0.0;
            for token in self.rows.range(row).rev() {
                carry = self.input.rewards[token] + gamma * carry;
                returns[token] = carry;
                if !self.rows.mask()[token] {
                    carry = 0.0;
                }
            }
        }
        returns
    }

    fn remax(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let baselines = self.input.baselines.ok_or_else(|| {
            Error::Config("`remax` needs the score of a greedy completion per row".into())
        })?;
        let mut returns = vec![0.0; self.rows.tokens()];
        let mut advantages = returns.clone();
        for row in self.row_order() {
            let mut carry = 0.0;
            for token in self.rows.trained(row).rev() {
                carry += self.input.rewards[token];
                returns[token] = carry;
                advantages[token] = carry - baselines[row];
            }
        }
        Ok((advantages, returns))
    }

    fn gae(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let values = self
            .input
            .values
            .ok_or_else(|| Error::Config("`gae` needs the values of a critic".into()))?;
        let (gamma, lam) = (self.config.gamma, self.config.lam);
        let mut advantages = vec![0.0; self.rows.tokens()];
        let mut returns = advantages.clone();
        for row in self.row_order() {
            let (mut next_value, mut carry) = (0.0, 0.0);
            for token in self.rows.trained(row).rev() {
                let delta = self.input.rewards[token] + gamma * next_value - values[token];
                carry = delta + gamma * lam * carry;
                advantages[token] = carry;
                returns[token] = carry + values[token];
                next_value = values[token];
            }
        }
        Ok((masked_whiten(&advantages, self.rows.mask()), returns))
    }
}
