//! A mini-batch on its way to a loss: its rows one by one, and the sums over their tokens.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut, Range};

use super::aggregate::Totals;
use super::loss_config::{LossConfig, LossMode};
use super::policy_loss::LossInput;

/// Bound of the exponent of a ratio that no other rule bounds: keeps it finite.
const EXPONENT_MAX: f64 = 700.0;

/// What is summed over tokens, each divided by its total already.
#[derive(Clone, Copy)]
pub(super) enum Term {
    Loss,
    ClippedHigher,
    ClippedLower,
    KlOld,
    OwnLoss,
    TargetLoss,
    TargetRatio,
    TargetClipped,
    OwnProbability,
    TargetProbability,
    OriginalLoss,
    Likelihood,
    LikelihoodFactor,
    RewardFactor,
    Entropy,
    Hints,
}

impl Term {
    /// How many there are.
    const COUNT: usize = Self::Hints as usize + 1;

    /// The metrics of all losses.
    const COMMON: &[(&str, Self)] = &[
        ("actor/pg_loss", Self::Loss),
        ("actor/pg_clipfrac_higher", Self::ClippedHigher),
        ("actor/pg_clipfrac_lower", Self::ClippedLower),
        ("actor/ppo_kl", Self::KlOld),
    ];

    /// The metrics of `luffy` and `srft`.
    const MIXED: &[(&str, Self)] = &[
        ("actor/on_pg_loss", Self::OwnLoss),
        ("actor/on_pg_clipfrac", Self::ClippedHigher),
        ("actor/on_policy_prob", Self::OwnProbability),
        ("actor/off_pg_loss", Self::TargetLoss),
        ("actor/off_pg_clipfrac", Self::TargetClipped),
        ("actor/off_policy_prob", Self::TargetProbability),
        ("actor/off_ratio_mean", Self::TargetRatio),
    ];

    /// Those of `srft` only.
    const BY_ENTROPY: &[(&str, Self)] = &[
        ("actor/H_coef", Self::Entropy),
        ("actor/sft_coef", Self::LikelihoodFactor),
        ("actor/on_coef", Self::RewardFactor),
    ];

    /// Those of `hpt` and `uft`.
    const WITH_LIKELIHOOD: &[(&str, Self)] = &[
        ("actor/ori_pg_loss", Self::OriginalLoss),
        ("actor/sft_loss", Self::Likelihood),
        ("actor/sft_coef", Self::LikelihoodFactor),
    ];

    /// Those of `uft` only.
    const WITH_HINTS: &[(&str, Self)] = &[("actor/hint_ratio", Self::Hints)];
}

/// Sums over tokens.
#[derive(Clone, Copy, Default)]
pub(super) struct Terms([f64; Term::COUNT]);

impl Index<Term> for Terms {
    type Output = f64;

    fn index(&self, term: Term) -> &f64 {
        &self.0[term as usize]
    }
}

impl IndexMut<Term> for Terms {
    fn index_mut(&mut self, term: Term) -> &mut f64 {
        &mut self.0[term as usize]
    }
}

impl Terms {
    fn add(mut self, other: Self) -> Self {
        for (sum, term) in self.0.iter_mut().zip(other.0) {
            *sum += term;
        }
        self
    }

    /// What a loss reports, by name.
    pub(super) fn metrics(&self, mode: LossMode) -> BTreeMap<String, f64> {
        let more: &[&[_]] = match mode {
            LossMode::Luffy => &[Term::MIXED],
            LossMode::Srft => &[Term::MIXED, Term::BY_ENTROPY],
            LossMode::Hpt => &[Term::WITH_LIKELIHOOD],
            LossMode::Uft => &[Term::WITH_LIKELIHOOD, Term::WITH_HINTS],
            _ => &[],
        };
        let names = Term::COMMON.iter().chain(more.iter().copied().flatten());
        names
            .map(|&(name, term)| (name.to_owned(), self[term]))
            .collect()
    }
}

/// A micro-batch and what its loss depends on.
pub(super) struct Batch<'a> {
    pub(super) input: &'a LossInput<'a>,
    pub(super) totals: &'a Totals,
    pub(super) config: &'a LossConfig,
    /// Weight of a token in a mean over all trained tokens.
    pub(super) per_token: f64,
}

/// A row that trains something: its part of the batch's arrays, and of the gradient.
pub(super) struct Row<'a> {
    pub(super) number: usize,
    /// Its tokens in the batch's arrays.
    pub(super) range: Range<usize>,
    pub(super) mask: &'a [bool],
    /// Number of trained tokens.
    pub(super) trained: usize,
    pub(super) logp: &'a [f64],
    pub(super) old_logp: &'a [f64],
    pub(super) advantages: &'a [f64],
    /// Which tokens a target wrote; empty where the loss has no targets.
    pub(super) prefix: &'a [bool],
    pub(super) d_logp: &'a mut [f64],
}

impl<'a> Row<'a> {
    /// The trained tokens, as indices into the row's arrays.
    pub(super) fn tokens(&self) -> impl Iterator<Item = usize> + Clone + use<'a> {
        let mask = self.mask;
        (0..mask.len()).filter(|&token| mask[token])
    }

    pub(super) fn log_ratio(&self, token: usize) -> f64 {
        self.logp[token] - self.old_logp[token]
    }

    /// The ratio without any clip, finite for all finite log-probs.
    pub(super) fn ratio(&self, token: usize) -> f64 {
        self.log_ratio(token).min(EXPONENT_MAX).exp()
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        input: &'a LossInput<'a>,
        totals: &'a Totals,
        config: &'a LossConfig,
    ) -> Self {
        Self {
            input,
            totals,
            config,
            per_token: 1.0 / totals.tokens.max(1) as f64,
        }
    }

    /// Runs `loss` on the rows that train something. What it returns is added up in the order of
    /// rows, whatever the number of threads.
    pub(super) fn each_row(
        &self,
        d_logp: &mut [f64],
        loss: impl Fn(&mut Row) -> Terms + Sync,
    ) -> Terms {
        let of_rows = self.map_rows(d_logp, loss);
        of_rows.into_iter().fold(Terms::default(), Terms::add)
    }

    /// What `work` returns for the rows that train something, in order, and defaults for others.
    pub(super) fn map_rows<T: Default + Send>(
        &self,
        d_logp: &mut [f64],
        work: impl Fn(&mut Row) -> T + Sync,
    ) -> Vec<T> {
        let LossInput {
            rows,
            logp,
            old_logp,
            advantages,
            prefix_mask,
            ..
        } = *self.input;
        rows.map([d_logp], |number, [d_logp]| {
            let range = rows.range(number);
            let trained = rows.trained_len(number);
            if trained == 0 {
                return T::default();
            }
            work(&mut Row {
                number,
                mask: &rows.mask()[range.clone()],
                trained,
                logp: &logp[range.clone()],
                old_logp: &old_logp[range.clone()],
                advantages: &advantages[range.clone()],
                prefix: prefix_mask.map_or(&[], |prefix| &prefix[range.clone()]),
                d_logp,
                range,
            })
        })
    }

    pub(super) fn clip(&self, ratio: f64) -> f64 {
        ratio.clamp(
            1.0 - self.config.clip_ratio_low,
            1.0 + self.config.clip_ratio_high,
        )
    }
}
