//! What surrounds the arithmetic: sequences, schedules, positions, images.

use crate::{all_close, close, flat, integers, number, text};
use candle_core::{DType, Device, Tensor};
use rlhost_trainer::algorithm::{
    balanced_partition, hint_ratio_bound, response_len, sequence_workload,
};
use rlhost_trainer::model::visual_positions;
use rlhost_trainer::ops::log_prob;
use rlhost_trainer::optim::schedule::{Decay, Schedule, Warmup};
use rlhost_trainer::processor::fit_pixels;
use serde_json::Value;

pub fn response_mask(case: &Value) {
    let stop = match &case["eos_token_id"] {
        Value::Array(_) => integers(&case["eos_token_id"]),
        id => vec![id.as_u64().unwrap() as u32],
    };
    let ids = case["response_ids"].as_array().unwrap().iter();
    for (ids, mask) in ids.zip(case["expected_mask"].as_array().unwrap()) {
        let ids: Vec<u32> = integers(ids);
        let len = response_len(&ids, &stop);
        let found: Vec<u32> = (0..ids.len()).map(|t| u32::from(t < len)).collect();
        assert_eq!(found, integers::<u32>(mask), "{ids:?}");
    }
}

/// The settings in a case's `params`, such as `warmup=5,total=10`.
fn setting(params: &str, key: &str) -> Option<f64> {
    let mut pairs = params.split(',').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
    value.trim().parse().ok()
}

pub fn lr_schedule(case: &Value) {
    let (kind, params) = (text(&case["type"]), text(&case["params"]));
    let wanted = flat(&case["lr_multiplier_by_step"]);
    let warmup = setting(params, "warmup").unwrap() as u64;
    let (decay, total, until) = match kind {
        "constant" => (Decay::Constant, wanted.len(), wanted.len()),
        "cosine_default" => {
            let min_lr_ratio = setting(params, "min_lr_ratio").unwrap_or(0.0);
            // Past its last step RLLaVA's cosine rises again; ours stays at the end.
            let total = setting(params, "total").unwrap() as usize;
            let until = wanted.len().min(total + 1);
            (Decay::Cosine { min_lr_ratio }, total, until)
        }
        other => panic!("unknown schedule `{other}`"),
    };
    let schedule = Schedule::new(decay, Warmup::Steps(warmup), total as u64).unwrap();
    let found: Vec<f64> = (0..until as u64).map(|s| schedule.factor(s)).collect();
    all_close(kind, &found, &wanted[..until]);
}

pub fn seqlen_balance(case: &Value) {
    assert_eq!(case["equal_size"], false, "parts of equal size");
    let lengths: Vec<u64> = integers(&case["seqlens"]);
    let workloads: Vec<u64> = lengths.iter().map(|s| sequence_workload(*s)).collect();
    assert_eq!(workloads, integers::<u64>(&case["workloads"]));
    let parts = case["k"].as_u64().unwrap() as usize;
    let mut found = balanced_partition(&workloads, parts);
    let wanted = case["expected_partitions_by_workload"].as_array().unwrap();
    let mut wanted: Vec<Vec<usize>> = wanted.iter().map(integers).collect();
    // Parts have no order.
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "{lengths:?}");
}

pub fn entropy_logprob(case: &Value) {
    let logits = case["logits"].as_array().unwrap().iter();
    let rows: Vec<&Value> = logits.flat_map(|row| row.as_array().unwrap()).collect();
    let vocabulary = rows[0].as_array().unwrap().len();
    let labels: Vec<u32> = flat(&case["labels"]).iter().map(|l| *l as u32).collect();
    let values: Vec<f64> = rows.iter().flat_map(|row| flat(row)).collect();
    let shape = (rows.len(), vocabulary);
    // An output matrix of one makes the hidden states the logits.
    let run = |dtype: DType| {
        let hidden = Tensor::from_vec(values.clone(), shape, &Device::Cpu).unwrap();
        let hidden = hidden.to_dtype(dtype).unwrap();
        let weight = Tensor::eye(vocabulary, dtype, &Device::Cpu).unwrap();
        let out = log_prob(&hidden, &weight, &labels, number(&case["temperature"])).unwrap();
        let host = |tensor: Tensor| -> Vec<f64> {
            let tensor = tensor.to_dtype(DType::F64).unwrap();
            tensor.to_vec1().unwrap()
        };
        (host(out.logp), host(out.entropy))
    };
    // RLLaVA takes −Σ p ln(p + 1e-8), which is −Σ (p ln p + 1e-8) but for terms of 1e-16 / p.
    let entropies: Vec<f64> = flat(&case["expected_entropy"])
        .iter()
        .map(|entropy| entropy + vocabulary as f64 * 1e-8)
        .collect();
    let (logp, entropy) = run(DType::F64);
    all_close("logp", &logp, &flat(&case["expected_log_prob"]));
    all_close("entropy", &entropy, &entropies);
    // The fused operation computes in f32.
    let (fused_logp, fused_entropy) = run(DType::F32);
    for (found, wanted) in [(fused_logp, logp), (fused_entropy, entropy)] {
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 2e-6, "{found} {wanted}");
        }
    }
}

pub fn hint_schedule(case: &Value) {
    let found = hint_ratio_bound(
        case["global_step"].as_u64().unwrap(),
        case["hint_steps"].as_u64().unwrap(),
        number(&case["min_prefix_ratio"]),
        number(&case["max_prefix_ratio"]),
    );
    close("hint", found, number(&case["uniform_upper_bound"]));
}

pub fn mrope(case: &Value) {
    let name = format!("{} {}", case["model"], case["case"]);
    let models = ["qwen2_vl/qwen2_5_vl", "qwen3_vl"];
    assert!(models.contains(&text(&case["model"])), "{name}");
    let ids: Vec<u32> = integers(&case["input_ids"]);
    // Left padding has no position.
    let valid: Vec<usize> = match case["attention_mask"].as_array() {
        Some(mask) => (0..ids.len()).filter(|&i| mask[i] == 1).collect(),
        None => (0..ids.len()).collect(),
    };
    let tokens: Vec<u32> = valid.iter().map(|&i| ids[i]).collect();
    let (placeholder, grids) = match &case["video_grid_thw"] {
        Value::Null => (151_655, &case["image_grid_thw"]),
        video => (151_656, video),
    };
    let grids: Vec<[usize; 3]> = grids
        .as_array()
        .into_iter()
        .flatten()
        .map(|grid| integers(grid).try_into().unwrap())
        .collect();
    // "video second_per_grid=1.0 tokens_per_second=2"
    let named = text(&case["case"]).replace(' ', ",");
    let seconds = setting(&named, "second_per_grid").unwrap_or(1.0);
    let rate = setting(&named, "tokens_per_second").unwrap_or(1.0);
    let merge = case["merge_size"].as_u64().unwrap_or(2) as usize;
    let step = (seconds * rate) as usize;
    let found = visual_positions(&tokens, placeholder, &grids, merge, step).unwrap();
    for axis in 0..3 {
        let wanted: Vec<u32> = integers(&case["expected_3xL"][axis]);
        for (at, position) in valid.iter().zip(&found.positions) {
            assert_eq!(position[axis], wanted[*at], "{name} {axis} {at}");
        }
    }
}

pub fn process_image(case: &Value) {
    assert!(case["min_dimension"].is_null(), "a smallest side");
    assert_eq!(case["mode"], "RGB");
    let [width, height]: [u32; 2] = integers(&case["size"]).try_into().unwrap();
    let (new_width, new_height) = fit_pixels(
        width,
        height,
        case["min_pixels"].as_u64(),
        case["max_pixels"].as_u64(),
    );
    let wanted: Vec<u32> = integers(&case["expected_size"]);
    assert_eq!([new_width, new_height], wanted[..], "{width}x{height}");
}
