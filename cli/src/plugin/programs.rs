//! Other programs: where they are, and what they say.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

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

/// Runs a compiler: what it has to say goes to the terminal as it is.
pub fn compile(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !status.success() {
        bail!(
            "the plugin does not compile: {} ended with {status}, and says why above",
            program.display()
        );
    }
    Ok(())
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
