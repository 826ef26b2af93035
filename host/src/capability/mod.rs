//! What a plugin may use besides its sample, where the user grants it.
//!
//! A component names a capability among its imports. [`Allow`] is how a user grants some, in a
//! configuration; [`Grants`] is what a scorer holds. A plugin whose imports are not all granted gets
//! no scorer. The deterministic WASI is no capability: it gives nothing that a plugin could misuse.
//!
//! ```
//! use rlhost_host::{Allow, Host};
//!
//! let allow: Allow = serde_json::from_str(r#"{"log": true}"#)?;
//! let grants = allow.grants(&Host::builder().threads(1).build()?)?;
//! assert!(grants.allows(rlhost_host::Capability::Log));
//! assert!(!grants.allows(rlhost_host::Capability::Judge));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod exchange;
mod http;
mod interpreter;
mod judge;
mod log;
mod retriever;
mod settings;
mod waiting;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::component::LinkerInstance;

use crate::guest::GuestState;

pub(crate) use exchange::{Tape, exchanges_digest, is_not_recorded};
pub(crate) use log::LogBuffer;

pub use exchange::{Answer, Exchange};
pub use interpreter::{Interpreter, InterpreterInfo};
pub use judge::{HttpJudge, Judge, JudgeRequest};
pub use log::{LogLevel, LogLine};
pub use retriever::{Hit, HttpRetriever, Retriever};
pub use settings::{Allow, JudgeSettings, RetrieverSettings};

/// Something that a plugin may use only where the user grants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Lines that are kept with the sample.
    Log,
    /// Running untrusted code in a nested sandbox.
    Interpreter,
    /// Searching an index.
    Retriever,
    /// Asking a model.
    Judge,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 4] = [Self::Log, Self::Interpreter, Self::Retriever, Self::Judge];

    /// The name that configurations use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Interpreter => "interpreter",
            Self::Retriever => "retriever",
            Self::Judge => "judge",
        }
    }

    /// The interface that a component imports for it.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Log => "rlhost:plugin/log@0.1.0",
            Self::Interpreter => "rlhost:plugin/interpreter@0.1.0",
            Self::Retriever => "rlhost:plugin/retriever@0.1.0",
            Self::Judge => "rlhost:plugin/judge@0.1.0",
        }
    }

    /// The functions of the interface.
    pub(crate) const fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Log => &["write"],
            Self::Interpreter => &["languages", "run"],
            Self::Retriever => &["search"],
            Self::Judge => &["ask"],
        }
    }

    /// Lends a guest the interface. Each function asks for its grant.
    pub(crate) fn add_to_linker(
        self,
        instance: &mut LinkerInstance<'_, GuestState>,
    ) -> wasmtime::Result<()> {
        match self {
            Self::Log => log::add_to_linker(instance),
            Self::Interpreter => interpreter::add_to_linker(instance),
            Self::Retriever => retriever::add_to_linker(instance),
            Self::Judge => judge::add_to_linker(instance),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a scorer's plugin may use. The default is nothing.
#[derive(Clone, Default)]
pub struct Grants {
    pub(crate) log: bool,
    pub(crate) interpreters: Vec<Interpreter>,
    pub(crate) judge: Option<Arc<dyn Judge>>,
    pub(crate) retriever: Option<Arc<dyn Retriever>>,
}

impl Grants {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Lines of the plugin are kept with the sample.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.log = true;
        self
    }

    /// The plugin may run programs in this interpreter, and in those that were granted before.
    #[must_use]
    pub fn interpreter(mut self, interpreter: Interpreter) -> Self {
        self.interpreters.push(interpreter);
        self
    }

    /// The plugin may ask this judge.
    #[must_use]
    pub fn judge(mut self, judge: impl Judge + 'static) -> Self {
        self.judge = Some(Arc::new(judge));
        self
    }

    /// The plugin may search with this retriever.
    #[must_use]
    pub fn retriever(mut self, retriever: impl Retriever + 'static) -> Self {
        self.retriever = Some(Arc::new(retriever));
        self
    }

    /// Whether a capability is granted.
    pub fn allows(&self, capability: Capability) -> bool {
        match capability {
            Capability::Log => self.log,
            Capability::Interpreter => !self.interpreters.is_empty(),
            Capability::Retriever => self.retriever.is_some(),
            Capability::Judge => self.judge.is_some(),
        }
    }

    /// What of the grants' settings scores depend on, for the capabilities that a plugin uses.
    pub(crate) fn settings(&self, used: &[Capability]) -> String {
        let setting = |capability: &Capability| match capability {
            Capability::Log => None,
            Capability::Interpreter => {
                let memory = self.interpreters.iter().map(Interpreter::memory).max()?;
                Some(format!(",interpreter_memory={memory}"))
            }
            Capability::Retriever => {
                let calls = self.retriever.as_ref()?.max_calls();
                Some(format!(",retriever_calls={calls}"))
            }
            Capability::Judge => Some(format!(",judge_calls={}", self.judge.as_ref()?.max_calls())),
        };
        used.iter().filter_map(setting).collect()
    }

    /// Whether a call may have to wait for somebody else.
    pub(crate) fn waits(&self) -> bool {
        self.judge.is_some() || self.retriever.is_some()
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let granted = Capability::ALL.into_iter().filter(|c| self.allows(*c));
        f.debug_set().entries(granted).finish()
    }
}

/// What `pick` finds among the guest's grants. A scorer is only made where all that the plugin imports
/// is granted, so this fails in `describe` only, which gets nothing.
fn granted<T>(
    state: &GuestState,
    capability: Capability,
    pick: impl FnOnce(&Grants) -> Option<T>,
) -> wasmtime::Result<T> {
    state
        .grants
        .as_deref()
        .and_then(pick)
        .ok_or_else(|| wasmtime::Error::msg(format!("`{capability}` is not granted here")))
}
