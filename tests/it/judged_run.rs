//! Runs whose reward asks others: what is granted, what is kept, and that a replay asks nobody.

use crate::http::{self, completion};
use crate::support::{Project, files, guest, json_lines, rlhost};
use serde_json::{Value, json};
use std::fs;

const KEY: &str = "a-very-secret-key";

/// Trains two steps with a judge at `url`.
fn train(project: &Project, url: &str) -> std::process::Output {
    let asker = format!(
        "\n[reward.asker]\nplugin = \"{}\"\nparams = {{ mode = \"judge\" }}\n\
         [reward.asker.allow]\nlog = true\ninterpreter = \"{}\"\n\
         judge = {{ url = \"{url}/v1\", model = \"m\", api_key_env = \"JUDGE_KEY\", retries = 0 }}\n\
         retriever = {{ url = \"{url}/retrieve\" }}\n",
        guest("asker"),
        guest("brainfuck"),
    );
    let config = fs::read_to_string(project.path("train.toml")).unwrap();
    fs::write(project.path("judged.toml"), config + &asker).unwrap();
    rlhost(&project.path(""))
        .args(["train", "judged.toml", "trainer.max_steps=2"])
        .env("JUDGE_KEY", KEY)
        .output()
        .unwrap()
}

#[test]
fn a_judged_run_is_replayed_without_the_judge_and_without_its_key() {
    let project = Project::new();
    // Every fifth request is refused: such samples abstain, and that is replayed too.
    let (url, requests) = http::serve(|number| match number % 5 {
        4 => (400, "no".to_owned()),
        n => (200, completion(&format!("0.{n}"))),
    });
    let output = train(&project, &url);
    assert!(output.status.success(), "{output:?}");
    let asked = requests.lock().unwrap().len();
    // 16 samples a step, and the held-out ones before and after.
    assert!(asked >= 2 * 16, "{asked}");

    let mut outcomes = [0, 0];
    for step in 1..=2 {
        for row in project.rollouts("runs/judged", step) {
            let reward = &row["rewards"][0];
            assert_eq!(reward["name"], "asker");
            assert_eq!(reward["exchanges"].as_array().map(Vec::len), Some(1));
            assert!(reward["receipt"]["exchanges"].is_string(), "{reward}");
            assert!(reward["receipt"]["interpreters"][0].is_string());
            outcomes[usize::from(reward["outcome"] == "score")] += 1;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
    for (name, bytes) in files(&project.path("runs/judged")) {
        let bytes = zstd::decode_all(bytes.as_slice()).unwrap_or(bytes);
        let leaks = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
        assert!(!leaks, "{name} holds the key");
    }

    // The plugins' files may be gone too: the run keeps copies.
    let report = project.ok(&["replay", "runs/judged", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["changed"], 0, "{report}");
    assert_eq!(report["unreadable"], 0, "{report}");
    assert!(report["identical"].as_u64() >= Some(32), "{report}");
    assert_eq!(requests.lock().unwrap().len(), asked, "nobody was asked");

    // A forged score is found, whatever else is done to its record.
    let path = "runs/judged/rollouts/step-1.jsonl.zst";
    let honest = project.records(path);
    let forge = |edit: &dyn Fn(&mut Value)| {
        let mut rows: Vec<Value> = json_lines(&honest);
        let row = rows.iter_mut().find(|row| !row["score"].is_null()).unwrap();
        row["rewards"][0]["total"] = 100.0.into();
        edit(row);
        let lines: Vec<String> = rows.iter().map(|row| format!("{row}\n")).collect();
        project.write_records(path, &lines.concat());
        let found = project.run(&["replay", "runs/judged", "--step", "1"]);
        assert_eq!(found.code, Some(3), "{found:?}");
    };
    forge(&|_| {});
    forge(&|row| row["rewards"][0]["exchanges"] = json!([]));
    forge(&|row| row["rewards"][0]["exchanges"][0]["request"]["max_tokens"] = json!(17));
    forge(&|row| row["rewards"][0]["outcome"] = json!("host-fault"));
    forge(&|row| {
        row["rewards"][0]["outcome"] = json!("host-fault");
        row["rewards"][0]["receipt"]["outcome"] = json!("host-fault");
    });
    forge(&|row| row["rewards"].as_array_mut().unwrap().truncate(1));
}

#[test]
fn a_plugin_without_its_grants_does_not_start() {
    let project = Project::new();
    let asker = guest("asker");
    project.write("rows.jsonl", "{\"response\": \"7\", \"answer\": 7}\n");
    let refused = project.run(&["score", &asker, "--input", "rows.jsonl", "--allow", "log"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused
            .stderr
            .contains("`interpreter`, `retriever`, `judge`"),
        "{}",
        refused.stderr
    );
    let inspected = project.ok(&["plugin", "inspect", &asker]).stdout;
    assert!(
        inspected.contains("needs     log, interpreter, retriever, judge"),
        "{inspected}"
    );
    let training = project.run(&["train", "train.toml", "--reward", &asker]);
    assert_eq!(training.code, Some(2));
    assert!(training.stderr.contains("[reward."), "{}", training.stderr);
}

#[test]
fn an_audit_does_not_blame_a_plugin_for_a_judge_that_changes_its_mind() {
    let project = Project::new();
    let (url, requests) = http::serve(|number| (200, completion(&number.to_string())));
    let (asker, brainfuck) = (guest("asker"), guest("brainfuck"));
    let rows =
        "{\"response\": \"1\", \"prompt\": \"a\"}\n{\"response\": \"2\", \"prompt\": \"b\"}\n";
    project.write("rows.jsonl", rows);
    let interpreter = format!("interpreter={brainfuck}");
    let judge = format!("judge.url={url}");
    let retriever = format!("retriever.url={url}");
    let audit = |mode: &str| {
        let mode = format!("mode={mode}");
        project.run(&[
            "plugin",
            "audit",
            &asker,
            "--input",
            "rows.jsonl",
            "--times",
            "4",
            "--param",
            &mode,
            "--allow",
            "log",
            "--allow",
            &interpreter,
            "--allow",
            &judge,
            "--allow",
            "judge.model=m",
            "--allow",
            &retriever,
        ])
    };
    for mode in ["judge", "log"] {
        let audited = audit(mode);
        assert_eq!(audited.code, Some(0), "{audited:?}");
        assert!(
            audited.stdout.contains("deterministic"),
            "{}",
            audited.stdout
        );
    }
    // Once a sample, however many passes there are.
    assert_eq!(requests.lock().unwrap().len(), 2);
}
