//! Policy losses with their gradients: what goes in, what comes out, and the parts that all share.

use std::collections::BTreeMap;

use crate::{Error, Result};

use super::aggregate::{LossAggMode, Totals};
use super::kl::kl_penalty;
use super::loss_config::{LossConfig, LossMode, Scope};
use super::names::check_len;
use super::rows::Rows;
use super::terms::{Batch, Term, Terms};

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
    let batch = Batch::new(input, totals, config);
    let mut d_logp = vec![0.0; input.rows.tokens()];
    let terms = match mode {
        LossMode::Vanilla => batch.each_row(&mut d_logp, |row| batch.vanilla_row(row)),
        LossMode::Gspo => batch.each_row(&mut d_logp, |row| batch.gspo(row)),
        LossMode::GeoMean => batch.each_row(&mut d_logp, |row| batch.geo_mean(row)),
        LossMode::Gpg => batch.each_row(&mut d_logp, |row| {
            batch.likelihood(row, |row, token| row.advantages[token])
        }),
        LossMode::Sft => batch.each_row(&mut d_logp, |row| batch.likelihood(row, |_, _| 1.0)),
        LossMode::ClipCov => batch.clip_cov(&mut d_logp),
        LossMode::KlCov => batch.kl_cov(&mut d_logp),
        LossMode::Luffy => batch.luffy(&mut d_logp),
        LossMode::Srft => batch.srft(
            &mut d_logp,
            input.row_scores.unwrap_or_default(),
            input.entropy.unwrap_or_default(),
        ),
        LossMode::Hpt => batch.hpt(&mut d_logp),
        LossMode::Uft => batch.uft(&mut d_logp),
    };
    let mut out = LossOutput {
        loss: terms[Term::Loss],
        d_logp,
        d_entropy: None,
        metrics: terms.metrics(mode),
    };
    batch.regularize(&mut out);
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
    Batch::new(input, totals, config).regularize(out);
    Ok(())
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
    if let Some(prefix) = input.prefix_mask {
        check_len("prefix_mask", prefix.len(), tokens, "tokens")?;
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

impl Batch<'_> {
    /// The entropy bonus and the divergence from the reference policy.
    fn regularize(&self, out: &mut LossOutput) {
        let (input, config) = (self.input, self.config);
        if let Some(entropy) = input.entropy {
            let mean = self.mean_entropy(entropy);
            out.metrics.insert("actor/entropy_loss".to_owned(), mean);
            if config.entropy_coeff != 0.0 {
                out.loss -= config.entropy_coeff * mean;
                self.add_d_entropy(&mut out.d_entropy);
            }
        }
        if let Some(ref_logp) = input.ref_logp.filter(|_| config.use_kl_loss) {
            let kl = self.add_kl(&mut out.d_logp, ref_logp);
            out.metrics.insert("actor/kl_loss".to_owned(), kl);
            out.loss += config.kl_loss_coef * kl;
        }
    }

    /// Mean entropy of the trained tokens.
    fn mean_entropy(&self, entropy: &[f64]) -> f64 {
        let rows = self.input.rows;
        let of_rows = rows.map([], |row, []| {
            let tokens = rows.trained(row);
            tokens.map(|token| self.per_token * entropy[token]).sum()
        });
        of_rows
            .into_iter()
            .fold(0.0, |sum, of_row: f64| sum + of_row)
    }

    /// Adds the gradient of the entropy bonus to what there is.
    fn add_d_entropy(&self, gradient: &mut Option<Vec<f64>>) {
        let rows = self.input.rows;
        let slope = -self.config.entropy_coeff * self.per_token;
        let gradient = gradient.get_or_insert_with(|| vec![0.0; rows.tokens()]);
        for (of_token, _) in gradient.iter_mut().zip(rows.mask()).filter(|(_, m)| **m) {
            *of_token += slope;
        }
    }

    /// Aggregated KL before its factor; adds its gradient to that of the loss.
    fn add_kl(&self, d_logp: &mut [f64], ref_logp: &[f64]) -> f64 {
        let config = self.config;
        let terms = self.each_row(d_logp, |row| {
            let weight = config.loss_agg_mode.weight(row.trained, self.totals);
            let ref_logp = &ref_logp[row.range.clone()];
            let mut terms = Terms::default();
            for token in row.tokens() {
                let (value, slope) =
                    kl_penalty(config.kl_loss_type, row.logp[token], ref_logp[token]);
                terms[Term::Loss] += weight * value;
                row.d_logp[token] += config.kl_loss_coef * weight * slope;
            }
            terms
        });
        terms[Term::Loss]
    }
}
