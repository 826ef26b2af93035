//! What the mixed losses make of a ratio or a probability.

use std::str::FromStr;

use crate::{Error, Result};

use super::names::lookup;

/// How a ratio `x` enters the loss (`actor.on_policy_reshape`, `actor.off_policy_reshape`; Yan et
/// al. 2025, *LUFFY*, arXiv:2504.14945, section 3.2, and its code).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reshape {
    /// `x`.
    #[default]
    NoReshape,
    /// `weight · logp`.
    Logp,
    /// `x + weight · logp`.
    PLogp,
    /// `√x`.
    SquareRoot,
    /// `x / (x + 0.1)`.
    PDivP01,
    /// `x / (x + 0.3)`.
    PDivP03,
    /// `x / (x + 0.5)`.
    PDivP05,
    /// `x^exponent`.
    Pow,
    /// `x`, where a token is kept with its own probability `p` and then counts `1 / p` times.
    ClassicRejectToken,
}

const RESHAPES: &[(&str, Reshape)] = &[
    ("no_reshape", Reshape::NoReshape),
    ("logp", Reshape::Logp),
    ("p_logp", Reshape::PLogp),
    ("square_root", Reshape::SquareRoot),
    ("p_div_p_0.1", Reshape::PDivP01),
    ("p_div_p_0.3", Reshape::PDivP03),
    ("p_div_p_0.5", Reshape::PDivP05),
    ("pow", Reshape::Pow),
    ("classic_reject_token", Reshape::ClassicRejectToken),
];

impl FromStr for Reshape {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        lookup("reshape", RESHAPES, name)
    }
}

impl Reshape {
    /// The reshaped `x` and its derivative with respect to `logp`, where `dx/dlogp = x`.
    pub(super) fn apply(self, x: f64, logp: f64, weight: f64, exponent: f64) -> (f64, f64) {
        let share = |c: f64| (x / (x + c), c * x / (x + c).powi(2));
        match self {
            Self::NoReshape | Self::ClassicRejectToken => (x, x),
            Self::Logp => (weight * logp, weight),
            Self::PLogp => (x + weight * logp, x + weight),
            Self::SquareRoot => (x.sqrt(), 0.5 * x.sqrt()),
            Self::PDivP01 => share(0.1),
            Self::PDivP03 => share(0.3),
            Self::PDivP05 => share(0.5),
            Self::Pow => (x.powf(exponent), exponent * x.powf(exponent)),
        }
    }
}
