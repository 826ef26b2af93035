//! The replay of one file of records.

use std::collections::{BTreeMap, BTreeSet};

use rlhost_host::replay::{Difference, Replayed, build, compare, compare_steps, compare_sums};
use rlhost_host::{Outcome, RewardRecord, Scored, Share, sum_rewards};
use serde_json::json;

use super::recomputed::Arithmetic;
use super::recorded::{Entry, Images, RecordFile};
use super::scorers::Scorers;
use super::{Finding, ReplayOptions, ReplayReport};
use crate::run::digest_of;

/// What became of the record of one reward: the verdict, where there is one, and the comparison.
struct Again {
    /// What enters the sums, where that is known.
    scored: Option<Scored>,
    found: Replayed,
}

/// What became of a sample's records, by reward.
type Sampled<'a> = BTreeMap<&'a str, Again>;

/// Scores the samples of a file again, computes what follows from the scores, and compares.
pub(super) fn replay(
    file: &RecordFile,
    images: &Images,
    scorers: &Scorers<'_>,
    arithmetic: &Arithmetic<'_>,
    options: &ReplayOptions,
) -> ReplayReport {
    let mut report = ReplayReport::default();
    // What concerns the whole file stands behind what concerns single samples.
    let mut of_file = ReplayReport::default();
    check_bytes(file, &mut of_file);
    let loaded = file.load(images);
    let whole = loaded.broken.is_empty();
    for (samples, reason) in loaded.broken {
        report.samples += samples;
        report.unreadable += samples;
        report.findings.push(Finding {
            place: file.place(),
            reward: None,
            found: Replayed::Unreadable { reason },
        });
    }
    let mut of_rows = arithmetic.misnumbered(file, &loaded.entries, whole);
    if whole {
        arithmetic.check(file, &loaded.entries, &mut of_rows, &mut of_file);
    }
    report.draws = loaded.entries.iter().map(|entry| entry.row.draw).collect();
    let again = score(&loaded.entries, scorers, options, &mut report);
    let shares = scorers.shares();
    for ((entry, sampled), of_row) in loaded.entries.iter().zip(again).zip(of_rows) {
        report.samples += 1;
        let mut worst = 0;
        let mut note = |reward: Option<&str>, found: Replayed, findings: &mut Vec<Finding>| {
            let rank = rank(&found);
            worst = worst.max(rank);
            let says_something = match &found {
                Replayed::OtherEngine { differences } => !differences.is_empty(),
                _ => rank > 0,
            };
            if says_something {
                findings.push(Finding {
                    place: file.place_of(&entry.row),
                    reward: reward.map(str::to_owned),
                    found,
                });
            }
        };
        let mut differences = entry.strange.clone();
        differences.extend(of_row);
        differences.extend(check_sums(entry, &shares));
        if options.reward.is_none() {
            match check_steps(entry, &shares, &sampled) {
                Ok(found) => differences.extend(found),
                Err(reason) => {
                    note(None, Replayed::Unreadable { reason }, &mut report.findings);
                }
            }
        }
        for (name, again) in sampled {
            report
                .rewards
                .entry(name.to_owned())
                .or_default()
                .book(&again.found);
            note(Some(name), again.found, &mut report.findings);
        }
        if !differences.is_empty() {
            let found = Replayed::Changed { differences };
            note(None, found, &mut report.findings);
        }
        if let Ok(sample) = &entry.sample {
            let recorded = |name: &str| entry.judgement.rewards.iter().any(|r| r.name == name);
            for (name, reason) in scorers.misplaced(sample, recorded) {
                if options.reward.as_deref().is_none_or(|only| only == name) {
                    note(
                        Some(name),
                        Replayed::Unreadable { reason },
                        &mut report.findings,
                    );
                }
            }
        }
        match worst {
            0 => report.identical += 1,
            1 => report.other_engine += 1,
            2 => report.host_faults += 1,
            3 => report.unreadable += 1,
            _ => report.changed += 1,
        }
    }
    report.add(of_file, usize::MAX);
    report.findings.truncate(options.listed);
    report
}

/// Compares the file with the digest that the run noted when it had written it.
fn check_bytes(file: &RecordFile, report: &mut ReplayReport) {
    let Some(bound) = file.bound else { return };
    // What can't be read is found where its rows are.
    if let Ok(found) = digest_of(&file.path)
        && found != bound
    {
        let name = file.path.file_name().unwrap_or_default();
        let difference = Difference {
            field: format!("rollouts/{}", name.display()),
            old: json!(bound.digest),
            new: json!(found.digest),
        };
        let differences = vec![difference];
        report.contradict(file.place(), Replayed::Changed { differences });
    }
}

/// A record's sums beside its own terms, whatever a replay says of those.
fn check_sums(entry: &Entry, shares: &[Share<'_>]) -> Vec<Difference> {
    let terms = shares.iter().map(|share| {
        let mut records = entry.judgement.rewards.iter();
        records.find(|r| r.name == share.name).map(Scored::from)
    });
    match sum_rewards(shares, 0, terms) {
        Ok(sums) => compare_sums(&entry.judgement, &sums),
        // A run does not go on after an outcome that stops it.
        Err(error) => vec![Difference {
            field: "outcome".to_owned(),
            old: json!(entry.judgement.outcome),
            new: json!(error.to_string()),
        }],
    }
}

/// The steps of a record beside those of the verdicts that were computed again; they say something only where all of
/// these are as recorded.
fn check_steps(
    entry: &Entry,
    shares: &[Share<'_>],
    sampled: &Sampled<'_>,
) -> Result<Vec<Difference>, String> {
    if sampled.values().any(|again| again.scored.is_none()) {
        return Ok(Vec::new());
    }
    let terms = shares
        .iter()
        .map(|share| sampled.get(share.name)?.scored.clone());
    let sums = sum_rewards(shares, 0, terms).map_err(|e| e.to_string())?;
    Ok(compare_steps(&entry.judgement, &sums))
}

/// Scores all samples of a file with the components of their receipts, each reward and component in
/// one go: a plugin that sees several samples at once needs all of them, in the order of the run.
fn score<'a>(
    entries: &'a [Entry],
    scorers: &Scorers<'_>,
    options: &ReplayOptions,
    report: &mut ReplayReport,
) -> Vec<Sampled<'a>> {
    let mut again: Vec<Sampled<'a>> = entries.iter().map(|_| Sampled::new()).collect();
    let mut calls: BTreeMap<_, Vec<(usize, &RewardRecord)>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let mut names = BTreeSet::new();
        for record in &entry.judgement.rewards {
            let name = record.name.as_str();
            // A second record of a name is found as one.
            if !names.insert(name) {
                continue;
            }
            if options.reward.as_deref().is_none_or(|only| only == name) {
                let made_by = (record.receipt.component, &record.receipt.interpreters);
                let call = calls.entry((name, made_by)).or_default();
                call.push((at, record));
            }
        }
    }
    for ((name, _), members) in calls {
        let mut unreadable = |at: usize, reason: &str| {
            let found = Replayed::Unreadable {
                reason: reason.to_owned(),
            };
            let none = Again {
                scored: None,
                found,
            };
            again[at].insert(name, none);
        };
        let Some((_, first)) = members.first() else {
            continue;
        };
        let scorer = match scorers.get(name, &first.receipt) {
            Ok(scorer) => scorer,
            Err(reason) => {
                for (at, _) in members {
                    unreadable(at, &reason);
                }
                continue;
            }
        };
        let mut samples = Vec::with_capacity(members.len());
        let mut scored_members = Vec::with_capacity(members.len());
        for (at, record) in members {
            match &entries[at].sample {
                Ok(sample) => {
                    samples.push(sample.clone());
                    scored_members.push((at, record));
                }
                Err(reason) => unreadable(at, reason),
            }
        }
        let exchanges = scored_members
            .iter()
            .map(|(_, record)| record.exchanges.clone());
        let scored = scorer.replay(&samples, &exchanges.collect::<Vec<_>>());
        report.scores += scored.len();
        for ((at, record), scored) in scored_members.into_iter().zip(scored) {
            let [then, now] = [&record.receipt.engine, &scored.receipt.engine].map(|e| build(e));
            if then != now {
                *report.other_engines.entry(then.to_owned()).or_default() += 1;
            }
            now.clone_into(&mut report.engine);
            let found = compare(record, &scored);
            let scored = term(record, scored, &found);
            again[at].insert(name, Again { scored, found });
        }
    }
    again
}

/// How bad something is: nothing, another engine, a fault of the host, unreadable, changed.
fn rank(found: &Replayed) -> usize {
    match found {
        Replayed::Identical => 0,
        Replayed::OtherEngine { .. } => 1,
        Replayed::HostFault => 2,
        Replayed::Unreadable { .. } => 3,
        Replayed::Changed { .. } => 4,
    }
}

/// What a record's reward puts into the sums, if that is as recorded.
fn term(record: &RewardRecord, scored: Scored, found: &Replayed) -> Option<Scored> {
    if settled(found) {
        return Some(scored);
    }
    // A fault of the host, then, has its place in the sums too.
    let failed = *found == Replayed::HostFault && record.outcome == Outcome::HostFault;
    failed.then(|| Scored {
        outcome: record.outcome,
        total: None,
        parts: BTreeMap::new(),
        steps: Vec::new(),
        ..scored
    })
}

/// Whether a verdict is as recorded in all that the sums are made of.
fn settled(found: &Replayed) -> bool {
    let summed = |difference: &Difference| {
        !difference.field.contains("fuel") && difference.field != "message"
    };
    match found {
        Replayed::Identical => true,
        Replayed::OtherEngine { differences } => !differences.iter().any(summed),
        _ => false,
    }
}

impl super::Counts {
    fn book(&mut self, found: &Replayed) {
        let count = match found {
            Replayed::Identical => &mut self.identical,
            Replayed::OtherEngine { .. } => &mut self.other_engine,
            Replayed::HostFault => &mut self.host_faults,
            Replayed::Unreadable { .. } => &mut self.unreadable,
            Replayed::Changed { .. } => &mut self.changed,
        };
        *count += 1;
    }
}
