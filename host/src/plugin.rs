//! A loaded plugin: its code, its identity and what it says about itself.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::algorithm::{self, Algorithm, AlgorithmInfo};
use crate::asked::Resolved;
use crate::bindings::rlhost::plugin::types as wit;
use crate::capability::Capability;
use crate::component::{self, World};
use crate::guest::GuestState;
use crate::instance::{Call, Prepared, REWARD};
use crate::names::{MAX_NAMES, check_name, check_owner, check_part};
use crate::{
    AskedLimits, Digest, Error, Host, LimitSettings, Limits, Outcome, Result, Sample, imports,
};

/// What plugins export.
const WORLD: World = World {
    name: "rlhost:plugin/reward-plugin@0.1.0",
    interface: REWARD,
    functions: &["describe", "score"],
};

/// A reward plugin, loaded and described. Clones share the compiled code.
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

struct Loaded {
    host: Host,
    prepared: Prepared,
    path: PathBuf,
    digest: Digest,
    size: u64,
    info: PluginInfo,
    asked: AskedLimits,
    limits: Limits,
    capabilities: Vec<Capability>,
    imports: Vec<String>,
    exports: Vec<String>,
    cached: bool,
}

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// A short name, such as `math`.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// What it judges.
    pub doc: String,
    /// Which samples one call sees together.
    pub scope: Scope,
    /// The names that verdicts may carry as parts; empty where they depend on the data.
    pub parts: Vec<String>,
    /// The parameters that it understands.
    pub params: Vec<ParamInfo>,
}

/// Which samples one call of a plugin sees together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One sample, in an instance of its own.
    Sample,
    /// All completions of one prompt: consecutive samples of equal `group`.
    Group,
    /// All samples of one call of [`Scorer::score`](crate::Scorer::score).
    Batch,
}

impl Scope {
    /// The name that manifests use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Group => "group",
            Self::Batch => "batch",
        }
    }

    /// Which samples each call sees.
    pub(crate) fn calls(self, samples: &[Sample]) -> Vec<Range<usize>> {
        match self {
            Self::Sample => (0..samples.len()).map(|i| i..i + 1).collect(),
            Self::Group => {
                let mut end = 0;
                let groups = samples.chunk_by(|a, b| a.group == b.group);
                let ranges = groups.map(|group| {
                    end += group.len();
                    end - group.len()..end
                });
                ranges.collect()
            }
            Self::Batch if samples.is_empty() => Vec::new(),
            Self::Batch => std::iter::once(0..samples.len()).collect(),
        }
    }
}

/// A parameter that a plugin understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamInfo {
    /// Its name.
    pub name: String,
    /// What it does.
    pub doc: String,
    /// Its default, as JSON; empty where it must be given.
    pub default: String,
}

/// What a component turned out to be, and all about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Inspected {
    /// A reward plugin.
    Reward(Inspection),
    /// An algorithm.
    Algorithm(Inspection<AlgorithmInfo>),
}

impl Inspected {
    /// Loads the component at `path` as what it exports; a reward plugin is what it should be otherwise.
    pub(crate) fn load(host: &Host, path: &Path, settings: &LimitSettings) -> Result<Self> {
        let loaded = component::load(host, path)?;
        let ty = loaded.component.component_type();
        let interface = algorithm::WORLD.interface;
        let is_algorithm = ty
            .exports(&host.0.engine)
            .any(|(name, _)| component::is_interface(name, interface));
        Ok(if is_algorithm {
            Self::Algorithm(Algorithm::from_loaded(host, path, &loaded)?.inspect())
        } else {
            Self::Reward(Plugin::from_loaded(host, path, &loaded, settings)?.inspect())
        })
    }
}

/// What `rlhost plugin inspect` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection<D = PluginInfo> {
    /// The component's file.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Size of the file in bytes.
    pub size: u64,
    /// The world that it is of.
    pub world: String,
    /// The capabilities that it needs: what must be granted before it scores.
    pub capabilities: Vec<Capability>,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// The limits that it asks for.
    #[serde(default, skip_serializing_if = "AskedLimits::is_empty")]
    pub asks: AskedLimits,
    /// What it says about itself.
    pub description: D,
}

impl Plugin {
    /// Loads the component at `path`.
    pub(crate) fn load(host: &Host, path: &Path, settings: &LimitSettings) -> Result<Self> {
        Self::from_loaded(host, path, &component::load(host, path)?, settings)
    }

    fn from_loaded(
        host: &Host,
        path: &Path,
        loaded: &component::Loaded,
        settings: &LimitSettings,
    ) -> Result<Self> {
        let limits = settings.resolve(path, loaded.asked, host.0.limits, host.0.most)?;
        let names = component::check_world(host, path, &loaded.component, &WORLD, imports::known)?;
        let prepared = Prepared::new(&host.0, &loaded.component)
            .map_err(|e| component::wrong_types(path, &WORLD, format!("{e:#}")))?;
        let info = describe(host, path, &prepared, &limits)?;
        Ok(Self(Arc::new(Loaded {
            host: host.clone(),
            prepared,
            path: path.to_owned(),
            digest: loaded.digest,
            size: loaded.size,
            info,
            asked: loaded.asked,
            limits: limits.score,
            capabilities: imports::capabilities(&names.imports),
            imports: names.imports,
            exports: names.exports,
            cached: loaded.cached,
        })))
    }

    /// The component's file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// SHA-256 of the component's file: the plugin's identity.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Size of the component's file in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// What the plugin says about itself.
    pub fn info(&self) -> &PluginInfo {
        &self.0.info
    }

    /// The limits of its scores: what was set when it was loaded, else what it asks for, else the host's.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// The limits that it asks for.
    pub fn asks(&self) -> AskedLimits {
        self.0.asked
    }

    /// The capabilities that it needs: what must be granted before it scores.
    pub fn capabilities(&self) -> &[Capability] {
        &self.0.capabilities
    }

    /// What it imports, such as `rlhost:plugin/types@0.1.0`.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// What it exports.
    pub fn exports(&self) -> &[String] {
        &self.0.exports
    }

    /// Whether its code came from the cache and not from the compiler.
    pub fn is_cached(&self) -> bool {
        self.0.cached
    }

    /// Everything about the plugin, ready to be printed.
    pub fn inspect(&self) -> Inspection {
        Inspection {
            path: self.0.path.clone(),
            digest: self.0.digest,
            size: self.0.size,
            world: WORLD.name.to_owned(),
            capabilities: self.0.capabilities.clone(),
            imports: self.0.imports.clone(),
            exports: self.0.exports.clone(),
            asks: self.0.asked,
            description: self.0.info.clone(),
        }
    }

    /// The host that loaded it.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    pub(crate) fn prepared(&self) -> &Prepared {
        &self.0.prepared
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.0.info.name)
            .field("path", &self.0.path)
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

/// What a call of `describe` returned, or why there is nothing.
pub(crate) fn described<T>(path: &Path, world: &World, call: Call<T>) -> Result<T> {
    call.answer.map_err(|failure| match failure.outcome {
        Outcome::ProtocolError => component::wrong_types(path, world, failure.message),
        outcome => Error::Describe {
            path: path.to_owned(),
            message: format!(
                "`describe` ended with {outcome}: {}{}",
                failure.message,
                more(outcome)
            ),
        },
    })
}

/// What helps where a description met a limit.
fn more(outcome: Outcome) -> String {
    let key = match outcome {
        Outcome::MemoryExhausted => "memory",
        Outcome::BudgetExhausted => "fuel",
        _ => return String::new(),
    };
    format!(
        "; if it needs more than that, its author asks for it (`{key}` under `[limits]` in plugin.toml)"
    )
}

/// What is wrong with the name or the version that a component gives itself.
pub(crate) fn check_identity(name: &str, version: &str) -> Result<(), String> {
    check_owner(name).map_err(|fault| format!("its name {fault}"))?;
    check_name(version).map_err(|fault| format!("its version {fault}"))
}

/// Asks the plugin to describe itself and checks what it says.
fn describe(
    host: &Host,
    path: &Path,
    prepared: &Prepared,
    limits: &Resolved,
) -> Result<PluginInfo> {
    let limits = &limits.describe;
    let fail = |message: String| Error::Describe {
        path: path.to_owned(),
        message,
    };
    let state = GuestState::new(limits, Vec::new(), None);
    let call = host.0.threads.install(|| {
        prepared.call(&host.0, limits, 0, state, |guest, store| {
            guest.describe(store).map(PluginInfo::from)
        })
    });
    let info = described(path, &WORLD, call)?;
    check_identity(&info.name, &info.version).map_err(fail)?;
    check_count("parts", info.parts.len()).map_err(fail)?;
    let mut seen = BTreeSet::new();
    for part in &info.parts {
        check_part(part).map_err(|fault| fail(format!("the name of a part {fault}")))?;
        if !seen.insert(part) {
            return Err(fail(format!("part `{part}` stands twice")));
        }
    }
    check_params(&info.params).map_err(fail)?;
    Ok(info)
}

fn check_count(what: &str, count: usize) -> Result<(), String> {
    if count > MAX_NAMES {
        return Err(format!("{count} {what}, which is beyond {MAX_NAMES}"));
    }
    Ok(())
}

/// Checks what a component says about its parameters.
pub(crate) fn check_params(params: &[ParamInfo]) -> Result<(), String> {
    check_count("parameters", params.len())?;
    let mut seen = BTreeSet::new();
    for param in params {
        check_name(&param.name).map_err(|fault| format!("the name of a parameter {fault}"))?;
        if !seen.insert(&param.name) {
            return Err(format!("parameter `{}` stands twice", param.name));
        }
        // An empty text: it must be given.
        if !param.default.is_empty()
            && let Err(error) = serde_json::from_str::<serde_json::Value>(&param.default)
        {
            return Err(format!(
                "the default of parameter `{}` is not JSON: {:?} ({error})",
                param.name,
                param.default.chars().take(200).collect::<String>()
            ));
        }
    }
    Ok(())
}

impl From<wit::ParamInfo> for ParamInfo {
    fn from(param: wit::ParamInfo) -> Self {
        Self {
            name: param.name,
            doc: param.doc,
            default: param.default,
        }
    }
}

impl From<wit::PluginInfo> for PluginInfo {
    fn from(info: wit::PluginInfo) -> Self {
        Self {
            name: info.name,
            version: info.version,
            doc: info.doc,
            scope: match info.scope {
                wit::Scope::Sample => Scope::Sample,
                wit::Scope::Group => Scope::Group,
                wit::Scope::Batch => Scope::Batch,
            },
            parts: info.parts,
            params: info.params.into_iter().map(ParamInfo::from).collect(),
        }
    }
}
