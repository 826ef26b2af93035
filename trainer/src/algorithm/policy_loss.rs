//! Policy losses with their gradients: what goes in, what comes out, and the parts that all share.

use std::collections::BTreeMap;

use crate::{Error, Result};

use super::aggregate::{LossAggMode, Totals};
use super::kl::kl_penalty;
use super::loss_config::{LossConfig, LossMode, Scope};
use super::names::check_len;
use super::rows::Rows;

/// Bound of the exponent of a ratio that no other rule bounds: keeps it finite.
const EXPONENT_MAX: f64 = 700.0;

/// A micro-batch: some rows of a mini-batch. All arrays but `row_scores` have one number per
/// token, in nats where they are log-probs; numbers of tokens that are not trained are never read.
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
    /// Log-probs as the sampler computed them; needed for truncated importance sampling and the
    /// decoupled loss.
    pub rollout_logp: Option<&'a [f64]>,
    /// Entropies of the next-token distributions; needed for the entropy bonus and `srft`.
    pub entropy: Option<&'a [f64]>,
    /// Advantages.
    pub advantages: &'a [f64],
    /// Which tokens a target wrote, not the policy; for the losses that mix them.
    pub prefix_mask: Option<&'a [bool]>,
    /// The whole score of each row; for `srft`.
    pub row_scores: Option<&'a [f64]>,
    /// Log-probs of prefix tokens under the policy that wrote them; for `srft`, which otherwise
    /// reshapes the probability.
    pub target_logp: Option<&'a [f64]>,
    /// Seed of the losses that draw tokens; another one for each mini-batch of a run.
    pub seed: u64,
}

impl<'a> LossInput<'a> {
    /// A micro-batch without any of what only some losses need.
    pub fn new(
        rows: &'a Rows,
        logp: &'a [f64],
        old_logp: &'a [f64],
        advantages: &'a [f64],
    ) -> Self {
        Self {
            rows,
            logp,
            old_logp,
            ref_logp: None,
            rollout_logp: None,
            entropy: None,
            advantages,
            prefix_mask: None,
            row_scores: None,
            target_logp: None,
            seed: 0,
        }
    }
}

/// A micro-batch's share of the mini-batch's loss.
#[derive(Clone, Debug, PartialEq)]
pub struct LossOutput {
    /// `policy loss − entropy_coeff · entropy + kl_loss_coef · KL`.
    pub loss: f64,
    /// Derivative of the loss with respect to each `logp`; 0 where nothing is trained.
    pub d_logp: Vec<f64>,
    /// Derivative with respect to each entropy, if the loss has an entropy bonus or is made of them.
    pub d_entropy: Option<Vec<f64>>,
    /// By name, as `RLLaVA` and veRL call them: `actor/pg_loss`, `actor/pg_clipfrac_higher` and
    /// `actor/pg_clipfrac_lower` (shares of tokens), `actor/ppo_kl`, and, where their inputs are
    /// given, `actor/entropy_loss` and `actor/kl_loss` (both before their factors). Losses that
    /// mix targets in add `actor/on_pg_loss`, `actor/off_pg_loss`, `actor/sft_loss` and others.
    /// Each is divided by the totals already: add them up over micro-batches.
    pub metrics: BTreeMap<String, f64>,
}

/// The loss of the micro-batch `input`, as its share of the mini-batch that `totals` counts.
///
/// # Errors
/// If lengths disagree, a setting is out of range, an array that a setting needs is absent, or a
/// loss of [`Scope::Batch`] sees less than its mini-batch.
pub fn policy_loss(input: &LossInput, totals: &Totals, config: &LossConfig) -> Result<LossOutput> {
    config.validate()?;
    let mode = effective_mode(input, config);
    check(input, totals, config, mode)?;
    let mut batch = Batch {
        input,
        totals,
        config,
        per_token: 1.0 / totals.tokens.max(1) as f64,
        pg: Terms::default(),
        d_logp: vec![0.0; input.rows.tokens()],
        metrics: BTreeMap::new(),
    };
    match mode {
        LossMode::Vanilla => batch.each_row(Batch::vanilla_row),
        LossMode::Gspo => batch.each_row(Batch::gspo),
        LossMode::GeoMean => batch.each_row(Batch::geo_mean),
        LossMode::Gpg => batch.each_row(|batch, row, trained| {
            batch.likelihood(row, trained, Some(input.advantages));
        }),
        LossMode::Sft => batch.each_row(|batch, row, trained| {
            batch.likelihood(row, trained, None);
        }),
        LossMode::ClipCov => batch.clip_cov(),
        LossMode::KlCov => batch.kl_cov(),
        LossMode::Luffy => batch.luffy(prefix_of(input)),
        LossMode::Srft => batch.srft(
            prefix_of(input),
            input.row_scores.unwrap_or_default(),
            input.entropy.unwrap_or_default(),
        ),
        LossMode::Hpt => batch.hpt(prefix_of(input)),
        LossMode::Uft => batch.uft(prefix_of(input)),
    }
    for (name, value) in [
        ("actor/pg_loss", batch.pg.loss),
        ("actor/pg_clipfrac_higher", batch.pg.clipped),
        ("actor/pg_clipfrac_lower", batch.pg.clipped_lower),
        ("actor/ppo_kl", batch.pg.kl_old),
    ] {
        batch.metrics.insert(name.to_owned(), value);
    }
    let mut out = LossOutput {
        loss: batch.pg.loss,
        d_logp: batch.d_logp,
        d_entropy: None,
        metrics: batch.metrics,
    };
    add_regularizers(&mut out, input, totals, config);
    Ok(out)
}

/// Adds what is part of every policy loss, whoever computed `out`: the entropy bonus
/// (`entropy_coeff`) and the divergence from the reference policy (`use_kl_loss`), with their
/// gradients and metrics.
///
/// # Errors
/// As [`policy_loss`]; the loss mode of `config` plays no part.
pub fn regularize(
    out: &mut LossOutput,
    input: &LossInput,
    totals: &Totals,
    config: &LossConfig,
) -> Result<()> {
    // Of all modes this one asks for least.
    check(input, totals, config, LossMode::Sft)?;
    check_len("d_logp", out.d_logp.len(), input.rows.tokens(), "tokens")?;
    if let Some(gradient) = &out.d_entropy {
        check_len("d_entropy", gradient.len(), input.rows.tokens(), "tokens")?;
    }
    add_regularizers(out, input, totals, config);
    Ok(())
}

fn add_regularizers(out: &mut LossOutput, input: &LossInput, totals: &Totals, config: &LossConfig) {
    let rows = input.rows;
    if let Some(entropy) = input.entropy {
        let per_token = 1.0 / totals.tokens.max(1) as f64;
        let mut mean = 0.0;
        for token in (0..rows.len()).flat_map(|row| rows.trained(row)) {
            mean += per_token * entropy[token];
        }
        out.metrics.insert("actor/entropy_loss".to_owned(), mean);
        if config.entropy_coeff != 0.0 {
            out.loss -= config.entropy_coeff * mean;
            let none = || vec![0.0; rows.tokens()];
            let gradient = out.d_entropy.get_or_insert_with(none);
            for token in (0..rows.len()).flat_map(|row| rows.trained(row)) {
                gradient[token] -= config.entropy_coeff * per_token;
            }
        }
    }
    if let Some(ref_logp) = input.ref_logp.filter(|_| config.use_kl_loss) {
        let mut kl = 0.0;
        for row in 0..rows.len() {
            let weight = config.loss_agg_mode.weight(rows.trained_len(row), totals);
            for token in rows.trained(row) {
                let logp = input.logp[token];
                let (value, slope) = kl_penalty(config.kl_loss_type, logp, ref_logp[token]);
                kl += weight * value;
                out.d_logp[token] += config.kl_loss_coef * weight * slope;
            }
        }
        out.metrics.insert("actor/kl_loss".to_owned(), kl);
        out.loss += config.kl_loss_coef * kl;
    }
}

/// The prefix; without one, no token belongs to it.
fn prefix_of<'a>(input: &LossInput<'a>) -> &'a [bool] {
    input.prefix_mask.unwrap_or_default()
}

/// Losses that mix targets in are `vanilla` where there is nothing to mix, as published.
fn effective_mode(input: &LossInput, config: &LossConfig) -> LossMode {
    let mode = config.loss_mode;
    let scored = input.row_scores.is_some() && input.entropy.is_some();
    let plain = mode.mixes() && input.prefix_mask.is_none() || mode == LossMode::Srft && !scored;
    if plain { LossMode::Vanilla } else { mode }
}

fn check(input: &LossInput, totals: &Totals, config: &LossConfig, mode: LossMode) -> Result<()> {
    let tokens = input.rows.tokens();
    let arrays = [
        ("logp", Some(input.logp)),
        ("old_logp", Some(input.old_logp)),
        ("ref_logp", input.ref_logp),
        ("rollout_logp", input.rollout_logp),
        ("entropy", input.entropy),
        ("advantages", Some(input.advantages)),
        ("target_logp", input.target_logp),
    ];
    for (what, array) in arrays {
        if let Some(array) = array {
            check_len(what, array.len(), tokens, "tokens")?;
        }
    }
    if let Some(scores) = input.row_scores {
        check_len("row_scores", scores.len(), input.rows.len(), "rows")?;
    }
    let missing = |key: &str, what: &str| {
        Err(Error::Config(format!(
            "`{key}` needs the {what}, which were not computed"
        )))
    };
    if mode.weighs_sampler() && input.rollout_logp.is_none() {
        if config.tis_imp_ratio_cap.is_some() {
            return missing("tis_imp_ratio_cap", "log-probs of the sampler");
        }
        if config.behav_imp_weight_cap.is_some() {
            return missing("behav_imp_weight_cap", "log-probs of the sampler");
        }
    }
    if config.use_kl_loss && input.ref_logp.is_none() {
        return missing("use_kl_loss", "log-probs of the reference policy");
    }
    if config.entropy_coeff != 0.0 && input.entropy.is_none() {
        return missing("entropy_coeff", "entropies");
    }
    let own = match input.prefix_mask.filter(|_| mode.mixes()) {
        Some(prefix) => Totals::mixed(input.rows, prefix, totals.norm_length)?,
        None => Totals::of(input.rows, totals.norm_length),
    };
    if !own.within(totals) {
        return Err(Error::Config(format!(
            "a micro-batch is more than its mini-batch: {own:?} against {totals:?}"
        )));
    }
    let part = own.tokens != totals.tokens || own.rows != totals.rows;
    if config.scope() == Scope::Batch && mode == config.loss_mode && part {
        return Err(Error::Config(format!(
            "this loss ranks or draws tokens of the whole mini-batch, so it can't be taken of a \
             part of it: {own:?} of {totals:?}"
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
pub(super) struct Terms {
    pub(super) loss: f64,
    pub(super) clipped: f64,
    pub(super) clipped_lower: f64,
    pub(super) kl_old: f64,
}

/// A micro-batch on its way to a loss.
pub(super) struct Batch<'a> {
    pub(super) input: &'a LossInput<'a>,
    pub(super) totals: &'a Totals,
    pub(super) config: &'a LossConfig,
    /// Weight of a token in a mean over all trained tokens.
    pub(super) per_token: f64,
    pub(super) pg: Terms,
    pub(super) d_logp: Vec<f64>,
    pub(super) metrics: BTreeMap<String, f64>,
}

impl Batch<'_> {
    /// Runs `loss` on the rows that train something, with the number of their trained tokens.
    fn each_row(&mut self, loss: impl Fn(&mut Self, usize, usize)) {
        for row in 0..self.input.rows.len() {
            let trained = self.input.rows.trained_len(row);
            if trained > 0 {
                loss(self, row, trained);
            }
        }
    }

    pub(super) fn log_ratio(&self, token: usize) -> f64 {
        self.input.logp[token] - self.input.old_logp[token]
    }

    /// The ratio without any clip, finite for all finite log-probs.
    pub(super) fn ratio(&self, token: usize) -> f64 {
        self.log_ratio(token).min(EXPONENT_MAX).exp()
    }

    pub(super) fn clip(&self, ratio: f64) -> f64 {
        ratio.clamp(
            1.0 - self.config.clip_ratio_low,
            1.0 + self.config.clip_ratio_high,
        )
    }

    /// Adds to a metric.
    pub(super) fn add(&mut self, name: &str, value: f64) {
        *self.metrics.entry(name.to_owned()).or_default() += value;
    }
}
