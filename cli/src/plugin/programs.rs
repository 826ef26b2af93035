//! Other programs: where they are, and what they say.

use crate::terminal;
use anyhow::{Context, Result, bail};
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// All programs on `PATH` that `wanted` accepts by name, in the order of `PATH`.
pub fn all(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found = Vec::new();
    for folder in env::split_paths(&path) {
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

/// What a command prints, without surrounding white space; `None` where it is missing or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a compiler: what it has to say goes to standard error, set off from what the command says itself.
pub fn compile(command: &mut Command) -> Result<()> {
    compile_with(command, |_| None)
}

/// Does the same, for a compiler whose words need more: where it fails, `hint` looks through them for what can be
/// told better, or with a way out.
pub fn compile_with(command: &mut Command, hint: impl Fn(&str) -> Option<String>) -> Result<()> {
    let failed = || cannot_start(command);
    let (reader, writer) = std::io::pipe().with_context(failed)?;
    let both = writer.try_clone().with_context(failed)?;
    command.stdin(Stdio::null()).stdout(both).stderr(writer);
    let child = command.spawn().with_context(|| cannot_start(command));
    // The ends that the command holds, or there is no end to what is read.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child?;
    let said = pass_on(reader);
    let status = child.wait().with_context(|| cannot_start(command))?;
    compiled(command, status, hint(&said))
}

/// How a compiler ended, with what helps where it has failed.
pub fn compiled(command: &Command, status: ExitStatus, hint: Option<String>) -> Result<()> {
    if !status.success() {
        bail!(
            "the plugin does not compile: {} ended with {status}, and says why above{}",
            command.get_program().display(),
            hint.map_or_else(String::new, |hint| format!("\n  {hint}"))
        );
    }
    Ok(())
}

pub fn cannot_start(command: &Command) -> String {
    format!("cannot start {}", command.get_program().display())
}

/// So much of what a compiler says is looked through.
const LOOKED_THROUGH: usize = 1 << 20;

/// The longest line that is waited for.
const LONGEST_LINE: u64 = 1 << 16;

/// Passes on to standard error what comes, line by line, and returns the first of it.
fn pass_on(from: impl Read) -> String {
    let mut from = BufReader::new(from);
    let mut said = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = from
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        if !read.is_ok_and(|length| length > 0) {
            return said;
        }
        let line = String::from_utf8_lossy(&line);
        terminal::quote(&line);
        if said.len() + line.len() <= LOOKED_THROUGH {
            said += &line;
        }
    }
}

/// The number that follows `prefix` in `text`.
pub fn number_after(text: &str, prefix: &str) -> Option<u32> {
    let rest = &text[text.find(prefix)? + prefix.len()..];
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number_after;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        assert_eq!(number_after("Debian LLD 22.1.8 (x)", "LLD "), Some(22));
        let rustc = "release: 1.96.0\nLLVM version: 22.1.8";
        assert_eq!(number_after(rustc, "LLVM version: "), Some(22));
        assert_eq!(number_after("clang", "LLD "), None);
    }
}
