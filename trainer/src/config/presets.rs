//! Named algorithms: each is a set of plain keys.
//!
//! A preset fills in keys that the user has not set, so every key can still be overridden and
//! `rlhost config show` says what a run will do:
//!
//! ```
//! use rlhost_trainer::config::Config;
//!
//! let overrides = ["algorithm.preset=dapo", "actor.clip_ratio_high=0.3"].map(str::to_owned);
//! let config = Config::load(None, &overrides)?;
//! assert!(config.algorithm.online_filtering);
//! assert_eq!(config.actor.clip_ratio_high, 0.3);
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

use toml::{Table, Value};

use super::apply;
use super::schema::Shape;
use crate::{Error, Result};

/// A named algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name in `algorithm.preset`.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// The keys that it sets, with their values as TOML.
    pub keys: &'static [(&'static str, &'static str)],
}

/// All presets, in the order in which people meet them.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "grpo",
        about: "scores against the mean and deviation of their group",
        paper: "Shao et al. 2024, arXiv:2402.03300",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.norm_adv_by_std_in_grpo", "true"),
            ("algorithm.use_kl_loss", "true"),
            ("actor.kl_loss_type", "\"low_var_kl\""),
            ("actor.kl_loss_coef", "0.001"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"seq-mean-token-mean\""),
        ],
    },
    Preset {
        name: "dr_grpo",
        about: "GRPO without the biases of its deviation and of lengths",
        paper: "Liu et al. 2025, arXiv:2503.20783",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.norm_adv_by_std_in_grpo", "false"),
            ("algorithm.use_kl_loss", "false"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"seq-mean-token-sum-norm\""),
            ("actor.skip_grad_norm", "1e6"),
        ],
    },
    Preset {
        name: "grpo_passk",
        about: "only the best of a group learns, by its lead over the second",
        paper: "Tang et al. 2025, arXiv:2503.19595",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo_passk\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "rloo",
        about: "scores against the mean of the others of their group",
        paper: "Ahmadian et al. 2024, arXiv:2402.14740",
        keys: &[
            ("algorithm.adv_estimator", "\"rloo\""),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.use_kl_in_reward", "true"),
            ("algorithm.kl_penalty", "\"kl\""),
            ("algorithm.kl_ctrl.kl_coef", "0.001"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "opo",
        about: "scores against the length-weighted mean of their group, on-policy",
        paper: "Hao et al. 2025, arXiv:2505.23585",
        keys: &[
            ("algorithm.adv_estimator", "\"opo\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.ppo_epochs", "1"),
            ("actor.entropy_coeff", "0.0"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "gpg",
        about: "plain policy gradient, without ratio, clip and reference",
        paper: "Chu et al. 2025, arXiv:2504.02546",
        keys: &[
            ("algorithm.adv_estimator", "\"gpg\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.policy_loss.loss_mode", "\"gpg\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "reinforce_pp",
        about: "returns whitened over the step, divergence in the reward",
        paper: "Hu 2025, arXiv:2501.03262",
        keys: &[
            ("algorithm.adv_estimator", "\"reinforce_plus_plus\""),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.use_kl_in_reward", "true"),
            ("algorithm.kl_penalty", "\"kl\""),
            ("algorithm.kl_ctrl.kl_coef", "0.001"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "reinforce_pp_baseline",
        about: "scores against their group's mean, whitened over the step",
        paper: "Hu 2025, arXiv:2501.03262",
        keys: &[
            (
                "algorithm.adv_estimator",
                "\"reinforce_plus_plus_baseline\"",
            ),
            ("algorithm.use_kl_loss", "true"),
            ("actor.kl_loss_type", "\"mse\""),
            ("actor.kl_loss_coef", "0.001"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "remax",
        about: "returns against the score of a greedy completion",
        paper: "Li et al. 2023, arXiv:2310.10505",
        keys: &[
            ("algorithm.adv_estimator", "\"remax\""),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.use_kl_in_reward", "true"),
            ("algorithm.kl_penalty", "\"kl\""),
            ("algorithm.kl_ctrl.kl_coef", "0.001"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "ppo",
        about: "advantages of a critic, clipped ratio, divergence in the reward",
        paper: "Schulman et al. 2017, arXiv:1707.06347",
        keys: &[
            ("algorithm.adv_estimator", "\"gae\""),
            ("algorithm.gamma", "1.0"),
            ("algorithm.lam", "0.95"),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.use_kl_in_reward", "true"),
            ("algorithm.kl_penalty", "\"kl\""),
            ("algorithm.kl_ctrl.kl_coef", "0.001"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
            ("critic.optim.lr", "1e-5"),
            ("critic.cliprange_value", "0.5"),
        ],
    },
    Preset {
        name: "dapo",
        about: "GRPO with a higher clip, dynamic sampling, token mean and rules for long completions",
        paper: "Yu et al. 2025, arXiv:2503.14476",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.norm_adv_by_std_in_grpo", "true"),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.online_filtering", "true"),
            ("algorithm.overlong_filtering", "true"),
            ("actor.overlong_reward_penalty", "true"),
            ("actor.overlong_penalty_factor", "1.0"),
            ("actor.clip_ratio_low", "0.2"),
            ("actor.clip_ratio_high", "0.28"),
            ("actor.clip_ratio_c", "10.0"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "gspo",
        about: "one clipped ratio per completion",
        paper: "Zheng et al. 2025, arXiv:2507.18071",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.clip_ratio_low", "3e-4"),
            ("actor.clip_ratio_high", "4e-4"),
            ("actor.policy_loss.loss_mode", "\"gspo\""),
            ("actor.loss_agg_mode", "\"seq-mean-token-mean\""),
        ],
    },
    Preset {
        name: "gmpo",
        about: "geometric mean of ratios that are clipped in log space",
        paper: "Zhao et al. 2025, arXiv:2507.20673",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.clip_ratio_low", "0.4"),
            ("actor.clip_ratio_high", "0.4"),
            ("actor.policy_loss.loss_mode", "\"geo_mean\""),
        ],
    },
    Preset {
        name: "clip_cov",
        about: "tokens of high covariance are left out, for the sake of entropy",
        paper: "Cui et al. 2025, arXiv:2505.22617",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.clip_ratio_low", "1.0"),
            ("actor.clip_ratio_high", "1.0"),
            ("actor.policy_loss.loss_mode", "\"clip_cov\""),
            ("actor.policy_loss.clip_cov_ratio", "2e-4"),
            ("actor.policy_loss.clip_cov_lb", "1.0"),
            ("actor.policy_loss.clip_cov_ub", "5.0"),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "kl_cov",
        about: "tokens of the highest covariance are held back, for the sake of entropy",
        paper: "Cui et al. 2025, arXiv:2505.22617",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.policy_loss.loss_mode", "\"kl_cov\""),
            ("actor.policy_loss.kl_cov_ratio", "2e-3"),
            ("actor.policy_loss.ppo_kl_coef", "1.0"),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "areal",
        about: "normalised rewards and advantages with the decoupled loss, as in LLaVA-OneVision-1.5-RL",
        paper: "Fu et al. 2025, arXiv:2505.24298",
        keys: &[
            ("algorithm.adv_estimator", "\"normalized\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.reward_bias", "-0.5"),
            ("actor.reward_scaling", "10.0"),
            ("actor.reward_clip", "20.0"),
            ("actor.clip_ratio_low", "0.2"),
            ("actor.clip_ratio_high", "0.28"),
            ("actor.use_decoupled_loss", "true"),
            ("actor.behav_imp_weight_cap", "5.0"),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "lite_ppo",
        about: "mean of the group, deviation of the step, token mean",
        paper: "Liu et al. 2025, arXiv:2508.08221",
        keys: &[
            ("algorithm.adv_estimator", "\"normalized\""),
            ("algorithm.use_kl_loss", "false"),
            ("actor.reward_norm.mean_level", "\"group\""),
            ("actor.reward_norm.std_level", "\"batch\""),
            ("actor.adv_norm.mean_level", "\"none\""),
            ("actor.adv_norm.std_level", "\"none\""),
            ("actor.policy_loss.loss_mode", "\"vanilla\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "luffy",
        about: "one of a group's completions is the data's target, with a reshaped ratio",
        paper: "Yan et al. 2025, arXiv:2504.14945",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.norm_adv_by_std_in_grpo", "false"),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.prefix_strategy", "\"random\""),
            ("algorithm.min_prefix_ratio", "1.0"),
            ("algorithm.max_prefix_ratio", "1.0"),
            ("algorithm.n_prefix", "1"),
            ("actor.loss_remove_clip", "true"),
            ("actor.off_policy_reshape", "\"p_div_p_0.1\""),
            ("actor.policy_loss.loss_mode", "\"luffy\""),
            ("actor.loss_agg_mode", "\"seq-mean-token-sum-norm\""),
            ("actor.skip_grad_norm", "1e6"),
        ],
    },
    Preset {
        name: "srft",
        about: "likelihood of a target and policy gradient in one loss, weighted by entropy",
        paper: "Fu et al. 2025, arXiv:2506.19767",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.prefix_strategy", "\"random\""),
            ("algorithm.min_prefix_ratio", "1.0"),
            ("algorithm.max_prefix_ratio", "1.0"),
            ("algorithm.n_prefix", "1"),
            ("actor.loss_remove_clip", "true"),
            ("actor.srft_type", "\"paper\""),
            ("actor.policy_loss.loss_mode", "\"srft\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "hpt",
        about: "the target's likelihood where a prompt is not solved, policy gradient elsewhere",
        paper: "Lv et al. 2025, arXiv:2509.04419",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.norm_adv_by_std_in_grpo", "false"),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.unify_strategy", "\"switch\""),
            ("algorithm.switch_gate", "0"),
            ("actor.sft_loss_coef", "1.0"),
            ("actor.policy_loss.loss_mode", "\"hpt\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
    Preset {
        name: "uft",
        about: "completions that begin with a hint, which shrinks, and the hint's likelihood",
        paper: "Liu et al. 2025, arXiv:2505.16984",
        keys: &[
            ("algorithm.adv_estimator", "\"grpo\""),
            ("algorithm.use_kl_loss", "false"),
            ("algorithm.prefix_strategy", "\"hint\""),
            ("algorithm.hint_steps", "300"),
            ("algorithm.hint_min_ratio", "0.0"),
            ("algorithm.hint_max_ratio", "0.95"),
            ("actor.sft_loss_coef", "0.001"),
            ("actor.policy_loss.loss_mode", "\"uft\""),
            ("actor.loss_agg_mode", "\"token-mean\""),
        ],
    },
];

impl Preset {
    /// The keys as a configuration file would have them.
    pub(super) fn table(&self, shape: &Shape) -> Result<Table> {
        let mut table = Table::new();
        for (key, value) in self.keys {
            apply(&mut table, &format!("{key}={value}"), shape)?;
        }
        Ok(table)
    }
}

/// The preset that a configuration names.
pub(super) fn named_in(table: &Table) -> Result<Option<&'static Preset>> {
    let algorithm = table.get("algorithm").and_then(Value::as_table);
    let Some(name) = algorithm.and_then(|keys| keys.get("preset")?.as_str()) else {
        return Ok(None);
    };
    preset(name).map(Some)
}

/// The preset of this name.
///
/// # Errors
/// [`Error::Config`] that lists the known names.
pub fn preset(name: &str) -> Result<&'static Preset> {
    PRESETS
        .iter()
        .find(|preset| preset.name == name)
        .ok_or_else(|| {
            let known: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
            Error::Config(format!(
                "algorithm.preset: unknown preset `{name}`; known are: {}",
                known.join(", ")
            ))
        })
}
