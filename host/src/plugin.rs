//! A loaded plugin: its code, its identity and what it says about itself.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::bindings::rlhost::plugin::types as wit;
use crate::digest::Digest;
use crate::host::Host;
use crate::instance::{self, Prepared, REWARD, TYPES};
use crate::{Error, Outcome, Result};

/// The world that every plugin is of.
const WORLD: &str = "rlhost:plugin/reward-plugin@0.1.0";
/// What the interface `reward` holds.
const REWARD_FUNCTIONS: [&str; 2] = ["describe", "score"];
/// What the host's side of the interface `types` holds, besides plain types.
const TYPES_FUNCTIONS: [&str; 3] = [
    "[method]image.width",
    "[method]image.height",
    "[method]image.rgb",
];

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

/// A parameter that a plugin understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamInfo {
    /// Its name.
    pub name: String,
    /// What it does.
    pub doc: String,
    /// Its default, as JSON.
    pub default: String,
}

/// What `rlhost plugin inspect` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The component's file.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Size of the file in bytes.
    pub size: u64,
    /// The world that it is of.
    pub world: String,
    /// What it imports: the capabilities that it needs.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it says about itself.
    pub description: PluginInfo,
}

impl Plugin {
    /// Loads the component at `path`.
    pub(crate) fn load(host: &Host, path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
        check_header(path, &bytes)?;
        let digest = Digest::of(&bytes);
        let (component, cached) =
            host.0
                .cache
                .load(&host.0.engine, digest, &bytes)
                .map_err(|e| Error::Corrupt {
                    path: path.to_owned(),
                    message: format!("{e:#}"),
                })?;
        let (imports, exports) = check_world(host, path, &component)?;
        let prepared =
            Prepared::new(&host.0, &component).map_err(|e| wrong_types(path, format!("{e:#}")))?;
        let info = describe(host, path, &prepared)?;
        Ok(Self(Arc::new(Loaded {
            host: host.clone(),
            prepared,
            path: path.to_owned(),
            digest,
            size: bytes.len() as u64,
            info,
            imports,
            exports,
            cached,
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

    /// What it imports, such as `rlhost:plugin/types@0.1.0`: the capabilities that it needs.
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
            world: WORLD.to_owned(),
            imports: self.0.imports.clone(),
            exports: self.0.exports.clone(),
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

/// Tells components from core modules and from everything else by the first 8 bytes.
fn check_header(path: &Path, bytes: &[u8]) -> Result<()> {
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    let fail = |message: &str| {
        Err(Error::NotWasm {
            path: path.to_owned(),
            message: message.to_owned(),
        })
    };
    match bytes.get(..8) {
        Some(COMPONENT) => Ok(()),
        Some(MODULE) => Err(Error::CoreModule {
            path: path.to_owned(),
        }),
        _ if bytes.is_empty() => fail("the file is empty"),
        _ if bytes.starts_with(b"\x7fELF") => fail(
            "it holds native code (compiled .cwasm files are never loaded; give the .wasm file)",
        ),
        _ if bytes.starts_with(b"\0asm") => {
            fail("a WebAssembly version that this host does not know")
        }
        _ => fail("it does not start as WebAssembly does"),
    }
}

/// Names every export that is missing and every import that is not granted; returns imports and exports.
fn check_world(
    host: &Host,
    path: &Path,
    component: &Component,
) -> Result<(Vec<String>, Vec<String>)> {
    let engine = &host.0.engine;
    let ty = component.component_type();
    let mut unknown_imports = Vec::new();
    let mut imports = Vec::new();
    for (name, item) in ty.imports(engine) {
        imports.push(name.to_owned());
        check_version(path, name, TYPES)?;
        if !is_interface(name, TYPES) {
            unknown_imports.push(name.to_owned());
        } else if let ComponentItem::ComponentInstance(instance) = item.ty {
            let functions = instance.exports(engine).filter(|(function, item)| {
                matches!(item.ty, ComponentItem::ComponentFunc(_))
                    && !TYPES_FUNCTIONS.contains(function)
            });
            unknown_imports.extend(functions.map(|(function, _)| format!("{name}#{function}")));
        }
    }
    let mut missing: BTreeSet<_> = REWARD_FUNCTIONS.into_iter().collect();
    let mut exports = Vec::new();
    for (name, item) in ty.exports(engine) {
        exports.push(name.to_owned());
        check_version(path, name, REWARD)?;
        if let (true, ComponentItem::ComponentInstance(instance)) =
            (is_interface(name, REWARD), item.ty)
        {
            for (function, _) in instance.exports(engine) {
                missing.remove(function);
            }
        }
    }
    if missing.is_empty() && unknown_imports.is_empty() {
        return Ok((imports, exports));
    }
    Err(Error::WrongWorld {
        path: path.to_owned(),
        missing_exports: missing
            .into_iter()
            .map(|f| format!("{REWARD}#{f}"))
            .collect(),
        unknown_imports,
        detail: None,
    })
}

/// Whether `name` is the interface `wanted` at a version that is compatible with the host's: while the
/// contract is at 0.x, one with the same x.
fn is_interface(name: &str, wanted: &str) -> bool {
    match (name.split_once('@'), wanted.split_once('@')) {
        (Some((name, version)), Some((wanted, ours))) => {
            name == wanted && minor(version) == minor(ours)
        }
        _ => false,
    }
}

fn minor(version: &str) -> Option<&str> {
    version.rsplit_once('.').map(|(minor, _)| minor)
}

/// Fails if `name` is the interface `wanted` at a version that this host does not speak.
fn check_version(path: &Path, name: &str, wanted: &str) -> Result<()> {
    let interface = |name: &str| name.split('@').next().map(str::to_owned);
    if interface(name) == interface(wanted) && !is_interface(name, wanted) {
        return Err(Error::VersionMismatch {
            path: path.to_owned(),
            found: name.to_owned(),
            expected: wanted.to_owned(),
        });
    }
    Ok(())
}

/// The right names, but other types.
fn wrong_types(path: &Path, detail: String) -> Error {
    Error::WrongWorld {
        path: path.to_owned(),
        missing_exports: Vec::new(),
        unknown_imports: Vec::new(),
        detail: Some(detail),
    }
}

/// Asks the plugin to describe itself and checks what it says.
fn describe(host: &Host, path: &Path, prepared: &Prepared) -> Result<PluginInfo> {
    let fail = |message: String| Error::Describe {
        path: path.to_owned(),
        message,
    };
    let call = host.0.threads.install(|| {
        instance::call(
            &host.0,
            prepared,
            &host.0.limits,
            1,
            Vec::new(),
            |guest, store| guest.describe(store).map(PluginInfo::from),
        )
    });
    let info = call.answer.map_err(|failure| match failure.outcome {
        Outcome::ProtocolError => wrong_types(path, failure.message),
        outcome => fail(format!(
            "`describe` ended with {outcome}: {}",
            failure.message
        )),
    })?;
    if info.name.trim().is_empty() {
        return Err(fail("its name is empty".to_owned()));
    }
    if info.version.trim().is_empty() {
        return Err(fail("its version is empty".to_owned()));
    }
    let mut seen = BTreeSet::new();
    for part in &info.parts {
        if part.is_empty() || !seen.insert(part) {
            return Err(fail(format!("part `{part}` is empty or stands twice")));
        }
    }
    let mut seen = BTreeSet::new();
    for param in &info.params {
        if param.name.is_empty() || !seen.insert(&param.name) {
            return Err(fail(format!(
                "parameter `{}` is empty or stands twice",
                param.name
            )));
        }
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&param.default) {
            return Err(fail(format!(
                "the default of parameter `{}` is not JSON: `{}` ({error})",
                param.name, param.default
            )));
        }
    }
    Ok(info)
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
            params: info
                .params
                .into_iter()
                .map(|param| ParamInfo {
                    name: param.name,
                    doc: param.doc,
                    default: param.default,
                })
                .collect(),
        }
    }
}
