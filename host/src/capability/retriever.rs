//! `retriever`: looking something up in an index.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wasmtime::component::LinkerInstance;

use crate::Result;
use crate::bindings::rlhost::plugin::retriever as wit;
use crate::guest::GuestState;

use super::http::{Service, Settings, shorten};
use super::settings::RetrieverSettings;
use super::{Answer, Capability, waiting};

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// What the index calls it; may be empty.
    pub id: String,
    /// How well it fits; larger is better.
    pub score: f64,
    /// The text.
    pub text: String,
    /// Whatever else the index says.
    pub metadata: Map<String, Value>,
}

/// Something that can be searched. Calls come from many threads at once.
pub trait Retriever: Send + Sync {
    /// The best `top_k` hits for a query: [`Answer::Ok`] holds a JSON list of [`Hit`]s.
    fn search(&self, query: &str, top_k: u32) -> Answer;

    /// How often one call of a plugin may search.
    fn max_calls(&self) -> u32;
}

/// A retrieval service that speaks the form of Search-R1's: `POST {"queries": [..], "topk": k,
/// "return_scores": true}` gives `{"result": [[{"document": {..}, "score": s}, ..]]}`. A document's text
/// is its `contents` (or `text`); its `id` and its other fields are handed on.
pub struct HttpRetriever {
    service: Service,
    max_calls: u32,
}

impl HttpRetriever {
    /// Prepares the service; nothing is asked yet.
    ///
    /// # Errors
    /// Names the setting that makes no sense, or the environment variable that is not set.
    pub fn new(settings: &RetrieverSettings) -> Result<Self> {
        let service = Service::new(Settings {
            capability: "retriever",
            url: settings.url.clone(),
            api_key_env: settings.api_key_env.as_deref(),
            timeout: settings.timeout,
            retries: settings.retries,
            concurrency: settings.concurrency,
        })?;
        Ok(Self {
            service,
            max_calls: settings.max_calls,
        })
    }
}

impl Retriever for HttpRetriever {
    fn search(&self, query: &str, top_k: u32) -> Answer {
        let body = json!({"queries": [query], "topk": top_k, "return_scores": true});
        match self.service.post(&body) {
            Answer::Ok(answer) => match hits(&answer) {
                Some(hits) => Answer::Ok(json!(hits)),
                None => Answer::Unavailable(format!(
                    "the answer has no list result[0] of documents: {}",
                    shorten(&answer.to_string())
                )),
            },
            other => other,
        }
    }

    fn max_calls(&self) -> u32 {
        self.max_calls
    }
}

/// The hits of an answer; `None` where it has another form.
fn hits(answer: &Value) -> Option<Vec<Hit>> {
    let found = answer["result"][0].as_array()?;
    found.iter().map(hit).collect()
}

fn hit(found: &Value) -> Option<Hit> {
    let (document, score) = match found.get("document") {
        Some(document) => (document, found["score"].as_f64().unwrap_or(0.0)),
        None => (found, 0.0),
    };
    let mut metadata = match document {
        Value::String(text) => {
            return Some(Hit {
                id: String::new(),
                score,
                text: text.clone(),
                metadata: Map::new(),
            });
        }
        Value::Object(fields) => fields.clone(),
        _ => return None,
    };
    let text = metadata
        .remove("contents")
        .or_else(|| metadata.remove("text"))?;
    let id = match metadata.remove("id") {
        Some(Value::String(id)) => id,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Some(Hit {
        id,
        score,
        text: text.as_str()?.to_owned(),
        metadata,
    })
}

pub(super) fn add_to_linker(
    retriever: &mut LinkerInstance<'_, GuestState>,
) -> wasmtime::Result<()> {
    retriever.func_wrap("search", |mut store, (query, top_k): (String, u32)| {
        let retriever =
            super::granted(store.data(), Capability::Retriever, |g| g.retriever.clone())?;
        let request = json!({"query": query, "top_k": top_k});
        let answer = waiting::answer(
            &mut store,
            Capability::Retriever,
            request,
            retriever.max_calls(),
            || retriever.search(&query, top_k),
        )?;
        let result = match answer {
            None => Err(wit::Fault::TooManyCalls),
            Some(Answer::Ok(found)) => match serde_json::from_value::<Vec<Hit>>(found) {
                Ok(hits) => Ok(hits.into_iter().map(lower).collect::<Vec<_>>()),
                Err(e) => Err(wit::Fault::Unavailable(e.to_string())),
            },
            Some(Answer::Unavailable(message)) => Err(wit::Fault::Unavailable(message)),
            Some(Answer::Rejected(message)) => Err(wit::Fault::Rejected(message)),
        };
        Ok((result,))
    })
}

fn lower(hit: Hit) -> wit::Hit {
    wit::Hit {
        id: hit.id,
        score: hit.score,
        text: hit.text,
        metadata: Value::Object(hit.metadata).to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn documents_come_in_the_forms_that_services_use() {
        let answer = json!({"result": [[
            {"document": {"id": 7, "contents": "\"Paris\"\nThe capital.", "title": "Paris"}, "score": 0.5},
            {"document": "bare", "score": 0.25},
            {"id": "x", "text": "plain"},
        ]]});
        let hits = hits(&answer).unwrap();
        assert_eq!((hits[0].id.as_str(), hits[0].score), ("7", 0.5));
        assert_eq!(hits[0].metadata["title"], "Paris");
        assert_eq!(hits[1].text, "bare");
        assert_eq!((hits[2].id.as_str(), hits[2].text.as_str()), ("x", "plain"));
        assert!(super::hits(&json!({"result": []})).is_none());
        assert!(super::hits(&json!({"result": [[{"document": {"title": "no text"}}]]})).is_none());
    }
}
