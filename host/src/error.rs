//! The one error type of the crate.

use std::io;
use std::path::{Path, PathBuf};

use crate::algorithm::AlgorithmFault;
use crate::{CompileFault, Outcome};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in the host. Messages name the thing and the way out.
///
/// What a guest does wrong while it scores is no error but an [`Outcome`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No plugin of that name is to be found.
    #[error(
        "no plugin `{name}`: looked for {}\n`cargo xtask guests` builds the standard plugins, `rlhost plugin build` your own; a plugin elsewhere is given by its path",
        list_paths(searched)
    )]
    PluginNotFound {
        /// The name that was asked for.
        name: String,
        /// The files that would have been taken.
        searched: Vec<PathBuf>,
    },
    /// The only plugin of that name lies above the current folder, where another user decides what it is.
    #[error("no plugin `{name}` of yours: {} is another user's, or others may write to it; where you trust it, give its path", path.display())]
    ForeignPlugin {
        /// The name that was asked for.
        name: String,
        /// The file that was not taken.
        path: PathBuf,
    },
    /// The file is no WebAssembly at all.
    #[error("{}: not a WebAssembly component: {message}", path.display())]
    NotWasm {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        message: String,
    },
    /// The file is a core module, not a component.
    #[error("{}: a core WebAssembly module, not a component; `rlhost plugin componentize` makes one of it", path.display())]
    CoreModule {
        /// The file.
        path: PathBuf,
    },
    /// The file starts as a component but is not a valid one.
    #[error("{}: corrupt or unsupported component: {message}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Compiling the component was given up.
    #[error("{}: {fault}", path.display())]
    Compile {
        /// The file.
        path: PathBuf,
        /// Which limit it met, or what became of the compiler.
        #[source]
        fault: CompileFault,
    },
    /// A component, but not of the world that is wanted.
    #[error("{}: a component of another world than {}{}", path.display(), world.split('@').next().unwrap_or(world), world_faults(missing_exports, unknown_imports, detail.as_deref()))]
    WrongWorld {
        /// The file.
        path: PathBuf,
        /// The world that it should be of.
        world: &'static str,
        /// Every export that the world asks for and the component lacks.
        missing_exports: Vec<String>,
        /// Every import that the host does not grant.
        unknown_imports: Vec<String>,
        /// What else does not fit, such as the type of a function.
        detail: Option<String>,
    },
    /// Built against a version of the contract that this host does not speak.
    #[error("{}: built for {found}, but this host speaks {expected}; rebuild the plugin against that version", path.display())]
    VersionMismatch {
        /// The file.
        path: PathBuf,
        /// The interface and version that the component names.
        found: String,
        /// The interface and version of this host.
        expected: String,
    },
    /// What a module does before its first call can't be done when it is built.
    #[error("what the plugin does at its start, before any call: it {message}")]
    Preinitialise {
        /// What it does.
        message: String,
    },
    /// The core modules of a component can't be one.
    #[error("the component's modules can't be made one: {message}")]
    Fuse {
        /// Why not.
        message: String,
    },
    /// The plugin's `describe` failed, or what it says can't be true.
    #[error("{}: the plugin's description is unusable: {message}", path.display())]
    Describe {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The plugin asks for more than plugins may, and nobody said that this one may.
    #[error("{}: the plugin asks for {asked}{unit} {key} (`[limits]` in its plugin.toml), and a plugin may ask for {most} at the most; where you trust it with that, `--{key} {asked}` says so, or `{key} = {asked}` in a run's [reward.NAME.limits]", path.display())]
    AsksTooMuch {
        /// The file.
        path: PathBuf,
        /// The limit's name.
        key: &'static str,
        /// What it is counted in.
        unit: &'static str,
        /// What the plugin asks for.
        asked: u64,
        /// What plugins may ask for.
        most: u64,
    },
    /// Parameters that the plugin does not understand.
    #[error("plugin `{plugin}`: {message}")]
    Params {
        /// The plugin's name.
        plugin: String,
        /// What is wrong.
        message: String,
    },
    /// The plugin needs capabilities that are not granted.
    #[error("plugin `{plugin}` needs {}, which is not granted; if you trust the plugin with it, grant it with --allow, or in a run's [reward.NAME.allow]", capabilities.join(", "))]
    NotGranted {
        /// The plugin's name.
        plugin: String,
        /// The capabilities by name.
        capabilities: Vec<String>,
    },
    /// A capability that can't be granted as it is set up.
    #[error("allow.{capability}: {message}")]
    Capability {
        /// The capability by name.
        capability: String,
        /// What is wrong with its settings.
        message: String,
    },
    /// An algorithm gave no result, or none that can be used.
    #[error("{}: `{function}` {fault}", path.display())]
    Algorithm {
        /// The component's file.
        path: PathBuf,
        /// The function that was called.
        function: &'static str,
        /// What is wrong.
        fault: AlgorithmFault,
    },
    /// Limits that make no sense.
    #[error("limits: {0}")]
    Limits(String),
    /// The sandbox engine can't be set up on this machine.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    /// A session can't start, or has ended.
    #[error("a session of plugin `{plugin}`: {message}")]
    Session {
        /// The plugin.
        plugin: String,
        /// Why.
        message: String,
    },
    /// A row of an input file is wrong.
    #[error("{}:{line}: {message}", file.display())]
    Input {
        /// The file.
        file: PathBuf,
        /// Line number, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// There are no golden cases where they were looked for.
    #[error("{}: {message}", path.display())]
    NoCases {
        /// The file or folder.
        path: PathBuf,
        /// What is missing, and the way out.
        message: String,
    },
    /// An audit that can't be done.
    #[error("audit: {0}")]
    Audit(String),
    /// An image is missing or can't be decoded.
    #[error("{}: {message}", path.display())]
    Image {
        /// The image file, or `<memory>`.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A set of rewards that can't be summed.
    #[error("reward `{reward}`: {message}")]
    Reward {
        /// The reward's name.
        reward: String,
        /// What is wrong with it.
        message: String,
    },
    /// A sample that no reward of non-zero weight judges.
    #[error("sample {sample}: no reward of non-zero weight applies ({has})")]
    NoReward {
        /// The sample's place, counted from 0.
        sample: usize,
        /// What it has in the columns that the rewards ask for.
        has: String,
    },
    /// A sample's outcome meets the policy `stop`.
    #[error("reward `{reward}`, sample {sample}: {outcome}{}; its on_failure policy says stop", suffix(message.as_deref()))]
    Stopped {
        /// The reward's name.
        reward: String,
        /// The sample's place in the call, counted from 0.
        sample: usize,
        /// What came of it.
        outcome: Outcome,
        /// The message that came with it.
        message: Option<String>,
    },
}

impl Error {
    /// An [`Error::Io`] for `path`.
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io {
            path: path.as_ref().to_owned(),
            source,
        }
    }
}

fn list_paths(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "nothing (no folder to look in is known)".to_owned();
    }
    let paths: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
    paths.join(", ")
}

fn suffix(message: Option<&str>) -> String {
    message.map(|m| format!(": {m}")).unwrap_or_default()
}

fn world_faults(missing: &[String], unknown: &[String], detail: Option<&str>) -> String {
    let list = |what: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("; {what}: {}", names.join(", ")))
    };
    let faults = [
        list("missing exports", missing),
        list("imports that are not granted", unknown),
        detail.map(|detail| format!("; {detail}")),
    ];
    faults.into_iter().flatten().collect()
}
