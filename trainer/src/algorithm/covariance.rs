//! The losses that single out tokens by the covariance of advantage and log-prob (Cui et al. 2025,
//! *The Entropy Mechanism of Reinforcement Learning for Reasoning Language Models*,
//! arXiv:2505.22617).

use crate::random::{Domain, Stream};

use super::policy_loss::Batch;
use super::stats::masked_mean;

impl Batch<'_> {
    /// A token's share of the covariance between advantage and log-prob over the mini-batch.
    fn covariances(&self) -> Vec<f64> {
        let mask = self.input.rows.mask();
        let mean_advantage = masked_mean(self.input.advantages, mask);
        let mean_logp = masked_mean(self.input.logp, mask);
        let pairs = self.input.advantages.iter().zip(self.input.logp);
        pairs
            .map(|(advantage, logp)| (advantage - mean_advantage) * (logp - mean_logp))
            .collect()
    }

    /// `−A · ratio`, and the same with the ratio clipped.
    fn plain_and_clipped(&self, token: usize) -> (f64, f64) {
        let advantage = self.input.advantages[token];
        let ratio = self.ratio(token);
        (-advantage * ratio, -advantage * self.clip(ratio))
    }

    /// PPO's clip without some tokens, drawn among those of high covariance.
    pub(super) fn clip_cov(&mut self) {
        let (rows, config) = (self.input.rows, self.config);
        let covariance = self.covariances();
        let mut candidates: Vec<usize> = (0..rows.tokens())
            .filter(|&token| rows.mask()[token])
            .filter(|&token| {
                let (plain, clipped) = self.plain_and_clipped(token);
                clipped <= plain
                    && covariance[token] > config.clip_cov_lb
                    && covariance[token] < config.clip_cov_ub
            })
            .collect();
        let wanted = (config.clip_cov_ratio * self.totals.tokens as f64) as usize;
        let drawn = wanted.max(1).min(candidates.len());
        let stream = Stream::new(self.input.seed, Domain::Loss, 0, 0);
        for place in 0..drawn {
            let rest = (candidates.len() - place) as u64;
            let other = place + stream.below(place as u32, rest) as usize;
            candidates.swap(place, other);
        }
        let mut left_out = vec![false; rows.tokens()];
        for &token in &candidates[..drawn] {
            left_out[token] = true;
        }
        for row in 0..rows.len() {
            let weight = config
                .loss_agg_mode
                .weight(rows.trained_len(row), self.totals);
            for token in rows.trained(row) {
                self.pg.kl_old -= self.per_token * self.log_ratio(token);
                if left_out[token] {
                    self.pg.clipped += self.per_token;
                    continue;
                }
                let (plain, clipped) = self.plain_and_clipped(token);
                self.pg.loss += weight * plain.max(clipped);
                if clipped <= plain {
                    self.d_logp[token] += weight * plain;
                }
            }
        }
    }

    /// No clip, and a penalty on the tokens of the highest covariance.
    pub(super) fn kl_cov(&mut self) {
        let (rows, config) = (self.input.rows, self.config);
        let covariance = self.covariances();
        let mut order: Vec<usize> = (0..rows.tokens())
            .filter(|&token| rows.mask()[token])
            .collect();
        let wanted = (order.len() as f64 * config.kl_cov_ratio) as usize;
        let chosen = wanted.max(1).min(order.len());
        order.sort_by(|&a, &b| covariance[b].total_cmp(&covariance[a]).then(a.cmp(&b)));
        let mut penalised = vec![false; rows.tokens()];
        for &token in &order[..chosen] {
            penalised[token] = true;
        }
        for row in 0..rows.len() {
            let weight = config
                .loss_agg_mode
                .weight(rows.trained_len(row), self.totals);
            for token in rows.trained(row) {
                let d = self.log_ratio(token);
                let plain = -self.input.advantages[token] * self.ratio(token);
                self.pg.kl_old += self.per_token * d.abs();
                self.pg.loss += weight * plain;
                self.d_logp[token] += weight * plain;
                if penalised[token] && d != 0.0 {
                    self.pg.loss += weight * config.ppo_kl_coef * d.abs();
                    self.d_logp[token] += weight * config.ppo_kl_coef * d.signum();
                }
            }
        }
    }
}
