//! Where results go: standard output, whose reader may go away, and files that are whole or absent.

use anyhow::{Context, Result, bail};
use rlhost_host::files;
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

fn buffered<W: Write>(
    inner: W,
    name: String,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let mut out = BufWriter::new(Named { inner, name });
    write(&mut out)?;
    Ok(out.flush()?)
}

/// Runs `write` on standard output. Unlike `println!`, a full disk is an error and no panic.
pub fn standard(write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    buffered(io::stdout(), "standard output".into(), write)
}

/// Runs `write` on a file that gets its name when all of it is there.
///
/// What is there under the name and is no file, such as `/dev/null` or a named pipe, is written to
/// as it is.
pub fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    // A link stays one.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = || format!("cannot write to {}", path.display());
    let name = || path.display().to_string();
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => bail!("{} is a folder: name a file", path.display()),
        Ok(found) if !found.is_file() => {
            let file = File::create(path).with_context(failed)?;
            return buffered(file, name(), write);
        }
        _ => {}
    }
    // Nothing half-written stays, and two that write to one name leave one of the two.
    let staged = files::stage(path).with_context(failed)?;
    buffered(staged.as_file(), name(), write)?;
    staged
        .persist(path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    Ok(())
}

/// A line, or lines, on standard error. Not `eprintln!`: where nobody listens, work goes on.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(text));
}

/// Text of others, for a terminal: control characters but tab and line feed become pictures of themselves, so
/// that a model or a plugin can't move the cursor or hide what it wrote.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' => c,
            '\x7f' => '\u{2421}',
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            // The second half of the control characters, and those that turn the direction of writing.
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn only_text_reaches_the_terminal() {
        assert_eq!(
            printable("é\t½\n\u{1f468}\u{200d}\u{1f469}"),
            "é\t½\n\u{1f468}\u{200d}\u{1f469}"
        );
        assert_eq!(printable("a\x1b[2J\r\0\x07\x7fb"), "a␛[2J␍␀␇␡b");
        assert_eq!(
            printable("\u{9b}2J\u{202e}x\u{2066}"),
            "\u{fffd}2J\u{fffd}x\u{fffd}"
        );
    }
}
