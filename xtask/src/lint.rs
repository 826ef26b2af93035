//! `cargo xtask lint`: formatting and lints, of the host's and the guests' workspace; formatting of `fuzz/`.

use anyhow::Result;

use crate::process;
use crate::project::Project;

/// Checks the workspaces; warnings are errors.
pub fn run(project: &Project) -> Result<()> {
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
        let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
        if guests {
            clippy
                .arg("--target-dir")
                .arg(project.guest_workspace_target());
        }
        process::run(clippy.args(["--", "--deny", "warnings"]))?;
    }
    // Fuzzing needs another compiler, but what the targets do is part of the host's tests and was just checked.
    let manifest = project.root.join("fuzz/Cargo.toml");
    let mut fmt = project.cargo();
    fmt.args(["fmt", "--check", "--manifest-path"])
        .arg(manifest);
    process::run(&mut fmt)?;
    Ok(())
}
