//! A small project in a temporary folder: data, a model, configurations, and the command.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use xtask::quickstart::{self, Sizes};

/// Few enough that a run takes less than a second.
const SIZES: Sizes = Sizes {
    train: 24,
    sft: 24,
    val: 16,
};

/// The reward gives 0.75 or (with step rewards) 1, by the bytes of the response: even a model with
/// random weights has something to learn.
const TRAIN: &str = r#"
[data]
train_files = "data/train.jsonl"
val_files = "data/val.jsonl"
max_prompt_length = 24
max_response_length = 8
train_batch_size = 4
augment = { rotate = 10, shear = 10, scale = 0.1, translate = 0.05 }

[trainer]
max_steps = 6
val_freq = 3
save_freq = 2

[algorithm]
use_kl_loss = true

[actor.model]
model_path = "model"

[actor.optim]
lr = 1e-3

[rollout]
n = 4
val_override_config = { temperature = 1.0 }

[reward.hostile]
plugin = "HOSTILE"
params = { mode = ["score", "steps"] }
limits = { fuel = 5_000_000, memory = 3_145_728 }
"#;

const SFT: &str = r#"
[data]
train_files = "data/sft.jsonl"
val_files = "data/val.jsonl"
max_prompt_length = 24
max_response_length = 16
train_batch_size = 8
augment = { rotate = 10 }

[trainer]
max_steps = 6
val_freq = 3
save_freq = 2

[actor.model]
model_path = "model"

[actor.optim]
lr = 1e-3

[reward.hostile]
plugin = "HOSTILE"
"#;

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A component that `cargo xtask guests` built.
pub fn guest(name: &str) -> String {
    let project = xtask::project::Project::find().unwrap();
    let path = project.guests().join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "{} is missing: run `cargo xtask guests` first",
        path.display()
    );
    path.to_str().unwrap().to_owned()
}

/// The command in `folder`, without what this machine's user has set.
pub fn rlhost(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rlhost"));
    command
        .current_dir(folder)
        .env_remove("RLHOST_PLUGIN_PATH")
        .env_remove("RAYON_NUM_THREADS")
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// All files below a folder by their path from it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Reads all files below `folder`.
pub fn files(folder: &Path) -> Files {
    fn walk(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                files.insert(format!("{name}/"), Vec::new());
                walk(&path, &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = Files::new();
    walk(folder, "", &mut found);
    found
}

/// What equal runs share: all files of a run but the timings, and what shows those too.
pub fn run_files(run: &Path) -> Files {
    let mut found = files(run);
    for name in ["timings.jsonl", "curve.svg"] {
        assert!(found.remove(name).is_some(), "{name}");
    }
    let all = found.len();
    found.retain(|name, _| !name.starts_with("events.out.tfevents."));
    assert!(found.len() < all, "there are no events");
    found
}

/// Fails with the names of the files that differ.
pub fn assert_same(expected: &Files, found: &Files) {
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(expected), names(found));
    let different: Vec<_> = expected
        .iter()
        .filter(|(name, bytes)| found[*name] != **bytes)
        .map(|(name, _)| name)
        .collect();
    assert!(different.is_empty(), "files differ: {different:?}");
}

/// The lines of a JSONL text.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A number of a row or a metric.
pub fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// Rows of rollouts by the prompt's ordinal.
pub fn groups(rows: &[Value]) -> Vec<Vec<&Value>> {
    let mut groups: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for row in rows {
        groups
            .entry(row["draw"].as_u64().unwrap())
            .or_default()
            .push(row);
    }
    groups.into_values().collect()
}

/// A project in a folder of its own.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// Data, `model/`, `train.toml` and `sft.toml`.
    pub fn new() -> Self {
        let project = Self::empty();
        project.add_digits("data", SIZES);
        project.small_description();
        project.ok(&["init", "description", "--output", "model"]);
        let hostile = guest("hostile");
        project.write("train.toml", &TRAIN.replace("HOSTILE", &hostile));
        project.write("sft.toml", &SFT.replace("HOSTILE", &hostile));
        project
    }

    /// An empty folder.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    /// Pairs of handwritten digits.
    pub fn add_digits(&self, folder: &str, sizes: Sizes) {
        let digits = repository().join("data/digits.csv.gz");
        quickstart::write(&digits, &self.path(folder), 1, sizes).unwrap();
    }

    /// The quickstart's model with fewer and narrower layers, in `description/`.
    fn small_description(&self) {
        let source = repository().join("configs/quickstart-model");
        for (name, bytes) in files(&source) {
            fs::create_dir_all(self.path("description")).unwrap();
            fs::write(self.path("description").join(name), bytes).unwrap();
        }
        self.edit_json("description/config.json", |config| {
            config["hidden_size"] = 64.into();
            config["intermediate_size"] = 96.into();
            config["num_hidden_layers"] = 2.into();
            config["max_window_layers"] = 2.into();
            config["num_attention_heads"] = 2.into();
            config["num_key_value_heads"] = 1.into();
            let vision = &mut config["vision_config"];
            vision["depth"] = 2.into();
            vision["fullatt_block_indexes"] = vec![1].into();
            vision["hidden_size"] = 64.into();
            vision["intermediate_size"] = 64.into();
            vision["num_heads"] = 2.into();
            vision["out_hidden_size"] = 64.into();
        });
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub fn edit_json(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_str(&self.read(name)).unwrap();
        edit(&mut value);
        self.write(name, &value.to_string());
    }

    /// Changes line `number` (from 1) of a file.
    pub fn edit_line(&self, name: &str, number: usize, edit: impl FnOnce(&str) -> String) {
        let text = self.read(name);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[number - 1] = edit(&lines[number - 1]);
        self.write(name, &(lines.join("\n") + "\n"));
    }

    /// Changes every line of a file.
    pub fn edit_lines(&self, name: &str, edit: impl Fn(&str) -> String) {
        let text = self.read(name);
        let lines: Vec<String> = text.lines().map(edit).collect();
        self.write(name, &(lines.join("\n") + "\n"));
    }

    /// Gives all rows one answer, such as random responses often hold.
    pub fn answer_with(&self, answer: &str) {
        for file in ["data/train.jsonl", "data/val.jsonl"] {
            self.edit_lines(file, |line| {
                let mut row: Value = serde_json::from_str(line).unwrap();
                row["answer"] = answer.into();
                row.to_string()
            });
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rlhost(self.root());
        command.args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs a command that has to succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome
    }

    /// Runs a command that has to be refused: exit code 2, an error that contains all of `names`,
    /// no output, and nothing changed on the disk.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str], names: &[&str]) -> String {
        let before = files(self.root());
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome:?}");
        let stderr = outcome.stderr;
        assert!(stderr.starts_with("error: "), "{stderr}");
        for name in names {
            assert!(stderr.contains(name), "{name:?} is not in: {stderr}");
        }
        assert_eq!(outcome.stdout, "");
        assert_same(&before, &files(self.root()));
        stderr
    }

    /// Starts a command and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The rows of a run's `metrics.jsonl`.
    pub fn metrics(&self, run: &str) -> Vec<Value> {
        json_lines(&self.read(&format!("{run}/metrics.jsonl")))
    }

    /// The rollouts of a step.
    pub fn rollouts(&self, run: &str, step: u64) -> Vec<Value> {
        json_lines(&self.records(&format!("{run}/rollouts/step-{step}.jsonl.zst")))
    }

    /// The text of a file of rollouts.
    pub fn records(&self, name: &str) -> String {
        let text = zstd::decode_all(fs::File::open(self.path(name)).unwrap()).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// Writes a file of rollouts.
    pub fn write_records(&self, name: &str, text: &str) {
        fs::write(
            self.path(name),
            zstd::encode_all(text.as_bytes(), 3).unwrap(),
        )
        .unwrap();
    }
}

/// Waits until `holds`, for a minute at the most, looking often; `false` if `child` ended before.
pub fn wait_until(child: &mut Child, holds: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !holds() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "waited in vain");
        std::thread::sleep(Duration::from_micros(200));
    }
    true
}
