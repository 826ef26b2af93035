//! `cargo xtask test`: every test of the project.
//!
//! The components that tests need are built first, and the tests meanwhile. Then come the tests of the workspace, with
//! `cargo nextest` where it is installed, which run every plugin on its golden cases; the same for the
//! guests' own logic, natively; and the examples in the documentation. All parts run, whatever fails before.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::{guests, process};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Options {
    /// Run only tests whose names contain one of these (and no examples of the documentation)
    #[arg(last = true)]
    filter: Vec<String>,
}

/// Runs everything and fails if any part does.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let nextest = has_nextest(project);
    build(project, nextest)?;
    let mut parts = vec![
        ("tests", tests(project, nextest, &options.filter, false)),
        (
            "guest tests",
            tests(project, nextest, &options.filter, true),
        ),
    ];
    // `cargo test` runs the examples by itself.
    if nextest && options.filter.is_empty() {
        parts.push(("doc tests", doc_tests(project, false)));
        parts.push(("guest doc tests", doc_tests(project, true)));
    }

    let mut report = Vec::new();
    let mut failed = false;
    for (name, mut command) in parts {
        println!("\n{name}: {}", process::shown(&command));
        let start = Instant::now();
        let result = process::run(&mut command);
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        failed |= result.is_err();
        report.push(format!(
            "{verdict} {name} ({:.0} s)",
            start.elapsed().as_secs_f64()
        ));
    }
    println!("\n{}", report.join("\n"));
    if failed {
        bail!("not all tests passed");
    }
    Ok(())
}

/// Builds the guests, and meanwhile the tests: a guest is optimised as one piece, by one processor.
fn build(project: &Project, nextest: bool) -> Result<()> {
    let mut tests = project.cargo();
    tests.args(if nextest {
        &["nextest", "run"][..]
    } else {
        &["test"]
    });
    tests.args(["--workspace", "--no-run"]).stdin(Stdio::null());
    let mut compiling = tests
        .spawn()
        .with_context(|| format!("cannot start {}", process::shown(&tests)))?;
    let guests = guests::build_all(project);
    if guests.is_err() {
        // It may have ended by itself.
        let _ = compiling.kill();
    }
    // A test that can't be compiled fails the part that runs it, and is told there.
    compiling.wait()?;
    guests
}

/// Whether `cargo nextest` is installed.
pub(crate) fn has_nextest(project: &Project) -> bool {
    process::output(project.cargo().args(["nextest", "--version"])).is_some()
}

fn tests(project: &Project, nextest: bool, filter: &[String], guests: bool) -> Command {
    let mut command = project.cargo();
    if nextest {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--no-fail-fast"]);
    }
    if guests {
        in_guest_workspace(project, &mut command);
    }
    if !filter.is_empty() {
        if nextest {
            // The other workspace may be the one that has the tests.
            command.arg("--no-tests=pass");
        }
        command.arg("--").args(filter);
    }
    command
}

fn doc_tests(project: &Project, guests: bool) -> Command {
    let mut command = project.cargo();
    command.args(["test", "--workspace", "--doc"]);
    if guests {
        in_guest_workspace(project, &mut command);
    }
    command
}

fn in_guest_workspace(project: &Project, command: &mut Command) {
    command
        .arg("--manifest-path")
        .arg(project.guest_workspace())
        .arg("--target-dir")
        .arg(project.guest_workspace_target());
}
