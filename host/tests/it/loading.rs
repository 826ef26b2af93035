//! What can be loaded, and what is said about all that can't.

use rlhost_host::{Error, Host, Plugin, Scope, Scorer};
use serde_json::json;

use crate::guest::{Folder, Guest, HOST, WIT, component};

fn load(bytes: &[u8]) -> Result<Plugin, Error> {
    HOST.load(&Folder::new().file("guest.wasm", bytes))
}

#[test]
fn a_plugin_tells_all_about_itself() {
    let guest = Guest {
        name: "judge",
        scope: 1,
        parts: &["accuracy", "format"],
        params: &[("strict", "true"), ("tags", "[\"answer\"]")],
        imports: crate::guest::IMAGE_IMPORTS,
        ..Guest::default()
    };
    let bytes = guest.component();
    let folder = Folder::new();
    let path = folder.file("some.wasm", &bytes);
    let plugin = HOST.load(&path).unwrap();
    assert_eq!(plugin.path(), path);
    assert_eq!(plugin.size(), bytes.len() as u64);
    assert_eq!(plugin.info().scope, Scope::Group);
    let inspection = serde_json::to_value(plugin.inspect()).unwrap();
    assert_eq!(
        inspection,
        json!({
            "path": path,
            "digest": plugin.digest(),
            "size": bytes.len(),
            "world": "rlhost:plugin/reward-plugin@0.1.0",
            "capabilities": [],
            "imports": ["rlhost:plugin/types@0.1.0"],
            "exports": ["rlhost:plugin/reward@0.1.0"],
            "description": {
                "name": "judge",
                "version": "0.0.1",
                "doc": "A guest of the tests.",
                "scope": "group",
                "parts": ["accuracy", "format"],
                "params": [
                    {"name": "strict", "doc": "A parameter.", "default": "true"},
                    {"name": "tags", "doc": "A parameter.", "default": "[\"answer\"]"},
                ],
            },
        })
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = HOST.load("no/such/plugin.wasm").unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    assert!(error.to_string().contains("no/such/plugin.wasm"), "{error}");
}

#[test]
fn files_of_other_kinds_are_told_apart() {
    let kind = |bytes: &[u8], message: &str| match load(bytes).unwrap_err() {
        error @ Error::NotWasm { .. } => assert!(error.to_string().contains(message), "{error}"),
        other => panic!("{other}"),
    };
    kind(b"", "the file is empty");
    kind(b"def score(): pass", "does not start as WebAssembly does");
    kind(b"\x7fELF\x02\x01\x01\0\0\0\0\0", ".cwasm");
    kind(b"\0asm\x07\0\0\0", "a WebAssembly version");
    let module = wat::parse_str("(module)").unwrap();
    let error = load(&module).unwrap_err();
    assert!(matches!(error, Error::CoreModule { .. }), "{error}");
    assert!(error.to_string().contains("guest.wasm"), "{error}");
}

#[test]
fn truncated_and_damaged_components_are_corrupt() {
    let bytes = Guest::default().component();
    for end in [8, 9, 100, bytes.len() / 2, bytes.len() - 1] {
        // Eight bytes alone are a valid, empty component.
        let error = load(&bytes[..end]).unwrap_err();
        let expected = match end {
            8 => matches!(error, Error::WrongWorld { .. }),
            _ => matches!(error, Error::Corrupt { .. }),
        };
        assert!(expected, "{end}: {error:?}");
    }
}

#[test]
fn a_component_of_another_world_names_what_is_wrong() {
    let bytes = wat::parse_str(
        r#"(component
            (import "wasi:http/outgoing-handler@0.2.0" (instance))
            (import "wasi:clocks/wall-clock@0.3.0" (instance))
            (component $empty)
            (instance $it (instantiate $empty))
            (export "wasi:cli/run@0.2.0" (instance $it)))"#,
    )
    .unwrap();
    match load(&bytes).unwrap_err() {
        Error::WrongWorld {
            missing_exports,
            unknown_imports,
            ..
        } => {
            assert_eq!(
                missing_exports,
                [
                    "rlhost:plugin/reward@0.1.0#describe",
                    "rlhost:plugin/reward@0.1.0#score"
                ]
            );
            assert_eq!(
                unknown_imports,
                [
                    "wasi:http/outgoing-handler@0.2.0",
                    "wasi:clocks/wall-clock@0.3.0"
                ]
            );
        }
        other => panic!("{other}"),
    }
    let text = load(&bytes).unwrap_err().to_string();
    assert!(
        text.contains("missing exports: rlhost:plugin/reward@0.1.0#describe, "),
        "{text}"
    );
    assert!(
        text.contains("not granted: wasi:http/outgoing-handler@0.2.0, "),
        "{text}"
    );
}

#[test]
fn a_missing_function_is_named() {
    let bytes = wat::parse_str(
        r#"(component
            (core module $m (func (export "f") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $describe (result u32) (canon lift (core func $i "f")))
            (instance $reward (export "describe" (func $describe)))
            (export "rlhost:plugin/reward@0.1.0" (instance $reward)))"#,
    )
    .unwrap();
    match load(&bytes).unwrap_err() {
        Error::WrongWorld {
            missing_exports, ..
        } => {
            assert_eq!(missing_exports, ["rlhost:plugin/reward@0.1.0#score"]);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_function_of_another_type_is_another_world() {
    let bytes = wat::parse_str(
        r#"(component
            (core module $m (func (export "f") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $reward (export "describe" (func $f)) (export "score" (func $f)))
            (export "rlhost:plugin/reward@0.1.0" (instance $reward)))"#,
    )
    .unwrap();
    let error = load(&bytes).unwrap_err();
    assert!(
        matches!(
            &error,
            Error::WrongWorld {
                detail: Some(_),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn another_version_of_the_contract_is_named() {
    let versioned = |version: &str| {
        let wat = Guest::default()
            .wat()
            .replace("@0.1.0", &format!("@{version}"));
        component(&wat, &WIT.replace("@0.1.0", &format!("@{version}")))
    };
    let error = load(&versioned("0.2.0")).unwrap_err();
    assert!(matches!(error, Error::VersionMismatch { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("@0.2.0") && text.contains("@0.1.0"), "{text}");
    // A patch of the same minor version is compatible.
    load(&versioned("0.1.4")).unwrap();
}

#[test]
fn a_description_must_make_sense() {
    let describes = |guest: Guest, message: &str| match load(&guest.component()).unwrap_err() {
        error @ Error::Describe { .. } => assert!(error.to_string().contains(message), "{error}"),
        other => panic!("{other}"),
    };
    describes(
        Guest {
            name: " ",
            ..Guest::default()
        },
        "its name is empty",
    );
    describes(
        Guest {
            parts: &["a", "a"],
            ..Guest::default()
        },
        "part `a`",
    );
    describes(
        Guest {
            params: &[("p", "{")],
            ..Guest::default()
        },
        "default of parameter `p` is not JSON",
    );
    describes(
        Guest {
            params: &[("p", "1"), ("p", "1")],
            ..Guest::default()
        },
        "parameter `p`",
    );
    describes(
        Guest {
            describe: "(unreachable)",
            ..Guest::default()
        },
        "ended with trap",
    );
    describes(
        Guest {
            describe: "(loop $l (br $l))",
            ..Guest::default()
        },
        "ended with budget-exhausted",
    );
    // No such scope.
    describes(
        Guest {
            scope: 3,
            ..Guest::default()
        },
        "ended with trap",
    );
}

#[test]
fn unknown_parameters_are_refused() {
    let plugin = Guest {
        params: &[("strict", "true")],
        ..Guest::default()
    }
    .load();
    let params = json!({"stric": false});
    let error = Scorer::new(&plugin, params.as_object().unwrap(), HOST.limits()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`probe`") && text.contains("`stric`") && text.contains("strict"),
        "{text}"
    );
}

#[test]
fn a_host_has_as_many_threads_as_a_machine_can_start() {
    for (builder, names) in [
        (Host::builder().threads(0), ["0 threads", "at least 1"]),
        (
            Host::builder().threads(100_000),
            ["100000 threads", "at most 1024"],
        ),
        (
            Host::builder().threads(1).waiting(0),
            ["0 waiting", "at least 1"],
        ),
        (
            Host::builder().threads(1).waiting(usize::MAX),
            ["waiting calls", "at most 1024"],
        ),
    ] {
        match builder.build() {
            Err(Error::Engine(message)) => {
                assert!(names.iter().all(|name| message.contains(name)), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}
