//! Commands about plugins take a folder, a file or a name, and the current folder where nothing is said.

use crate::plugin_new::{command, ok};
use crate::support::{Project, json_lines, repository};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn built() -> Project {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "c"]);
    let manifest = "own/plugin.toml";
    project.refused(
        &["score", "own", "--input", manifest],
        &["own has no component yet: `rlhost plugin build own`"],
    );
    ok(project.root(), &["plugin", "build", manifest]);
    project
}

/// What a command prints in a folder, which succeeds.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_folder_a_file_and_nothing_mean_the_same_plugin() {
    let project = built();
    project.write("rows.jsonl", "{\"response\": \"a\", \"answer\": \"a\"}\n");
    let rows = project.path("rows.jsonl");
    let rows = rows.to_str().unwrap();
    let file = "own/target/guests/own.wasm";
    let inside = project.path("own");
    for rest in [
        &["score", "--input", rows][..],
        &["plugin", "inspect", "--json"],
        &["plugin", "test", "--json"],
        &["plugin", "audit", "--times", "3"],
        &["plugin", "bench", "--times", "1"],
    ] {
        let here = printed(&inside, rest);
        for what in ["own", file] {
            let there = printed(project.root(), &[rest, &[what]].concat());
            assert_eq!(
                here.lines().count(),
                there.lines().count(),
                "{rest:?} {what}: {there}"
            );
        }
    }
    // An audit without an input takes the cases, those of equal parameters together.
    let audit = printed(&inside, &["plugin", "audit", "--times", "3"]);
    for told in [
        "cases: 3 passes x 5 samples",
        "cases with {\"ignore_case\":true}: 3 passes x 1 samples",
        "deterministic",
    ] {
        assert!(audit.contains(told), "{told:?} is not in: {audit}");
    }
}

#[test]
fn a_bench_tells_time_fuel_and_memory() {
    let project = built();
    let text = ok(project.root(), &["plugin", "bench", "own"]);
    for told in [
        "6 calls, 34 times each",
        "\ntime    p50 ",
        "p99 ",
        "\nfuel    least ",
        "\nmemory  most ",
    ] {
        assert!(text.contains(told), "{told:?} is not in: {text}");
    }
    let json = ok(
        project.root(),
        &["plugin", "bench", "own", "--json", "--times", "2"],
    );
    let found: Value = serde_json::from_str(&json).unwrap();
    let number = |path: &str| found.pointer(path).and_then(Value::as_f64).unwrap();
    assert!(number("/latency_ms/p50") > 0.0);
    assert!(number("/latency_ms/p99") <= number("/latency_ms/max"));
    // Fuel is that of the golden cases.
    let tested = json_lines(&ok(project.root(), &["plugin", "test", "own", "--json"]));
    let fuel: Vec<_> = tested
        .iter()
        .map(|it| it["fuel"].as_f64().unwrap())
        .collect();
    let least = fuel.iter().copied().fold(f64::MAX, f64::min);
    let most = fuel.iter().copied().fold(0.0, f64::max);
    assert!(
        (number("/fuel/min") - least).abs() < 0.5 && (number("/fuel/max") - most).abs() < 0.5,
        "{found}"
    );
    assert!(number("/memory") >= 65_536.0);
    project.refused(
        &["plugin", "bench", "own", "--filter", "nothing has this"],
        &["no case matches"],
    );
}

/// The world that the page on plugins shows, as it stands there.
#[test]
fn a_world_of_its_own_as_the_page_has_it() {
    let page = fs::read_to_string(repository().join("docs/plugins.md")).unwrap();
    let (_, rest) = page.split_once("```wit\n").unwrap();
    let (world, _) = rest.split_once("```").unwrap();
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "c"]);
    let manifest = project.read("own/plugin.toml");
    project.write(
        "own/plugin.toml",
        &manifest.replace("\"capable-reward-plugin\"", "\"my-grader\""),
    );
    project.write("own/wit/my-grader.wit", world);
    ok(project.root(), &["plugin", "build", "own"]);
    // By its whole name the package would be one that it depends on.
    let whole = "rlhost:plugin/reward-plugin@0.1.0";
    project.write(
        "own/wit/my-grader.wit",
        &world.replace("include reward-plugin", &format!("include {whole}")),
    );
    project.refused(&["plugin", "build", "own"], &["`include reward-plugin;`"]);
}

#[test]
fn unknown_keys_of_a_manifest_are_told_at_once() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "c"]);
    let manifest = project.read("own/plugin.toml");
    project.write(
        "own/plugin.toml",
        &format!("fuel = 1\n{manifest}\nlicence = \"MIT\"\n[limits]\ntime = 1\n"),
    );
    project.refused(
        &["plugin", "build", "own"],
        &[
            "3 unknown keys",
            "`fuel` belongs under `[limits]`",
            "`plugin.licence`: `[plugin]` has name, description, version, license",
            "`limits.time`: `[limits]` has fuel, memory",
        ],
    );
}

#[test]
fn a_build_notes_what_does_nothing_in_a_sandbox() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "js"]);
    let file = "own/src/score.js";
    let source = project.read(file);
    let changed = source
        .replace("function score(", "async function score(")
        .replace(
            "  const ignoreCase",
            "  // fetch(\"x\")\n  Date.now();\n  const ignoreCase",
        );
    project.write(file, &changed);
    let built = project.ok(&["plugin", "build", "own"]).stderr;
    for told in [
        "note: src/score.js:22: `Date.now` starts at one instant",
        "note: the description is still that of the template",
    ] {
        assert!(built.contains(told), "{told:?} is not in: {built}");
    }
    assert!(!built.contains("fetch"), "{built}");
    // An asynchronous function is told by its name.
    project.write("rows.jsonl", "{\"response\": \"a\", \"answer\": \"a\"}\n");
    let scored = project
        .ok(&["score", "own", "--input", "rows.jsonl"])
        .stdout;
    let message = &json_lines(&scored)[0]["rewards"][0]["message"];
    assert!(
        message
            .as_str()
            .unwrap()
            .starts_with("score returned a Promise"),
        "{scored}"
    );
    // A new plugin says nothing of the kind.
    project.write(file, &source);
    let built = project.ok(&["plugin", "build", "own"]).stderr;
    assert!(!built.contains("note:"), "{built}");
}
