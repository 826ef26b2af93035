//! The value head on the model.

use crate::golden::relative_l2;
use crate::model::{Fixture, largest_difference, vec1};
use candle_core::{Device, Tensor, Var};
use rlhost_trainer::model::{PackedBatch, PackedGroup, ValueModel, Weights};
use std::collections::HashMap;
use std::path::Path;

const SCORE: &str = "score.weight";

fn load(folder: &Path) -> Result<ValueModel, String> {
    ValueModel::load(folder, &Device::Cpu).map_err(|error| error.to_string())
}

fn tensors(folder: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu).unwrap()
}

/// A folder of the fixture's model with other tensors.
fn folder_with(fixture: &Fixture, tensors: &HashMap<String, Tensor>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = "config.json";
    std::fs::copy(
        fixture.golden.folder().join(config),
        dir.path().join(config),
    )
    .unwrap();
    candle_core::safetensors::save(tensors, dir.path().join("model.safetensors")).unwrap();
    dir
}

fn var<'a>(weights: &'a Weights, name: &str) -> &'a Var {
    weights.iter().find(|(known, _)| *known == name).unwrap().1
}

/// The fixture's critic with a head of numbers of all signs and sizes.
fn critic(fixture: &Fixture) -> ValueModel {
    let critic = load(fixture.golden.folder()).unwrap();
    let head: Vec<f32> = (0..64).map(|i| (i as f32 * 2.4).sin() * 0.3).collect();
    let head = Tensor::from_vec(head, (1, 64), &Device::Cpu).unwrap();
    var(critic.weights(), SCORE).set(&head).unwrap();
    critic
}

#[test]
fn a_head_that_no_folder_has_is_zeros() {
    let fixture = Fixture::load();
    let critic = load(fixture.golden.folder()).unwrap();
    let batch = fixture.batch(&[0, 1, 2]);
    let zeros = vec![0.0; batch.targets.len()];
    assert_eq!(vec1(&critic.forward(&batch).unwrap()), zeros);
    assert_eq!(vec1(&critic.evaluate(&batch).unwrap()), zeros);
    assert_eq!(var(critic.weights(), SCORE).dims(), [1, 64]);
    // The output head (300 tokens, 64 wide) is not trained.
    assert_eq!(
        critic.weights().parameter_count(),
        fixture.model.weights().parameter_count() - 300 * 64 + 64
    );
}

/// With a row of the output head as its head, a token's value is a logit of the reference
/// implementation: the one computed from the tokens before it.
#[test]
fn values_are_the_references_logits_before_the_token() {
    let fixture = Fixture::load();
    let critic = load(fixture.golden.folder()).unwrap();
    let batch = fixture.batch(&[0, 1, 2]);
    let logits = fixture.golden.f32s("right.logits");
    let (length, vocabulary) = (49, 300);
    let head = var(fixture.model.weights(), "lm_head.weight");
    for token in [0, 7, 290, 299] {
        let row = head.narrow(0, token, 1).unwrap();
        var(critic.weights(), SCORE).set(&row).unwrap();
        let values = vec1(&critic.evaluate(&batch).unwrap());
        let mut want = Vec::new();
        for (b, sequence) in fixture.sequences.iter().enumerate() {
            let first = sequence.prompt.token_ids.len();
            for t in first..first + sequence.completion.len() {
                want.push(logits[(b * length + t - 1) * vocabulary + token]);
            }
        }
        let spread = want
            .iter()
            .fold(0.0, |largest: f32, x| largest.max(x.abs()));
        assert!(spread > 0.1, "the logits say nothing: {spread}");
        let difference = largest_difference(&values, &want);
        assert!(difference < 1e-4, "token {token}: {difference}");
        let recorded = vec1(&critic.forward(&batch).unwrap());
        assert_eq!(recorded, values);
    }
}

#[test]
fn packing_and_shared_prompts_do_not_matter() {
    let fixture = Fixture::load();
    let critic = critic(&fixture);
    let evaluate = |batch: &PackedBatch| vec1(&critic.evaluate(batch).unwrap());
    let together = evaluate(&fixture.batch(&[0, 1, 2]));
    let apart: Vec<f32> = (0..3)
        .flat_map(|i| evaluate(&fixture.batch(&[i])))
        .collect();
    assert!(largest_difference(&together, &apart) < 2e-5);
    let sequence = &fixture.sequences[0];
    let completions: [&[u32]; 3] = [&sequence.completion, &[5, 6, 7], &[9]];
    let pack =
        |groups: &[PackedGroup<'_>]| evaluate(&PackedBatch::new(critic.config(), groups).unwrap());
    let shared = pack(&[PackedGroup {
        prompt: &sequence.prompt,
        completions: completions.to_vec(),
    }]);
    let single: Vec<f32> = completions
        .iter()
        .flat_map(|completion| {
            pack(&[PackedGroup {
                prompt: &sequence.prompt,
                completions: vec![completion],
            }])
        })
        .collect();
    assert!(largest_difference(&shared, &single) < 2e-5);
    let first = sequence.completion.len();
    assert_eq!(
        shared[0], shared[first],
        "the first token is not seen by its own value"
    );
}

/// Every gradient, the head's and the trunk's, is the slope along itself.
#[test]
fn gradients_are_finite_differences() {
    let fixture = Fixture::load();
    let critic = critic(&fixture);
    let batch = fixture.batch(&[0, 1, 2]);
    let count = batch.targets.len();
    let factors: Vec<f32> = (0..count).map(|i| (i as f32 * 1.7).cos()).collect();
    let factors = Tensor::from_vec(factors, count, &Device::Cpu).unwrap();
    let sum = |values: Tensor| (values * &factors).unwrap().sum_all().unwrap();
    let gradients = sum(critic.forward(&batch).unwrap()).backward().unwrap();
    let value = || {
        let sum = sum(critic.evaluate(&batch).unwrap());
        f64::from(sum.to_scalar::<f32>().unwrap())
    };
    let mut compared = 0;
    for (name, var) in critic.weights().iter() {
        let gradient = gradients
            .get(var)
            .unwrap_or_else(|| panic!("{name} has no gradient"));
        let norm = gradient.sqr().unwrap().sum_all().unwrap();
        let norm = f64::from(norm.to_scalar::<f32>().unwrap()).sqrt();
        let before = var.as_tensor().copy().unwrap();
        // A move that changes the sum by about a hundredth, but no weight by much.
        let h = (1e-2 / norm).min(1e-2);
        let at = |move_by: f64| {
            let shift = (gradient * (move_by / norm)).unwrap();
            var.set(&(&before + shift).unwrap()).unwrap();
            value()
        };
        let slope = (at(h) - at(-h)) / (2.0 * h);
        var.set(&before).unwrap();
        // Weights of little influence drown in the rounding of f32.
        let noise = 4e-6 / h;
        assert!(
            (slope - norm).abs() < 0.01 * norm + noise,
            "{name}: {slope} along a gradient of norm {norm}"
        );
        compared += usize::from(noise < 0.1 * norm);
    }
    assert!(compared > 40, "{compared} gradients say something");
    // The head's gradient is the sum of the states themselves.
    let states = fixture.model.final_states(&batch).unwrap();
    let rows: Vec<u32> = batch.targets.iter().map(|t| t.row as u32).collect();
    let rows = Tensor::from_vec(rows, count, &Device::Cpu).unwrap();
    let states = states.index_select(&rows, 0).unwrap();
    let want = factors.unsqueeze(0).unwrap().matmul(&states).unwrap();
    let head = gradients.get(var(critic.weights(), SCORE)).unwrap();
    let flat = |x: &Tensor| vec1(&x.flatten_all().unwrap());
    assert!(relative_l2(&flat(head), &flat(&want)) < 1e-5);
}

#[test]
fn folders_are_read_and_written_whole() {
    let fixture = Fixture::load();
    let batch = fixture.batch(&[0, 1, 2]);
    let before = critic(&fixture);
    let values = vec1(&before.evaluate(&batch).unwrap());
    let dir = folder_with(&fixture, &HashMap::new());
    before.weights().save(dir.path()).unwrap();
    let again = load(dir.path()).unwrap();
    assert_eq!(vec1(&again.evaluate(&batch).unwrap()), values);
    // The output head goes along, and a folder may lack it.
    let mut saved = tensors(dir.path());
    let head = saved.remove("lm_head.weight").unwrap();
    let original = var(fixture.model.weights(), "lm_head.weight");
    assert_eq!(
        head.to_vec2::<f32>().unwrap(),
        original.to_vec2::<f32>().unwrap()
    );
    let headless = load(folder_with(&fixture, &saved).path()).unwrap();
    assert_eq!(vec1(&headless.evaluate(&batch).unwrap()), values);
}

#[test]
fn heads_of_another_kind_are_refused() {
    let fixture = Fixture::load();
    let with = |name: &str, tensor: Tensor| {
        let mut all = tensors(fixture.golden.folder());
        all.insert(name.to_owned(), tensor);
        load(folder_with(&fixture, &all).path()).map(|_| ())
    };
    let full = |shape: &[usize], value: f64| {
        (Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu).unwrap() * value).unwrap()
    };
    let labels = with(SCORE, full(&[2, 64], 1.0)).unwrap_err();
    assert!(
        labels.contains(SCORE) && labels.contains("[2, 64]"),
        "{labels}"
    );
    let bias = with("score.bias", full(&[1], 0.5)).unwrap_err();
    assert!(bias.contains("score.bias"), "{bias}");
    with("score.bias", full(&[1], 0.0)).unwrap();
    with(SCORE, full(&[1, 64], 1.0)).unwrap();
}
