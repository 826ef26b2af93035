//! Plugins in Rust: a crate that is a `cdylib`, compiled by cargo.

use super::{Compiled, Product, idle};
use crate::plugin::programs;
use crate::terminal;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
const NO_COMPILER: &str = "no Rust compiler (cargo and rustc) is on PATH. This installs one that compiles to WebAssembly:\n    \
     curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --target wasm32-unknown-unknown";
const DEBIAN: &str =
    "apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src lld-22";

/// What cargo knows of a workspace.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// A toolchain that compiles to WebAssembly.
struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: String,
    version: String,
    /// Links where the target's library has to be built from its source.
    linker: Option<PathBuf>,
}

pub fn compile(folder: &Path) -> Result<Compiled> {
    let toolchain = Toolchain::find(folder)?;
    let metadata = toolchain.metadata(folder)?;
    let manifest = folder.join("Cargo.toml");
    let package = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path == manifest)
        .with_context(|| format!("{} is of no package", manifest.display()))?;
    let library = package
        .targets
        .iter()
        .find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))
        .with_context(|| {
            format!(
                "{} is of no plugin: it lacks `crate-type = [\"cdylib\"]` under `[lib]`",
                manifest.display()
            )
        })?;
    let made = folder.join("target/plugin-build");
    let mut cargo = toolchain.cargo(folder);
    cargo
        // The one crate type in use: beside an `rlib` cargo would not optimise across crates.
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&made)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            toolchain.flags(&metadata.workspace_root).join("\x1f"),
        );
    if let Some(linker) = &toolchain.linker {
        cargo
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    if terminal::is_terminal() && env::var_os("CARGO_TERM_COLOR").is_none() {
        // What it writes into a pipe has no colours otherwise.
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    programs::compile(&mut cargo)?;
    idle::note(folder, &idle::RUST);
    let module = made
        .join(TARGET)
        .join("release")
        .join(library.name.replace('-', "_"))
        .with_extension("wasm");
    Ok(Compiled {
        product: Product::read_module(&module)?,
        name: package.name.clone(),
        version: package.version.clone(),
        licence: package.license.clone(),
        language: ("Rust", toolchain.version),
        packages: Vec::new(),
    })
}

impl Toolchain {
    /// A compiler on `PATH` whose target is installed; else one with the source of its library and a linker.
    /// `folder` may choose one (`rust-toolchain.toml`).
    fn find(folder: &Path) -> Result<Self> {
        let mut lacks = NO_COMPILER.to_owned();
        let mut from_source = None;
        for rustc in programs::all(|name| name == "rustc") {
            let cargo = rustc.with_file_name("cargo");
            let print = |arguments: &[&str]| {
                programs::output(Command::new(&rustc).current_dir(folder).args(arguments))
            };
            let (true, Some(sysroot), Some(version)) = (
                cargo.is_file(),
                print(&["--print", "sysroot"]),
                print(&["-vV"]),
            ) else {
                continue;
            };
            let mut toolchain = Self {
                cargo,
                version: release(&version),
                sysroot,
                linker: None,
                rustc: rustc.clone(),
            };
            let libraries = print(&["--print", "target-libdir", "--target", TARGET]);
            if libraries.is_some_and(|folder| has_library(Path::new(&folder))) {
                return Ok(toolchain);
            }
            let source =
                Path::new(&toolchain.sysroot).join("lib/rustlib/src/rust/library/Cargo.lock");
            if rustc.with_file_name("rustup").exists() {
                lacks = format!(
                    "the Rust compiler {} can't compile to WebAssembly yet. This installs what it lacks:\n    \
                     rustup target add {TARGET}",
                    rustc.display()
                );
            } else if source.is_file() {
                let llvm = programs::number_after(&version, "LLVM version: ").unwrap_or(0);
                toolchain.linker = linker(llvm);
                if toolchain.linker.is_none() {
                    lacks = format!(
                        "the Rust compiler {} has no linker for WebAssembly. This installs one:\n    \
                         apt-get install -y lld-{llvm}",
                        rustc.display()
                    );
                } else if from_source.is_none() {
                    from_source = Some(toolchain);
                }
            } else if lacks == NO_COMPILER {
                lacks = format!(
                    "the Rust compiler {} can't compile to WebAssembly. This installs one that can on Debian (and rustup's can):\n    \
                     {DEBIAN}",
                    rustc.display()
                );
            }
        }
        match from_source {
            Some(toolchain) => Ok(toolchain),
            None => bail!(lacks),
        }
    }

    fn cargo(&self, folder: &Path) -> Command {
        let mut cargo = Command::new(&self.cargo);
        cargo
            .current_dir(folder)
            .env("RUSTC", &self.rustc)
            .env_remove("CARGO_BUILD_TARGET");
        cargo
    }

    /// What cargo knows of the folder's workspace; what it finds wrong goes to the terminal.
    fn metadata(&self, folder: &Path) -> Result<Metadata> {
        let mut cargo = self.cargo(folder);
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        let output = cargo
            .output()
            .with_context(|| format!("cannot start {}", self.cargo.display()))?;
        terminal::quote(&String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            bail!(
                "cargo can't read {}, and says why above",
                folder.join("Cargo.toml").display()
            );
        }
        serde_json::from_slice(&output.stdout).context("`cargo metadata` is not understood")
    }

    /// Compiler flags that keep the machine's folders out of the component.
    fn flags(&self, workspace: &Path) -> Vec<String> {
        let home = env::var_os("CARGO_HOME").map_or_else(
            || env::home_dir().unwrap_or_default().join(".cargo"),
            PathBuf::from,
        );
        [
            (Path::new(&self.sysroot), "/rust"),
            (&home, "/cargo"),
            (workspace, "/plugin"),
        ]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .into()
    }
}

/// The version in what `rustc -vV` prints.
fn release(text: &str) -> String {
    text.lines()
        .find_map(|line| line.strip_prefix("release: "))
        .unwrap_or("of an unknown version")
        .to_owned()
}

fn has_library(folder: &Path) -> bool {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.to_string_lossy().starts_with("libstd-"))
}

/// The `wasm-ld` that fits a compiler of this LLVM version best: not older, and the nearest.
fn linker(llvm: u32) -> Option<PathBuf> {
    programs::all(|name| name == "wasm-ld" || name.starts_with("wasm-ld-"))
        .into_iter()
        .filter_map(|path| {
            let version = programs::output(Command::new(&path).arg("--version"))?;
            Some((programs::number_after(&version, "LLD ")?, path))
        })
        .filter(|(version, _)| *version >= llvm)
        .min_by_key(|(version, _)| *version)
        .map(|(_, path)| path)
}
