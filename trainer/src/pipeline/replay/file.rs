//! The replay of one file of records.

use std::collections::BTreeMap;

use rlhost_host::replay::{Difference, Replayed, build, compare, compare_sums};
use rlhost_host::{Outcome, RewardRecord, Scored, Share, sum_rewards};

use super::recorded::{Entry, Images, RecordFile};
use super::scorers::Scorers;
use super::{Finding, ReplayOptions, ReplayReport};

/// What became of the record of one reward: the verdict, where there is one, and the comparison.
struct Again {
    /// What enters the sums, where that is known.
    scored: Option<Scored>,
    found: Replayed,
}

/// What became of a sample's records, by reward.
type Sampled<'a> = BTreeMap<&'a str, Again>;

/// Scores the samples of a file again and compares.
pub(super) fn replay(
    file: &RecordFile,
    images: &Images,
    scorers: &Scorers<'_>,
    options: &ReplayOptions,
) -> ReplayReport {
    let loaded = file.load(images);
    let mut report = ReplayReport::default();
    for (samples, reason) in loaded.broken {
        report.samples += samples;
        report.unreadable += samples;
        report.findings.push(Finding {
            place: file.place(),
            reward: None,
            found: Replayed::Unreadable { reason },
        });
    }
    let again = score(&loaded.entries, scorers, options, &mut report);
    let shares = scorers.shares();
    for (entry, sampled) in loaded.entries.iter().zip(again) {
        report.samples += 1;
        let mut worst = 0;
        let mut note = |reward: Option<&str>, found: Replayed, findings: &mut Vec<Finding>| {
            let rank = rank(&found);
            worst = worst.max(rank);
            if rank > 0 {
                findings.push(Finding {
                    place: file.place_of(&entry.row),
                    reward: reward.map(str::to_owned),
                    found,
                });
            }
        };
        // The sums say something of their own only where all their terms are as recorded.
        let summed = options.reward.is_none() && sampled.values().all(|a| a.scored.is_some());
        let terms = summed.then(|| {
            let of = |share: &Share<'_>| sampled.get(share.name)?.scored.clone();
            shares.iter().map(of).collect::<Vec<_>>()
        });
        for (name, again) in sampled {
            report
                .rewards
                .entry(name.to_owned())
                .or_default()
                .book(&again.found);
            note(Some(name), again.found, &mut report.findings);
        }
        if let Some(terms) = terms {
            match sum_rewards(&shares, 0, terms) {
                Ok(judgement) => {
                    let differences = compare_sums(&entry.judgement, &judgement);
                    if !differences.is_empty() {
                        note(
                            None,
                            Replayed::Changed { differences },
                            &mut report.findings,
                        );
                    }
                }
                Err(error) => {
                    let reason = error.to_string();
                    note(None, Replayed::Unreadable { reason }, &mut report.findings);
                }
            }
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
            1 => report.host_faults += 1,
            2 => report.unreadable += 1,
            _ => report.changed += 1,
        }
    }
    report.findings.truncate(options.listed);
    report
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
        for record in &entry.judgement.rewards {
            let name = record.name.as_str();
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

/// How bad something is: nothing, a fault of the host, unreadable, changed.
fn rank(found: &Replayed) -> usize {
    match found {
        Replayed::Identical | Replayed::OtherEngine { .. } => 0,
        Replayed::HostFault => 1,
        Replayed::Unreadable { .. } => 2,
        Replayed::Changed { .. } => 3,
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
