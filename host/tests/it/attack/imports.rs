//! Components that import what they may not.

use rlhost_host::{Error, Outcome, Sample, Scored, Scorer};
use serde_json::Map;

use super::load;
use crate::guest::{Guest, WIT, component};

/// A component whose core module imports this, of a world with these changes.
fn importing(import: &'static str, world: &str, types: &str, more: &str) -> Vec<u8> {
    let guest = Guest {
        imports: import,
        ..Guest::default()
    };
    let wit = WIT
        .replace(
            "world reward-plugin {",
            &format!("world reward-plugin {{ {world}"),
        )
        .replace("interface types {", &format!("interface types {{ {types}"));
    component(&guest.wat(), &format!("{wit}\n{more}"))
}

const SECRETS: &str = "interface secrets { read: func() -> u32; }";

const WASI: &str = "
package wasi:clocks@0.3.0 { interface monotonic-clock { now: func() -> u64; } }
package wasi:keyvalue@0.2.0 { interface store { open: func(name: string) -> u32; } }
package wasi:http@0.2.0 { interface outgoing-handler { handle: func(url: string) -> u32; } }";

#[test]
fn everything_that_is_not_granted_is_refused_by_name() {
    let attacks: [(&str, &str, &'static str, &str, &str); 6] = [
        (
            "a WASI that is not the deterministic one",
            "wasi:clocks/monotonic-clock@0.3.0",
            r#"(import "wasi:clocks/monotonic-clock@0.3.0" "now" (func (result i64)))"#,
            "import wasi:clocks/monotonic-clock@0.3.0;",
            "",
        ),
        (
            "a store",
            "wasi:keyvalue/store@0.2.0",
            r#"(import "wasi:keyvalue/store@0.2.0" "open" (func (param i32 i32) (result i32)))"#,
            "import wasi:keyvalue/store@0.2.0;",
            "",
        ),
        (
            "the network",
            "wasi:http/outgoing-handler@0.2.0",
            r#"(import "wasi:http/outgoing-handler@0.2.0" "handle" (func (param i32 i32) (result i32)))"#,
            "import wasi:http/outgoing-handler@0.2.0;",
            "",
        ),
        (
            "an unknown interface",
            "rlhost:plugin/secrets@0.1.0",
            r#"(import "rlhost:plugin/secrets@0.1.0" "read" (func (result i32)))"#,
            "import secrets;",
            "",
        ),
        (
            "an unknown function of a known interface",
            "rlhost:plugin/types@0.1.0#answer-key",
            r#"(import "rlhost:plugin/types@0.1.0" "answer-key" (func (result i32)))"#,
            "",
            "answer-key: func() -> u32;",
        ),
        (
            "a function without an interface",
            "escape",
            r#"(import "$root" "escape" (func))"#,
            "import escape: func();",
            "",
        ),
    ];
    for (what, name, import, world, types) in attacks {
        let bytes = importing(import, world, types, &format!("{SECRETS}{WASI}"));
        match load(&bytes).unwrap_err() {
            Error::WrongWorld {
                unknown_imports,
                missing_exports,
                ..
            } => {
                assert_eq!(unknown_imports, [name], "{what}");
                assert!(missing_exports.is_empty(), "{what}");
            }
            other => panic!("{what}: {other}"),
        }
    }
}

#[test]
fn known_functions_with_other_types_are_refused() {
    for (found, instead, core) in [
        (
            "width: func() -> u32;",
            "width: func() -> u64;",
            "(param i32) (result i64)",
        ),
        (
            "width: func() -> u32;",
            "width: func() -> f32;",
            "(param i32) (result f32)",
        ),
        (
            "width: func() -> u32;",
            "width: func(scale: u32) -> u32;",
            "(param i32 i32) (result i32)",
        ),
        ("width: func() -> u32;", "width: func();", "(param i32)"),
    ] {
        let guest = Guest {
            imports: super::leak(format!(
                r#"(import "rlhost:plugin/types@0.1.0" "[method]image.width" (func {core}))"#
            )),
            ..Guest::default()
        };
        let bytes = component(&guest.wat(), &WIT.replace(found, instead));
        let error = load(&bytes).unwrap_err();
        assert!(
            matches!(error, Error::WrongWorld { .. }),
            "{instead}: {error}"
        );
    }
}

#[test]
fn a_resource_that_is_something_else_is_refused() {
    let bytes = wat::parse_str(
        r#"(component
            (import "rlhost:plugin/types@0.1.0" (instance $types
                (export "image" (func (result u32)))))
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $reward (export "describe" (func $f)) (export "score" (func $f)))
            (export "rlhost:plugin/reward@0.1.0" (instance $reward)))"#,
    )
    .unwrap();
    let error = load(&bytes).unwrap_err();
    assert!(matches!(error, Error::WrongWorld { .. }), "{error}");
}

#[test]
fn a_whole_module_or_component_as_import_is_refused() {
    for import in [
        r#"(import "evil" (core module))"#,
        r#"(import "evil" (component))"#,
        r#"(import "rlhost:plugin/types@0.1.0" (component))"#,
        r#"(import "rlhost:plugin/types@0.1.0" (func))"#,
    ] {
        let bytes = wat::parse_str(format!(
            r#"(component {import}
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f")))
                (instance $reward (export "describe" (func $f)) (export "score" (func $f)))
                (export "rlhost:plugin/reward@0.1.0" (instance $reward)))"#
        ));
        let error = load(&bytes.unwrap()).unwrap_err();
        // The engine itself knows no imported components.
        assert!(
            matches!(error, Error::WrongWorld { .. } | Error::Corrupt { .. }),
            "{import}: {error}"
        );
    }
}

/// Scores with a guest that may say why it can't go on, and does this.
fn with_last_words(judge: &str) -> Scored {
    let guest = Guest {
        imports: r#"(import "rlhost:plugin/panic@0.1.0" "report" (func $report (param i32 i32)))"#,
        memory: "64",
        judge: super::leak(judge.to_owned()),
        ..Guest::default()
    };
    let wit = WIT.replace(
        "world reward-plugin {",
        "world reward-plugin { import panic;",
    );
    let plugin = load(&component(&guest.wat(), &wit)).unwrap();
    let scorer = Scorer::new(&plugin, &Map::new(), plugin.limits()).unwrap();
    let mut scored = scorer.score(&[Sample::single("", "1")]);
    scored.pop().unwrap()
}

#[test]
fn last_words_are_bounded_and_change_no_score() {
    // A megabyte of letters, again and again until the bytes that may cross to the host are used up.
    let endless = with_last_words(
        "(memory.fill (i32.const 100000) (i32.const 65) (i32.const 1000000))
         (loop $l (call $report (i32.const 100000) (i32.const 1000000)) (br $l))",
    );
    assert_eq!(endless.total, None);
    assert!(endless.message.unwrap().len() < 2_500);
    // What is said before a trap is its message.
    let said = "(i64.store (i32.const 100000) (i64.const 0x646c65666f726e61))
                (call $report (i32.const 100000) (i32.const 8))";
    let trapped = with_last_words(&format!("{said} unreachable"));
    assert_eq!(trapped.outcome, Outcome::Trap);
    let message = trapped.message.unwrap();
    assert!(message.starts_with("anrofeld"), "{message}");
    // What is said before an answer is nothing.
    let answered = with_last_words(said);
    assert_eq!((answered.total, answered.message), (Some(0.0), None));
    // What lies outside of the memory, or is no text, is no words.
    for words in [
        "(i32.const -8) (i32.const 8)",
        "(i32.const 0) (i32.const -1)",
    ] {
        let scored = with_last_words(&format!("(call $report {words})"));
        assert_eq!(
            (scored.outcome, scored.total),
            (Outcome::Trap, None),
            "{words}"
        );
    }
}
