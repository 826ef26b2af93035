//! What came of judging a sample.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What came of judging one sample. Only [`Outcome::Score`] carries a score.
///
/// ```
/// use rlhost_host::Outcome;
///
/// assert_eq!(Outcome::BudgetExhausted.to_string(), "budget-exhausted");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The plugin gave a verdict.
    Score,
    /// The plugin can't judge this sample, through nobody's fault.
    Abstain,
    /// The plugin says that the reference answer is missing or can't be read.
    InvalidReference,
    /// The plugin says that it is at fault itself.
    Internal,
    /// The guest trapped: it panicked, divided by zero, left its memory or broke the calling convention.
    Trap,
    /// The guest used up its fuel.
    BudgetExhausted,
    /// The guest asked for more memory than it may have.
    MemoryExhausted,
    /// The guest recursed deeper than its stack.
    StackExhausted,
    /// The guest's answer is larger than allowed.
    OutputTooLarge,
    /// The guest's answer breaks the contract: wrong count, a NaN or infinite value, a part twice.
    ProtocolError,
    /// The host failed, or its safety net of processor time was hit. Says nothing about sample or plugin.
    HostFault,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Score,
        Self::Abstain,
        Self::InvalidReference,
        Self::Internal,
        Self::Trap,
        Self::BudgetExhausted,
        Self::MemoryExhausted,
        Self::StackExhausted,
        Self::OutputTooLarge,
        Self::ProtocolError,
        Self::HostFault,
    ];

    /// The name that records and configurations use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Abstain => "abstain",
            Self::InvalidReference => "invalid-reference",
            Self::Internal => "internal",
            Self::Trap => "trap",
            Self::BudgetExhausted => "budget-exhausted",
            Self::MemoryExhausted => "memory-exhausted",
            Self::StackExhausted => "stack-exhausted",
            Self::OutputTooLarge => "output-too-large",
            Self::ProtocolError => "protocol-error",
            Self::HostFault => "host-fault",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_the_serialised_names() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }
}
