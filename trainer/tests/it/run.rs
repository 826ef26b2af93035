//! The folder of a run: whole or absent files, checkpoints, resuming, full disks.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use rlhost_host::{ContentPart, Digest, Message};
use rlhost_trainer::run::{
    Chain, ChainEntry, Checkpoint, CheckpointState, JsonLines, RolloutReader, RolloutRow,
    RunFolder, read_rollouts,
};
use rlhost_trainer::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::{TempDir, tempdir};

const CONFIG: &str = "seed = 1\n[actor]\nlr = 1e-4\n";

fn new_run() -> (TempDir, RunFolder) {
    let temp = tempdir().unwrap();
    let run = RunFolder::create(temp.path().join("runs/digits"), CONFIG).unwrap();
    (temp, run)
}

fn values(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::File::create(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|e| Error::io(path, e))
}

/// One step of a make-believe run, and a checkpoint after every second one.
fn step(run: &RunFolder, step: u64) {
    let mut metrics = JsonLines::open(&run.metrics()).unwrap();
    let mut timings = JsonLines::open(&run.timings()).unwrap();
    let reward = 1.0 / (step as f64 + 2.0);
    let line = metrics
        .write(step, &values(&[("reward/mean", reward)]))
        .unwrap();
    timings
        .write(step, &values(&[("timing_s/step", 0.25)]))
        .unwrap();
    let row = RolloutRow::new(step, 3, step * 16, 0);
    let rollouts = run
        .write_rollouts(step, std::slice::from_ref(&row))
        .unwrap();
    let mut chain = chain_of(run).unwrap();
    let entry = ChainEntry::Step {
        step,
        draw: step * 16,
        rollouts: Some(rollouts),
        metrics: line,
    };
    chain.push(&entry).unwrap();
    run.write_validation(step, &[row]).unwrap();
    if step.is_multiple_of(2) {
        metrics.sync().unwrap();
        save(run, step, metrics.len()).unwrap();
    }
}

fn chain_of(run: &RunFolder) -> Result<Chain> {
    let mut chain = Chain::open(&run.digests())?;
    if chain.is_empty() {
        chain.push(&ChainEntry::Config {
            v: Chain::VERSION,
            digest: run.config_digest()?,
            algorithms: Vec::new(),
        })?;
    }
    Ok(chain)
}

fn save(run: &RunFolder, step: u64, metrics_len: u64) -> Result<()> {
    let chain = chain_of(run)?;
    let state = CheckpointState {
        step,
        draw: step * 16,
        kl_controller: None,
        metrics_len,
        config_digest: run.config_digest()?,
        chain_len: chain.len(),
        chain: chain.digest(),
    };
    run.save_checkpoint(&state, |dir| {
        write_file(&dir.join("model.safetensors"), &step.to_le_bytes())?;
        let optimizer = dir.join("optimizer");
        fs::create_dir(&optimizer).map_err(|e| Error::io(&optimizer, e))?;
        write_file(&optimizer.join("moments.safetensors"), b"m and v")
    })?;
    Ok(())
}

/// All files below `dir` by relative path, with their bytes.
fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_new_run_holds_its_configuration() {
    let (temp, run) = new_run();
    assert_eq!(fs::read_to_string(run.config()).unwrap(), CONFIG);
    // `printf 'seed = 1\n[actor]\nlr = 1e-4\n' | sha256sum`
    assert_eq!(
        run.config_digest().unwrap(),
        "sha256:dfe44321dd91701a59a5e3f0b1317a620edb756215c5b126dd612f970e33a841"
            .parse()
            .unwrap()
    );
    assert!(run.rollouts().is_dir() && run.checkpoints().is_dir());
    let beside: Vec<_> = fs::read_dir(temp.path().join("runs")).unwrap().collect();
    assert_eq!(beside.len(), 1, "nothing temporary stays");
    assert_eq!(RunFolder::open(run.path()).unwrap(), run);
}

#[test]
fn a_run_is_not_overwritten() {
    let (_temp, run) = new_run();
    let before = tree(run.path());
    let error = RunFolder::create(run.path(), "seed = 2\n").unwrap_err();
    let message = error.to_string();
    assert!(message.contains("digits: the folder exists"), "{message}");
    assert!(message.contains("--resume") && message.contains("another name"));
    assert_eq!(tree(run.path()), before);

    let file = run.config();
    let error = RunFolder::create(&file, CONFIG).unwrap_err().to_string();
    assert!(error.contains("config.toml: this exists and is not a folder"));
}

#[test]
fn an_empty_folder_may_become_a_run() {
    let temp = tempdir().unwrap();
    let run = RunFolder::create(temp.path(), CONFIG).unwrap();
    assert_eq!(fs::read_to_string(run.config()).unwrap(), CONFIG);
}

#[test]
fn a_run_that_cant_be_created_leaves_nothing() {
    let temp = tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    let error = RunFolder::create(file.join("run"), CONFIG).unwrap_err();
    assert!(
        error.to_string().contains(file.to_str().unwrap()),
        "{error}"
    );

    // A folder in which nobody can create anything.
    if cfg!(target_os = "linux") {
        let error = RunFolder::create("/proc/rlhost-run", CONFIG).unwrap_err();
        assert!(error.to_string().contains("/proc/"), "{error}");
    }
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_without_a_run_is_not_resumed() {
    let temp = tempdir().unwrap();
    let error = RunFolder::open_for_resume(temp.path()).unwrap_err();
    assert!(error.to_string().contains("config.toml"), "{error}");
    let error = RunFolder::open_for_resume(temp.path().join("none")).unwrap_err();
    assert!(error.to_string().contains("no such run"), "{error}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn metrics_are_lines_in_order_of_name() {
    let (_temp, run) = new_run();
    let mut metrics = JsonLines::open(&run.metrics()).unwrap();
    assert!(metrics.is_empty());
    metrics
        .write(1, &values(&[("b", 0.1), ("a/x", 2.0), ("c", -1e-7)]))
        .unwrap();
    let first = metrics.len();
    drop(metrics);
    let mut metrics = JsonLines::open(&run.metrics()).unwrap();
    assert_eq!(metrics.len(), first);
    metrics.write(2, &values(&[("a", 1.0)])).unwrap();
    let text = fs::read_to_string(run.metrics()).unwrap();
    assert_eq!(
        text,
        "{\"step\":1,\"a/x\":2.0,\"b\":0.1,\"c\":-1e-7}\n{\"step\":2,\"a\":1.0}\n"
    );
    assert_eq!(metrics.len(), text.len() as u64);

    metrics.truncate_to(first).unwrap();
    metrics.write(2, &values(&[("a", 3.0)])).unwrap();
    let text = fs::read_to_string(run.metrics()).unwrap();
    assert!(text.ends_with("-1e-7}\n{\"step\":2,\"a\":3.0}\n"), "{text}");

    let error = metrics.truncate_to(10_000).unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl") && error.contains("10000"));
}

#[test]
fn metrics_that_are_no_numbers_are_named() {
    let (_temp, run) = new_run();
    let mut metrics = JsonLines::open(&run.metrics()).unwrap();
    for (name, value) in [("kl", f64::NAN), ("kl", f64::INFINITY), ("step", 1.0)] {
        let error = metrics.write(7, &values(&[(name, value)])).unwrap_err();
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
    assert_eq!(fs::read(run.metrics()).unwrap(), b"");
}

#[test]
fn timings_are_cut_by_step() {
    let (_temp, run) = new_run();
    let mut timings = JsonLines::open(&run.timings()).unwrap();
    for step in 1..=3 {
        timings.write(step, &values(&[("s", 0.5)])).unwrap();
    }
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(run.timings())
        .unwrap();
    file.write_all(b"{\"step\":2,\"s\":0.").unwrap();
    let mut timings = JsonLines::open(&run.timings()).unwrap();
    timings.truncate_after_step(2).unwrap();
    timings.write(3, &values(&[("s", 9.0)])).unwrap();
    assert_eq!(
        fs::read_to_string(run.timings()).unwrap(),
        "{\"step\":1,\"s\":0.5}\n{\"step\":2,\"s\":0.5}\n{\"step\":3,\"s\":9.0}\n"
    );
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    v: u32,
    index: u64,
    draw: u64,
    sample: u32,
    outcome: String,
    score: Option<f64>,
    rewards: Vec<BTreeMap<String, f64>>,
}

#[test]
fn rollouts_come_back_as_written() {
    let (_temp, run) = new_run();
    let record = Record {
        v: 1,
        index: 12,
        draw: u64::MAX - 1,
        sample: 3,
        outcome: "score".into(),
        score: Some(0.5),
        rewards: vec![values(&[("fuel", 12_345.0)])],
    };
    let mut row = RolloutRow::new(4, 12, u64::MAX - 1, 3);
    row.prompt = "sum? <image>".into();
    row.images = vec!["digits.csv.gz#3".into()];
    row.response = "<think>3+9</think>\n\"12\" ✓".into();
    row.tokens = 11;
    row.finish_reason = "stop".into();
    row.advantage = Some(-0.25);
    row.messages = vec![Message {
        role: "user".into(),
        content: vec![ContentPart::Text("sum? ".into()), ContentPart::Image(0)],
    }];
    // Texts that a number or a sorted object could not hold.
    row.answer = "1.50e999".into();
    row.columns = r#"{"z": 1.10,"a" : [ 12345678901234567890123 ]}"#.into();
    row.data_source = "digits".into();
    let row = row.with_record(&record).unwrap();
    let mut left_out = RolloutRow::new(4, 13, 5, 0);
    left_out.advantage = None;
    let rows = vec![row.clone(), left_out];

    let written = run.write_rollouts(4, &rows).unwrap();
    let path = run.path().join("rollouts/step-4.jsonl.zst");
    let bytes = fs::read(&path).unwrap();
    assert_eq!(written.bytes, bytes.len() as u64);
    assert_eq!(written.digest, Digest::of(&bytes));
    let read = read_rollouts(&path).unwrap();
    assert_eq!(read, rows);
    assert_eq!(read[0].record::<Record>().unwrap(), record);
    assert!(read[1].record::<Record>().is_err());
    run.write_rollouts(4, &rows).unwrap();
    assert_eq!(
        fs::read(&path).unwrap(),
        bytes,
        "equal rows have equal bytes"
    );

    // In the file a row is one flat object without a field twice.
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    let line = text.lines().next().unwrap();
    assert_eq!(line.matches("\"draw\"").count(), 1, "{line}");
    for text in [
        r#""answer":1.50e999,"#,
        r#""columns":{"z": 1.10,"a" : [ 12345678901234567890123 ]},"#,
        r#""messages":[{"role":"user","content":[{"type":"text","text":"sum? "},{"type":"image","index":0}]}]"#,
    ] {
        assert!(line.contains(text), "{line}");
    }
    let flat: serde_json::Value = serde_json::from_str(&line.replace("1.50e999", "1.50")).unwrap();
    assert_eq!(flat["outcome"], "score");
    assert_eq!(flat["response"], row.response);
}

#[test]
fn components_are_kept_once() {
    let (_temp, run) = new_run();
    let path = run.keep_plugin(b"abc").unwrap();
    // `printf abc | sha256sum`
    let name = "plugins/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.wasm";
    assert_eq!(path, run.path().join(name));
    assert_eq!(fs::read(&path).unwrap(), b"abc");
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    run.keep_plugin(b"abc").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
    // What is not whole is written again, and what a kill left goes.
    fs::write(&path, b"ab").unwrap();
    fs::write(run.plugins().join(".x.wasm.tmp"), b"half").unwrap();
    run.keep_plugin(b"abc").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"abc");
    RunFolder::open_for_resume(run.path()).unwrap();
    assert_eq!(fs::read_dir(run.plugins()).unwrap().count(), 1);
}

#[test]
fn rows_after_a_broken_one_are_read() {
    let (_temp, run) = new_run();
    let rows: Vec<_> = (0..3).map(|i| RolloutRow::new(1, 0, 0, i)).collect();
    run.write_rollouts(1, &rows).unwrap();
    let path = run.rollouts_of(1);
    let text = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let broken = format!("{}\n{{\n{}\n", lines[0], lines[2]);
    fs::write(&path, zstd::encode_all(broken.as_bytes(), 3).unwrap()).unwrap();
    let read: Vec<_> = RolloutReader::open(&path).unwrap().collect();
    assert_eq!(read.len(), 3);
    assert!(matches!(&read[1], Err(Error::Data { line: 2, .. })));
    assert_eq!(read[2].as_ref().unwrap(), &rows[2]);

    run.write_rollouts(1, &rows).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let read: Vec<_> = RolloutReader::open(&path).unwrap().collect();
    assert!(
        matches!(read.last(), Some(Err(Error::Io { .. }))),
        "{read:?}"
    );
}

#[test]
fn the_record_of_another_sample_is_refused() {
    let row = RolloutRow::new(1, 2, 3, 4);
    let error = row
        .clone()
        .with_record(&json!({ "draw": 9, "score": 1.0 }))
        .unwrap_err()
        .to_string();
    assert!(error.contains("draw 3, sample 4"), "{error}");
    assert!(error.contains("`draw` is 9"), "{error}");
    assert!(row.with_record(&json!([1])).is_err());
}

#[test]
fn broken_rollouts_are_named() {
    let (_temp, run) = new_run();
    let path = run.rollouts_of(1);
    let text = b"{\"step\":1}\n";
    fs::write(&path, zstd::encode_all(&text[..], 3).unwrap()).unwrap();
    let error = read_rollouts(&path).unwrap_err().to_string();
    assert!(
        error.contains("step-1.jsonl.zst:1: missing field"),
        "{error}"
    );
    fs::write(&path, "plain text").unwrap();
    assert!(
        read_rollouts(&path)
            .unwrap_err()
            .to_string()
            .contains("step-1.jsonl.zst")
    );
}

/// 300 MB of one line in 30 KB.
#[test]
fn a_row_without_end_is_refused() {
    let (_temp, run) = new_run();
    let path = run.rollouts_of(1);
    let mut encoder = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    let block = vec![b'a'; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&block).unwrap();
    }
    encoder.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 100_000);
    let mut read = RolloutReader::open(&path).unwrap();
    let error = read.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("more than 256 MiB"), "{error}");
    assert!(read.next().is_none());
}

#[test]
fn checkpoints_hold_state_and_files() {
    let (_temp, run) = new_run();
    assert_eq!(run.latest_checkpoint().unwrap(), None);
    for n in [2, 10, 4] {
        save(&run, n, 0).unwrap();
    }
    let checkpoint = run.latest_checkpoint().unwrap().unwrap();
    assert_eq!(checkpoint.path(), run.path().join("checkpoints/step-10"));
    assert_eq!(
        (checkpoint.state().step, checkpoint.state().draw),
        (10, 160)
    );
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(checkpoint.path().join("state.json")).unwrap()).unwrap();
    // `printf '\x0a\0\0\0\0\0\0\0' | sha256sum` and `printf 'm and v' | sha256sum`
    assert_eq!(
        state["files"],
        json!({
            "model.safetensors": {
                "bytes": 8,
                "digest": "sha256:a111f275cc2e7588000001d300a31e76336d15b9d314cd1a1d8f3d3556975eed",
            },
            "optimizer/moments.safetensors": {
                "bytes": 7,
                "digest": "sha256:ab91c6f986adf01a7fd5a7e5a05fbd3baf89f0e238eaf9f754b7da53ee23bd57",
            },
        })
    );

    run.prune_checkpoints(2).unwrap();
    let steps = |run: &RunFolder| -> Vec<u64> {
        let steps = run.checkpoint_steps().unwrap();
        steps.iter().map(|(step, _)| *step).collect()
    };
    assert_eq!(steps(&run), [4, 10]);
    run.prune_checkpoints(0).unwrap();
    assert_eq!(steps(&run), [10]);
    assert_eq!(fs::read_dir(run.checkpoints()).unwrap().count(), 1);

    // Saving a step again replaces it.
    save(&run, 10, 5).unwrap();
    assert_eq!(
        run.latest_checkpoint()
            .unwrap()
            .unwrap()
            .state()
            .metrics_len,
        5
    );
    assert_eq!(fs::read_dir(run.checkpoints()).unwrap().count(), 1);
}

/// What an error says, and the damage that it is about.
type Damage = (&'static str, fn(&Path));

#[test]
fn damaged_checkpoints_are_named() {
    let (_temp, run) = new_run();
    let damage: [Damage; 9] = [
        (
            "model.safetensors: the file is not as it was written",
            |dir| {
                fs::write(dir.join("model.safetensors"), 3_u64.to_le_bytes()).unwrap();
            },
        ),
        ("more.json: the checkpoint did not write this file", |dir| {
            fs::write(dir.join("more.json"), "{}").unwrap();
        }),
        ("state.json: the state is not as it was written", |dir| {
            let text = fs::read_to_string(dir.join("state.json")).unwrap();
            fs::write(
                dir.join("state.json"),
                text.replace("\"step\": 2", "\"step\": 1"),
            )
            .unwrap();
        }),
        ("state.json: the state is not as it was written", |dir| {
            let text = fs::read_to_string(dir.join("state.json")).unwrap();
            fs::write(
                dir.join("state.json"),
                text.replacen('{', "{\"evil\": 1,", 1),
            )
            .unwrap();
        }),
        ("state.json: the state is not as it was written", |dir| {
            let text = fs::read_to_string(dir.join("state.json")).unwrap();
            fs::write(dir.join("state.json"), text.replace("optimizer/", "../../")).unwrap();
        }),
        (
            "moments.safetensors: a file of the checkpoint is gone",
            |dir| {
                fs::remove_file(dir.join("optimizer/moments.safetensors")).unwrap();
            },
        ),
        (
            "model.safetensors: the file has 3 bytes instead of 8",
            |dir| {
                fs::write(dir.join("model.safetensors"), "cut").unwrap();
            },
        ),
        ("state.json: this is not a checkpoint's state", |dir| {
            fs::write(dir.join("state.json"), "{\"step\": 2").unwrap();
        }),
        ("state.json: the checkpoint's state can't be read", |dir| {
            fs::remove_file(dir.join("state.json")).unwrap();
        }),
    ];
    for (message, harm) in damage {
        save(&run, 2, 0).unwrap();
        let dir = run.checkpoint_of(2);
        Checkpoint::open(&dir).unwrap();
        harm(&dir);
        let error = RunFolder::open_for_resume(run.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}");
        assert!(error.contains("step-2 to go on without it"), "{error}");
    }
}

#[test]
fn a_checkpoint_of_another_step_is_named() {
    let (_temp, run) = new_run();
    (1..=2).for_each(|n| step(&run, n));
    fs::rename(run.checkpoint_of(2), run.checkpoint_of(9)).unwrap();
    let error = RunFolder::open_for_resume(run.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("step-9: this is the checkpoint of step 2"),
        "{error}"
    );
}

#[test]
fn what_a_checkpoint_stands_on_must_be_there() {
    type Harm = (&'static str, fn(&RunFolder));
    let harm: [Harm; 7] = [
        ("step-1.jsonl.zst: the rollouts are gone", |run| {
            fs::remove_file(run.rollouts_of(1)).unwrap();
        }),
        ("step-2.jsonl.zst: the rollouts are gone", |run| {
            fs::write(run.rollouts_of(2), "").unwrap();
        }),
        ("metrics.jsonl", |run| {
            fs::remove_file(run.metrics()).unwrap();
        }),
        ("metrics.jsonl: the metrics are not those of", |run| {
            let text = fs::read_to_string(run.metrics()).unwrap();
            fs::write(run.metrics(), text.replacen('3', "4", 1)).unwrap();
        }),
        ("digests.jsonl", |run| {
            fs::remove_file(run.digests()).unwrap();
        }),
        ("digests.jsonl: line 2", |run| {
            let text = fs::read_to_string(run.digests()).unwrap();
            fs::write(run.digests(), text.replace("\"draw\":16", "\"draw\":15")).unwrap();
        }),
        ("digests.jsonl: the chain is not the one of", |run| {
            let text = fs::read_to_string(run.digests()).unwrap();
            let end = text.trim_end().rfind('\n').unwrap() + 1;
            fs::write(run.digests(), &text[..end]).unwrap();
        }),
    ];
    for (message, harm) in harm {
        let (_temp, run) = new_run();
        (1..=2).for_each(|n| step(&run, n));
        harm(&run);
        let before = tree(run.path());
        let error = RunFolder::open_for_resume(run.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{message}: {error}");
        assert_eq!(
            tree(run.path()),
            before,
            "{message}: nothing was taken back"
        );
    }
}

/// What a run that was killed leaves is taken back to its checkpoint; going on from there gives
/// the bytes of a run that was never killed.
#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let (_temp, whole) = new_run();
    (1..=6).for_each(|n| step(&whole, n));
    let wanted = tree(whole.path());

    let (_temp, run) = new_run();
    (1..=5).for_each(|n| step(&run, n));
    // Killed in step 6: a line half written, a rollout file and a checkpoint being prepared.
    for file in [run.metrics(), run.timings(), run.digests()] {
        let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(b"{\"step\":6,\"rew").unwrap();
    }
    fs::write(run.rollouts().join(".step-6.jsonl.zst.tmp"), "half").unwrap();
    let staged = run.checkpoints().join(".step-6.tmp");
    fs::create_dir(&staged).unwrap();
    fs::write(staged.join("model.safetensors"), "half").unwrap();

    let (resumed, checkpoint) = RunFolder::open_for_resume(run.path()).unwrap();
    assert_eq!(checkpoint.unwrap().state().step, 4);
    assert!(!staged.exists());
    let steps: Vec<u64> = resumed
        .rollout_steps()
        .unwrap()
        .iter()
        .map(|s| s.0)
        .collect();
    assert_eq!(steps, [1, 2, 3, 4]);
    (5..=6).for_each(|n| step(&resumed, n));
    assert_eq!(tree(run.path()), wanted);
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_again() {
    let (_temp, run) = new_run();
    step(&run, 1);
    let (run, checkpoint) = RunFolder::open_for_resume(run.path()).unwrap();
    assert_eq!(checkpoint, None);
    let left: Vec<String> = tree(run.path()).into_keys().collect();
    assert_eq!(
        left,
        [
            "config.toml",
            "digests.jsonl",
            "metrics.jsonl",
            "timings.jsonl"
        ]
    );
    assert_eq!(fs::metadata(run.metrics()).unwrap().len(), 0);
}

#[test]
fn another_configuration_is_not_resumed() {
    let (_temp, run) = new_run();
    (1..=3).for_each(|n| step(&run, n));
    fs::write(run.config(), "seed = 2\n").unwrap();
    let before = tree(run.path());
    let error = RunFolder::open_for_resume(run.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("config.toml") && error.contains("step 2"),
        "{error}"
    );
    assert_eq!(tree(run.path()), before, "nothing was cut");
}

/// A disk that is full when a checkpoint is written: the error names the file, and the run can
/// be resumed from the checkpoint before.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_only_the_new_checkpoint() {
    let (_temp, run) = new_run();
    (1..=3).for_each(|n| step(&run, n));
    let state = CheckpointState {
        step: 4,
        draw: 64,
        kl_controller: None,
        metrics_len: 0,
        config_digest: run.config_digest().unwrap(),
        chain_len: 0,
        chain: Digest::of(b""),
    };
    let error = run
        .save_checkpoint(&state, |dir| {
            write_file(&dir.join("config.json"), b"{}")?;
            let path = dir.join("model.safetensors");
            std::os::unix::fs::symlink("/dev/full", &path).unwrap();
            write_file(&path, b"weights")
        })
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("model.safetensors: No space left"),
        "{error}"
    );
    assert_eq!(fs::read_dir(run.checkpoints()).unwrap().count(), 1);
    let (_, checkpoint) = RunFolder::open_for_resume(run.path()).unwrap();
    assert_eq!(checkpoint.unwrap().state().step, 2);

    // The folder that checkpoints go to is not one.
    fs::remove_dir_all(run.checkpoints()).unwrap();
    fs::write(run.checkpoints(), "a file").unwrap();
    let error = save(&run, 6, 0).unwrap_err().to_string();
    assert!(error.contains("checkpoints/.step-6.tmp"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_whole_lines_and_files() {
    let mut metrics = JsonLines::open(Path::new("/dev/full")).unwrap();
    let error = metrics
        .write(1, &values(&[("a", 1.0)]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/dev/full: No space left"), "{error}");
    assert_eq!(metrics.len(), 0);

    let (_temp, run) = new_run();
    // A file that can't get its name leaves nothing under the other one.
    let rows = [RolloutRow::new(1, 0, 0, 0)];
    fs::create_dir_all(run.rollouts_of(1).join("in the way")).unwrap();
    let error = run.write_rollouts(1, &rows).unwrap_err().to_string();
    assert!(error.contains("step-1.jsonl.zst: "), "{error}");
    assert_eq!(fs::read_dir(run.rollouts()).unwrap().count(), 1);
    fs::remove_dir_all(run.rollouts_of(1)).unwrap();
    run.write_rollouts(1, &rows).unwrap();
    assert_eq!(read_rollouts(&run.rollouts_of(1)).unwrap(), rows);
}

/// A file or folder of a run.
type Place = fn(&RunFolder) -> std::path::PathBuf;

/// A run's folder that came from somebody else, with links where a resumed run would write.
#[test]
fn a_folder_with_links_is_not_resumed() {
    let links: [(&str, Place); 8] = [
        ("timings", RunFolder::timings),
        ("table", RunFolder::table),
        ("events", |run| {
            run.path().join("events.out.tfevents.1.rlhost")
        }),
        ("metrics", RunFolder::metrics),
        ("config", RunFolder::config),
        ("curve", RunFolder::curve),
        ("plugins", RunFolder::plugins),
        ("checkpoint", |run| run.checkpoint_of(2)),
    ];
    for (what, place) in links {
        let (temp, run) = new_run();
        (1..=2).for_each(|n| step(&run, n));
        let (place, victim) = (place(&run), temp.path().join("victim"));
        match fs::rename(&place, &victim) {
            Ok(()) => {}
            Err(_) => fs::write(&victim, "precious").unwrap(),
        }
        let before = tree(temp.path());
        std::os::unix::fs::symlink(&victim, &place).unwrap();
        let error = RunFolder::open_for_resume(run.path())
            .unwrap_err()
            .to_string();
        let named = error.contains(place.to_str().unwrap()) && error.contains("this is a link to");
        assert!(named, "{what}: {error}");
        fs::remove_file(&place).unwrap();
        assert_eq!(tree(temp.path()), before, "{what}");
    }
    for what in [RunFolder::rollouts, RunFolder::checkpoints] {
        let (temp, run) = new_run();
        let victim = temp.path().join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join(".keep.tmp"), "precious").unwrap();
        fs::write(victim.join("step-11.jsonl.zst"), "precious").unwrap();
        fs::remove_dir(what(&run)).unwrap();
        std::os::unix::fs::symlink(&victim, what(&run)).unwrap();
        let error = RunFolder::open_for_resume(run.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("this is a link to"), "{error}");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 2);
    }
    // A second name of a file elsewhere, which would be cut there too.
    let (temp, run) = new_run();
    step(&run, 1);
    fs::hard_link(run.metrics(), temp.path().join("victim")).unwrap();
    let error = RunFolder::open_for_resume(run.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("a hard link"), "{error}");
}

#[test]
fn what_lies_under_a_temporary_name_is_not_followed() {
    let (temp, run) = new_run();
    let victim = temp.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, run.rollouts().join(".step-1.jsonl.zst.tmp")).unwrap();
    std::os::unix::fs::symlink("nowhere", run.checkpoints().join(".step-2.tmp")).unwrap();
    (1..=2).for_each(|n| step(&run, n));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(run.checkpoint_of(2).join("state.json").is_file());
}
