//! Estimators of the divergence from the reference policy.

use std::str::FromStr;

use crate::{Error, Result};

use super::names::lookup;

/// Estimator of KL(policy ‖ reference) from one sampled token.
///
/// Names and definitions are those of J. Schulman, *Approximating KL Divergence* (2020), with
/// the clamps of veRL and `RLLaVA`. A name with `+` is *straight-through*: the expected gradient of
/// `k2` is that of the divergence, which is not so for `k1` (0) and `k3` (Tang and Munos 2025,
/// arXiv:2506.09477), so the value of one is combined with the gradient of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KlPenalty {
    /// `kl`, `k1`: `logp − ref`; unbiased, high variance.
    K1,
    /// `abs`: `|logp − ref|`.
    Abs,
    /// `mse`, `k2`: `½ (logp − ref)²`.
    K2,
    /// `low_var_kl`, `k3`: `eˣ − x − 1` with `x = ref − logp` clamped to ±20, the result to ±10.
    #[default]
    K3,
    /// `kl+`, `k1+`: the value of `k1`, the gradient of `k2`.
    K1Plus,
    /// `abs+`: the value of `abs`, the gradient of `k2`.
    AbsPlus,
    /// `low_var_kl+`, `k3+`: the value of `k3`, the gradient of `k2`.
    K3Plus,
}

const KINDS: &[(&str, KlPenalty)] = &[
    ("kl", KlPenalty::K1),
    ("k1", KlPenalty::K1),
    ("abs", KlPenalty::Abs),
    ("mse", KlPenalty::K2),
    ("k2", KlPenalty::K2),
    ("low_var_kl", KlPenalty::K3),
    ("k3", KlPenalty::K3),
    ("kl+", KlPenalty::K1Plus),
    ("k1+", KlPenalty::K1Plus),
    ("abs+", KlPenalty::AbsPlus),
    ("mse+", KlPenalty::K2),
    ("k2+", KlPenalty::K2),
    ("low_var_kl+", KlPenalty::K3Plus),
    ("k3+", KlPenalty::K3Plus),
];

impl FromStr for KlPenalty {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        lookup("KL estimator", KINDS, name)
    }
}

/// Bound of the exponent of `k3`.
const EXPONENT_BOUND: f64 = 20.0;
/// Bound of the value of `k3`.
const VALUE_BOUND: f64 = 10.0;

/// The estimate of one token and its derivative with respect to `logp`.
pub fn kl_penalty(kind: KlPenalty, logp: f64, ref_logp: f64) -> (f64, f64) {
    let d = logp - ref_logp;
    match kind {
        KlPenalty::K1 => (d, 1.0),
        KlPenalty::Abs if d == 0.0 => (0.0, 0.0),
        KlPenalty::Abs => (d.abs(), d.signum()),
        KlPenalty::K2 => (0.5 * d * d, d),
        KlPenalty::K3 => {
            let x = (-d).clamp(-EXPONENT_BOUND, EXPONENT_BOUND);
            // e^x - 1 - x cancels near 0, where policies that have hardly moved are.
            let growth = x.exp_m1();
            let value = growth - x;
            let inside = d.abs() <= EXPONENT_BOUND && value <= VALUE_BOUND;
            let slope = if inside { -growth } else { 0.0 };
            (value.min(VALUE_BOUND), slope)
        }
        KlPenalty::K1Plus => (d, d),
        KlPenalty::AbsPlus => (d.abs(), d),
        KlPenalty::K3Plus => (kl_penalty(KlPenalty::K3, logp, ref_logp).0, d),
    }
}
