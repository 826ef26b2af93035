//! Group Sequence Policy Optimization as a component: the policy loss of Zheng et al. 2025
//! (arXiv:2507.18071) and the group-relative advantages that go with it (Shao et al. 2024,
//! arXiv:2402.03300).
//!
//! With `y` a completion of `|y|` trained tokens, the importance ratio of the whole sequence is
//!
//! > s(θ) = (π(y) / π_old(y))^(1/|y|) = exp( 1/|y| · Σ_t (log π_t − log π_old,t) )
//!
//! and what is minimised, over `G` completions,
//!
//! > −1/G · Σ_y 1/|y| · Σ_t min( s_t A_t, clip(s_t, 1 − ε_low, 1 + ε_high) A_t ).
//!
//! `s_t = sg[s] · π_t / sg[π_t]` (the paper's GSPO-token, `sg` stopping the gradient) has the value of
//! `s`, and its derivative with respect to `log π_t` is `s` too. So a token whose clip is not in
//! force has the gradient `−A_t s / (G |y|)`, and any other has none.

use rlhost_plugin::algorithm::{
    AdvantageInput, Advantages, Algorithm, AlgorithmInfo, LossInput, LossOutput, LossScope, Totals,
};
use rlhost_plugin::{Params, export_algorithm};

/// The logarithm of a sequence's ratio is taken to be no larger: `exp` stays finite, and the gradient ends.
const LARGEST_LOG_RATIO: f64 = 10.0;
/// Added to a group's standard deviation, so that equal scores give 0.
const EPSILON: f64 = 1e-6;

struct Gspo;

impl Algorithm for Gspo {
    fn describe() -> AlgorithmInfo {
        AlgorithmInfo::new(
            "gspo",
            env!("CARGO_PKG_VERSION"),
            "GSPO's sequence-level clipped loss (arXiv:2507.18071) and GRPO's advantages (arXiv:2402.03300).",
        )
        .advantage()
        .policy_loss(LossScope::Row)
        .param("clip_ratio_low", "How far the ratio may fall below 1.", "0.2")
        .param("clip_ratio_high", "How far the ratio may rise above 1.", "0.2")
        .param(
            "norm_adv_by_std_in_grpo",
            "Divide advantages by the group's standard deviation.",
            "true",
        )
    }

    fn advantage(input: &AdvantageInput, params: &Params) -> Result<Advantages, String> {
        let by_std = params.boolean("norm_adv_by_std_in_grpo", true)?;
        let rows = &input.rows;
        let score = |row: usize| input.rewards[rows.range(row)].iter().sum::<f64>();
        let mut members: Vec<usize> = (0..rows.len())
            .filter(|&row| input.kept[row] != 0)
            .collect();
        members.sort_by_key(|&row| input.groups[row]);

        let mut advantages = vec![0.0; rows.tokens()];
        for group in members.chunk_by(|&a, &b| input.groups[a] == input.groups[b]) {
            let scores: Vec<f64> = group.iter().map(|&row| score(row)).collect();
            let (mean, std) = mean_and_std(&scores);
            let divisor = if by_std { std + EPSILON } else { 1.0 };
            for (&row, score) in group.iter().zip(&scores) {
                for token in rows.trained(row) {
                    advantages[token] = (score - mean) / divisor;
                }
            }
        }
        Ok(Advantages {
            returns: advantages.clone(),
            advantages,
        })
    }

    fn policy_loss(
        input: &LossInput,
        totals: &Totals,
        params: &Params,
    ) -> Result<LossOutput, String> {
        let lowest = 1.0 - positive(params, "clip_ratio_low")?;
        let highest = 1.0 + positive(params, "clip_ratio_high")?;
        let rows = &input.rows;
        let sequences = totals.rows.max(1) as f64;
        let (mut clipped_tokens, mut divergence) = (0.0, 0.0);

        let mut out = LossOutput::zero(rows);
        for row in 0..rows.len() {
            let length = rows.trained_len(row) as f64;
            let log_ratio: f64 = rows
                .trained(row)
                .map(|t| input.logp[t] - input.old_logp[t])
                .sum();
            divergence -= log_ratio;
            if length == 0.0 {
                continue;
            }
            let mean = log_ratio / length;
            let ratio = mean.min(LARGEST_LOG_RATIO).exp();
            let weight = 1.0 / (sequences * length);
            for token in rows.trained(row) {
                let advantage = input.advantages[token];
                let objective = ratio * advantage;
                let bounded = ratio.clamp(lowest, highest) * advantage;
                out.loss -= weight * objective.min(bounded);
                if bounded < objective {
                    clipped_tokens += 1.0;
                } else if mean <= LARGEST_LOG_RATIO {
                    out.d_logp[token] = -weight * objective;
                }
            }
        }
        let tokens = totals.tokens.max(1) as f64;
        Ok(out
            .metric("pg_clipfrac_higher", clipped_tokens / tokens)
            // GSPO has no second clip; the curve is there for comparison with losses that have.
            .metric("pg_clipfrac_lower", 0.0)
            .metric("ppo_kl", divergence / tokens))
    }
}

export_algorithm!(Gspo);

/// Half the width of the clip, one way.
fn positive(params: &Params, name: &str) -> Result<f64, String> {
    match params.number(name, 0.2)? {
        value if value >= 0.0 => Ok(value),
        value => Err(format!(
            "the parameter `{name}` must be at least 0, and is {value}"
        )),
    }
}

/// Mean and standard deviation (n − 1); 0 and 1 for a lone score, which so stays as it is.
fn mean_and_std(scores: &[f64]) -> (f64, f64) {
    if scores.len() < 2 {
        return (0.0, 1.0);
    }
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let squares: f64 = scores
        .iter()
        .map(|score| (score - mean) * (score - mean))
        .sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rlhost_plugin::algorithm::Rows;

    fn loss(logp: &[f64], advantage: f64) -> LossOutput {
        let rows = Rows {
            offsets: vec![0, logp.len() as u32],
            mask: vec![1; logp.len()],
        };
        let (old, advantages) = (vec![-1.0; logp.len()], vec![advantage; logp.len()]);
        let totals = Totals::of(&rows);
        let input = LossInput::new(rows, logp.to_vec(), old, advantages);
        Gspo::policy_loss(&input, &totals, &Params::parse("").unwrap()).unwrap()
    }

    /// Two tokens whose log-probs moved by 0.3 and −0.1: the sequence's ratio is e^0.1.
    #[test]
    fn the_ratio_is_the_sequences() {
        let out = loss(&[-0.7, -1.1], 2.0);
        let ratio = 0.1_f64.exp();
        assert!((out.loss + 2.0 * ratio).abs() < 1e-12, "{out:?}");
        assert!(out.d_logp.iter().all(|slope| (slope + ratio).abs() < 1e-12));
    }

    /// By 0.3 and 0.5: e^0.4 is beyond 1.2, which holds for what is good and not for what is bad.
    #[test]
    fn the_clip_ends_what_is_good() {
        let out = loss(&[-0.7, -0.5], 1.0);
        assert!((out.loss + 1.2).abs() < 1e-12, "{out:?}");
        assert_eq!(out.d_logp, [0.0, 0.0]);
        let out = loss(&[-0.7, -0.5], -1.0);
        assert!((out.loss - 0.4_f64.exp()).abs() < 1e-12, "{out:?}");
        assert!(out.d_logp.iter().all(|slope| *slope > 0.5));
    }

    #[test]
    fn advantages_are_relative_to_their_group() {
        let input = AdvantageInput {
            rows: Rows {
                offsets: vec![0, 1, 2, 4, 5],
                mask: vec![1, 1, 0, 1, 0],
            },
            rewards: vec![1.0, 0.0, 0.0, 3.0, 9.0],
            groups: vec![7, 2, 7, 7],
            kept: vec![1, 1, 1, 0],
            values: None,
            baselines: None,
        };
        let params = Params::parse(r#"{"norm_adv_by_std_in_grpo": false}"#).unwrap();
        let out = Gspo::advantage(&input, &params).unwrap();
        // Scores 1 and 3 about their mean of 2; a score without peers; a row that left.
        assert_eq!(out.advantages, [-1.0, 0.0, 0.0, 1.0, 0.0]);
    }
}
