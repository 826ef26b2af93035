//! The Python of the programs that ours are measured beside, and what such programs print.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process;

/// Packages of the peers, from the Python package index.
pub(crate) const PACKAGES: [&str; 11] = [
    "numpy==2.4.6",
    "wasmtime==48.0.0",
    "extism==1.1.1",
    "extism-sys==1.41.0",
    "shapely==2.2.0",
    "rapidfuzz==3.14.6",
    "scipy==1.17.1",
    "jsonschema==4.26.0",
    "math-verify==0.9.0",
    "latex2sympy2_extended==1.11.0",
    "antlr4-python3-runtime==4.13.2",
];

/// The Python of an environment that has the peers' packages; makes it where it is missing.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf> {
    environment_of(&folder.join("python"), &PACKAGES)
}

/// The Python of an environment in the folder `home` that has some packages; makes it where it is missing.
pub(crate) fn environment_of(home: &Path, packages: &[&str]) -> Result<PathBuf> {
    let python = home.join("bin/python");
    let wanted = packages.join(" ");
    let mark = home.join("rlhost-packages");
    if fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    let hint = "the peers need Python 3.11 or later with `venv`, and PyPI";
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(home),
    )
    .context(hint)?;
    process::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .arg("--disable-pip-version-check")
            .args(packages),
    )
    .context(hint)?;
    fs::write(mark, wanted)?;
    Ok(python)
}

/// The versions of a Python and its packages.
pub(crate) fn versions(python: &Path) -> Value {
    serde_json::json!({
        "python": process::output(Command::new(python).arg("-V")),
        "packages": PACKAGES,
    })
}

/// The JSON that a program prints; its errors go to the terminal.
pub(crate) fn result(command: &mut Command) -> Result<Value> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = output
        .output()
        .with_context(|| format!("cannot start {}", process::shown(command)))?;
    ensure!(
        output.status.success(),
        "{}: {}",
        output.status,
        process::shown(command)
    );
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no JSON from {}", process::shown(command)))
}
