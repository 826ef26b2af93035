//! Policy losses with their gradients.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::{Error, Result};

use super::aggregate::{LossAggMode, Totals};
use super::kl::{KlPenalty, kl_penalty};
use super::names::{check_len, lookup};
use super::rows::Rows;

/// Bound of `logp − old` before the exponential of the importance ratio.
const LOG_RATIO_BOUND: f64 = 20.0;
/// Upper bound of the log of GSPO's sequence ratio.
const LOG_SEQUENCE_RATIO_MAX: f64 = 10.0;

/// Which policy loss (`actor.policy_loss.loss_mode`). Below, `d = logp − old` and `A` is the
/// advantage of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LossMode {
    /// PPO's clipped surrogate (Schulman et al. 2017, arXiv:1707.06347) with an upper clip of its
    /// own (DAPO, arXiv:2503.14476) and dual clip for `A < 0` (Ye et al. 2020,
    /// arXiv:1912.09729); optionally weighted against the sampler's numerics by a truncated
    /// importance ratio.
    #[default]
    Vanilla,
    /// One ratio per sequence, the exponential of the mean `d`; always `seq-mean-token-mean`
    /// (Zheng et al. 2025, arXiv:2507.18071).
    Gspo,
    /// Geometric mean of ratios clipped in log space, times the mean advantage; always the mean
    /// over rows (Zhao et al. 2025, arXiv:2507.20673).
    GeoMean,
    /// `−A · logp`, neither ratio nor clip (Chu et al. 2025, arXiv:2504.02546).
    Gpg,
    /// `−logp`: maximum likelihood of the trained tokens.
    Sft,
}

const MODES: &[(&str, LossMode)] = &[
    ("vanilla", LossMode::Vanilla),
    ("gspo", LossMode::Gspo),
    ("geo_mean", LossMode::GeoMean),
    ("gpg", LossMode::Gpg),
    ("sft", LossMode::Sft),
];

/// The names that `actor.policy_loss.loss_mode` may have.
pub fn known_loss_modes() -> Vec<&'static str> {
    MODES.iter().map(|(name, _)| *name).collect()
}

impl FromStr for LossMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        lookup("loss_mode", MODES, name)
    }
}

/// What a loss must see at once to be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whole rows: with the [`Totals`] of the mini-batch, micro-batches add up.
    Row,
    /// All rows of the mini-batch, because tokens are ranked against each other.
    Batch,
}

impl LossMode {
    /// What the loss must see at once.
    pub fn scope(self) -> Scope {
        match self {
            Self::Vanilla | Self::Gspo | Self::GeoMean | Self::Gpg | Self::Sft => Scope::Row,
        }
    }
}

/// Settings of [`policy_loss`], by the names of the `actor` section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// Which loss.
    pub loss_mode: LossMode,
    /// How tokens become one number; `gspo` and `geo_mean` have a rule of their own.
    pub loss_agg_mode: LossAggMode,
    /// How far the ratio may fall below 1 (`geo_mean`: its log below 0).
    pub clip_ratio_low: f64,
    /// How far the ratio may rise above 1 (`geo_mean`: its log above 0).
    pub clip_ratio_high: f64,
    /// Dual clip: bound of the ratio where the advantage is negative; above 1.
    pub clip_ratio_c: f64,
    /// Whether `vanilla` goes without any clip.
    pub loss_remove_clip: bool,
    /// Cap of the ratio trainer / sampler that weighs `vanilla` (truncated importance sampling);
    /// `None` for no weight.
    pub tis_imp_ratio_cap: Option<f64>,
    /// Factor of the entropy bonus.
    pub entropy_coeff: f64,
    /// Whether the divergence from the reference policy is part of the loss.
    pub use_kl_loss: bool,
    /// Factor of that divergence.
    pub kl_loss_coef: f64,
    /// Its estimator.
    pub kl_loss_type: KlPenalty,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            loss_mode: LossMode::default(),
            loss_agg_mode: LossAggMode::default(),
            clip_ratio_low: 0.2,
            clip_ratio_high: 0.2,
            clip_ratio_c: 3.0,
            loss_remove_clip: false,
            tis_imp_ratio_cap: None,
            entropy_coeff: 0.0,
            use_kl_loss: true,
            kl_loss_coef: 0.01,
            kl_loss_type: KlPenalty::default(),
        }
    }
}

impl LossConfig {
    /// Checks the ranges of the settings; [`policy_loss`] does it too.
    ///
    /// # Errors
    /// Names the key that is out of range.
    pub fn validate(&self) -> Result<()> {
        let bad = |key: &str, value: f64, wanted: &str| {
            Err(Error::Config(format!(
                "`{key}` must be {wanted}, and is {value}"
            )))
        };
        for (key, value) in [
            ("clip_ratio_low", self.clip_ratio_low),
            ("clip_ratio_high", self.clip_ratio_high),
        ] {
            if value.is_nan() || value < 0.0 {
                return bad(key, value, "at least 0");
            }
        }
        if self.clip_ratio_c.is_nan() || self.clip_ratio_c <= 1.0 {
            return bad("clip_ratio_c", self.clip_ratio_c, "greater than 1");
        }
        match self.tis_imp_ratio_cap {
            Some(cap) if cap.is_nan() || cap <= 0.0 => bad(
                "tis_imp_ratio_cap",
                cap,
                "greater than 0, or absent for no cap",
            ),
            _ => Ok(()),
        }
    }
}

/// A micro-batch: some rows of a mini-batch. All arrays have one number per token, in nats where
/// they are log-probs; numbers of tokens that are not trained are never read.
#[derive(Clone, Copy, Debug)]
pub struct LossInput<'a> {
    /// The rows and which of their tokens are trained.
    pub rows: &'a Rows,
    /// Log-probs under the weights being trained.
    pub logp: &'a [f64],
    /// Log-probs under the weights at the start of the step.
    pub old_logp: &'a [f64],
    /// Log-probs under the reference policy; needed for the KL loss.
    pub ref_logp: Option<&'a [f64]>,
    /// Log-probs as the sampler computed them; needed for truncated importance sampling.
    pub rollout_logp: Option<&'a [f64]>,
    /// Entropies of the next-token distributions; needed for the entropy bonus.
    pub entropy: Option<&'a [f64]>,
    /// Advantages.
    pub advantages: &'a [f64],
}

/// A micro-batch's share of the mini-batch's loss.
#[derive(Clone, Debug, PartialEq)]
pub struct LossOutput {
    /// `policy loss − entropy_coeff · entropy + kl_loss_coef · KL`.
    pub loss: f64,
    /// Derivative of the loss with respect to each `logp`; 0 where nothing is trained.
    pub d_logp: Vec<f64>,
    /// Derivative with respect to each entropy, if the loss has an entropy bonus.
    pub d_entropy: Option<Vec<f64>>,
    /// By name, as `RLLaVA` and veRL call them: `actor/pg_loss`, `actor/pg_clipfrac_higher` and
    /// `actor/pg_clipfrac_lower` (shares of tokens), `actor/ppo_kl`, and, where their inputs are
    /// given, `actor/entropy_loss` and `actor/kl_loss` (both before their factors). Each is
    /// divided by the totals already: add them up over micro-batches.
    pub metrics: BTreeMap<String, f64>,
}

/// The loss of the micro-batch `input`, as its share of the mini-batch that `totals` counts.
///
/// # Errors
/// If lengths disagree, a setting is out of range, or an array that a setting needs is absent.
pub fn policy_loss(input: &LossInput, totals: &Totals, config: &LossConfig) -> Result<LossOutput> {
    config.validate()?;
    check(input, totals, config)?;
    let mut batch = Batch {
        input,
        totals,
        config,
        per_token: 1.0 / totals.tokens.max(1) as f64,
        pg: Terms::default(),
        d_logp: vec![0.0; input.rows.tokens()],
    };
    for row in 0..input.rows.len() {
        let trained = input.rows.trained_len(row);
        if trained == 0 {
            continue;
        }
        match config.loss_mode {
            LossMode::Vanilla => batch.vanilla(row, trained),
            LossMode::Gspo => batch.gspo(row, trained),
            LossMode::GeoMean => batch.geo_mean(row, trained),
            LossMode::Gpg => batch.likelihood(row, trained, Some(input.advantages)),
            LossMode::Sft => batch.likelihood(row, trained, None),
        }
    }
    let mut metrics = BTreeMap::from([
        ("actor/pg_loss".to_owned(), batch.pg.loss),
        ("actor/pg_clipfrac_higher".to_owned(), batch.pg.clipped),
        ("actor/pg_clipfrac_lower".to_owned(), batch.pg.clipped_lower),
        ("actor/ppo_kl".to_owned(), batch.pg.kl_old),
    ]);
    let mut loss = batch.pg.loss;
    let d_entropy = input
        .entropy
        .map(|entropy| batch.entropy(entropy))
        .and_then(|(mean, gradient)| {
            metrics.insert("actor/entropy_loss".to_owned(), mean);
            (config.entropy_coeff != 0.0).then(|| {
                loss -= config.entropy_coeff * mean;
                gradient
            })
        });
    if let Some(ref_logp) = input.ref_logp.filter(|_| config.use_kl_loss) {
        let kl = batch.add_kl(ref_logp);
        metrics.insert("actor/kl_loss".to_owned(), kl);
        loss += config.kl_loss_coef * kl;
    }
    Ok(LossOutput {
        loss,
        d_logp: batch.d_logp,
        d_entropy,
        metrics,
    })
}

fn check(input: &LossInput, totals: &Totals, config: &LossConfig) -> Result<()> {
    let tokens = input.rows.tokens();
    let arrays = [
        ("logp", Some(input.logp)),
        ("old_logp", Some(input.old_logp)),
        ("ref_logp", input.ref_logp),
        ("rollout_logp", input.rollout_logp),
        ("entropy", input.entropy),
        ("advantages", Some(input.advantages)),
    ];
    for (what, array) in arrays {
        if let Some(array) = array {
            check_len(what, array.len(), tokens, "tokens")?;
        }
    }
    let missing = |key: &str, what: &str| {
        Err(Error::Config(format!(
            "`{key}` needs the {what}, which were not computed"
        )))
    };
    let weighted = config.loss_mode == LossMode::Vanilla && config.tis_imp_ratio_cap.is_some();
    if weighted && input.rollout_logp.is_none() {
        return missing("tis_imp_ratio_cap", "log-probs of the sampler");
    }
    if config.use_kl_loss && input.ref_logp.is_none() {
        return missing("use_kl_loss", "log-probs of the reference policy");
    }
    if config.entropy_coeff != 0.0 && input.entropy.is_none() {
        return missing("entropy_coeff", "entropies");
    }
    let own = Totals::of(input.rows, totals.norm_length);
    if own.tokens > totals.tokens || own.rows > totals.rows {
        return Err(Error::Config(format!(
            "a micro-batch of {} tokens in {} rows is more than its mini-batch of {} tokens in {} \
             rows",
            own.tokens, own.rows, totals.tokens, totals.rows
        )));
    }
    if config.loss_agg_mode == LossAggMode::SeqMeanTokenSumNorm && totals.norm_length == 0 {
        return Err(Error::Config(
            "`loss_agg_mode = \"seq-mean-token-sum-norm\"` needs a `data.max_response_length` \
             above 0"
                .into(),
        ));
    }
    Ok(())
}

/// Sums over the tokens seen so far, each divided by its total.
#[derive(Default)]
struct Terms {
    loss: f64,
    clipped: f64,
    clipped_lower: f64,
    kl_old: f64,
}

struct Batch<'a> {
    input: &'a LossInput<'a>,
    totals: &'a Totals,
    config: &'a LossConfig,
    /// Weight of a token in a mean over all trained tokens.
    per_token: f64,
    pg: Terms,
    d_logp: Vec<f64>,
}

impl Batch<'_> {
    fn log_ratio(&self, token: usize) -> f64 {
        self.input.logp[token] - self.input.old_logp[token]
    }

    fn clip(&self, ratio: f64) -> f64 {
        ratio.clamp(
            1.0 - self.config.clip_ratio_low,
            1.0 + self.config.clip_ratio_high,
        )
    }

    fn vanilla(&mut self, row: usize, trained: usize) {
        let config = self.config;
        let weight = config.loss_agg_mode.weight(trained, self.totals);
        for token in self.input.rows.trained(row) {
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
                    self.pg.clipped += self.per_token;
                }
                let bound = -advantage * config.clip_ratio_c;
                if advantage < 0.0 && loss > bound {
                    (loss, moves) = (bound, false);
                    self.pg.clipped_lower += self.per_token;
                }
            }
            let sampler = match (config.tis_imp_ratio_cap, self.input.rollout_logp) {
                (Some(cap), Some(rollout)) => {
                    (self.input.old_logp[token] - rollout[token]).exp().min(cap)
                }
                _ => 1.0,
            };
            self.pg.loss += weight * sampler * loss;
            self.pg.kl_old -= self.per_token * d;
            if moves {
                self.d_logp[token] += weight * sampler * plain;
            }
        }
    }

    /// The ratio of a sequence is a constant in the gradient of each of its tokens but for that
    /// token's own share, as in the paper's token-level form.
    fn gspo(&mut self, row: usize, trained: usize) {
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

    fn geo_mean(&mut self, row: usize, trained: usize) {
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
    fn likelihood(&mut self, row: usize, trained: usize, factors: Option<&[f64]>) {
        let weight = self.config.loss_agg_mode.weight(trained, self.totals);
        for token in self.input.rows.trained(row) {
            let factor = factors.map_or(1.0, |factors| factors[token]);
            self.pg.loss -= weight * factor * self.input.logp[token];
            self.d_logp[token] -= weight * factor;
        }
    }

    /// Mean entropy of the trained tokens, and the gradient of its bonus.
    fn entropy(&self, entropy: &[f64]) -> (f64, Vec<f64>) {
        let rows = self.input.rows;
        let mut gradient = vec![0.0; rows.tokens()];
        let mut mean = 0.0;
        for token in (0..rows.len()).flat_map(|row| rows.trained(row)) {
            mean += self.per_token * entropy[token];
            gradient[token] = -self.config.entropy_coeff * self.per_token;
        }
        (mean, gradient)
    }

    /// Aggregated KL before its factor; adds its gradient to that of the loss.
    fn add_kl(&mut self, ref_logp: &[f64]) -> f64 {
        let config = self.config;
        let mut total = 0.0;
        for row in 0..self.input.rows.len() {
            let trained = self.input.rows.trained_len(row);
            let weight = config.loss_agg_mode.weight(trained, self.totals);
            for token in self.input.rows.trained(row) {
                let logp = self.input.logp[token];
                let (value, slope) = kl_penalty(config.kl_loss_type, logp, ref_logp[token]);
                total += weight * value;
                self.d_logp[token] += config.kl_loss_coef * weight * slope;
            }
        }
        total
    }
}
