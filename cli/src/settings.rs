//! `rlhost config show`: the configuration that a run would have.

use crate::output;
use anyhow::Result;
use rlhost_host::is_plain;
use rlhost_trainer::config::Config;
use std::fmt::Write;
use std::path::Path;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the configuration with all defaults and overrides
    Show {
        /// Configuration file (TOML); the defaults alone without one
        #[arg(value_name = "CONFIG")]
        config: Option<String>,
        /// Overrides of keys, such as rollout.n=8
        #[arg(value_name = "KEY=VALUE")]
        overrides: Vec<String>,
    },
}

pub fn run(command: &Command) -> Result<()> {
    let Command::Show { config, overrides } = command;
    let (file, overrides) = split_overrides(config.as_deref(), overrides);
    let text = Config::load(file.map(Path::new), &overrides)?.to_toml()?;
    output::standard(|out| Ok(out.write_all(escaped(&text).as_bytes())?))
}

/// A path that may be left out before overrides: the first argument is an override itself where it is no path and has the
/// form of one.
pub fn split_overrides<'a>(
    first: Option<&'a str>,
    overrides: &[String],
) -> (Option<&'a str>, Vec<String>) {
    let is_path = |text: &&str| !text.contains('=') || Path::new(text).exists();
    let path = first.filter(is_path);
    let overrides = match (first, path) {
        (Some(first), None) => [&[first.to_owned()], overrides].concat(),
        _ => overrides.to_vec(),
    };
    (path, overrides)
}

/// A configuration file in which every text that is more than plain words stands on one line, with its escapes: the same
/// values, and none begins a line or commands a terminal.
fn escaped(toml: &str) -> String {
    let mut out = String::new();
    let mut rest = toml;
    // The writer leaves no comments.
    while let Some(start) = rest.find(['"', '\'']) {
        out += &rest[..start];
        rest = &rest[start..];
        let (token, after) = rest.split_at(length(rest));
        rest = after;
        let plain = |c: char| is_plain(c) && c != '\n';
        match value(token) {
            Some(text) if !token.chars().all(plain) => out += &basic(&text),
            _ => out += token,
        }
    }
    out + rest
}

/// The length of the string that a text begins with.
fn length(text: &str) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let end = if text.starts_with(&triple) {
        triple.as_str()
    } else {
        quote
    };
    let mut at = end.len();
    while let Some(c) = text[at..].chars().next() {
        if c == '\\' && quote == "\"" {
            at += 1;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        } else if text[at..].starts_with(end) {
            at += end.len();
            // A text in three quotes may end with quotes of its own.
            let own = text[at..]
                .chars()
                .take(2)
                .take_while(|c| quote.starts_with(*c));
            return if end.len() == 3 { at + own.count() } else { at };
        } else {
            at += c.len_utf8();
        }
    }
    text.len()
}

/// What a string of TOML says.
fn value(token: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(&format!("x = {token}")).ok()?;
    Some(table.get("x")?.as_str()?.to_owned())
}

/// A text as a string of TOML on one line.
fn basic(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            c if is_plain(c) => out.push(c),
            c => {
                // Writing to memory does not fail.
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_stay_the_same_and_stand_on_one_line() {
        let texts = [
            "plain 'words' and \"more\"",
            "a\nFORGED",
            "\"\"\"\nFORGED = 1",
            "'''\n\"\"\"\nFORGED\"\"",
            "\u{202e}\\n\"",
            "ends with \\",
            "\n\n\\\"''",
            "\u{e0041}\x1b\x7f\u{9b}\r\t",
            "\u{2028}'\"",
        ];
        let mut table = toml::Table::new();
        for (i, text) in texts.iter().enumerate() {
            table.insert(format!("key{i}"), (*text).into());
            let nested = toml::Table::from_iter([((*text).to_owned(), vec![*text; 2].into())]);
            table.insert(format!("table{i}"), nested.into());
        }
        let written = toml::to_string(&table).unwrap();
        assert!(written.contains("\nFORGED"), "{written}");
        let shown = escaped(&written);
        let same: toml::Table = toml::from_str(&shown).unwrap();
        assert_eq!(same, table, "{shown}");
        assert!(!shown.contains("\nFORGED"), "{shown}");
        assert!(shown.chars().all(is_plain), "{shown:?}");
    }
}
