//! Where results go: standard output, whose reader may go away, and files that are whole or absent.

use crate::terminal::{Gate, Style};
use anyhow::{Context, Result, bail};
use rlhost_host::files;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A writer whose errors name it; they keep their kind, by which `… | head` is recognised.
struct Named<W> {
    inner: W,
    name: String,
}

impl<W> Named<W> {
    fn error(&self, error: &io::Error) -> io::Error {
        io::Error::new(
            error.kind(),
            format!("cannot write to {}: {error}", self.name),
        )
    }
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes).map_err(|e| self.error(&e))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(|e| self.error(&e))
    }
}

fn gated<W: Write>(
    inner: W,
    name: String,
    style: Style,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let mut out = Gate::new(BufWriter::new(Named { inner, name }), style);
    write(&mut out)?;
    Ok(out.finish()?)
}

#[expect(clippy::disallowed_methods, reason = "behind the gate")]
fn stdout(style: Style, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    gated(io::stdout(), "standard output".into(), style, write)
}

/// Runs `write` on standard output, for people: see [`terminal`](crate::terminal). Unlike `println!`, a full disk is an
/// error and no panic.
pub fn standard(write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    stdout(Style::Text, write)
}

/// Runs `write`, which writes JSON, on standard output.
pub fn json_lines(write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    stdout(Style::Json, write)
}

/// Prints a value as JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    json_lines(|out| Ok(writeln!(out, "{}", serde_json::to_string_pretty(value)?)?))
}

/// Runs `write`, which writes JSON, on a file that gets its name when all of it is there.
///
/// What is there under the name and is no file, such as `/dev/null` or a named pipe, is written to
/// as it is.
pub fn json_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    // A link stays one.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = || format!("cannot write to {}", path.display());
    let name = || path.display().to_string();
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => bail!("{} is a folder: name a file", path.display()),
        Ok(found) if !found.is_file() => {
            let file = File::create(path).with_context(failed)?;
            return gated(file, name(), Style::Json, write);
        }
        _ => {}
    }
    // Nothing half-written stays, and two that write to one name leave one of the two.
    let staged = files::stage(path).with_context(failed)?;
    gated(staged.as_file(), name(), Style::Json, write)?;
    staged
        .persist(path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    Ok(())
}
