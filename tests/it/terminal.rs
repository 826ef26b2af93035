//! Hostile text in every field that a stranger can fill, through every command: nothing of it commands the terminal, and
//! none of it begins a line.

use crate::support::{Outcome, Project, guest, json_lines};
use rlhost_host::is_reserved;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// What clears the screen, reaches the clipboard, goes back and overwrites, turns the direction of writing, ends a line in
/// other ways, can't be seen; and then a line of its own.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]52;c;cHduZWQx\u{7}\r\u{8}\u{7f}\u{9b}2J\u{85}\u{b}\u{c}\u{ad}\u{200b}\u{200e}\u{61c}\u{202e}\u{2066}\
    \u{2028}\u{2029}\u{feff}\u{fff9}\u{e0041}\u{1b}[8m\nFORGED 1 passed\n\nFORGED too";

/// Whether a character may stand on a terminal. Not by the host's own list.
fn is_harmless(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{feff}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{fff9}'..='\u{fffb}' => false,
        c => !c.is_control() && !('\u{e0000}'..='\u{e007f}').contains(&c),
    }
}

#[track_caller]
fn harmless(arguments: &[&str], text: &str) {
    assert!(text.chars().all(is_harmless), "{arguments:?}: {text:?}");
    let forged = text.lines().any(|line| line.starts_with("FORGED"));
    assert!(!forged, "{arguments:?}: {text}");
}

/// Runs a command: what it prints is harmless, whatever comes of it.
#[track_caller]
fn quiet(project: &Project, arguments: &[&str]) -> Outcome {
    let outcome = project.run(arguments);
    harmless(arguments, &outcome.stdout);
    harmless(arguments, &outcome.stderr);
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    outcome
}

/// The same of a command that has hostile text to tell: it tells it.
#[track_caller]
fn told(project: &Project, arguments: &[&str]) -> Outcome {
    let outcome = quiet(project, arguments);
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(all.contains("FORGED"), "{arguments:?}: {outcome:?}");
    outcome
}

/// A command, and what drives it.
type Case = (&'static str, fn(&Project));

const OF_RUNS: [Case; 7] = [
    ("init", init),
    ("sft", sft),
    ("train", train),
    ("eval", eval),
    ("replay", replay),
    ("plot", plot),
    ("rollouts show", rollouts_show),
];

const OF_PLUGINS: [Case; 9] = [
    ("score", score),
    ("plugin new", plugin_new),
    ("plugin build", plugin_build),
    ("plugin componentize", plugin_componentize),
    ("plugin inspect", plugin_inspect),
    ("plugin test", plugin_test),
    ("plugin audit", plugin_audit),
    ("plugin bench", plugin_bench),
    ("compile-component", compile_component),
];

const OTHERS: [Case; 2] = [("algorithms", algorithms), ("config show", config_show)];

#[test]
fn commands_of_runs_print_hostile_text_as_text() {
    let project = Project::new();
    project.edit_lines("data/train.jsonl", hostile_row);
    project.edit_lines("data/val.jsonl", hostile_row);
    for (_, drive) in OF_RUNS {
        drive(&project);
    }
}

#[test]
fn commands_of_plugins_print_hostile_text_as_text() {
    let project = Project::empty();
    for (_, drive) in OF_PLUGINS.into_iter().chain(OTHERS) {
        drive(&project);
    }
}

/// Commands are those that the command itself lists; a new one needs a case.
#[test]
fn every_command_is_driven() {
    fn list(project: &Project, path: &str, found: &mut BTreeSet<String>) {
        let mut arguments: Vec<&str> = path.split_whitespace().collect();
        arguments.push("--help");
        let help = project.ok(&arguments).stdout;
        let Some((_, commands)) = help.split_once("Commands:\n") else {
            found.insert(path.to_owned());
            return;
        };
        let lines = commands.lines().take_while(|line| !line.is_empty());
        for name in lines.filter_map(|line| line.split_whitespace().next()) {
            if name != "help" {
                list(project, format!("{path} {name}").trim(), found);
            }
        }
    }
    let mut found = BTreeSet::from(["compile-component".to_owned()]);
    list(&Project::empty(), "", &mut found);
    let cases = OF_RUNS.iter().chain(&OF_PLUGINS).chain(&OTHERS);
    let driven: BTreeSet<String> = cases.map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, driven);
}

/// Whatever the command, its arguments are shown in errors.
#[test]
fn arguments_are_shown_as_text() {
    let project = Project::empty();
    told(&project, &[HOSTILE]);
    told(&project, &["help", HOSTILE]);
    told(&project, &["score", "x", &format!("--{HOSTILE}")]);
    told(
        &project,
        &["score", "x", "--input", "y", "--threads", HOSTILE],
    );
    told(
        &project,
        &["score", "x", "--input", "y", "--param", HOSTILE],
    );
    told(&project, &["plugin", HOSTILE]);
    told(&project, &["plugin", "new", "x", "--lang", HOSTILE]);
    told(&project, &["score", HOSTILE, "--input", "y"]);
    // And so are variables of the environment.
    for name in ["RLHOST_COMPILE_LIMITS", "RLHOST_PLUGIN_PATH"] {
        let mut command = project.command(&["plugin", "inspect", "none"]);
        let outcome: Outcome = command.env(name, HOSTILE).output().unwrap().into();
        harmless(&[name], &outcome.stderr);
        assert!(outcome.stderr.contains("FORGED"), "{outcome:?}");
    }
}

#[test]
fn an_error_has_an_end() {
    let project = Project::empty();
    let long = "x".repeat(100_000);
    let error = project.refused(&["config", "show", &format!("{long}=1")], &["left out"]);
    assert!(error.len() < 10_000, "{} bytes", error.len());
}

/// A row whose columns are hostile, but the ones that are tokenised.
fn hostile_row(row: &str) -> String {
    let mut row: Value = serde_json::from_str(row).unwrap();
    for column in ["data_source", "problem_type", "answer_type", HOSTILE] {
        row[column] = HOSTILE.into();
    }
    row.to_string()
}

fn init(project: &Project) {
    let output = format!("init {HOSTILE}");
    told(project, &["init", "description", "--output", &output]);
    told(project, &["init", "description", "--output", &output]);
    told(project, &["init", HOSTILE, "--output", "again"]);
}

/// A configuration with hostile values.
fn configuration(project: &Project, from: &str, to: &str) {
    let text = project.read(from);
    let name = json!(format!("{to} {HOSTILE}"));
    let text = text.replace(
        "[trainer]",
        &format!("[trainer]\nexperiment_name = {}", toml(&name)),
    );
    project.write(to, &text);
}

/// A text of JSON in TOML, which has no pairs of surrogates.
fn toml(text: &Value) -> String {
    let text = text.to_string();
    let escaped = text.chars().map(|c| match c {
        '\u{7f}' => "\\u007F".to_owned(),
        c => c.to_string(),
    });
    escaped.collect()
}

fn sft(project: &Project) {
    configuration(project, "sft.toml", "hostile-sft.toml");
    told(project, &["sft", "hostile-sft.toml", "trainer.max_steps=1"]);
    told(project, &["sft", "sft.toml", &format!("{HOSTILE}=1")]);
    told(project, &["sft", HOSTILE]);
}

fn train(project: &Project) {
    configuration(project, "train.toml", "hostile-train.toml");
    let more = [
        "trainer.max_steps=1",
        "trainer.max_empty_steps=-1",
        "reward.hostile.params.mode=[\"score\", \"steps\", \"escapes\"]",
    ];
    told(
        project,
        &[&["train", "hostile-train.toml"], &more[..]].concat(),
    );
    told(project, &["train", "train.toml", "--reward", HOSTILE]);
    told(
        project,
        &[
            "train",
            "train.toml",
            &format!("data.train_files={HOSTILE}"),
        ],
    );
    let run = run();
    let curve = project.read(&format!("{run}/curve.svg"));
    assert!(curve.contains("FORGED"), "{curve}");
    assert!(curve.chars().all(is_harmless), "{curve:?}");
    // The trainer's own metrics beside those of parts have names that no part can have.
    for row in project.metrics(&run) {
        for metric in row.as_object().unwrap().keys() {
            let name = metric.strip_prefix("reward/");
            let Some(name) = name.or(metric.strip_prefix("val/")) else {
                continue;
            };
            let parts = ["accuracy", "format"];
            assert!(is_reserved(name) || parts.contains(&name), "{metric}");
        }
    }
}

/// The run that `train` leaves.
fn run() -> String {
    format!("runs/hostile-train.toml {HOSTILE}")
}

fn eval(project: &Project) {
    let data = format!("data/{HOSTILE}.jsonl");
    let rows = json_lines(&project.read("data/val.jsonl")).into_iter();
    let rows = rows.map(|mut row| {
        row["data_source"] = HOSTILE.into();
        row["problem_type"] = HOSTILE.into();
        format!("{row}\n")
    });
    project.write(&data, &rows.collect::<String>());
    let hostile = guest("hostile");
    let eval = |model: &str, data: &str, reward: &str| {
        let arguments = ["eval", "--model", model, "--data", data, "--reward", reward];
        quiet(project, &[&arguments[..], &["--json"]].concat());
        quiet(project, &arguments)
    };
    let outcome = eval("model", &data, &hostile);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("data_source"), "{outcome:?}");
    told(project, &["eval", HOSTILE]);
    let output = format!("none/{HOSTILE}");
    let arguments = ["eval", "model", "--data", &data, "--reward", &hostile];
    told(project, &[&arguments[..], &["--output", &output]].concat());
    for outcome in [
        eval(HOSTILE, &data, &hostile),
        eval("model", "none/\nFORGED", &hostile),
        eval("model", &data, HOSTILE),
    ] {
        assert!(outcome.stderr.contains("FORGED"), "{outcome:?}");
    }
}

/// Every text of a run's records, one after the other, and the counts where they say the same.
fn edit_records(project: &Project) {
    let run = &run();
    let name = format!("{run}/rollouts/step-1.jsonl.zst");
    let mut rows = project.rollouts(run, 1);
    for row in &mut rows {
        for field in ["prompt", "response", "finish_reason"] {
            row[field] = HOSTILE.into();
        }
        row["images"][0] = HOSTILE.into();
        row["parts"][HOSTILE] = 1.into();
        let reward = &mut row["rewards"][0];
        reward["message"] = HOSTILE.into();
        reward["parts"][HOSTILE] = 1.into();
        reward["log"] = json!([{"level": "info", "message": HOSTILE}]);
        let request = json!({"prompt": HOSTILE});
        reward["exchanges"] =
            json!([{"capability": "judge", "request": request, "answer": {"error": HOSTILE}}]);
        let mut another = reward.clone();
        reward["receipt"]["engine"] = HOSTILE.into();
        another["name"] = HOSTILE.into();
        row["rewards"].as_array_mut().unwrap().push(another);
    }
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    project.write_records(&name, &(lines.join("\n") + "\n"));
}

fn replay(project: &Project) {
    edit_records(project);
    let run = &run();
    let hostile = guest("hostile");
    for more in [
        &[][..],
        &["--json"],
        &["--plugin", &hostile],
        &["--plugin", &hostile, "--json"],
    ] {
        let arguments = [&["replay", run, "--worst", "100"], more].concat();
        quiet(project, &arguments);
    }
    told(project, &["replay", HOSTILE]);
    told(project, &["replay", run, "--reward", HOSTILE]);
    told(project, &["replay", run, "--plugin", HOSTILE]);
}

fn plot(project: &Project) {
    let run = &run();
    let output = format!("{HOSTILE}.svg");
    let outcome = told(
        project,
        &["plot", run, "--metric", "*", "--output", &output],
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let svg = project.read(&output);
    assert!(svg.contains("FORGED"), "{svg}");
    assert!(svg.chars().all(is_harmless), "{svg:?}");
    told(project, &["plot", HOSTILE]);
    told(project, &["plot", run, "--metric", HOSTILE]);
    told(project, &["plot", run, "--output", HOSTILE]);
}

fn rollouts_show(project: &Project) {
    edit_records(project);
    let run = &run();
    quiet(project, &["rollouts", "show", run]);
    quiet(project, &["rollouts", "show", run, "--validation"]);
    told(project, &["rollouts", "show", HOSTILE]);
}

fn score(project: &Project) {
    let input = format!("score {HOSTILE}.jsonl");
    let row =
        json!({"response": HOSTILE, "answer": HOSTILE, "data_source": HOSTILE, HOSTILE: HOSTILE});
    project.write(&input, &format!("{row}\n"));
    let hostile = guest("hostile");
    let score = ["score", &hostile, "--input", &input];
    let outcome = told(project, &[&score[..], &["--param", "mode=echo"]].concat());
    // In JSON it is the same text.
    let record = &json_lines(&outcome.stdout)[0];
    assert_eq!(record["rewards"][0]["message"], HOSTILE);
    let param = format!("{HOSTILE}=1");
    told(project, &[&score[..], &["--param", &param]].concat());
    let mode = format!("mode={HOSTILE}");
    quiet(project, &[&score[..], &["--param", &mode]].concat());
    told(project, &[&score[..], &["--allow", HOSTILE]].concat());
    let output = format!("none/{HOSTILE}");
    told(project, &[&score[..], &["--output", &output]].concat());
    project.write(&input, &format!("{row}\n{{\n"));
    told(project, &score);
}

fn plugin_new(project: &Project) {
    told(project, &["plugin", "new", HOSTILE, "--lang", "c"]);
    project.write(&format!("{HOSTILE}.py"), "def score(x):\n    return 1\n");
    let function = format!("{HOSTILE}.py:score");
    told(project, &["plugin", "new", "a", "--from-python", &function]);
    let function = format!("{HOSTILE}.py:{HOSTILE}");
    told(project, &["plugin", "new", "b", "--from-python", &function]);
}

fn plugin_build(project: &Project) {
    told(project, &["plugin", "build", HOSTILE]);
    project.ok(&["plugin", "new", "made", "--lang", "c"]);
    // A compiler that says what a stranger's source makes it say, newer than any that is installed.
    fs::create_dir(project.path("bin")).unwrap();
    project.write("bin/said", HOSTILE);
    project.write(
        "bin/clang-99",
        "#!/bin/sh\ncase \"$*\" in *probe.c*|*--version*) exit 0;; esac\n\
         cat \"$(dirname \"$0\")/said\" >&2; cat \"$(dirname \"$0\")/said\"; exit 1\n",
    );
    let clang = project.path("bin/clang-99");
    fs::set_permissions(&clang, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let mut command = project.command(&["plugin", "build", "made"]);
    let output = command
        .env("PATH", path)
        .env_remove("WASI_SDK_PATH")
        .output();
    let outcome: Outcome = output.unwrap().into();
    harmless(&["plugin", "build"], &outcome.stdout);
    harmless(&["plugin", "build"], &outcome.stderr);
    assert_eq!(
        outcome.stderr.matches("FORGED too").count(),
        2,
        "{outcome:?}"
    );
    // A manifest with hostile texts.
    let manifest = project.read("made/plugin.toml");
    for key in ["name", "version", "license"] {
        let lines = manifest.lines().map(|line| match line.split_once(" = ") {
            Some((found, _)) if found == key => format!("{key} = {}", toml(&json!(HOSTILE))),
            _ => line.to_owned(),
        });
        project.write("made/plugin.toml", &lines.collect::<Vec<_>>().join("\n"));
        quiet(project, &["plugin", "build", "made"]);
    }
    project.write("made/plugin.toml", HOSTILE);
    quiet(project, &["plugin", "build", "made"]);
}

fn plugin_componentize(project: &Project) {
    let name = format!("core {HOSTILE}.wasm");
    let exports = wat::parse_str(format!("(module (func (export \"{}\")))", escaped(HOSTILE)));
    fs::write(project.path(&name), exports.unwrap()).unwrap();
    told(project, &["plugin", "componentize", &name]);
    fs::write(project.path(&name), core("probe", "0.1", "x")).unwrap();
    told(project, &["plugin", "componentize", &name]);
    told(project, &["plugin", "componentize", HOSTILE]);
}

/// A component whose description, answers and metadata are hostile, in a file with a hostile name.
fn component(project: &Project) -> String {
    let name = format!("{HOSTILE}.wasm");
    if project.path(&name).exists() {
        return name;
    }
    fs::write(project.path("core.wasm"), core("probe", "0.1", HOSTILE)).unwrap();
    project.ok(&["plugin", "componentize", "core.wasm", "-o", "made.wasm"]);
    let mut bytes = fs::read(project.path("made.wasm")).unwrap();
    let packages = format!("{HOSTILE}=={HOSTILE}\n");
    for (section, text) in [
        ("version", HOSTILE),
        ("licenses", HOSTILE),
        ("revision", HOSTILE),
        ("rlhost:packages", packages.as_str()),
    ] {
        let named = [&[section.len() as u8], section.as_bytes()].concat();
        let length = named.len() + text.len();
        bytes.extend([0, (length % 128) as u8 | 128, (length / 128) as u8]);
        bytes.extend([named.as_slice(), text.as_bytes()].concat());
    }
    fs::write(project.path(&name), bytes).unwrap();
    name
}

fn plugin_inspect(project: &Project) {
    let component = format!("./{}", component(project));
    let text = told(project, &["plugin", "inspect", &component]).stdout;
    for label in ["about", "licence", "source", "params"] {
        let labelled = text.lines().filter(|line| line.starts_with(label));
        assert_eq!(labelled.count(), 1, "{label}: {text}");
    }
    let json = told(project, &["plugin", "inspect", "--json", &component]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["description"]["doc"], HOSTILE);
    assert_eq!(json["metadata"]["licence"], HOSTILE);
    told(project, &["plugin", "inspect", HOSTILE]);
    // Names are refused, and the error that says so names them.
    for (name, version) in [(HOSTILE, "0.1"), ("probe", HOSTILE)] {
        fs::write(project.path("core.wasm"), core(name, version, "x")).unwrap();
        told(
            project,
            &["plugin", "componentize", "core.wasm", "-o", "named.wasm"],
        );
    }
}

fn plugin_test(project: &Project) {
    let cases = format!("cases {HOSTILE}.jsonl");
    let case = |expect: Value| {
        let answer = json!({HOSTILE: HOSTILE});
        json!({"name": HOSTILE, "response": HOSTILE, "answer": answer, "params": {"mode": "echo"}, "expect": expect})
    };
    let rows = [
        case(json!({"outcome": "internal", "message": "nothing like it"})),
        case(json!({"parts": {HOSTILE: 1}})),
        case(json!({"outcome": "internal"})),
    ];
    project.write(&cases, &rows.map(|row| row.to_string()).join("\n"));
    let hostile = guest("hostile");
    let test = ["plugin", "test", &hostile, "--cases", &cases];
    let text = told(project, &test).stdout;
    // A line of the table and a heading for each of the two that fail.
    let failed = text.lines().filter(|line| line.starts_with("FAILED "));
    assert_eq!(failed.count(), 4, "{text}");
    told(project, &[&test[..], &["--all"]].concat());
    let json = told(project, &[&test[..], &["--json"]].concat()).stdout;
    assert_eq!(json_lines(&json)[0]["name"], HOSTILE);
    told(project, &[&test[..], &["--filter", HOSTILE]].concat());
    told(
        project,
        &[&test[..], &["--filter", &format!("no {HOSTILE}")]].concat(),
    );
    let component = format!("./{}", component(project));
    told(project, &["plugin", "test", &component, "--cases", &cases]);
    project.write(&cases, "{\n");
    told(project, &test);
    told(project, &["plugin", "test", HOSTILE]);
}

fn plugin_bench(project: &Project) {
    let cases = format!("bench {HOSTILE}.jsonl");
    let row = json!({"name": HOSTILE, "response": HOSTILE, "answer": HOSTILE, "params": {"mode": "trap"}, "expect": {"score": 1}});
    project.write(&cases, &format!("{row}\n"));
    let hostile = guest("hostile");
    let bench = [
        "plugin", "bench", &hostile, "--cases", &cases, "--times", "2",
    ];
    told(project, &bench);
    quiet(project, &[&bench[..], &["--json"]].concat());
    let other = format!("no {HOSTILE}");
    told(project, &[&bench[..], &["--filter", &other]].concat());
    told(project, &["plugin", "bench", HOSTILE]);
}

fn plugin_audit(project: &Project) {
    let input = format!("audit {HOSTILE}.jsonl");
    let row = json!({"response": HOSTILE, "answer": HOSTILE});
    project.write(&input, &format!("{row}\n"));
    let component = format!("./{}", component(project));
    let more = ["--times", "3", "--threads", "1"];
    told(
        project,
        &[
            &["plugin", "audit", &component, "--input", &input],
            &more[..],
        ]
        .concat(),
    );
    told(
        project,
        &["plugin", "audit", &component, "--input", HOSTILE],
    );
}

fn compile_component(project: &Project) {
    told(project, &["compile-component", HOSTILE]);
}

fn algorithms(project: &Project) {
    told(project, &["algorithms", HOSTILE]);
}

fn config_show(project: &Project) {
    let text = toml(&json!(HOSTILE));
    project.write(
        "config.toml",
        &format!("[data]\ntrain_files = {text}\n[reward.{text}]\nplugin = {text}\nparams = {{ {text} = {text} }}\n"),
    );
    let shown = told(project, &["config", "show", "config.toml"]).stdout;
    // It is a configuration still, and the same.
    project.write("again.toml", &shown);
    assert_eq!(project.ok(&["config", "show", "again.toml"]).stdout, shown);
    told(project, &["config", "show", &format!("{HOSTILE}=1")]);
    told(project, &["config", "show", HOSTILE]);
    // The parser's message repeats nothing of the file.
    project.write("config.toml", HOSTILE);
    quiet(project, &["config", "show", "config.toml"]);
}

/// A text in the text format of WebAssembly.
fn escaped(text: &str) -> String {
    let bytes: Vec<_> = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    bytes.concat()
}

/// The core module of a reward that says so of itself, with a hostile parameter's purpose and default, and that fails every
/// sample with its purpose as the message.
fn core(name: &str, version: &str, doc: &str) -> Vec<u8> {
    let default = json!(HOSTILE).to_string();
    let mut data = Vec::new();
    let mut put = |bytes: &[u8]| {
        data.resize(data.len().next_multiple_of(4), 0);
        let at = 256 + data.len() as u32;
        data.extend(bytes);
        (at, bytes.len() as u32)
    };
    let texts = [name, version, doc, "mode", HOSTILE, &default];
    let [name, version, doc, param, purpose, default] = texts.map(|text| put(text.as_bytes()));
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let params = [param, purpose, default].map(|(at, length)| [at, length]);
    let (params, _) = put(&words(&params.concat()));
    let about = [
        name.0, name.1, version.0, version.1, doc.0, doc.1, 0, 0, 0, params, 1,
    ];
    let (about, _) = put(&words(&about));
    let (at, length) = doc;
    let data: Vec<_> = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let data = data.concat();
    let module = format!(
        r#"(module
    (memory (export "memory") 16)
    (data (i32.const 256) "{data}")
    (global $heap (mut i32) (i32.const 65536))
    (func $alloc (param $size i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (global.set $heap (i32.add (local.get $at) (local.get $size)))
        (local.get $at))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $alloc (local.get 3)))
    (func (export "rlhost:plugin/reward@0.1.0#describe") (result i32) (i32.const {about}))
    (func (export "rlhost:plugin/reward@0.1.0#score") (param $p i32) (param $n i32) (result i32)
        (local $list i32) (local $ret i32)
        (local.set $list (call $alloc (i32.const 32)))
        (i32.store (local.get $list) (i32.const 1))
        (i32.store8 offset=8 (local.get $list) (i32.const 1))
        (i32.store offset=12 (local.get $list) (i32.const {at}))
        (i32.store offset=16 (local.get $list) (i32.const {length}))
        (local.set $ret (call $alloc (i32.const 8)))
        (i32.store (local.get $ret) (local.get $list))
        (i32.store offset=4 (local.get $ret) (local.get $n))
        (local.get $ret)))"#
    );
    wat::parse_str(module).unwrap()
}
