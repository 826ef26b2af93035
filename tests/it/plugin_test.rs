//! `rlhost plugin test`: plugins on their golden cases.

use crate::support::{Outcome, Project, guest, json_lines, repository, rlhost};
use std::fs;
use std::path::{Path, PathBuf};

/// Plugins' source folders and those of the guests that have cases.
fn sources() -> Vec<PathBuf> {
    let folders = |folder: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(repository().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let is_plugin = |folder: &Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.contains("\"cdylib\"")
    };
    let mut sources: Vec<_> = folders("reward-plugins")
        .into_iter()
        .filter(|f| is_plugin(f))
        .collect();
    assert!(!sources.is_empty());
    sources.extend(
        folders("tests/guests")
            .into_iter()
            .filter(|f| f.join("cases").exists()),
    );
    sources
}

#[test]
fn every_standard_plugin_has_cases_and_passes_them() {
    let project = Project::empty();
    for source in sources() {
        let name = source.file_name().unwrap().to_str().unwrap();
        assert!(source.join("cases").is_dir(), "{name} has no cases");
        let folder = source.to_str().unwrap();
        let text = project
            .ok(&["plugin", "test", folder, "--plugin", &guest(name)])
            .stdout;
        assert!(text.contains(" passed       0 failed"), "{text}");
    }
}

/// What doesn't depend on the compiler: without the component's path and with fuel, the only numbers of
/// four digits and more, as `N`.
fn stable(text: &str, component: &str) -> String {
    let text = text.replace(component, "FILE");
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() < 4 { &digits } else { "N" });
        digits.clear();
        out.push(c);
    }
    out.trim_end_matches('\0').to_owned()
}

const CASES: [&str; 9] = [
    r#"{"name": "right", "response": "It is 12.", "answer": 12, "params": {"when": "!"}, "expect": {"score": 1}}"#,
    r#"{"name": "wrong", "response": "It is 13.", "answer": 12, "params": {"when": "!"}, "expect": {"score": 1, "parts": {"accuracy": 1}}}"#,
    r#"{"response": "x", "params": {"mode": "trap"}, "expect": {"outcome": "trap"}}"#,
    r#"{"name": "whose fault?", "response": "x", "params": {"mode": "internal"}, "expect": {"outcome": "abstain"}}"#,
    r#"{"name": "why", "response": "x", "params": {"mode": "abstain"}, "expect": {"outcome": "abstain", "message": "tired"}}"#,
    r#"{"response": "four", "params": {"mode": "steps"}, "expect": {"score": 1, "steps": [{"turn": 0, "end_byte": 2, "value": 0.25}]}}"#,
    r#"{"response": "x", "expect": {"parts": {"format": 0.5, "style": 1}}}"#,
    r#"{"response": "x", "expect": {"min": 0.5, "max": 0.8, "fuel_max": 100}}"#,
    r#"{"response": "x", "expect": {"score": 0.7, "tolerance": 0.1}}"#,
];

fn project() -> Project {
    let project = Project::empty();
    project.write("sums.jsonl", &CASES.join("\n"));
    project
}

fn run(project: &Project, arguments: &[&str]) -> (Outcome, String) {
    let hostile = guest("hostile");
    let outcome = project.run(&[&["plugin", "test", &hostile], arguments].concat());
    let text = stable(&outcome.stdout, &hostile);
    (outcome, text)
}

#[test]
fn a_table_and_every_failure_in_full() {
    let project = project();
    let (outcome, text) = run(&project, &["--cases", "sums.jsonl"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr, "error: 6 of 9 cases failed\n");
    insta::assert_snapshot!("plugin_test_failures", text);

    // Good ones only: the table has no column for differences.
    project.edit_line("sums.jsonl", 2, |row| {
        row.replace("\"score\": 1, \"parts\": {\"accuracy\": 1}", "\"score\": 0")
    });
    let (outcome, text) = run(&project, &["--cases", "sums.jsonl", "--filter", "o"]);
    assert_eq!(outcome.code, Some(2), "{text}");
    let (outcome, text) = run(&project, &["--cases", "sums.jsonl", "--filter", "r"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!("plugin_test_passes", text);
}

#[test]
fn of_many_cases_only_failures_are_shown() {
    let project = project();
    let good = CASES[0].replace("right", "fine");
    let many: Vec<&str> = std::iter::repeat_n(good.as_str(), 40)
        .chain([CASES[1]])
        .collect();
    fs::create_dir(project.path("cases")).unwrap();
    project.write("cases/many.jsonl", &many.join("\n"));
    project.write("cases/two.jsonl", &[CASES[0], CASES[2]].join("\n"));
    let (outcome, text) = run(&project, &["--cases", "cases"]);
    assert_eq!(outcome.stderr, "error: 1 of 43 cases failed\n");
    insta::assert_snapshot!("plugin_test_many", text);
    let (_, all) = run(&project, &["--cases", "cases", "--all"]);
    assert_eq!(all.matches("fine").count(), 40, "{all}");
    assert!(all.contains("ok      two.jsonl:2"), "{all}");

    let failures = vec![CASES[1]; 13].join("\n");
    project.write("cases/many.jsonl", &failures);
    let (_, text) = run(&project, &["--cases", "cases"]);
    assert_eq!(
        text.matches("\nFAILED cases/many.jsonl:").count(),
        10,
        "{text}"
    );
    assert!(text.contains("and 3 more failures"), "{text}");
}

#[test]
fn programs_get_json() {
    let project = project();
    let (outcome, _) = run(&project, &["--cases", "sums.jsonl", "--json"]);
    assert_eq!(outcome.code, Some(2));
    let rows = json_lines(&outcome.stdout);
    assert_eq!(rows.len(), CASES.len());
    let passed: Vec<_> = rows
        .iter()
        .map(|row| row["passed"].as_bool().unwrap())
        .collect();
    assert_eq!(
        passed,
        [true, false, true, false, false, false, false, false, true]
    );
    let wrong = &rows[1];
    assert_eq!(wrong["file"], "sums.jsonl");
    assert_eq!(
        (&wrong["line"], &wrong["name"]),
        (&2.into(), &"wrong".into())
    );
    assert_eq!(wrong["outcome"], "score");
    assert_eq!(wrong["score"], 0.0);
    assert_eq!(wrong["parts"]["accuracy"], 0.0);
    assert_eq!(wrong["expected"]["parts"]["accuracy"], 1.0);
    assert_eq!(wrong["mismatches"][1]["field"], "parts.accuracy");
    assert!(wrong["fuel"].as_u64().unwrap() > 0);
    assert!(rows[2]["message"].is_string() && rows[2]["score"].is_null());
}

#[test]
fn folder_path_and_name_lead_to_component_and_cases() {
    let project = Project::empty();
    let source = project.path("reward-plugins/sums");
    fs::create_dir_all(source.join("cases")).unwrap();
    fs::create_dir_all(project.path("target/guests")).unwrap();
    fs::copy(guest("hostile"), project.path("target/guests/sums.wasm")).unwrap();
    project.write("reward-plugins/sums/cases/sums.jsonl", CASES[0]);
    let elsewhere = Project::empty();
    let absolute = source.to_str().unwrap().to_owned();
    let component = project.path("target/guests/sums.wasm");
    let component = component.to_str().unwrap();
    for (folder, what) in [
        (project.root(), &["reward-plugins/sums"][..]),
        (project.root(), &["sums"]),
        (project.root(), &["target/guests/sums.wasm"]),
        (&source, &[]),
        (&source, &["."]),
        (elsewhere.root(), &[&absolute]),
        (elsewhere.root(), &[component]),
        (elsewhere.root(), &[&absolute, "--plugin", component]),
    ] {
        let outcome: Outcome = rlhost(folder)
            .args(["plugin", "test"])
            .args(what)
            .output()
            .unwrap()
            .into();
        assert_eq!(outcome.code, Some(0), "{what:?}: {outcome:?}");
        assert!(
            outcome.stdout.contains("sums.jsonl:1 right"),
            "{what:?}: {outcome:?}"
        );
    }
    // A folder beside an argument is not looked at.
    elsewhere.refused(
        &["plugin", "test"],
        &["there is no folder cases", "--cases"],
    );
}

#[test]
fn limits_are_those_of_the_command_line() {
    let project = Project::empty();
    project.write("loop.jsonl", r#"{"response": "", "params": {"mode": "loop"}, "expect": {"outcome": "budget-exhausted", "fuel_max": 70000}}"#);
    project.write("all.jsonl", r#"{"response": "", "params": {"mode": "allocate"}, "expect": {"outcome": "memory-exhausted", "fuel_max": 9000000}}"#);
    let (outcome, text) = run(&project, &["--cases", "loop.jsonl", "--fuel", "70000"]);
    assert_eq!(outcome.code, Some(0), "{text}");
    let (outcome, text) = run(&project, &["--cases", "all.jsonl", "--memory", "3145728"]);
    assert_eq!(outcome.code, Some(0), "{text}");
    let (outcome, _) = run(&project, &["--cases", "all.jsonl"]);
    assert_eq!(outcome.code, Some(2));
}

#[test]
fn what_can_not_be_tested_is_refused() {
    let project = project();
    let hostile = guest("hostile");
    let test = |arguments: &[&str], names: &[&str]| {
        project.refused(&[&["plugin", "test", &hostile], arguments].concat(), names);
    };
    project.write("none.jsonl", "\n\n");
    test(
        &["--cases", "none.jsonl"],
        &["none.jsonl", "there is no case in it"],
    );
    fs::create_dir(project.path("empty")).unwrap();
    test(&["--cases", "empty"], &["empty", "no file of cases"]);
    test(&["--cases", "absent"], &["absent"]);
    test(
        &["--cases", "sums.jsonl", "--filter", "nothing"],
        &["sums.jsonl", "`nothing`"],
    );
    test(
        &["--cases", "sums.jsonl", "--plugin", "math"],
        &["--plugin", "no folder"],
    );
    test(
        &["--cases", "sums.jsonl", "--all", "--json"],
        &["--all", "--json"],
    );
    for (row, name) in [
        (r#"{"response": "x"}"#, "`expect` is missing"),
        (r#"{"response": "x", "expect": {}}"#, "says nothing"),
        (r#"{"response": "x", "expect": {"scor": 1}}"#, "`scor`"),
        (
            r#"{"response": "x", "expect": {"outcome": "crash"}}"#,
            "`crash`",
        ),
        (
            r#"{"response": "x", "expect": {"score": 1}, "params": {"moode": 1}}"#,
            "`moode`",
        ),
        (r#"{"expect": {"score": 1}}"#, "`response` is missing"),
        (r#"{"response": "x", "#, "broken JSON"),
    ] {
        project.write("bad.jsonl", &format!("{}\n{row}\n", CASES[0]));
        test(&["--cases", "bad.jsonl"], &["bad.jsonl:2: ", name]);
    }
    // A source folder without a component, and a component without cases.
    fs::create_dir_all(project.path("unbuilt/cases")).unwrap();
    project.write("unbuilt/cases/sums.jsonl", CASES[0]);
    project.refused(
        &["plugin", "test", "unbuilt"],
        &["unbuilt", "cargo xtask guests"],
    );
    fs::copy(&hostile, project.path("alone.wasm")).unwrap();
    project.refused(
        &["plugin", "test", "./alone.wasm"],
        &["alone.wasm", "reward-plugins/alone/cases", "--cases"],
    );
}
