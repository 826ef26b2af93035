//! Several rewards and how they are summed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::check_owner;
use crate::{
    Error, Host, Judgement, Outcome, Result, RewardRecord, Sample, Scored, Scorer, StepReward, When,
};

/// What an outcome other than a score does to its sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureAction {
    /// The sample abstains: it gets no score and is left out of training.
    #[default]
    Abstain,
    /// The reward counts as 0.
    Zero,
    /// Everything stops with an error.
    Stop,
}

/// What outcomes other than a score do: one action for all, or a table by outcome in which whatever is
/// not named abstains.
///
/// ```
/// use rlhost_host::{FailureAction, FailurePolicy, Outcome};
///
/// let policy: FailurePolicy = serde_json::from_str(r#"{"budget-exhausted": "zero"}"#)?;
/// assert_eq!(policy.action(Outcome::BudgetExhausted), FailureAction::Zero);
/// assert_eq!(policy.action(Outcome::Trap), FailureAction::Abstain);
/// assert_eq!(serde_json::from_str::<FailurePolicy>(r#""stop""#)?.action(Outcome::Trap), FailureAction::Stop);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"abstain\", \"zero\" or \"stop\", or a table of outcome = one of these"
)]
pub enum FailurePolicy {
    /// One action for every outcome but a score.
    All(FailureAction),
    /// An action for each outcome that is named.
    PerOutcome(BTreeMap<Outcome, FailureAction>),
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self::All(FailureAction::default())
    }
}

impl FailurePolicy {
    /// What this outcome does.
    pub fn action(&self, outcome: Outcome) -> FailureAction {
        match self {
            Self::All(action) => *action,
            Self::PerOutcome(table) => table.get(&outcome).copied().unwrap_or_default(),
        }
    }
}

/// A reward of a run: a scorer with its name, weight and policy.
#[derive(Debug, Clone)]
pub struct Reward {
    /// The name that records and curves use.
    pub name: String,
    /// What scores.
    pub scorer: Scorer,
    /// Factor of its total in the sum. A reward of weight 0 is only recorded.
    pub weight: f64,
    /// What outcomes other than a score do.
    pub on_failure: FailurePolicy,
    /// The samples that it judges; others it leaves alone, and they have no record of it.
    pub when: When,
}

impl Reward {
    /// A reward of weight 1 for all samples, whose failures make the sample abstain.
    pub fn new(name: impl Into<String>, scorer: Scorer) -> Self {
        Self {
            name: name.into(),
            scorer,
            weight: 1.0,
            on_failure: FailurePolicy::default(),
            when: When::default(),
        }
    }

    /// How it enters the sum.
    pub fn share(&self) -> Share<'_> {
        Share {
            name: &self.name,
            weight: self.weight,
            on_failure: &self.on_failure,
        }
    }
}

/// How a reward enters the sum over all rewards.
#[derive(Debug, Clone, Copy)]
pub struct Share<'a> {
    /// The reward's name.
    pub name: &'a str,
    /// Factor of its total.
    pub weight: f64,
    /// What outcomes other than a score do.
    pub on_failure: &'a FailurePolicy,
}

/// The rewards of a run, in name order.
#[derive(Debug, Clone)]
pub struct RewardSet {
    rewards: Vec<Reward>,
}

impl RewardSet {
    /// A set of at least one reward. Names must differ and weights be finite.
    pub fn new(rewards: impl IntoIterator<Item = Reward>) -> Result<Self> {
        let mut rewards: Vec<_> = rewards.into_iter().collect();
        rewards.sort_by(|a, b| a.name.cmp(&b.name));
        let wrong = |reward: &str, message: &str| {
            Err(Error::Reward {
                reward: reward.to_owned(),
                message: message.to_owned(),
            })
        };
        if rewards.is_empty() {
            return wrong("(none)", "at least one reward is needed");
        }
        for pair in rewards.windows(2) {
            if pair[0].name == pair[1].name {
                return wrong(&pair[0].name, "two rewards have this name");
            }
        }
        for reward in &rewards {
            if let Err(fault) = check_owner(&reward.name) {
                return wrong(&reward.name, &format!("its name {fault}"));
            }
            if !reward.weight.is_finite() {
                return wrong(&reward.name, "its weight must be a finite number");
            }
            if let FailurePolicy::PerOutcome(table) = &reward.on_failure
                && table.contains_key(&Outcome::Score)
            {
                return wrong(
                    &reward.name,
                    "on_failure names `score`, which is no failure",
                );
            }
        }
        Ok(Self { rewards })
    }

    /// The rewards in name order.
    pub fn rewards(&self) -> &[Reward] {
        &self.rewards
    }

    /// The host that runs them: the first one's.
    pub fn host(&self) -> &Host {
        self.rewards[0].scorer.plugin().host()
    }

    /// Judges samples by all rewards: one judgement for each sample, in order.
    ///
    /// The score is the sum of weight × total in name order. A sample abstains if any reward of
    /// non-zero weight does, by its policy.
    ///
    /// # Errors
    /// [`Error::Stopped`] where a policy says so; it names the first such sample. [`Error::NoReward`] for
    /// a sample that no reward of non-zero weight judges.
    pub fn score(&self, samples: &[Sample]) -> Result<Vec<Judgement>> {
        let mut columns: Vec<Vec<Option<Scored>>> = self
            .rewards
            .iter()
            .map(|reward| column(reward, samples))
            .collect();
        let shares: Vec<Share<'_>> = self.rewards.iter().map(Reward::share).collect();
        (0..samples.len())
            .map(|sample| {
                let mut asked = self.rewards.iter().zip(&columns);
                if !asked.any(|(reward, column)| reward.weight != 0.0 && column[sample].is_some()) {
                    let has = self.asked_for(&samples[sample]);
                    return Err(Error::NoReward { sample, has });
                }
                let row = columns.iter_mut().map(|column| column[sample].take());
                sum_rewards(&shares, sample, row)
            })
            .collect()
    }

    /// What a sample that no reward of non-zero weight judges has in the columns that the rewards ask for;
    /// `None` for all others. It depends on the data alone, so a run can ask before it starts.
    pub fn unjudged(&self, sample: &Sample) -> Option<String> {
        let judges = |reward: &Reward| reward.weight != 0.0 && reward.when.holds(sample);
        let judged = self.rewards.iter().any(judges);
        (!judged).then(|| self.asked_for(sample))
    }

    /// What the rewards ask for, and what a sample has.
    fn asked_for(&self, sample: &Sample) -> String {
        let asking = self.rewards.iter().filter(|reward| !reward.when.is_empty());
        let has = asking.map(|r| format!("{} asks for {}", r.name, r.when.describe(sample)));
        has.collect::<Vec<_>>().join("; ")
    }
}

/// Sums what each of a run's rewards (all of them, in name order) says about one sample; `None` where
/// one says nothing. `sample` is the number that an error names.
///
/// # Errors
/// [`Error::Stopped`] where a policy says so.
pub fn sum_rewards(
    rewards: &[Share<'_>],
    sample: usize,
    row: impl IntoIterator<Item = Option<Scored>>,
) -> Result<Judgement> {
    let mut score = 0.0;
    let mut abstains = None;
    let mut parts = BTreeMap::new();
    let mut steps = Vec::new();
    let mut records = Vec::with_capacity(rewards.len());
    for (reward, scored) in rewards.iter().zip(row) {
        let Some(scored) = scored else { continue };
        if let Some(total) = scored.total {
            score += reward.weight * total;
            let weighted = scored.steps.iter().map(|step| StepReward {
                value: reward.weight * step.value,
                ..*step
            });
            if reward.weight != 0.0 {
                steps.extend(weighted);
            }
        } else if reward.weight != 0.0 {
            match reward.on_failure.action(scored.outcome) {
                FailureAction::Abstain => abstains = abstains.or(Some(scored.outcome)),
                FailureAction::Zero => {}
                FailureAction::Stop => {
                    return Err(Error::Stopped {
                        reward: reward.name.to_owned(),
                        sample,
                        outcome: scored.outcome,
                        message: scored.message,
                    });
                }
            }
        }
        for (part, &value) in &scored.parts {
            let name = match rewards.len() {
                1 => part.clone(),
                _ => format!("{}/{part}", reward.name),
            };
            parts.insert(name, value);
        }
        records.push(RewardRecord {
            name: reward.name.to_owned(),
            digest: scored.receipt.component,
            outcome: scored.outcome,
            total: scored.total,
            parts: scored.parts,
            fuel: scored.fuel,
            message: scored.message,
            log: scored.log,
            exchanges: scored.exchanges,
            receipt: scored.receipt,
        });
    }
    // Finite totals and weights can still overflow in the sum.
    let overflows = !score.is_finite() || steps.iter().any(|step| !step.value.is_finite());
    let outcome = match abstains {
        Some(outcome) => outcome,
        None if overflows => Outcome::ProtocolError,
        None => Outcome::Score,
    };
    let scores = outcome == Outcome::Score;
    Ok(Judgement {
        outcome,
        score: scores.then_some(score),
        parts,
        steps: if scores { steps } else { Vec::new() },
        rewards: records,
    })
}

/// What a reward says of each sample; `None` where it does not judge it.
fn column(reward: &Reward, samples: &[Sample]) -> Vec<Option<Scored>> {
    if reward.when.is_empty() {
        return reward.scorer.score(samples).into_iter().map(Some).collect();
    }
    let judged: Vec<bool> = samples
        .iter()
        .map(|sample| reward.when.holds(sample))
        .collect();
    let chosen = samples.iter().zip(&judged).filter(|(_, judged)| **judged);
    let chosen: Vec<Sample> = chosen.map(|(sample, _)| sample.clone()).collect();
    let mut scored = reward.scorer.score(&chosen).into_iter();
    judged
        .into_iter()
        .map(|judged| if judged { scored.next() } else { None })
        .collect()
}
