//! A critic on the golden checkpoint, a model of two blocks.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use super::*;
use crate::config::CriticConfig;
use crate::model::Model;
use crate::processor::{ImagePatches, PreparedPrompt};
use crate::run::{Checkpoint, CheckpointState, RunFolder};
use std::fs;
use tempfile::TempDir;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/goldens/qwen2_5_vl")
}

fn config(change: impl FnOnce(&mut CriticConfig)) -> Config {
    let mut critic = CriticConfig::default();
    critic.optim.lr = 1e-3;
    change(&mut critic);
    let mut config = Config {
        critic: Some(critic),
        ..Config::default()
    };
    config.data.max_response_length = 8;
    config
}

fn open(config: &Config, actor: &Path) -> Critic {
    let critic = Critic::open(config, &Device::Cpu, actor, 100).unwrap();
    critic.unwrap()
}

/// A model folder whose head is not zero.
fn with_head() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    checkpoint::copy_description(&golden(), dir.path()).unwrap();
    let critic = ValueModel::load(&golden(), &Device::Cpu).unwrap();
    let (_, head) = critic
        .weights()
        .iter()
        .find(|(name, _)| *name == "score.weight")
        .unwrap();
    let values: Vec<f32> = (0..64).map(|i| (i as f32 * 2.4).sin() * 0.3).collect();
    let values = candle_core::Tensor::from_vec(values, (1, 64), &Device::Cpu).unwrap();
    head.set(&values).unwrap();
    critic.weights().save(dir.path()).unwrap();
    dir
}

/// Three prompts, one of them with a picture, and completions of several lengths.
struct Samples {
    prompts: Vec<PreparedPrompt>,
    completions: Vec<Vec<Vec<u32>>>,
}

impl Samples {
    fn new() -> Self {
        let prompt = |token_ids: &[u32], images| PreparedPrompt {
            text: String::new(),
            token_ids: token_ids.to_vec(),
            images,
        };
        // Four by four patches are four placeholders.
        let picture = ImagePatches {
            grid: [1, 4, 4],
            values: (0..16 * 1176).map(|i| (i as f32 * 0.37).sin()).collect(),
        };
        Self {
            prompts: vec![
                prompt(&[5, 6, 7, 8], vec![]),
                prompt(&[9, 292, 295, 295, 295, 295, 293, 11], vec![picture]),
                prompt(&[30, 31], vec![]),
            ],
            completions: vec![
                vec![vec![40, 41, 42, 290], vec![43, 290]],
                vec![vec![44, 45, 290], vec![46, 47, 48, 49, 290]],
                vec![vec![50], vec![51, 52, 53, 290]],
            ],
        }
    }

    fn batch(&self) -> Batch<'_> {
        let groups = self.prompts.iter().zip(&self.completions);
        let groups = groups
            .map(|(prompt, completions)| (prompt, completions.iter().map(Vec::as_slice).collect()));
        Batch::new(groups.collect()).unwrap()
    }
}

/// Returns between -1 and 1 that differ from token to token.
fn returns(rows: &Rows) -> Vec<f64> {
    (0..rows.tokens()).map(|i| (i as f64 * 1.3).sin()).collect()
}

fn weights(critic: &Critic) -> Vec<f64> {
    let all = critic.model.weights().iter();
    all.flat_map(|(_, var)| host_values(&var.flatten_all().unwrap()).unwrap())
        .collect()
}

#[test]
fn there_is_no_critic_without_its_table() {
    let critic = Critic::open(&Config::default(), &Device::Cpu, &golden(), 1).unwrap();
    assert!(critic.is_none());
}

#[test]
fn first_values_are_zero_and_the_first_metrics_follow_by_hand() {
    let samples = Samples::new();
    let batch = samples.batch();
    let rows = batch.rows();
    let mut config = config(|critic| critic.optim.lr_warmup_steps = Some(4));
    config.validate().unwrap();
    let mut critic = open(&config, &golden());
    let values = critic.values(&batch, rows).unwrap();
    assert_eq!(values, vec![0.0; rows.tokens()]);
    let returns = returns(rows);
    let metrics = critic.update(1, &batch, rows, &values, &returns).unwrap();
    let loss = returns.iter().map(|r| 0.5 * r * r).sum::<f64>() / returns.len() as f64;
    assert!((metrics["critic/vf_loss"] - loss).abs() < 1e-12);
    assert_eq!(metrics["critic/vpred_mean"], 0.0);
    assert_eq!(metrics["critic/vf_clipfrac"], 0.0);
    assert!(metrics["critic/vf_explained_var"].abs() < 1e-12);
    assert_eq!(metrics["critic/skipped_updates"], 0.0);
    assert!(metrics["critic/grad_norm"] > 0.0);
    // The second of four steps of warm-up.
    assert!(
        (metrics["critic/lr"] - 0.25e-3).abs() < 1e-15,
        "{metrics:?}"
    );
    assert_ne!(critic.values(&batch, rows).unwrap(), values);
    // Every gradient is too large for this one.
    config.critic.as_mut().unwrap().skip_grad_norm = 1e-9;
    let mut critic = open(&config, &golden());
    let before = weights(&critic);
    let metrics = critic.update(9, &batch, rows, &values, &returns).unwrap();
    assert_eq!(metrics["critic/skipped_updates"], 1.0);
    assert_eq!(weights(&critic), before);
}

#[test]
fn tokens_that_are_not_trained_have_no_value_and_no_part_in_the_loss() {
    let samples = Samples::new();
    let batch = samples.batch();
    let dir = with_head();
    let config = config(|_| {});
    let mut critic = open(&config, dir.path());
    let whole = critic.values(&batch, batch.rows()).unwrap();
    assert!(whole.iter().all(|value| *value != 0.0));
    // Row 0 has a hole, row 2 is left out.
    let mut mask = vec![true; batch.rows().tokens()];
    mask[1] = false;
    mask[batch.rows().range(2)].fill(false);
    let rows = Rows::new(batch.rows().offsets().to_vec(), mask.clone()).unwrap();
    let values = critic.values(&batch, &rows).unwrap();
    let mut returns = returns(&rows);
    for (token, trained) in mask.iter().enumerate() {
        if *trained {
            assert!((values[token] - whole[token]).abs() < 1e-5);
        } else {
            assert_eq!(values[token], 0.0);
            returns[token] = f64::NAN;
        }
    }
    let metrics = critic.update(0, &batch, &rows, &values, &returns).unwrap();
    assert!(
        metrics.values().all(|value| value.is_finite()),
        "{metrics:?}"
    );
    assert_eq!(metrics["critic/skipped_updates"], 0.0);
    assert!(weights(&critic).iter().all(|weight| weight.is_finite()));
    // Nothing at all is no update.
    let nothing = Rows::new(rows.offsets().to_vec(), vec![false; rows.tokens()]).unwrap();
    let before = weights(&critic);
    let metrics = critic
        .update(0, &batch, &nothing, &values, &returns)
        .unwrap();
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["critic/lr"]);
    assert_eq!(weights(&critic), before);
}

/// The change of all weights is the same however the mini-batches are cut into forward passes.
#[test]
fn micro_batches_do_not_change_the_update() {
    let samples = Samples::new();
    let batch = samples.batch();
    let dir = with_head();
    for mode in crate::config::LossAggMode::NAMES {
        let updated = |budget: usize| {
            let config = config(|critic| {
                // A large epsilon: else Adam blows the rounding of tiny gradients up to whole steps.
                critic.optim.eps = 1.0;
                critic.optim.lr = 1e-2;
                critic.optim.weight_decay = 0.0;
                critic.skip_grad_norm = 1e9;
                critic.ppo_mini_batch_size = Some(2);
                critic.ppo_epochs = Some(2);
                critic.micro_batch_tokens = Some(budget);
                critic.loss_agg_mode = serde_json::from_str(&format!("{mode:?}")).unwrap();
            });
            let mut critic = open(&config, dir.path());
            let before = weights(&critic);
            let rows = batch.rows();
            let values = critic.values(&batch, rows).unwrap();
            let metrics = critic.update(0, &batch, rows, &values, &returns(rows));
            let after = weights(&critic);
            let change = after.iter().zip(&before).map(|(a, b)| a - b);
            (metrics.unwrap(), change.collect::<Vec<f64>>())
        };
        let (metrics, change) = updated(4096);
        let (cut_metrics, cut_change) = updated(1);
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let difference: Vec<f64> = change.iter().zip(&cut_change).map(|(a, b)| a - b).collect();
        let relative = norm(&difference) / norm(&change);
        assert!(
            norm(&change) > 1e-4 && relative < 1e-3,
            "{mode}: {relative}"
        );
        for (name, value) in &metrics {
            let cut = cut_metrics[name];
            assert!(
                (value - cut).abs() < 1e-4 * value.abs().max(0.1),
                "{mode}, {name}"
            );
        }
    }
}

#[test]
fn a_critic_learns_the_returns() {
    let samples = Samples::new();
    let batch = samples.batch();
    let rows = batch.rows();
    let mut returns = returns(rows);
    // The first tokens of a prompt's completions share their state and so their value.
    for group in 0..batch.group_count() {
        for row in batch.rows_of_groups(group..group + 1) {
            returns[rows.range(row).start] = 0.3 - group as f64;
        }
    }
    let mut critic = open(&config(|critic| critic.optim.lr = 3e-3), &golden());
    let mut losses = Vec::new();
    for step in 0..40 {
        let values = critic.values(&batch, rows).unwrap();
        let metrics = critic
            .update(step, &batch, rows, &values, &returns)
            .unwrap();
        losses.push(metrics["critic/vf_loss"]);
    }
    assert!(losses[39] < losses[0] / 50.0, "{losses:?}");
    let values = critic.values(&batch, rows).unwrap();
    let explained = explained_variance(rows, &values, &returns)
        .unwrap()
        .unwrap();
    assert!(explained > 0.9, "{explained}");
}

/// The clip is about the values at the start of the step, in every epoch.
#[test]
fn values_that_have_moved_too_far_are_clipped() {
    let samples = Samples::new();
    let batch = samples.batch();
    let rows = batch.rows();
    let clipped = |range: f64| {
        let config = config(|critic| {
            critic.ppo_epochs = Some(2);
            critic.cliprange_value = range;
            critic.optim.lr = 1e-2;
        });
        let mut critic = open(&config, &golden());
        let values = critic.values(&batch, rows).unwrap();
        let metrics = critic.update(0, &batch, rows, &values, &returns(rows));
        metrics.unwrap()["critic/vf_clipfrac"]
    };
    assert_eq!(clipped(f64::INFINITY), 0.0);
    let share = clipped(1e-6);
    // None in the first epoch, most in the second.
    assert!((0.2..=0.5).contains(&share), "{share}");
}

fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn a_checkpoint_brings_the_critic_back() {
    let samples = Samples::new();
    let batch = samples.batch();
    let rows = batch.rows();
    let returns = returns(rows);
    let config =
        config(|critic| critic.optim.lr_scheduler_type = crate::config::LrScheduler::Linear);
    let step = |critic: &mut Critic, step| {
        let values = critic.values(&batch, rows).unwrap();
        critic
            .update(step, &batch, rows, &values, &returns)
            .unwrap()
    };
    let mut critic = open(&config, &golden());
    for done in 0..3 {
        step(&mut critic, done);
    }
    let temp = tempfile::tempdir().unwrap();
    let run = RunFolder::create(temp.path().join("run"), "").unwrap();
    let save = |critic: &Critic, step: u64| {
        let state = CheckpointState {
            step,
            draw: 0,
            kl_controller: None,
            metrics_len: 0,
            config_digest: run.config_digest().unwrap(),
            chain_len: 0,
            chain: rlhost_host::Digest::of(b""),
        };
        let saved = run.save_checkpoint(&state, |folder| critic.save(folder));
        saved.unwrap().path().to_owned()
    };
    let saved = save(&critic, 3);
    let mut again = open(&config, &golden());
    again.restore(&saved).unwrap();
    assert_eq!(
        again.values(&batch, rows).unwrap(),
        critic.values(&batch, rows).unwrap()
    );
    assert_eq!(
        tree(&save(&again, 4).join(FOLDER)),
        tree(&saved.join(FOLDER))
    );
    // Moments and schedule go on as well.
    assert_eq!(step(&mut again, 3), step(&mut critic, 3));
    let (a, b) = (save(&critic, 5), save(&again, 6));
    let files = tree(&a.join(FOLDER));
    assert_eq!(files, tree(&b.join(FOLDER)));
    let names: Vec<&String> = files.keys().collect();
    for name in ["config.json", "model.safetensors", "optimizer.safetensors"] {
        assert!(names.iter().any(|known| *known == name), "{names:?}");
    }
    // It is a model folder, for the critic of another run.
    let other = config_with_model(&saved.join(FOLDER));
    assert_eq!(
        open(&other, &golden()).values(&batch, rows).unwrap().len(),
        rows.tokens()
    );
    // A checkpoint with half a critic is damaged.
    Checkpoint::open(&a).unwrap();
    let optimizer = a.join(FOLDER).join(checkpoint::OPTIMIZER);
    let file = fs::OpenOptions::new().write(true).open(&optimizer).unwrap();
    file.set_len(100).unwrap();
    let error = Checkpoint::open(&a).unwrap_err().to_string();
    assert!(error.contains("critic/optimizer.safetensors"), "{error}");
}

fn config_with_model(folder: &Path) -> Config {
    config(|critic| critic.model.model_path = Some(folder.to_owned()))
}

#[test]
fn a_critic_that_reads_otherwise_than_the_actor_is_refused() {
    for (from, to, key) in [
        ("\"vocab_size\": 300", "\"vocab_size\": 299", "299 tokens"),
        (
            "\"image_token_id\": 295",
            "\"image_token_id\": 294",
            "image_token_id",
        ),
        ("\"patch_size\": 14", "\"patch_size\": 7", "patch_size"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(golden().join("config.json")).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(dir.path().join("config.json"), text.replace(from, to)).unwrap();
        let model = ModelConfig::load(dir.path()).unwrap();
        let model = Model::random(model, 1, &Device::Cpu).unwrap();
        model.weights().save(dir.path()).unwrap();
        let config = config_with_model(dir.path());
        let error = match Critic::open(&config, &Device::Cpu, &golden(), 1) {
            Ok(_) => panic!("{to} was accepted"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(key) && error.contains("critic"), "{error}");
    }
}
