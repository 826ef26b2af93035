//! A run's samples under another plugin: old and new side by side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rlhost_host::{Allow, Capability, Digest, HostBuilder, Outcome, RewardRecord, Scored, Scorer};
use serde::Serialize;
use serde_json::{Map, Value};

use super::recorded::{Images, RecordFile, Recorded};
use super::written::Written;
use super::{Finding, Place, ReplayOptions, open};
use crate::config::Config;
use crate::pipeline::rewards::{hosts, reward_host, reward_limits};
use crate::{Error, Result};
use rlhost_host::replay::Replayed;

/// The plugin that a run's samples are scored with anew.
#[derive(Clone, Debug, Default)]
pub struct Rescoring {
    /// The path of a component, or the name of a plugin.
    pub plugin: String,
    /// Parameters. Those of the run that the plugin knows stay where none is given here.
    pub params: Map<String, Value>,
}

/// Old and new verdicts over a run's samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RescoreReport {
    /// The reward whose records are the old verdicts.
    pub reward: String,
    /// The file of the new plugin.
    pub plugin: PathBuf,
    /// SHA-256 of that file.
    pub digest: Digest,
    /// The parameters of the new verdicts: the text of a JSON object.
    pub params: String,
    /// Samples with two verdicts.
    pub samples: usize,
    /// Samples whose outcome, total or parts differ.
    pub differ: usize,
    /// Samples that can't be made again.
    pub unreadable: usize,
    /// Mean totals.
    pub total: SideBySide,
    /// Mean parts.
    pub parts: BTreeMap<String, SideBySide>,
    /// How often which outcome became which.
    pub outcomes: Vec<Transition>,
    /// Samples whose totals differ the most, first those that differ most.
    pub worst: Vec<Disagreement>,
    /// Samples of which only one verdict is a score, in the order of the run.
    pub other_outcomes: Vec<Disagreement>,
    /// The first samples that can't be made again.
    pub findings: Vec<Finding>,
    /// Seconds that it took, reading included.
    pub seconds: f64,
}

/// An old and a new mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SideBySide {
    /// Of the records.
    pub old: Mean,
    /// Of the new plugin.
    pub new: Mean,
}

/// A mean over the samples that have a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Mean {
    /// The mean; none where no sample has a value.
    pub mean: Option<f64>,
    /// Samples that have one.
    pub samples: usize,
    #[serde(skip)]
    sum: f64,
}

/// How many samples had one outcome and have another, or the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The outcome of the record.
    pub old: Outcome,
    /// The outcome now.
    pub new: Outcome,
    /// Samples.
    pub samples: usize,
}

/// A sample with two verdicts that differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disagreement {
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// The reference answer, as JSON.
    pub answer: String,
    /// The completion.
    pub response: String,
    /// The verdict of the record.
    pub old: Verdict,
    /// The verdict of the new plugin.
    pub new: Verdict,
}

/// What a plugin said of a sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What came of it.
    pub outcome: Outcome,
    /// The total, if it is a score.
    pub total: Option<f64>,
    /// The parts.
    pub parts: BTreeMap<String, f64>,
    /// Why there is no score.
    pub message: Option<String>,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.join(Self {
            mean: None,
            samples: 1,
            sum: value,
        });
    }

    fn join(&mut self, other: Self) {
        self.sum += other.sum;
        self.samples += other.samples;
        self.mean = (self.samples > 0).then(|| self.sum / self.samples as f64);
    }
}

impl SideBySide {
    fn join(&mut self, other: Self) {
        self.old.join(other.old);
        self.new.join(other.new);
    }
}

impl Disagreement {
    /// Distance of the totals; none where a verdict is no score.
    fn distance(&self) -> Option<f64> {
        Some((self.old.total? - self.new.total?).abs())
    }
}

/// Scores the recorded samples of a run with another plugin. Receipts are not checked: that is what
/// [`replay`](super::replay) does.
///
/// # Errors
/// If there is no run, nothing is recorded of what was asked for, the plugin can't be loaded or does not
/// know a parameter, or the run has several rewards and none is named.
pub fn rescore(
    run: &Path,
    host: HostBuilder,
    options: &ReplayOptions,
    with: &Rescoring,
) -> Result<RescoreReport> {
    let start = Instant::now();
    let (folder, config) = open(run, options)?;
    let recorded = Recorded::of(&folder, &Written::read(&folder), options.step)?;
    let names: Vec<&String> = config.reward.keys().collect();
    let reward = match (&options.reward, names.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => *only,
        (None, names) => {
            let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
            return Err(Error::run(
                folder.config(),
                format!(
                    "the run has {} rewards; say which one the plugin stands for: {}",
                    names.len(),
                    names.join(", ")
                ),
            ));
        }
    };
    let scorer = scorer(&config, reward, host, with)?;
    let images = Images::new(&options.images);
    let found = recorded.each(scorer.plugin().host().threads(), |file| {
        Tally::of(file, &images, reward, &scorer, options.listed)
    });
    let mut sum = Tally::default();
    for file in found {
        sum.join(file, options.listed);
    }
    Ok(RescoreReport {
        reward: reward.clone(),
        plugin: scorer.plugin().path().to_owned(),
        digest: scorer.plugin().digest(),
        params: scorer.params().to_owned(),
        samples: sum.samples,
        differ: sum.differ,
        unreadable: sum.unreadable,
        total: sum.total,
        parts: sum.parts,
        outcomes: sum
            .outcomes
            .into_iter()
            .map(|((old, new), samples)| Transition { old, new, samples })
            .collect(),
        worst: sum.worst,
        other_outcomes: sum.other_outcomes,
        findings: sum.findings,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The new plugin under the limits of the reward that it stands for, and with what that was granted. It
/// may ask what the old one asked, whose answers are recorded; nobody else is asked.
fn scorer(config: &Config, reward: &str, host: HostBuilder, with: &Rescoring) -> Result<Scorer> {
    let host = reward_host(config, host)?;
    let table = config.reward.get(reward).cloned().unwrap_or_default();
    let plugin = host.load_with(with.plugin.as_str(), &reward_limits(&table))?;
    let known = |name: &String| plugin.info().params.iter().any(|param| param.name == *name);
    let mut params: Map<String, Value> = hosts(reward, "params", &table.params)?;
    params.retain(|name, _| known(name));
    params.extend(with.params.clone());
    let allow: Allow = hosts(reward, "allow", &table.allow)?;
    let runs_code = plugin.capabilities().contains(&Capability::Interpreter);
    let interpreters = if runs_code {
        allow.interpreters(&host)?
    } else {
        Vec::new()
    };
    let grants = allow.grants_for_replay(interpreters);
    Ok(Scorer::with_grants(
        &plugin,
        &params,
        plugin.limits(),
        grants,
    )?)
}

/// What a re-score found in some files.
#[derive(Default)]
struct Tally {
    samples: usize,
    differ: usize,
    unreadable: usize,
    total: SideBySide,
    parts: BTreeMap<String, SideBySide>,
    outcomes: BTreeMap<(Outcome, Outcome), usize>,
    worst: Vec<Disagreement>,
    other_outcomes: Vec<Disagreement>,
    findings: Vec<Finding>,
}

impl Tally {
    fn of(
        file: &RecordFile,
        images: &Images,
        reward: &str,
        scorer: &Scorer,
        listed: usize,
    ) -> Self {
        let loaded = file.load(images);
        let mut tally = Self::default();
        for (samples, reason) in loaded.broken {
            tally.lose(samples, file.place(), None, reason);
        }
        let mut samples = Vec::new();
        let mut members = Vec::new();
        for entry in &loaded.entries {
            let record = entry.judgement.rewards.iter().find(|r| r.name == reward);
            // The reward may not have been asked about this sample.
            let Some(record) = record else { continue };
            match &entry.sample {
                Ok(sample) => {
                    samples.push(sample.clone());
                    members.push((entry, record));
                }
                Err(reason) => {
                    let place = file.place_of(&entry.row);
                    tally.lose(1, place, Some(reward), reason.clone());
                }
            }
        }
        let exchanges: Vec<_> = members
            .iter()
            .map(|(_, old)| old.exchanges.clone())
            .collect();
        let again = scorer.replay(&samples, &exchanges);
        for ((entry, old), new) in members.into_iter().zip(again) {
            if tally.book(old, &new) {
                let disagreement = Disagreement {
                    place: file.place_of(&entry.row),
                    answer: entry.row.answer.clone(),
                    response: entry.row.response.clone(),
                    old: Verdict {
                        outcome: old.outcome,
                        total: old.total,
                        parts: old.parts.clone(),
                        message: old.message.clone(),
                    },
                    new: Verdict {
                        outcome: new.outcome,
                        total: new.total,
                        parts: new.parts,
                        message: new.message,
                    },
                };
                if disagreement.distance().is_some() {
                    tally.worst.push(disagreement);
                } else if old.outcome != new.outcome {
                    tally.other_outcomes.push(disagreement);
                }
            }
        }
        tally.shorten(listed);
        tally
    }

    /// Books samples that can't be made again.
    fn lose(&mut self, samples: usize, place: Place, reward: Option<&str>, reason: String) {
        self.unreadable += samples;
        self.findings.push(Finding {
            place,
            reward: reward.map(str::to_owned),
            found: Replayed::Unreadable { reason },
        });
    }

    /// Books two verdicts on one sample; whether they differ.
    fn book(&mut self, old: &RewardRecord, new: &Scored) -> bool {
        self.samples += 1;
        *self.outcomes.entry((old.outcome, new.outcome)).or_default() += 1;
        if let Some(total) = old.total {
            self.total.old.add(total);
        }
        if let Some(total) = new.total {
            self.total.new.add(total);
        }
        for (part, value) in &old.parts {
            self.parts.entry(part.clone()).or_default().old.add(*value);
        }
        for (part, value) in &new.parts {
            self.parts.entry(part.clone()).or_default().new.add(*value);
        }
        let differ = old.outcome != new.outcome || old.total != new.total || old.parts != new.parts;
        self.differ += usize::from(differ);
        differ
    }

    /// Adds what was found in the next file.
    fn join(&mut self, file: Self, listed: usize) {
        self.samples += file.samples;
        self.differ += file.differ;
        self.unreadable += file.unreadable;
        self.total.join(file.total);
        for (part, means) in file.parts {
            self.parts.entry(part).or_default().join(means);
        }
        for (outcomes, samples) in file.outcomes {
            *self.outcomes.entry(outcomes).or_default() += samples;
        }
        self.worst.extend(file.worst);
        self.other_outcomes.extend(file.other_outcomes);
        self.findings.extend(file.findings);
        self.shorten(listed);
    }

    /// Keeps the worst; of equals, those that come first in the run.
    fn shorten(&mut self, listed: usize) {
        self.worst.sort_by(|a, b| {
            let distance = |d: &Disagreement| d.distance().unwrap_or_default();
            distance(b).total_cmp(&distance(a))
        });
        self.worst.truncate(listed);
        self.other_outcomes.truncate(listed);
        self.findings.truncate(listed);
    }
}
