//! Plugins in Python with packages: what the rewards of others score, beside `CPython` with the same packages.
//!
//! The packages come from pip's index, so that a machine which can't reach one fails these tests with pip's words.

use crate::support::{Outcome, Project, json_lines, repository};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const REQUIRES: &str = "requires = [\"math-verify==0.9.0\", \"mathruler==0.1.0\", \"pylatexenc==2.11\"]\n\
                        [limits]\nmemory = 268_435_456\nfuel = 20_000_000_000\n";

fn rewards() -> PathBuf {
    repository().join("tests/fixtures/rewards")
}

fn rows(path: &Path) -> Vec<Value> {
    json_lines(&fs::read_to_string(path).unwrap())
}

/// A row for the plugin `every`, and what `CPython` has for it.
struct Pair {
    row: Value,
    cpython: Value,
}

/// The rewards of others, on their own samples.
fn field() -> Vec<Pair> {
    let samples = rows(&rewards().join("field/samples.jsonl"));
    let pair = |sample: Value| {
        let mut row = sample["row"].as_object().unwrap().clone();
        let name = format!(
            "{}:{}",
            sample["file"].as_str().unwrap(),
            sample["function"].as_str().unwrap()
        );
        row.insert("reward".to_owned(), name.into());
        row.insert("reward_params".to_owned(), sample["params"].clone());
        Pair {
            row: row.into(),
            cpython: sample["cpython"].clone(),
        }
    };
    samples.into_iter().map(pair).collect()
}

/// The rewards with mathruler and Math-Verify, on pairs of a corpus.
fn maths() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for line in rows(&rewards().join("maths/pairs.jsonl")) {
        for (name, cpython) in line["cpython"].as_object().unwrap() {
            let reward = match name.as_str() {
                "geo3k" | "easyr1_math" => format!("{name}:compute_score"),
                "openr1_cosine" => "openr1_accuracy:cosine".to_owned(),
                _ => format!("{name}:accuracy_reward"),
            };
            let mut row =
                json!({"response": line["response"], "answer": line["answer"], "reward": reward});
            if name.starts_with("trl") || name.starts_with("openr1") {
                row["solution"] = line["solution"].clone();
            }
            pairs.push(Pair {
                row,
                cpython: cpython.clone(),
            });
        }
    }
    pairs
}

/// What a score and its parts should be: numbers as they are, truth as 1 and 0, and texts left out.
fn expected(cpython: &Value) -> (Option<f64>, Map<String, Value>) {
    let number = |value: &Value| match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        other => other.as_f64(),
    };
    let Value::Object(dict) = cpython else {
        return (number(cpython), Map::new());
    };
    let total = if dict.contains_key("score") {
        "score"
    } else {
        "overall"
    };
    let parts = dict.iter().filter(|(name, _)| *name != total);
    let parts = parts.filter_map(|(name, value)| Some((name.clone(), number(value)?.into())));
    (number(&dict[total]), parts.collect())
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "py") {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Runs a command that has to be refused, after what other programs have said.
#[track_caller]
fn refused(project: &Project, arguments: &[&str], names: &[&str]) {
    let outcome = project.run(arguments);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(2), ""),
        "{outcome:?}"
    );
    let error = outcome.stderr.find("error: ").unwrap();
    for name in names {
        let told = &outcome.stderr[error..];
        assert!(
            told.contains(name) || outcome.stderr.contains(name),
            "{name:?} is not in: {told}"
        );
    }
}

#[test]
fn rewards_with_packages_score_as_in_cpython() {
    let project = Project::empty();
    let every = rewards().join("every.py");
    let argument = format!("{}:every", every.display());
    let said = project.ok(&["plugin", "new", "--from-python", &argument]);
    assert!(!said.stderr.contains("`rlhost`"), "{said:?}");
    for folder in ["field", "maths"] {
        copy(&rewards().join(folder), &project.path("every/src"));
    }
    let manifest = project.read("every/plugin.toml");
    project.write("every/plugin.toml", &(manifest + REQUIRES));
    let built = project.ok(&["plugin", "build", "every"]);
    for name in [
        "src/every.py:every is called as by a plain function: sample",
        "requirements.lock now names antlr4-python3-runtime 4.13.2, latex2sympy2_extended 1.11.0, math-verify 0.9.0",
        "there is no module `swift.plugin`; the plugin does without (ORM, orms)",
        "there is no module `..import_utils`",
        "MiB of memory (of \\boxed",
    ] {
        assert!(
            built.stderr.contains(name),
            "{name:?} is not in: {}",
            built.stderr
        );
    }
    for name in [
        "packages  antlr4-python3-runtime 4.13.2",
        "          sympy 1.14.0",
        "asks for  memory 268435456, fuel 20000000000",
    ] {
        assert!(
            built.stdout.contains(name),
            "{name:?} is not in: {}",
            built.stdout
        );
    }
    let component = "every/target/guests/every.wasm";
    let inspected = project.ok(&["plugin", "inspect", component, "--json"]);
    let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(inspected["metadata"]["packages"]["math-verify"], "0.9.0");
    assert_eq!(
        inspected["asks"],
        json!({"fuel": 20_000_000_000_u64, "memory": 268_435_456})
    );

    let pairs: Vec<_> = field().into_iter().chain(maths()).collect();
    let of = |name: &str| pairs.iter().filter(|it| it.row["reward"] == name).count();
    for name in [
        "geo3k:compute_score",
        "easyr1_math:compute_score",
        "trl_accuracy:accuracy_reward",
        "openr1_accuracy:accuracy_reward",
    ] {
        assert!(of(name) >= 200, "{name}");
    }
    let lines: Vec<_> = pairs.iter().map(|pair| pair.row.to_string()).collect();
    project.write("rows.jsonl", &lines.join("\n"));
    let scored = project.ok(&["score", component, "--input", "rows.jsonl"]);
    let scored = json_lines(&scored.stdout);
    assert_eq!(scored.len(), pairs.len());
    for (pair, scored) in pairs.iter().zip(&scored) {
        let (total, parts) = expected(&pair.cpython);
        let outcome = if total.is_some() { "score" } else { "abstain" };
        assert_eq!(scored["outcome"], outcome, "{}: {scored}", pair.row);
        let score = scored["score"].as_f64();
        // The cosine of the sandbox's C library may differ from that of others in its last bit.
        let same = match (score, total) {
            (Some(score), Some(total)) if pair.row["reward"] == "openr1_accuracy:cosine" => {
                (score - total).abs() < 1e-15
            }
            _ => score == total,
        };
        assert!(same, "{}: {total:?}, {scored}", pair.row);
        let found = scored["parts"].as_object().unwrap();
        let found: Map<_, _> = found
            .iter()
            .map(|(name, value)| (name.clone(), value.as_f64().unwrap().into()))
            .collect();
        assert_eq!(found, parts, "{}", pair.row);
    }

    // What is set takes precedence over what the plugin asks for.
    let little = ["score", component, "--input", "rows.jsonl", "--memory"];
    project.refused(
        &[&little[..], &["33554432"]].concat(),
        &["`describe` ended with memory-exhausted", "`[limits]`"],
    );
    // A package that differs from its digest is not taken.
    let lock = project.read("every/requirements.lock");
    let line = lock
        .lines()
        .find(|line| line.starts_with("mpmath"))
        .unwrap();
    let (name, digest) = line.split_once("sha256:").unwrap();
    let other: String = digest.chars().rev().collect();
    project.write(
        "every/requirements.lock",
        &lock.replace(line, &format!("{name}sha256:{other}")),
    );
    let build = ["plugin", "build", "every"];
    refused(&project, &build, &["python.requires", "digest", "mpmath"]);
}

/// What `plugin new` finds in a file: nothing is built.
#[test]
fn packages_that_a_file_imports_are_required() {
    let project = Project::empty();
    for (file, function, requires) in [
        (
            "maths/geo3k.py",
            "compute_score",
            "[\"mathruler==0.1.0\", \"pylatexenc==2.11\", \"sympy==1.14.0\"]",
        ),
        (
            "maths/trl_accuracy.py",
            "accuracy_reward",
            "[\"latex2sympy2_extended==1.11.0\", \"math-verify==0.9.0\"]",
        ),
        (
            "maths/openr1_accuracy.py",
            "get_cosine_scaled_reward(max_len=200)",
            "[\"latex2sympy2_extended==1.11.0\", \"math-verify==0.9.0\"]",
        ),
        (
            "field/verl_sympy_timeout.py",
            "compute_score",
            "[\"sympy==1.14.0\"]",
        ),
    ] {
        let argument = format!("{}:{function}", rewards().join(file).display());
        let said = project.ok(&["plugin", "new", "x", "--from-python", &argument]);
        let manifest = project.read("x/plugin.toml");
        let line = format!("requires = {requires}\n");
        assert!(manifest.contains(&line), "{line} is not in: {manifest}");
        assert!(manifest.contains("[limits]\n"), "{manifest}");
        assert!(!said.stderr.contains("is not of the standard library"));
        fs::remove_dir_all(project.path("x")).unwrap();
    }
    // What the function does without, and what every plugin has, is not required.
    for (file, function) in [
        ("field/swift_orm.py", "GSM8KAccuracy"),
        ("field/vlmr1_accuracy.py", "accuracy_reward"),
        ("field/easyr1_boxes.py", "compute_score"),
    ] {
        let argument = format!("{}:{function}", rewards().join(file).display());
        let said = project.ok(&["plugin", "new", "x", "--from-python", &argument]);
        assert_eq!(said.stderr, "", "{file}");
        assert!(!project.read("x/plugin.toml").contains("requires"));
        fs::remove_dir_all(project.path("x")).unwrap();
    }
}

#[test]
fn packages_that_can_not_be_had_are_told_with_a_way_out() {
    let project = Project::empty();
    project.write("r.py", "def f(response):\n    return 1\n");
    project.ok(&["plugin", "new", "--from-python", "r.py:f"]);
    let manifest = project.read("r/plugin.toml");
    let refuse = |requires: &str, names: &[&str]| {
        let text = format!("{manifest}requires = [{requires}]\n");
        project.write("r/plugin.toml", &text);
        refused(&project, &["plugin", "build", "r"], names);
        assert!(!project.path("r/requirements.lock").exists());
    };
    refuse(
        "\"numpy==2.4.6\"",
        &[
            "r/plugin.toml",
            "`numpy==2.4.6`",
            "compiled parts",
            "wheels",
        ],
    );
    refuse("\"python-Levenshtein\"", &["module `Levenshtein`"]);
    refuse(
        "\"--index-url=x\"",
        &["\"--index-url=x\" must be the name of a package"],
    );
}

/// Functions of every kind, each in a plugin of its own.
#[test]
fn classes_factories_and_parameters_that_must_be_given() {
    let project = Project::empty();
    let new = |file: &str, function: &str| {
        let path = rewards().join("field").join(format!("{file}.py"));
        let argument = format!("{}:{function}", path.display());
        project.ok(&["plugin", "new", "--from-python", &argument]);
        let name = file.replace('_', "-");
        let said = project.ok(&["plugin", "build", &name]);
        let component = format!("{name}/target/guests/{name}.wasm");
        (component, said.stderr)
    };
    let samples = rows(&rewards().join("field/samples.jsonl"));
    let of =
        |file: &str| -> Vec<&Value> { samples.iter().filter(|it| it["file"] == file).collect() };
    let score = |component: &str, rows: &[&Value], params: &[&str]| -> Outcome {
        let lines: Vec<_> = rows.iter().map(|it| it["row"].to_string()).collect();
        project.write("rows.jsonl", &lines.join("\n"));
        let params = params.iter().flat_map(|it| ["--param", it]);
        let score = ["score", component, "--input", "rows.jsonl"];
        let arguments: Vec<_> = score.into_iter().chain(params).collect();
        project.run(&arguments)
    };
    let agree = |rows: &[&Value], outcome: &Outcome| {
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let scored = json_lines(&outcome.stdout);
        assert_eq!(scored.len(), rows.len());
        for (row, scored) in rows.iter().zip(scored) {
            assert_eq!(
                scored["score"].as_f64(),
                expected(&row["cpython"]).0,
                "{scored}"
            );
        }
    };

    let (component, said) = new("swift_orm", "GSM8KAccuracy");
    let told = "src/swift_orm.py:GSM8KAccuracy is called as by TRL: completions = response, solution = answer";
    assert!(said.contains(told), "{said}");
    agree(&of("swift_orm"), &score(&component, &of("swift_orm"), &[]));

    // Arguments of what makes the function are parameters too.
    let (component, said) = new("openr1_cosine", "get_cosine_scaled_reward(max_len=500)");
    assert!(
        said.contains("it is made with min_value_wrong = a parameter"),
        "{said}"
    );
    let rows = of("openr1_cosine");
    agree(&rows, &score(&component, &rows, &["max_len=200"]));
    let longer = score(&component, &rows, &[]);
    // 0.5 + 0.25 (1 + cos(14 π / 500)), for a response of 14 characters.
    let first = json_lines(&longer.stdout)[0]["score"].as_f64().unwrap();
    let length = rows[0]["row"]["response"].as_str().unwrap().len();
    let cosine = (f64::from(u32::try_from(length).unwrap()) / 500.0 * std::f64::consts::PI).cos();
    assert!((first - (0.5 + 0.25 * (1.0 + cosine))).abs() < 1e-12);

    let (component, said) = new("easyr1_dapo", "compute_score");
    assert!(
        said.contains("max_response_length = a parameter that must be given"),
        "{said}"
    );
    let rows = of("easyr1_dapo");
    let outcome = score(&component, &rows, &["max_response_length=20"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    let told = "it needs the parameters `overlong_buffer_length`, `overlong_penalty_factor`";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    let params = [
        "max_response_length=20",
        "overlong_buffer_length=5",
        "overlong_penalty_factor=1.0",
    ];
    agree(&rows, &score(&component, &rows, &params));
    let wrong = score(
        &component,
        &rows,
        &["max_response_length=\"a\"", params[1], params[2]],
    );
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let told = "the parameter `max_response_length` must be a whole number";
    assert!(wrong.stderr.contains(told), "{wrong:?}");
    let inspected = project.ok(&["plugin", "inspect", &component]);
    let told = "overlong_penalty_factor (must be given)";
    assert!(inspected.stdout.contains(told), "{inspected:?}");
}
