//! The losses that learn from targets beside the policy's own tokens. `prefix` says of each token
//! whether a target wrote it.

use crate::random::{Domain, Stream};

use super::aggregate::Totals;
use super::loss_config::{SrftClamp, SrftType};
use super::policy_loss::Batch;
use super::reshape::Reshape;

/// Added to a target's probability before a division by it.
const TARGET_EPS: f64 = 1e-6;

/// `1 / n`, and 0 for none.
fn share(count: usize) -> f64 {
    if count == 0 { 0.0 } else { 1.0 / count as f64 }
}

/// A loss of one token and its derivative with respect to `logp`.
#[derive(Clone, Copy)]
struct Term {
    value: f64,
    slope: f64,
}

impl Term {
    fn new(factor: f64, (value, slope): (f64, f64)) -> Self {
        Self {
            value: factor * value,
            slope: factor * slope,
        }
    }
}

impl Batch<'_> {
    /// What a prefix token's probability becomes, with its derivative.
    fn reshaped_target(&self, token: usize) -> (f64, f64) {
        let (config, logp) = (self.config, self.input.logp[token]);
        config.off_policy_reshape.apply(
            logp.exp(),
            logp,
            config.off_policy_reshape_weight,
            config.off_policy_reshape_pow_exp,
        )
    }

    /// How often a prefix token counts: more or less than once under
    /// [`Reshape::ClassicRejectToken`] only.
    fn repeats(&self, token: usize) -> f64 {
        if self.config.off_policy_reshape != Reshape::ClassicRejectToken {
            return 1.0;
        }
        let p = self.input.logp[token].exp();
        let stream = Stream::new(self.input.seed, Domain::Loss, 0, 0);
        if stream.uniform(token as u32) < 1.0 - p {
            0.0
        } else {
            1.0 / p
        }
    }

    pub(super) fn luffy(&mut self, prefix: &[bool]) {
        let (rows, config, totals) = (self.input.rows, self.config, self.totals);
        let own_share = share(totals.tokens.saturating_sub(totals.prefix_tokens));
        let prefix_share = share(totals.prefix_tokens);
        for row in 0..rows.len() {
            let weight = config.loss_agg_mode.weight(rows.trained_len(row), totals);
            for token in rows.trained(row) {
                let (advantage, logp) = (self.input.advantages[token], self.input.logp[token]);
                let reshaped = config.on_policy_reshape.apply(
                    self.ratio(token),
                    logp,
                    config.on_policy_reshape_weight,
                    config.on_policy_reshape_pow_exp,
                );
                let mut own = Term::new(-advantage, reshaped);
                if !config.loss_remove_clip {
                    let (low, high) = (1.0 - config.clip_ratio, 1.0 + config.clip_ratio);
                    let clipped = -advantage * reshaped.0.clamp(low, high);
                    if clipped > own.value {
                        own = Term::new(1.0, (clipped, 0.0));
                        self.pg.clipped += self.per_token;
                    }
                }
                self.pg.kl_old -= self.per_token * self.log_ratio(token);
                let term = if prefix[token] {
                    let target = self.reshaped_target(token);
                    let term = Term::new(-advantage * self.repeats(token), target);
                    self.add("actor/off_ratio_mean", prefix_share * target.0);
                    self.add("actor/off_pg_loss", prefix_share * term.value);
                    term
                } else {
                    self.add("actor/on_pg_loss", own_share * own.value);
                    own
                };
                self.add_probability(token, prefix[token], own_share, prefix_share);
                self.pg.loss += weight * term.value;
                self.d_logp[token] += weight * term.slope;
            }
        }
        self.metrics
            .insert("actor/on_pg_clipfrac".to_owned(), self.pg.clipped);
        self.add("actor/off_pg_clipfrac", 0.0);
    }

    /// Mean probability of the policy's own tokens at the start of the step, and of prefix tokens
    /// now.
    fn add_probability(&mut self, token: usize, in_prefix: bool, own: f64, prefix: f64) {
        if in_prefix {
            let p = self.input.logp[token].exp();
            self.add("actor/off_policy_prob", prefix * p);
        } else {
            let p = self.input.old_logp[token].exp();
            self.add("actor/on_policy_prob", own * p);
        }
    }

    pub(super) fn srft(&mut self, prefix: &[bool], scores: &[f64], entropy: &[f64]) {
        let (rows, config, totals) = (self.input.rows, self.config, self.totals);
        let kept: Vec<bool> = (0..rows.tokens())
            .map(|token| {
                rows.mask()[token]
                    && config
                        .all_max_clip
                        .is_none_or(|cap| self.input.logp[token].exp() <= cap)
            })
            .collect();
        let mut seen = *totals;
        if config.all_max_clip.is_some() {
            // All rows of the mini-batch are here then, so they can be counted.
            let count = |chosen: &dyn Fn(usize) -> bool| {
                (0..kept.len()).filter(|&t| kept[t] && chosen(t)).count()
            };
            seen.tokens = count(&|_| true);
            seen.prefix_tokens = count(&|token| prefix[token]);
        }
        let own_share = share(totals.tokens.saturating_sub(totals.prefix_tokens));
        let prefix_share = share(totals.prefix_tokens);
        let own_seen = share(seen.tokens.saturating_sub(seen.prefix_tokens));
        let prefix_seen = share(seen.prefix_tokens);
        let (per_row, per_likelihood) = (share(totals.rows), share(totals.prefix_row_tokens));
        for (row, score) in scores.iter().enumerate() {
            let trained = rows.trained_len(row);
            if trained == 0 {
                continue;
            }
            let sum: f64 = rows.trained(row).map(|token| entropy[token]).sum();
            let mean = sum / trained as f64;
            let likelihood = 0.5 * (-mean).exp();
            let reward = 0.1 * mean.exp();
            self.add("actor/H_coef", per_row * mean);
            self.add("actor/sft_coef", per_row * likelihood);
            self.add("actor/on_coef", per_row * reward);
            // Sums of rewards need not be 1 to the last bit.
            let right = (score - 1.0).abs() < 1e-9;
            let advantage = if right { reward } else { -1.0 };
            let has_prefix = rows.trained(row).any(|token| prefix[token]);
            let kept_here = rows.trained(row).filter(|&token| kept[token]).count();
            let weight = config.loss_agg_mode.weight(kept_here, &seen);
            for token in rows.trained(row) {
                let own = self.srft_own(token, advantage);
                self.pg.kl_old -= self.per_token * self.log_ratio(token);
                let term = if prefix[token] {
                    let term = self.srft_target(token, prefix_share);
                    self.add("actor/off_pg_loss", prefix_share * term.value);
                    term
                } else {
                    self.add("actor/on_pg_loss", own_share * own.value);
                    own
                };
                if kept[token] {
                    self.add_probability(token, prefix[token], own_seen, prefix_seen);
                    self.pg.loss += weight * term.value;
                    self.d_logp[token] += weight * term.slope;
                }
                if has_prefix {
                    let factor = per_likelihood * likelihood;
                    self.pg.loss -= factor * self.input.logp[token];
                    self.d_logp[token] -= factor;
                }
            }
        }
        self.metrics
            .insert("actor/on_pg_clipfrac".to_owned(), self.pg.clipped);
        self.add("actor/off_pg_clipfrac", 0.0);
    }

    /// The policy's own token in `srft`.
    fn srft_own(&mut self, token: usize, advantage: f64) -> Term {
        let config = self.config;
        let (logp, ratio) = (self.input.logp[token], self.ratio(token));
        let own = Term::new(
            -advantage,
            match config.srft_type {
                SrftType::Paper => (logp, 1.0),
                SrftType::Exp => (logp.exp(), logp.exp()),
                SrftType::ClassicRl => (ratio, ratio),
                SrftType::MinusOld => (self.log_ratio(token), 1.0),
            },
        );
        if config.loss_remove_clip {
            return own;
        }
        let low = 1.0 - config.clip_ratio;
        let high = config.clip_upper_bound.max(1.0 + config.clip_ratio);
        let (x, slope) = match config.srft_clamp {
            SrftClamp::LogProb => (logp, 1.0),
            SrftClamp::Ratio => (ratio, ratio),
        };
        let slope = if (low..=high).contains(&x) {
            slope
        } else {
            0.0
        };
        let clipped = Term::new(-advantage, (x.clamp(low, high), slope));
        if clipped.value > own.value {
            self.pg.clipped += self.per_token;
            clipped
        } else {
            own
        }
    }

    /// A prefix token in `srft`.
    fn srft_target(&mut self, token: usize, prefix_share: f64) -> Term {
        let config = self.config;
        let (mut ratio, mut slope) = match self.input.target_logp {
            Some(target) => {
                let p = self.input.logp[token].exp();
                let ratio = p / (target[token].exp() + TARGET_EPS);
                (ratio, ratio)
            }
            None => self.reshaped_target(token),
        };
        if let Some(max) = config.off_policy_max_clip.filter(|max| ratio > *max) {
            (ratio, slope) = (max, 0.0);
            self.add("actor/off_pg_clipfrac", prefix_share);
        }
        if let Some(min) = config.off_policy_min_clip.filter(|min| ratio < *min) {
            (ratio, slope) = (min, 0.0);
        }
        self.add("actor/off_ratio_mean", prefix_share * ratio);
        let repeats = self.repeats(token);
        Term::new(-self.input.advantages[token] * repeats, (ratio, slope))
    }

    pub(super) fn hpt(&mut self, prefix: &[bool]) {
        let (rows, totals) = (self.input.rows, self.totals);
        let own = Totals {
            tokens: totals.tokens.saturating_sub(totals.prefix_row_tokens),
            rows: totals.rows.saturating_sub(totals.prefix_rows),
            ..*totals
        };
        self.vanilla_and_likelihood(&own, totals.prefix_row_tokens, |row, _| {
            rows.trained(row).any(|token| prefix[token])
        });
    }

    pub(super) fn uft(&mut self, prefix: &[bool]) {
        let totals = self.totals;
        let own = Totals {
            tokens: totals.tokens.saturating_sub(totals.prefix_tokens),
            ..*totals
        };
        self.vanilla_and_likelihood(&own, totals.prefix_tokens, |_, token| prefix[token]);
        let hints = trained_prefix(self, prefix);
        self.add("actor/hint_ratio", self.per_token * hints as f64);
    }

    /// `vanilla` on the tokens that `own` counts, maximum likelihood on the `targets` tokens of
    /// (row, token) that `is_target` picks.
    fn vanilla_and_likelihood(
        &mut self,
        own: &Totals,
        targets: usize,
        is_target: impl Fn(usize, usize) -> bool,
    ) {
        let (rows, config) = (self.input.rows, self.config);
        let (own_share, target_share) = (share(own.tokens), share(targets));
        let mut likelihood = 0.0;
        for row in 0..rows.len() {
            let count = rows.trained(row).filter(|&t| !is_target(row, t)).count();
            let weight = config.loss_agg_mode.weight(count, own);
            for token in rows.trained(row) {
                if is_target(row, token) {
                    likelihood -= target_share * self.input.logp[token];
                    self.d_logp[token] -= config.sft_loss_coef * target_share;
                } else {
                    self.vanilla(token, weight, own_share);
                }
                self.add("actor/sft_coef", self.per_token * config.sft_loss_coef);
            }
        }
        self.add("actor/ori_pg_loss", self.pg.loss);
        self.add("actor/sft_loss", likelihood);
        self.pg.loss += config.sft_loss_coef * likelihood;
    }
}

/// Trained tokens of the prefix.
fn trained_prefix(batch: &Batch, prefix: &[bool]) -> usize {
    let mask = batch.input.rows.mask().iter();
    mask.zip(prefix).filter(|(m, p)| **m && **p).count()
}
