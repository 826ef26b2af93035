//! What many judgements say together.

use rlhost_host::Judgement;
use std::collections::BTreeMap;

/// What many judgements say together.
#[derive(Default)]
pub(super) struct Tally {
    /// Judged samples.
    pub(super) samples: usize,
    /// Samples with a score.
    pub(super) scored: usize,
    /// Outcomes that are no score, by name.
    pub(super) outcomes: BTreeMap<String, usize>,
    score: f64,
    /// Sum and count of each part.
    parts: BTreeMap<String, (f64, f64)>,
}

impl Tally {
    pub(super) fn of<'a>(judgements: impl Iterator<Item = &'a Judgement>) -> Self {
        let mut tally = Self::default();
        for judgement in judgements {
            tally.samples += 1;
            let Some(score) = judgement.score else {
                *tally
                    .outcomes
                    .entry(judgement.outcome.to_string())
                    .or_default() += 1;
                continue;
            };
            tally.scored += 1;
            tally.score += score;
            for (part, value) in &judgement.parts {
                let (sum, count) = tally.parts.entry(part.clone()).or_default();
                *sum += value;
                *count += 1.0;
            }
        }
        tally
    }

    /// Mean score of the samples that have one; 0 where there is none.
    pub(super) fn score(&self) -> f64 {
        self.score / self.scored.max(1) as f64
    }

    /// Mean of each part.
    pub(super) fn parts(&self) -> BTreeMap<String, f64> {
        let means = self
            .parts
            .iter()
            .map(|(part, (sum, count))| (part.clone(), sum / count));
        means.collect()
    }

    /// `{prefix}/score`, `{prefix}/PART`, `{prefix}/samples` and `{prefix}/outcome/NAME`. No part has the name of
    /// one of the others: those are [`RESERVED`](rlhost_host::RESERVED).
    pub(super) fn metrics(&self, prefix: &str) -> BTreeMap<String, f64> {
        let named = |(name, value): (String, f64)| (format!("{prefix}/{name}"), value);
        let mut metrics: BTreeMap<String, f64> = self.parts().into_iter().map(named).collect();
        for (outcome, count) in &self.outcomes {
            metrics.insert(format!("{prefix}/outcome/{outcome}"), *count as f64);
        }
        metrics.insert(format!("{prefix}/samples"), self.samples as f64);
        if self.scored > 0 {
            metrics.insert(format!("{prefix}/score"), self.score());
        }
        metrics
    }
}
