//! Finds a Rust toolchain that can compile to WebAssembly.
//!
//! In this order: a compiler whose `wasm32-unknown-unknown` target is installed; rustup, which
//! installs the target; a compiler that has the source of its standard library, such as Debian's
//! packages `rustc-web` and `rust-web-src`, so that the library can be built along (cargo's
//! `build-std`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};

use crate::process::{self, Ended};
use crate::project::{Project, cargo_program};

/// The target of every guest.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How long rustup may take to install the target.
const RUSTUP_LIMIT: Duration = Duration::from_secs(10);

/// How long a failure of rustup is remembered.
const RUSTUP_MEMORY: Duration = Duration::from_hours(24);

/// The packages of a Debian toolchain, less the linker.
const DEBIAN_PACKAGES: &str = "rustc-web cargo-web rust-web-src";

/// A toolchain that can compile guests.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// Its cargo.
    pub cargo: PathBuf,
    /// Its compiler.
    pub rustc: PathBuf,
    /// Its folder of libraries.
    pub sysroot: PathBuf,
    /// Where the target's standard library comes from.
    pub library: Library,
    /// What tells it from others: a component is built anew when it changes.
    pub identity: String,
}

/// Where the target's standard library comes from.
#[derive(Clone, Debug)]
pub enum Library {
    /// It is installed.
    Installed,
    /// It is built from the compiler's source and linked with this linker.
    FromSource {
        /// A `wasm-ld`.
        linker: PathBuf,
    },
}

/// A compiler on this machine.
struct Compiler {
    cargo: PathBuf,
    rustc: PathBuf,
}

impl Compiler {
    /// The compiler in the folder of a cargo or of a `rustc`.
    fn beside(program: &Path) -> Option<Self> {
        let (cargo, rustc) = (
            program.with_file_name("cargo"),
            program.with_file_name("rustc"),
        );
        (cargo.is_file() && rustc.is_file()).then_some(Self { cargo, rustc })
    }

    /// The one of the cargo that runs this program.
    fn current() -> Option<Self> {
        Self::beside(&cargo_program())
    }

    /// The active one of rustup.
    fn of_rustup(project: &Project, rustup: &Path) -> Option<Self> {
        let mut command = Command::new(rustup);
        command.current_dir(&project.root).args(["which", "cargo"]);
        Self::beside(Path::new(&process::output(&mut command)?))
    }

    fn print(&self, arguments: &[&str]) -> Option<String> {
        process::output(Command::new(&self.rustc).args(arguments))
    }

    /// As a toolchain, if the target is installed.
    fn with_installed_target(&self) -> Option<Toolchain> {
        let folder = self.print(&["--print", "target-libdir", "--target", TARGET])?;
        let has_library = fs::read_dir(folder)
            .ok()?
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"));
        if !has_library {
            return None;
        }
        Some(Toolchain {
            cargo: self.cargo.clone(),
            rustc: self.rustc.clone(),
            sysroot: self.print(&["--print", "sysroot"])?.into(),
            library: Library::Installed,
            identity: self.print(&["-vV"])?,
        })
    }

    /// As a toolchain, if the library's source is there; `Err` names what else is missing.
    fn with_source(&self) -> Option<Result<Toolchain, String>> {
        let sysroot = PathBuf::from(self.print(&["--print", "sysroot"])?);
        if !sysroot
            .join("lib/rustlib/src/rust/library/Cargo.lock")
            .is_file()
        {
            return None;
        }
        let version = self.print(&["-vV"])?;
        let llvm = major(&version, "LLVM version: ").unwrap_or(0);
        let Some((linker, linker_version)) = linker(llvm) else {
            return Some(Err(format!("apt-get install -y lld-{llvm}")));
        };
        Some(Ok(Toolchain {
            cargo: self.cargo.clone(),
            rustc: self.rustc.clone(),
            sysroot,
            library: Library::FromSource { linker },
            identity: format!("{version}\n{linker_version}"),
        }))
    }
}

/// What this machine has without installing anything.
pub enum Present {
    /// A toolchain that is ready.
    Ready(Toolchain),
    /// None, but rustup may be able to install the target.
    Rustup(PathBuf),
    /// A compiler with its library's source lacks a linker: the command that installs one.
    NoLinker(String),
    /// Nothing.
    Nothing,
}

/// Looks at the machine, changing nothing.
pub fn present(project: &Project) -> Present {
    if let Some(toolchain) = installed(project) {
        return Present::Ready(toolchain);
    }
    match from_source() {
        Some(Ok(toolchain)) => Present::Ready(toolchain),
        found => match (process::program("rustup"), found) {
            (Some(rustup), _) => Present::Rustup(rustup),
            (None, Some(Err(mend))) => Present::NoLinker(mend),
            (None, _) => Present::Nothing,
        },
    }
}

/// Finds a toolchain; rustup may install the target on the way.
pub fn find(project: &Project) -> Result<Toolchain> {
    if let Some(toolchain) = installed(project) {
        return Ok(toolchain);
    }
    let fallback = from_source();
    if let Some(rustup) = process::program("rustup") {
        let failed = project.guests().join(".rustup-failed");
        let remembered = fs::metadata(&failed)
            .and_then(|note| note.modified())
            .is_ok_and(|time| {
                SystemTime::now()
                    .duration_since(time)
                    .is_ok_and(|age| age < RUSTUP_MEMORY)
            });
        // Without another way it is tried each time: the network may be back.
        if !(remembered && matches!(fallback, Some(Ok(_)))) {
            if add_target(project, &rustup)?
                && let Some(toolchain) = installed(project)
            {
                return Ok(toolchain);
            }
            fs::create_dir_all(project.guests())?;
            fs::write(&failed, "")?;
        }
    }
    match fallback {
        Some(Ok(toolchain)) => Ok(toolchain),
        Some(Err(mend)) => bail!(
            "there is a Rust compiler with the source of its library, but no linker for WebAssembly. \
             Install one:\n    {mend}"
        ),
        None => bail!(
            "no Rust toolchain on this machine can compile to WebAssembly. One of these mends it:\n    \
             {}\n    {}",
            rustup_command(),
            debian_command()
        ),
    }
}

/// What installs the target where rustup reaches its servers.
pub fn rustup_command() -> String {
    format!("rustup target add {TARGET}")
}

/// What installs a toolchain on Debian.
pub fn debian_command() -> String {
    format!("apt-get install -y --no-install-recommends {DEBIAN_PACKAGES} lld-22")
}

/// A toolchain whose target is installed.
fn installed(project: &Project) -> Option<Toolchain> {
    if let Some(toolchain) = Compiler::current().and_then(|it| it.with_installed_target()) {
        return Some(toolchain);
    }
    let rustup = process::program("rustup")?;
    Compiler::of_rustup(project, &rustup)?.with_installed_target()
}

/// A toolchain on `PATH` that has the source of its library.
fn from_source() -> Option<Result<Toolchain, String>> {
    let mut lacking = None;
    for rustc in process::programs(|name| name == "rustc") {
        // Rustup's stand-ins lie beside it; what they stand for was asked already.
        if rustc.with_file_name("rustup").exists() {
            continue;
        }
        match Compiler::beside(&rustc).and_then(|compiler| compiler.with_source()) {
            Some(Ok(toolchain)) => return Some(Ok(toolchain)),
            Some(Err(mend)) => lacking = Some(Err(mend)),
            None => {}
        }
    }
    lacking
}

fn add_target(project: &Project, rustup: &Path) -> Result<bool> {
    let mut command = Command::new(rustup);
    command
        .current_dir(&project.root)
        .args(["target", "add", TARGET]);
    eprintln!("{}", process::shown(&command));
    let ended = process::run_for(&mut command, RUSTUP_LIMIT)?;
    match ended {
        Ended::Well => {}
        Ended::Failed => eprintln!("rustup could not install the target"),
        Ended::TimedOut => eprintln!(
            "rustup did not install the target within {} s, so it was stopped",
            RUSTUP_LIMIT.as_secs()
        ),
    }
    Ok(ended == Ended::Well)
}

/// The `wasm-ld` that fits a compiler of this LLVM version best, and what it says it is.
fn linker(llvm: u32) -> Option<(PathBuf, String)> {
    let mut candidates = process::programs(|name| {
        name.strip_prefix("wasm-ld")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    // The one that comes with rustup's toolchains.
    for rustc in process::programs(|name| name == "rustc") {
        let sysroot = process::output(Command::new(&rustc).args(["--print", "sysroot"]));
        let hosts = sysroot
            .and_then(|sysroot| fs::read_dir(Path::new(&sysroot).join("lib/rustlib")).ok())
            .into_iter()
            .flatten()
            .flatten();
        candidates.extend(
            hosts
                .map(|host| host.path().join("bin/gcc-ld/wasm-ld"))
                .filter(|linker| linker.is_file()),
        );
    }
    candidates
        .into_iter()
        .filter_map(|path| {
            let version = process::output(Command::new(&path).arg("--version"))?;
            Some((major(&version, "LLD ")?, path, version))
        })
        // An older linker may not know what the compiler emits; of the rest the nearest.
        // The first of equals: `min_by_key` keeps the order of PATH.
        .min_by_key(|(major, ..)| (*major < llvm, major.abs_diff(llvm)))
        .map(|(_, path, version)| (path, version))
}

/// The number that follows `prefix` in `text`.
fn major(text: &str, prefix: &str) -> Option<u32> {
    let rest = &text[text.find(prefix)? + prefix.len()..];
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        assert_eq!(major("LLD 14.0.6", "LLD "), Some(14));
        assert_eq!(major("Debian LLD 22.1.8 (x)", "LLD "), Some(22));
        let rustc = "release: 1.96.0\nLLVM version: 22.1.8";
        assert_eq!(major(rustc, "LLVM version: "), Some(22));
        assert_eq!(major("clang", "LLD "), None);
    }
}
