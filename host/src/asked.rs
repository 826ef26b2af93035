//! What a plugin asks for: limits that its component names in a custom section.
//!
//! A plugin that carries an interpreter with a large library needs more memory and fuel than the defaults. Its author says so
//! when it is built, and the host gives it, up to a bound; what a user sets takes precedence over both.
//!
//! ```
//! use rlhost_host::AskedLimits;
//!
//! let asked: AskedLimits = serde_json::from_str(r#"{"memory": 268435456}"#)?;
//! assert_eq!((asked.fuel, asked.memory), (None, Some(256 << 20)));
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};
use wasmparser::{Chunk, Parser, Payload};

use crate::{Error, Limits, Result};

/// The largest section that is read.
const MAX_SECTION: usize = 4096;

/// The limits that a plugin asks for: the custom section [`AskedLimits::SECTION`] of its component, as JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AskedLimits {
    /// Fuel for a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Bytes of linear memory and tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

impl AskedLimits {
    /// The name of the section.
    pub const SECTION: &str = "rlhost:limits";

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads what a component asks for. What is inside of it asks for nothing.
    pub(crate) fn read(path: &Path, component: &[u8]) -> Result<Self> {
        let mut found = None;
        let mut parser = Parser::new(0);
        let mut rest = component;
        // What is broken is told by whoever compiles it.
        while let Ok(Chunk::Parsed { consumed, payload }) = parser.parse(rest, true) {
            rest = &rest[consumed..];
            match payload {
                Payload::ModuleSection {
                    unchecked_range: range,
                    ..
                }
                | Payload::ComponentSection {
                    unchecked_range: range,
                    ..
                } => rest = rest.get(range.end - range.start..).unwrap_or_default(),
                Payload::CustomSection(section) if section.name() == Self::SECTION => {
                    let asked = read_section(section.data());
                    if found.is_some() || asked.is_none() {
                        return Err(Error::Describe {
                            path: path.to_owned(),
                            message: format!(
                                "its section `{}` must stand once, and be JSON such as {{\"memory\": 268435456}}: this \
                                 version knows `fuel` and `memory`",
                                Self::SECTION
                            ),
                        });
                    }
                    found = asked;
                }
                Payload::End(_) => break,
                _ => {}
            }
        }
        Ok(found.unwrap_or_default())
    }
}

fn read_section(data: &[u8]) -> Option<AskedLimits> {
    let asked: AskedLimits = (data.len() <= MAX_SECTION)
        .then(|| serde_json::from_slice(data).ok())
        .flatten()?;
    let defaults = Limits::default();
    let limits = Limits {
        fuel: asked.fuel.unwrap_or(defaults.fuel),
        memory: asked.memory.unwrap_or(defaults.memory),
        ..defaults
    };
    limits.validate().is_ok().then_some(asked)
}

/// What is set for a plugin; the rest is what the plugin asks for, or the default.
///
/// ```
/// use rlhost_host::{Host, LimitSettings};
///
/// # fn main() -> rlhost_host::Result<()> {
/// # if false {
/// let host = Host::builder().build()?;
/// let settings = LimitSettings { memory: Some(512 << 20), ..LimitSettings::default() };
/// let plugin = host.load_with("my-plugin", &settings)?;
/// assert_eq!(plugin.limits().memory, 512 << 20);
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Fuel for a sample.
    pub fuel: Option<u64>,
    /// Bytes of linear memory and tables.
    pub memory: Option<u64>,
    /// Bytes that the host takes over at once.
    pub output: Option<u64>,
    /// Bytes that all host calls of a call may move.
    pub host_call_bytes: Option<u64>,
    /// Bytes of log lines that are kept.
    pub log: Option<u64>,
    /// Elements of a table.
    pub table_elements: Option<u64>,
    /// Core instances that a component may consist of.
    pub instances: Option<u64>,
}

/// The limits of a plugin's calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolved {
    /// Of `score`.
    pub(crate) score: Limits,
    /// Of `describe`: never less than the host's own, unless the plugin asks for more than is set.
    pub(crate) describe: Limits,
}

impl LimitSettings {
    /// The limits of a plugin that asks for `asked`, on a host with the limits `base`, where plugins may ask for `most`.
    ///
    /// # Errors
    /// If it asks for more, and nothing is set.
    pub(crate) fn resolve(
        &self,
        path: &Path,
        asked: AskedLimits,
        base: Limits,
        most: AskedLimits,
    ) -> Result<Resolved> {
        let fuel = one(path, "fuel", "", self.fuel, asked.fuel, most.fuel)?;
        let memory = one(
            path,
            "memory",
            " bytes of",
            self.memory,
            asked.memory,
            most.memory,
        )?;
        let score = Limits {
            fuel: fuel.unwrap_or(base.fuel),
            memory: memory.unwrap_or(base.memory),
            output: self.output.unwrap_or(base.output),
            host_call_bytes: self.host_call_bytes.unwrap_or(base.host_call_bytes),
            log: self.log.unwrap_or(base.log),
            table_elements: self.table_elements.unwrap_or(base.table_elements),
            instances: self.instances.unwrap_or(base.instances),
            stack: base.stack,
        };
        score.validate()?;
        // What is set for scores bounds what the plugin asks for, and not the description of a plugin that asks for nothing.
        let allowed = |asked: Option<u64>, given: u64, base: u64| {
            asked.map_or(base, |asked| asked.min(given).max(base))
        };
        let describe = Limits {
            fuel: allowed(asked.fuel, score.fuel, base.fuel),
            memory: allowed(asked.memory, score.memory, base.memory),
            ..base
        };
        Ok(Resolved { score, describe })
    }
}

/// One limit: what is set, else what is asked for within the bound.
fn one(
    path: &Path,
    key: &'static str,
    unit: &'static str,
    set: Option<u64>,
    asked: Option<u64>,
    most: Option<u64>,
) -> Result<Option<u64>> {
    match (set, asked, most) {
        (None, Some(asked), Some(most)) if asked > most => Err(Error::AsksTooMuch {
            path: path.to_owned(),
            key,
            unit,
            asked,
            most,
        }),
        (set, asked, _) => Ok(set.or(asked)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<AskedLimits> {
        AskedLimits::read(Path::new("x.wasm"), &wat::parse_str(text).unwrap())
    }

    #[test]
    fn what_a_component_asks_for_is_read_and_what_is_inside_of_it_is_not() {
        assert_eq!(read("(component)").unwrap(), AskedLimits::default());
        let inner = r#"(component (core module (@custom "rlhost:limits" "{\"fuel\": 1}")) (component (@custom "rlhost:limits" "{}")))"#;
        assert_eq!(read(inner).unwrap(), AskedLimits::default());
        let both = r#"(component (core module) (@custom "rlhost:limits" "{\"fuel\": 7, \"memory\": 134217728}"))"#;
        let asked = AskedLimits {
            fuel: Some(7),
            memory: Some(128 << 20),
        };
        assert_eq!(read(both).unwrap(), asked);
        for section in [
            "no JSON",
            "{\\\"time\\\": 1}",
            "{\\\"fuel\\\": 0}",
            "{\\\"memory\\\": 1}",
            "{\\\"memory\\\": -1}",
            &" ".repeat(5000),
        ] {
            let text = format!(r#"(component (@custom "rlhost:limits" "{section}"))"#);
            let told = read(&text).unwrap_err().to_string();
            assert!(told.contains("`rlhost:limits` must stand once"), "{told}");
        }
        let twice = r#"(component (@custom "rlhost:limits" "{}") (@custom "rlhost:limits" "{}"))"#;
        assert!(read(twice).is_err());
    }

    #[test]
    fn what_is_set_takes_precedence_over_what_is_asked_for() {
        let base = Limits::default();
        let most = AskedLimits {
            fuel: Some(100_000_000_000),
            memory: Some(1 << 30),
        };
        let resolve = |settings: LimitSettings, asked| {
            settings.resolve(Path::new("x.wasm"), asked, base, most)
        };
        let none = resolve(LimitSettings::default(), AskedLimits::default()).unwrap();
        assert_eq!((none.score, none.describe), (base, base));
        let asked = AskedLimits {
            fuel: Some(2_000_000_000),
            memory: Some(256 << 20),
        };
        let given = resolve(LimitSettings::default(), asked).unwrap();
        assert_eq!(
            (given.score.fuel, given.score.memory),
            (2_000_000_000, 256 << 20)
        );
        assert_eq!(given.describe, given.score);
        let set = LimitSettings {
            fuel: Some(1000),
            memory: Some(128 << 20),
            ..LimitSettings::default()
        };
        let given = resolve(set, asked).unwrap();
        assert_eq!((given.score.fuel, given.score.memory), (1000, 128 << 20));
        assert_eq!(
            (given.describe.fuel, given.describe.memory),
            (base.fuel, 128 << 20)
        );
        // A user who sets less for scores can still load what asks for nothing.
        let given = resolve(set, AskedLimits::default()).unwrap();
        assert_eq!(given.describe, base);
        let much = AskedLimits {
            memory: Some(2 << 30),
            ..AskedLimits::default()
        };
        let told = resolve(LimitSettings::default(), much)
            .unwrap_err()
            .to_string();
        for name in [
            "x.wasm",
            "2147483648 bytes of memory",
            "1073741824",
            "--memory 2147483648",
            "[reward.NAME.limits]",
        ] {
            assert!(told.contains(name), "{name:?} is not in: {told}");
        }
        let set = LimitSettings {
            memory: Some(2 << 30),
            ..LimitSettings::default()
        };
        assert_eq!(resolve(set, much).unwrap().describe.memory, 2 << 30);
    }
}
