//! What a user grants, as configurations say it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Host, Result};

use super::{
    Answer, Grants, HttpJudge, HttpRetriever, Interpreter, Judge, JudgeRequest, Retriever,
};

/// The table `[reward.NAME.allow]`: what a plugin may use besides its sample.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allow {
    /// Lines of the plugin are kept with the sample.
    pub log: bool,
    /// Interpreters by path or name.
    pub interpreter: Vec<String>,
    /// Bytes of memory for a program together with its interpreter. Default: 256 MiB.
    pub interpreter_memory: Option<u64>,
    /// A model that may be asked.
    pub judge: Option<JudgeSettings>,
    /// A retrieval service that may be searched.
    pub retriever: Option<RetrieverSettings>,
}

/// A model behind an OpenAI-compatible endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeSettings {
    /// The endpoint's base, such as `http://127.0.0.1:8000/v1`; `/chat/completions` is added.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// Name of the environment variable that holds the key.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// Seconds for one try.
    #[serde(default = "judge_timeout")]
    pub timeout: f64,
    /// Further tries after no answer, status 429 or 5xx, with growing pauses.
    #[serde(default = "retries")]
    pub retries: u32,
    /// Requests at a time.
    #[serde(default = "concurrency")]
    pub concurrency: u32,
    /// How often one call of the plugin may ask.
    #[serde(default = "max_calls")]
    pub max_calls: u32,
    /// The longest answer in tokens.
    #[serde(default = "max_tokens")]
    pub max_tokens: u32,
    /// Further fields of the request's body, such as `seed`.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

/// A retrieval service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrieverSettings {
    /// The service's address, such as `http://127.0.0.1:8000/retrieve`.
    pub url: String,
    /// Name of the environment variable that holds the key.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// Seconds for one try.
    #[serde(default = "retriever_timeout")]
    pub timeout: f64,
    /// Further tries after no answer, status 429 or 5xx, with growing pauses.
    #[serde(default = "retries")]
    pub retries: u32,
    /// Requests at a time.
    #[serde(default = "concurrency")]
    pub concurrency: u32,
    /// How often one call of the plugin may search.
    #[serde(default = "max_calls")]
    pub max_calls: u32,
}

fn judge_timeout() -> f64 {
    60.0
}

fn retriever_timeout() -> f64 {
    10.0
}

fn retries() -> u32 {
    3
}

fn concurrency() -> u32 {
    16
}

fn max_calls() -> u32 {
    8
}

fn max_tokens() -> u32 {
    1024
}

impl Allow {
    /// Loads and prepares all that is granted.
    ///
    /// # Errors
    /// Names what can't be loaded, or the setting that makes no sense.
    pub fn grants(&self, host: &Host) -> Result<Grants> {
        let mut grants = Grants::none();
        if self.log {
            grants = grants.log();
        }
        grants.interpreters = self.interpreters(host)?;
        if let Some(judge) = &self.judge {
            grants = grants.judge(HttpJudge::new(judge)?);
        }
        if let Some(retriever) = &self.retriever {
            grants = grants.retriever(HttpRetriever::new(retriever)?);
        }
        Ok(grants)
    }

    /// Loads the interpreters that are granted.
    pub fn interpreters(&self, host: &Host) -> Result<Vec<Interpreter>> {
        let load = |name: &String| Interpreter::load(host, name, self.interpreter_memory);
        self.interpreter.iter().map(load).collect()
    }

    /// What is granted where only recorded answers are served ([`Scorer::replay`](crate::Scorer::replay)):
    /// no key is needed, and nobody can be asked.
    pub fn grants_for_replay(&self, interpreters: Vec<Interpreter>) -> Grants {
        let mut grants = Grants::none();
        grants.log = self.log;
        grants.interpreters = interpreters;
        if let Some(judge) = &self.judge {
            grants = grants.judge(Recorded(judge.max_calls));
        }
        if let Some(retriever) = &self.retriever {
            grants = grants.retriever(Recorded(retriever.max_calls));
        }
        grants
    }
}

/// Stands for whoever answered in a run; may be asked as often as they.
struct Recorded(u32);

impl Recorded {
    fn nobody() -> Answer {
        Answer::Unavailable("a replay asks nobody".to_owned())
    }
}

impl Judge for Recorded {
    fn ask(&self, _: &JudgeRequest) -> Answer {
        Self::nobody()
    }

    fn max_calls(&self) -> u32 {
        self.0
    }
}

impl Retriever for Recorded {
    fn search(&self, _: &str, _: u32) -> Answer {
        Self::nobody()
    }

    fn max_calls(&self) -> u32 {
        self.0
    }
}
