//! Warns of a run that learns nothing, or something else than it is told: each once, by name.

use crate::algorithm::AdvantageMethod;
use crate::config::Config;
use crate::run::RolloutRow;
use std::collections::{BTreeMap, BTreeSet};

/// Steps in a row without a difference to learn from, before that is told.
const EQUAL_STEPS: u32 = 3;
/// Mean entropy of the next-token distributions, in nats, below which a policy hardly tries anything any more.
const LEAST_ENTROPY: f64 = 0.01;

type Metrics = BTreeMap<String, f64>;

/// What was seen of a run, and what was told.
pub(super) struct Watch<'a> {
    config: &'a Config,
    /// Names of warnings, with the reward where they are about one.
    told: BTreeSet<(&'static str, &'a str)>,
    /// Steps in a row in which all groups had equal scores.
    equal: u32,
}

impl<'a> Watch<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            told: BTreeSet::new(),
            equal: 0,
        }
    }

    /// What can be said before the first step.
    pub(super) fn at_start(config: &Config, method: Option<&AdvantageMethod>) -> Option<String> {
        let alone = config.rollout.n == 1 && method.is_some_and(AdvantageMethod::compares_groups);
        alone.then(|| {
            format!(
                "single completions: algorithm.adv_estimator = \"{}\" compares the completions of a prompt, and rollout.n = 1 \
                 leaves it one, so every score counts as it is; set rollout.n to 4 or more",
                config.algorithm.adv_estimator
            )
        })
    }

    /// What is to be said after a validation with these metrics.
    pub(super) fn validation(&mut self, metrics: &Metrics) -> Vec<String> {
        self.failing("val", metrics).collect()
    }

    /// What is to be said after a step with these metrics and rows.
    pub(super) fn step(&mut self, metrics: &Metrics, rows: &[RolloutRow]) -> Vec<String> {
        let mut found: Vec<String> = self.failing("reward", metrics).collect();
        let is = |name: &str, holds: fn(f64) -> bool| metrics.get(name).is_some_and(|x| holds(*x));
        self.equal = if is("sampling/equal_groups", |share| share >= 1.0) {
            self.equal + 1
        } else {
            0
        };
        if self.equal >= EQUAL_STEPS && self.first("equal groups") {
            found.push(format!(
                "equal groups: in {EQUAL_STEPS} steps in a row all completions of a prompt had the same score, so nothing could be \
                 compared; look at `rlhost rollouts show`, take other prompts, or raise rollout.n or rollout.temperature"
            ));
        }
        if is("actor/entropy_loss", |entropy| entropy < LEAST_ENTROPY) && self.first("low entropy")
        {
            found.push(format!(
                "low entropy: the mean entropy of the next-token distributions is below {LEAST_ENTROPY} nats, so completions hardly \
                 differ any more; raise actor.entropy_coeff or rollout.temperature, or lower actor.optim.lr"
            ));
        }
        let references: BTreeSet<&str> = rows.iter().map(|row| row.answer.as_str()).collect();
        if is("response/commonest_answer", |share| share >= 1.0)
            && references.len() > 1
            && self.first("one answer")
        {
            found.push(
                "one answer: all completions of a step state the same answer, whatever they were asked; look at \
                 `rlhost rollouts show`"
                    .to_owned(),
            );
        }
        found
    }

    /// Rewards that had no score for more than half of the samples that they judged.
    fn failing(&mut self, prefix: &str, metrics: &Metrics) -> impl Iterator<Item = String> {
        let names = self.config.reward.keys();
        names.filter_map(move |name| {
            let stem = format!("{prefix}/{name}/outcome/");
            let outcomes = metrics.range(stem.clone()..);
            let outcomes = outcomes.map_while(|(key, count)| Some((key.strip_prefix(&stem)?, *count)));
            let judged: f64 = outcomes.clone().map(|(_, count)| count).sum();
            let failed = outcomes.filter(|(outcome, _)| *outcome != "score");
            let count: f64 = failed.clone().map(|(_, count)| count).sum();
            let (commonest, _) = failed.max_by(|a, b| a.1.total_cmp(&b.1))?;
            (2.0 * count > judged && self.told.insert(("failing reward", name))).then(|| {
                format!(
                    "failing reward: reward.{name} has no score for {count} of {judged} samples, mostly by `{commonest}`; \
                     `rlhost rollouts show` prints why"
                )
            })
        })
    }

    /// Whether a warning was not told yet.
    fn first(&mut self, name: &'static str) -> bool {
        self.told.insert((name, ""))
    }
}
