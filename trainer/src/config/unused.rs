//! Keys that are set and change nothing: the run says so, since nobody sets a key for that.

use toml::{Table, Value};

use super::combinations::{NORMALIZED, is_component};
use super::{Config, PrefixStrategy, UnifyStrategy};
use crate::{Error, Result};

impl Config {
    /// A sentence for each key that is not as it is by default and that this algorithm does not read.
    ///
    /// # Errors
    /// [`Error::Config`] if a value has no form in TOML.
    pub fn unused_keys(&self) -> Result<Vec<String>> {
        let table = |config: &Self| {
            Table::try_from(config)
                .map_err(|e| Error::Config(format!("the configuration can't be written: {e}")))
        };
        let (own, default) = (table(self)?, table(&Self::default())?);
        let mut notices = Vec::new();
        for (used, by, keys) in self.readers() {
            for key in keys.iter().filter(|_| !used) {
                if find(&own, key) != find(&default, key) {
                    notices.push(format!("{key} is set, but only {by} reads it"));
                }
            }
        }
        Ok(notices)
    }

    /// Whether something reads these keys, what it is, and the keys.
    fn readers(&self) -> Vec<(bool, &'static str, &'static [&'static str])> {
        let (algorithm, actor) = (&self.algorithm, &self.actor);
        let (estimator, loss) = (
            algorithm.adv_estimator.as_str(),
            actor.policy_loss.loss_mode.as_str(),
        );
        let estimates = |names: &[&str]| is_component(estimator) || names.contains(&estimator);
        let loses = |names: &[&str]| is_component(loss) || names.contains(&loss);
        let only = |name: &str| loss == name;
        vec![
            (
                estimates(&["reinforce_plus_plus", "gae", NORMALIZED]),
                "an adv_estimator that works on tokens (reinforce_plus_plus, gae, normalized)",
                &["algorithm.gamma"],
            ),
            (
                estimates(&["gae", NORMALIZED]),
                "algorithm.adv_estimator = gae or normalized",
                &["algorithm.lam"],
            ),
            (
                estimates(&["grpo", "grpo_passk"]),
                "algorithm.adv_estimator = grpo or grpo_passk",
                &["algorithm.norm_adv_by_std_in_grpo"],
            ),
            (
                estimator == NORMALIZED,
                "algorithm.adv_estimator = normalized",
                &[
                    "actor.reward_bias",
                    "actor.reward_scaling",
                    "actor.reward_clip",
                    "actor.reward_norm",
                    "actor.adv_norm",
                ],
            ),
            (
                algorithm.use_kl_in_reward,
                "algorithm.use_kl_in_reward",
                &["algorithm.kl_penalty", "algorithm.kl_ctrl"],
            ),
            (
                algorithm.use_kl_loss,
                "algorithm.use_kl_loss",
                &["actor.kl_loss_coef", "actor.kl_loss_type"],
            ),
            (
                algorithm.online_filtering,
                "algorithm.online_filtering",
                &[
                    "algorithm.filter_key",
                    "algorithm.filter_low",
                    "algorithm.filter_high",
                    "trainer.max_try_make_batch",
                ],
            ),
            (
                algorithm.prefix_strategy != PrefixStrategy::None,
                "algorithm.prefix_strategy",
                &[
                    "algorithm.n_prefix",
                    "algorithm.prefix_share_across_samples",
                ],
            ),
            (
                algorithm.prefix_strategy == PrefixStrategy::Random,
                "algorithm.prefix_strategy = random",
                &["algorithm.min_prefix_ratio", "algorithm.max_prefix_ratio"],
            ),
            (
                algorithm.prefix_strategy == PrefixStrategy::Hint,
                "algorithm.prefix_strategy = hint",
                &[
                    "algorithm.hint_steps",
                    "algorithm.hint_min_ratio",
                    "algorithm.hint_max_ratio",
                ],
            ),
            (
                algorithm.unify_strategy == UnifyStrategy::Switch,
                "algorithm.unify_strategy = switch",
                &[
                    "algorithm.switch_gate",
                    "algorithm.success_reward_threshold",
                ],
            ),
            (
                actor.overlong_reward_penalty,
                "actor.overlong_reward_penalty",
                &["actor.overlong_tokens", "actor.overlong_penalty_factor"],
            ),
            (
                actor.use_decoupled_loss,
                "actor.use_decoupled_loss",
                &["actor.behav_imp_weight_cap"],
            ),
            (
                loses(&["vanilla", "gspo", "geo_mean", "clip_cov", "hpt", "uft"]),
                "loss_mode = vanilla, gspo, geo_mean, clip_cov, hpt or uft",
                &["actor.clip_ratio_low", "actor.clip_ratio_high"],
            ),
            (
                loses(&["vanilla", "hpt", "uft"]),
                "loss_mode = vanilla, hpt or uft",
                &["actor.clip_ratio_c"],
            ),
            (
                loses(&["vanilla", "luffy", "srft", "hpt", "uft"]),
                "loss_mode = vanilla, luffy, srft, hpt or uft",
                &["actor.loss_remove_clip"],
            ),
            (
                only("luffy") || only("srft"),
                "loss_mode = luffy or srft",
                &[
                    "actor.clip_ratio",
                    "actor.off_policy_reshape",
                    "actor.off_policy_reshape_weight",
                    "actor.off_policy_reshape_pow_exp",
                ],
            ),
            (
                only("luffy"),
                "loss_mode = luffy",
                &[
                    "actor.on_policy_reshape",
                    "actor.on_policy_reshape_weight",
                    "actor.on_policy_reshape_pow_exp",
                ],
            ),
            (
                only("srft"),
                "loss_mode = srft",
                &[
                    "actor.clip_upper_bound",
                    "actor.off_policy_max_clip",
                    "actor.off_policy_min_clip",
                    "actor.all_max_clip",
                    "actor.srft_type",
                    "actor.srft_clamp",
                ],
            ),
            (
                only("hpt") || only("uft"),
                "loss_mode = hpt or uft",
                &["actor.sft_loss_coef"],
            ),
            (
                only("clip_cov"),
                "loss_mode = clip_cov",
                &[
                    "actor.policy_loss.clip_cov_ratio",
                    "actor.policy_loss.clip_cov_lb",
                    "actor.policy_loss.clip_cov_ub",
                ],
            ),
            (
                only("kl_cov"),
                "loss_mode = kl_cov",
                &[
                    "actor.policy_loss.kl_cov_ratio",
                    "actor.policy_loss.ppo_kl_coef",
                ],
            ),
        ]
    }
}

/// The value of a dotted key.
fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    match (table.get(first)?, rest) {
        (value, "") => Some(value),
        (Value::Table(inner), rest) => find(inner, rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn told(overrides: &[&str]) -> Vec<String> {
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        Config::load(None, &overrides)
            .unwrap()
            .unused_keys()
            .unwrap()
    }

    #[test]
    fn keys_that_change_nothing_are_named_with_what_reads_them() {
        assert!(told(&[]).is_empty());
        let found = told(&["actor.clip_ratio=0.1", "algorithm.kl_ctrl.horizon=5"]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("algorithm.kl_ctrl is set") && found[0].contains("use_kl_in_reward")
        );
        assert!(found[1].contains("actor.clip_ratio is set") && found[1].contains("luffy"));
        assert!(told(&["actor.clip_ratio=0.1", "actor.policy_loss.loss_mode=srft"]).is_empty());
        // A component may have a parameter of the name.
        assert!(told(&["algorithm.gamma=0.9", "algorithm.adv_estimator=x.wasm"]).is_empty());
    }

    #[test]
    fn no_preset_sets_a_key_in_vain() {
        for preset in crate::config::PRESETS {
            let found = told(&[&format!("algorithm.preset={}", preset.name)]);
            assert!(found.is_empty(), "{}: {found:?}", preset.name);
        }
    }

    /// A misspelt key here would never be told.
    #[test]
    fn all_keys_exist() {
        let mut config = Config::default();
        config.actor.behav_imp_weight_cap = Some(1.0);
        config.actor.overlong_tokens = Some(1);
        config.algorithm.filter_key = Some("overall".into());
        let table = Table::try_from(&config).unwrap();
        for (_, _, keys) in config.readers() {
            for key in keys {
                assert!(find(&table, key).is_some(), "{key}");
            }
        }
    }
}
