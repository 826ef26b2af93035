//! Who compiles components: this process, or a child that limits itself.
//!
//! A component may be made to be hard to compile, and whoever finds a bug in the compiler can reach it
//! with a component. So a program that takes components from strangers gives their bytes to a child:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use rlhost_host::{CompileLimits, Compiler, Host, compile_child};
//!
//! fn main() -> ExitCode {
//!     // The program starts itself with these arguments to compile.
//!     let mut arguments = std::env::args().skip(1);
//!     if arguments.next().as_deref() == Some("compile") {
//!         return compile_child(&arguments.next().unwrap_or_default());
//!     }
//!     let limits = CompileLimits { cpu_seconds: 30, ..CompileLimits::default() };
//!     let compiler = match Compiler::this_program(["compile"], limits) {
//!         Ok(compiler) => compiler,
//!         Err(_) => return ExitCode::FAILURE,
//!     };
//!     match Host::builder().compiler(compiler).build().and_then(|host| host.load("stranger.wasm")) {
//!         Ok(_) => ExitCode::SUCCESS,
//!         Err(_) => ExitCode::FAILURE,
//!     }
//! }
//! ```

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::{Error, Result, vet};

mod child;
#[cfg(target_os = "linux")]
mod jail;
mod parent;

pub use child::compile_child;

/// Where components are compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Compiler {
    /// Here, without limits: for components that one trusts.
    #[default]
    InProcess,
    /// In a child process that limits itself before it reads the component.
    ///
    /// The child parses, validates and compiles; this process looks at the first 8 bytes only. It then
    /// runs the code that the child wrote, so the limits bound what compiling costs, but a component that
    /// takes over the compiler can write code that takes over this process.
    Child(ChildCompiler),
}

/// A program that compiles a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildCompiler {
    /// The program: usually the running one.
    pub program: PathBuf,
    /// Arguments that make it call [`compile_child`] with one more argument, which is added to these.
    /// It gets a component on standard input and nothing of this process's environment.
    pub arguments: Vec<OsString>,
    /// What it may use.
    pub limits: CompileLimits,
}

/// What compiling one component may use.
///
/// As text, it is a list of settings; what is not in it has its default.
///
/// ```
/// use rlhost_host::CompileLimits;
///
/// let limits: CompileLimits = "cpu_seconds=300,memory=8589934592".parse()?;
/// assert_eq!(limits.cpu_seconds, 300);
/// assert_eq!(limits.component, CompileLimits::default().component);
/// assert_eq!(limits.to_string().parse(), Ok(limits));
/// # Ok::<(), rlhost_host::CompileLimitsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Seconds of processor time, of all threads together. Default: 120; a component of 30 MB takes
    /// about 8, one of 100 MB about 84.
    pub cpu_seconds: u64,
    /// Bytes of address space; at least 2 GiB, since allocators reserve much more than they use. Default: 4 GiB; a component of 100 MB takes about 1.6.
    pub memory: u64,
    /// Seconds on the wall clock. Default: 600.
    pub wall_seconds: u64,
    /// Bytes of the component's file. Default: 256 MiB.
    pub component: u64,
    /// Bytes of compiled code. Default: 1 GiB.
    pub code: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            cpu_seconds: 120,
            memory: 4 << 30,
            wall_seconds: 600,
            component: 256 << 20,
            code: 1 << 30,
        }
    }
}

/// A text that is no [`CompileLimits`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("compile limits: {0}")]
pub struct CompileLimitsError(String);

impl CompileLimits {
    const KEYS: [&str; 5] = ["cpu_seconds", "memory", "wall_seconds", "component", "code"];
    /// Less address space does not hold the program itself and its threads.
    const LEAST_MEMORY: u64 = 2 << 30;

    fn field(&mut self, key: &str) -> Option<&mut u64> {
        Some(match key {
            "cpu_seconds" => &mut self.cpu_seconds,
            "memory" => &mut self.memory,
            "wall_seconds" => &mut self.wall_seconds,
            "component" => &mut self.component,
            "code" => &mut self.code,
            _ => return None,
        })
    }

    /// The time that the child has.
    fn wall(&self) -> Duration {
        Duration::from_secs(self.wall_seconds)
    }
}

impl FromStr for CompileLimits {
    type Err = CompileLimitsError;

    fn from_str(text: &str) -> Result<Self, CompileLimitsError> {
        let mut limits = Self::default();
        for setting in text.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            let wrong = |rule: &str| CompileLimitsError(format!("`{setting}`: {rule}"));
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| wrong("expected KEY=NUMBER"))?;
            let keys = || {
                wrong(&format!(
                    "unknown; the limits are {}",
                    Self::KEYS.join(", ")
                ))
            };
            let field = limits.field(key.trim()).ok_or_else(keys)?;
            *field = value
                .trim()
                .parse()
                .ok()
                .filter(|&n| n > 0)
                .ok_or_else(|| wrong("must be a whole number from 1 to 2^64 - 1"))?;
        }
        if limits.memory < Self::LEAST_MEMORY {
            return Err(CompileLimitsError(format!(
                "memory={}: must be at least {} (2 GiB)",
                limits.memory,
                Self::LEAST_MEMORY
            )));
        }
        Ok(limits)
    }
}

impl fmt::Display for CompileLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limits = *self;
        for (i, key) in Self::KEYS.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let value = limits.field(key).map_or(0, |value| *value);
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

/// Why compiling a component was given up. What is wrong with the component itself is
/// [`Error::Corrupt`](crate::Error::Corrupt).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileFault {
    /// The file is too large.
    #[error("the file has {size} bytes, more than {limit}{}", raised("component", *size))]
    ComponentTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It takes too much processor time.
    #[error("compiling it takes more than {seconds} s of processor time{}", way_out("cpu_seconds", *seconds))]
    CpuTime {
        /// The limit in seconds.
        seconds: u64,
    },
    /// It takes too much memory.
    #[error("compiling it takes more than {bytes} bytes of memory{}", way_out("memory", *bytes))]
    Memory {
        /// The limit in bytes.
        bytes: u64,
    },
    /// It takes too long.
    #[error("compiling it takes longer than {seconds} s{}", way_out("wall_seconds", *seconds))]
    WallTime {
        /// The limit in seconds.
        seconds: u64,
    },
    /// The compiled code is too large.
    #[error("its compiled code has more than {limit} bytes{}", way_out("code", *limit))]
    CodeTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The compiler ended in another way than it should.
    #[error(
        "the compiler ended by {how}; the component may be made to do that, so do not load it elsewhere{}",
        said(message)
    )]
    Crashed {
        /// The signal or exit code.
        how: String,
        /// The end of what it wrote to standard error.
        message: String,
    },
    /// The compiler did what none does, and the system ended it.
    #[error(
        "the compiler tried to start a program, to open a connection or to reach another process, and was ended for it; \
         a component that takes the compiler over does that, so do not load it elsewhere. If it is one of yours, \
         report it as a weakness of rlhost (SECURITY.md)"
    )]
    BrokeOut,
    /// The user or the machine ended the compiler.
    #[error("the compiler was ended from outside ({how}); try again")]
    Killed {
        /// The signal and what it may mean.
        how: String,
    },
    /// The compiler's program can't be started.
    #[error("the compiler {} can't be started: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What to do where it is not known how much is needed.
fn way_out(key: &str, limit: u64) -> String {
    raised(key, limit.saturating_mul(2))
}

fn raised(key: &str, limit: u64) -> String {
    format!(
        "; if you trust it, raise the compile limit (RLHOST_COMPILE_LIMITS={key}={limit} for the rlhost command)"
    )
}

fn said(message: &str) -> String {
    match message.trim() {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

impl Compiler {
    /// A child of the running program, started with these arguments and the limits as one more.
    pub fn this_program<A: Into<OsString>>(
        arguments: impl IntoIterator<Item = A>,
        limits: CompileLimits,
    ) -> io::Result<Self> {
        // This names the running program even when another has been installed in its place.
        let itself = Path::new("/proc/self/exe");
        let program = if cfg!(target_os = "linux") && itself.exists() {
            itself.to_owned()
        } else {
            std::env::current_exe()?
        };
        Ok(Self::Child(ChildCompiler {
            program,
            arguments: arguments.into_iter().map(Into::into).collect(),
            limits,
        }))
    }

    /// The largest file that is read.
    pub(crate) fn largest_component(&self) -> u64 {
        match self {
            Self::InProcess => CompileLimits::default().component,
            Self::Child(child) => child.limits.component,
        }
    }

    /// The compiled component, and its code for the cache.
    #[allow(unsafe_code)]
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        path: &Path,
        bytes: &Arc<Vec<u8>>,
    ) -> Result<(Component, Option<Vec<u8>>)> {
        let corrupt = |message| Error::Corrupt {
            path: path.to_owned(),
            message,
        };
        match self {
            Self::InProcess => {
                vet::check(bytes).map_err(corrupt)?;
                let component =
                    Component::from_binary(engine, bytes).map_err(|e| corrupt(format!("{e:#}")))?;
                let code = component.serialize().ok();
                Ok((component, code))
            }
            Self::Child(child) => {
                let code = match parent::compile(child, bytes) {
                    Ok(parent::Compiled::Code(code)) => code,
                    Ok(parent::Compiled::Invalid(message)) => return Err(corrupt(message)),
                    Err(fault) => {
                        return Err(Error::Compile {
                            path: path.to_owned(),
                            fault,
                        });
                    }
                };
                // SAFETY: the code was written by the compiler's program, which whoever built this host
                // trusts as this process itself; the engine refuses what another version wrote.
                let component = unsafe { Component::deserialize(engine, &code) }
                    .map_err(|e| corrupt(format!("{e:#}")))?;
                Ok((component, Some(code)))
            }
        }
    }
}
