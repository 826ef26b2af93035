//! The policy losses that take a row for itself.

use super::aggregate::LossAggMode;
use super::policy_loss::Batch;

/// Bound of `logp − old` before the exponential of the importance ratio.
const LOG_RATIO_BOUND: f64 = 20.0;
/// Upper bound of the log of GSPO's sequence ratio.
const LOG_SEQUENCE_RATIO_MAX: f64 = 10.0;

impl Batch<'_> {
    pub(super) fn vanilla_row(&mut self, row: usize, trained: usize) {
        let weight = self.config.loss_agg_mode.weight(trained, self.totals);
        for token in self.input.rows.trained(row) {
            self.vanilla(token, weight, self.per_token);
        }
    }

    /// PPO's loss of one token: `weight` is its factor in the loss, `share` that in the metrics.
    pub(super) fn vanilla(&mut self, token: usize, weight: f64, share: f64) {
        let config = self.config;
        let raw = self.log_ratio(token);
        let d = raw.clamp(-LOG_RATIO_BOUND, LOG_RATIO_BOUND);
        let ratio = d.exp();
        let advantage = self.input.advantages[token];
        let plain = -advantage * ratio;
        let mut loss = plain;
        let mut moves = raw.abs() <= LOG_RATIO_BOUND;
        if !config.loss_remove_clip {
            let clipped = -advantage * self.clip(ratio);
            if clipped > plain {
                (loss, moves) = (clipped, false);
                self.pg.clipped += share;
            }
            let bound = -advantage * config.clip_ratio_c;
            if advantage < 0.0 && loss > bound {
                (loss, moves) = (bound, false);
                self.pg.clipped_lower += share;
            }
        }
        let sampler = self.sampler_weight(token);
        self.pg.loss += weight * sampler * loss;
        self.pg.kl_old -= share * d;
        if moves {
            self.d_logp[token] += weight * sampler * plain;
        }
    }

    /// What the policy at the start of the step makes of a token against the sampler.
    fn sampler_weight(&self, token: usize) -> f64 {
        let Some(rollout) = self.input.rollout_logp else {
            return 1.0;
        };
        let ratio = (self.input.old_logp[token] - rollout[token]).exp();
        if let Some(cap) = self.config.tis_imp_ratio_cap {
            return ratio.min(cap);
        }
        match self.config.behav_imp_weight_cap {
            Some(cap) if ratio <= cap && ratio.is_finite() => ratio,
            Some(_) => 0.0,
            None => 1.0,
        }
    }

    /// The ratio of a sequence is a constant in the gradient of each of its tokens but for that
    /// token's own share, as in the paper's token-level form.
    pub(super) fn gspo(&mut self, row: usize, trained: usize) {
        let weight = LossAggMode::SeqMeanTokenMean.weight(trained, self.totals);
        let tokens = self.input.rows.trained(row);
        let sum: f64 = tokens.clone().map(|token| self.log_ratio(token)).sum();
        let mean = sum / trained as f64;
        let moves = mean <= LOG_SEQUENCE_RATIO_MAX;
        let ratio = mean.min(LOG_SEQUENCE_RATIO_MAX).exp();
        let clipped_ratio = self.clip(ratio);
        self.pg.kl_old -= self.per_token * sum;
        for token in tokens {
            let advantage = self.input.advantages[token];
            let (plain, clipped) = (-advantage * ratio, -advantage * clipped_ratio);
            self.pg.loss += weight * plain.max(clipped);
            if clipped > plain {
                self.pg.clipped += self.per_token;
            } else if moves {
                self.d_logp[token] += weight * plain;
            }
        }
    }

    pub(super) fn geo_mean(&mut self, row: usize, trained: usize) {
        let (low, high) = (-self.config.clip_ratio_low, self.config.clip_ratio_high);
        let count = trained as f64;
        let tokens = self.input.rows.trained(row);
        let (mut log_ratio, mut advantages) = (0.0, 0.0);
        let mut moving = Vec::with_capacity(trained);
        for token in tokens {
            let d = self.log_ratio(token);
            let advantage = self.input.advantages[token];
            // The worse of the plain and the clipped ratio, as PPO takes it, but of logs.
            let bounded = match advantage {
                a if a > 0.0 => d.min(high),
                a if a < 0.0 => d.max(low),
                _ => 0.0,
            };
            if advantage != 0.0 && bounded.to_bits() == d.to_bits() {
                moving.push(token);
            }
            if d < low || d > high {
                if advantage > 0.0 {
                    self.pg.clipped += self.per_token;
                } else if advantage < 0.0 {
                    self.pg.clipped_lower += self.per_token;
                }
            }
            log_ratio += bounded;
            advantages += advantage;
            self.pg.kl_old -= self.per_token * d;
        }
        let ratio = (log_ratio / count).exp();
        let loss =
            LossAggMode::SeqMeanTokenSum.weight(trained, self.totals) * -advantages / count * ratio;
        self.pg.loss += loss;
        for token in moving {
            self.d_logp[token] += loss / count;
        }
    }

    /// `−factor · logp`, with a factor of 1 where no factors are given.
    pub(super) fn likelihood(&mut self, row: usize, trained: usize, factors: Option<&[f64]>) {
        let weight = self.config.loss_agg_mode.weight(trained, self.totals);
        for token in self.input.rows.trained(row) {
            let factor = factors.map_or(1.0, |factors| factors[token]);
            self.pg.loss -= weight * factor * self.input.logp[token];
            self.d_logp[token] -= weight * factor;
        }
    }
}
