//! `log`: lines that are kept with the sample.

use serde::{Deserialize, Serialize};
use wasmtime::component::LinkerInstance;

use crate::bindings::rlhost::plugin::log as wit;
use crate::guest::{GuestState, charge};

use super::Capability;

/// A line that a plugin wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The line.
    pub message: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For whoever works on the plugin.
    Debug,
    /// Good to know.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

impl LogLevel {
    /// The name that records use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The first lines of a call, up to a number of bytes.
#[derive(Debug, Default)]
pub(crate) struct LogBuffer {
    lines: Vec<LogLine>,
    left: u64,
    limit: u64,
    dropped: u64,
}

impl LogBuffer {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            left: limit,
            limit,
            ..Self::default()
        }
    }

    /// Keeps a line, or what fits of it.
    pub(crate) fn push(&mut self, level: LogLevel, message: &str) {
        // A line costs a little even if it is empty: their number must be bounded too.
        const LINE: u64 = 16;
        if self.dropped > 0 || self.left <= LINE {
            self.dropped += 1;
            return;
        }
        let room = usize::try_from(self.left - LINE).unwrap_or(usize::MAX);
        let kept = &message[..message.floor_char_boundary(room.min(message.len()))];
        self.dropped += u64::from(kept.len() < message.len());
        self.left -= LINE + kept.len() as u64;
        let message = kept.to_owned();
        self.lines.push(LogLine { level, message });
    }

    /// The lines, and a last one that says what is missing.
    pub(crate) fn finish(mut self) -> Vec<LogLine> {
        if self.dropped > 0 {
            let message = format!(
                "cut here: the log is limited to {} bytes, and {} lines did not fit",
                self.limit, self.dropped
            );
            let level = LogLevel::Warn;
            self.lines.push(LogLine { level, message });
        }
        self.lines
    }
}

pub(super) fn add_to_linker(log: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    log.func_wrap(
        "write",
        |mut store, (level, message): (wit::Level, String)| {
            charge(&mut store, message.len() as u64)?;
            super::granted(store.data(), Capability::Log, |grants| {
                grants.log.then_some(())
            })?;
            let level = match level {
                wit::Level::Debug => LogLevel::Debug,
                wit::Level::Info => LogLevel::Info,
                wit::Level::Warn => LogLevel::Warn,
                wit::Level::Error => LogLevel::Error,
            };
            store.data_mut().log.push(level, &message);
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_and_counted() {
        let mut log = LogBuffer::new(40);
        log.push(LogLevel::Info, "ünf");
        log.push(LogLevel::Debug, "äääääää");
        log.push(LogLevel::Debug, "");
        let lines = log.finish();
        let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
        // 40 − (16 + 4) leaves 20: the second line has room for 4 bytes.
        assert_eq!(texts[..2], ["ünf", "ää"]);
        assert!(
            texts[2].contains("40 bytes") && texts[2].contains("2 lines"),
            "{texts:?}"
        );
    }
}
