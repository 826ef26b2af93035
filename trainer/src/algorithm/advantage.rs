//! Advantage estimators.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::{Error, Result};

use super::names::{check_len, lookup};
use super::rows::Rows;
use super::stats::{group_moments, masked_whiten, sum};

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
    let scores = row_scores(input)?;
    let (groups, mut out) = remaining(input)?;
    let step = Step {
        input,
        config,
        rows: &out.rows,
        groups: &groups,
        scores: &scores,
    };
    (out.advantages, out.returns) = match config.estimator {
        Estimator::Grpo => step.alike(|scores, _| {
            let (mean, std) = step.moments(scores);
            Ok(scores.iter().map(|s| (s - mean) / std).collect())
        })?,
        Estimator::GrpoPassk => step.alike(|scores, members| step.passk(scores, members))?,
        Estimator::Rloo => step.alike(|scores, _| {
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
        Estimator::Opo => step.alike(|scores, members| Ok(step.opo(scores, members)))?,
        Estimator::Gpg => {
            let alpha = step.gpg_alpha();
            step.alike(|scores, _| {
                let (mean, _) = group_moments(scores);
                Ok(scores.iter().map(|s| alpha * (s - mean)).collect())
            })?
        }
        Estimator::ReinforcePlusPlus => {
            let returns = step.returns();
            (step.whiten(&returns), returns)
        }
        Estimator::ReinforcePlusPlusBaseline => {
            let centred = step.rows.spread(&step.by_group(|scores, _| {
                let (mean, _) = group_moments(scores);
                Ok(scores.iter().map(|s| s - mean).collect())
            })?);
            let white = step.whiten(&centred);
            (white.clone(), white)
        }
        Estimator::Remax => step.remax()?,
        Estimator::Gae => step.gae()?,
    };
    Ok(out)
}

/// The score of each row that is kept, the sum of its tokens' rewards; 0 for the others. Checks
/// the input.
pub(crate) fn row_scores(input: &AdvantageInput) -> Result<Vec<f64>> {
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
    let scores = rows.map([], |row, []| {
        if !input.kept[row] {
            return Ok(0.0);
        }
        let rewards = &input.rewards[rows.range(row)];
        let score = sum(rewards);
        // A reward that is not finite makes a sum that isn't either.
        match rewards
            .iter()
            .find(|r| !score.is_finite() && !r.is_finite())
        {
            Some(bad) => Err(Error::Config(format!(
                "row {row} (group {}) has a reward of {bad}; leave the row out or give it a number",
                input.groups[row]
            ))),
            None => Ok(score),
        }
    });
    scores.into_iter().collect()
}

pub(crate) type Groups = BTreeMap<u64, Vec<usize>>;

/// The groups that stay in the step, and a result that has their rows and counts the others.
pub(crate) fn remaining(input: &AdvantageInput) -> Result<(Groups, Advantages)> {
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
        rows: input.rows.keep(&stays)?,
        dropped_groups: sizes.len() - groups.len(),
        dropped_rows: stays.iter().filter(|stays| !**stays).count(),
    };
    Ok((groups, out))
}

/// A step without the rows that left it.
struct Step<'a> {
    input: &'a AdvantageInput<'a>,
    config: &'a AdvantageConfig,
    rows: &'a Rows,
    groups: &'a Groups,
    scores: &'a [f64],
}

impl Step<'_> {
    /// The value that `estimate` returns for each row, from the scores and the row numbers of its
    /// group; 0 for rows that left the step.
    fn by_group(
        &self,
        estimate: impl Fn(&[f64], &[usize]) -> Result<Vec<f64>>,
    ) -> Result<Vec<f64>> {
        let mut values = vec![0.0; self.rows.len()];
        for members in self.groups.values() {
            let scores: Vec<f64> = members.iter().map(|&row| self.scores[row]).collect();
            for (&row, value) in members.iter().zip(estimate(&scores, members)?) {
                values[row] = value;
            }
        }
        Ok(values)
    }

    /// All tokens of a row have what [`by_group`](Self::by_group) finds for it, as advantages and
    /// as returns.
    fn alike(
        &self,
        estimate: impl Fn(&[f64], &[usize]) -> Result<Vec<f64>>,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let values = self.by_group(estimate)?;
        Ok((self.rows.spread(&values), self.rows.spread(&values)))
    }

    /// Advantages and returns that `write` writes row by row; both are 0 before.
    fn token_wise(
        &self,
        write: impl Fn(usize, &mut [f64], &mut [f64]) + Sync,
    ) -> (Vec<f64>, Vec<f64>) {
        let mut advantages = vec![0.0; self.rows.tokens()];
        let mut returns = vec![0.0; self.rows.tokens()];
        let arrays: [&mut [f64]; 2] = [&mut advantages, &mut returns];
        self.rows.map(arrays, |row, [advantages, returns]| {
            write(row, advantages, returns);
        });
        (advantages, returns)
    }

    /// Whitened over the trained tokens of the step, 0 elsewhere.
    fn whiten(&self, values: &[f64]) -> Vec<f64> {
        let mut white = masked_whiten(values, self.rows);
        for (value, _) in white.iter_mut().zip(self.rows.mask()).filter(|(_, m)| !**m) {
            *value = 0.0;
        }
        white
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
        let rows: Vec<usize> = self.groups.values().flatten().copied().collect();
        let non_zero = rows.iter().filter(|&&row| self.scores[row] != 0.0).count();
        rows.len() as f64 / non_zero.max(1) as f64
    }

    /// Discounted sum of the rewards from each token on. The sum starts anew after a token that
    /// is not trained, as in the reference implementations.
    fn returns(&self) -> Vec<f64> {
        let mut returns = vec![0.0; self.rows.tokens()];
        self.rows.map([&mut returns], |row, [returns]| {
            if self.rows.trained_len(row) == 0 {
                return;
            }
            let mut carry = 0.0;
            let tokens = self.rows.range(row).zip(returns).rev();
            for (token, written) in tokens {
                let sum = self.input.rewards[token] + self.config.gamma * carry;
                carry = if self.rows.mask()[token] { sum } else { 0.0 };
                *written = carry;
            }
        });
        returns
    }

    fn remax(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let baselines = self.input.baselines.ok_or_else(|| {
            Error::Config("`remax` needs the score of a greedy completion per row".into())
        })?;
        Ok(self.token_wise(|row, advantages, returns| {
            let start = self.rows.range(row).start;
            let mut carry = 0.0;
            for token in self.rows.trained(row).rev() {
                carry += self.input.rewards[token];
                returns[token - start] = carry;
                advantages[token - start] = carry - baselines[row];
            }
        }))
    }

    fn gae(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let values = self
            .input
            .values
            .ok_or_else(|| Error::Config("`gae` needs the values of a critic".into()))?;
        let (gamma, lam) = (self.config.gamma, self.config.lam);
        let (advantages, returns) = self.token_wise(|row, advantages, returns| {
            let start = self.rows.range(row).start;
            let (mut next_value, mut carry) = (0.0, 0.0);
            for token in self.rows.trained(row).rev() {
                let delta = self.input.rewards[token] + gamma * next_value - values[token];
                carry = delta + gamma * lam * carry;
                advantages[token - start] = carry;
                returns[token - start] = carry + values[token];
                next_value = values[token];
            }
        });
        Ok((self.whiten(&advantages), returns))
    }
}
