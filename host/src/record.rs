//! The one record of a judged sample, wherever it is written: `rlhost score`, the server, rollouts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::{Exchange, LogLine, Outcome, Receipt, Scored};

/// A judged sample with its place: one line of JSON.
///
/// Equal records are equal bytes: field order is fixed and maps are sorted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the record's form: [`Record::VERSION`].
    pub v: u32,
    /// Ordinal of the record in its file, counted from 0.
    pub index: u64,
    /// Ordinal of the prompt in the run's data order.
    pub draw: u64,
    /// The sample's place in its group.
    pub sample: u32,
    /// What came of judging it.
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl Record {
    /// The version of the record's form that this crate writes.
    pub const VERSION: u32 = 1;

    /// A record of the current form.
    pub fn new(index: u64, draw: u64, sample: u32, judgement: Judgement) -> Self {
        Self {
            v: Self::VERSION,
            index,
            draw,
            sample,
            judgement,
        }
    }
}

/// What a set of rewards says about one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// `score` where there is a score; otherwise the outcome of the first reward (in name order) that
    /// made the sample abstain.
    pub outcome: Outcome,
    /// The weighted sum of all totals; absent where the sample abstains.
    pub score: Option<f64>,
    /// Named parts, unweighted. With several rewards they are named `REWARD/PART`.
    pub parts: BTreeMap<String, f64>,
    /// Step rewards, weighted; empty where the sample abstains.
    pub steps: Vec<StepReward>,
    /// What each reward said, in name order.
    pub rewards: Vec<RewardRecord>,
}

/// What one reward says about one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardRecord {
    /// The reward's name in the run.
    pub name: String,
    /// Digest of the component.
    pub digest: Digest,
    /// What came of it.
    pub outcome: Outcome,
    /// The verdict's total, unweighted; absent where there is no verdict.
    pub total: Option<f64>,
    /// The verdict's parts, under the plugin's own names.
    pub parts: BTreeMap<String, f64>,
    /// Fuel that was used. A call over several samples notes it on the first of them.
    pub fuel: u64,
    /// Why there is no verdict.
    pub message: Option<String>,
    /// What the plugin wrote to its log. A call over several samples notes it on the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
    /// What the plugin asked others, and their answers. A call over several samples notes them on the
    /// first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// What the score was made of.
    pub receipt: Receipt,
}

impl From<&RewardRecord> for Scored {
    /// The verdict that a record states. It has no steps: a record has them only in the sum over all rewards.
    fn from(record: &RewardRecord) -> Self {
        Self {
            outcome: record.outcome,
            total: record.total,
            parts: record.parts.clone(),
            steps: Vec::new(),
            fuel: record.fuel,
            message: record.message.clone(),
            log: record.log.clone(),
            exchanges: record.exchanges.clone(),
            receipt: record.receipt.clone(),
        }
    }
}

/// A reward that belongs to one place in the response.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepReward {
    /// Index of the turn.
    pub turn: u32,
    /// UTF-8 offset of the end of the step in that turn's text; the end of the turn where absent.
    pub end_byte: Option<u64>,
    /// What this step earned: a share of the total, not an addition to it.
    pub value: f64,
}
