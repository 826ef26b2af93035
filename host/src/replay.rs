//! Recorded verdicts beside recomputed ones.
//!
//! A replay makes a sample again, scores it with the component of its receipt, and compares. Where
//! what the score was made of can't be made again, nothing can be said of the score ([`Replayed::Unreadable`]);
//! where it can, the result is the same or it is not.
//!
//! ```no_run
//! use rlhost_host::replay::{self, Replayed};
//! use rlhost_host::{Host, Judgement, Limits, Sample, Scorer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (recorded, sample): (Judgement, Sample) = unimplemented!();
//! let plugin = Host::builder().build()?.load("math")?;
//! let scorer = Scorer::new(&plugin, &serde_json::Map::new(), Limits::default())?;
//! match replay::compare(&recorded.rewards[0], &scorer.score(&[sample])[0]) {
//!     Replayed::Identical => println!("identical"),
//!     other => println!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::capability::{exchanges_digest, is_not_recorded};
use crate::{Judgement, Outcome, RewardRecord, Scored};

/// What a replay says about one recorded verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Replayed {
    /// The same ingredients gave the same result.
    Identical,
    /// Made by another version of the engine or on another architecture, which is never identical. What is
    /// promised to be the same there is the same; `differences` lists what another engine may do otherwise:
    /// fuel, messages, and where fuel or stack run out. Only a record that claims nothing, neither a total
    /// nor parts, is excused for running out.
    OtherEngine {
        /// What differs, if anything.
        differences: Vec<Difference>,
    },
    /// The host failed, then or now, which says nothing about the sample.
    HostFault,
    /// The same ingredients gave another result, or the record contradicts itself.
    Changed {
        /// What differs.
        differences: Vec<Difference>,
    },
    /// What the score was made of can't be made again.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// A value that differs between record and replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The field, such as `total` or `parts.accuracy`.
    pub field: String,
    /// What the record says; null where it has no such field.
    pub old: Value,
    /// What the replay says.
    pub new: Value,
}

/// Compares the record of a reward with the verdict of a replay. `new` must come from the component
/// that the receipt names.
///
/// Numbers are compared bit by bit. Parameters, limits, the input digest and the call digest are
/// ingredients: if one differs from the receipt's, the record is unreadable.
pub fn compare(old: &RewardRecord, new: &Scored) -> Replayed {
    let (then, now) = (&old.receipt, &new.receipt);
    let unreadable = |reason: String| Replayed::Unreadable { reason };
    if then.component != now.component {
        return unreadable(format!(
            "the receipt is of component {}, not of {}",
            then.component, now.component
        ));
    }
    if then.params != now.params {
        return unreadable("the run's parameters are not those of the receipt".to_owned());
    }
    if let Some((limit, [old, new])) = changed_limit(&then.engine, &now.engine) {
        return unreadable(format!(
            "the run's limit {limit} = {new} is not that of the receipt, {old}"
        ));
    }
    if then.interpreters != now.interpreters {
        return unreadable("the interpreters are not those of the receipt".to_owned());
    }
    if then.input != now.input {
        return unreadable(format!(
            "the sample is not that of the receipt: its input digest is {}, the receipt's {}",
            now.input, then.input
        ));
    }
    if then.call != now.call {
        return unreadable(
            "the samples of its call are not all there, or not those of the receipt".to_owned(),
        );
    }
    // In a call over several samples the exchanges stand on the first, and their digest on all.
    let carries = then.call.is_none() || !old.exchanges.is_empty();
    if carries && exchanges_digest(&old.exchanges) != then.exchanges {
        return unreadable("the exchanges are not those of the receipt".to_owned());
    }
    let failed_then = old.outcome == Outcome::HostFault && then.outcome == Outcome::HostFault;
    if failed_then && old.total.is_none() && old.parts.is_empty() {
        return Replayed::HostFault;
    }
    if is_not_recorded(new) {
        return unreadable(new.message.clone().unwrap_or_default());
    }
    if new.outcome == Outcome::HostFault {
        return Replayed::HostFault;
    }
    let mut found = Differences::default();
    found.of("digest", &old.digest, &now.component);
    found.numbers("total", old.total, new.total);
    found.parts(&old.parts, &new.parts);
    // The record says these twice.
    for (field, outcome) in [("outcome", old.outcome), ("receipt.outcome", then.outcome)] {
        found.of(field, &outcome, &new.outcome);
    }
    let other_engine = build(&then.engine) != build(&now.engine);
    let exhausted = matches!(
        old.outcome,
        Outcome::StackExhausted | Outcome::BudgetExhausted
    );
    let claims_nothing = old.total.is_none() && old.parts.is_empty() && old.outcome == then.outcome;
    let excused = other_engine && exhausted && claims_nothing && old.digest == now.component;
    if !other_engine {
        // The same build under the same limits says so in the same words.
        found.of("receipt.engine", &&*then.engine, &&*now.engine);
    }
    let changed = !found.0.is_empty() && !excused;
    for (field, fuel) in [("fuel", old.fuel), ("receipt.fuel", then.fuel)] {
        found.of(field, &fuel, &new.fuel);
    }
    found.of("receipt.exchanges", &then.exchanges, &now.exchanges);
    if old.log != new.log {
        found.add("log", json!(old.log), json!(new.log));
    }
    if old.message != new.message {
        found.add("message", json!(old.message), json!(new.message));
    }
    let differences = found.0;
    match (other_engine, differences.is_empty()) {
        (false, true) => Replayed::Identical,
        (true, _) if !changed => Replayed::OtherEngine { differences },
        _ => Replayed::Changed { differences },
    }
}

/// Compares the sums over a sample's rewards but for steps: `outcome`, `score` and `parts`.
pub fn compare_sums(old: &Judgement, new: &Judgement) -> Vec<Difference> {
    let mut found = Differences::default();
    found.of("outcome", &old.outcome, &new.outcome);
    found.numbers("score", old.score, new.score);
    found.parts(&old.parts, &new.parts);
    found.0
}

/// Compares the weighted steps of a sample's rewards. A record has them only here, so they can be compared only
/// with verdicts that were computed again.
pub fn compare_steps(old: &Judgement, new: &Judgement) -> Vec<Difference> {
    let mut found = Differences::default();
    let steps = |judgement: &Judgement| -> Vec<_> {
        let steps = judgement.steps.iter();
        steps
            .map(|step| (step.turn, step.end_byte, step.value.to_bits()))
            .collect()
    };
    if steps(old) != steps(new) {
        found.add("steps", json!(old.steps), json!(new.steps));
    }
    found.0
}

/// Engine, version and architecture of a receipt: its `engine` but for the limits.
pub fn build(engine: &str) -> &str {
    engine.rsplit_once('/').map_or(engine, |(build, _)| build)
}

/// The first limit that two receipts' `engine` give different values. A limit that only one of them
/// names is none: versions of this crate may know more of them than others.
fn changed_limit<'a>(then: &'a str, now: &'a str) -> Option<(&'a str, [&'a str; 2])> {
    let limits = |engine: &'a str| -> BTreeMap<&'a str, &'a str> {
        let limits = engine.rsplit_once('/').map_or("", |(_, limits)| limits);
        limits
            .split(',')
            .filter_map(|l| l.split_once('='))
            .collect()
    };
    let now = limits(now);
    limits(then).into_iter().find_map(|(name, old)| {
        let new = *now.get(name)?;
        (old != new).then_some((name, [old, new]))
    })
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, field: impl Into<String>, old: Value, new: Value) {
        self.0.push(Difference {
            field: field.into(),
            old,
            new,
        });
    }

    fn of<T: PartialEq + Serialize>(&mut self, field: &str, old: &T, new: &T) {
        if old != new {
            self.add(field, json!(old), json!(new));
        }
    }

    fn numbers(&mut self, field: impl Into<String>, old: Option<f64>, new: Option<f64>) {
        if old.map(f64::to_bits) != new.map(f64::to_bits) {
            self.add(field, json!(old), json!(new));
        }
    }

    fn parts(&mut self, old: &BTreeMap<String, f64>, new: &BTreeMap<String, f64>) {
        for (part, value) in old {
            self.numbers(
                format!("parts.{part}"),
                Some(*value),
                new.get(part).copied(),
            );
        }
        for (part, value) in new {
            if !old.contains_key(part) {
                self.numbers(format!("parts.{part}"), None, Some(*value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Digest, LogLevel, LogLine, Receipt, StepReward};

    const HERE: &str = "wasmtime-48.0.8/x86_64/fuel=100,memory=65536";

    fn scored() -> Scored {
        let digest = Digest::of(b"");
        Scored {
            outcome: Outcome::Score,
            total: Some(0.5),
            parts: BTreeMap::from([("accuracy".to_owned(), 1.0)]),
            steps: Vec::new(),
            fuel: 60,
            message: None,
            log: Vec::new(),
            exchanges: Vec::new(),
            receipt: Receipt {
                component: digest,
                input: digest,
                call: Some(digest),
                params: digest,
                interpreters: Vec::new(),
                exchanges: None,
                engine: HERE.into(),
                fuel: 60,
                outcome: Outcome::Score,
            },
        }
    }

    fn record() -> RewardRecord {
        let scored = scored();
        RewardRecord {
            name: "math".to_owned(),
            digest: scored.receipt.component,
            outcome: scored.outcome,
            total: scored.total,
            parts: scored.parts,
            fuel: scored.fuel,
            message: scored.message,
            log: scored.log,
            exchanges: scored.exchanges,
            receipt: scored.receipt,
        }
    }

    /// The fields that differ after `edit`.
    fn changed(edit: impl FnOnce(&mut RewardRecord)) -> Vec<String> {
        let mut old = record();
        edit(&mut old);
        match compare(&old, &scored()) {
            Replayed::Changed { differences } => differences.into_iter().map(|d| d.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_field_counts() {
        assert_eq!(compare(&record(), &scored()), Replayed::Identical);
        let other = Digest::of(b"other");
        assert_eq!(changed(|r| r.total = None), ["total"]);
        assert_eq!(changed(|r| r.total = Some(0.5 + f64::EPSILON)), ["total"]);
        assert_eq!(changed(|r| r.outcome = Outcome::Trap), ["outcome"]);
        assert_eq!(
            changed(|r| r.receipt.outcome = Outcome::Abstain),
            ["receipt.outcome"]
        );
        assert_eq!(changed(|r| r.fuel = 61), ["fuel"]);
        assert_eq!(changed(|r| r.receipt.fuel = 61), ["receipt.fuel"]);
        assert_eq!(changed(|r| r.digest = other), ["digest"]);
        assert_eq!(changed(|r| r.message = Some("m".into())), ["message"]);
        assert_eq!(
            changed(|r| r.parts = BTreeMap::from([("format".to_owned(), 0.0)])),
            ["parts.format", "parts.accuracy"]
        );
        let line = LogLine {
            level: LogLevel::Info,
            message: "m".to_owned(),
        };
        assert_eq!(changed(|r| r.log = vec![line]), ["log"]);
        let mut old = record();
        old.total = Some(0.0);
        let mut new = scored();
        new.total = Some(-0.0);
        assert!(matches!(compare(&old, &new), Replayed::Changed { .. }));
    }

    #[test]
    fn other_ingredients_are_unreadable() {
        type Edit = fn(&mut Receipt, Digest);
        let other = Digest::of(b"other");
        let edits: [(Edit, &str); 6] = [
            (|r, other| r.component = other, "component"),
            (|r, other| r.params = other, "parameters"),
            (|r, other| r.input = other, "input digest"),
            (|r, _| r.call = None, "samples of its call"),
            (|r, other| r.interpreters = vec![other], "interpreters"),
            (
                |r, _| r.engine = r.engine.replace("fuel=100", "fuel=99").into(),
                "fuel = 100 is not that of the receipt, 99",
            ),
        ];
        for (edit, word) in edits {
            let mut old = record();
            edit(&mut old.receipt, other);
            let Replayed::Unreadable { reason } = compare(&old, &scored()) else {
                panic!("{word}");
            };
            assert!(reason.contains(word), "{reason}");
        }
    }

    #[test]
    fn a_fault_of_the_host_is_no_change() {
        let mut old = record();
        old.outcome = Outcome::HostFault;
        old.receipt.outcome = Outcome::HostFault;
        old.total = None;
        old.parts = BTreeMap::new();
        assert_eq!(compare(&old, &scored()), Replayed::HostFault);
        // But a record that only says so, beside a total or a receipt that say otherwise, is one.
        assert_eq!(changed(|r| r.outcome = Outcome::HostFault), ["outcome"]);
        old.total = Some(0.5);
        assert!(matches!(compare(&old, &scored()), Replayed::Changed { .. }));
    }

    #[test]
    fn exchanges_that_are_not_the_receipts_are_unreadable() {
        let mut old = record();
        old.receipt.call = None;
        let mut new = scored();
        new.receipt.call = None;
        old.receipt.exchanges = Some(Digest::of(b"other"));
        assert!(matches!(compare(&old, &new), Replayed::Unreadable { .. }));
        old.receipt.exchanges = None;
        assert_eq!(compare(&old, &new), Replayed::Identical);
        new.outcome = Outcome::HostFault;
        new.message =
            Some("a question to `judge` that is not recorded, and a replay asks nobody".into());
        assert!(matches!(compare(&old, &new), Replayed::Unreadable { .. }));
    }

    #[test]
    fn limits_are_not_dropped_from_a_receipt() {
        assert_eq!(
            changed(|r| r.receipt.engine = "wasmtime-48.0.8/x86_64/fuel=100".into()),
            ["receipt.engine"]
        );
    }

    /// What a record claims besides.
    type Claim = fn(&mut RewardRecord);

    #[test]
    fn another_engine_may_use_other_fuel() {
        let elsewhere = |edit: fn(&mut RewardRecord)| {
            let mut old = record();
            // Limits that only one side names are none that changed.
            old.receipt.engine = "wasmtime-48.0.8/aarch64/fuel=100,tables=5".into();
            edit(&mut old);
            compare(&old, &scored())
        };
        let none = Vec::new();
        assert_eq!(
            elsewhere(|_| ()),
            Replayed::OtherEngine { differences: none }
        );
        let Replayed::OtherEngine { differences } = elsewhere(|r| r.fuel = 59) else {
            panic!("fuel counts");
        };
        assert_eq!(differences[0].field, "fuel");
        assert_eq!(
            (&differences[0].old, &differences[0].new),
            (&json!(59), &json!(60))
        );
        let exhausted = |r: &mut RewardRecord| {
            r.outcome = Outcome::StackExhausted;
            r.receipt.outcome = Outcome::StackExhausted;
            r.total = None;
            r.parts = BTreeMap::new();
        };
        let stack = elsewhere(exhausted);
        assert!(matches!(stack, Replayed::OtherEngine { .. }), "{stack:?}");
        // Running out excuses nothing that a record claims besides.
        let claims: [Claim; 4] = [
            |r| r.total = Some(1.0),
            |r| r.parts = BTreeMap::from([("accuracy".to_owned(), 1.0)]),
            |r| r.receipt.outcome = Outcome::Score,
            |r| r.digest = Digest::of(b"other"),
        ];
        for claim in claims {
            let mut old = record();
            old.receipt.engine = "wasmtime-48.0.8/aarch64/fuel=100".into();
            exhausted(&mut old);
            claim(&mut old);
            let found = compare(&old, &scored());
            assert!(matches!(found, Replayed::Changed { .. }), "{found:?}");
        }
        // A score must be the same everywhere.
        let total = elsewhere(|r| r.total = Some(0.25));
        assert!(matches!(total, Replayed::Changed { .. }), "{total:?}");
    }

    #[test]
    fn sums_are_compared() {
        let step = StepReward {
            turn: 0,
            end_byte: None,
            value: 0.5,
        };
        let old = Judgement {
            outcome: Outcome::Score,
            score: Some(0.5),
            parts: BTreeMap::new(),
            steps: vec![step],
            rewards: Vec::new(),
        };
        assert_eq!(compare_sums(&old, &old), []);
        assert_eq!(compare_steps(&old, &old), []);
        let mut new = old.clone();
        new.score = Some(0.75);
        new.steps[0].end_byte = Some(3);
        let found = [compare_sums(&old, &new), compare_steps(&old, &new)].concat();
        let fields: Vec<_> = found.into_iter().map(|d| d.field).collect();
        assert_eq!(fields, ["score", "steps"]);
    }
}
