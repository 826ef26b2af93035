//! Every number of a configuration and of a model folder, replaced by what nobody should write there: an error that
//! names it, or no harm. Nothing panics, asks for memory that is not there, or goes on without end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use rlhost_trainer::config::Config;
use rlhost_trainer::model::{Model, ModelConfig, ValueModel};
use rlhost_trainer::processor::{ChatMessage, Part, PixelLimits, Processor, RgbImage};
use rlhost_trainer::{Error, Result};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::config_docs;
use crate::fixtures;
use crate::golden;

/// What `action` says; a panic is a failure, and so is a second.
#[track_caller]
fn ends<T>(what: &str, action: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let found =
        catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|_| panic!("{what}: panicked"));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "{what}: took {took:?}");
    found
}

#[test]
fn hostile_numbers_of_a_configuration() {
    let hostile = [
        "0",
        "-1",
        "-2",
        "65537",
        "2147483648",
        "4294967296",
        "4294967297",
        "9007199254740992",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551616",
        "1e308",
        "-1e308",
        "5e-324",
        "nan",
        "inf",
        "-inf",
    ];
    let base = [
        "actor.model.model_path=m",
        "data.train_files=t.jsonl",
        "reward.NAME.plugin=p",
        "reward.NAME.allow.judge.url=http://localhost",
        "reward.NAME.allow.judge.model=m",
        "reward.NAME.allow.retriever.url=http://localhost",
    ];
    let load = |overrides: &[&str]| -> Result<Config> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        let config = Config::load(None, &overrides)?;
        config.validate_for_train()?;
        Ok(config)
    };
    load(&base).unwrap();
    let mut numbers = 0;
    for (key, kind) in config_docs::keys() {
        let pair = kind.starts_with("2 numbers");
        if !pair && !kind.starts_with("integer") && !kind.starts_with("number") {
            continue;
        }
        numbers += 1;
        for value in hostile {
            let setting = if pair {
                format!("{key}=[0.5, {value}]")
            } else {
                format!("{key}={value}")
            };
            let found = ends(&setting, || load(&[&base[..], &[&setting]].concat()));
            // What is not named alone is named with what it does not go with.
            if let Err(error) = &found {
                let message = error.to_string();
                assert!(message.contains(&key), "{setting}: {message}");
            }
            let never = value == "nan"
                || (kind.starts_with("integer") && value.contains(['e', 'n', 'f']))
                || value == "18446744073709551616";
            assert!(!never || found.is_err(), "{setting} is accepted");
            // Nothing that counts goes to 2^53 but seeds and fuel.
            let counts = kind.starts_with("integer") && !kind.ends_with("of at least 0");
            if counts && value == "9007199254740992" && !key.ends_with("fuel") {
                assert!(found.is_err(), "{setting} is accepted");
            }
        }
    }
    assert!(numbers > 80, "{numbers} are too few to be all");
    let error = load(
        &[
            &base[..],
            &["data.train_batch_size=1048576", "rollout.n=65536"],
        ]
        .concat(),
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("data.train_batch_size (1048576)"), "{error}");
    assert!(error.contains("rollout.n (65536)"), "{error}");
}

/// Calls `edit` with the path of every number in a JSON value, and of every number within lists.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.to_owned()),
        Value::Object(fields) => {
            for (name, value) in fields {
                numbers(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                numbers(value, &format!("{path}/{place}"), found);
            }
        }
        _ => {}
    }
}

fn hostile() -> Vec<Value> {
    let mut all: Vec<Value> = [
        0_u64,
        1,
        7,
        1 << 16,
        1 << 31,
        1 << 32,
        1 << 53,
        1 << 63,
        u64::MAX,
    ]
    .into_iter()
    .map(Value::from)
    .collect();
    all.extend([
        json!(-1),
        json!(1e308),
        json!(-1e308),
        json!(5e-324),
        json!(0.5),
    ]);
    all
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn model_dir() -> tempfile::TempDir {
    let dir = fixtures::model_dir();
    let weights = golden::root().join("qwen2_5_vl/model.safetensors");
    std::fs::copy(weights, dir.path().join("model.safetensors")).unwrap();
    dir
}

#[test]
fn hostile_numbers_of_a_model() {
    let dir = model_dir();
    let load = || -> Result<()> {
        // Random weights have no files that say how large they are: their number is bounded.
        let config = ModelConfig::load(dir.path())?;
        let sizes_hold = Model::load(dir.path(), &Device::Cpu).map(drop);
        ValueModel::load(dir.path(), &Device::Cpu).map(drop)?;
        sizes_hold?;
        Model::random(config, 1, &Device::Cpu).map(drop)
    };
    load().unwrap();
    let file = dir.path().join("config.json");
    let plain = read(&file);
    let mut paths = Vec::new();
    numbers(&plain, "", &mut paths);
    assert!(paths.len() > 25, "{paths:?}");
    let mut refused = 0;
    for path in &paths {
        for value in hostile() {
            let mut changed = plain.clone();
            *changed.pointer_mut(path).unwrap() = value.clone();
            std::fs::write(&file, changed.to_string()).unwrap();
            let what = format!("{path} = {value}");
            if let Err(error) = ends(&what, load) {
                assert!(matches!(error, Error::Model { .. }), "{what}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 200, "{refused}");
    // Without a key the default counts, or the key is named.
    for key in [
        "vision_config",
        "num_key_value_heads",
        "rope_scaling",
        "vocab_size",
    ] {
        let mut changed = plain.clone();
        changed.as_object_mut().unwrap().remove(key);
        std::fs::write(&file, changed.to_string()).unwrap();
        let _ = ends(key, load);
    }
    for (path, value, name) in [
        ("/num_hidden_layers", json!(0), "num_hidden_layers is 0"),
        (
            "/num_hidden_layers",
            json!(1_u64 << 31),
            "num_hidden_layers is 2147483648",
        ),
        ("/vision_config/depth", json!(0), "vision_config.depth is 0"),
        (
            "/vision_config/depth",
            json!(1_u64 << 31),
            "vision_config.depth is 2147483648",
        ),
        (
            "/vision_config/spatial_merge_size",
            json!(1_u64 << 63),
            "spatial_merge_size is 9223372036854775808",
        ),
        // Fewer layers than the files have would be another model.
        ("/num_hidden_layers", json!(1), "model.layers.1."),
        ("/vision_config/depth", json!(2), "visual.blocks.2."),
        ("/num_hidden_layers", json!(3), "model.layers.2."),
    ] {
        let mut changed = plain.clone();
        *changed.pointer_mut(path).unwrap() = value;
        std::fs::write(&file, changed.to_string()).unwrap();
        let error = load().unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn random_weights_are_bounded() {
    let dir = fixtures::model_dir();
    let file = dir.path().join("config.json");
    let mut config = read(&file);
    config["num_hidden_layers"] = json!(4096);
    config["intermediate_size"] = json!(1 << 20);
    std::fs::write(&file, config.to_string()).unwrap();
    let config = ModelConfig::load(dir.path()).unwrap();
    let made = ends("random", || {
        Model::random(config, 1, &Device::Cpu).map(drop)
    });
    let error = made.unwrap_err().to_string();
    assert!(error.contains("random weights"), "{error}");
}

#[test]
fn hostile_numbers_of_a_processor() {
    let dir = fixtures::model_dir();
    let messages = [ChatMessage::parts(
        "user",
        vec![Part::Image, Part::Text("What is it?".into())],
    )];
    let image = RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, 7]));
    let load = || -> Result<()> {
        let processor = Processor::load(dir.path(), PixelLimits::default())?;
        processor
            .prepare(&messages, std::slice::from_ref(&image))
            .map(drop)
    };
    load().unwrap();
    let mut refused = 0;
    for name in [
        "preprocessor_config.json",
        "generation_config.json",
        "tokenizer_config.json",
    ] {
        let file = dir.path().join(name);
        let plain = read(&file);
        let mut paths = Vec::new();
        numbers(&plain, "", &mut paths);
        for key in [
            "min_pixels",
            "max_pixels",
            "rescale_factor",
            "temporal_patch_size",
        ] {
            paths.push(format!("/{key}"));
        }
        for path in paths
            .iter()
            .filter(|path| name.starts_with("pre") || plain.pointer(path).is_some())
        {
            for value in hostile() {
                let mut changed = plain.clone();
                match changed.pointer_mut(path) {
                    Some(place) => *place = value.clone(),
                    None => changed[&path[1..]] = value.clone(),
                }
                std::fs::write(&file, changed.to_string()).unwrap();
                let what = format!("{name}: {path} = {value}");
                if let Err(error) = ends(&what, load) {
                    assert!(matches!(error, Error::Model { .. }), "{what}: {error}");
                    refused += 1;
                }
            }
        }
        std::fs::write(&file, plain.to_string()).unwrap();
    }
    assert!(refused > 50, "{refused}");
}

/// Kind, shape and bytes of a tensor.
type Owned = (Dtype, Vec<usize>, Vec<u8>);

/// Writes the model's tensors after `edit`, which may change their shape, kind and bytes.
fn rewrite(folder: &Path, edit: impl Fn(&str, &mut Owned)) {
    let file = folder.join("model.safetensors");
    let bytes = std::fs::read(golden::root().join("qwen2_5_vl/model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut changed: Vec<(String, Owned)> = Vec::new();
    for (name, view) in tensors.tensors() {
        let mut tensor = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
        edit(&name, &mut tensor);
        changed.push((name, tensor));
    }
    let views = changed.iter().map(|(name, (dtype, shape, data))| {
        (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize_to_file(views, None, &file).unwrap();
}

#[test]
fn weights_that_are_no_numbers() {
    let dir = model_dir();
    let target = "model.layers.1.mlp.down_proj.weight";
    let refused = || {
        let error = |found: Result<()>| found.unwrap_err().to_string();
        let model = error(Model::load(dir.path(), &Device::Cpu).map(drop));
        assert_eq!(
            model,
            error(ValueModel::load(dir.path(), &Device::Cpu).map(drop))
        );
        assert!(model.contains(target), "{model}");
        model
    };
    for (value, name) in [
        (f32::NAN, "NaN at element 5"),
        (f32::INFINITY, "inf at element 5"),
        (f32::NEG_INFINITY, "-inf at element 5"),
    ] {
        rewrite(dir.path(), |tensor, (.., bytes)| {
            if tensor == target {
                bytes[20..24].copy_from_slice(&value.to_le_bytes());
            }
        });
        assert!(refused().contains(name));
    }
    // Too large for f32.
    rewrite(dir.path(), |tensor, (dtype, _, bytes)| {
        if tensor == target {
            *dtype = Dtype::F64;
            *bytes = vec![1e300_f64.to_le_bytes(); bytes.len() / 4].concat();
        }
    });
    assert!(refused().contains("inf at element 0"));
    rewrite(dir.path(), |tensor, (dtype, ..)| {
        if tensor == target {
            *dtype = Dtype::I32;
        }
    });
    assert!(refused().contains("I32"));
    rewrite(dir.path(), |tensor, (_, shape, _)| {
        if tensor == target {
            shape.reverse();
        }
    });
    assert!(refused().contains("[96, 64]"));
}

#[test]
fn files_of_weights_that_lie() {
    let dir = model_dir();
    let file = dir.path().join("model.safetensors");
    let whole = std::fs::read(&file).unwrap();
    let length = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&whole[8..8 + length]).unwrap();
    let with_header = |edit: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        edit(&mut header);
        let header = header.to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&whole[8 + length..]);
        bytes
    };
    let name = "model.norm.weight";
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("cut header", whole[..length / 2].to_vec()),
        ("cut data", whole[..whole.len() - 1].to_vec()),
        ("more data", [&whole[..], &[0]].concat()),
        (
            "huge header",
            [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat(),
        ),
        (
            "header of 2^40",
            [&(1_u64 << 40).to_le_bytes()[..], &whole[8..]].concat(),
        ),
        (
            "shape that overflows",
            with_header(&|header| header[name]["shape"] = json!([1_u64 << 40, 1_u64 << 40])),
        ),
        (
            "overlap",
            with_header(&|header| header[name]["data_offsets"] = json!([0, 256])),
        ),
        (
            "offsets that run back",
            with_header(&|header| header[name]["data_offsets"] = json!([256, 0])),
        ),
        (
            "offsets of 2^63",
            with_header(&|header| header[name]["data_offsets"] = json!([1_u64 << 63, u64::MAX])),
        ),
        (
            "an unknown kind",
            with_header(&|header| header[name]["dtype"] = json!("F3")),
        ),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let found = ends(what, || Model::load(dir.path(), &Device::Cpu).map(drop));
        let error = found.unwrap_err();
        assert!(matches!(error, Error::Model { .. }), "{what}: {error}");
        assert!(
            error.to_string().contains("model.safetensors"),
            "{what}: {error}"
        );
    }
    std::fs::write(&file, &whole).unwrap();
    std::fs::rename(&file, dir.path().join("a.safetensors")).unwrap();
    std::fs::copy(
        dir.path().join("a.safetensors"),
        dir.path().join("b.safetensors"),
    )
    .unwrap();
    for (files, what) in [
        (
            json!({"x": "a.safetensors", "y": "b.safetensors"}),
            "in another file too",
        ),
        (json!({"x": "../a.safetensors"}), "not the name of a file"),
        (json!({"x": "/etc/passwd"}), "not the name of a file"),
    ] {
        let index = json!({ "weight_map": files }).to_string();
        std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
        let error = Model::load(dir.path(), &Device::Cpu)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains(what), "{error}");
    }
}
