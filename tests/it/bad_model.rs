//! Model folders whose files don't go together: refused before a run's folder appears.

use crate::support::Project;
use serde_json::json;
use std::fs;

const TRAIN: [&str; 2] = ["train", "train.toml"];

#[test]
fn rotary_sections_that_are_not_three() {
    let project = Project::new();
    project.edit_json("model/config.json", |config| {
        let sections = &mut config["rope_scaling"]["mrope_section"];
        let half: u64 = sections
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s.as_u64().unwrap())
            .sum();
        *sections = json!([half - 3, 1, 1, 1]);
    });
    project.refused(&TRAIN, &["config.json", "mrope_section has 4 entries"]);
}

#[test]
fn a_processor_that_cuts_other_patches() {
    let project = Project::new();
    project.edit_json("model/preprocessor_config.json", |config| {
        config["patch_size"] = json!(7);
    });
    project.refused(&TRAIN, &["model", "patch_size", "[14, 2, 2]", "[7, 2, 2]"]);
}

#[test]
fn an_image_normalisation_by_zero() {
    let project = Project::new();
    project.edit_json("model/preprocessor_config.json", |config| {
        config["image_std"] = json!([0.0, 1.0, 1.0]);
    });
    project.refused(&TRAIN, &["preprocessor_config.json", "image_std"]);
}

#[test]
fn a_template_that_renders_nothing() {
    let project = Project::new();
    project.write("model/chat_template.jinja", "{# nothing #}");
    project.refused(&TRAIN, &["train.jsonl:1", "chat_template.jinja"]);
}

/// Files of the ecosystem hold tensors that an architecture doesn't name: they stay, untrained.
#[test]
fn tensors_beside_the_model_are_kept() {
    let project = Project::new();
    let path = project.path("model/model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let header_len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_len]).unwrap();
    let data = &bytes[8 + header_len..];
    header["extra.buffer"] = json!({
        "dtype": "F32", "shape": [1], "data_offsets": [data.len(), data.len() + 4],
    });
    let header = header.to_string();
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend_from_slice(header.as_bytes());
    changed.extend_from_slice(data);
    changed.extend_from_slice(&2.5_f32.to_le_bytes());
    fs::write(&path, changed).unwrap();

    project.ok(&TRAIN);
    let steps = fs::read_dir(project.path("runs/train/checkpoints")).unwrap();
    let saved = steps
        .last()
        .unwrap()
        .unwrap()
        .path()
        .join("model.safetensors");
    let saved = fs::read(saved).unwrap();
    let header_len = u64::from_le_bytes(saved[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&saved[8..8 + header_len]).unwrap();
    let place = &header["extra.buffer"]["data_offsets"];
    let start = 8 + header_len + place[0].as_u64().unwrap() as usize;
    assert_eq!(saved[start..start + 4], 2.5_f32.to_le_bytes());
}

/// `eval`, `sft` and `train` read a model's folder alike, whatever it holds.
#[test]
fn numbers_that_no_model_has() {
    let project = Project::new();
    let hostile = crate::support::guest("hostile");
    let eval = ["eval", "--model", "model", "--data", "data/val.jsonl"];
    let eval = [&eval[..], &["--reward", &hostile]].concat();
    let refused = |names: &[&str]| {
        for command in [&TRAIN[..], &["sft", "sft.toml"], &eval] {
            project.refused(command, names);
        }
        project.refused(
            &[
                &TRAIN[..],
                &["critic.optim.lr=1e-3", "algorithm.adv_estimator=gae"],
            ]
            .concat(),
            names,
        );
    };
    let config = project.read("model/config.json");
    for (key, value, name) in [
        ("num_hidden_layers", json!(0), "num_hidden_layers is 0"),
        ("num_hidden_layers", json!(1), "model.layers.1."),
        (
            "num_hidden_layers",
            json!(1_u64 << 31),
            "num_hidden_layers is 2147483648",
        ),
        ("vocab_size", json!(10), "image_token_id"),
    ] {
        project.edit_json("model/config.json", |config| config[key] = value);
        refused(&["config.json", name]);
        project.write("model/config.json", &config);
    }
    project.edit_json("model/config.json", |config| {
        config["vision_config"]["depth"] = json!(1_u64 << 31);
    });
    refused(&["config.json", "vision_config.depth is 2147483648"]);
    project.write("model/config.json", &config);

    let template = project.read("model/chat_template.jinja");
    let bomb = format!(
        "{{{{ 'aa'{} }}}}",
        ".replace('a', 'aaaaaaaaaaaaaaaa')".repeat(16)
    );
    project.write("model/chat_template.jinja", &bomb);
    refused(&["chat_template.jinja", "bytes of text"]);
    project.write("model/chat_template.jinja", &template);

    // The last number of the file becomes NaN.
    let path = project.path("model/model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    refused(&["model.safetensors", "holds NaN at element"]);
}

/// Every picture is a token at least: such a prompt is too long, and nobody has to decode it to see that.
#[test]
fn more_pictures_than_tokens() {
    let project = Project::new();
    project.write("data/images/no-picture.png", "this can't be decoded");
    project.edit_line("data/train.jsonl", 3, |row| {
        let mut row: serde_json::Value = serde_json::from_str(row).unwrap();
        row["prompt"] = json!("<image>".repeat(2000));
        row["images"] = json!(vec!["images/no-picture.png"; 2000]);
        row.to_string()
    });
    let outcome = project.ok(&["train", "train.toml", "trainer.max_steps=1"]);
    assert!(
        outcome.stderr.contains("dropped 1 of 24 prompts"),
        "{outcome:?}"
    );
}
