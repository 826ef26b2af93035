//! Runs a plugin on its cases.

use std::ops::Range;

use super::{Case, Mismatch, calls, prepared};
use crate::{Grants, Limits, Plugin, Result, Sample, Scope, Scored, Scorer};

/// A case and what the plugin said.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The case.
    pub case: Case,
    /// What the plugin said.
    pub scored: Scored,
    /// Fuel of the whole call.
    pub fuel: u64,
    /// In what that differs from what the case expects.
    pub mismatches: Vec<Mismatch>,
}

impl Checked {
    /// Whether all is as expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// Scores the cases on the host's threads and compares; results stand in the order of the cases.
///
/// # Errors
/// Names file and line of a case whose parameters the plugin does not have, that names a `call` where
/// the plugin's scope is not `batch`, or whose parameters differ within one call.
pub fn check(
    plugin: &Plugin,
    cases: Vec<Case>,
    limits: Limits,
    grants: &Grants,
) -> Result<Vec<Checked>> {
    let calls = calls(plugin.info().scope, &cases)?;
    let grants = prepared::grants(plugin, &calls, grants);
    let mut results: Vec<Option<(Scored, u64)>> = vec![None; cases.len()];
    let mut start = 0;
    let calls: Vec<Range<usize>> = calls
        .iter()
        .map(|call| {
            start += call.cases.len();
            start - call.cases.len()..start
        })
        .collect();
    for group in by_params(&cases, calls) {
        let first = &cases[group[0].start];
        let scorer = Scorer::with_grants(plugin, &first.params, limits, grants.clone())
            .map_err(|error| first.error(error.to_string()))?;
        score(&scorer, &cases, &group, &mut results);
    }
    let results = cases.into_iter().zip(results);
    Ok(results
        .filter_map(|(case, result)| {
            let (scored, fuel) = result?;
            Some(Checked {
                mismatches: case.expect.compare(&scored, fuel),
                case,
                scored,
                fuel,
            })
        })
        .collect())
}

/// The calls by their parameters, each in the order of the cases.
fn by_params(cases: &[Case], calls: Vec<Range<usize>>) -> Vec<Vec<Range<usize>>> {
    let mut groups: Vec<Vec<Range<usize>>> = Vec::new();
    for call in calls {
        let params = &cases[call.start].params;
        match groups
            .iter_mut()
            .find(|group| cases[group[0].start].params == *params)
        {
            Some(group) => group.push(call),
            None => groups.push(vec![call]),
        }
    }
    groups
}

fn score(
    scorer: &Scorer,
    cases: &[Case],
    calls: &[Range<usize>],
    results: &mut [Option<(Scored, u64)>],
) {
    // A scorer takes all that it gets at once for one batch; calls of other scopes can run in parallel.
    let together = match scorer.plugin().info().scope {
        Scope::Sample | Scope::Group => calls.len(),
        Scope::Batch => 1,
    };
    for calls in calls.chunks(together) {
        let samples: Vec<Sample> = (0..)
            .zip(calls)
            .flat_map(|(number, call)| {
                let mut samples: Vec<_> = cases[call.clone()]
                    .iter()
                    .map(|c| c.sample.clone())
                    .collect();
                if scorer.plugin().info().scope == Scope::Group {
                    // Calls that have come to stand side by side must not run into one.
                    for sample in &mut samples {
                        sample.group = number;
                    }
                }
                samples
            })
            .collect();
        let answers: Vec<_> = calls
            .iter()
            .flat_map(|call| &cases[call.clone()])
            .map(|case| case.answers.clone())
            .collect();
        let mut scored = scorer.score_prepared(&samples, &answers).into_iter();
        for call in calls {
            let scored: Vec<Scored> = scored.by_ref().take(call.len()).collect();
            let fuel = scored.iter().map(|scored| scored.fuel).sum();
            for (result, scored) in results[call.clone()].iter_mut().zip(scored) {
                *result = Some((scored, fuel));
            }
        }
    }
}
