//! `rlhost replay`: a run's scores from its folder alone.

use crate::forger::make_digests_anew;
use crate::support::{Outcome, Project, guest, json_lines};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// Samples of a step and of a validation.
const STEP: usize = 16;
const VALIDATION: usize = 16;

/// Ways in which a response's bytes choose among outcomes.
const MIXED: &str = r#"reward.hostile.params.mode=["score","loop","steps","allocate","trap","steps","recurse","abstain"]"#;

/// A project with a run of two steps and a validation after the second.
fn trained(more: &[&str]) -> Project {
    let project = Project::new();
    let mut arguments = vec![
        "train",
        "train.toml",
        "trainer.max_steps=2",
        "trainer.val_freq=2",
        "trainer.val_before_train=false",
    ];
    arguments.extend(more);
    project.ok(&arguments);
    project
}

fn run(project: &Project, more: &[&str]) -> Outcome {
    let mut arguments = vec!["replay", "runs/train"];
    arguments.extend(more);
    project.run(&arguments)
}

/// A replay's report, and whether it found all as recorded.
#[track_caller]
fn report(project: &Project, more: &[&str]) -> (Value, bool) {
    let outcome = run(project, &[&["--json"], more].concat());
    assert!(matches!(outcome.code, Some(0 | 3)), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
    let holds = outcome.code == Some(0);
    (serde_json::from_str(&outcome.stdout).unwrap(), holds)
}

/// Samples that are identical, changed, unreadable, and with a fault of the host.
fn counts(report: &Value) -> [u64; 4] {
    ["identical", "changed", "unreadable", "host_faults"].map(|key| report[key].as_u64().unwrap())
}

fn step_file(step: u64) -> String {
    format!("runs/train/rollouts/step-{step}.jsonl.zst")
}

/// Edits one row of a step's rollouts.
fn edit_row(project: &Project, step: u64, row: usize, edit: impl FnOnce(&mut Value)) {
    let name = step_file(step);
    let mut rows = json_lines(&project.records(&name));
    edit(&mut rows[row]);
    let lines: Vec<_> = rows.iter().map(Value::to_string).collect();
    project.write_records(&name, &(lines.join("\n") + "\n"));
    // Without this, the digests alone would tell.
    make_digests_anew(&project.path("runs/train"));
}

#[test]
fn a_run_is_replayed_from_its_folder() {
    let group = format!("reward.group.plugin={}", guest("by-group"));
    let batch = format!("reward.batch.plugin={}", guest("by-batch"));
    let math = format!("reward.math.plugin={}", guest("math"));
    let project = Project::new();
    // The plugin is gone when the run is replayed.
    fs::copy(guest("hostile"), project.path("mine.wasm")).unwrap();
    project.ok(&[
        "train",
        "train.toml",
        "trainer.max_steps=3",
        "trainer.val_freq=2",
        "reward.hostile.plugin=mine.wasm",
        "reward.hostile.weight=0.5",
        "reward.hostile.on_failure={ trap = \"zero\" }",
        MIXED,
        &group,
        &batch,
        "reward.batch.weight=0.1",
        &math,
        "reward.math.weight=0",
    ]);
    project.remove("mine.wasm");

    let (found, holds) = report(&project, &[]);
    assert!(holds, "{found:#}");
    // Validations before the first step, after the second and after the last.
    let samples = 3 * STEP + 3 * VALIDATION;
    assert_eq!(found["samples"], samples);
    assert_eq!(counts(&found), [samples as u64, 0, 0, 0]);
    assert_eq!(found["scores"], 4 * samples);
    for reward in ["batch", "group", "hostile", "math"] {
        assert_eq!(found["rewards"][reward]["identical"], samples);
    }
    let outcomes: std::collections::BTreeSet<String> = (1..=3)
        .flat_map(|step| project.rollouts("runs/train", step))
        .map(|row| row["rewards"][2]["outcome"].as_str().unwrap().to_owned())
        .collect();
    assert!(outcomes.len() > 3, "{outcomes:?}");

    // The number of threads and the folder from which it is called change nothing.
    let timeless = |mut found: Value| {
        found["seconds"] = Value::Null;
        found
    };
    let (one, _) = report(&project, &["--threads", "1"]);
    assert_eq!(timeless(one), timeless(found.clone()));
    let elsewhere = tempfile::tempdir().unwrap();
    let path = project.path("runs/train");
    let mut command = crate::support::rlhost(elsewhere.path());
    command.args(["replay", "--json", path.to_str().unwrap(), "--images"]);
    let outcome = Outcome::from(command.arg(project.root()).output().unwrap());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let there: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(timeless(there), timeless(found));
}

#[test]
fn what_is_replayed_can_be_chosen() {
    let math = format!("reward.math.plugin={}", guest("math"));
    let project = trained(&[&math]);
    let (found, _) = report(&project, &["--step", "1"]);
    assert_eq!(
        (found["samples"].as_u64(), found["scores"].as_u64()),
        (Some(16), Some(32))
    );
    // The validation after a step belongs to it.
    let (found, _) = report(&project, &["--step", "2", "--reward", "math"]);
    assert_eq!(
        (found["samples"].as_u64(), found["scores"].as_u64()),
        (Some(32), Some(32))
    );
    assert_eq!(found["rewards"].as_object().unwrap().len(), 1);

    let text = run(&project, &[]).stdout;
    let first = "48 samples: 48 identical, 0 changed, 0 unreadable, 0 with a fault of the host\n";
    assert!(text.starts_with(first), "{text}");
    assert!(
        text.contains("  hostile   48 identical\n  math      48 identical\ncomputed again: "),
        "{text}"
    );
    assert!(text.contains("\n96 scores in "), "{text}");

    let replay = |more: &[&'static str]| [&["replay", "runs/train"], more].concat();
    project.refused(
        &replay(&["--step", "9"]),
        &["no records of step 9", "steps 1 to 2"],
    );
    project.refused(
        &replay(&["--reward", "maths"]),
        &["no reward `maths`", "hostile, math"],
    );
    project.refused(&["replay", "runs/none"], &["runs/none", "no such run"]);
    project.refused(&replay(&["--param", "a=1"]), &[]);
}

type Edit<'a> = Box<dyn Fn(&mut Value) + 'a>;

/// What an edit of a row makes of it: status, the finding's reward, and a word of it.
type Expected = (&'static str, Option<&'static str>, &'static str);

#[test]
fn tampered_rows_are_found() {
    let project = trained(&[]);
    let name = step_file(1);
    let before = project.records(&name);
    let zeros = format!("sha256:{}", "0".repeat(64));
    let rows = json_lines(&before);
    let scored = rows
        .iter()
        .position(|row| row["steps"] != json!([]))
        .unwrap();
    let set = |path: &'static str, value: Value| -> Edit<'_> {
        Box::new(move |row| *row.pointer_mut(path).unwrap() = value.clone())
    };
    let hostile = Some("hostile");
    let cases: Vec<(Edit<'_>, Expected)> = vec![
        (
            set("/response", json!("12")),
            ("unreadable", hostile, "input digest"),
        ),
        (
            set("/tokens", json!(3)),
            ("unreadable", hostile, "input digest"),
        ),
        (
            set("/finish_reason", json!("cut")),
            ("unreadable", hostile, "input digest"),
        ),
        (
            set("/finish_reason", json!("tired")),
            ("unreadable", hostile, "`tired` is no finish reason"),
        ),
        (
            set("/answer", json!("12")),
            ("unreadable", hostile, "input digest"),
        ),
        (
            set("/messages/0/role", json!("system")),
            ("unreadable", hostile, "input digest"),
        ),
        (
            set("/columns", json!({"a": 1})),
            ("unreadable", hostile, "input digest"),
        ),
        (
            set("/rewards/0/receipt/input", json!(zeros)),
            ("unreadable", hostile, "input digest"),
        ),
        (
            set("/rewards/0/receipt/params", json!(zeros)),
            ("unreadable", hostile, "parameters"),
        ),
        (
            set("/rewards/0/receipt/component", json!(zeros)),
            ("unreadable", hostile, "component is missing"),
        ),
        (
            Box::new(|row| row["rewards"][0]["receipt"]["call"] = json!(zeros)),
            ("unreadable", hostile, "samples of its call"),
        ),
        (
            set("/rewards/0/name", json!("none")),
            ("unreadable", Some("none"), "no [reward.none]"),
        ),
        (set("/v", json!(9)), ("unreadable", None, "version 9")),
        (
            set("/rewards", json!("none")),
            ("unreadable", None, "step 1, draw "),
        ),
        (
            set("/images", json!(["no/such.png"])),
            ("unreadable", hostile, "no/such.png"),
        ),
        (
            set("/rewards/0/total", json!(0.5)),
            ("changed", hostile, "total"),
        ),
        (
            set("/rewards/0/fuel", json!(1)),
            ("changed", hostile, "fuel"),
        ),
        (
            set("/rewards/0/receipt/fuel", json!(1)),
            ("changed", hostile, "receipt.fuel"),
        ),
        (
            set("/rewards/0/outcome", json!("trap")),
            ("changed", hostile, "outcome"),
        ),
        (
            set("/rewards/0/parts", json!({"new": 1.0})),
            ("changed", hostile, "parts.new"),
        ),
        (
            set("/rewards/0/digest", json!(zeros)),
            ("changed", hostile, "digest"),
        ),
        (set("/score", json!(0.5)), ("changed", None, "score")),
        (set("/steps", json!([])), ("changed", None, "steps")),
        (set("/rewards", json!([])), ("changed", None, "score")),
    ];
    for (edit, (status, reward, word)) in cases {
        edit_row(&project, 1, scored, edit);
        let (found, holds) = report(&project, &["--step", "1"]);
        let [identical, changed, unreadable, faults] = counts(&found);
        assert_eq!(
            (identical, changed + unreadable, faults),
            (15, 1, 0),
            "{word}: {found:#}"
        );
        assert!(!holds, "{word}");
        let findings = found["findings"].as_array().unwrap();
        let said = findings.iter().any(|finding| {
            finding["step"] == 1
                && finding["status"] == status
                && finding["reward"] == json!(reward)
                && finding.to_string().contains(word)
        });
        assert!(said, "{word}: {found:#}");
        let text = run(&project, &[]).stdout;
        assert!(text.contains(&format!("\n{status:<10}  step 1")), "{text}");
        if word == "version 9" {
            project.refused(&["rollouts", "show", "runs/train", "--step", "1"], &[word]);
        }
        project.write_records(&name, &before);
        make_digests_anew(&project.path("runs/train"));
    }
    assert!(report(&project, &[]).1);

    // Another engine may use other fuel.
    edit_row(&project, 1, 0, |row| {
        let engine = row["rewards"][0]["receipt"]["engine"].as_str().unwrap();
        let engine = engine
            .replace("x86_64", "riscv64")
            .replace("aarch64", "riscv64");
        row["rewards"][0]["receipt"]["engine"] = json!(engine);
        row["rewards"][0]["receipt"]["fuel"] = json!(1);
        row["rewards"][0]["fuel"] = json!(1);
    });
    let (found, holds) = report(&project, &["--step", "1"]);
    assert!(holds, "{found:#}");
    assert_eq!(counts(&found), [15, 0, 0, 0]);
    assert_eq!(found["other_engine"], 1);
    assert_eq!(found["rewards"]["hostile"]["other_engine"], 1);
    let engines = found["other_engines"].as_object().unwrap();
    assert!(engines.len() == 1 && engines.keys().all(|e| e.ends_with("/riscv64")));
    let text = run(&project, &["--step", "1"]).stdout;
    assert!(text.contains("1 records were made by wasmtime-"), "{text}");

    // A fault of the host says nothing of the sample, but advantages and metrics follow from it.
    edit_row(&project, 1, 1, |row| {
        row["rewards"][0]["outcome"] = json!("host-fault");
        row["rewards"][0]["receipt"]["outcome"] = json!("host-fault");
        row["outcome"] = json!("host-fault");
        row["rewards"][0]["total"] = Value::Null;
        row["rewards"][0]["parts"] = json!({});
        row["score"] = Value::Null;
        row["parts"] = json!({});
        row["steps"] = json!([]);
    });
    let (found, holds) = report(&project, &["--step", "1"]);
    assert!(!holds, "{found:#}");
    assert_eq!(found["rewards"]["hostile"]["host_faults"], 1);
    assert_eq!(found["rewards"]["hostile"]["changed"], 0);
    let findings = found["findings"].to_string();
    assert!(
        findings.contains("metrics.jsonl: reward/outcome/host-fault"),
        "{findings}"
    );
}

#[test]
fn missing_and_broken_files_are_found() {
    let project = trained(&[]);
    let name = step_file(1);
    let whole = fs::read(project.path(&name)).unwrap();
    let text = project.records(&name);
    let lines: Vec<&str> = text.lines().collect();
    let plain = |lines: &[&str]| zstd::encode_all((lines.join("\n") + "\n").as_bytes(), 3).unwrap();
    let twice = [&lines[..], &lines[..1]].concat();
    let broken = [&["{\"step\":1"], &lines[1..]].concat();
    for (bytes, expected, word) in [
        (
            whole[..whole.len() / 2].to_vec(),
            None,
            "are missing: runs/train",
        ),
        (
            b"not zstd".to_vec(),
            Some([0, 0, 16, 0]),
            "16 of the step's 16 samples are missing",
        ),
        (
            Vec::new(),
            Some([0, 0, 16, 0]),
            "16 of the step's 16 samples are missing",
        ),
        (
            plain(&lines[1..]),
            Some([15, 0, 1, 0]),
            "1 of the step's 16 samples are missing",
        ),
        (
            plain(&twice),
            Some([16, 1, 1, 0]),
            "metrics.jsonl knows of 16",
        ),
        (plain(&broken), Some([15, 0, 1, 0]), "step-1.jsonl.zst:1: "),
    ] {
        fs::write(project.path(&name), bytes).unwrap();
        let (found, holds) = report(&project, &["--step", "1"]);
        assert!(!holds, "{word}");
        if let Some(expected) = expected {
            assert_eq!(counts(&found), expected, "{word}: {found:#}");
        }
        let finding = found["findings"].to_string();
        assert!(finding.contains(word), "{word}: {finding}");
    }
    project.remove(&name);
    assert_eq!(counts(&report(&project, &["--step", "1"]).0), [0, 0, 16, 0]);
    fs::write(project.path(&name), &whole).unwrap();

    // An image that is gone takes its samples with it.
    let image = json_lines(&text)[0]["images"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let seen = |step| {
        let rows = project.rollouts("runs/train", step);
        rows.iter()
            .filter(|row| row["images"][0] == image.as_str())
            .count() as u64
    };
    let gone = seen(1);
    let bytes = fs::read(project.path(&image)).unwrap();
    project.remove(&image);
    let (found, _) = report(&project, &["--step", "1"]);
    assert_eq!(counts(&found), [16 - gone, 0, gone, 0]);
    assert!(
        found["findings"][0]["reason"]
            .as_str()
            .unwrap()
            .contains(&image)
    );
    fs::write(project.path(&image), bytes).unwrap();
    assert!(report(&project, &[]).1);

    // Another picture under its name.
    let pixels = image::RgbImage::new(28, 28);
    pixels.save(project.path(&image)).unwrap();
    assert_eq!(
        counts(&report(&project, &["--step", "1"]).0),
        [16 - gone, 0, gone, 0]
    );

    // Another component under the digest of the first, and none.
    let plugins = project.path("runs/train/plugins");
    let kept = fs::read_dir(&plugins).unwrap().next().unwrap().unwrap();
    assert_eq!(
        fs::read(kept.path()).unwrap(),
        fs::read(guest("hostile")).unwrap()
    );
    fs::copy(guest("math"), kept.path()).unwrap();
    let (found, _) = report(&project, &["--step", "2"]);
    assert_eq!(counts(&found), [0, 0, 32, 0]);
    assert!(
        found["findings"]
            .to_string()
            .contains("is another component")
    );
    fs::remove_file(kept.path()).unwrap();
    let (found, _) = report(&project, &["--step", "2", "--worst", "3"]);
    assert_eq!(counts(&found), [0, 0, 32, 0]);
    assert_eq!(found["findings"].as_array().unwrap().len(), 3);
    assert!(
        found["findings"]
            .to_string()
            .contains("component is missing")
    );
}

#[test]
fn a_call_over_several_samples_needs_them_all() {
    let group = format!("reward.group.plugin={}", guest("by-group"));
    let batch = format!("reward.batch.plugin={}", guest("by-batch"));
    let project = trained(&[&group, &batch]);
    let rows = project.rollouts("runs/train", 1);
    // The plugins saw what their scope says.
    assert_eq!(rows[5]["parts"]["group/seen"], 4.0);
    assert_eq!(rows[5]["parts"]["batch/seen"], 16.0);
    assert_eq!(rows[5]["rewards"][0]["total"], 1.0);
    assert!(report(&project, &[]).1);

    edit_row(&project, 1, 5, |row| row["response"] = json!("tampered"));
    let (found, _) = report(&project, &["--step", "1"]);
    assert_eq!(counts(&found), [0, 0, 16, 0]);
    let unreadable = |name: &str| found["rewards"][name]["unreadable"].as_u64().unwrap();
    assert_eq!(["batch", "group", "hostile"].map(unreadable), [16, 4, 1]);

    // A sample that is not there at all is missed too.
    let lines = project.records(&step_file(2));
    let lines: Vec<&str> = lines.lines().skip(1).collect();
    project.write_records(&step_file(2), &(lines.join("\n") + "\n"));
    let (found, _) = report(&project, &["--step", "2", "--reward", "group"]);
    assert_eq!(found["rewards"]["group"]["unreadable"], 3);
    assert_eq!(counts(&found), [28, 0, 4, 0]);
}

#[test]
fn the_runs_own_settings_count() {
    let project = trained(&[]);
    let config = project.read("runs/train/config.toml");
    // A sample without a score has no sum that another weight would change.
    let scored = |name: &str| {
        let rows = json_lines(&project.records(&format!("runs/train/rollouts/{name}.jsonl.zst")));
        rows.iter().filter(|row| !row["score"].is_null()).count() as u64
    };
    let scored: u64 = ["step-1", "step-2", "validation-2"]
        .map(scored)
        .iter()
        .sum();
    assert!(scored > 24);
    for (from, to, counted) in [
        ("fuel = 5000000", "fuel = 6000000", [0, 0, 48, 0]),
        (
            "mode = [\"score\", \"steps\"]",
            "mode = \"score\"",
            [0, 0, 48, 0],
        ),
        ("weight = 1.0", "weight = 2.0", [48 - scored, scored, 0, 0]),
    ] {
        assert!(config.contains(from), "{from} is not in {config}");
        project.write("runs/train/config.toml", &config.replace(from, to));
        let (found, holds) = report(&project, &[]);
        assert_eq!(counts(&found), counted, "{to}: {found:#}");
        assert!(!holds);
    }
}

/// Rows of `rlhost score` from rollouts, as docs/data.md says.
fn rows_to_score(rows: &[Value]) -> String {
    let row = |row: &Value| {
        let turn = json!({
            "text": row["response"], "tokens": row["tokens"], "finish_reason": row["finish_reason"],
        });
        let fields = [
            "images",
            "answer",
            "data_source",
            "problem_type",
            "answer_type",
        ];
        let mut line: BTreeMap<&str, &Value> = fields.iter().map(|f| (*f, &row[*f])).collect();
        line.insert("prompt", &row["messages"]);
        let turns = json!([turn]);
        line.insert("response", &turns);
        serde_json::to_string(&line).unwrap()
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn another_plugin_is_set_beside_the_old() {
    let project = trained(&[r#"reward.hostile.params.mode=["score","steps","abstain"]"#]);
    let rows: Vec<Value> = [
        project.records(&step_file(1)),
        project.records(&step_file(2)),
        project.records("runs/train/rollouts/validation-2.jsonl.zst"),
    ]
    .iter()
    .flat_map(|text| json_lines(text))
    .collect();
    assert_eq!(rows.len(), 48);

    // The reference: what `rlhost score` says with the same parameters.
    project.write("rows.jsonl", &rows_to_score(&rows));
    let mode = r#"mode=["steps","abstain","score"]"#;
    let hostile = guest("hostile");
    let scored = project.ok(&["score", &hostile, "--input", "rows.jsonl", "--param", mode]);
    let scored = json_lines(&scored.stdout);

    let more = ["--plugin", &hostile, "--param", mode, "--worst", "4"];
    let (found, _) = report(&project, &more);
    assert_eq!(found["samples"], 48);
    let totals = |rows: &[Value]| -> Vec<f64> {
        rows.iter()
            .filter_map(|row| row["rewards"][0]["total"].as_f64())
            .collect()
    };
    for (side, rows) in [("old", &rows), ("new", &scored)] {
        let totals = totals(rows);
        let mean = totals.iter().sum::<f64>() / totals.len() as f64;
        assert_eq!(found["total"][side]["samples"], totals.len());
        assert!((found["total"][side]["mean"].as_f64().unwrap() - mean).abs() < 1e-12);
        let parts: Vec<&Value> = rows
            .iter()
            .filter(|r| !r["parts"]["format"].is_null())
            .collect();
        assert_eq!(found["parts"]["format"][side]["samples"], parts.len());
        assert_eq!(found["parts"]["format"][side]["mean"], 0.5);
    }
    let verdict = |row: &Value| {
        let reward = &row["rewards"][0];
        (
            reward["outcome"].clone(),
            reward["total"].clone(),
            reward["parts"].clone(),
        )
    };
    let pairs: Vec<_> = rows
        .iter()
        .map(verdict)
        .zip(scored.iter().map(verdict))
        .collect();
    let differ = pairs.iter().filter(|(old, new)| old != new).count();
    assert_eq!(found["differ"], differ);
    let mut transitions: BTreeMap<String, usize> = BTreeMap::new();
    for (old, new) in &pairs {
        let names = format!("{} {}", old.0, new.0);
        *transitions.entry(names).or_default() += 1;
    }
    let outcomes = found["outcomes"].as_array().unwrap().iter();
    let outcomes: BTreeMap<String, usize> = outcomes
        .map(|t| {
            let samples = t["samples"].as_u64().unwrap() as usize;
            (format!("{} {}", t["old"], t["new"]), samples)
        })
        .collect();
    assert_eq!(outcomes, transitions);
    let worst = found["worst"].as_array().unwrap();
    assert!(!worst.is_empty() && worst.len() <= 4);
    for disagreement in worst {
        let (old, new) = (&disagreement["old"]["total"], &disagreement["new"]["total"]);
        assert!((old.as_f64().unwrap() - new.as_f64().unwrap()).abs() > 0.2);
    }
    let text = run(&project, &more).stdout;
    for part in [
        "total",
        "accuracy",
        "format",
        "old \\ new",
        "abstain",
        "── step 1 · draw ",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }

    // The same plugin with the run's parameters says the same.
    let (found, _) = report(&project, &["--plugin", &hostile]);
    assert_eq!((&found["differ"], &found["worst"]), (&json!(0), &json!([])));
    assert_eq!(found["params"], r#"{"mode":["score","steps","abstain"]}"#);

    // Parts that only one of them has.
    let (found, holds) = report(&project, &["--plugin", &guest("by-group"), "--step", "1"]);
    assert!(holds);
    assert_eq!(
        found["parts"]["seen"]["new"],
        json!({"mean": 4.0, "samples": 16})
    );
    assert_eq!(
        found["parts"]["seen"]["old"],
        json!({"mean": null, "samples": 0})
    );
    assert_eq!(found["parts"]["accuracy"]["new"]["samples"], 0);
}

#[test]
fn one_of_several_rewards_is_replaced() {
    let math = format!("reward.math.plugin={}", guest("math"));
    let project = trained(&[&math]);
    let plugin = guest("math");
    let rescore = ["replay", "runs/train", "--plugin", &plugin];
    project.refused(&rescore, &["2 rewards", "hostile, math"]);
    let (found, _) = report(&project, &["--plugin", &plugin, "--reward", "math"]);
    assert_eq!(
        (&found["samples"], &found["differ"]),
        (&json!(48), &json!(0))
    );
    let unknown = [&rescore[..], &["--reward", "math", "--param", "nonsense=1"]].concat();
    project.refused(&unknown, &["unknown parameter `nonsense`"]);
}

#[test]
fn sft_keeps_the_samples_of_its_validations() {
    let project = Project::new();
    project.ok(&["sft", "sft.toml"]);
    let outcome = project.ok(&["replay", "runs/sft", "--json"]);
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    // Before the first step, after the third and after the last.
    assert_eq!(counts(&found), [48, 0, 0, 0]);
    let shown = project.ok(&["rollouts", "show", "runs/sft", "--validation", "-n", "100"]);
    assert_eq!(shown.stdout.matches("── step 6 · ").count(), 16);
    assert_eq!(shown.stdout.matches(" · held out\n").count(), 16);
    project.refused(&["rollouts", "show", "runs/sft"], &["no rollouts yet"]);
}

/// A JPEG whose EXIF says that it lies on its side (orientation 6: turn it by a quarter clockwise).
fn turned_jpeg() -> Vec<u8> {
    use image::ImageEncoder;
    // TIFF, little-endian, one entry: tag 0x0112, type SHORT, one value, 6.
    let mut exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0".to_vec();
    exif.extend([0; 4]);
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif).unwrap();
    let pixels: Vec<u8> = (0..56 * 28 * 3).map(|i| (i % 251) as u8).collect();
    encoder
        .write_image(&pixels, 56, 28, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

#[test]
fn score_sees_what_training_saw() {
    let project = Project::new();
    fs::write(project.path("data/turned.jpg"), turned_jpeg()).unwrap();
    let glass = image::RgbaImage::from_fn(28, 28, |x, y| image::Rgba([x as u8, y as u8, 9, 100]));
    glass.save(project.path("data/glass.png")).unwrap();
    let rows = [
        r#"{"zeta": 1.50, "prompt": "a <image> b <image>", "answer": {"b": 1.0, "a": 2}, "images": ["turned.jpg", "glass.png"], "alpha": [1,  2], "data_source": "test"}"#,
        r#"{"prompt": "sum?", "images": "turned.jpg", "answer": 1.10, "target": "12", "problem_type": "sum"}"#,
        r#"{"prompt": [{"role": "system", "content": "be brief"}, {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "sum?"}], "name": "me"}], "images": ["glass.png"]}"#,
        r#"{"prompt": "no image", "answer": null, "m": {"k": 1e3}}"#,
    ];
    project.write("data/train.jsonl", &rows.join("\n"));
    project.ok(&[
        "train",
        "train.toml",
        "trainer.max_steps=1",
        "data.max_prompt_length=200",
    ]);
    let rollouts = project.rollouts("runs/train", 1);
    assert_eq!(rollouts.len(), 16);
    let hostile = guest("hostile");
    let digests = |input: &str| -> Vec<Value> {
        let mode = r#"mode=["score", "steps"]"#;
        let scored = project.ok(&["score", &hostile, "--input", input, "--param", mode]);
        let records = json_lines(&scored.stdout);
        records
            .iter()
            .map(|r| r["rewards"][0]["receipt"]["input"].clone())
            .collect()
    };
    let expected: Vec<Value> = rollouts
        .iter()
        .map(|row| row["rewards"][0]["receipt"]["input"].clone())
        .collect();
    let mut distinct = expected.clone();
    distinct.sort_by_key(Value::to_string);
    distinct.dedup();
    assert!(distinct.len() > 4);

    // The row of the data with the response of the rollout.
    let turn = |row: &Value| {
        format!(
            r#"[{{"text": {}, "tokens": {}, "finish_reason": {}}}]"#,
            row["response"], row["tokens"], row["finish_reason"]
        )
    };
    let from_data: Vec<_> = rollouts
        .iter()
        .map(|row| {
            let data = rows[row["index"].as_u64().unwrap() as usize];
            data.replacen('{', &format!("{{\"response\": {}, ", turn(row)), 1)
        })
        .collect();
    project.write("data/scored.jsonl", &from_data.join("\n"));
    assert_eq!(digests("data/scored.jsonl"), expected);

    // The rollout alone, its texts as they stand.
    let text = project.records(&step_file(1));
    let from_rollouts: Vec<_> = text
        .lines()
        .map(|line| {
            let row: BTreeMap<String, Box<serde_json::value::RawValue>> =
                serde_json::from_str(line).unwrap();
            let value: Value = serde_json::from_str(line).unwrap();
            let mut fields = vec![
                format!("\"response\": {}", turn(&value)),
                format!("\"prompt\": {}", row["messages"]),
            ];
            for name in [
                "images",
                "answer",
                "data_source",
                "problem_type",
                "answer_type",
            ] {
                fields.push(format!("\"{name}\": {}", row[name]));
            }
            let columns = row["columns"].get();
            if columns != "{}" {
                fields.push(columns[1..columns.len() - 1].to_owned());
            }
            format!("{{{}}}", fields.join(", "))
        })
        .collect();
    project.write("rollouts.jsonl", &from_rollouts.join("\n"));
    assert_eq!(digests("rollouts.jsonl"), expected);
}
