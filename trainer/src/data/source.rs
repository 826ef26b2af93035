//! Data files as rows of JSON text.

use std::io::{BufRead, BufReader};
use std::path::Path;

use rlhost_host::files::{LINE, open_given, read_line};
use serde_json::value::RawValue;

use crate::{Error, Result};

/// How files begin that are no text, and what to do with them.
const FORMS: [(&[u8], &str, &str); 8] = [
    (
        b"PAR1",
        "a Parquet file",
        "convert it to JSON Lines (docs/data.md has a short script)",
    ),
    (
        b"ARROW1",
        "an Arrow file",
        "convert it to JSON Lines (docs/data.md has a short script)",
    ),
    (b"\x1f\x8b", "compressed by gzip", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it first"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (
        b"SQLite format 3\0",
        "a database of SQLite",
        "write its rows as JSON Lines",
    ),
    (b"\xff\xfe", "text in UTF-16", "write it in UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "write it in UTF-8"),
];

/// The most bytes of a line of a JSON array.
const ARRAY: u64 = 4 << 30;

/// The text of a data file, without a byte order mark.
///
/// # Errors
/// [`Error::Io`] if it can't be read; [`Error::Data`] that names the form of a file that is no text in UTF-8.
pub(super) fn read(file: &Path) -> Result<String> {
    let wrong = |line: usize, message: String| Error::Data {
        file: file.to_owned(),
        line,
        message,
    };
    let io = |source| Error::io(file, source);
    let mut reader = BufReader::new(open_given(file).map_err(io)?);
    let (mut bytes, mut line) = (Vec::new(), 0);
    let mut array = None;
    loop {
        line += 1;
        let start = reader.fill_buf().map_err(io)?;
        if line == 1 {
            let known = FORMS.iter().find(|(magic, ..)| start.starts_with(magic));
            if let Some((_, form, way_out)) = known {
                return Err(wrong(
                    1,
                    format!("this is {form}, and JSON Lines are read: {way_out}"),
                ));
            }
        }
        if array.is_none() {
            array = begins_array(start);
        }
        // An array may stand in one line: then its rows are bounded when they are read.
        let most = match array {
            Some(true) => ARRAY,
            Some(false) | None => LINE,
        };
        match read_line(&mut reader, &mut bytes, most).map_err(io)? {
            Some(0) => break,
            Some(_) => {}
            None => return Err(wrong(line, format!("the row has more than {most} bytes"))),
        }
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + String::from_utf8_lossy(good).matches('\n').count();
        wrong(line, "not text in UTF-8".into())
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Whether a text begins as a JSON array does, after a byte order mark; `None` where it is white space so far.
fn begins_array(text: &[u8]) -> Option<bool> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.trim_ascii_start().first().map(|first| *first == b'[')
}

/// The rows of a text with their lines, from 1: those of JSON Lines, or of one JSON array. Lines without
/// anything are passed over.
///
/// # Errors
/// [`Error::Data`] where an array is broken.
pub(super) fn rows<'a>(file: &Path, text: &'a str) -> Result<Vec<(usize, &'a str)>> {
    if begins_array(text.as_bytes()) != Some(true) {
        let lines = (1..).zip(text.lines());
        return Ok(lines.filter(|(_, line)| !line.trim().is_empty()).collect());
    }
    let values: Vec<&'a RawValue> = serde_json::from_str(text).map_err(|error| Error::Data {
        file: file.to_owned(),
        line: error.line().max(1),
        message: format!("a JSON array that can't be read: {error}"),
    })?;
    let (mut line, mut counted) = (1, 0);
    let rows = values.into_iter().map(|value| {
        // The value is a part of the text.
        let at = value.get().as_ptr() as usize - text.as_ptr() as usize;
        line += text[counted..at].matches('\n').count();
        counted = at;
        if value.get().len() as u64 > LINE {
            return Err(Error::Data {
                file: file.to_owned(),
                line,
                message: format!("the row has more than {LINE} bytes"),
            });
        }
        Ok((line, value.get()))
    });
    rows.collect()
}
