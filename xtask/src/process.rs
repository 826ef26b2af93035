//! Runs other programs.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How a program ended that had only so much time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    Failed,
    TimedOut,
}

/// The command as one would type it, environment apart.
pub(crate) fn shown(command: &Command) -> String {
    let quote = |word: &OsStr| {
        let word = word.to_string_lossy().into_owned();
        if word.is_empty() || word.contains([' ', '\'', '"', '$', '\x1f']) {
            format!("'{}'", word.replace('\'', r"'\''"))
        } else {
            word
        }
    };
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(quote)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command, its output on the terminal; an error unless it ends well.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{status}: {}", shown(command));
    }
    Ok(())
}

/// What a command prints, without surrounding white space; `None` where it is missing or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a command for at most `limit`, then kills it with all its children.
pub(crate) fn run_for(command: &mut Command, limit: Duration) -> Result<Ended> {
    let mut child = command
        .stdin(Stdio::null())
        // A group of its own, so that children can be reached too.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() {
                Ended::Well
            } else {
                Ended::Failed
            });
        }
        if Instant::now() >= end {
            // The shell's own `kill`: the standard library can only kill the child itself.
            let killed = Command::new("sh")
                .args(["-c", r#"kill -s KILL -- "-$1""#, "sh"])
                .arg(child.id().to_string())
                .stderr(Stdio::null())
                .status();
            if !killed.is_ok_and(|status| status.success()) {
                child.kill()?;
            }
            child.wait()?;
            return Ok(Ended::TimedOut);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All programs on `PATH` that `wanted` accepts by name, in the order of `PATH`.
pub(crate) fn programs(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = Vec::new();
    for folder in std::env::split_paths(&path) {
        let Ok(entries) = folder.read_dir() else {
            continue;
        };
        let mut here: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
            .map(|entry| entry.path())
            .filter(|program| program.is_file() && !found.contains(program))
            .collect();
        here.sort();
        found.append(&mut here);
    }
    found
}

/// The first program of that name on `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    programs(|found| found == name).into_iter().next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("child");
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"sleep 30 & echo $! > "$1"; wait"#, "sh"])
            .arg(&note);
        let start = Instant::now();
        let ended = run_for(&mut command, Duration::from_millis(500)).unwrap();
        assert_eq!(ended, Ended::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(20));
        let child = std::fs::read_to_string(note).unwrap();
        // A killed process takes a moment to die, and stays as a zombie until its new parent
        // collects it.
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        let dead = || stat().map_or(true, |stat| stat.contains(") Z "));
        while !dead() {
            assert!(start.elapsed() < Duration::from_secs(20), "the child lives");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_program_in_time_reports_how_it_ended() {
        let limit = Duration::from_secs(20);
        let run = |program: &str| run_for(&mut Command::new(program), limit).unwrap();
        assert_eq!(run("true"), Ended::Well);
        assert_eq!(run("false"), Ended::Failed);
        assert!(run_for(&mut Command::new("/no/such/program"), limit).is_err());
    }

    #[test]
    fn output_is_trimmed_and_failure_is_none() {
        assert_eq!(output(Command::new("echo").arg("x")).as_deref(), Some("x"));
        assert_eq!(output(&mut Command::new("false")), None);
    }

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("cp");
        command.args(["a b", "it's", "c"]);
        assert_eq!(shown(&command), r"cp 'a b' 'it'\''s' c");
    }
}
