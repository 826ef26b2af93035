//! Whether rewards can read the references of the data, asked before a run begins.
//!
//! Only a plugin knows what it needs: one that judges the shape of a response needs no answer, another reads
//! it from a column of its own. So each reward judges an empty response to the rows, and what it calls an
//! invalid reference is one. Nobody is asked over the network, and no score is kept.

use super::prompts::template;
use super::rewards::{described, messages};
use crate::config::{Config, DataConfig};
use crate::data::{Dataset, Row};
use crate::processor::Processor;
use crate::{Error, Result};
use rlhost_host::{
    FailureAction, FinishReason, Outcome, Reward, RewardSet, Sample, Scope, Scored, Scorer, Turn,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Rows that are looked at first, to learn what a look costs.
const FIRST: usize = 16;
/// The most fuel that looking at a reward's rows may use, about half a minute of one core. Rows beyond that are
/// looked at in even steps.
const FUEL: u64 = 20_000_000_000;
/// Where more than one of so many rows have no usable reference, the data is not what it should be.
const TOLERATED: usize = 10;

/// Checks that `data.answer_key` names a column, and that the rewards can read the references of `rows`;
/// returns what the user should know of them.
///
/// # Errors
/// [`Error::Data`] with the first row that is at fault where no row of a file has a usable reference, or
/// more than a tenth of all, or one has none and the reward's `on_failure` would stop the run;
/// [`Error::Config`] where the column is in no row.
pub(super) fn check<'a>(
    config: &Config,
    rewards: &RewardSet,
    dataset: &Dataset,
    processor: &Processor,
    rows: impl Iterator<Item = &'a Row> + Clone,
) -> Result<Vec<String>> {
    let rows: Vec<&Row> = rows.collect();
    check_key(config, dataset, &rows)?;
    let mut notices: Vec<String> = no_answers(config, dataset, &rows).into_iter().collect();
    let whole = |row: &Row| template(config, row, processor);
    for reward in rewards.rewards() {
        let judged: Vec<&Row> = rows
            .iter()
            .copied()
            .filter(|row| reward.when.holds(&described(row)))
            .collect();
        notices.extend(check_reward(config, reward, dataset, &judged, &whole)?);
    }
    Ok(notices)
}

/// A key that is set names a column that is there.
fn check_key(config: &Config, dataset: &Dataset, rows: &[&Row]) -> Result<()> {
    let key = &config.data.answer_key;
    let is_set = *key != DataConfig::default().answer_key;
    let Some(first) = rows.first().filter(|_| is_set) else {
        return Ok(());
    };
    if rows.iter().any(|row| row.has().answer) {
        return Ok(());
    }
    Err(Error::Config(format!(
        "data.answer_key = \"{key}\": no row of {} has this column; the columns are {}",
        first.file().display(),
        dataset.columns(first.file())
    )))
}

/// A reward that takes a missing answer for a wrong response says nothing of it; the user is told at least.
fn no_answers(config: &Config, dataset: &Dataset, rows: &[&Row]) -> Option<String> {
    let first = rows.first()?.file();
    let none = rows.iter().all(|row| row.answer() == "null");
    none.then(|| {
        format!(
            "{}: no row has a reference answer: no column \"{}\" (data.answer_key); the columns are {}",
            first.display(),
            config.data.answer_key,
            dataset.columns(first)
        )
    })
}

/// The rows of a file that were looked at.
#[derive(Default)]
struct Found<'a> {
    rows: usize,
    /// Those without a usable reference: how many, the first one, and what the plugin says of it.
    unusable: usize,
    first: Option<(&'a Row, String)>,
}

fn check_reward(
    config: &Config,
    reward: &Reward,
    dataset: &Dataset,
    rows: &[&Row],
    whole: Whole<'_>,
) -> Result<Option<String>> {
    let looked = look(&reward.scorer, rows, whole)?;
    let mut files: BTreeMap<&Path, Found<'_>> = BTreeMap::new();
    for (row, objection) in &looked {
        let found = files.entry(row.file()).or_default();
        found.rows += 1;
        if let Some(message) = objection {
            found.unusable += 1;
            found.first.get_or_insert((row, message.clone()));
        }
    }
    let unusable: usize = files.values().map(|found| found.unusable).sum();
    let Some((row, message)) = files.values().find_map(|found| found.first.as_ref()) else {
        return Ok(None);
    };
    let (name, key) = (&reward.name, &config.data.answer_key);
    let only_some = if looked.len() < rows.len() {
        format!(" that were looked at (of {})", rows.len())
    } else {
        String::new()
    };
    let of_all = format!(
        "{unusable} of {} rows{only_some} have no reference that reward.{name} can use (here: {message})",
        looked.len()
    );
    if reward.weight == 0.0 {
        return Ok(Some(format!(
            "{}:{}: {of_all}",
            row.file().display(),
            row.line()
        )));
    }
    let none = files.values().find(|found| found.unusable == found.rows);
    if let Some(Found {
        rows,
        first: Some((row, message)),
        ..
    }) = none
    {
        let hint = if row.has().answer {
            "mend the answers, or take a reward that reads them"
        } else {
            "set data.answer_key to the column of the answers"
        };
        return Err(row.error(format!(
            "none of the file's {rows} rows{only_some} has a reference that reward.{name} can use \
             ({message}): the answer is read from \"{key}\" (data.answer_key), and the columns are {}; {hint}",
            dataset.columns(row.file())
        )));
    }
    let way_out = "mend or leave out these rows, or give them another reward with `when`";
    match reward.on_failure.action(Outcome::InvalidReference) {
        FailureAction::Stop => Err(row.error(format!(
            "{of_all}, and reward.{name}.on_failure would stop the run there: {way_out}"
        ))),
        FailureAction::Abstain if unusable * TOLERATED > looked.len() => Err(row.error(format!(
            "{of_all}, more than a tenth: {way_out}; the answer is read from \"{key}\" \
             (data.answer_key), and the columns are {}",
            dataset.columns(row.file())
        ))),
        FailureAction::Abstain | FailureAction::Zero => Ok(Some(format!(
            "{}:{}: {of_all}",
            row.file().display(),
            row.line()
        ))),
    }
}

/// What makes the sample of a row, with its pictures.
type Whole<'a> = &'a (dyn Fn(&Row) -> Result<Sample> + Sync);

/// Rows that were looked at, and what a plugin has against their references.
type Looked<'a> = Vec<(&'a Row, Option<String>)>;

/// What `scorer` has against the reference of each row that is looked at, if anything.
fn look<'a>(scorer: &Scorer, rows: &[&'a Row], whole: Whole<'_>) -> Result<Looked<'a>> {
    let first = every(rows.len(), FIRST);
    let (mut found, fuel) = objections(scorer, rows, &first, whole)?;
    let each = (fuel / first.len().max(1) as u64).max(1);
    let affordable = usize::try_from(FUEL / each).unwrap_or(usize::MAX);
    if first.len() < rows.len() && affordable > first.len() {
        found = objections(scorer, rows, &every(rows.len(), affordable), whole)?.0;
    }
    Ok(found)
}

/// At most `count` of `len` numbers, in even steps from 0.
fn every(len: usize, count: usize) -> Vec<usize> {
    let count = count.min(len);
    (0..count).map(|number| number * len / count).collect()
}

/// The objections, and the fuel that asking took.
fn objections<'a>(
    scorer: &Scorer,
    rows: &[&'a Row],
    numbers: &[usize],
    whole: Whole<'_>,
) -> Result<(Looked<'a>, u64)> {
    let rows: Vec<&Row> = numbers.iter().map(|&number| rows[number]).collect();
    // Pictures are large, and few rewards look at them: only an objection makes them necessary.
    let plain = rows.iter().map(|row| Sample {
        prompt: messages(row),
        ..described(row)
    });
    let mut all = judge_nothing(scorer, plain.collect());
    let mut fuel: u64 = all.iter().flatten().map(|scored| scored.fuel).sum();
    for (row, scored) in rows.iter().zip(&mut all) {
        if scored.as_ref().is_some_and(objects) && !row.pictures().is_empty() {
            *scored = judge_nothing(scorer, vec![whole(row)?]).pop().flatten();
            fuel += scored.as_ref().map_or(0, |scored| scored.fuel);
        }
    }
    let found = rows.into_iter().zip(all).map(|(row, scored)| {
        let objection = scored.filter(objects);
        let message = objection.map(|scored| scored.message.unwrap_or_default());
        (row, message)
    });
    Ok((found.collect(), fuel))
}

fn objects(scored: &Scored) -> bool {
    scored.outcome == Outcome::InvalidReference
}

/// What a plugin says of an empty response to each sample. Questions to others stay unanswered.
///
/// The scorer has threads of its own, so it gets all samples at once: waiting for it on a thread of another pool would let that
/// thread begin one row inside another until its stack is full.
fn judge_nothing(scorer: &Scorer, samples: Vec<Sample>) -> Vec<Option<Scored>> {
    let samples: Vec<Sample> = samples
        .into_iter()
        .map(|sample| Sample {
            response: vec![Turn {
                text: String::new(),
                finish_reason: FinishReason::Stop,
                tokens: 1,
            }],
            ..sample
        })
        .collect();
    if scorer.plugin().info().scope == Scope::Sample {
        let unanswered = vec![Vec::new(); samples.len()];
        return scorer
            .replay(&samples, &unanswered)
            .into_iter()
            .map(Some)
            .collect();
    }
    // A plugin that compares samples sees each alone.
    samples
        .iter()
        .map(|sample| {
            scorer
                .replay(std::slice::from_ref(sample), &[Vec::new()])
                .pop()
        })
        .collect()
}
