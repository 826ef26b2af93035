//! `[actor]`: the model to train, its loss and its optimiser.

use std::path::PathBuf;

use toml::Table;

use super::algorithm::{KlEstimator, NormConfig};
use super::bounds::{FACTOR, MANY, MILLION, SCORE};
use super::schema::{choice, section};

section! {
    /// `[actor.model]`: the model to train.
    ModelConfig {
        /// Folder in Hugging Face layout.
        model_path: Option<PathBuf> = None,
    }
}

choice! {
    /// Learning rate after the warm-up.
    LrScheduler {
        /// Stays.
        Constant = "constant",
        /// Falls along half a cosine to `min_lr_ratio`.
        Cosine = "cosine",
        /// Falls on a line to `min_lr_ratio`.
        Linear = "linear",
        /// Warm-up, stable, decay: stays, then falls on a line over the last `lr_decay_ratio` of the steps.
        Wsd = "wsd",
    }
}

section! {
    /// `[actor.optim]`: `AdamW` and its schedule.
    OptimConfig {
        /// Peak learning rate.
        lr: f64 [Above(0.0, 1000.0)] = 1e-6,
        /// Decay of the moments.
        betas: [f64; 2] [Below(0.0, 1.0)] = [0.9, 0.999],
        /// Added to the root of the second moment.
        eps: f64 [Above(0.0, 1.0)] = 1e-8,
        /// Decoupled weight decay.
        weight_decay: f64 [Numbers(0.0, 1000.0)] = 0.01,
        /// Steps of linear warm-up; stands before `lr_warmup_ratio`.
        lr_warmup_steps: Option<u64> [Integers(0, MANY)] = None,
        /// Steps of linear warm-up as a fraction of all steps.
        lr_warmup_ratio: f64 [Numbers(0.0, 1.0)] = 0.0,
        /// What follows the warm-up.
        lr_scheduler_type: LrScheduler = LrScheduler::Constant,
        /// `wsd` only: fraction of all steps that decays.
        lr_decay_ratio: f64 [Numbers(0.0, 1.0)] = 0.4,
        /// Last learning rate as a fraction of `lr`.
        min_lr_ratio: f64 [Numbers(0.0, 1.0)] = 0.0,
    }
}

section! {
    /// `[actor.policy_loss]`: which policy loss.
    PolicyLossConfig {
        /// Policy loss by name, or the path of a component.
        loss_mode: String = "vanilla".into(),
        /// `clip_cov`: share of the tokens that are left out, at least one.
        clip_cov_ratio: f64 [Numbers(0.0, 1.0)] = 2e-4,
        /// `clip_cov`: leave out tokens of a larger covariance.
        clip_cov_lb: f64 [Numbers(f64::NEG_INFINITY, f64::INFINITY)] = 1.0,
        /// `clip_cov`: leave out tokens of a smaller covariance.
        clip_cov_ub: f64 [Numbers(f64::NEG_INFINITY, f64::INFINITY)] = 5.0,
        /// `kl_cov`: share of the tokens that are penalised, at least one.
        kl_cov_ratio: f64 [Numbers(0.0, 1.0)] = 2e-4,
        /// `kl_cov`: weight of the penalty.
        ppo_kl_coef: f64 [Numbers(0.0, FACTOR)] = 0.1,
        /// Parameters for a loss that is a component.
        params: Table = Table::new(),
    }
}

choice! {
    /// How token losses become one number.
    LossAggMode {
        /// Mean over all tokens.
        TokenMean = "token-mean",
        /// Sum over a row's tokens, mean over rows.
        SeqMeanTokenSum = "seq-mean-token-sum",
        /// Mean over a row's tokens, mean over rows.
        SeqMeanTokenMean = "seq-mean-token-mean",
        /// Sum over all tokens, divided by `data.max_response_length`.
        SeqMeanTokenSumNorm = "seq-mean-token-sum-norm",
    }
}

choice! {
    /// What a ratio or a probability becomes before it enters the loss of `luffy` and `srft`.
    Reshaping {
        /// x.
        NoReshape = "no_reshape",
        /// weight · log-prob.
        Logp = "logp",
        /// x + weight · log-prob.
        PLogp = "p_logp",
        /// √x.
        SquareRoot = "square_root",
        /// x / (x + 0.1).
        PDivP01 = "p_div_p_0.1",
        /// x / (x + 0.3).
        PDivP03 = "p_div_p_0.3",
        /// x / (x + 0.5).
        PDivP05 = "p_div_p_0.5",
        /// x ^ exponent.
        Pow = "pow",
        /// Keep a token with its own probability p, and count it 1/p times.
        ClassicRejectToken = "classic_reject_token",
    }
}

choice! {
    /// What stands in the place of the ratio in `srft`.
    SrftType {
        /// The log-prob.
        Paper = "paper",
        /// The probability.
        Exp = "exp",
        /// The ratio.
        ClassicRl = "classic_rl",
        /// The log of the ratio.
        MinusOld = "minus_old",
    }
}

choice! {
    /// What the clip of `srft` bounds.
    SrftClamp {
        /// The log-prob, as the published code does.
        LogProb = "log-prob",
        /// The ratio, as PPO does.
        Ratio = "ratio",
    }
}

section! {
    /// `[actor]`: the model, its loss and its optimiser.
    ActorConfig {
        /// The model to train.
        model: ModelConfig = ModelConfig::default(),
        /// Prompts in an optimiser step; all of a training step by default.
        ppo_mini_batch_size: Option<usize> [Integers(1, MILLION)] = None,
        /// Passes over a step's samples.
        ppo_epochs: u64 [Integers(1, 1000)] = 1,
        /// Tokens that are packed into one forward pass.
        micro_batch_tokens: usize [Integers(1, 1 << 30)] = 16384,
        /// Gradients of a larger norm are scaled down to it.
        max_grad_norm: f64 [Above(0.0, f64::INFINITY)] = 1.0,
        /// An optimiser step with a gradient of a larger norm is skipped.
        skip_grad_norm: f64 [Above(0.0, f64::INFINITY)] = 80.0,
        /// `luffy` and `srft`: clip of the probability ratio, either way.
        clip_ratio: f64 [Numbers(0.0, FACTOR)] = 0.2,
        /// Clip of the probability ratio: not below 1 − this.
        clip_ratio_low: f64 [Numbers(0.0, 1.0)] = 0.2,
        /// Clip of the probability ratio: not above 1 + this.
        clip_ratio_high: f64 [Numbers(0.0, FACTOR)] = 0.2,
        /// Dual clip: bound of the loss at negative advantages, in multiples of the advantage.
        clip_ratio_c: f64 [Above(1.0, f64::INFINITY)] = 3.0,
        /// `srft`: upper bound of the clip, where it is above 1 + `clip_ratio`.
        clip_upper_bound: f64 [Numbers(0.0, FACTOR)] = 1.0,
        /// How token losses become one number.
        loss_agg_mode: LossAggMode = LossAggMode::TokenMean,
        /// Weight of the entropy bonus.
        entropy_coeff: f64 [Numbers(-FACTOR, FACTOR)] = 0.0,
        /// Weight of the divergence loss (`algorithm.use_kl_loss`).
        kl_loss_coef: f64 [Numbers(0.0, FACTOR)] = 0.01,
        /// Estimator of the divergence loss.
        kl_loss_type: KlEstimator = KlEstimator::LowVarKl,
        /// `vanilla`, `luffy` and `srft`: take the policy loss without any clipping.
        loss_remove_clip: bool = false,
        /// Truncated importance sampling: cap of the ratio trainer / sampler that weighs a token; -1: no weight.
        tis_imp_ratio_cap: f64 [AboveOrOff(0.0, FACTOR)] = -1.0,
        /// Decoupled loss: weigh a token by the ratio start of the step / sampler.
        use_decoupled_loss: bool = false,
        /// Decoupled loss: a token with a larger weight counts 0; no cap by default.
        behav_imp_weight_cap: Option<f64> [Above(0.0, f64::INFINITY)] = None,
        /// `luffy`: what the ratio of the policy's own tokens becomes.
        on_policy_reshape: Reshaping = Reshaping::NoReshape,
        /// Factor of the log-prob in `logp` and `p_logp` of `on_policy_reshape`.
        on_policy_reshape_weight: f64 [Numbers(0.0, FACTOR)] = 0.1,
        /// Exponent of `pow` of `on_policy_reshape`.
        on_policy_reshape_pow_exp: f64 [Numbers(0.0, 100.0)] = 0.5,
        /// `luffy` and `srft`: what the probability of a target's tokens becomes.
        off_policy_reshape: Reshaping = Reshaping::NoReshape,
        /// Factor of the log-prob in `logp` and `p_logp` of `off_policy_reshape`.
        off_policy_reshape_weight: f64 [Numbers(0.0, FACTOR)] = 0.1,
        /// Exponent of `pow` of `off_policy_reshape`.
        off_policy_reshape_pow_exp: f64 [Numbers(0.0, 100.0)] = 0.5,
        /// `srft`: upper bound of a target's reshaped probability; -1: none.
        off_policy_max_clip: f64 [AboveOrOff(0.0, FACTOR)] = -1.0,
        /// `srft`: lower bound of a target's reshaped probability; -1: none.
        off_policy_min_clip: f64 [AboveOrOff(0.0, FACTOR)] = -1.0,
        /// `srft`: leave out tokens with a larger probability; -1: none.
        all_max_clip: f64 [AboveOrOff(0.0, FACTOR)] = -1.0,
        /// `srft`: what stands in the place of the ratio.
        srft_type: SrftType = SrftType::Paper,
        /// `srft`: what the clip bounds.
        srft_clamp: SrftClamp = SrftClamp::LogProb,
        /// `hpt` and `uft`: weight of the likelihood of targets.
        sft_loss_coef: f64 [Numbers(0.0, FACTOR)] = 1.0,
        /// Estimator `normalized`: added to a score.
        reward_bias: f64 [Numbers(-SCORE, SCORE)] = 0.0,
        /// Estimator `normalized`: factor of a score, after the bias.
        reward_scaling: f64 [Numbers(-FACTOR, FACTOR)] = 1.0,
        /// Estimator `normalized`: bound of a shaped score either way.
        reward_clip: f64 [Above(0.0, SCORE)] = 20.0,
        /// Estimator `normalized`: how scores are normalised.
        reward_norm: NormConfig = NormConfig::group(),
        /// Estimator `normalized`: how the advantages of tokens are normalised.
        adv_norm: NormConfig = NormConfig::batch(),
        /// Take from the score of completions that come near their longest length.
        overlong_reward_penalty: bool = false,
        /// The last so many tokens cost; a fifth of `data.max_response_length` by default.
        overlong_tokens: Option<usize> [Integers(1, MILLION)] = None,
        /// What a completion of the longest length costs.
        overlong_penalty_factor: f64 [Numbers(0.0, FACTOR)] = 1.0,
        /// Which policy loss.
        policy_loss: PolicyLossConfig = PolicyLossConfig::default(),
        /// The optimiser.
        optim: OptimConfig = OptimConfig::default(),
    }
}
