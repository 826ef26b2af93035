//! Answers of others that a case holds, so that whoever tests a plugin needs no judge and no retriever.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Call;
use crate::{Answer, Capability, Grants, Hit, Judge, JudgeRequest, Plugin, Retriever};

/// An answer as a case writes it: what comes back, or `{"unavailable": "why"}`, `{"rejected": "why"}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Fault(Fault),
    Answer(Value),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Fault {
    Unavailable(String),
    Rejected(String),
}

/// A hit as a case writes it: what it leaves out is empty.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHit {
    text: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    score: f64,
    #[serde(default)]
    metadata: Map<String, Value>,
}

impl WrittenHit {
    fn whole(self) -> Hit {
        Hit {
            id: self.id,
            score: self.score,
            text: self.text,
            metadata: self.metadata,
        }
    }
}

/// Reads the answers of a column.
pub(super) fn answers(
    capability: Capability,
    column: Option<Vec<Value>>,
) -> Result<Vec<(Capability, Answer)>, String> {
    let read = |value: Value| {
        let answer = match serde_json::from_value(value) {
            Ok(Written::Fault(Fault::Unavailable(why))) => Answer::Unavailable(why),
            Ok(Written::Fault(Fault::Rejected(why))) => Answer::Rejected(why),
            Ok(Written::Answer(value)) => Answer::Ok(value),
            Err(error) => return Err(error.to_string()),
        };
        match (&answer, capability) {
            (Answer::Ok(value), Capability::Judge) if !value.is_string() => Err(format!(
                "`judge`: {value} is no answer: a text, or {{\"unavailable\": \"why\"}} or {{\"rejected\": \"why\"}}"
            )),
            (Answer::Ok(value), Capability::Retriever) => {
                // What is kept of a search are its hits, whole.
                let hits: Vec<WrittenHit> = serde_json::from_value(value.clone())
                    .map_err(|error| format!("`retriever`: {value} is no list of hits: {error}"))?;
                let hits: Vec<Hit> = hits.into_iter().map(WrittenHit::whole).collect();
                let hits = serde_json::to_value(hits).map_err(|error| error.to_string())?;
                Ok((capability, Answer::Ok(hits)))
            }
            _ => Ok((capability, answer)),
        }
    };
    column.unwrap_or_default().into_iter().map(read).collect()
}

/// Stands for those whom nobody granted, where cases hold what they answer.
struct Nobody;

const NOBODY: &str = "nobody is asked: the case holds no answer";
/// So often a call may ask, as where nothing is set.
const MAX_CALLS: u32 = 8;

impl Judge for Nobody {
    fn ask(&self, _: &JudgeRequest) -> Answer {
        Answer::Unavailable(NOBODY.to_owned())
    }

    fn max_calls(&self) -> u32 {
        MAX_CALLS
    }
}

impl Retriever for Nobody {
    fn search(&self, _: &str, _: u32) -> Answer {
        Answer::Unavailable(NOBODY.to_owned())
    }

    fn max_calls(&self) -> u32 {
        MAX_CALLS
    }
}

/// The grants, and besides those that the plugin needs and for which the cases hold answers.
pub fn grants(plugin: &Plugin, calls: &[Call<'_>], grants: &Grants) -> Grants {
    let mut grants = grants.clone();
    for capability in [Capability::Judge, Capability::Retriever] {
        let needs = plugin.capabilities().contains(&capability) && !grants.allows(capability);
        let answered =
            |call: &Call<'_>| call.answers().iter().any(|(whose, _)| *whose == capability);
        if needs && calls.iter().any(answered) {
            grants = match capability {
                Capability::Judge => grants.judge(Nobody),
                _ => grants.retriever(Nobody),
            };
        }
    }
    grants
}
