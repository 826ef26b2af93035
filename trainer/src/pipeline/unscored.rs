//! Samples of which none has a score: nothing can be learnt from them, and nothing measured.

use crate::Error;
use crate::run::RolloutRow;
use rlhost_host::Judgement;
use std::collections::BTreeMap;

/// The error for samples that were written as `rows`; `what` says whose they are.
pub(super) fn error(what: &str, rows: &[RolloutRow]) -> Error {
    let records = rows.iter().filter_map(|row| row.judged().ok());
    let judgements: Vec<Judgement> = records.map(|record| record.judgement).collect();
    of_judgements(what, judgements.iter())
}

/// The error for judged samples.
pub(super) fn of_judgements<'a>(
    what: &str,
    judgements: impl Iterator<Item = &'a Judgement>,
) -> Error {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut said = None;
    for judgement in judgements {
        *outcomes.entry(judgement.outcome.as_str()).or_default() += 1;
        let failed = judgement
            .rewards
            .iter()
            .find(|reward| reward.total.is_none());
        if let Some((name, message)) = failed.and_then(|r| Some((&r.name, r.message.as_ref()?))) {
            said.get_or_insert_with(|| format!("; reward.{name} says: {message}"));
        }
    }
    let counts: Vec<String> = outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    Error::Config(format!(
        "{what}: {}{}",
        counts.join(", "),
        said.unwrap_or_default()
    ))
}
