//! `cargo xtask lint`: formatting, lints and documentation, of the host's and the guests' workspace; formatting of
//! `fuzz/`; the page of the book that is made from the contract; what other people's code is taken in.

use anyhow::Result;

use crate::project::Project;
use crate::{book, dependencies, process};

/// Checks the workspaces; warnings are errors.
pub fn run(project: &Project) -> Result<()> {
    book::check(project)?;
    dependencies::check(project)?;
    for guests in [false, true] {
        let cargo = |arguments: &[&str]| {
            let mut cargo = project.cargo();
            cargo.args(arguments);
            if guests {
                cargo.arg("--manifest-path").arg(project.guest_workspace());
            }
            cargo
        };
        process::run(cargo(&["fmt", "--all"]).arg("--check"))?;
        let built = |arguments: &[&str]| {
            let mut cargo = cargo(arguments);
            if guests {
                let target = project.guest_workspace_target();
                cargo.arg("--target-dir").arg(target);
            }
            cargo
        };
        let mut clippy = built(&["clippy", "--workspace", "--all-targets"]);
        process::run(clippy.args(["--", "--deny", "warnings"]))?;
        let mut doc = built(&["doc", "--workspace", "--no-deps"]);
        process::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    }
    // Fuzzing needs another compiler, but what the targets do is part of the host's tests and was just checked.
    let manifest = project.root.join("fuzz/Cargo.toml");
    let mut fmt = project.cargo();
    fmt.args(["fmt", "--check", "--manifest-path"])
        .arg(manifest);
    process::run(&mut fmt)?;
    Ok(())
}
