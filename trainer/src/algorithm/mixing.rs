//! The losses that learn from targets beside the policy's own tokens. `prefix` says of each token
//! whether a target wrote it.

use crate::random::{Domain, Stream};

use super::aggregate::Totals;
use super::loss_config::{SrftClamp, SrftType};
use super::reshape::Reshape;
use super::terms::{Batch, Row, Term, Terms};

/// Added to a target's probability before a division by it.
const TARGET_EPS: f64 = 1e-6;

/// `1 / n`, and 0 for none.
fn share(count: usize) -> f64 {
    if count == 0 { 0.0 } else { 1.0 / count as f64 }
}

/// A loss of one token and its derivative with respect to `logp`.
#[derive(Clone, Copy)]
struct Part {
    value: f64,
    slope: f64,
}

impl Part {
    fn new(factor: f64, (value, slope): (f64, f64)) -> Self {
        Self {
            value: factor * value,
            slope: factor * slope,
        }
    }
}

/// The factor of a token in means over the policy's own tokens and over those of the prefix.
#[derive(Clone, Copy)]
struct Shares {
    own: f64,
    prefix: f64,
}

impl Shares {
    fn of(totals: &Totals) -> Self {
        Self {
            own: share(totals.tokens.saturating_sub(totals.prefix_tokens)),
            prefix: share(totals.prefix_tokens),
        }
    }
}

impl Batch<'_> {
    /// What a prefix token's probability `p` becomes, with its derivative.
    fn reshaped_target(&self, logp: f64, p: f64) -> (f64, f64) {
        let config = self.config;
        config.off_policy_reshape.apply(
            p,
            logp,
            config.off_policy_reshape_weight,
            config.off_policy_reshape_pow_exp,
        )
    }

    /// How often a prefix token of probability `p` counts: more or less than once under
    /// [`Reshape::ClassicRejectToken`] only.
    fn repeats(&self, row: &Row, token: usize, p: f64) -> f64 {
        if self.config.off_policy_reshape != Reshape::ClassicRejectToken {
            return 1.0;
        }
        let stream = Stream::new(self.input.seed, Domain::Loss, 0, 0);
        if stream.uniform((row.range.start + token) as u32) < 1.0 - p {
            0.0
        } else {
            1.0 / p
        }
    }

    pub(super) fn luffy(&self, d_logp: &mut [f64]) -> Terms {
        let (config, totals) = (self.config, self.totals);
        let shares = Shares::of(totals);
        self.each_row(d_logp, |row| {
            let weight = config.loss_agg_mode.weight(row.trained, totals);
            let mut terms = Terms::default();
            for token in row.tokens() {
                let own = self.luffy_own(row, token, &mut terms);
                terms[Term::KlOld] -= self.per_token * row.log_ratio(token);
                let part = if row.prefix[token] {
                    let (logp, advantage) = (row.logp[token], row.advantages[token]);
                    let p = logp.exp();
                    let target = self.reshaped_target(logp, p);
                    let part = Part::new(-advantage * self.repeats(row, token, p), target);
                    terms[Term::TargetProbability] += shares.prefix * p;
                    terms[Term::TargetRatio] += shares.prefix * target.0;
                    terms[Term::TargetLoss] += shares.prefix * part.value;
                    part
                } else {
                    terms[Term::OwnProbability] += shares.own * row.old_logp[token].exp();
                    terms[Term::OwnLoss] += shares.own * own.value;
                    own
                };
                terms[Term::Loss] += weight * part.value;
                row.d_logp[token] += weight * part.slope;
            }
            terms
        })
    }

    /// The policy's own token in `luffy`.
    #[inline]
    fn luffy_own(&self, row: &Row, token: usize, terms: &mut Terms) -> Part {
        let (config, advantage) = (self.config, row.advantages[token]);
        let reshaped = config.on_policy_reshape.apply(
            row.ratio(token),
            row.logp[token],
            config.on_policy_reshape_weight,
            config.on_policy_reshape_pow_exp,
        );
        let own = Part::new(-advantage, reshaped);
        let (low, high) = (1.0 - config.clip_ratio, 1.0 + config.clip_ratio);
        let clipped = -advantage * reshaped.0.clamp(low, high);
        let higher = !config.loss_remove_clip && clipped > own.value;
        terms[Term::ClippedHigher] += if higher { self.per_token } else { 0.0 };
        if higher {
            Part::new(1.0, (clipped, 0.0))
        } else {
            own
        }
    }

    pub(super) fn srft(&self, d_logp: &mut [f64], scores: &[f64], entropy: &[f64]) -> Terms {
        let (config, totals) = (self.config, self.totals);
        let keeps = |logp: f64| config.all_max_clip.is_none_or(|cap| logp.exp() <= cap);
        let seen = self.seen_by_srft(keeps);
        let (shares, shares_seen) = (Shares::of(totals), Shares::of(&seen));
        let (per_row, per_likelihood) = (share(totals.rows), share(totals.prefix_row_tokens));
        self.each_row(d_logp, |row| {
            let entropy = &entropy[row.range.clone()];
            let sum: f64 = row.tokens().map(|token| entropy[token]).sum();
            let mean = sum / row.trained as f64;
            let likelihood = 0.5 * (-mean).exp();
            let reward = 0.1 * mean.exp();
            let mut terms = Terms::default();
            terms[Term::Entropy] += per_row * mean;
            terms[Term::LikelihoodFactor] += per_row * likelihood;
            terms[Term::RewardFactor] += per_row * reward;
            // Sums of rewards need not be 1 to the last bit.
            let right = (scores[row.number] - 1.0).abs() < 1e-9;
            let advantage = if right { reward } else { -1.0 };
            let has_prefix = row.tokens().any(|token| row.prefix[token]);
            let per_token = if has_prefix {
                per_likelihood * likelihood
            } else {
                0.0
            };
            let kept = row.tokens().filter(|&token| keeps(row.logp[token])).count();
            let weight = config.loss_agg_mode.weight(kept, &seen);
            for token in row.tokens() {
                let logp = row.logp[token];
                let own = self.srft_own(row, token, advantage, &mut terms);
                terms[Term::KlOld] -= self.per_token * row.log_ratio(token);
                let kept = keeps(logp);
                let part = if row.prefix[token] {
                    let p = logp.exp();
                    let part = self.srft_target(row, token, p, shares.prefix, &mut terms);
                    terms[Term::TargetLoss] += shares.prefix * part.value;
                    terms[Term::TargetProbability] +=
                        if kept { shares_seen.prefix * p } else { 0.0 };
                    part
                } else {
                    let p = row.old_logp[token].exp();
                    terms[Term::OwnLoss] += shares.own * own.value;
                    terms[Term::OwnProbability] += if kept { shares_seen.own * p } else { 0.0 };
                    own
                };
                if kept {
                    terms[Term::Loss] += weight * part.value;
                    row.d_logp[token] += weight * part.slope;
                }
                terms[Term::Loss] -= per_token * logp;
                row.d_logp[token] -= per_token;
            }
            terms
        })
    }

    /// The totals without the tokens that `srft` leaves out.
    fn seen_by_srft(&self, keeps: impl Fn(f64) -> bool) -> Totals {
        let mut seen = *self.totals;
        if self.config.all_max_clip.is_some() {
            // All rows of the mini-batch are here then, so they can be counted.
            let (mask, prefix) = (self.input.rows.mask(), self.prefix());
            let kept = || (0..mask.len()).filter(|&t| mask[t] && keeps(self.input.logp[t]));
            seen.tokens = kept().count();
            seen.prefix_tokens = kept().filter(|&token| prefix[token]).count();
        }
        seen
    }

    /// Which tokens a target wrote.
    fn prefix(&self) -> &[bool] {
        self.input.prefix_mask.unwrap_or_default()
    }

    /// The policy's own token in `srft`.
    #[inline]
    fn srft_own(&self, row: &Row, token: usize, advantage: f64, terms: &mut Terms) -> Part {
        let config = self.config;
        let logp = row.logp[token];
        let ratio = || row.ratio(token);
        let (x, slope) = match config.srft_type {
            SrftType::Paper => (logp, 1.0),
            SrftType::Exp => (logp.exp(), logp.exp()),
            SrftType::ClassicRl => (ratio(), ratio()),
            SrftType::MinusOld => (row.log_ratio(token), 1.0),
        };
        let own = Part::new(-advantage, (x, slope));
        if config.loss_remove_clip {
            return own;
        }
        let low = 1.0 - config.clip_ratio;
        let high = config.clip_upper_bound.max(1.0 + config.clip_ratio);
        let (x, slope) = match config.srft_clamp {
            SrftClamp::LogProb => (logp, 1.0),
            SrftClamp::Ratio => (ratio(), ratio()),
        };
        let slope = if (low..=high).contains(&x) {
            slope
        } else {
            0.0
        };
        let clipped = Part::new(-advantage, (x.clamp(low, high), slope));
        if clipped.value > own.value {
            terms[Term::ClippedHigher] += self.per_token;
            clipped
        } else {
            own
        }
    }

    /// A prefix token of probability `p` in `srft`.
    fn srft_target(&self, row: &Row, token: usize, p: f64, share: f64, terms: &mut Terms) -> Part {
        let config = self.config;
        let (mut ratio, mut slope) = match self.input.target_logp {
            Some(target) => {
                let ratio = p / (target[row.range.start + token].exp() + TARGET_EPS);
                (ratio, ratio)
            }
            None => self.reshaped_target(row.logp[token], p),
        };
        if let Some(max) = config.off_policy_max_clip.filter(|max| ratio > *max) {
            (ratio, slope) = (max, 0.0);
            terms[Term::TargetClipped] += share;
        }
        if let Some(min) = config.off_policy_min_clip.filter(|min| ratio < *min) {
            (ratio, slope) = (min, 0.0);
        }
        terms[Term::TargetRatio] += share * ratio;
        let repeats = self.repeats(row, token, p);
        Part::new(-row.advantages[token] * repeats, (ratio, slope))
    }

    pub(super) fn hpt(&self, d_logp: &mut [f64]) -> Terms {
        let totals = self.totals;
        let own = Totals {
            tokens: totals.tokens.saturating_sub(totals.prefix_row_tokens),
            rows: totals.rows.saturating_sub(totals.prefix_rows),
            ..*totals
        };
        self.vanilla_and_likelihood(d_logp, &own, totals.prefix_row_tokens, true)
    }

    pub(super) fn uft(&self, d_logp: &mut [f64]) -> Terms {
        let totals = self.totals;
        let own = Totals {
            tokens: totals.tokens.saturating_sub(totals.prefix_tokens),
            ..*totals
        };
        self.vanilla_and_likelihood(d_logp, &own, totals.prefix_tokens, false)
    }

    /// `vanilla` on the tokens that `own` counts, maximum likelihood on the `targets` tokens of
    /// prefixes, or of `whole_rows` that have one.
    fn vanilla_and_likelihood(
        &self,
        d_logp: &mut [f64],
        own: &Totals,
        targets: usize,
        whole_rows: bool,
    ) -> Terms {
        let config = self.config;
        let (own_share, target_share) = (share(own.tokens), share(targets));
        let mut terms = self.each_row(d_logp, |row| {
            let hints = row.tokens().filter(|&token| row.prefix[token]).count();
            let targets = match (whole_rows, hints) {
                (true, 1..) => row.trained,
                _ => hints,
            };
            let weight = config.loss_agg_mode.weight(row.trained - targets, own);
            let mut terms = Terms::default();
            terms[Term::Hints] = self.per_token * hints as f64;
            terms[Term::LikelihoodFactor] =
                self.per_token * row.trained as f64 * config.sft_loss_coef;
            for token in row.tokens() {
                if row.prefix[token] || targets == row.trained {
                    terms[Term::Likelihood] -= target_share * row.logp[token];
                    row.d_logp[token] -= config.sft_loss_coef * target_share;
                } else {
                    self.vanilla(row, token, weight, own_share, &mut terms);
                }
            }
            terms
        });
        terms[Term::OriginalLoss] = terms[Term::Loss];
        terms[Term::Loss] += config.sft_loss_coef * terms[Term::Likelihood];
        terms
    }
}
