//! The sections of the configuration: every key, its meaning and its default.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::actor::ActorConfig;
use super::algorithm::AlgorithmConfig;
use super::bounds::{COMPLETIONS, FACTOR, MANY, MILLION, PIXELS};
use super::critic::CriticConfig;
use super::schema::{Setting, Shape, choice, section};

/// One file or several: a string or a list of strings in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct Files(pub Vec<PathBuf>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

impl From<OneOrMany> for Files {
    fn from(files: OneOrMany) -> Self {
        match files {
            OneOrMany::One(file) if file.as_os_str().is_empty() => Self(Vec::new()),
            OneOrMany::One(file) => Self(vec![file]),
            OneOrMany::Many(files) => Self(files),
        }
    }
}

impl From<Files> for OneOrMany {
    fn from(files: Files) -> Self {
        Self::Many(files.0)
    }
}

impl Setting for Files {
    fn shape() -> Shape {
        Shape::Texts
    }
}

/// The names of loggers: a string or a list of strings in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Names", into = "Names")]
pub struct Loggers(pub Vec<String>);

impl Loggers {
    /// Whether `name` is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|logger| logger == name)
    }
}

impl Default for Loggers {
    fn default() -> Self {
        Self(vec!["console".to_owned(), "tensorboard".to_owned()])
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

impl From<Names> for Loggers {
    fn from(names: Names) -> Self {
        match names {
            Names::One(name) => Self(vec![name]),
            Names::Many(names) => Self(names),
        }
    }
}

impl From<Loggers> for Names {
    fn from(loggers: Loggers) -> Self {
        Self::Many(loggers.0)
    }
}

impl Setting for Loggers {
    fn shape() -> Shape {
        Shape::Texts
    }
}

section! {
    /// `[data]`: what is trained and validated on.
    DataConfig {
        /// Files to train on, JSON Lines or a JSON array; paths are relative to the working directory.
        train_files: Files = Files::default(),
        /// JSONL files to validate on.
        val_files: Files = Files::default(),
        /// Column with the prompt: a string, or a list of chat messages.
        prompt_key: String = "prompt".into(),
        /// Column with the reference answer (any JSON).
        answer_key: String = "answer".into(),
        /// Column with the images: a path or a list of paths, relative to the data file's folder.
        image_key: String = "images".into(),
        /// Column with the text that SFT learns.
        target_key: String = "target".into(),
        /// Longest prompt in tokens, images included; longer ones are dropped and counted.
        max_prompt_length: usize [Integers(1, MILLION)] = 512,
        /// Longest response in tokens.
        max_response_length: usize [Integers(1, MILLION)] = 512,
        /// Prompts in a training step.
        train_batch_size: usize [Integers(1, MILLION)] = 512,
        /// Whether every epoch has an order of its own; otherwise it is the files' order.
        shuffle: bool = true,
        /// Seed of the order and of the augmentation.
        seed: u64 [Integers(0, i64::MAX)] = 1,
        /// Fewest pixels of a resized image; the model's `preprocessor_config.json` by default.
        min_pixels: Option<u64> [Integers(1, PIXELS)] = None,
        /// Most pixels of a resized image; the model's `preprocessor_config.json` by default.
        max_pixels: Option<u64> [Integers(1, PIXELS)] = None,
        /// Whether samples with a picture say the size of the first one as the model sees it, in the columns `resized_width` and `resized_height`.
        resized_size: bool = false,
        /// Jinja text around string prompts; the prompt is its variable `content`.
        format_prompt: Option<String> = None,
        /// Random changes of training images.
        augment: AugmentConfig = AugmentConfig::default(),
    }
}

section! {
    /// `[data.augment]`: random affine changes of training images, none by default.
    AugmentConfig {
        /// Largest rotation in degrees, either way.
        rotate: f64 [Numbers(0.0, 180.0)] = 0.0,
        /// Largest shear in degrees, either way.
        shear: f64 [Numbers(0.0, 80.0)] = 0.0,
        /// Largest relative change of the size: 0.1 scales by 0.9 to 1.1.
        scale: f64 [Numbers(0.0, 0.9)] = 0.0,
        /// Largest shift, as a fraction of the width and of the height.
        translate: f64 [Numbers(0.0, 1.0)] = 0.0,
    }
}

choice! {
    /// Where tensors live.
    Device {
        /// The processor; computes in f32.
        Cpu = "cpu",
        /// An NVIDIA GPU (a build with the feature `cuda`).
        Cuda = "cuda",
    }
}

section! {
    /// `[trainer]`: how long, where and how often.
    TrainerConfig {
        /// Passes over the training data.
        total_epochs: u64 [Integers(1, MANY)] = 1,
        /// Stop after so many steps, whatever the epochs.
        max_steps: Option<u64> [Integers(1, MANY)] = None,
        /// Folder of the runs.
        outputs_dir: PathBuf = "runs".into(),
        /// The run's folder in `outputs_dir`; the configuration file's name by default.
        experiment_name: String = "run".into(),
        /// Who is told: the console, and further files in the run's folder.
        logger: Loggers = Loggers::default(),
        /// A line on the console every so many steps; by default each on a terminal, and every 20 elsewhere.
        log_freq: Option<u64> [Integers(1, MANY)] = None,
        /// Validate every so many steps; -1: not between the first and the last.
        val_freq: i64 [IntegersOrOff(1, MANY)] = -1,
        /// Validate before the first step.
        val_before_train: bool = true,
        /// The metric of validations that stands for the run, without `val/`; `accuracy` where a reward reports one, otherwise `score`.
        val_metric: Option<String> = None,
        /// Save a checkpoint every so many steps; -1: only at the end.
        save_freq: i64 [IntegersOrOff(1, MANY)] = -1,
        /// Keep so many checkpoints, the newest; -1: all.
        save_limit: i64 [IntegersOrOff(1, MANY)] = -1,
        /// Seed of sampling and of new weights.
        seed: u64 [Integers(0, i64::MAX)] = 1,
        /// First steps in which only the critic learns.
        critic_warmup: u64 [Integers(0, MANY)] = 0,
        /// Where to compute.
        device: Device = Device::Cpu,
        /// `algorithm.online_filtering`: how often a step may draw prompts until it is full; 0 or less: without end.
        max_try_make_batch: i64 [Integers(-1, MANY)] = 20,
        /// Stop with an error after so many steps in a row in which no sample has a score; -1: never.
        max_empty_steps: i64 [IntegersOrOff(1, MANY)] = 3,
    }
}

impl Setting for PathBuf {
    fn shape() -> Shape {
        Shape::Text
    }
}

section! {
    /// `[rollout]`: how completions are sampled while training.
    RolloutConfig {
        /// Completions of a prompt.
        n: usize [Integers(1, COMPLETIONS)] = 8,
        /// Divides the logits.
        temperature: f64 [Numbers(0.01, 100.0)] = 1.0,
        /// Sample from the fewest tokens that reach this probability.
        top_p: f64 [Above(0.0, 1.0)] = 1.0,
        /// Sample from so many most probable tokens; -1: all.
        top_k: i64 [IntegersOrOff(1, MANY)] = -1,
        /// Sampling while validating.
        val_override_config: ValSamplingConfig = ValSamplingConfig::default(),
    }
}

section! {
    /// `[rollout.val_override_config]`: how completions are sampled while validating.
    ValSamplingConfig {
        /// Divides the logits; 0 takes the most probable token.
        temperature: f64 [Numbers(0.0, 100.0)] = 0.0,
        /// Sample from the fewest tokens that reach this probability.
        top_p: f64 [Above(0.0, 1.0)] = 1.0,
        /// Sample from so many most probable tokens; -1: all.
        top_k: i64 [IntegersOrOff(1, MANY)] = -1,
        /// Completions of a prompt.
        n: usize [Integers(1, COMPLETIONS)] = 1,
    }
}

choice! {
    /// What happens to a sample that a reward gave no score.
    FailurePolicy {
        /// It leaves baseline and loss.
        Abstain = "abstain",
        /// Its reward is 0.
        Zero = "zero",
        /// The run stops with an error.
        Stop = "stop",
    }
}

choice! {
    /// Ways in which a plugin gives no score.
    FailureOutcome {
        /// The plugin can't judge this sample.
        Abstain = "abstain",
        /// The data's answer is at fault.
        InvalidReference = "invalid-reference",
        /// The plugin says that it failed.
        Internal = "internal",
        /// It trapped.
        Trap = "trap",
        /// It ran out of fuel.
        BudgetExhausted = "budget-exhausted",
        /// It wanted more memory than allowed.
        MemoryExhausted = "memory-exhausted",
        /// It recursed too deep.
        StackExhausted = "stack-exhausted",
        /// It returned too much.
        OutputTooLarge = "output-too-large",
        /// It returned something that the contract forbids.
        ProtocolError = "protocol-error",
        /// The host failed.
        HostFault = "host-fault",
    }
}

/// `on_failure`: one policy, or one for some outcomes and `abstain` for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OnFailure {
    /// The same for every outcome.
    Always(FailurePolicy),
    /// By outcome.
    ByOutcome(BTreeMap<FailureOutcome, FailurePolicy>),
}

impl OnFailure {
    /// The policy for the outcome of this name ([`FailureOutcome::NAMES`]).
    pub fn policy(&self, outcome: &str) -> FailurePolicy {
        match self {
            Self::Always(policy) => *policy,
            Self::ByOutcome(policies) => policies
                .iter()
                .find(|(known, _)| known.as_str() == outcome)
                .map_or(FailurePolicy::Abstain, |(_, policy)| *policy),
        }
    }
}

impl Setting for OnFailure {
    fn shape() -> Shape {
        Shape::ChoiceOrTable(FailurePolicy::NAMES, FailureOutcome::NAMES)
    }
}

section! {
    /// `[reward.NAME.limits]`: what one call of the plugin may use; the sandbox's own limits by default.
    LimitsConfig {
        /// Fuel: about one unit for a WebAssembly instruction.
        fuel: Option<u64> [Integers(1, i64::MAX)] = None,
        /// Bytes of linear memory.
        memory: Option<u64> [Integers(1 << 16, 4 << 30)] = None,
        /// Bytes of the result, or of the arguments of a host call.
        output: Option<u64> [Integers(1 << 10, 1 << 30)] = None,
        /// Bytes that all host calls may move.
        host_call_bytes: Option<u64> [Integers(0, 4 << 30)] = None,
        /// Bytes of log lines that are kept.
        log: Option<u64> [Integers(0, 1 << 30)] = None,
        /// Elements of a table.
        table_elements: Option<u64> [Integers(0, 1 << 18)] = None,
        /// Core instances of the component.
        instances: Option<u64> [Integers(1, 64)] = None,
        /// Bytes of WebAssembly stack.
        stack: Option<u64> [Integers(1 << 16, 256 << 20)] = None,
    }
}

section! {
    /// `[reward.NAME.allow.judge]`: a model behind an OpenAI-compatible endpoint.
    JudgeConfig {
        /// The endpoint's base, such as `http://127.0.0.1:8000/v1`.
        url: String = String::new(),
        /// The model's name there.
        model: String = String::new(),
        /// Name of the environment variable that holds the key.
        api_key_env: Option<String> = None,
        /// Seconds for one try.
        timeout: f64 [Above(0.0, 86400.0)] = 60.0,
        /// Further tries, with growing pauses.
        retries: u32 [Integers(0, 100)] = 3,
        /// Requests at a time.
        concurrency: u32 [Integers(1, 4096)] = 16,
        /// How often one call of the plugin may ask.
        max_calls: u32 [Integers(0, 10_000)] = 8,
        /// The longest answer in tokens.
        max_tokens: u32 [Integers(1, MILLION)] = 1024,
        /// Further fields of the request, such as `seed`.
        extra: Table = Table::new(),
    }
}

section! {
    /// `[reward.NAME.allow.retriever]`: a retrieval service.
    RetrieverConfig {
        /// The service's address, such as `http://127.0.0.1:8000/retrieve`.
        url: String = String::new(),
        /// Name of the environment variable that holds the key.
        api_key_env: Option<String> = None,
        /// Seconds for one try.
        timeout: f64 [Above(0.0, 86400.0)] = 10.0,
        /// Further tries, with growing pauses.
        retries: u32 [Integers(0, 100)] = 3,
        /// Requests at a time.
        concurrency: u32 [Integers(1, 4096)] = 16,
        /// How often one call of the plugin may search.
        max_calls: u32 [Integers(0, 10_000)] = 8,
    }
}

section! {
    /// `[reward.NAME.allow]`: what a plugin may use besides its sample.
    AllowConfig {
        /// Keep the plugin's log lines with the sample.
        log: bool = false,
        /// Interpreters for untrusted code: paths of components, or names of plugins.
        interpreter: Files = Files::default(),
        /// Bytes of memory of a program with its interpreter; 256 MiB by default.
        interpreter_memory: Option<u64> [Integers(1 << 16, 4 << 30)] = None,
        /// A model to ask.
        judge: Option<JudgeConfig> = None,
        /// An index to search.
        retriever: Option<RetrieverConfig> = None,
    }
}

section! {
    /// `[reward.NAME]`: one reward; a sample's reward is the weighted sum over all.
    RewardConfig {
        /// Path of a component, or the name of a standard plugin.
        plugin: String = String::new(),
        /// Weight in the sum; 0 only records.
        weight: f64 [Numbers(-FACTOR, FACTOR)] = 1.0,
        /// Parameters for the plugin.
        params: Table = Table::new(),
        /// What one call may use.
        limits: LimitsConfig = LimitsConfig::default(),
        /// What happens to a sample that gets no score.
        on_failure: OnFailure = OnFailure::Always(FailurePolicy::Abstain),
        /// The samples that it judges, by columns of the data; all by default.
        when: Table = Table::new(),
        /// What the plugin may use besides its sample.
        allow: AllowConfig = AllowConfig::default(),
    }
}

section! {
    /// `[sft]`: supervised fine-tuning.
    SftConfig {
        /// Stop as soon as validation reaches this accuracy.
        target_accuracy: Option<f64> [Above(0.0, 1.0)] = None,
        /// Steps between two validations for `target_accuracy`.
        check_freq: u64 [Integers(1, MANY)] = 5,
        /// Held-out prompts in such a validation; all by default.
        val_samples: Option<usize> [Integers(1, MANY)] = None,
    }
}

section! {
    /// The whole configuration of a run.
    Config {
        /// What is trained and validated on.
        data: DataConfig = DataConfig::default(),
        /// How long, where and how often.
        trainer: TrainerConfig = TrainerConfig::default(),
        /// How rewards become advantages.
        algorithm: AlgorithmConfig = AlgorithmConfig::default(),
        /// The model, its loss and its optimiser.
        actor: ActorConfig = ActorConfig::default(),
        /// The model that predicts returns, for estimators that need one.
        critic: Option<CriticConfig> = None,
        /// How completions are sampled.
        rollout: RolloutConfig = RolloutConfig::default(),
        /// Rewards by name; sums run in name order.
        reward: BTreeMap<String, RewardConfig> = BTreeMap::new(),
        /// Supervised fine-tuning.
        sft: SftConfig = SftConfig::default(),
    }
}
