//! The built-in arithmetic that a configuration asks for.

use crate::algorithm::{
    AdvantageConfig, AdvantageMethod, KlController, KlPenalty, LossConfig, LossMode, Norm,
    NormLevel, NormalizedConfig,
};
use crate::config::{Config, KlControl, NORMALIZED, NormConfig, NormOver, is_component, is_off};
use crate::{Error, Result};
use std::str::FromStr;

/// What `algorithm.adv_estimator` and its keys say.
pub(super) fn advantage_method(config: &Config) -> Result<AdvantageMethod> {
    let (algorithm, actor) = (&config.algorithm, &config.actor);
    let (gamma, lam) = (algorithm.gamma, algorithm.lam);
    if algorithm.adv_estimator == NORMALIZED {
        let normalized = NormalizedConfig {
            reward_scaling: actor.reward_scaling,
            reward_bias: actor.reward_bias,
            reward_clip: actor.reward_clip,
            reward_norm: norm(&actor.reward_norm),
            gamma,
            lam,
            adv_norm: norm(&actor.adv_norm),
        };
        normalized.validate().map_err(|e| in_section("actor", &e))?;
        return Ok(AdvantageMethod::Normalized(normalized));
    }
    Ok(AdvantageMethod::Estimator(AdvantageConfig {
        estimator: named("algorithm.adv_estimator", &algorithm.adv_estimator)?,
        gamma,
        lam,
        norm_adv_by_std_in_grpo: algorithm.norm_adv_by_std_in_grpo,
    }))
}

/// A normalisation; `None` for one that would change nothing.
fn norm(config: &NormConfig) -> Option<Norm> {
    let level = |over| match over {
        NormOver::None => None,
        NormOver::Group => Some(NormLevel::Group),
        NormOver::Batch => Some(NormLevel::Batch),
    };
    let norm = Norm {
        mean_level: level(config.mean_level),
        mean_leave1out: config.mean_leave1out,
        std_level: level(config.std_level),
        std_unbiased: config.std_unbiased,
        eps: config.eps,
    };
    (norm.mean_level.is_some() || norm.std_level.is_some()).then_some(norm)
}

/// The loss and all its settings.
pub(super) fn loss_config(config: &Config) -> Result<LossConfig> {
    let (actor, policy) = (&config.actor, &config.actor.policy_loss);
    let loss = LossConfig {
        loss_mode: match policy.loss_mode.as_str() {
            // The settings are those of what is added to a component's loss.
            name if is_component(name) => LossMode::Sft,
            name => named("actor.policy_loss.loss_mode", name)?,
        },
        loss_agg_mode: actor.loss_agg_mode.as_str().parse()?,
        clip_ratio: actor.clip_ratio,
        clip_ratio_low: actor.clip_ratio_low,
        clip_ratio_high: actor.clip_ratio_high,
        clip_ratio_c: actor.clip_ratio_c,
        clip_upper_bound: actor.clip_upper_bound,
        loss_remove_clip: actor.loss_remove_clip,
        tis_imp_ratio_cap: on(actor.tis_imp_ratio_cap),
        behav_imp_weight_cap: actor
            .use_decoupled_loss
            .then(|| actor.behav_imp_weight_cap.unwrap_or(f64::INFINITY)),
        clip_cov_ratio: policy.clip_cov_ratio,
        clip_cov_lb: policy.clip_cov_lb,
        clip_cov_ub: policy.clip_cov_ub,
        kl_cov_ratio: policy.kl_cov_ratio,
        ppo_kl_coef: policy.ppo_kl_coef,
        on_policy_reshape: actor.on_policy_reshape.as_str().parse()?,
        on_policy_reshape_weight: actor.on_policy_reshape_weight,
        on_policy_reshape_pow_exp: actor.on_policy_reshape_pow_exp,
        off_policy_reshape: actor.off_policy_reshape.as_str().parse()?,
        off_policy_reshape_weight: actor.off_policy_reshape_weight,
        off_policy_reshape_pow_exp: actor.off_policy_reshape_pow_exp,
        off_policy_max_clip: on(actor.off_policy_max_clip),
        off_policy_min_clip: on(actor.off_policy_min_clip),
        all_max_clip: on(actor.all_max_clip),
        srft_type: actor.srft_type.as_str().parse()?,
        srft_clamp: actor.srft_clamp.as_str().parse()?,
        sft_loss_coef: actor.sft_loss_coef,
        entropy_coeff: actor.entropy_coeff,
        use_kl_loss: config.algorithm.use_kl_loss,
        kl_loss_coef: actor.kl_loss_coef,
        kl_loss_type: actor.kl_loss_type.as_str().parse::<KlPenalty>()?,
    };
    loss.validate().map_err(|e| in_section("actor", &e))?;
    Ok(loss)
}

/// The controller of the divergence in the reward as a run begins with it; `None` without one.
pub(super) fn kl_controller(config: &Config) -> Result<Option<KlController>> {
    let keys = &config.algorithm.kl_ctrl;
    if !config.algorithm.use_kl_in_reward {
        return Ok(None);
    }
    match keys.r#type {
        KlControl::Fixed => KlController::fixed(keys.kl_coef),
        KlControl::Adaptive => KlController::adaptive(keys.kl_coef, keys.target_kl, keys.horizon),
    }
    .map(Some)
    .map_err(|e| in_section("algorithm", &e))
}

/// A bound, unless it is off.
fn on(bound: f64) -> Option<f64> {
    (!is_off(bound)).then_some(bound)
}

/// What a key names; an error says which key.
fn named<T: FromStr<Err = Error>>(key: &str, name: &str) -> Result<T> {
    name.parse()
        .map_err(|error| Error::Config(format!("{key}: {error}")))
}

fn in_section(section: &str, error: &Error) -> Error {
    Error::Config(format!("[{section}]: {error}"))
}
