//! Limits that plugins ask for, and limits that are set.

use crate::plugin_new::ok;
use crate::support::{Project, json_lines};
use serde_json::Value;

/// A plugin in C whose `plugin.toml` ends with some lines.
fn plugin(lines: &str) -> (Project, String) {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "c"]);
    let manifest = project.read("own/plugin.toml");
    project.write("own/plugin.toml", &format!("{manifest}\n{lines}"));
    project.write("rows.jsonl", "{\"response\": \"a\", \"answer\": \"a\"}\n");
    let said = project.ok(&["plugin", "build", "own"]);
    (project, said.stdout + &said.stderr)
}

const COMPONENT: &str = "own/target/guests/own.wasm";

/// The limits in the receipt of a score.
fn engine(project: &Project, arguments: &[&str]) -> String {
    let score = ["score", COMPONENT, "--input", "rows.jsonl"];
    let scored = project.ok(&[&score[..], arguments].concat());
    let row = &json_lines(&scored.stdout)[0];
    let engine = &row["rewards"][0]["receipt"]["engine"];
    engine.as_str().unwrap().to_owned()
}

#[test]
fn a_plugin_gets_what_it_asks_for_unless_something_else_is_set() {
    let (project, said) = plugin("[limits]\nfuel = 2_000_000_000\nmemory = 134_217_728\n");
    assert!(
        said.contains("asks for  memory 134217728, fuel 2000000000\n"),
        "{said}"
    );
    assert!(said.contains("; a score: score in "), "{said}");
    let inspected = project.ok(&["plugin", "inspect", COMPONENT]).stdout;
    assert!(
        inspected.contains("asks for  memory 134217728, fuel 2000000000\n"),
        "{inspected}"
    );
    let asked = engine(&project, &[]);
    assert!(
        asked.contains("fuel=2000000000,memory=134217728,"),
        "{asked}"
    );
    let set = engine(&project, &["--fuel", "3000000000", "--memory", "33554432"]);
    assert!(set.contains("fuel=3000000000,memory=33554432,"), "{set}");
    let tested = project.ok(&["plugin", "test", "own", "--json"]);
    assert!(!tested.stdout.is_empty());
    let audit = [
        "plugin",
        "audit",
        COMPONENT,
        "--input",
        "rows.jsonl",
        "--times",
        "3",
    ];
    project.ok(&audit);
}

#[test]
fn a_plugin_without_limits_has_the_defaults() {
    let (project, said) = plugin("");
    assert!(!said.contains("asks for"), "{said}");
    let inspected = project.ok(&["plugin", "inspect", COMPONENT, "--json"]);
    let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(inspected.get("asks"), None);
    let engine = engine(&project, &[]);
    assert!(
        engine.contains("fuel=1000000000,memory=67108864,"),
        "{engine}"
    );
}

#[test]
fn what_is_beyond_the_bound_must_be_granted() {
    let (project, said) = plugin("[limits]\nmemory = 2_147_483_648\n");
    let told = "asks for 2147483648 bytes of memory";
    assert!(said.contains("note: ") && said.contains(told), "{said}");
    let ways = ["--memory 2147483648", "[reward.NAME.limits]", "1073741824"];
    let score = ["score", COMPONENT, "--input", "rows.jsonl"];
    for arguments in [
        &score[..],
        &["plugin", "inspect", COMPONENT],
        &["plugin", "test", "own"],
        &["plugin", "audit", COMPONENT, "--input", "rows.jsonl"],
    ] {
        project.refused(arguments, &ways);
    }
    assert!(engine(&project, &["--memory", "2147483648"]).contains("memory=2147483648,"));
    project.ok(&["plugin", "inspect", COMPONENT, "--memory", "2147483648"]);
}

#[test]
fn a_run_bounds_what_its_rewards_ask_for() {
    let (made, _) = plugin("[limits]\nmemory = 2_147_483_648\nfuel = 3_000_000_000\n");
    let project = Project::new();
    let component = made.path(COMPONENT);
    let component = component.to_str().unwrap();
    let config = |name: &str, limits: &str| {
        let text = project.read("train.toml");
        let (head, _) = text.split_once("[reward.hostile]").unwrap();
        let reward = format!("[reward.own]\nplugin = {component:?}\n{limits}");
        project.write(name, &format!("{head}{reward}"));
    };
    config("plain.toml", "");
    let outcome = project.run(&["train", "plain.toml"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for name in [
        "asks for 2147483648 bytes of memory",
        "[reward.NAME.limits]",
    ] {
        assert!(outcome.stderr.contains(name), "{outcome:?}");
    }
    config("set.toml", "limits = { memory = 67_108_864 }\n");
    project.ok(&["train", "set.toml", "trainer.max_steps=1"]);
    let rollout = &project.rollouts("runs/set", 1)[0];
    let engine = rollout["rewards"][0]["receipt"]["engine"].as_str().unwrap();
    assert!(
        engine.contains("fuel=3000000000,memory=67108864,"),
        "{engine}"
    );
    // Scores are made again under the same limits.
    project.ok(&["replay", "runs/set"]);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "c"]);
    let manifest = project.read("own/plugin.toml");
    for (lines, names) in [
        ("[limits]\nmemory = 1\n", ["memory = 1", "64 KiB"]),
        ("[limits]\nfuel = 0\n", ["fuel = 0", "at least 1"]),
        ("[limits]\ntime = 1\n", ["`limits.time`", "plugin.toml"]),
        ("[limits]\nmemory = -1\n", ["plugin.toml", "memory"]),
    ] {
        project.write("own/plugin.toml", &format!("{manifest}\n{lines}"));
        project.refused(&["plugin", "build", "own"], &names);
    }
    project.ok(&[
        "plugin",
        "new",
        "loss",
        "--lang",
        "c",
        "--world",
        "algorithm",
    ]);
    let manifest = project.read("loss/plugin.toml");
    project.write(
        "loss/plugin.toml",
        &format!("{manifest}\n[limits]\nfuel = 5\n"),
    );
    project.refused(&["plugin", "build", "loss"], &["`[limits]` is for rewards"]);
}

#[test]
fn a_plugin_in_rust_asks_beside_its_cargo_toml() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "rust"]);
    project.write("own/plugin.toml", "[limits]\nfuel = 2_000_000_000\n");
    let built = ok(project.root(), &["plugin", "build", "own"]);
    assert!(built.contains("asks for  fuel 2000000000\n"), "{built}");
    project.write("own/plugin.toml", "[plugin]\nname = \"own\"\n");
    let refused = project.run(&["plugin", "build", "own"]);
    assert!(refused.stderr.contains("[limits] alone"), "{refused:?}");
}
