//! Algorithms whose keys don't go together.

use super::validate::require;
use super::{AlgorithmConfig, Config, KlControl, NormOver, PrefixStrategy, UnifyStrategy};
use crate::Result;
use crate::algorithm::{LossMode, known_estimators, known_loss_modes};
use rlhost_host::PluginRef;

/// The estimator that normalises as `AReaL` does; it has a function of its own beside the others.
pub(crate) const NORMALIZED: &str = "normalized";

/// Whether a name in the configuration is a component and not one of the built-in algorithms.
pub fn is_component(name: &str) -> bool {
    matches!(PluginRef::parse(name), PluginRef::Path(_))
}

/// The names that `algorithm.adv_estimator` may have, beside paths of components.
pub fn known_advantage_estimators() -> Vec<&'static str> {
    let mut known = known_estimators();
    known.push(NORMALIZED);
    known
}

/// Whether a bound is off, as `RLLaVA` writes it.
pub(crate) fn is_off(bound: f64) -> bool {
    (bound + 1.0).abs() < f64::EPSILON
}

impl Config {
    /// Checks that the keys which make up the algorithm go together.
    pub(super) fn check_algorithm(&self) -> Result<()> {
        self.check_names()?;
        self.check_ranges()?;
        self.check_estimator()?;
        self.check_sampler_weights()?;
        self.check_targets()
    }

    /// The loss, if it is one that rlhost knows.
    fn loss_mode(&self) -> Option<LossMode> {
        self.actor.policy_loss.loss_mode.parse().ok()
    }

    fn check_names(&self) -> Result<()> {
        for (key, name, what, known) in [
            (
                "algorithm.adv_estimator",
                &self.algorithm.adv_estimator,
                "advantage estimator",
                known_advantage_estimators(),
            ),
            (
                "actor.policy_loss.loss_mode",
                &self.actor.policy_loss.loss_mode,
                "policy loss",
                known_loss_modes(),
            ),
        ] {
            require(
                is_component(name) || known.contains(&name.as_str()),
                &format!(
                    "{key}: unknown {what} `{name}`; known are: {}; or give the path of a component \
                     (.wasm)",
                    known.join(", ")
                ),
            )?;
        }
        Ok(())
    }

    fn check_ranges(&self) -> Result<()> {
        let (algorithm, actor) = (&self.algorithm, &self.actor);
        let kl = &algorithm.kl_ctrl;
        // A factor of 0 would stay 0 whatever multiplies it.
        require(
            kl.r#type != KlControl::Adaptive || kl.kl_coef > 0.0,
            &format!(
                "algorithm.kl_ctrl.kl_coef: {} must be above 0 where algorithm.kl_ctrl.type = \"adaptive\"",
                kl.kl_coef
            ),
        )?;
        require(
            algorithm.filter_low < algorithm.filter_high,
            &format!(
                "algorithm.filter_low ({}) must be below algorithm.filter_high ({})",
                algorithm.filter_low, algorithm.filter_high
            ),
        )?;
        require(
            !algorithm.online_filtering || self.rollout.n >= 2,
            &format!(
                "algorithm.online_filtering leaves out prompts whose completions have equal scores, and with rollout.n = {} \
                 that is every one; set rollout.n to 2 or more",
                self.rollout.n
            ),
        )?;
        let longest = self.data.max_response_length;
        if let Some(tokens) = actor.overlong_tokens {
            require(
                tokens <= longest,
                &format!(
                    "actor.overlong_tokens ({tokens}) is above data.max_response_length ({longest})"
                ),
            )?;
        }
        let policy = &actor.policy_loss;
        require(
            policy.clip_cov_lb < policy.clip_cov_ub,
            &format!(
                "actor.policy_loss.clip_cov_lb ({}) must be below actor.policy_loss.clip_cov_ub ({})",
                policy.clip_cov_lb, policy.clip_cov_ub
            ),
        )
    }

    fn check_estimator(&self) -> Result<()> {
        let (algorithm, actor) = (&self.algorithm, &self.actor);
        let name = algorithm.adv_estimator.as_str();
        let n = self.rollout.n;
        require(
            name != "grpo_passk" || n >= 2,
            &format!(
                "algorithm.adv_estimator = \"grpo_passk\" compares the best completion of a prompt \
                 with the second, but rollout.n is {n}; set rollout.n to 2 or more"
            ),
        )?;
        require(
            name != "gae" || self.critic.is_some(),
            "algorithm.adv_estimator = \"gae\" needs the values of a critic, but there is no [critic]; \
             set critic.optim.lr (or algorithm.preset=ppo), or choose another estimator",
        )?;
        let norm = &actor.reward_norm;
        require(
            name != NORMALIZED
                || n >= 2
                || norm.mean_level != NormOver::Group
                || norm.mean_leave1out,
            "algorithm.adv_estimator = \"normalized\" takes the mean of a prompt's completions \
             (actor.reward_norm.mean_level = \"group\"), but rollout.n is 1, so that every advantage \
             would be 0; raise rollout.n, or take another level",
        )
    }

    fn check_sampler_weights(&self) -> Result<()> {
        let actor = &self.actor;
        let truncated = actor.tis_imp_ratio_cap > 0.0;
        require(
            !(truncated && actor.use_decoupled_loss),
            "actor.tis_imp_ratio_cap and actor.use_decoupled_loss are two weights for the same \
             purpose; set one of them",
        )?;
        let key = match (truncated, actor.use_decoupled_loss) {
            (true, _) => "actor.tis_imp_ratio_cap",
            (_, true) => "actor.use_decoupled_loss",
            _ => return Ok(()),
        };
        require(
            self.loss_mode().is_none_or(LossMode::weighs_sampler),
            &format!(
                "{key} is set, but actor.policy_loss.loss_mode = \"{}\" has no place for a weight \
                 against the sampler; use vanilla, hpt or uft, or leave the key out",
                actor.policy_loss.loss_mode
            ),
        )
    }

    fn check_targets(&self) -> Result<()> {
        let algorithm = &self.algorithm;
        let prefixes = algorithm.prefix_strategy != PrefixStrategy::None;
        let switches = algorithm.unify_strategy != UnifyStrategy::None;
        require(
            !(prefixes && switches),
            "algorithm.prefix_strategy and algorithm.unify_strategy are two ways to learn from the \
             targets; set one of them",
        )?;
        let loss = &self.actor.policy_loss.loss_mode;
        if let Some(mode) = self.loss_mode() {
            require(
                !mode.mixes() || algorithm.learns_from_targets(),
                &format!(
                    "actor.policy_loss.loss_mode = \"{loss}\" learns from targets, but \
                     algorithm.prefix_strategy and algorithm.unify_strategy are both \"none\", so it \
                     would get none; set one of them"
                ),
            )?;
            let key = if prefixes {
                "prefix_strategy"
            } else {
                "unify_strategy"
            };
            require(
                mode.mixes() || !algorithm.learns_from_targets(),
                &format!(
                    "algorithm.{key} is set, but actor.policy_loss.loss_mode = \"{loss}\" takes the \
                     tokens of targets for the policy's own; use luffy, srft, hpt or uft"
                ),
            )?;
        }
        if prefixes {
            self.check_prefixes(algorithm)?;
        }
        let (gate, n) = (algorithm.switch_gate, self.rollout.n);
        require(
            !switches || gate < n,
            &format!(
                "algorithm.switch_gate ({gate}) is not below rollout.n ({n}): every prompt would count \
                 as unsolved"
            ),
        )
    }

    fn check_prefixes(&self, algorithm: &AlgorithmConfig) -> Result<()> {
        let (low, high) = match algorithm.prefix_strategy {
            PrefixStrategy::Hint => (
                ("algorithm.hint_min_ratio", algorithm.hint_min_ratio),
                ("algorithm.hint_max_ratio", algorithm.hint_max_ratio),
            ),
            _ => (
                ("algorithm.min_prefix_ratio", algorithm.min_prefix_ratio),
                ("algorithm.max_prefix_ratio", algorithm.max_prefix_ratio),
            ),
        };
        require(
            low.1 <= high.1,
            &format!("{} ({}) is above {} ({})", low.0, low.1, high.0, high.1),
        )?;
        require(
            algorithm.prefix_strategy != PrefixStrategy::Hint || algorithm.hint_steps > 0,
            "algorithm.prefix_strategy = \"hint\" needs algorithm.hint_steps, the steps in which \
             hints shrink",
        )?;
        let (n, most) = (algorithm.n_prefix, self.rollout.n as i64);
        require(
            n == -1 || (1..=most).contains(&n),
            &format!(
                "algorithm.n_prefix: {n} must be between 1 and rollout.n ({most}), or -1 for all \
                 completions"
            ),
        )?;
        let whole = algorithm.prefix_strategy == PrefixStrategy::Random && low.1 >= 1.0;
        require(
            !whole || (1..most).contains(&n),
            &format!(
                "algorithm.min_prefix_ratio is 1, so that {} completions of a prompt would be its target \
                 and nothing would be sampled; set algorithm.n_prefix below rollout.n ({most})",
                if n == -1 { "all" } else { "the" }
            ),
        )
    }
}
