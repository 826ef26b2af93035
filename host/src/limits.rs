//! How much a guest may use.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::engine::{MAX_CORE_INSTANCES, MAX_TABLE_ELEMENTS};

/// Fuel for a sample where nothing else is said.
pub(crate) const DEFAULT_FUEL: u64 = 1_000_000_000;

/// What one call into a guest may use up.
///
/// Fuel counts executed WebAssembly operations, so the same guest with the same input uses the same
/// fuel everywhere: fuel, and never the clock, decides a verdict. A call of a plugin of scope `group`
/// or `batch` over n samples gets n times `fuel` and n times `output`.
///
/// ```
/// use rlhost_host::Limits;
///
/// let limits = Limits { fuel: 50_000_000, ..Limits::default() };
/// assert_eq!(limits.memory, 64 << 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Fuel for a sample. The default of 1e9 is about a tenth of a second to a second; for a program that is made to be
    /// slow, up to some minutes.
    pub fuel: u64,
    /// Bytes of linear memory and tables in all; at most 4 GiB. Default: 64 MiB.
    pub memory: u64,
    /// Bytes that the host takes over from the guest at once: its answer for a sample, or the arguments of
    /// a host call. Default: 1 MiB.
    pub output: u64,
    /// Bytes that all host calls of a call may move: pixels, answers of others, lines of the log.
    /// Default: 256 MiB.
    pub host_call_bytes: u64,
    /// Bytes of log lines that are kept. Default: 16 KiB.
    pub log: u64,
    /// Elements of a table; at most 262,144. Default: 65,536.
    pub table_elements: u64,
    /// Core instances that a component may consist of; at most 64, the default.
    pub instances: u64,
    /// Bytes of the WebAssembly stack. It is a property of the whole [`Host`](crate::Host): a scorer's
    /// limits must name the host's. Default: 8 MiB, so that interpreters of other languages find
    /// their own limits first.
    pub stack: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: DEFAULT_FUEL,
            memory: 64 << 20,
            output: 1 << 20,
            host_call_bytes: 256 << 20,
            log: 16 << 10,
            table_elements: 1 << 16,
            instances: 64,
            stack: 8 << 20,
        }
    }
}

impl Limits {
    /// The most fuel that a call can be given.
    pub(crate) const MAX_FUEL: u64 = i64::MAX as u64;

    /// Checks that the limits make sense.
    pub fn validate(&self) -> Result<(), Error> {
        let wrong = |key: &str, rule: &str, value: u64| {
            Err(Error::Limits(format!("{key} = {value}: must be {rule}")))
        };
        if self.fuel == 0 || self.fuel > Self::MAX_FUEL {
            return wrong("fuel", "at least 1 and less than 2^63", self.fuel);
        }
        if self.memory < 64 << 10 || self.memory > 4 << 30 {
            return wrong(
                "memory",
                "from 65536 (64 KiB) to 4294967296 (4 GiB)",
                self.memory,
            );
        }
        if self.output < 1 << 10 || self.output > 1 << 30 {
            return wrong(
                "output",
                "from 1024 (1 KiB) to 1073741824 (1 GiB)",
                self.output,
            );
        }
        if self.host_call_bytes > 4 << 30 {
            let rule = "at most 4294967296 (4 GiB)";
            return wrong("host_call_bytes", rule, self.host_call_bytes);
        }
        if self.log > 1 << 30 {
            return wrong("log", "at most 1073741824 (1 GiB)", self.log);
        }
        if self.table_elements > MAX_TABLE_ELEMENTS as u64 {
            return wrong("table_elements", "at most 262144", self.table_elements);
        }
        if self.instances == 0 || self.instances > u64::from(MAX_CORE_INSTANCES) {
            return wrong("instances", "from 1 to 64", self.instances);
        }
        if self.stack < 64 << 10 || self.stack > 256 << 20 {
            return wrong(
                "stack",
                "from 65536 (64 KiB) to 268435456 (256 MiB)",
                self.stack,
            );
        }
        Ok(())
    }
}
