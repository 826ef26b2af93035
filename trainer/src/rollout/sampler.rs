//! Choosing a token from a row of logits.

use std::path::Path;

use crate::random::{Domain, Stream};
use crate::{Error, Result};

/// How tokens are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingParams {
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f64,
    /// Keep the most probable tokens that together reach this probability; 1 keeps all.
    pub top_p: f64,
    /// Keep this many of the most probable tokens; `None` keeps all.
    pub top_k: Option<usize>,
    /// The longest completion, in tokens.
    pub max_tokens: usize,
    /// Tokens that end a completion.
    pub stop: Vec<u32>,
    /// Seed of the run.
    pub seed: u64,
}

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: None,
            max_tokens: 512,
            stop: Vec::new(),
            seed: 1,
        }
    }
}

/// The token at `position` of (`draw`, `sample`) and its log-probability.
///
/// The log-probability is that of the whole distribution at the temperature (at 1 for a temperature
/// of 0), whatever `top_p` and `top_k` cut away: the number that training computes for the token.
///
/// # Errors
/// If the logits are no distribution.
pub(super) fn sample(
    logits: &[f32],
    params: &SamplingParams,
    draw: u64,
    sample: u32,
    position: u32,
) -> Result<(u32, f32)> {
    let distribution = Distribution::new(logits, params)?;
    let token = if params.temperature <= 0.0 {
        distribution.best
    } else {
        let uniform = Stream::new(params.seed, Domain::Sampling, draw, sample).uniform(position);
        choose(&distribution.weights, distribution.total, uniform, params)
    };
    Ok((token as u32, distribution.log_prob(logits, token)))
}

/// The log-probability that [`sample`] would note for `token`.
///
/// # Errors
/// If the logits are no distribution, or have no such token.
pub(super) fn log_prob(logits: &[f32], params: &SamplingParams, token: u32) -> Result<f32> {
    let token = token as usize;
    if token >= logits.len() {
        return Err(diverged(&format!(
            "has {} logits, but a target has the token id {token}",
            logits.len()
        )));
    }
    Ok(Distribution::new(logits, params)?.log_prob(logits, token))
}

fn diverged(what: &str) -> Error {
    Error::model(Path::new("the model"), what)
}

/// The whole distribution at the temperature.
struct Distribution {
    /// The most probable token.
    best: usize,
    max: f32,
    /// Divided by the temperature, or by 1 where it is 0.
    inverse: f64,
    /// Probabilities before the division by their total.
    weights: Vec<f64>,
    total: f64,
}

impl Distribution {
    fn new(logits: &[f32], params: &SamplingParams) -> Result<Self> {
        let inverse = if params.temperature <= 0.0 {
            1.0
        } else {
            // A temperature next to 0 is one of 0, and not one that makes NaN.
            (1.0 / params.temperature).min(f64::MAX)
        };
        let (mut best, mut max) = (0, f32::NEG_INFINITY);
        for (token, logit) in logits.iter().enumerate() {
            // Ties go to the lowest id.
            if *logit > max {
                (best, max) = (token, *logit);
            }
        }
        let weights: Vec<f64> = logits
            .iter()
            .map(|x| (f64::from(x - max) * inverse).exp())
            .collect();
        let total: f64 = weights.iter().sum();
        // NaN or an infinity among the logits; else the largest alone makes it 1.
        if !total.is_finite() {
            return Err(diverged(
                "gives logits that are no finite numbers, so no token can be chosen: the weights are damaged, or \
                 training has diverged (lower actor.optim.lr, and go on from an earlier checkpoint)",
            ));
        }
        Ok(Self {
            best,
            max,
            inverse,
            weights,
            total,
        })
    }

    fn log_prob(&self, logits: &[f32], token: usize) -> f32 {
        (f64::from(logits[token] - self.max) * self.inverse - self.total.ln()) as f32
    }
}

/// Inverse of the cumulative distribution at `uniform`, over the tokens that `params` keep.
fn choose(weights: &[f64], total: f64, uniform: f64, params: &SamplingParams) -> usize {
    if params.top_p >= 1.0 && params.top_k.is_none() {
        return invert(weights.iter().copied().enumerate(), uniform * total);
    }
    let mut order: Vec<usize> = (0..weights.len()).collect();
    // Ties by id, so that the order is one.
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));
    order.truncate(params.top_k.unwrap_or(weights.len()).max(1));
    let mut kept = 0.0;
    let mut count = 0;
    for token in &order {
        kept += weights[*token];
        count += 1;
        if kept >= params.top_p * total {
            break;
        }
    }
    let kept_weights = order[..count].iter().map(|token| (*token, weights[*token]));
    invert(kept_weights, uniform * kept)
}

fn invert(weights: impl Iterator<Item = (usize, f64)>, mut mass: f64) -> usize {
    let mut last = 0;
    for (token, weight) in weights {
        if weight > 0.0 {
            last = token;
            if mass < weight {
                return token;
            }
        }
        mass -= weight;
    }
    // Rounding can leave a sliver of mass behind the last token.
    last
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn frequencies(params: &SamplingParams, draws: u32) -> Vec<f64> {
        let logits = [0.0_f32, 1.0, 2.0, -1.0];
        let mut counts = vec![0.0; logits.len()];
        for draw in 0..draws {
            let (token, _) = sample(&logits, params, u64::from(draw), 0, 5).unwrap();
            counts[token as usize] += 1.0 / f64::from(draws);
        }
        counts
    }

    fn softmax(temperature: f64, keep: &[usize]) -> Vec<f64> {
        let logits = [0.0_f64, 1.0, 2.0, -1.0];
        let weight = |i: usize| {
            if keep.contains(&i) {
                (logits[i] / temperature).exp()
            } else {
                0.0
            }
        };
        let total: f64 = (0..4).map(weight).sum();
        (0..4).map(|i| weight(i) / total).collect()
    }

    #[test]
    fn frequencies_follow_the_distribution() {
        let base = SamplingParams::default();
        let cases = [
            (base.clone(), softmax(1.0, &[0, 1, 2, 3])),
            (
                SamplingParams {
                    temperature: 0.5,
                    ..base.clone()
                },
                softmax(0.5, &[0, 1, 2, 3]),
            ),
            (
                SamplingParams {
                    top_k: Some(2),
                    ..base.clone()
                },
                softmax(1.0, &[1, 2]),
            ),
            // The two most probable tokens hold 0.88 of the mass.
            (
                SamplingParams {
                    top_p: 0.8,
                    ..base.clone()
                },
                softmax(1.0, &[1, 2]),
            ),
            (
                SamplingParams {
                    temperature: 0.0,
                    ..base
                },
                vec![0.0, 0.0, 1.0, 0.0],
            ),
        ];
        for (params, want) in cases {
            for (got, want) in frequencies(&params, 40_000).iter().zip(want) {
                assert!((got - want).abs() < 0.01, "{params:?}: {got} {want}");
            }
        }
    }

    #[test]
    fn what_is_no_distribution_is_an_error() {
        for temperature in [0.0, 1.0] {
            let params = SamplingParams {
                temperature,
                ..SamplingParams::default()
            };
            for logits in [
                [f32::NAN, 1.0],
                [f32::NAN, f32::NAN],
                [f32::INFINITY, 1.0],
                [f32::NEG_INFINITY, f32::NEG_INFINITY],
            ] {
                let error = sample(&logits, &params, 0, 0, 0).unwrap_err().to_string();
                assert!(error.contains("logits"), "{error}");
                assert!(log_prob(&logits, &params, 0).is_err(), "{logits:?}");
            }
            assert!(log_prob(&[0.0, 1.0], &params, 2).is_err());
        }
    }

    #[test]
    fn log_probs_are_of_the_whole_distribution() {
        let params = SamplingParams {
            temperature: 2.0,
            top_k: Some(1),
            ..SamplingParams::default()
        };
        let (token, logp) = sample(&[0.0, 3.0_f32.ln() * 2.0], &params, 0, 0, 0).unwrap();
        assert_eq!(token, 1);
        assert!((logp - 0.75_f32.ln()).abs() < 1e-6);
    }
}
