//! What goes into an algorithm and what comes out, as plain Rust.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bindings::algorithm::exports::rlhost::plugin::objective as wit;
use crate::{Outcome, ParamInfo};

/// What an algorithm says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlgorithmInfo {
    /// A short name, such as `gspo`.
    pub name: String,
    /// The component's own version.
    pub version: String,
    /// What it computes.
    pub doc: String,
    /// Whether it provides advantages.
    pub advantage: bool,
    /// What its policy loss has to see at once; `None` where it provides none.
    pub policy_loss: Option<LossScope>,
    /// The arrays that it needs besides those that are always there.
    pub needs: Vec<Input>,
    /// The parameters that it understands.
    pub params: Vec<ParamInfo>,
}

impl AlgorithmInfo {
    /// Whether it asks for an array.
    pub fn needs(&self, input: Input) -> bool {
        self.needs.contains(&input)
    }
}

/// What a policy loss has to see at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossScope {
    /// Some rows of a mini-batch.
    Row,
    /// All rows of the mini-batch.
    Batch,
}

/// An array that not every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// A critic's values.
    Values,
    /// Scores of greedy completions.
    Baselines,
    /// Log-probs under the reference policy.
    RefLogp,
    /// Log-probs as the sampler computed them.
    RolloutLogp,
    /// Entropies.
    Entropy,
    /// Which tokens a target wrote.
    PrefixMask,
    /// The whole score of each row.
    RowScores,
    /// Log-probs of the target's tokens.
    TargetLogp,
}

impl Input {
    /// The name that descriptions use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Baselines => "baselines",
            Self::RefLogp => "ref-logp",
            Self::RolloutLogp => "rollout-logp",
            Self::Entropy => "entropy",
            Self::PrefixMask => "prefix-mask",
            Self::RowScores => "row-scores",
            Self::TargetLogp => "target-logp",
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Ragged rows of tokens: row `i` is the entries `offsets[i]..offsets[i + 1]` of arrays with one entry
/// per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows<'a> {
    /// One more than there are rows, from 0 to the number of tokens.
    pub offsets: &'a [usize],
    /// Which tokens are trained.
    pub mask: &'a [bool],
}

impl Rows<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All rows of a step, for [`AlgorithmRunner::advantage`](super::AlgorithmRunner::advantage).
#[derive(Debug, Clone, Copy)]
pub struct AdvantageInput<'a> {
    /// The rows; nothing is trained in those that left the step.
    pub rows: Rows<'a>,
    /// The reward of each token.
    pub rewards: &'a [f64],
    /// The group of each row.
    pub groups: &'a [u64],
    /// Whether each row stays in the step.
    pub kept: &'a [bool],
    /// A critic's value of each token.
    pub values: Option<&'a [f64]>,
    /// The score of a greedy completion of each row's prompt.
    pub baselines: Option<&'a [f64]>,
}

/// What an algorithm makes of a step's rewards: one finite number per token each, 0 where nothing is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Advantages {
    /// Advantages.
    pub advantages: Vec<f64>,
    /// What a critic learns.
    pub returns: Vec<f64>,
}

/// Some rows of a mini-batch, for [`AlgorithmRunner::policy_loss`](super::AlgorithmRunner::policy_loss). Arrays
/// have one entry per token where nothing else is said.
#[derive(Debug, Clone, Copy)]
pub struct LossInput<'a> {
    /// The rows.
    pub rows: Rows<'a>,
    /// Log-probs under the weights being trained.
    pub logp: &'a [f64],
    /// Log-probs under the weights at the start of the step.
    pub old_logp: &'a [f64],
    /// Advantages.
    pub advantages: &'a [f64],
    /// Log-probs under the reference policy.
    pub ref_logp: Option<&'a [f64]>,
    /// Log-probs as the sampler computed them.
    pub rollout_logp: Option<&'a [f64]>,
    /// Entropies of the next-token distributions.
    pub entropy: Option<&'a [f64]>,
    /// Which tokens a target wrote.
    pub prefix_mask: Option<&'a [bool]>,
    /// The whole score of each row.
    pub row_scores: Option<&'a [f64]>,
    /// Log-probs of the target's tokens under whoever wrote them.
    pub target_logp: Option<&'a [f64]>,
    /// For losses that draw tokens.
    pub seed: u64,
}

impl<'a> LossInput<'a> {
    /// Without any of what only some algorithms need.
    pub fn new(
        rows: Rows<'a>,
        logp: &'a [f64],
        old_logp: &'a [f64],
        advantages: &'a [f64],
    ) -> Self {
        Self {
            rows,
            logp,
            old_logp,
            advantages,
            ref_logp: None,
            rollout_logp: None,
            entropy: None,
            prefix_mask: None,
            row_scores: None,
            target_logp: None,
            seed: 0,
        }
    }
}

/// Counts of the whole mini-batch that a micro-batch belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Trained tokens.
    pub tokens: u64,
    /// Rows with at least one trained token.
    pub rows: u64,
    /// Trained tokens that a target wrote.
    pub prefix_tokens: u64,
    /// Rows with at least one of those.
    pub prefix_rows: u64,
    /// Trained tokens of such rows.
    pub prefix_row_tokens: u64,
    /// The longest possible response in tokens.
    pub norm_length: u64,
}

/// A micro-batch's share of the mini-batch's loss. All numbers are finite, and gradients 0 where nothing is
/// trained.
#[derive(Debug, Clone, PartialEq)]
pub struct LossOutput {
    /// The policy loss.
    pub loss: f64,
    /// Its derivative with respect to each `logp`.
    pub d_logp: Vec<f64>,
    /// Its derivative with respect to each entropy, if it depends on them.
    pub d_entropy: Option<Vec<f64>>,
    /// Numbers for the curves, by name.
    pub metrics: BTreeMap<String, f64>,
}

/// Why an algorithm gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AlgorithmFault {
    /// Its description says that it does not provide the function.
    #[error("is not provided by this component")]
    NotProvided,
    /// It says itself why.
    #[error("refused: {0}")]
    Refused(String),
    /// The engine stopped it.
    #[error("ended with {outcome}: {message}")]
    Ended {
        /// How it ended: [`Outcome::Trap`], [`Outcome::BudgetExhausted`], [`Outcome::MemoryExhausted`] and so on.
        outcome: Outcome,
        /// What the engine said.
        message: String,
    },
    /// An array of its answer has another length than the batch.
    #[error("returned {found} numbers as `{what}` where the batch has {wanted} tokens")]
    WrongLength {
        /// The array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// Tokens of the batch.
        wanted: usize,
    },
    /// A number of its answer is NaN or infinite.
    #[error("returned {value} as {what}")]
    NotFinite {
        /// The number's name, with the token where it belongs to one.
        what: String,
        /// The number.
        value: f64,
    },
    /// A metric that has no usable name, or is one of too many.
    #[error("returned metrics that can't be kept: {0}")]
    Metrics(String),
    /// What it was to be given is no batch.
    #[error("was not called: {0}")]
    Input(String),
}

impl From<wit::AlgorithmInfo> for AlgorithmInfo {
    fn from(info: wit::AlgorithmInfo) -> Self {
        Self {
            name: info.name,
            version: info.version,
            doc: info.doc,
            advantage: info.advantage,
            policy_loss: info.policy_loss.map(|scope| match scope {
                wit::LossScope::Row => LossScope::Row,
                wit::LossScope::Batch => LossScope::Batch,
            }),
            needs: info.needs.into_iter().map(Input::from).collect(),
            params: info.params.into_iter().map(ParamInfo::from).collect(),
        }
    }
}

impl From<wit::Input> for Input {
    fn from(input: wit::Input) -> Self {
        match input {
            wit::Input::Values => Self::Values,
            wit::Input::Baselines => Self::Baselines,
            wit::Input::RefLogp => Self::RefLogp,
            wit::Input::RolloutLogp => Self::RolloutLogp,
            wit::Input::Entropy => Self::Entropy,
            wit::Input::PrefixMask => Self::PrefixMask,
            wit::Input::RowScores => Self::RowScores,
            wit::Input::TargetLogp => Self::TargetLogp,
        }
    }
}

impl From<Totals> for wit::Totals {
    fn from(totals: Totals) -> Self {
        Self {
            tokens: totals.tokens,
            rows: totals.rows,
            prefix_tokens: totals.prefix_tokens,
            prefix_rows: totals.prefix_rows,
            prefix_row_tokens: totals.prefix_row_tokens,
            norm_length: totals.norm_length,
        }
    }
}
