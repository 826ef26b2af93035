//! Keys of other trainers, and what they are here: a name that means the same may be spelt in no way alike.

/// What a key of another trainer is here.
pub(super) enum Meaning {
    /// A key.
    Key(&'static str),
    /// No key; a sentence says why.
    Nothing(&'static str),
}

use Meaning::{Key, Nothing};

const WANDB: &str = "runs are not sent to Weights & Biases; `trainer.logger` names what they write";
const ONE_DEVICE: &str = "a run has one device, `trainer.device`";
const ENGINE: &str = "the trainer samples by itself, and has no inference engine to set up";
const OWN_MEMORY: &str =
    "the trainer sees to its memory by itself (`actor.micro_batch_tokens` bounds a step)";

/// Names of veRL, `EasyR1`, TRL, `OpenRLHF` and `AReaL`, by the end of the dotted key; a longer end comes before a shorter one.
const FOREIGN: &[(&str, Meaning)] = &[
    (
        "actor_rollout_ref.model.path",
        Key("actor.model.model_path"),
    ),
    ("actor.model.path", Key("actor.model.model_path")),
    ("critic.model.path", Key("critic.model.model_path")),
    ("model.path", Key("actor.model.model_path")),
    ("model_name_or_path", Key("actor.model.model_path")),
    ("pretrain", Key("actor.model.model_path")),
    ("rollout.name", Nothing(ENGINE)),
    ("rollout.mode", Nothing(ENGINE)),
    ("filter_groups.enable", Key("algorithm.online_filtering")),
    (
        "filter_groups.max_num_gen_batches",
        Key("trainer.max_try_make_batch"),
    ),
    ("filter_groups.metric", Key("algorithm.filter_key")),
    ("num_generations", Key("rollout.n")),
    ("n_samples_per_prompt", Key("rollout.n")),
    ("n_samples", Key("rollout.n")),
    ("max_completion_length", Key("data.max_response_length")),
    ("generate_max_len", Key("data.max_response_length")),
    ("max_new_tokens", Key("data.max_response_length")),
    ("response_length", Key("data.max_response_length")),
    ("prompt_length", Key("data.max_prompt_length")),
    ("prompt_max_len", Key("data.max_prompt_length")),
    ("per_device_train_batch_size", Key("data.train_batch_size")),
    ("rollout_batch_size", Key("data.train_batch_size")),
    ("global_batch_size", Key("actor.ppo_mini_batch_size")),
    (
        "train_batch_size_per_device",
        Key("actor.micro_batch_tokens"),
    ),
    (
        "ppo_micro_batch_size_per_gpu",
        Key("actor.micro_batch_tokens"),
    ),
    ("ppo_micro_batch_size", Key("actor.micro_batch_tokens")),
    ("ppo_max_token_len_per_gpu", Key("actor.micro_batch_tokens")),
    (
        "micro_batch_size_per_device_for_update",
        Key("actor.micro_batch_tokens"),
    ),
    ("learning_rate", Key("actor.optim.lr")),
    ("actor_learning_rate", Key("actor.optim.lr")),
    ("warmup_ratio", Key("actor.optim.lr_warmup_ratio")),
    ("warmup_steps", Key("actor.optim.lr_warmup_steps")),
    ("warmup_style", Key("actor.optim.lr_scheduler_type")),
    ("num_train_epochs", Key("trainer.total_epochs")),
    ("num_episodes", Key("trainer.total_epochs")),
    ("total_training_steps", Key("trainer.max_steps")),
    ("test_freq", Key("trainer.val_freq")),
    ("eval_steps", Key("trainer.val_freq")),
    ("save_steps", Key("trainer.save_freq")),
    ("save_total_limit", Key("trainer.save_limit")),
    ("max_actor_ckpt_to_keep", Key("trainer.save_limit")),
    ("default_local_dir", Key("trainer.outputs_dir")),
    ("save_checkpoint_path", Key("trainer.outputs_dir")),
    ("output_dir", Key("trainer.outputs_dir")),
    ("run_name", Key("trainer.experiment_name")),
    ("epsilon", Key("actor.clip_ratio_low")),
    ("epsilon_high", Key("actor.clip_ratio_high")),
    ("eps_clip", Key("actor.clip_ratio_low")),
    ("beta", Key("actor.kl_loss_coef")),
    ("init_kl_coef", Key("actor.kl_loss_coef")),
    ("disable_kl", Key("algorithm.use_kl_loss")),
    ("loss_type", Key("actor.policy_loss.loss_mode")),
    (
        "importance_sampling_level",
        Key("actor.policy_loss.loss_mode"),
    ),
    ("scale_rewards", Key("algorithm.norm_adv_by_std_in_grpo")),
    (
        "mask_truncated_completions",
        Key("algorithm.overlong_filtering"),
    ),
    ("num_iterations", Key("actor.ppo_epochs")),
    ("reward_funcs", Key("reward.NAME.plugin")),
    ("reward_weights", Key("reward.NAME.weight")),
    ("reward_function", Key("reward.NAME.plugin")),
    ("custom_reward_function", Key("reward.NAME.plugin")),
    ("reward_model", Key("reward.NAME.plugin")),
    ("reward_manager", Key("reward.NAME.plugin")),
    ("reward_kwargs", Key("reward.NAME.params")),
    ("reward_function_kwargs", Key("reward.NAME.params")),
    ("reward_fn_key", Key("reward.NAME.when")),
    ("answer_column", Key("data.answer_key")),
    ("label_key", Key("data.answer_key")),
    ("input_key", Key("data.prompt_key")),
    ("train_dataset", Key("data.train_files")),
    ("prompt_data", Key("data.train_files")),
    ("eval_dataset", Key("data.val_files")),
    ("logger", Key("trainer.logger")),
    ("loggers", Key("trainer.logger")),
    ("report_to", Key("trainer.logger")),
    ("logging_steps", Key("trainer.log_freq")),
    ("use_wandb", Nothing(WANDB)),
    (
        "project_name",
        Nothing("a run has a folder, of `trainer.outputs_dir` and `trainer.experiment_name`"),
    ),
    ("n_gpus_per_node", Nothing(ONE_DEVICE)),
    ("nnodes", Nothing(ONE_DEVICE)),
    ("tensor_model_parallel_size", Nothing(ONE_DEVICE)),
    ("tensor_parallel_size", Nothing(ONE_DEVICE)),
    ("ulysses_sequence_parallel_size", Nothing(ONE_DEVICE)),
    ("gpu_memory_utilization", Nothing(ENGINE)),
    ("use_vllm", Nothing(ENGINE)),
    ("vllm_mode", Nothing(ENGINE)),
    ("enforce_eager", Nothing(ENGINE)),
    ("max_num_batched_tokens", Nothing(ENGINE)),
    ("gradient_checkpointing", Nothing(OWN_MEMORY)),
    ("enable_gradient_checkpointing", Nothing(OWN_MEMORY)),
    ("use_remove_padding", Nothing(OWN_MEMORY)),
    ("padding_free", Nothing(OWN_MEMORY)),
    ("gradient_accumulation_steps", Nothing(OWN_MEMORY)),
    ("param_offload", Nothing(OWN_MEMORY)),
    ("optimizer_offload", Nothing(OWN_MEMORY)),
];

/// What the dotted key is here, if it is one of another trainer.
pub(super) fn meaning(dotted: &str) -> Option<&'static Meaning> {
    let dotted = dotted.to_lowercase();
    let ends = |end: &str| {
        dotted
            .strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    FOREIGN
        .iter()
        .find(|(end, _)| ends(end))
        .map(|(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::schema::Setting;
    use super::*;

    #[test]
    fn what_keys_mean_here_are_keys_and_they_are_not() {
        let shape = Config::shape();
        for (end, meaning) in FOREIGN {
            let own: Vec<_> = end.split('.').collect();
            assert!(shape.find(&own).is_none(), "{end} is a key here");
            if let Key(key) = meaning {
                let path: Vec<_> = key.split('.').collect();
                let known = shape.find(&path).is_some() || key.starts_with("critic.");
                assert!(known, "{key}");
            }
        }
        assert!(matches!(
            meaning("a.Num_Generations"),
            Some(Key("rollout.n"))
        ));
        assert!(meaning("x_epsilon").is_none());
    }
}
