//! Wrong inputs: one clear error that names the thing, exit code 2, nothing half-written.

use crate::support::{Project, guest};
use std::fs;

/// Every command that loads components refuses one in the same words.
fn component_is_refused(project: &Project, plugin: &str, names: &[&str]) {
    project.write("samples.jsonl", "{\"response\": \"12\", \"answer\": 12}\n");
    project.refused(&["plugin", "inspect", plugin], names);
    let score = ["score", plugin, "--input", "samples.jsonl"];
    project.refused(&score, names);
    project.refused(&[&score[..], &["--output", "out.jsonl"]].concat(), names);
    let reward = format!("reward.hostile.plugin={plugin}");
    project.refused(&["train", "train.toml", &reward], names);
    let data = ["eval", "--model", "model", "--data", "data/val.jsonl"];
    project.refused(&[&data[..], &["--reward", plugin]].concat(), names);
}

#[test]
fn a_missing_component() {
    let project = Project::new();
    component_is_refused(&project, "./absent.wasm", &["absent.wasm"]);
    // By name: the error lists where it was looked for.
    component_is_refused(
        &project,
        "absent",
        &[
            "`absent`",
            "target/guests/absent.wasm",
            "cargo xtask guests",
        ],
    );
}

#[test]
fn a_corrupt_component() {
    let project = Project::new();
    let whole = fs::read(guest("hostile")).unwrap();
    let cut = [whole.len() / 2, whole.len() - 1, 9];
    for (number, length) in cut.into_iter().enumerate() {
        let name = format!("cut-{number}.wasm");
        fs::write(project.path(&name), &whole[..length]).unwrap();
        component_is_refused(&project, &name, &[&name, "corrupt"]);
    }
    project.write("garbage.wasm", "this is no component");
    component_is_refused(
        &project,
        "garbage.wasm",
        &["garbage.wasm", "not a WebAssembly component"],
    );
    project.write("empty.wasm", "");
    component_is_refused(&project, "empty.wasm", &["empty.wasm"]);
    fs::create_dir(project.path("folder.wasm")).unwrap();
    component_is_refused(&project, "folder.wasm", &["folder.wasm"]);
}

#[test]
fn a_core_module() {
    let project = Project::new();
    // The smallest module: magic number and version of the core format.
    fs::write(project.path("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    component_is_refused(
        &project,
        "core.wasm",
        &["core.wasm", "a core WebAssembly module, not a component"],
    );
}

#[test]
fn a_component_of_another_world() {
    let project = Project::new();
    component_is_refused(
        &project,
        &guest("other-world"),
        &[
            "other-world.wasm",
            "missing exports: rlhost:plugin/reward@0.1.0",
        ],
    );
}

#[test]
fn a_missing_or_broken_image() {
    let project = Project::new();
    let math = guest("math");
    let score = ["score", &math, "--input", "data/val.jsonl"];
    for line in 1..=16 {
        project.edit_line("data/val.jsonl", line, |row| {
            row.replacen('{', "{\"response\":\"12\",", 1)
        });
    }
    project.ok(&score);

    project.remove("data/images/val-00002.png");
    let missing = &["data/val.jsonl:3", "images/val-00002.png"];
    project.refused(&score, missing);
    project.refused(&[&score[..], &["--output", "out.jsonl"]].concat(), missing);
    project.refused(&["train", "train.toml"], missing);
    project.refused(&["sft", "sft.toml"], missing);

    project.write("data/images/val-00002.png", "no picture");
    project.refused(&["train", "train.toml"], missing);
    project.refused(&score, missing);

    project.remove("data/images/train-00004.png");
    project.refused(
        &[
            "train",
            "train.toml",
            "data.val_files=[]",
            "trainer.val_freq=-1",
        ],
        &["data/train.jsonl:5", "images/train-00004.png"],
    );
}

#[test]
fn a_broken_line() {
    let project = Project::new();
    let math = guest("math");
    let row = "{\"response\": \"12\", \"answer\": 12}\n";
    for (broken, what) in [
        ("{\"response\": \"12\", \"answer\"", "JSON"),
        ("[1, 2]", "JSON object"),
        ("{\"answer\": 12}", "`response` is missing"),
        ("{\"response\": 12, \"answer\": 12}", "response"),
    ] {
        project.write("samples.jsonl", &format!("{row}{row}{broken}\n{row}"));
        let score = [
            "score",
            &math,
            "--input",
            "samples.jsonl",
            "--output",
            "out",
        ];
        project.refused(&score, &["samples.jsonl:3", what]);
    }
    project.refused(
        &["score", &math, "--input", "absent.jsonl"],
        &["absent.jsonl"],
    );

    for (broken, what) in [
        ("{\"prompt\": \"sum?\"", "not a JSON object"),
        ("{\"answer\": 12}", "the prompt is missing"),
        ("{\"prompt\": 7}", "column \"prompt\""),
        ("{\"prompt\": \"<image><image>\", \"images\": []}", "image"),
    ] {
        project.edit_line("data/train.jsonl", 7, |_| broken.to_owned());
        project.refused(&["train", "train.toml"], &["data/train.jsonl:7", what]);
    }
    project.edit_line("data/sft.jsonl", 5, |row| row.replace("target", "targets"));
    project.refused(
        &["sft", "sft.toml"],
        &["data/sft.jsonl:5", "data.target_key"],
    );
    project.write("data/sft.jsonl", "");
    project.refused(&["sft", "sft.toml"], &["data/sft.jsonl"]);
}

#[test]
fn an_unknown_key() {
    let project = Project::new();
    for (key, nearest) in [
        ("rollout.m", "rollout.n"),
        ("actor.optim.learning_rte", "actor.optim"),
        ("traner.seed", "trainer"),
        ("reward.hostile.wieght", "weight"),
        ("data.train_file", "train_files"),
    ] {
        let last = key.rsplit('.').next().unwrap();
        for command in [&["train", "train.toml"][..], &["config", "show"]] {
            let value = format!("{key}=1");
            let error = project.refused(&[command, &[&value]].concat(), &[&value]);
            assert!(
                error.contains(nearest.rsplit('.').next().unwrap()),
                "{error}"
            );
        }
        let (section, _) = key.rsplit_once('.').unwrap();
        project.write("wrong.toml", &format!("[{section}]\n{last} = 1\n"));
        let error = project.refused(&["train", "wrong.toml"], &["wrong.toml"]);
        assert!(
            error.contains(nearest.rsplit('.').next().unwrap()),
            "{error}"
        );
    }
}

#[test]
fn a_value_of_the_wrong_type() {
    let project = Project::new();
    for (key, value) in [
        ("rollout.n", "\"eight\""),
        ("rollout.n", "2.5"),
        ("actor.optim.lr", "\"high\""),
        ("data.shuffle", "3"),
        ("trainer.device", "\"tpu\""),
        ("actor.optim.betas", "[0.9]"),
        ("reward.hostile.limits.fuel", "-1"),
        ("reward.hostile.on_failure", "\"panic\""),
    ] {
        let setting = format!("{key}={value}");
        project.refused(&["train", "train.toml", &setting], &[key]);
        let (section, last) = key.rsplit_once('.').unwrap();
        project.write("wrong.toml", &format!("[{section}]\n{last} = {value}\n"));
        project.refused(&["train", "wrong.toml"], &["wrong.toml", key]);
    }
    project.write("wrong.toml", "[rollout]\nn = = 3\n");
    project.refused(&["train", "wrong.toml"], &["wrong.toml:2"]);
    project.refused(&["train", "absent.toml"], &["absent.toml"]);
    project.refused(
        &["train", "train.toml", "rollout.n"],
        &["rollout.n", "key=value"],
    );
}

#[test]
fn values_that_cannot_be() {
    let project = Project::new();
    for setting in [
        "rollout.n=0",
        "rollout.temperature=0",
        "data.train_batch_size=0",
        "actor.ppo_mini_batch_size=3",
        "trainer.experiment_name=../elsewhere",
        "algorithm.adv_estimator=gropo",
        "actor.policy_loss.loss_mode=vanila",
        "reward.hostile.weight=0",
        "actor.micro_batch_tokens=5",
    ] {
        let (key, _) = setting.split_once('=').unwrap();
        let last = key.rsplit('.').next().unwrap();
        project.refused(&["train", "train.toml", setting], &[last]);
    }
}

#[test]
fn a_model_folder_without_a_file() {
    let project = Project::new();
    for name in [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "preprocessor_config.json",
        "chat_template.jinja",
    ] {
        let file = format!("model/{name}");
        let text = fs::read(project.path(&file)).unwrap();
        project.remove(&file);
        let names = &["model", name];
        project.refused(&["train", "train.toml"], names);
        project.refused(&["sft", "sft.toml"], names);
        let hostile = guest("hostile");
        project.refused(
            &[
                "eval",
                "--model",
                "model",
                "--data",
                "data/val.jsonl",
                "--reward",
                &hostile,
            ],
            names,
        );
        fs::write(project.path(&file), &text).unwrap();

        if name != "model.safetensors" {
            let described = format!("description/{name}");
            project.remove(&described);
            let init = ["init", "description", "--output", "other"];
            project.refused(&init, &["description", name]);
            fs::write(project.path(&described), &text).unwrap();
        }
    }
    project.refused(
        &["train", "train.toml", "actor.model.model_path=absent"],
        &["absent", "no such model folder"],
    );
    project.refused(&["init", "absent", "--output", "other"], &["absent"]);
}

#[test]
fn a_tokenizer_without_the_special_tokens() {
    let project = Project::new();
    for token in ["<|im_end|>", "<|image_pad|>"] {
        let text = project.read("model/tokenizer.json");
        project.write("model/tokenizer.json", &text.replace(token, "<|other|>"));
        let names = &["model/tokenizer", token];
        project.refused(&["train", "train.toml"], names);
        project.refused(&["sft", "sft.toml"], names);
        project.write("model/tokenizer.json", &text);
    }
}

#[test]
fn weights_that_do_not_fit() {
    let project = Project::new();
    project.edit_json("model/config.json", |config| {
        config["intermediate_size"] = 80.into();
    });
    let names = &["model.layers.0.mlp.down_proj", "[64, 80]", "[64, 96]"];
    project.refused(&["train", "train.toml"], names);
    project.refused(&["sft", "sft.toml"], names);

    project.edit_json("model/config.json", |config| {
        config["intermediate_size"] = 96.into();
        config["num_hidden_layers"] = 3.into();
    });
    project.refused(&["train", "train.toml"], &["model", "layers.2."]);

    let whole = fs::read(project.path("model/model.safetensors")).unwrap();
    fs::write(project.path("model/model.safetensors"), &whole[..999]).unwrap();
    project.refused(&["train", "train.toml"], &["model/model.safetensors"]);
}

#[test]
fn a_folder_that_exists() {
    let project = Project::new();
    project.ok(&["train", "train.toml", "trainer.max_steps=1"]);
    project.refused(
        &["train", "train.toml", "trainer.max_steps=1"],
        &["runs/train", "--resume"],
    );
    project.refused(
        &["sft", "sft.toml", "trainer.experiment_name=train"],
        &["runs/train", "--resume"],
    );
    fs::create_dir_all(project.path("runs/mine")).unwrap();
    project.write("runs/mine/notes.txt", "not a run");
    project.refused(
        &["train", "train.toml", "trainer.experiment_name=mine"],
        &["runs/mine"],
    );
    project.refused(
        &["init", "description", "--output", "model"],
        &["model exists"],
    );
}

#[test]
fn resuming_what_is_not_there() {
    let project = Project::new();
    project.refused(
        &["train", "train.toml", "--resume"],
        &["runs/train", "no such run"],
    );
    fs::create_dir_all(project.path("runs/sft")).unwrap();
    project.refused(&["sft", "sft.toml", "--resume"], &["runs/sft", "not a run"]);
}

#[test]
fn an_output_that_cannot_be() {
    let project = Project::new();
    let math = guest("math");
    project.write("samples.jsonl", "{\"response\": \"12\", \"answer\": 12}\n");
    let score = ["score", &math, "--input", "samples.jsonl", "--output"];
    project.refused(
        &[&score[..], &["absent/out.jsonl"]].concat(),
        &["absent/out.jsonl"],
    );
    project.refused(&[&score[..], &["model"]].concat(), &["model is a folder"]);
}

#[test]
fn evaluating_what_is_no_model() {
    let project = Project::new();
    let math = guest("math");
    let rest = ["--data", "data/val.jsonl", "--reward", &math];
    for (folder, names) in [
        ("data", ["data/", "missing"]),
        ("absent", ["absent", "no such model folder"]),
    ] {
        project.refused(&[&["eval", "--model", folder], &rest[..]].concat(), &names);
    }
    project.refused(
        &[
            "eval",
            "--model",
            "model",
            "--data",
            "absent.jsonl",
            "--reward",
            &math,
        ],
        &["absent.jsonl"],
    );
    project.refused(
        &[
            "eval",
            "--model",
            "model",
            "--data",
            "data/val.jsonl",
            "--reward",
            &math,
            "rollout.m=2",
        ],
        &["rollout.m"],
    );
}

#[test]
fn rollouts_that_are_not_there() {
    let project = Project::new();
    project.refused(
        &["rollouts", "show", "runs/none"],
        &["runs/none", "no such run"],
    );
    project.refused(&["rollouts", "show", "data"], &["data", "not a run"]);
    project.ok(&["train", "train.toml", "trainer.max_steps=2"]);
    project.refused(
        &["rollouts", "show", "runs/train", "--step", "9"],
        &["step 9", "steps 1 to 2"],
    );
    project.ok(&["sft", "sft.toml", "trainer.max_steps=1"]);
    project.refused(
        &["rollouts", "show", "runs/sft"],
        &["runs/sft", "no rollouts"],
    );
    fs::write(
        project.path("runs/train/rollouts/step-2.jsonl.zst"),
        "broken",
    )
    .unwrap();
    project.refused(
        &["rollouts", "show", "runs/train"],
        &["runs/train/rollouts/step-2.jsonl.zst"],
    );
}

#[test]
fn parameters_that_a_plugin_does_not_know() {
    let project = Project::new();
    let math = guest("math");
    project.write("samples.jsonl", "{\"response\": \"12\", \"answer\": 12}\n");
    let score = [
        "score",
        &math,
        "--input",
        "samples.jsonl",
        "--output",
        "out",
    ];
    project.refused(
        &[&score[..], &["--param", "arithmetik=\"reject\""]].concat(),
        &["math", "arithmetik", "arithmetic"],
    );
    project.refused(
        &[&score[..], &["--param", "arithmetic"]].concat(),
        &["KEY=VALUE"],
    );
    project.refused(
        &["train", "train.toml", "reward.hostile.params.moode=trap"],
        &["hostile", "moode", "mode"],
    );
}

#[test]
fn values_of_plugin_parameters() {
    let project = Project::new();
    project.write("samples.jsonl", "{\"response\": \"12\", \"answer\": 12}\n");
    for (plugin, param, names) in [
        (
            "bbox",
            "metric=overlap",
            ["`metric`", "`overlap`", "iou_squared"],
        ),
        (
            "number",
            "tolerance=many",
            ["`tolerance`", "\"many\"", "a number"],
        ),
        (
            "math",
            "percent=half",
            ["`percent`", "\"half\"", "\"strip\""],
        ),
        (
            "length",
            "max_length=1.5",
            ["`max_length`", "1.5", "whole number"],
        ),
        ("wemath", "format=none!", ["`format`", "`none!`", "boxed"]),
        (
            "auto",
            "default=txt",
            ["`default`", "`txt`", "multiple-choice"],
        ),
        (
            "auto",
            "verifiers={\"number\": {\"tolerance\": \"much\"}}",
            ["`verifiers`", "`tolerance`", "\"much\""],
        ),
    ] {
        let plugin = guest(plugin);
        let score = ["score", &plugin, "--input", "samples.jsonl"];
        project.refused(&[&score[..], &["--param", param]].concat(), &names);
        let output = ["--output", "out", "--param", param];
        project.refused(&[&score[..], &output].concat(), &names);
        // In a run, as a file of rewards and in the configuration.
        let (key, value) = param.split_once('=').unwrap();
        let value = match serde_json::from_str::<serde_json::Value>(value) {
            Ok(serde_json::Value::Object(_)) => "{ number = { tolerance = \"much\" } }".to_owned(),
            Ok(value) => value.to_string(),
            Err(_) => format!("{value:?}"),
        };
        let reward =
            format!("[reward.more]\nplugin = {plugin:?}\nparams = {{ {key} = {value} }}\n");
        project.write("more.toml", &reward);
        let names = [&["reward.more"], &names[..]].concat();
        project.refused(&["train", "train.toml", "--reward", "more.toml"], &names);
    }
    // What the row lacks is no fault of the parameters.
    let choice = guest("choice");
    let score = ["score", &choice, "--input", "samples.jsonl"];
    project.ok(&[&score[..], &["--param", "options_column=absent"]].concat());
}

#[test]
fn texts_that_are_too_long() {
    let project = Project::new();
    project.refused(
        &["sft", "sft.toml", "data.max_response_length=3"],
        &["data/sft.jsonl:1", "max_response_length = 3"],
    );
    // One row is enough, whenever it would be drawn.
    project.edit_line("data/sft.jsonl", 20, |row| {
        row.replace("<think>", "<think>0123456789")
    });
    project.refused(
        &["sft", "sft.toml"],
        &["data/sft.jsonl:20", "max_response_length = 16"],
    );
    for job in ["train", "sft"] {
        let config = format!("{job}.toml");
        project.refused(
            &[job, &config, "data.max_prompt_length=3"],
            &["data.max_prompt_length"],
        );
    }
    // Fewer prompts than one batch.
    let config = project.read("train.toml").replace("max_steps = 6", "");
    project.write("train.toml", &config);
    project.refused(
        &["train", "train.toml", "data.train_batch_size=100"],
        &["data.train_batch_size = 100", "24 prompts"],
    );
}

#[test]
fn wrong_usage() {
    let project = Project::new();
    project.refused(&["trian"], &["trian"]);
    project.refused(&["score", "math"], &["--input"]);
    project.refused(
        &["rollouts", "show", "x", "--best", "--worst"],
        &["--best", "--worst"],
    );
    for threads in ["none", "0", "100000"] {
        project.refused(
            &["score", "math", "--input", "x", "--threads", threads],
            &["--threads", threads],
        );
    }
}
