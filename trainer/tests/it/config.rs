//! The configuration: defaults, overrides, round trip, and what is said about mistakes.

use std::path::Path;

use rlhost_trainer::config::{
    Config, CriticConfig, Device, FailurePolicy, KlEstimator, LossAggMode, LrScheduler,
};

fn load(toml: &str, overrides: &[&str]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("quick.toml");
    std::fs::write(&path, toml).unwrap();
    Config::load(Some(&path), &owned(overrides)).map_err(|error| {
        error
            .to_string()
            .replace(&path.display().to_string(), "FILE")
    })
}

fn with(overrides: &[&str]) -> Result<Config, String> {
    Config::load(None, &owned(overrides)).map_err(|error| error.to_string())
}

fn owned(overrides: &[&str]) -> Vec<String> {
    overrides.iter().map(|&text| text.to_owned()).collect()
}

fn invalid(overrides: &[&str]) -> String {
    match with(overrides) {
        Ok(config) => config.validate().unwrap_err().to_string(),
        Err(message) => message,
    }
}

/// Defaults of `RLLaVA`'s published schema for the keys that both have (the same value is wanted).
#[test]
fn defaults_are_those_of_the_ecosystem() {
    let config = with(&[]).unwrap();
    assert_eq!(config.data.prompt_key, "prompt");
    assert_eq!(config.data.max_prompt_length, 512);
    assert_eq!(config.data.max_response_length, 512);
    assert!(config.data.shuffle);
    assert_eq!(config.algorithm.adv_estimator, "grpo");
    assert_eq!(config.actor.loss_agg_mode, LossAggMode::TokenMean);
    assert_eq!(config.actor.kl_loss_type, KlEstimator::LowVarKl);
    assert_eq!(config.actor.optim.betas, [0.9, 0.999]);
    assert!((config.actor.skip_grad_norm - 80.0).abs() < 1e-12);
    assert_eq!(config.rollout.top_k, -1);
    assert_eq!(config.trainer.device, Device::Cpu);
    config.validate().unwrap();
}

/// Keys that a `[critic.optim]` leaves out have the critic's defaults.
#[test]
fn a_critic_is_there_where_its_table_is() {
    assert_eq!(with(&[]).unwrap().critic, None);
    let empty = load("[critic]\n", &[]).unwrap().critic.unwrap();
    assert_eq!(empty, CriticConfig::default());
    assert_eq!(empty.optim.lr, 1e-5);
    assert_eq!(empty.cliprange_value, 0.5);
    let config = load(
        "[critic.optim]\nweight_decay = 0.1\n",
        &["critic.cliprange_value=inf", "trainer.critic_warmup=2"],
    )
    .unwrap();
    config.validate().unwrap();
    let critic = config.critic.clone().unwrap();
    assert_eq!(critic.optim.lr, 1e-5);
    assert_eq!(critic.optim.weight_decay, 0.1);
    assert_eq!(critic.cliprange_value, f64::INFINITY);
    let set = with(&["critic.optim.lr=1e-3"]).unwrap().critic.unwrap();
    assert_eq!(set.optim.lr, 1e-3);
    let again = load(&config.to_toml().unwrap(), &[]).unwrap();
    assert_eq!(again.critic, config.critic);
}

#[test]
fn a_file_and_overrides_of_every_type() {
    let toml = r#"
        [data]
        train_files = ["a.jsonl", "b.jsonl"]
        val_files = "v.jsonl"
        [actor.optim]
        lr = 1
        lr_scheduler_type = "wsd"
        [reward.math]
        plugin = "math"
        params = { strict = true, tolerance = 1e-3, list = [1, "two"] }
        on_failure = { trap = "stop", budget-exhausted = "zero" }
        limits.fuel = 5_000_000_000
    "#;
    let config = load(
        toml,
        &[
            "rollout.n=4",
            "reward.math.weight=0.5",
            "data.train_files=c.jsonl",
            "data.shuffle=false",
            "actor.optim.betas=[0.9, 0.95]",
            "actor.kl_loss_type=k3",
            "rollout.val_override_config.n=2",
            "reward.extra={plugin = \"x.wasm\", weight = 2}",
            "reward.math.params.depth=3",
            "trainer.device=cuda",
            "trainer.max_steps = 30",
            "trainer.outputs_dir=2026",
            "actor.model.model_path=\"my models/tiny\"",
        ],
    )
    .unwrap();
    assert_eq!(config.rollout.n, 4);
    assert_eq!(config.data.train_files.0, [Path::new("c.jsonl")]);
    assert_eq!(config.data.val_files.0, [Path::new("v.jsonl")]);
    assert!(!config.data.shuffle);
    assert_eq!(config.actor.optim.betas, [0.9, 0.95]);
    assert!((config.actor.optim.lr - 1.0).abs() < 1e-12);
    assert_eq!(config.actor.optim.lr_scheduler_type, LrScheduler::Wsd);
    assert_eq!(config.actor.kl_loss_type, KlEstimator::LowVarKl);
    assert_eq!(config.rollout.val_override_config.n, 2);
    assert_eq!(config.trainer.device, Device::Cuda);
    assert_eq!(config.trainer.max_steps, Some(30));
    assert_eq!(config.trainer.outputs_dir, Path::new("2026"));
    assert_eq!(config.trainer.experiment_name, "quick");
    assert_eq!(
        config.actor.model.model_path.as_deref(),
        Some(Path::new("my models/tiny"))
    );
    let math = &config.reward["math"];
    assert!((math.weight - 0.5).abs() < 1e-12);
    assert_eq!(math.limits.fuel, Some(5_000_000_000));
    assert_eq!(math.params["depth"].as_integer(), Some(3));
    assert_eq!(math.params["strict"].as_bool(), Some(true));
    assert_eq!(math.on_failure.policy("trap"), FailurePolicy::Stop);
    assert_eq!(
        math.on_failure.policy("budget-exhausted"),
        FailurePolicy::Zero
    );
    assert_eq!(math.on_failure.policy("internal"), FailurePolicy::Abstain);
    assert_eq!(config.reward["extra"].plugin, "x.wasm");
}

#[test]
fn resolved_toml_reads_back_as_the_same_configuration() {
    let config = load(
        "[data]\ntrain_files = \"a\\\"b.jsonl\"\nformat_prompt = \"Q: {{ content }}\\n\"\n\
         [data.augment]\nrotate = 5\n[reward.b]\nplugin = \"b\"\n[reward.a]\nplugin = \"a\"\n\
         on_failure = { trap = \"stop\" }\nparams = { deep = { er = [1.5, 2] } }\n",
        &["actor.optim.lr=1e-4", "sft.target_accuracy=0.5"],
    )
    .unwrap();
    let text = config.to_toml().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other-name.toml");
    std::fs::write(&path, &text).unwrap();
    let again = Config::load(Some(&path), &[]).unwrap();
    assert_eq!(again, config);
    assert_eq!(again.to_toml().unwrap(), text);
    // Resolved: keys that nobody set are there too.
    assert!(text.contains("skip_grad_norm = 80.0"), "{text}");
    assert!(text.find("[reward.a]").unwrap() < text.find("[reward.b]").unwrap());
}

#[test]
fn several_mistakes_are_told_at_once() {
    let told = load(
        "[rollout]\ntemprature = 1.0\nnn = 2\n[data]\nshuffle = 1",
        &[],
    )
    .unwrap_err();
    assert!(told.starts_with("FILE: 3 keys are wrong:\n  "), "{told}");
    for name in [
        "rollout.temperature",
        "rollout.nn: unknown",
        "data.shuffle: expected true or false",
    ] {
        assert!(told.contains(name), "{name:?} is not in: {told}");
    }
    let told = with(&["rollout.temprature=1", "rollout.n=4", "trainer.seeds=2"]).unwrap_err();
    for name in [
        "2 keys are wrong",
        "override `rollout.temprature=1`",
        "`trainer.seed`",
    ] {
        assert!(told.contains(name), "{name:?} is not in: {told}");
    }
}

#[test]
fn keys_of_other_trainers_are_told_by_their_meaning() {
    for (key, expected) in [
        (
            "actor_rollout_ref.model.path=x",
            "so is `actor.model.model_path` here",
        ),
        (
            "actor_rollout_ref.rollout.n=8",
            "[actor_rollout_ref.rollout]; the nearest known key is `rollout.n`",
        ),
        ("num_generations=8", "so is `rollout.n` here"),
        ("trainer.beta=0.1", "so is `actor.kl_loss_coef` here"),
        (
            "data.max_completion_length=9",
            "so is `data.max_response_length` here",
        ),
        (
            "actor.rollout.tensor_model_parallel_size=2",
            "one device, `trainer.device`",
        ),
    ] {
        let told = with(&[key]).unwrap_err();
        assert!(told.contains(expected), "{key}: {told}");
    }
    // What is like nothing is told without a guess.
    let told = with(&["trainer.zzqx=1"]).unwrap_err();
    assert!(told.ends_with("in section [trainer]"), "{told}");
    // A section of another trainer is told key by key.
    let told = load(
        "[actor_rollout_ref.rollout]\nn = 8\ngpu_memory_utilization = 0.5",
        &[],
    )
    .unwrap_err();
    assert!(
        told.contains("2 keys are wrong") && told.contains("no inference engine"),
        "{told}"
    );
}

#[test]
fn unknown_keys_name_the_nearest_known_key() {
    for (toml, expected) in [
        (
            "[trainr]\nmax_steps = 1",
            "FILE: trainr: unknown key `trainr` at the top level; the nearest known key is `trainer`",
        ),
        (
            "[rollout]\ntemprature = 1.0",
            "FILE: rollout.temprature: unknown key `temprature` in section [rollout]; the nearest \
             known key is `rollout.temperature`",
        ),
        (
            "[actor.optim]\nweight_dekay = 1.0",
            "FILE: actor.optim.weight_dekay: unknown key `weight_dekay` in section [actor.optim]; \
             the nearest known key is `actor.optim.weight_decay`",
        ),
        (
            "[actor]\nlr = 1.0",
            "FILE: actor.lr: unknown key `lr` in section [actor]; the nearest known key is \
             `actor.optim.lr`",
        ),
        (
            "[reward.math.limits]\nfule = 1",
            "FILE: reward.math.limits.fule: unknown key `fule` in section [reward.math.limits]; \
             the nearest known key is `reward.math.limits.fuel`",
        ),
        (
            "[reward.math]\non_failure = { traps = \"stop\" }",
            "FILE: reward.math.on_failure.traps: unknown key `traps` in section \
             [reward.math.on_failure]; the nearest known key is `reward.math.on_failure.trap`",
        ),
    ] {
        assert_eq!(load(toml, &[]).unwrap_err(), expected);
    }
    assert_eq!(
        with(&["actor.optim.lrr=1"]).unwrap_err(),
        "override `actor.optim.lrr=1`: actor.optim.lrr: unknown key `lrr` in section \
         [actor.optim]; the nearest known key is `actor.optim.lr`"
    );
}

#[test]
fn wrong_types_name_the_key_and_what_it_expects() {
    for (text, expected) in [
        (
            "actor.optim.lr=fast",
            "actor.optim.lr: expected a number above 0 and up to 1000, found the string \"fast\"",
        ),
        (
            "rollout.n=2.5",
            "rollout.n: expected an integer from 1 to 65536, found the number 2.5",
        ),
        (
            "rollout.n=-1",
            "rollout.n: expected an integer from 1 to 65536, found the integer -1",
        ),
        (
            "data.shuffle=1",
            "data.shuffle: expected true or false, found the integer 1",
        ),
        (
            "actor.optim.betas=[0.9]",
            "actor.optim.betas: expected a list of 2 numbers of at least 0 and below 1, found the list [0.9]",
        ),
        (
            "trainer.device=tpu",
            "trainer.device: expected one of \"cpu\", \"cuda\", found the string \"tpu\"",
        ),
        (
            "reward.math=0.5",
            "reward.math: expected a table, found the number 0.5",
        ),
        (
            "data.train_files=[1]",
            "data.train_files: expected a string or a list of strings, found the list [1]",
        ),
        (
            "trainer.val_freq=2020-01-01",
            "trainer.val_freq: expected an integer from 1 to 1000000000, or -1, found the date 2020-01-01",
        ),
    ] {
        assert_eq!(
            with(&[text]).unwrap_err(),
            format!("override `{text}`: {expected}")
        );
    }
    assert_eq!(
        load("[data]\nprompt_key = 5", &[]).unwrap_err(),
        "FILE: data.prompt_key: expected a string, found the integer 5"
    );
}

#[test]
fn malformed_overrides_are_errors() {
    assert!(
        with(&["rollout.n"])
            .unwrap_err()
            .contains("expected key=value")
    );
    assert!(with(&["rollout..n=1"]).unwrap_err().contains("empty part"));
    assert!(with(&["=1"]).unwrap_err().contains("empty part"));
    assert!(
        load("[data]\nseed = 1", &["data.seed.deep=1"])
            .unwrap_err()
            .contains("`data.seed` is a value, not a section")
    );
}

#[test]
fn broken_toml_names_file_and_line() {
    let error = load("[data]\nseed = 1\nshuffle = = true\n", &[]).unwrap_err();
    assert!(error.starts_with("FILE:3: "), "{error}");
    let error = load("[data]\nseed = 1\nseed = 2\n", &[]).unwrap_err();
    assert!(error.starts_with("FILE:3: "), "{error}");
    assert!(!error.contains('\n'), "{error}");
    let error = Config::load(Some(Path::new("/nowhere/x.toml")), &[]).unwrap_err();
    assert!(
        error.to_string().starts_with("/nowhere/x.toml: "),
        "{error}"
    );
}

#[test]
fn rewards_from_the_command_line() {
    let mut config = with(&["reward.math.weight=0.5"]).unwrap();
    assert!(
        config
            .validate()
            .unwrap_err()
            .to_string()
            .contains("reward.math.plugin")
    );
    assert_eq!(config.add_reward("dist/math.wasm").unwrap(), "math");
    assert_eq!(config.add_reward("dist/math.wasm").unwrap(), "math");
    assert!((config.reward["math"].weight - 0.5).abs() < 1e-12);
    config.validate().unwrap();
    let error = config
        .add_reward("other/math.wasm")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("dist/math.wasm") && error.contains("other/math.wasm"),
        "{error}"
    );
    assert!(config.add_reward("").is_err());
}

#[test]
fn combinations_that_cannot_be_name_their_keys() {
    for (overrides, parts) in [
        (
            &["data.min_pixels=10", "data.max_pixels=9"][..],
            &["data.min_pixels", "data.max_pixels"][..],
        ),
        (
            &["trainer.val_freq=5"],
            &["trainer.val_freq", "data.val_files"],
        ),
        (&["trainer.val_freq=0"], &["trainer.val_freq", "or -1"]),
        (
            &["data.train_batch_size=16", "actor.ppo_mini_batch_size=5"],
            &[
                "data.train_batch_size (16)",
                "actor.ppo_mini_batch_size (5)",
            ],
        ),
        (
            &["actor.ppo_mini_batch_size=0"],
            &["actor.ppo_mini_batch_size"],
        ),
        (
            &["actor.micro_batch_tokens=100"],
            &["actor.micro_batch_tokens (100)", "1024"],
        ),
        (
            &[
                "actor.optim.lr_warmup_steps=5",
                "actor.optim.lr_warmup_ratio=0.1",
            ],
            &["actor.optim.lr_warmup_steps", "actor.optim.lr_warmup_ratio"],
        ),
        (&["actor.optim.lr=nan"], &["actor.optim.lr"]),
        (&["actor.optim.betas=[0.9, 1.0]"], &["actor.optim.betas"]),
        (&["actor.clip_ratio_c=1"], &["actor.clip_ratio_c"]),
        (
            &["trainer.critic_warmup=3"],
            &["trainer.critic_warmup", "[critic]"],
        ),
        (
            &["critic.ppo_mini_batch_size=5", "data.train_batch_size=16"],
            &[
                "data.train_batch_size (16)",
                "critic.ppo_mini_batch_size (5)",
            ],
        ),
        (&["critic.ppo_epochs=0"], &["critic.ppo_epochs"]),
        (
            &["critic.micro_batch_tokens=100"],
            &["critic.micro_batch_tokens (100)", "1024"],
        ),
        (&["critic.max_grad_norm=0"], &["critic.max_grad_norm"]),
        (&["critic.skip_grad_norm=-1"], &["critic.skip_grad_norm"]),
        (
            &["critic.cliprange_value=0"],
            &["critic.cliprange_value", "inf"],
        ),
        (
            &["critic.cliprange_value=nan"],
            &["critic.cliprange_value", "inf"],
        ),
        (&["critic.optim.lr=0"], &["critic.optim.lr"]),
        (
            &[
                "critic.optim.lr_warmup_steps=5",
                "critic.optim.lr_warmup_ratio=0.1",
            ],
            &[
                "critic.optim.lr_warmup_steps",
                "critic.optim.lr_warmup_ratio",
            ],
        ),
        (&["rollout.temperature=0"], &["rollout.temperature"]),
        (&["rollout.top_p=1.5"], &["rollout.top_p"]),
        (
            &["rollout.val_override_config.n=4"],
            &["rollout.val_override_config.temperature"],
        ),
        (
            &["sft.target_accuracy=0.5"],
            &["sft.target_accuracy", "data.val_files"],
        ),
        (
            &["trainer.experiment_name=a/b"],
            &["trainer.experiment_name"],
        ),
        (
            &["reward.m.plugin=m", "reward.m.limits.fuel=0"],
            &["reward.m.limits.fuel"],
        ),
        (
            &["reward.m.plugin=m", "reward.m.weight=inf"],
            &["reward.m.weight"],
        ),
        (
            &["data.augment.rotate=200"],
            &["data.augment.rotate", "180"],
        ),
    ] {
        let message = invalid(overrides);
        for part in parts {
            assert!(message.contains(part), "{overrides:?}: {message}");
        }
    }
}

#[test]
fn a_command_says_what_it_lacks() {
    let error = |overrides: &[&str]| {
        let config = with(overrides).unwrap();
        config.validate_for_train().unwrap_err().to_string()
    };
    assert!(error(&[]).starts_with("actor.model.model_path: "));
    assert!(error(&["actor.model.model_path=m"]).starts_with("data.train_files: "));
    let base = ["actor.model.model_path=m", "data.train_files=a.jsonl"];
    with(&base).unwrap().validate_for_sft().unwrap();
    assert!(error(&base).starts_with("reward: no reward"));
    assert!(error(&[base[0], base[1], "reward.a={plugin=\"a\", weight=0}"]).contains("weight 0"));
}
