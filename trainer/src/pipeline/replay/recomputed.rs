//! What follows from a file's rows: their numbers, the step's metrics and the advantages.

use std::collections::BTreeMap;

use rlhost_host::replay::{Difference, Replayed};
use serde_json::{Value, json};

use super::recorded::{Entry, RecordFile};
use super::{Place, ReplayReport};
use crate::Result;
use crate::algorithm::{AdvantageMethod, Advantages, Rows};
use crate::config::{Config, is_component};
use crate::pipeline::arithmetic::advantage_method;
use crate::pipeline::comparison::{Comparison, learnt, row_advantage};
use crate::pipeline::evaluation::Evaluation;
use crate::pipeline::measure::Weights;
use crate::pipeline::sampled::{Sampled, describe_advantages, describe_samples};
use crate::rollout::FinishReason;
use crate::run::{MetricsLine, Origin, Proof, metric_proof};

/// The arithmetic of a run, as far as scores and lengths decide it.
pub(super) struct Arithmetic<'a> {
    config: &'a Config,
    /// The estimator; `None` where advantages depend on more: a critic, a divergence, a component.
    advantage: Option<AdvantageMethod>,
}

impl<'a> Arithmetic<'a> {
    pub(super) fn of(config: &'a Config) -> Result<Self> {
        let algorithm = &config.algorithm;
        let mut advantage = None;
        if !is_component(&algorithm.adv_estimator) && !algorithm.use_kl_in_reward {
            let method = advantage_method(config)?;
            let by_critic = config.critic.is_some() && method.takes_values();
            advantage = (!by_critic).then_some(method);
        }
        Ok(Self { config, advantage })
    }

    /// Numbers of a file's rows that are not as they follow from their places, row by row. Places say nothing where
    /// the file is not `whole`.
    pub(super) fn misnumbered(
        &self,
        file: &RecordFile,
        entries: &[Entry],
        whole: bool,
    ) -> Vec<Vec<Difference>> {
        let mut found: Vec<Vec<Difference>> = entries.iter().map(|_| Vec::new()).collect();
        let mut groups_of: BTreeMap<u64, usize> = BTreeMap::new();
        for (at, group) in groups(entries) {
            let first = &group[0].row;
            let known = groups_of.insert(first.draw, at);
            let mut policy = 0;
            for (number, entry) in group.iter().enumerate() {
                let row = &entry.row;
                let mut is = |field: &str, old: Value, new: Value| {
                    if old != new {
                        let field = field.to_owned();
                        found[at + number].push(Difference { field, old, new });
                    }
                };
                is("step", json!(row.step), json!(file.step));
                if whole {
                    is("sample", json!(row.sample), json!(number));
                }
                if known.is_some() {
                    is("draw", json!(row.draw), Value::Null);
                }
                if file.validation {
                    // Held-out prompts are taken in the order of the data.
                    is("draw", json!(row.draw), json!(row.index));
                }
                // The completions of a prompt have the prompt's row.
                is("index", json!(row.index), json!(first.index));
                is("prompt", json!(row.prompt), json!(first.prompt));
                let origin = match row.origin {
                    Origin::Policy => {
                        policy += 1;
                        policy <= self.samples(file.validation) && number + 1 == policy
                    }
                    Origin::Target => !file.validation && number == policy,
                    Origin::Greedy => {
                        !file.validation && self.compares_greedily() && number + 1 == group.len()
                    }
                };
                if whole && !origin {
                    is("origin", json!(row.origin), Value::Null);
                }
                let longest = match row.origin {
                    Origin::Policy if file.validation => 0,
                    Origin::Policy | Origin::Target => row.tokens,
                    Origin::Greedy => 0,
                };
                if row.prefix_tokens > longest {
                    is("prefix_tokens", json!(row.prefix_tokens), json!(longest));
                }
                if file.validation {
                    is("advantage", json!(row.advantage), Value::Null);
                }
                let longest = self.config.data.max_response_length as u64;
                is("tokens", json!(row.tokens), json!(row.tokens.min(longest)));
                if finish(entry).is_none() {
                    is("finish_reason", json!(row.finish_reason), Value::Null);
                }
            }
        }
        found
    }

    /// Completions of a prompt that the policy samples.
    fn samples(&self, validation: bool) -> usize {
        let rollout = &self.config.rollout;
        if validation {
            rollout.val_override_config.n
        } else {
            rollout.n
        }
    }

    fn compares_greedily(&self) -> bool {
        // A component may ask for baselines too.
        self.advantage
            .as_ref()
            .is_none_or(AdvantageMethod::needs_baselines)
    }

    /// Computes the metrics of a file's line again, and a step's advantages. Adds what differs in the metrics to
    /// `report`, and in the rows to `rows`.
    pub(super) fn check(
        &self,
        file: &RecordFile,
        entries: &[Entry],
        rows: &mut [Vec<Difference>],
        report: &mut ReplayReport,
    ) {
        let Some(line) = &file.metrics else { return };
        let samples: Option<Vec<_>> = entries.iter().map(|e| self.sampled(e)).collect();
        // A row that no run writes is found by `misnumbered`.
        let Some(samples) = samples else { return };
        let mut metrics = if file.validation {
            Evaluation::of(&samples, self.config).metrics
        } else {
            describe_samples(&samples, &Weights::of(self.config))
        };
        let mut recomputed = true;
        if !file.validation {
            self.add_tries(entries, &mut metrics);
            let found = self.check_advantages(entries, &samples, &mut metrics, rows);
            recomputed = found.unwrap_or_else(|error| {
                let reason = format!("advantages: {error}");
                report.contradict(file.place(), Replayed::Unreadable { reason });
                false
            });
            let counts = &mut report.proof.advantages;
            *(if recomputed {
                &mut counts.recomputed
            } else {
                &mut counts.bound
            }) += entries.len();
        }
        let place = file.place();
        compare_metrics(line, &metrics, recomputed, place, report);
    }

    /// How often prompts were drawn.
    fn add_tries(&self, entries: &[Entry], metrics: &mut BTreeMap<String, f64>) {
        if self.config.algorithm.online_filtering {
            let drawn = groups(entries).count() as f64;
            let tries = drawn / self.config.data.train_batch_size as f64;
            metrics.insert("sampling/tries".into(), tries);
        }
    }

    /// Compares the rows' advantages with those that follow from the scores, and adds their metrics; whether they
    /// do follow.
    fn check_advantages(
        &self,
        entries: &[Entry],
        samples: &[Sampled<'_>],
        metrics: &mut BTreeMap<String, f64>,
        rows: &mut [Vec<Difference>],
    ) -> Result<bool> {
        // Dynamic sampling puts the groups that it leaves out behind the others.
        let most = if self.config.algorithm.online_filtering {
            self.config.data.train_batch_size
        } else {
            usize::MAX
        };
        let kept: Vec<_> = groups(entries).take(most).collect();
        let known = self.advantages(&kept, samples)?;
        if let Some(advantages) = &known {
            describe_advantages(metrics, advantages);
        }
        let mut expected: Vec<Option<f64>> = vec![None; entries.len()];
        let mut first = 0;
        for (at, group) in &kept {
            let learnt = learnt(group.iter().map(|entry| entry.row.origin));
            for row in 0..learnt {
                expected[at + row] = match &known {
                    Some(advantages) => row_advantage(advantages, first + row),
                    None => entries[at + row].row.advantage,
                };
            }
            first += learnt;
        }
        for ((entry, expected), found) in entries.iter().zip(expected).zip(rows) {
            let old = entry.row.advantage;
            if old.map(f64::to_bits) != expected.map(f64::to_bits) {
                found.push(Difference {
                    field: "advantage".to_owned(),
                    old: json!(old),
                    new: json!(expected),
                });
            }
        }
        Ok(known.is_some())
    }

    /// Advantages of the groups that are learnt from, where scores and lengths decide them.
    fn advantages(
        &self,
        kept: &[(usize, &[Entry])],
        samples: &[Sampled<'_>],
    ) -> Result<Option<Advantages>> {
        let Some(method) = &self.advantage else {
            return Ok(None);
        };
        let of_group = |(at, group): &(usize, &[Entry])| {
            let samples = &samples[*at..*at + group.len()];
            (group[0].row.draw, samples.to_vec())
        };
        let comparison = Comparison::of(self.config, kept.iter().map(of_group));
        let mut offsets = vec![0];
        let mut steps = Vec::new();
        for (at, group) in kept {
            let learnt = learnt(group.iter().map(|entry| entry.row.origin));
            for (entry, sample) in group.iter().zip(&samples[*at..]).take(learnt) {
                let found = &entry.judgement.steps;
                // Which token holds the end of a step, only the token ids tell.
                if found.iter().any(|step| step.end_byte.is_some()) {
                    return Ok(None);
                }
                let last = sample.tokens.saturating_sub(1);
                steps.push(found.iter().map(|step| (last, step.value)).collect());
                offsets.push(offsets[offsets.len() - 1] + sample.tokens);
            }
        }
        let tokens = offsets[offsets.len() - 1];
        let rows = Rows::new(offsets, vec![true; tokens])?;
        let rewards = comparison.rewards(&steps, &rows)?;
        let mut advantages = method.advantage(&comparison.input(&rewards, &rows), None)?;
        comparison.train(self.config, &mut advantages)?;
        Ok(Some(advantages))
    }

    /// A row as its step saw it; nothing for one that no step has.
    fn sampled<'e>(&self, entry: &'e Entry) -> Option<Sampled<'e>> {
        let row = &entry.row;
        let longest = self.config.data.max_response_length as u64;
        if row.tokens > longest || row.prefix_tokens > row.tokens {
            return None;
        }
        Some(Sampled {
            origin: row.origin,
            draw: row.draw,
            data_source: &row.data_source,
            problem_type: &row.problem_type,
            text: &row.response,
            tokens: row.tokens as usize,
            prefix: row.prefix_tokens as usize,
            finish: finish(entry)?,
            judgement: &entry.judgement,
        })
    }
}

/// The groups of a file, completions of one prompt that stand together, each with its first row.
pub(super) fn groups(entries: &[Entry]) -> impl Iterator<Item = (usize, &[Entry])> {
    let mut at = 0;
    entries
        .chunk_by(|a, b| a.row.draw == b.row.draw)
        .map(move |group| {
            at += group.len();
            (at - group.len(), group)
        })
}

/// Why a row's response ended.
fn finish(entry: &Entry) -> Option<FinishReason> {
    let mut reasons = [FinishReason::Stop, FinishReason::Length].into_iter();
    reasons.find(|reason| reason.as_str() == entry.row.finish_reason)
}

/// Compares a line of metrics with what was computed again; `advantages` says whether those were.
fn compare_metrics(
    line: &MetricsLine,
    again: &BTreeMap<String, f64>,
    advantages: bool,
    place: Place,
    report: &mut ReplayReport,
) {
    let mut differences = Vec::new();
    for (name, new) in again {
        let old = line.values.get(name);
        if old.map(|old| old.to_bits()) != Some(new.to_bits()) {
            differences.push(difference(name, json!(old), json!(new)));
        }
    }
    report.proof.metrics.recomputed += again.len();
    for (name, old) in &line.values {
        if again.contains_key(name) {
            continue;
        }
        let of_advantages = !advantages && depends_on_advantages(name);
        if metric_proof(name) == Some(Proof::Bound) || of_advantages {
            report.proof.metrics.bound += 1;
        } else {
            differences.push(difference(name, json!(old), Value::Null));
        }
    }
    if !differences.is_empty() {
        report.contradict(place, Replayed::Changed { differences });
    }
}

/// Whether a metric says something of the advantages.
fn depends_on_advantages(name: &str) -> bool {
    name.starts_with("advantage/") || name.starts_with("sampling/dropped_")
}

fn difference(metric: &str, old: Value, new: Value) -> Difference {
    let field = format!("metrics.jsonl: {metric}");
    Difference { field, old, new }
}
