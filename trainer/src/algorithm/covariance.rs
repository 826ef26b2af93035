//! The losses that single out tokens by the covariance of advantage and log-prob (Cui et al. 2025,
//! *The Entropy Mechanism of Reinforcement Learning for Reasoning Language Models*,
//! arXiv:2505.22617).

use crate::random::{Domain, Stream};

use super::stats::masked_mean;
use super::terms::{Batch, Row, Term, Terms};

impl Batch<'_> {
    /// A token's share of the covariance between advantage and log-prob over the mini-batch.
    fn covariance(&self) -> impl Fn(usize) -> f64 + Sync {
        let (advantages, logp) = (self.input.advantages, self.input.logp);
        let mean = |values| masked_mean(values, self.input.rows);
        let (mean_advantage, mean_logp) = (mean(advantages), mean(logp));
        move |token| (advantages[token] - mean_advantage) * (logp[token] - mean_logp)
    }

    /// `−A · ratio`, and the same with the ratio clipped.
    fn plain_and_clipped(&self, row: &Row, token: usize, ratio: f64) -> (f64, f64) {
        let advantage = row.advantages[token];
        (-advantage * ratio, -advantage * self.clip(ratio))
    }

    /// PPO's clip without some tokens, drawn among those of high covariance.
    pub(super) fn clip_cov(&self, d_logp: &mut [f64]) -> Terms {
        let config = self.config;
        let covariance = self.covariance();
        // The ratios stand in the gradient's place until it is known who is left out.
        let candidates = self.map_rows(d_logp, |row| {
            let mut candidates = Vec::new();
            for token in row.tokens() {
                let ratio = row.ratio(token);
                row.d_logp[token] = ratio;
                let place = row.range.start + token;
                let covariance = covariance(place);
                if covariance > config.clip_cov_lb && covariance < config.clip_cov_ub {
                    let (plain, clipped) = self.plain_and_clipped(row, token, ratio);
                    candidates.extend((clipped <= plain).then_some(place));
                }
            }
            candidates
        });
        let left_out = self.draw(candidates.concat());
        self.each_row(d_logp, |row| {
            let weight = config.loss_agg_mode.weight(row.trained, self.totals);
            let left_out = &left_out[row.range.clone()];
            let mut terms = Terms::default();
            for token in row.tokens() {
                terms[Term::KlOld] -= self.per_token * row.log_ratio(token);
                let (plain, clipped) = self.plain_and_clipped(row, token, row.d_logp[token]);
                let out = left_out[token];
                terms[Term::ClippedHigher] += if out { self.per_token } else { 0.0 };
                terms[Term::Loss] += if out {
                    0.0
                } else {
                    weight * plain.max(clipped)
                };
                let moves = !out && clipped <= plain;
                row.d_logp[token] = if moves { weight * plain } else { 0.0 };
            }
            terms
        })
    }

    /// Of each token, whether `clip_cov` leaves it out: a number of the `candidates`, at random.
    fn draw(&self, mut candidates: Vec<usize>) -> Vec<bool> {
        let wanted = (self.config.clip_cov_ratio * self.totals.tokens as f64) as usize;
        let drawn = wanted.max(1).min(candidates.len());
        let stream = Stream::new(self.input.seed, Domain::Loss, 0, 0);
        for place in 0..drawn {
            let rest = (candidates.len() - place) as u64;
            let other = place + stream.below(place as u32, rest) as usize;
            candidates.swap(place, other);
        }
        chosen(self.input.rows.tokens(), candidates.into_iter().take(drawn))
    }

    /// No clip, and a penalty on the tokens of the highest covariance.
    pub(super) fn kl_cov(&self, d_logp: &mut [f64]) -> Terms {
        let config = self.config;
        let penalised = self.highest_covariances();
        self.each_row(d_logp, |row| {
            let weight = config.loss_agg_mode.weight(row.trained, self.totals);
            let penalised = &penalised[row.range.clone()];
            let mut terms = Terms::default();
            for token in row.tokens() {
                let d = row.log_ratio(token);
                let plain = weight * -row.advantages[token] * row.ratio(token);
                terms[Term::KlOld] += self.per_token * d.abs();
                terms[Term::Loss] += plain;
                row.d_logp[token] += plain;
                if penalised[token] && d != 0.0 {
                    terms[Term::Loss] += weight * config.ppo_kl_coef * d.abs();
                    row.d_logp[token] += weight * config.ppo_kl_coef * d.signum();
                }
            }
            terms
        })
    }

    /// Of each token, whether `kl_cov` penalises it; of equal covariances those of the first
    /// tokens count as higher.
    fn highest_covariances(&self) -> Vec<bool> {
        let rows = self.input.rows;
        let covariance = self.covariance();
        let trained = || (0..rows.tokens()).filter(|&token| rows.mask()[token]);
        let mut sorted: Vec<f64> = trained().map(&covariance).collect();
        let wanted = (sorted.len() as f64 * self.config.kl_cov_ratio) as usize;
        let wanted = wanted.max(1).min(sorted.len());
        let Some(last) = wanted.checked_sub(1) else {
            return vec![false; rows.tokens()];
        };
        let (_, least, _) = sorted.select_nth_unstable_by(last, |a, b| b.total_cmp(a));
        let above = trained().filter(|&token| covariance(token).total_cmp(least).is_gt());
        let equal = trained().filter(|&token| covariance(token).total_cmp(least).is_eq());
        chosen(rows.tokens(), above.chain(equal).take(wanted))
    }
}

/// One entry per token, true for those that are chosen.
fn chosen(tokens: usize, which: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut chosen = vec![false; tokens];
    for token in which {
        chosen[token] = true;
    }
    chosen
}
