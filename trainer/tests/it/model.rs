//! The model against what the reference implementation computed (tests/fixtures/goldens).

use crate::golden::{Golden, relative_l2};
use candle_core::{Device, Tensor};
use rlhost_trainer::model::{
    CacheRow, Model, PackedBatch, PackedGroup, SequenceCache, prompt_positions,
};
use rlhost_trainer::processor::{ImagePatches, PreparedPrompt};

/// A sequence of the golden batch, cut into prompt and completion.
pub struct Sequence {
    pub prompt: PreparedPrompt,
    pub completion: Vec<u32>,
    /// Whether each completion token counts as a target.
    counted: Vec<bool>,
}

pub struct Fixture {
    pub golden: Golden,
    pub model: Model,
    pub sequences: Vec<Sequence>,
}

impl Fixture {
    pub fn load() -> Self {
        let golden = Golden::load("qwen2_5_vl");
        let model = Model::load(golden.folder(), &Device::Cpu).unwrap();
        let images: Vec<ImagePatches> = (0..3)
            .map(|i| ImagePatches {
                grid: {
                    let grids = golden.u32s("image_grid_thw");
                    [0, 1, 2].map(|axis| grids[i * 3 + axis] as usize)
                },
                values: golden.f32s(&format!("img{i}.pixel_values")),
            })
            .collect();
        let ids = golden.rows_u32("right.input_ids");
        let mask = golden.rows_u32("right.completion_mask");
        let cases = golden.cases();
        let sequences = cases["sequences"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .map(|(b, case)| {
                let (length, prompt_len) = (
                    case["length"].as_u64().unwrap() as usize,
                    case["prompt_len"].as_u64().unwrap() as usize,
                );
                let pictures = case["images"].as_array().unwrap();
                Sequence {
                    prompt: PreparedPrompt {
                        text: String::new(),
                        token_ids: ids[b][..prompt_len].to_vec(),
                        images: pictures
                            .iter()
                            .map(|i| images[i.as_u64().unwrap() as usize].clone())
                            .collect(),
                    },
                    completion: ids[b][prompt_len..length].to_vec(),
                    counted: mask[b][prompt_len..length]
                        .iter()
                        .map(|m| *m == 1)
                        .collect(),
                }
            })
            .collect();
        Self {
            golden,
            model,
            sequences,
        }
    }

    pub fn batch(&self, which: &[usize]) -> PackedBatch {
        let groups: Vec<PackedGroup> = which
            .iter()
            .map(|i| PackedGroup {
                prompt: &self.sequences[*i].prompt,
                completions: vec![&self.sequences[*i].completion],
            })
            .collect();
        PackedBatch::new(self.model.config(), &groups).unwrap()
    }
}

pub fn vec1(x: &Tensor) -> Vec<f32> {
    x.to_vec1().unwrap()
}

pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn logits_log_probs_and_entropies_agree() {
    let fixture = Fixture::load();
    let batch = fixture.batch(&[0, 1, 2]);
    let states = fixture.model.final_states(&batch).unwrap();
    let logits: Vec<Vec<f32>> = fixture.model.logits(&states).unwrap().to_vec2().unwrap();
    let want = fixture.golden.f32s("right.logits");
    let (length, vocabulary) = (49, 300);
    let mut row = 0;
    for (b, sequence) in fixture.sequences.iter().enumerate() {
        // The completion's last token predicts nothing and has no row.
        let rows = sequence.prompt.token_ids.len() + sequence.completion.len() - 1;
        for t in 0..rows {
            let start = (b * length + t) * vocabulary;
            let difference = largest_difference(&logits[row], &want[start..start + vocabulary]);
            assert!(difference < 1e-4, "sequence {b}, token {t}: {difference}");
            row += 1;
        }
    }
    for temperature in ["1.0", "0.7"] {
        let out = fixture
            .model
            .forward(&batch, temperature.parse().unwrap())
            .unwrap();
        let (logp, entropy) = (vec1(&out.logp), vec1(&out.entropy));
        let want_logp = fixture
            .golden
            .f32s(&format!("right.logprobs_t{temperature}"));
        let want_entropy = fixture
            .golden
            .f32s(&format!("right.entropy_t{temperature}"));
        let mut at = 0;
        let mut compared = 0;
        for (b, sequence) in fixture.sequences.iter().enumerate() {
            for (i, counted) in sequence.counted.iter().enumerate() {
                let t = b * length + sequence.prompt.token_ids.len() + i;
                if *counted {
                    assert!((logp[at] - want_logp[t]).abs() < 1e-4);
                    assert!((entropy[at] - want_entropy[t]).abs() < 1e-4);
                    compared += 1;
                }
                at += 1;
            }
        }
        assert!(compared > 20);
    }
}

#[test]
fn loss_and_every_gradient_agree() {
    let fixture = Fixture::load();
    let batch = fixture.batch(&[0, 1, 2]);
    let out = fixture.model.forward(&batch, 1.0).unwrap();
    let weights: Vec<f32> = fixture
        .sequences
        .iter()
        .flat_map(|s| s.counted.iter().map(|c| f32::from(u8::from(*c))))
        .collect();
    let count: f32 = weights.iter().sum();
    let weights = Tensor::from_vec(weights, out.logp.shape(), &Device::Cpu).unwrap();
    let loss =
        ((out.logp * weights).unwrap().sum_all().unwrap() * f64::from(-1.0 / count)).unwrap();
    let want = fixture.golden.f32s("right.loss")[0];
    assert!((loss.to_scalar::<f32>().unwrap() - want).abs() < 1e-5);
    let gradients = loss.backward().unwrap();
    let mut compared = 0;
    for (name, var) in fixture.model.weights().iter() {
        let gradient = gradients
            .get(var)
            .unwrap_or_else(|| panic!("{name} has no gradient"));
        let got: Vec<f32> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        let want = fixture.golden.f32s(&format!("grad.{name}"));
        let error = relative_l2(&got, &want);
        assert!(error < 1e-4, "{name}: relative error {error}");
        compared += 1;
    }
    assert_eq!(compared, fixture.golden.names("grad.").count());
}

#[test]
fn packed_sequences_equal_single_ones() {
    let fixture = Fixture::load();
    let together = vec1(
        &fixture
            .model
            .forward(&fixture.batch(&[0, 1, 2]), 1.0)
            .unwrap()
            .logp,
    );
    let mut apart = Vec::new();
    for i in 0..3 {
        apart.extend(vec1(
            &fixture
                .model
                .forward(&fixture.batch(&[i]), 1.0)
                .unwrap()
                .logp,
        ));
    }
    let difference = largest_difference(&together, &apart);
    assert!(difference < 2e-5, "{difference}");
}

#[test]
fn completions_that_share_a_prompt_equal_repeated_prompts() {
    let fixture = Fixture::load();
    let sequence = &fixture.sequences[0];
    let completions: [&[u32]; 4] = [&sequence.completion, &[5, 6, 7], &[9], &[290, 4]];
    let config = fixture.model.config();
    let shared = PackedBatch::new(
        config,
        &[PackedGroup {
            prompt: &sequence.prompt,
            completions: completions.to_vec(),
        }],
    )
    .unwrap();
    let repeated: Vec<PackedGroup> = completions
        .iter()
        .map(|completion| PackedGroup {
            prompt: &sequence.prompt,
            completions: vec![completion],
        })
        .collect();
    let repeated = PackedBatch::new(config, &repeated).unwrap();
    assert!(shared.token_ids.len() < repeated.token_ids.len() / 2);
    let run = |batch: &PackedBatch| {
        let out = fixture.model.forward(batch, 1.0).unwrap();
        let gradients = out.logp.sum_all().unwrap().backward().unwrap();
        let gradients: Vec<Vec<f32>> = fixture
            .model
            .weights()
            .iter()
            .map(|(_, var)| {
                gradients
                    .get(var)
                    .unwrap()
                    .flatten_all()
                    .unwrap()
                    .to_vec1()
                    .unwrap()
            })
            .collect();
        (vec1(&out.logp), gradients)
    };
    let ((a, a_gradients), (b, b_gradients)) = (run(&shared), run(&repeated));
    assert!(largest_difference(&a, &b) < 2e-5);
    for (a, b) in a_gradients.iter().zip(&b_gradients) {
        assert!(relative_l2(a, b) < 1e-4);
    }
}

/// Greedy decoding with the cache gives the reference's tokens and logits.
#[test]
fn cached_decoding_agrees() {
    let fixture = Fixture::load();
    let config = fixture.model.config();
    for (b, sequence) in fixture.sequences.iter().enumerate() {
        let group = PackedGroup {
            prompt: &sequence.prompt,
            completions: vec![],
        };
        let batch = PackedBatch::new(config, &[group]).unwrap();
        let grids: Vec<[usize; 3]> = sequence.prompt.images.iter().map(|i| i.grid).collect();
        let next = prompt_positions(&sequence.prompt.token_ids, 295, &grids, 2)
            .unwrap()
            .next;
        let (mut logits, prefixes) = fixture.model.prefill(&batch).unwrap();
        let width = config.text.kv_heads() * config.text.head_dim();
        let mut own = SequenceCache::beside(&prefixes[0], 12, width);
        let want = fixture.golden.f32s(&format!("gen{b}.logits"));
        let tokens = fixture.golden.u32s(&format!("gen{b}.tokens"));
        for (step, token) in tokens.iter().enumerate() {
            let row = vec1(&logits.squeeze(0).unwrap());
            let difference = largest_difference(&row, &want[step * 300..(step + 1) * 300]);
            assert!(difference < 1e-4, "sequence {b}, step {step}: {difference}");
            let best = row
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(b.1))
                .map(|(i, _)| i as u32);
            assert_eq!(best, Some(*token));
            logits = fixture
                .model
                .decode(&mut [CacheRow {
                    token: *token,
                    position: next + step as u32,
                    prefix: &prefixes[0],
                    own: &mut own,
                }])
                .unwrap();
        }
    }
}

#[test]
fn positions_agree_with_the_reference_table() {
    let table: serde_json::Value = crate::golden::json("tables/rope_index.json");
    let table = &table["qwen2_5_vl"];
    let image = table["special_tokens"]["img"].as_u64().unwrap() as u32;
    let number = |v: &serde_json::Value| v.as_i64().unwrap();
    let mut compared = 0;
    for case in table["cases"].as_array().unwrap() {
        let mut grids = case["image_grid_thw"]
            .as_array()
            .unwrap()
            .iter()
            .map(|grid| [0, 1, 2].map(|axis| number(&grid[axis]) as usize));
        for (b, ids) in case["input_ids"].as_array().unwrap().iter().enumerate() {
            let valid: Vec<usize> = case["attention_mask"][b]
                .as_array()
                .unwrap()
                .iter()
                .enumerate()
                .filter(|(_, m)| number(m) == 1)
                .map(|(i, _)| i)
                .collect();
            let tokens: Vec<u32> = valid.iter().map(|i| number(&ids[*i]) as u32).collect();
            let starts = |i: usize| tokens[i] == image && (i == 0 || tokens[i - 1] != image);
            let pictures = (0..tokens.len()).filter(|i| starts(*i)).count();
            let mine: Vec<[usize; 3]> = grids.by_ref().take(pictures).collect();
            let placed = prompt_positions(&tokens, image, &mine, 2).unwrap();
            for (i, position) in valid.iter().zip(&placed.positions) {
                for axis in 0..3 {
                    let want = number(&case["position_ids"][axis][b][*i]);
                    assert_eq!(i64::from(position[axis]), want, "{}", case["name"]);
                }
            }
            let delta = number(&case["delta_valid"][b]);
            assert_eq!(i64::from(placed.next) - tokens.len() as i64, delta);
            compared += 1;
        }
    }
    assert!(compared >= 3);
}
