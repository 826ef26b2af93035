//! Golden cases: what is read, what is compared, and what one call sees.

use rlhost_host::golden::{self, Case, Checked, Expectation};
use rlhost_host::{Error, Grants, Limits, Outcome, Scope, receipt};

use crate::guest::{Folder, Guest};

/// A verdict of 1.5 with the part accuracy = 0.5 and the steps (turn 0, byte 4, 0.25), (turn 0, end, 1).
const VERDICT: Guest = Guest {
    name: "verdict",
    scope: 0,
    parts: &["accuracy", "format"],
    params: &[],
    imports: "",
    memory: "16",
    extra: r#"
        (data (i32.const 16384) "\90\40\00\00\08\00\00\00\00\00\00\00\00\00\e0\3f")
        (data (i32.const 16528) "accuracy")
        (data (i32.const 16640) "\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\d0\3f\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\f0\3f")"#,
    judge: "(f64.store offset=8 (local.get $out) (f64.const 1.5))
        (i32.store offset=16 (local.get $out) (i32.const 16384))
        (i32.store offset=20 (local.get $out) (i32.const 1))
        (i32.store offset=24 (local.get $out) (i32.const 16640))
        (i32.store offset=28 (local.get $out) (i32.const 2))",
    count: "(local.get $n)",
    describe: "",
};

/// Abstains, with its parameters as the message.
const PARAMS: Guest = Guest {
    name: "params",
    params: &[("a", "null"), ("b", "null")],
    parts: &[],
    extra: "",
    judge: "(i32.store8 (local.get $out) (i32.const 1))
        (i32.store8 offset=8 (local.get $out) (i32.const 1))
        (i32.store offset=12 (local.get $out) (i32.load offset=60 (local.get $sample)))
        (i32.store offset=16 (local.get $out) (i32.load offset=64 (local.get $sample)))",
    ..VERDICT
};

fn read(folder: &Folder, name: &str, rows: &[&str]) -> Result<Vec<Case>, Error> {
    golden::read(folder.file(name, rows.join("\n").as_bytes()))
}

fn check(guest: &Guest, rows: &[&str]) -> Result<Vec<Checked>, Error> {
    let folder = Folder::new();
    let cases = read(&folder, "cases.jsonl", rows)?;
    golden::check(&guest.load(), cases, Limits::default(), &Grants::none())
}

/// `field: expected, got` of each mismatch.
fn mismatches(guest: &Guest, expect: &str) -> Vec<String> {
    let row = format!(r#"{{"response": "four", "expect": {expect}}}"#);
    let checked = check(guest, &[&row]).unwrap().remove(0);
    assert_eq!(checked.passed(), checked.mismatches.is_empty());
    checked.mismatches.iter().map(ToString::to_string).collect()
}

#[test]
fn a_case_is_a_sample_and_what_is_said_of_it() {
    let folder = Folder::new();
    let row = r#"{"name": "first", "response": "r", "answer": 1.50, "level": 2, "params": {"a": 1},
        "call": 7, "expect": {"score": 1}}"#
        .replace('\n', " ");
    let case = read(&folder, "cases.jsonl", &["", &row]).unwrap().remove(0);
    assert_eq!(case.line, 2);
    assert_eq!(case.name.as_deref(), Some("first"));
    assert_eq!(case.params["a"], 1);
    assert_eq!(case.sample.answer, "1.50");
    assert_eq!(case.sample.columns, r#"{"level":2}"#);
    assert_eq!(case.expect.score, Some(1.0));
    assert_eq!(case.expect.outcome(), Outcome::Score);
    assert!(
        case.text.contains("1.50") && !case.text.contains("expect"),
        "{}",
        case.text
    );
    let place = format!("{}:2 first", folder.path().join("cases.jsonl").display());
    assert_eq!(case.to_string(), place);
}

#[test]
fn rows_that_are_no_cases_are_refused_with_their_line() {
    let folder = Folder::new();
    for (rest, message) in [
        ("", "`expect` is missing"),
        (r#", "expect": null"#, "`expect` is missing"),
        (r#", "expect": {}"#, "it says nothing"),
        (r#", "expect": {"tolerance": 0.1}"#, "it says nothing"),
        (r#", "expect": 1"#, "`expect` must be an expectation"),
        (r#", "expect": {"scor": 1}"#, "unknown field `scor`"),
        (
            r#", "expect": {"score": 1}, "param": {"unit": "cm"}"#,
            "`param` is no key of a case",
        ),
        (
            r#", "expect": {"score": 1, "score": 2}"#,
            "duplicate field `score`",
        ),
        (r#", "expect": {"score": "1"}"#, "expected f64"),
        (
            r#", "expect": {"outcome": "crash"}"#,
            "unknown variant `crash`, expected one of `score`",
        ),
        (
            r#", "expect": {"outcome": "host-fault"}"#,
            "host-fault says nothing about a plugin",
        ),
        (
            r#", "expect": {"outcome": "trap", "score": 0}"#,
            "no score, part or step where the outcome is trap",
        ),
        (
            r#", "expect": {"outcome": "abstain", "parts": {"a": 1}}"#,
            "outcome is abstain",
        ),
        (
            r#", "expect": {"message": "x"}"#,
            "a verdict has no message",
        ),
        (
            r#", "expect": {"score": 1, "tolerance": -1}"#,
            "`tolerance` must be 0 or more",
        ),
        (
            r#", "expect": {"min": 1, "max": 0}"#,
            "`min` = 1 is more than `max` = 0",
        ),
        (
            r#", "expect": {"steps": [{"turn": 0, "end": 2, "value": 1}]}"#,
            "unknown field `end`",
        ),
        (
            r#", "expect": {"score": 1}, "params": [1]"#,
            "`params` must be an object",
        ),
        (
            r#", "expect": {"score": 1}, "name": 1"#,
            "`name` must be a text",
        ),
        (
            r#", "expect": {"score": 1}, "call": 1.5"#,
            "`call` must be a text or a number",
        ),
        (
            r#", "expect": {"score": 1}, "response": 1"#,
            "\"response\" stands twice",
        ),
    ] {
        let good = r#"{"response": "r", "expect": {"score": 1}}"#;
        let row = format!(r#"{{"response": "r"{rest}}}"#);
        let error = read(&folder, "cases.jsonl", &[good, &row])
            .unwrap_err()
            .to_string();
        assert!(error.contains("cases.jsonl:2: "), "{row}: {error}");
        assert!(error.contains(message), "{row}: {error}");
    }
}

#[test]
fn files_come_in_the_order_of_their_names_and_none_is_empty() {
    let folder = Folder::new();
    let error = golden::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("no file of cases"), "{error}");

    let row = r#"{"response": "r", "expect": {"score": 1}}"#;
    for name in ["b.jsonl", "a.jsonl"] {
        folder.file(name, row.as_bytes());
    }
    folder.file("README.md", b"no case");
    let cases = golden::read(folder.path()).unwrap();
    let names: Vec<_> = cases
        .iter()
        .map(|case| case.file.file_name().unwrap())
        .collect();
    assert_eq!(names, ["a.jsonl", "b.jsonl"]);

    folder.file("c.jsonl", b"\n");
    let error = golden::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("c.jsonl: there is no case"), "{error}");
    let error = golden::read(folder.path().join("d.jsonl")).unwrap_err();
    assert!(error.to_string().contains("d.jsonl"), "{error}");
}

#[test]
fn a_verdict_is_compared_with_what_the_case_says() {
    for (expect, expected) in [
        (r#"{"score": 1.5}"#, &[][..]),
        (r#"{"outcome": "score"}"#, &[]),
        (r#"{"score": 1.5000000001}"#, &[]),
        (
            r#"{"score": 1.500000002}"#,
            &["score: expected 1.500000002, got 1.5"],
        ),
        (r#"{"score": 1.4, "tolerance": 0.2}"#, &[]),
        (
            r#"{"score": 1.2, "tolerance": 0.2}"#,
            &["score: expected 1.2 ± 0.2, got 1.5"],
        ),
        (r#"{"score": 1.5, "tolerance": 0}"#, &[]),
        (r#"{"min": 1.5, "max": 1.5}"#, &[]),
        (
            r#"{"min": 1.6}"#,
            &["score: expected at least 1.6, got 1.5"],
        ),
        (r#"{"max": 1.4}"#, &["score: expected at most 1.4, got 1.5"]),
        (r#"{"parts": {"accuracy": 0.5}}"#, &[]),
        (
            r#"{"score": 0, "parts": {"accuracy": 1, "format": 0}}"#,
            &[
                "score: expected 0, got 1.5",
                "parts.accuracy: expected 1, got 0.5",
                "parts.format: expected 0, got no such part",
            ],
        ),
        (
            r#"{"steps": [{"turn": 0, "end_byte": 4, "value": 0.25}, {"turn": 0, "value": 1}]}"#,
            &[],
        ),
        (
            r#"{"steps": [{"turn": 0, "end_byte": 4, "value": 0.25}]}"#,
            &[concat!(
                r#"steps: expected [{"turn":0,"end_byte":4,"value":0.25}], got "#,
                r#"[{"turn":0,"end_byte":4,"value":0.25},{"turn":0,"end_byte":null,"value":1.0}]"#
            )],
        ),
        (
            r#"{"outcome": "trap"}"#,
            &["outcome: expected trap, got score"],
        ),
    ] {
        assert_eq!(mismatches(&VERDICT, expect), expected, "{expect}");
    }
    for steps in [
        r#"{"steps": []}"#,
        r#"{"steps": [{"turn": 0, "end_byte": 3, "value": 0.25}, {"turn": 0, "value": 1}]}"#,
        r#"{"steps": [{"turn": 1, "end_byte": 4, "value": 0.25}, {"turn": 0, "value": 1}]}"#,
        r#"{"steps": [{"turn": 0, "end_byte": 4, "value": 0.2}, {"turn": 0, "value": 1}]}"#,
    ] {
        assert_eq!(mismatches(&VERDICT, steps).len(), 1, "{steps}");
    }
}

#[test]
fn a_failure_is_compared_by_outcome_and_message() {
    for (expect, expected) in [
        (r#"{"outcome": "abstain"}"#, &[][..]),
        (r#"{"outcome": "abstain", "message": "{"}"#, &[]),
        (
            r#"{"outcome": "abstain", "message": "no"}"#,
            &["message: expected …no…, got {}"],
        ),
        (
            r#"{"score": 1}"#,
            &["outcome: expected score, got abstain: {}"],
        ),
        (
            r#"{"outcome": "internal"}"#,
            &["outcome: expected internal, got abstain: {}"],
        ),
    ] {
        assert_eq!(mismatches(&PARAMS, expect), expected, "{expect}");
    }
}

#[test]
fn fuel_has_a_bound() {
    let fuel = VERDICT.score_one().fuel;
    let bound = |most: u64| mismatches(&VERDICT, &format!(r#"{{"fuel_max": {most}}}"#));
    // The samples differ in their texts only, which fuel does not depend on here.
    assert_eq!(bound(fuel * 2), Vec::<String>::new());
    let found = bound(fuel / 2);
    assert!(
        found[0].starts_with(&format!("fuel: expected at most {}", fuel / 2)),
        "{found:?}"
    );
}

#[test]
fn every_case_has_its_own_parameters() {
    let checked = check(
        &PARAMS,
        &[
            r#"{"response": "", "params": {"a": 1}, "expect": {"outcome": "abstain", "message": "{\"a\":1}"}}"#,
            r#"{"response": "", "expect": {"outcome": "abstain", "message": "{}"}}"#,
            r#"{"response": "", "params": {"b": "x", "a": 2}, "expect": {"outcome": "abstain", "message": "{\"a\":2,\"b\":\"x\"}"}}"#,
            r#"{"response": "", "params": {"a": 1}, "expect": {"outcome": "abstain", "message": "{\"a\":1}"}}"#,
        ],
    )
    .unwrap();
    assert_eq!(checked.len(), 4);
    for (line, checked) in (1..).zip(checked) {
        assert_eq!(checked.mismatches, [], "{line}");
        assert_eq!(checked.case.line, line);
    }
    let row = r#"{"response": "", "params": {"c": 1}, "expect": {"score": 1}}"#;
    let error = check(&PARAMS, &[row]).unwrap_err().to_string();
    assert!(
        error.contains("cases.jsonl:1: ") && error.contains("`c`"),
        "{error}"
    );
}

/// Which rows are in one call: rows of equal letter.
fn calls(guest: &Guest, rows: &[&str]) -> String {
    let checked = check(guest, rows).unwrap();
    let mut letters =
        ('a'..).zip(checked.chunk_by(|a, b| a.scored.receipt.call == b.scored.receipt.call));
    letters
        .by_ref()
        .flat_map(|(letter, call)| {
            // The call's digest is that of just these samples, and its fuel stands on each of them.
            let inputs: Vec<_> = call
                .iter()
                .map(|checked| checked.scored.receipt.input)
                .collect();
            assert_eq!(
                call[0].scored.receipt.call,
                Some(receipt::call_digest(&inputs))
            );
            assert!(
                call.iter()
                    .all(|checked| checked.fuel == call[0].scored.fuel && checked.passed())
            );
            vec![letter; call.len()]
        })
        .collect()
}

#[test]
fn calls_over_several_samples_are_consecutive_rows() {
    let group = Guest {
        scope: 1,
        ..VERDICT
    };
    let batch = Guest {
        scope: 2,
        ..VERDICT
    };
    let row = |response: &str, rest: &str| {
        format!(
            r#"{{"response": "{response} four", "expect": {{"score": 1.5, "fuel_max": 100000}}{rest}}}"#
        )
    };
    // Other responses, so that calls of equal size have other digests.
    let rows = |rests: &[&str]| -> Vec<String> {
        let rows = (0..).zip(rests).map(|(i, rest)| row(&i.to_string(), rest));
        rows.collect()
    };
    let letters = |guest, rests: &[&str]| {
        let rows = rows(rests);
        calls(guest, &rows.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let groups = [
        r#", "group": 5"#,
        r#", "group": 5"#,
        r#", "group": 6"#,
        r#", "group": 5"#,
    ];
    for guest in [&group, &batch] {
        assert_eq!(letters(guest, &groups), "aabc");
        assert_eq!(letters(guest, &["", "", ""]), "abc");
    }
    let one_call = [
        r#", "call": "x", "group": 5"#,
        r#", "call": "x", "group": 6"#,
        r#", "call": "y", "group": 6"#,
        r#", "group": 6"#,
    ];
    assert_eq!(letters(&batch, &one_call), "aabc");

    let rows = rows(&one_call);
    let error = check(&group, &[&rows[0]]).unwrap_err().to_string();
    assert!(
        error.contains("cases.jsonl:1: `call` is for plugins of scope batch"),
        "{error}"
    );
}

#[test]
fn a_call_has_one_set_of_parameters() {
    let guest = Guest { scope: 1, ..PARAMS };
    let rows = [
        r#"{"response": "", "group": 1, "params": {"a": 1}, "expect": {"outcome": "abstain"}}"#,
        r#"{"response": "", "group": 1, "params": {"a": 2}, "expect": {"outcome": "abstain"}}"#,
    ];
    let error = check(&guest, &rows).unwrap_err().to_string();
    assert!(
        error.contains("cases.jsonl:2: `params` differ from those of line 1"),
        "{error}"
    );
    // Calls that stand apart in the file and have equal parameters stay apart.
    let rows = ["1", "2", "1"].map(|a| {
        format!(r#"{{"response": "r{a}", "group": {a}, "params": {{"a": {a}}}, "expect": {{"outcome": "abstain"}}}}"#)
    });
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(calls(&guest, &rows), "abc");
}

#[test]
fn a_filter_keeps_whole_calls() {
    let folder = Folder::new();
    let cases = read(
        &folder,
        "sums.jsonl",
        &[
            r#"{"response": "", "group": 1, "expect": {"score": 1}}"#,
            r#"{"response": "", "group": 1, "name": "carry", "expect": {"score": 1}}"#,
            r#"{"response": "", "group": 2, "expect": {"score": 1}}"#,
        ],
    )
    .unwrap();
    let kept_of = |scope, text| -> Vec<usize> {
        let cases = golden::retain(cases.clone(), scope, text);
        cases.iter().map(|case| case.line).collect()
    };
    assert_eq!(kept_of(Scope::Sample, "carry"), [2]);
    let kept = |text| kept_of(Scope::Group, text);
    assert_eq!(kept("carry"), [1, 2]);
    assert_eq!(kept("sums.jsonl:3"), [3]);
    assert_eq!(kept("sums"), [1, 2, 3]);
    assert!(kept("no such").is_empty());
    // Folders are no part of a case's place.
    assert!(kept(folder.path().file_name().unwrap().to_str().unwrap()).is_empty());
}

#[test]
fn sources_and_components_are_found_as_in_a_checkout() {
    let folder = Folder::new();
    let make = |path: &str| std::fs::create_dir_all(folder.path().join(path)).unwrap();
    make("target/guests");
    make("reward-plugins/right/cases");
    make("tests/guests/wrong/cases");
    make("reward-plugins/bare");
    let component = |name: &str| folder.path().join(format!("target/guests/{name}.wasm"));
    let found = |name: &str| golden::find_cases(&component(name));
    assert_eq!(
        found("right").unwrap(),
        folder.path().join("reward-plugins/right/cases")
    );
    assert_eq!(
        found("wrong").unwrap(),
        folder.path().join("tests/guests/wrong/cases")
    );
    let error = found("bare").unwrap_err().to_string();
    assert!(
        error.contains("reward-plugins/bare/cases") && error.contains("--cases"),
        "{error}"
    );

    let source = folder.path().join("reward-plugins/right");
    let by_name = golden::find_component(&source).unwrap();
    assert_eq!(by_name, rlhost_host::PluginRef::Name("right".into()));
    std::fs::write(component("right"), "").unwrap();
    let real = component("right").canonicalize().unwrap();
    let by_path = golden::find_component(&source).unwrap();
    assert_eq!(by_path, rlhost_host::PluginRef::Path(real));
}

#[test]
fn an_expectation_in_a_few_words() {
    for (expect, words) in [
        (r#"{"score": 1}"#, "1"),
        (
            r#"{"score": 0.5, "tolerance": 0.1, "parts": {"format": 1}}"#,
            "0.5 ± 0.1, format 1 ± 0.1",
        ),
        (r#"{"min": 0, "max": 1}"#, "0 to 1"),
        (r#"{"min": 0}"#, "at least 0"),
        (r#"{"max": 1, "steps": []}"#, "at most 1, 0 steps"),
        (r#"{"parts": {"format": 1}}"#, "format 1"),
        (r#"{"outcome": "trap"}"#, "trap"),
        (r#"{"fuel_max": 9}"#, "score, fuel at most 9"),
    ] {
        let expect: Expectation = serde_json::from_str(expect).unwrap();
        assert_eq!(expect.to_string(), words);
    }
}
