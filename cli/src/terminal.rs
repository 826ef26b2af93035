//! The one way to people's terminals: everything that the command prints passes here.
//!
//! Models, plugins, records, data and file names hold text of strangers. Two things keep such text from commanding the
//! terminal or forging output:
//!
//! - [`Gate`] stands before standard output and standard error, and shows what is no plain text: escape sequences can't
//!   move the cursor, reach the clipboard or hide what was written. In JSON such characters become `\uXXXX`, which is the
//!   same value.
//! - A line begins where the program begins one. A line feed inside of what is formatted into a line is a value's own, and
//!   what follows it is indented ([`Gate::write_fmt`]); [`inline`] and [`block`] lay values out so that nothing in them
//!   looks like the lines around them.
//!
//! `clippy.toml` forbids every other way to a terminal. The exceptions are the progress bar, which gets text from here, and
//! clap's own help.

use rlhost_host::is_plain;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{self, Display, Write as _};
use std::io::{self, IsTerminal, Write};
use unicode_width::UnicodeWidthStr;

/// How a writer shows what is no plain text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For people: pictures of control characters, `\u{202e}` for all others.
    Text,
    /// For programs: the escapes of JSON. What is written must be JSON.
    Json,
}

/// A writer that lets plain text through and shows everything else.
pub struct Gate<W> {
    inner: W,
    style: Style,
    /// The beginning of a character that is still to come.
    begun: Vec<u8>,
}

impl<W: Write> Gate<W> {
    pub fn new(inner: W, style: Style) -> Self {
        Self {
            inner,
            style,
            begun: Vec::new(),
        }
    }

    /// Writes what is left, and flushes.
    pub fn finish(mut self) -> io::Result<()> {
        if !self.begun.is_empty() {
            self.show('\u{fffd}')?;
        }
        self.inner.flush()
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !is_plain(*c)) {
            self.inner.write_all(&rest.as_bytes()[..at])?;
            self.show(c)?;
            rest = &rest[at + c.len_utf8()..];
        }
        self.inner.write_all(rest.as_bytes())
    }

    fn show(&mut self, c: char) -> io::Result<()> {
        match (self.style, c) {
            (_, '\u{fffd}') => write!(self.inner, "{c}"),
            (Style::Json, _) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(self.inner, "\\u{unit:04x}")?;
                }
                Ok(())
            }
            (Style::Text, '\x7f') => write!(self.inner, "\u{2421}"),
            (Style::Text, '\0'..='\x1f') => {
                let picture = char::from_u32(0x2400 + u32::from(c));
                write!(self.inner, "{}", picture.unwrap_or('\u{fffd}'))
            }
            (Style::Text, _) => write!(self.inner, "{}", c.escape_unicode()),
        }
    }
}

impl<W: Write> Write for Gate<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let joined;
        let mut input = bytes;
        if !self.begun.is_empty() {
            joined = [&self.begun, bytes].concat();
            self.begun.clear();
            input = &joined;
        }
        let mut chunks = input.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text(chunk.valid())?;
            let invalid = chunk.invalid();
            // Only what stands at the end may go on in the next piece.
            let at_end = chunks.peek().is_none();
            match std::str::from_utf8(invalid).map_err(|error| error.error_len()) {
                Ok(_) => {}
                Err(None) if at_end => self.begun = invalid.to_vec(),
                Err(_) => self.show('\u{fffd}')?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    /// What `write!` and `writeln!` call. A line feed at the end ends the line; any other is one of a value that was
    /// formatted, and what follows it is indented: no value begins a line.
    fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> io::Result<()> {
        let mut text = String::new();
        text.write_fmt(args)
            .map_err(|_| io::Error::other("a value can't be formatted"))?;
        if self.style == Style::Text {
            let body = text.strip_suffix('\n').unwrap_or(&text);
            if body.contains('\n') {
                text = indented(body, "    ") + &text[body.len()..];
            }
        }
        self.write_all(text.as_bytes())
    }
}

/// Text with `indent` before every line after the first, but where it is indented.
fn indented(text: &str, indent: &str) -> String {
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        if !line.is_empty() && !line.starts_with("  ") {
            out.push_str(indent);
        }
        out.push_str(line);
    }
    out
}

/// A value on one line: a name, a path, what stands in a table.
pub fn inline(value: impl Display) -> String {
    value.to_string().replace('\n', "␊").replace('\t', "␉")
}

/// A value of one line, filled up with spaces to so many columns: letters of some scripts take two of them.
pub fn padded(value: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(value.width());
    format!("{value}{:missing$}", "")
}

/// How many columns the widest of some values takes.
pub fn widest<'a>(values: impl IntoIterator<Item = &'a str>) -> usize {
    let widths = values.into_iter().map(UnicodeWidthStr::width);
    widths.max().unwrap_or_default()
}

/// A value of several lines behind a label of `column` columns: each line after the first stands behind a bar, which no
/// line of the program does.
pub fn block(text: &str, column: usize) -> String {
    let bar = format!("\n{:>1$} ", '│', column.saturating_sub(1));
    text.trim_end().replace('\n', &bar)
}

/// So many characters of an error, a note or a line of another program are shown.
const LONGEST: usize = 8_000;
/// So many of them are its end, which often has the way out.
const LONGEST_END: usize = 1_000;

/// Beginning and end of a text that is too long for a terminal.
fn cut(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let left_out = count - LONGEST;
    let start: String = text.chars().take(LONGEST - LONGEST_END).collect();
    let end: String = text.chars().skip(count - LONGEST_END).collect();
    format!("{start} … ({left_out} characters are left out) … {end}")
}

/// A message as it may be shown: not too long, plain, and indented after its first line.
pub fn message(text: &str) -> String {
    plain(&indented(cut(text).trim_end(), "  "))
}

/// Text as the gate shows it.
fn plain(text: &str) -> String {
    let mut gate = Gate::new(Vec::new(), Style::Text);
    // Writing to memory does not fail.
    let _ = gate.text(text);
    String::from_utf8_lossy(&gate.inner).into_owned()
}

/// A line of another program, such as a compiler: set off from the command's own, and with its colours where
/// `coloured`.
fn quoted(line: &str, coloured: bool) -> String {
    let line = cut(line);
    let mut out = String::from("  ");
    let mut rest = line.as_str();
    while let Some(at) = rest.find('\x1b') {
        out += &plain(&rest[..at]);
        rest = &rest[at..];
        let length = if coloured { colour(rest) } else { None };
        let (escape, after) = rest.split_at(length.unwrap_or(1));
        match length {
            Some(_) => out += escape,
            None => out += &plain(escape),
        }
        rest = after;
    }
    out += &plain(rest);
    if out.contains('\x1b') {
        // A line's colours end with it.
        out += "\x1b[0m";
    }
    out
}

/// The length of an escape sequence that does no more than colour a text: none that hides it, as concealed text and
/// black or coloured grounds can.
fn colour(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\x1b[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    if !codes[end..].starts_with('m') {
        return None;
    }
    let codes: Vec<&str> = codes[..end].split(';').collect();
    let harmless = |code: &&str| {
        matches!(
            *code,
            "" | "0" | "00" | "1" | "01" | "2" | "3" | "4" | "22" | "23" | "24" | "39" | "90"
        ) || matches!(code.as_bytes(), [b'3' | b'9', b'1'..=b'7'])
    };
    // The compiler of Rust counts its colours so: 1 to 15 are the usual ones.
    let counted = match codes[..] {
        ["38", "5", code] => code.parse::<u8>().is_ok_and(|code| (1..16).contains(&code)),
        _ => false,
    };
    (counted || codes.iter().all(harmless)).then_some("\x1b[".len() + end + 1)
}

/// A line, or lines, on standard error. Not `eprintln!`: where nobody listens, work goes on.
#[expect(clippy::disallowed_methods, reason = "this is the gate")]
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", message(text));
}

/// Lines of another program on standard error.
#[expect(clippy::disallowed_methods, reason = "this is the gate")]
pub fn quote(text: &str) {
    let mut stderr = io::stderr().lock();
    for line in text.lines() {
        let _ = writeln!(stderr, "{}", quoted(line, is_terminal()));
    }
}

/// Whether standard output is no file and no pipe.
#[expect(clippy::disallowed_methods, reason = "nothing is written")]
pub fn is_output() -> bool {
    io::stdout().is_terminal()
}

/// Whether somebody looks at standard error.
#[expect(clippy::disallowed_methods, reason = "nothing is written")]
pub fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Tells of a fault of the program itself as everything else is told.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|info| {
        let trace = Backtrace::capture();
        let trace = match trace.status() {
            BacktraceStatus::Captured => trace.to_string(),
            _ => "RUST_BACKTRACE=1 shows how it came to that".to_owned(),
        };
        say(&format!("{info}\n{trace}"));
    }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a gate makes of pieces.
    fn gated(style: Style, pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut gate = Gate::new(&mut out, style);
        for piece in pieces {
            gate.write_all(piece).unwrap();
        }
        gate.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_text_reaches_the_terminal() {
        let text = |text: &str| gated(Style::Text, &[text.as_bytes()]);
        let plain = "é\t½\n\u{1f468}\u{200d}\u{1f469} ❤\u{fe0f} ی\u{200c}ک";
        assert_eq!(text(plain), plain);
        assert_eq!(text("a\x1b[2J\r\0\x07\x08\x7fb"), "a␛[2J␍␀␇␈␡b");
        assert_eq!(
            text("\u{9b}2J\u{202e}x\u{2066}"),
            "\\u{9b}2J\\u{202e}x\\u{2066}"
        );
        assert_eq!(
            text("\u{2028}\u{200b}\u{e0041}\u{fff9}\u{85}"),
            "\\u{2028}\\u{200b}\\u{e0041}\\u{fff9}\\u{85}"
        );
    }

    #[test]
    fn in_json_what_is_no_text_is_the_same_value() {
        let text = "\x1b\x7f\u{9b}\u{202e}\u{2028}\u{e0041}é\n";
        let json = serde_json::to_string(text).unwrap();
        let shown = gated(Style::Json, &[json.as_bytes()]);
        assert_eq!(shown, r#""\u001b\u007f\u009b\u202e\u2028\udb40\udc41é\n""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn characters_may_come_in_pieces_and_bytes_may_be_none() {
        let pieces: Vec<&[u8]> = "ü\u{202e}\u{1f600}".as_bytes().chunks(1).collect();
        assert_eq!(gated(Style::Text, &pieces), "ü\\u{202e}\u{1f600}");
        assert_eq!(
            gated(Style::Text, &[b"a\xffb\xe2\x80", b"c\xc2"]),
            "a\u{fffd}b\u{fffd}c\u{fffd}"
        );
    }

    #[test]
    fn a_value_begins_no_line() {
        let mut out = Vec::new();
        let mut gate = Gate::new(&mut out, Style::Text);
        writeln!(gate, "\nFORGED\n\n  x\n").unwrap();
        writeln!(gate, "name a\nFORGED").unwrap();
        writeln!(gate).unwrap();
        gate.finish().unwrap();
        let expected = "\n    FORGED\n\n  x\n\nname a\n    FORGED\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn values_are_laid_out_apart() {
        assert_eq!(inline("a\n\tb"), "a␊␉b");
        assert_eq!(padded("正确", 6), "正确  ");
        assert_eq!(widest(["abc", "正确", "e\u{301}"]), 4);
        assert_eq!(block("a\nscore 1\n", 10), "a\n        │ score 1");
        assert_eq!(message("a\nerror: b\n  c\n"), "a\n  error: b\n  c");
    }

    #[test]
    fn a_message_has_an_end() {
        let long = format!("{}\nthe way out", "ü".repeat(3_000_000));
        let shown = message(&long);
        assert!(shown.len() < 20_000, "{} bytes", shown.len());
        assert!(shown.ends_with("the way out"), "{}", shown.len());
        assert!(
            shown.contains("(2992012 characters are left out)"),
            "{}",
            &shown[14_000..14_100]
        );
    }

    #[test]
    fn other_programs_may_colour_and_nothing_else() {
        let line = "\x1b[0;1;31merror\x1b[0m \x1b[38;5;9mx\x1b[2J\x1b[8mhidden\x1b[40;30m";
        assert_eq!(
            quoted(line, true),
            "  \x1b[0;1;31merror\x1b[0m \x1b[38;5;9mx␛[2J␛[8mhidden␛[40;30m\x1b[0m"
        );
        assert!(!quoted(line, false).contains('\x1b'));
        assert_eq!(quoted("\x1b[31", true), "  ␛[31");
        assert_eq!(quoted("\x1b[3\u{661}m", true), "  ␛[3\u{661}m");
    }
}
