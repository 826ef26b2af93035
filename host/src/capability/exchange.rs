//! What a plugin asked others and what they answered: recorded, and served again in a replay.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, Outcome, Scored};

use super::Capability;

/// A question that a plugin asked outside of the sandbox, with the answer.
///
/// A score depends on it as on the sample, so it stands in the record, and its digest in the receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Who was asked: `judge` or `retriever`.
    pub capability: Capability,
    /// What was asked.
    pub request: Value,
    /// What came back.
    pub answer: Answer,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An answer.
    Ok(Value),
    /// Nobody answered, after all retries: why.
    Unavailable(String),
    /// The request was refused: why.
    Rejected(String),
}

/// Where answers come from in a call.
#[derive(Debug)]
pub(crate) enum Tape {
    /// From those who are asked; all is recorded.
    Record(Vec<Exchange>),
    /// From a record, each once.
    Replay {
        recorded: Vec<Exchange>,
        used: Vec<bool>,
        replayed: Vec<Exchange>,
    },
    /// Prepared ones, whatever is asked: each in its turn.
    Script {
        prepared: Vec<(Capability, Answer)>,
        told: Vec<Exchange>,
    },
}

impl Default for Tape {
    fn default() -> Self {
        Self::Record(Vec::new())
    }
}

impl Tape {
    /// A tape that serves what is recorded and asks nobody.
    pub(crate) fn replay(recorded: Vec<Exchange>) -> Self {
        Self::Replay {
            used: vec![false; recorded.len()],
            recorded,
            replayed: Vec::new(),
        }
    }

    /// A tape that answers with what is prepared, whatever is asked, and asks nobody.
    pub(crate) fn script(prepared: Vec<(Capability, Answer)>) -> Self {
        Self::Script {
            prepared,
            told: Vec::new(),
        }
    }

    /// The recorded answer to a request. `Ok(None)` says that it must be asked for (and then given to
    /// [`Tape::record`]).
    pub(crate) fn recorded_answer(
        &mut self,
        capability: Capability,
        request: &Value,
    ) -> Result<Option<Answer>, NotRecorded> {
        let (recorded, used, replayed) = match self {
            Self::Record(_) => return Ok(None),
            Self::Replay {
                recorded,
                used,
                replayed,
            } => (recorded, used, replayed),
            Self::Script { prepared, told } => {
                let next = prepared.iter().position(|(whose, _)| *whose == capability);
                let next = next.ok_or(NotRecorded(capability))?;
                let (_, answer) = prepared.remove(next);
                told.push(Exchange {
                    capability,
                    request: request.clone(),
                    answer: answer.clone(),
                });
                return Ok(Some(answer));
            }
        };
        let found = recorded
            .iter()
            .zip(used.iter_mut())
            .find(|(exchange, used)| {
                !**used && exchange.capability == capability && exchange.request == *request
            });
        let (exchange, used) = found.ok_or(NotRecorded(capability))?;
        *used = true;
        replayed.push(exchange.clone());
        Ok(Some(exchange.answer.clone()))
    }

    pub(crate) fn record(&mut self, exchange: Exchange) {
        if let Self::Record(exchanges) = self {
            exchanges.push(exchange);
        }
    }

    /// How many questions to `capability` have been answered.
    pub(crate) fn count(&self, capability: Capability) -> usize {
        self.exchanges()
            .iter()
            .filter(|exchange| exchange.capability == capability)
            .count()
    }

    fn exchanges(&self) -> &[Exchange] {
        match self {
            Self::Record(exchanges) => exchanges,
            Self::Replay { replayed, .. } => replayed,
            Self::Script { told, .. } => told,
        }
    }

    /// All that was asked, in order.
    pub(crate) fn finish(self) -> Vec<Exchange> {
        match self {
            Self::Record(exchanges) => exchanges,
            Self::Replay { replayed, .. } => replayed,
            Self::Script { told, .. } => told,
        }
    }
}

/// A question that the record does not know.
#[derive(Debug, thiserror::Error)]
#[error("a question to `{0}`{NOT_RECORDED}")]
pub(crate) struct NotRecorded(Capability);

/// The end of the message of [`NotRecorded`].
const NOT_RECORDED: &str = " that is not recorded, and a replay asks nobody";

/// Whether a call ended because a replay has no answer. Guests have no say in messages of a `host-fault`.
pub(crate) fn is_not_recorded(scored: &Scored) -> bool {
    let message = scored.message.as_deref().unwrap_or_default();
    scored.outcome == Outcome::HostFault && message.ends_with(NOT_RECORDED)
}

/// SHA-256 over the exchanges of a call, each as a line of JSON; `None` where there are none.
pub(crate) fn exchanges_digest(exchanges: &[Exchange]) -> Option<Digest> {
    if exchanges.is_empty() {
        return None;
    }
    let mut lines = Vec::new();
    for exchange in exchanges {
        // Writing JSON into memory fails for maps with keys that are no texts only; these have none.
        serde_json::to_writer(&mut lines, exchange).ok()?;
        lines.push(b'\n');
    }
    Some(Digest::of(&lines))
}
