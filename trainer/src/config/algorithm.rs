//! `[algorithm]`: how scores become advantages, and what is sampled for them.

use toml::Table;

use super::bounds::{COMPLETIONS, FACTOR, MANY, SCORE};
use super::schema::{choice, section};

choice! {
    /// Estimator of the divergence from the reference model (Schulman, *Approximating KL
    /// Divergence*, 2020). A name with `+` has the value of the estimator and the gradient of `mse`.
    KlEstimator {
        /// log p − log q.
        Kl = "kl" | "k1",
        /// |log p − log q|.
        Abs = "abs",
        /// (log p − log q)² / 2.
        Mse = "mse" | "k2",
        /// q/p − 1 − log (q/p).
        LowVarKl = "low_var_kl" | "k3",
        /// `kl`, straight through.
        KlPlus = "kl+" | "k1+",
        /// `abs`, straight through.
        AbsPlus = "abs+",
        /// `mse` is its own straight-through form.
        MsePlus = "mse+" | "k2+",
        /// `low_var_kl`, straight through.
        LowVarKlPlus = "low_var_kl+" | "k3+",
    }
}

choice! {
    /// What steers the factor of the divergence in the reward.
    KlControl {
        /// Nothing: it stays.
        Fixed = "fixed",
        /// The divergence's distance from its target.
        Adaptive = "adaptive",
    }
}

section! {
    /// `[algorithm.kl_ctrl]`: the factor of the divergence in the reward.
    KlCtrlConfig {
        /// What steers it.
        r#type: KlControl = KlControl::Fixed,
        /// The factor, or where it starts.
        kl_coef: f64 [Numbers(0.0, FACTOR)] = 0.001,
        /// `adaptive`: how many samples a change takes.
        horizon: f64 [Above(0.0, 1e12)] = 10000.0,
        /// `adaptive`: the divergence that is aimed at, in nats per token.
        target_kl: f64 [Above(0.0, FACTOR)] = 0.1,
    }
}

choice! {
    /// What a mean or a deviation is taken over.
    NormOver {
        /// Nothing: there is none.
        None = "none",
        /// The completions of a prompt.
        Group = "group",
        /// The whole step.
        Batch = "batch",
    }
}

section! {
    /// `[actor.reward_norm]` and `[actor.adv_norm]`: (x − mean) / (std + eps).
    NormConfig {
        /// What the mean is taken over.
        mean_level: NormOver = NormOver::Group,
        /// Whether the mean of a number leaves that number out.
        mean_leave1out: bool = false,
        /// What the standard deviation is taken over.
        std_level: NormOver = NormOver::Group,
        /// Whether the deviation divides by n − 1.
        std_unbiased: bool = true,
        /// Added to the deviation.
        eps: f64 [Numbers(0.0, FACTOR)] = 1e-5,
    }
}

impl NormConfig {
    /// Within the completions of a prompt.
    pub fn group() -> Self {
        Self::default()
    }

    /// Over the whole step.
    pub fn batch() -> Self {
        Self {
            mean_level: NormOver::Batch,
            std_level: NormOver::Batch,
            ..Self::default()
        }
    }
}

choice! {
    /// How much of the target a completion begins with.
    PrefixStrategy {
        /// Nothing of it.
        None = "none",
        /// A random share.
        Random = "random",
        /// A random share whose bound falls in the course of the run.
        Hint = "hint",
    }
}

choice! {
    /// What happens to a prompt that the policy does not solve.
    UnifyStrategy {
        /// Nothing special.
        None = "none",
        /// Its target is learnt instead of its completions.
        Switch = "switch",
    }
}

section! {
    /// `[algorithm]`: how scores become advantages, and what is sampled for them.
    AlgorithmConfig {
        /// A named algorithm: it sets the keys that `rlhost algorithms` lists, where they are not set.
        preset: Option<String> = None,
        /// Advantage estimator by name, or the path of a component.
        adv_estimator: String = "grpo".into(),
        /// Discount per token, of the estimators that work on tokens.
        gamma: f64 [Numbers(0.0, 1.0)] = 1.0,
        /// `gae` and `normalized`: decay of the estimation.
        lam: f64 [Numbers(0.0, 1.0)] = 1.0,
        /// `grpo` and `grpo_passk`: divide by the group's standard deviation.
        norm_adv_by_std_in_grpo: bool = true,
        /// Add the divergence from the starting model to the loss.
        use_kl_loss: bool = false,
        /// Take the divergence from the starting model from the reward of each token.
        use_kl_in_reward: bool = false,
        /// Estimator of the divergence in the reward.
        kl_penalty: KlEstimator = KlEstimator::Kl,
        /// The factor of the divergence in the reward.
        kl_ctrl: KlCtrlConfig = KlCtrlConfig::default(),
        /// Leave out prompts whose completions have equal scores, or are nearly all right or all wrong, and draw others.
        online_filtering: bool = false,
        /// What `online_filtering` takes the mean of: a part of the reward, or `overall`, the score; the accuracy where exactly one reward reports it by default.
        filter_key: Option<String> = None,
        /// A prompt stays if its mean is above this; 0 is the least that the rewards can sum to, 1 the most.
        filter_low: f64 [Numbers(f64::NEG_INFINITY, f64::INFINITY)] = 0.01,
        /// A prompt stays if its mean is below this.
        filter_high: f64 [Numbers(f64::NEG_INFINITY, f64::INFINITY)] = 0.99,
        /// Don't train completions that used up their tokens; their scores still count in the baseline.
        overlong_filtering: bool = false,
        /// How much of the target (`data.target_key`) completions begin with.
        prefix_strategy: PrefixStrategy = PrefixStrategy::None,
        /// `random`: the smallest share.
        min_prefix_ratio: f64 [Numbers(0.0, 1.0)] = 0.0,
        /// `random`: the largest share.
        max_prefix_ratio: f64 [Numbers(0.0, 1.0)] = 1.0,
        /// How many completions of a prompt begin with a part of the target; -1: all.
        n_prefix: i64 [IntegersOrOff(1, COMPLETIONS)] = -1,
        /// Whether they begin with the same part.
        prefix_share_across_samples: bool = false,
        /// `hint`: steps in which the largest share falls from `hint_max_ratio`.
        hint_steps: u64 [Integers(0, MANY)] = 0,
        /// `hint`: the smallest share, and the bound of the largest one's fall.
        hint_min_ratio: f64 [Numbers(0.0, 1.0)] = 0.0,
        /// `hint`: the largest share at the start.
        hint_max_ratio: f64 [Numbers(0.0, 1.0)] = 1.0,
        /// What happens to a prompt that the policy does not solve.
        unify_strategy: UnifyStrategy = UnifyStrategy::None,
        /// `switch`: the target is learnt where at most so many completions succeed.
        switch_gate: usize [Integers(0, COMPLETIONS)] = 0,
        /// `switch`: a completion of at least this score succeeds.
        success_reward_threshold: f64 [Numbers(-SCORE, SCORE)] = 1.0,
        /// Parameters for an estimator that is a component.
        params: Table = Table::new(),
    }
}

impl AlgorithmConfig {
    /// Whether targets of the data take part beside the policy's own completions.
    pub fn learns_from_targets(&self) -> bool {
        self.prefix_strategy != PrefixStrategy::None || self.unify_strategy != UnifyStrategy::None
    }
}
