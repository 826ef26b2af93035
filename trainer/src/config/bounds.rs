//! What the numbers of a configuration may be.
//!
//! A number that is far too large is a mistake, and one that is found here costs nothing: later it
//! would overflow a count, ask for more memory than there is, or make a run that never ends.

use std::fmt;

use toml::Value;

/// Steps, epochs and whatever else is only counted.
pub(super) const MANY: i64 = 1_000_000_000;
/// Prompts or samples of a step, and tokens of a sequence.
pub(super) const MILLION: i64 = 1 << 20;
/// Completions of a prompt.
pub(super) const COMPLETIONS: i64 = 1 << 16;
/// Pixels of a picture: as many as are decoded at most, 512 MiB of RGB.
pub(super) const PIXELS: i64 = 178_956_970;
/// Weights of terms, and other factors.
pub(super) const FACTOR: f64 = 1e6;
/// Scores and what they are compared with.
pub(super) const SCORE: f64 = 1e9;

/// What a number may be; NaN never is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bounds {
    /// Nobody has said it: an omission, which a test finds.
    Unstated,
    /// From the first to the second.
    Integers(i64, i64),
    /// The same, and -1, which switches the key off.
    IntegersOrOff(i64, i64),
    /// From the first to the second.
    Numbers(f64, f64),
    /// Above the first, at most the second.
    Above(f64, f64),
    /// The same, and -1, which switches the key off.
    AboveOrOff(f64, f64),
    /// At least the first, below the second.
    Below(f64, f64),
}

impl Bounds {
    /// Whether `value` is a number within them.
    pub(super) fn hold(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Unstated, value) => value.is_integer() || value.is_float(),
            (Self::Integers(low, high), Value::Integer(n)) => (low..=high).contains(n),
            (Self::IntegersOrOff(low, high), Value::Integer(n)) => {
                *n == -1 || (low..=high).contains(n)
            }
            (Self::Integers(..) | Self::IntegersOrOff(..), _) => false,
            (bounds, Value::Integer(n)) => bounds.hold_number(*n as f64),
            (bounds, Value::Float(x)) => bounds.hold_number(*x),
            _ => false,
        }
    }

    fn hold_number(self, x: f64) -> bool {
        match self {
            Self::Numbers(low, high) => low <= x && x <= high,
            Self::Above(low, high) => low < x && x <= high,
            Self::AboveOrOff(low, high) => super::is_off(x) || low < x && x <= high,
            Self::Below(low, high) => low <= x && x < high,
            Self::Unstated | Self::Integers(..) | Self::IntegersOrOff(..) => false,
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unstated => f.write_str("of any size"),
            Self::Integers(low, i64::MAX) => write!(f, "of at least {low}"),
            Self::Integers(low, high) => write!(f, "from {low} to {high}"),
            Self::IntegersOrOff(low, high) => write!(f, "from {low} to {high}, or -1"),
            Self::Numbers(low, high) => write!(f, "from {} to {}", Short(low), Short(high)),
            Self::Above(low, high) => write!(f, "above {} and up to {}", Short(low), Short(high)),
            Self::AboveOrOff(low, high) => {
                write!(f, "above {} and up to {}, or -1", Short(low), Short(high))
            }
            Self::Below(low, high) => {
                write!(f, "of at least {} and below {}", Short(low), Short(high))
            }
        }
    }
}

/// A number as people write it: `1e6` and not `1000000`.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() && self.0.abs() >= 1e6 {
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}
