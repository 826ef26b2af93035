//! The policy losses that take a row for itself.

// Nobody foresees an advantage's sign or a clip, so a branch on them costs more than the arithmetic.
#![allow(clippy::needless_bitwise_bool)]

use super::aggregate::LossAggMode;
use super::terms::{Batch, Row, Term, Terms};

/// Bound of `logp − old` before the exponential of the importance ratio.
const LOG_RATIO_BOUND: f64 = 20.0;
/// Upper bound of the log of GSPO's sequence ratio.
const LOG_SEQUENCE_RATIO_MAX: f64 = 10.0;

impl Batch<'_> {
    pub(super) fn vanilla_row(&self, row: &mut Row) -> Terms {
        let weight = self.config.loss_agg_mode.weight(row.trained, self.totals);
        let mut terms = Terms::default();
        for token in row.tokens() {
            self.vanilla(row, token, weight, self.per_token, &mut terms);
        }
        terms
    }

    /// PPO's loss of one token: `weight` is its factor in the loss, `share` that in the metrics.
    #[inline]
    pub(super) fn vanilla(
        &self,
        row: &mut Row,
        token: usize,
        weight: f64,
        share: f64,
        terms: &mut Terms,
    ) {
        let raw = row.log_ratio(token);
        let d = raw.clamp(-LOG_RATIO_BOUND, LOG_RATIO_BOUND);
        let ratio = d.exp();
        let advantage = row.advantages[token];
        let clips = !self.config.loss_remove_clip;
        let plain = -advantage * ratio;
        let clipped = -advantage * self.clip(ratio);
        let higher = clips & (clipped > plain);
        let loss = if higher { clipped } else { plain };
        let bound = -advantage * self.config.clip_ratio_c;
        let lower = clips & (advantage < 0.0) & (loss > bound);
        let loss = if lower { bound } else { loss };
        let moves = !higher & !lower & (raw.abs() <= LOG_RATIO_BOUND);
        let weight = weight * self.sampler_weight(row, token);
        terms[Term::Loss] += weight * loss;
        terms[Term::ClippedHigher] += if higher { share } else { 0.0 };
        terms[Term::ClippedLower] += if lower { share } else { 0.0 };
        terms[Term::KlOld] -= share * d;
        row.d_logp[token] += if moves { weight * plain } else { 0.0 };
    }

    /// What the policy at the start of the step makes of a token against the sampler.
    fn sampler_weight(&self, row: &Row, token: usize) -> f64 {
        let Some(rollout) = self.input.rollout_logp else {
            return 1.0;
        };
        let ratio = || (row.old_logp[token] - rollout[row.range.start + token]).exp();
        if let Some(cap) = self.config.tis_imp_ratio_cap {
            return ratio().min(cap);
        }
        match self.config.behav_imp_weight_cap {
            Some(cap) => Some(ratio())
                .filter(|ratio| *ratio <= cap && ratio.is_finite())
                .unwrap_or(0.0),
            None => 1.0,
        }
    }

    /// The ratio of a sequence is a constant in the gradient of each of its tokens but for that
    /// token's own share, as in the paper's token-level form.
    pub(super) fn gspo(&self, row: &mut Row) -> Terms {
        let weight = LossAggMode::SeqMeanTokenMean.weight(row.trained, self.totals);
        let sum: f64 = row.tokens().map(|token| row.log_ratio(token)).sum();
        let mean = sum / row.trained as f64;
        let moves = mean <= LOG_SEQUENCE_RATIO_MAX;
        let ratio = mean.min(LOG_SEQUENCE_RATIO_MAX).exp();
        let clipped_ratio = self.clip(ratio);
        let mut terms = Terms::default();
        terms[Term::KlOld] -= self.per_token * sum;
        for token in row.tokens() {
            let advantage = row.advantages[token];
            let (plain, clipped) = (-advantage * ratio, -advantage * clipped_ratio);
            let higher = clipped > plain;
            terms[Term::Loss] += weight * plain.max(clipped);
            terms[Term::ClippedHigher] += if higher { self.per_token } else { 0.0 };
            row.d_logp[token] += if moves & !higher { weight * plain } else { 0.0 };
        }
        terms
    }

    pub(super) fn geo_mean(&self, row: &mut Row) -> Terms {
        let (low, high) = (-self.config.clip_ratio_low, self.config.clip_ratio_high);
        let count = row.trained as f64;
        let (mut log_ratio, mut advantages) = (0.0, 0.0);
        let mut terms = Terms::default();
        for token in row.tokens() {
            let d = row.log_ratio(token);
            let advantage = row.advantages[token];
            let (up, down) = (advantage > 0.0, advantage < 0.0);
            // The worse of the plain and the clipped ratio, as PPO takes it, but of logs.
            let bounded = if up { d.min(high) } else { d.max(low) };
            let outside = if (d < low) | (d > high) {
                self.per_token
            } else {
                0.0
            };
            terms[Term::ClippedHigher] += if up { outside } else { 0.0 };
            terms[Term::ClippedLower] += if down { outside } else { 0.0 };
            terms[Term::KlOld] -= self.per_token * d;
            log_ratio += if up | down { bounded } else { 0.0 };
            advantages += advantage;
            // 1 for what moves, until the factor is known.
            let moves = (up | down) & (bounded.to_bits() == d.to_bits());
            row.d_logp[token] = if moves { 1.0 } else { 0.0 };
        }
        let ratio = (log_ratio / count).exp();
        let weight = LossAggMode::SeqMeanTokenSum.weight(row.trained, self.totals);
        let loss = weight * -advantages / count * ratio;
        terms[Term::Loss] += loss;
        for slope in &mut *row.d_logp {
            *slope = if *slope > 0.0 { loss / count } else { 0.0 };
        }
        terms
    }

    /// `−factor · logp`.
    pub(super) fn likelihood(&self, row: &mut Row, factor: impl Fn(&Row, usize) -> f64) -> Terms {
        let weight = self.config.loss_agg_mode.weight(row.trained, self.totals);
        let mut terms = Terms::default();
        for token in row.tokens() {
            let factor = weight * factor(row, token);
            terms[Term::Loss] -= factor * row.logp[token];
            row.d_logp[token] -= factor;
        }
        terms
    }
}
