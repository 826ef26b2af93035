//! The policy losses by name, and their settings.

use std::str::FromStr;

use crate::{Error, Result};

use super::aggregate::LossAggMode;
use super::kl::KlPenalty;
use super::names::lookup;
use super::reshape::Reshape;

/// Which policy loss (`actor.policy_loss.loss_mode`). Below, `d = logp − old`, `A` is the
/// advantage of a token, and the *prefix* of a row is the part of it that a target wrote, not the
/// policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LossMode {
    /// PPO's clipped surrogate (Schulman et al. 2017, arXiv:1707.06347) with an upper clip of its
    /// own (DAPO, arXiv:2503.14476) and dual clip for `A < 0` (Ye et al. 2020,
    /// arXiv:1912.09729); optionally weighted against the sampler's numerics by a truncated
    /// importance ratio, or against a sampler with older weights by a decoupled one.
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
    /// PPO's clip, and some tokens of high covariance between advantage and log-prob, chosen at
    /// random, left out (Cui et al. 2025, arXiv:2505.22617).
    ClipCov,
    /// `−A · ratio`, and `|d|` as a penalty on the tokens of the highest covariance between
    /// advantage and log-prob (the same paper).
    KlCov,
    /// `−logp`: maximum likelihood of the trained tokens.
    Sft,
    /// A clipped surrogate on the policy's own tokens, a reshaped probability as the ratio on
    /// those of the prefix (Yan et al. 2025, arXiv:2504.14945). `vanilla` without a prefix.
    Luffy,
    /// Own tokens by whether their row's score is 1, weighted by entropy; prefixes as in `luffy`
    /// and by maximum likelihood (Fu et al. 2025, arXiv:2506.19767). `vanilla` without a prefix,
    /// scores or entropies.
    Srft,
    /// Rows with a prefix by maximum likelihood, all others by `vanilla` (Lv et al. 2025,
    /// arXiv:2509.04419).
    Hpt,
    /// Tokens of the prefix by maximum likelihood, all others by `vanilla` (Liu et al. 2025,
    /// arXiv:2505.16984).
    Uft,
}

const MODES: &[(&str, LossMode)] = &[
    ("vanilla", LossMode::Vanilla),
    ("gspo", LossMode::Gspo),
    ("geo_mean", LossMode::GeoMean),
    ("gpg", LossMode::Gpg),
    ("clip_cov", LossMode::ClipCov),
    ("kl_cov", LossMode::KlCov),
    ("sft", LossMode::Sft),
    ("luffy", LossMode::Luffy),
    ("srft", LossMode::Srft),
    ("hpt", LossMode::Hpt),
    ("uft", LossMode::Uft),
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

impl LossMode {
    /// Whether the loss tells prefixes from the policy's own tokens.
    pub fn mixes(self) -> bool {
        matches!(self, Self::Luffy | Self::Srft | Self::Hpt | Self::Uft)
    }

    /// Whether a weight against the sampler has a place in the loss.
    pub fn weighs_sampler(self) -> bool {
        matches!(self, Self::Vanilla | Self::Hpt | Self::Uft)
    }
}

/// What a loss must see at once to be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whole rows: with the [`Totals`](super::Totals) of the mini-batch, micro-batches add up.
    Row,
    /// All rows of the mini-batch, because tokens are ranked, counted or drawn among each other.
    Batch,
}

/// What stands in the place of the ratio for the policy's own tokens in `srft`
/// (`actor.srft_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SrftType {
    /// `logp`.
    #[default]
    Paper,
    /// `e^logp`.
    Exp,
    /// The ratio, `e^d`.
    ClassicRl,
    /// `d`.
    MinusOld,
}

const SRFT_TYPES: &[(&str, SrftType)] = &[
    ("paper", SrftType::Paper),
    ("exp", SrftType::Exp),
    ("classic_rl", SrftType::ClassicRl),
    ("minus_old", SrftType::MinusOld),
];

impl FromStr for SrftType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        lookup("srft_type", SRFT_TYPES, name)
    }
}

/// What the clip of `srft` bounds (`actor.srft_clamp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SrftClamp {
    /// The log-prob, as the published code does. A log-prob is at most 0 and the lower bound
    /// above it, so every row whose score is not 1 stops learning.
    #[default]
    LogProb,
    /// The ratio, as PPO does.
    Ratio,
}

const SRFT_CLAMPS: &[(&str, SrftClamp)] = &[
    ("log-prob", SrftClamp::LogProb),
    ("ratio", SrftClamp::Ratio),
];

impl FromStr for SrftClamp {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        lookup("srft_clamp", SRFT_CLAMPS, name)
    }
}

/// Settings of [`policy_loss`](super::policy_loss), by the names of the `actor` section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// Which loss.
    pub loss_mode: LossMode,
    /// How tokens become one number; `gspo` and `geo_mean` have a rule of their own.
    pub loss_agg_mode: LossAggMode,
    /// How far the ratio may move from 1 either way, in `luffy` and `srft`.
    pub clip_ratio: f64,
    /// How far the ratio may fall below 1 (`geo_mean`: its log below 0).
    pub clip_ratio_low: f64,
    /// How far the ratio may rise above 1 (`geo_mean`: its log above 0).
    pub clip_ratio_high: f64,
    /// Dual clip: bound of the ratio where the advantage is negative; above 1.
    pub clip_ratio_c: f64,
    /// Upper bound of the clip of `srft`, where it is above `1 + clip_ratio`.
    pub clip_upper_bound: f64,
    /// Whether `vanilla`, `luffy` and `srft` go without any clip.
    pub loss_remove_clip: bool,
    /// Cap of the ratio trainer / sampler that weighs `vanilla` (truncated importance sampling,
    /// Yao et al. 2025); `None` for no weight.
    pub tis_imp_ratio_cap: Option<f64>,
    /// Decoupled loss (Hilton et al. 2021, arXiv:2110.00641; Fu et al. 2025, arXiv:2505.24298):
    /// the ratio start of the step / sampler weighs `vanilla`, and a token whose weight is above
    /// this cap counts 0. `None` for no weight, infinity for no cap.
    pub behav_imp_weight_cap: Option<f64>,
    /// Share of the trained tokens that `clip_cov` leaves out, at least one token.
    pub clip_cov_ratio: f64,
    /// `clip_cov` leaves out tokens whose covariance is above this.
    pub clip_cov_lb: f64,
    /// `clip_cov` leaves out tokens whose covariance is below this.
    pub clip_cov_ub: f64,
    /// Share of the trained tokens that `kl_cov` penalises, at least one token.
    pub kl_cov_ratio: f64,
    /// Factor of the penalty of `kl_cov`.
    pub ppo_kl_coef: f64,
    /// What `luffy` makes of the ratio of the policy's own tokens.
    pub on_policy_reshape: Reshape,
    /// Factor of the log-prob in [`Reshape::Logp`] and [`Reshape::PLogp`] on the policy's own
    /// tokens.
    pub on_policy_reshape_weight: f64,
    /// Exponent of [`Reshape::Pow`] on the policy's own tokens.
    pub on_policy_reshape_pow_exp: f64,
    /// What `luffy` and `srft` make of the probability of prefix tokens.
    pub off_policy_reshape: Reshape,
    /// Factor of the log-prob in [`Reshape::Logp`] and [`Reshape::PLogp`] on prefix tokens.
    pub off_policy_reshape_weight: f64,
    /// Exponent of [`Reshape::Pow`] on prefix tokens.
    pub off_policy_reshape_pow_exp: f64,
    /// Upper bound of the reshaped probability of prefix tokens in `srft`.
    pub off_policy_max_clip: Option<f64>,
    /// Lower bound of the reshaped probability of prefix tokens in `srft`.
    pub off_policy_min_clip: Option<f64>,
    /// `srft` leaves out tokens with a probability above this.
    pub all_max_clip: Option<f64>,
    /// What stands in the place of the ratio in `srft`.
    pub srft_type: SrftType,
    /// What the clip of `srft` bounds.
    pub srft_clamp: SrftClamp,
    /// Factor of the maximum likelihood part of `hpt` and `uft`.
    pub sft_loss_coef: f64,
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
            clip_ratio: 0.2,
            clip_ratio_low: 0.2,
            clip_ratio_high: 0.2,
            clip_ratio_c: 3.0,
            clip_upper_bound: 1.0,
            loss_remove_clip: false,
            tis_imp_ratio_cap: None,
            behav_imp_weight_cap: None,
            clip_cov_ratio: 2e-4,
            clip_cov_lb: 1.0,
            clip_cov_ub: 5.0,
            kl_cov_ratio: 2e-4,
            ppo_kl_coef: 0.1,
            on_policy_reshape: Reshape::default(),
            on_policy_reshape_weight: 0.1,
            on_policy_reshape_pow_exp: 0.5,
            off_policy_reshape: Reshape::default(),
            off_policy_reshape_weight: 0.1,
            off_policy_reshape_pow_exp: 0.5,
            off_policy_max_clip: None,
            off_policy_min_clip: None,
            all_max_clip: None,
            srft_type: SrftType::default(),
            srft_clamp: SrftClamp::default(),
            sft_loss_coef: 1.0,
            entropy_coeff: 0.0,
            use_kl_loss: true,
            kl_loss_coef: 0.01,
            kl_loss_type: KlPenalty::default(),
        }
    }
}

impl LossConfig {
    /// What the loss must see at once.
    pub fn scope(&self) -> Scope {
        let draws = self.off_policy_reshape == Reshape::ClassicRejectToken;
        match self.loss_mode {
            LossMode::ClipCov | LossMode::KlCov => Scope::Batch,
            LossMode::Srft if draws || self.all_max_clip.is_some() => Scope::Batch,
            LossMode::Luffy if draws => Scope::Batch,
            _ => Scope::Row,
        }
    }

    /// Checks the ranges of the settings; [`policy_loss`](super::policy_loss) does it too.
    ///
    /// # Errors
    /// Names the key that is out of range, or the keys that exclude each other.
    pub fn validate(&self) -> Result<()> {
        let bad = |key: &str, value: f64, wanted: &str| {
            Err(Error::Config(format!(
                "`{key}` must be {wanted}, and is {value}"
            )))
        };
        for (key, value) in [
            ("clip_ratio", self.clip_ratio),
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
        for (key, cap) in [
            ("tis_imp_ratio_cap", self.tis_imp_ratio_cap),
            ("behav_imp_weight_cap", self.behav_imp_weight_cap),
            ("off_policy_max_clip", self.off_policy_max_clip),
            ("off_policy_min_clip", self.off_policy_min_clip),
            ("all_max_clip", self.all_max_clip),
        ] {
            if let Some(cap) = cap.filter(|cap| cap.is_nan() || *cap <= 0.0) {
                return bad(key, cap, "greater than 0, or absent for no cap");
            }
        }
        if self.tis_imp_ratio_cap.is_some() && self.behav_imp_weight_cap.is_some() {
            return Err(Error::Config(
                "`tis_imp_ratio_cap` and `behav_imp_weight_cap` are two weights for the same \
                 purpose; set one of them"
                    .into(),
            ));
        }
        for (key, share) in [
            ("clip_cov_ratio", self.clip_cov_ratio),
            ("kl_cov_ratio", self.kl_cov_ratio),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return bad(key, share, "from 0 to 1");
            }
        }
        if self.on_policy_reshape == Reshape::ClassicRejectToken {
            return Err(Error::Config(
                "`on_policy_reshape = \"classic_reject_token\"` has no meaning: only tokens of a \
                 prefix can be rejected; set `off_policy_reshape`"
                    .into(),
            ));
        }
        Ok(())
    }
}
