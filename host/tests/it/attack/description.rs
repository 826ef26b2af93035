//! Plugins that lie in `describe`. Simpler ones are in `loading.rs`.

use rlhost_host::{Error, Limits, Outcome, RESERVED, Sample, Scorer};
use serde_json::Map;

use super::{leak, load};
use crate::guest::Guest;

fn refused(guest: &Guest, message: &str) {
    let error = load(&guest.component()).unwrap_err();
    assert!(
        matches!(error, Error::Describe { .. }),
        "{message}: {error}"
    );
    let text = error.to_string();
    assert!(text.contains(message), "{message} is not in: {text}");
    // It goes to a terminal and to logs.
    assert!(text.len() < 3_000, "{} bytes", text.len());
    assert!(!text.contains('\x1b'), "{text:?}");
}

/// A guest whose description has these lengths of doc and lists; the lists' elements are zeros, so their
/// texts are empty.
fn lengths(doc: u32, parts: u32, params: u32) -> Guest {
    let words = [(0, 256), (4, 5), (8, 261), (12, 5), (16, 65_536), (20, doc)];
    let lists = [(28, 65_536), (32, parts), (36, 65_536), (40, params)];
    let store = |(at, word): &(u32, u32)| {
        format!("(i32.store offset={at} (i32.const 20000) (i32.const {word}))")
    };
    let stores: Vec<_> = words.iter().chain(&lists).map(store).collect();
    let stores = stores.concat();
    Guest {
        memory: "900",
        describe: leak(format!("{stores} (return (i32.const 20000))")),
        ..Guest::default()
    }
}

#[test]
fn the_same_with_honest_lengths_is_taken() {
    assert_eq!(lengths(4, 0, 0).load().info().name, "probe");
}

#[test]
fn a_million_parameters_or_parts() {
    refused(&lengths(0, 0, 1_000_000), "ended with output-too-large");
    refused(&lengths(0, 1_000_000, 0), "ended with output-too-large");
    refused(&lengths(0, 0, u32::MAX), "ended with trap");
    refused(
        &lengths(0, 0, 1_001),
        "1001 parameters, which is beyond 1000",
    );
    refused(&lengths(0, 1_001, 0), "1001 parts, which is beyond 1000");
}

#[test]
fn a_huge_doc() {
    refused(&lengths(2_000_000, 0, 0), "ended with output-too-large");
    refused(&lengths(u32::MAX, 0, 0), "ended with trap");
}

#[test]
fn huge_names() {
    let huge = leak("n".repeat(10_000));
    let guests = [
        Guest {
            name: huge,
            ..Guest::default()
        },
        Guest {
            parts: Box::leak(Box::new([huge])),
            ..Guest::default()
        },
        Guest {
            params: Box::leak(Box::new([(huge, "1")])),
            ..Guest::default()
        },
    ];
    for guest in guests {
        refused(&guest, "has 10000 bytes, which is beyond 256");
    }
}

#[test]
fn names_that_command_the_terminal() {
    let guests = [
        Guest {
            name: "math\x1b[2J",
            ..Guest::default()
        },
        Guest {
            parts: &["a\nb"],
            ..Guest::default()
        },
        Guest {
            params: &[("\x07", "1")],
            ..Guest::default()
        },
        // What turns the direction of writing, ends a line or can't be seen is no letter.
        Guest {
            parts: &["\u{202e}ab"],
            ..Guest::default()
        },
        Guest {
            parts: &["a\u{2028}b"],
            ..Guest::default()
        },
        Guest {
            params: &[("a\u{3164}", "1")],
            ..Guest::default()
        },
        // A table's column, and a value beside another.
        Guest {
            name: "math  1",
            ..Guest::default()
        },
        Guest {
            parts: &["a 1, total"],
            ..Guest::default()
        },
    ];
    for guest in guests {
        refused(&guest, "letters and digits of any script");
    }
}

#[test]
fn names_of_metrics_that_every_run_has() {
    for name in RESERVED.into_iter().chain(["outcome/trap"]) {
        let guest = Guest {
            parts: Box::leak(Box::new([name])),
            ..Guest::default()
        };
        refused(&guest, "which is the name of a metric");
    }
    let guest = Guest {
        name: "org/math",
        ..Guest::default()
    };
    refused(&guest, "a slash divides it from the names of its parts");
}

#[test]
fn empty_names() {
    refused(&lengths(0, 1, 0), "the name of a part is empty");
    refused(&lengths(0, 0, 1), "the name of a parameter is empty");
}

#[test]
fn defaults_that_break_the_parser() {
    let deep = leak(["[".repeat(20_000), "]".repeat(20_000)].concat());
    for default in [
        deep,
        " ",
        "{\"a\":",
        "1 2",
        "\"\\ud800\"",
        "NaN",
        leak("9".repeat(30_000) + "x"),
    ] {
        let guest = Guest {
            params: Box::leak(Box::new([("p", default)])),
            memory: "64",
            ..Guest::default()
        };
        refused(&guest, "the default of parameter `p` is not JSON");
    }
}

/// An empty default is none: whoever calls the plugin has to give the parameter.
#[test]
fn an_empty_default_has_to_be_given() {
    let guest = Guest {
        params: Box::leak(Box::new([("p", "")])),
        memory: "64",
        ..Guest::default()
    };
    let error = Scorer::new(&guest.load(), &Map::new(), Limits::default()).unwrap_err();
    assert!(
        error.to_string().contains("needs the parameter `p`"),
        "{error}"
    );
    let given = Map::from_iter([("p".to_owned(), 1.into())]);
    assert!(Scorer::new(&guest.load(), &given, Limits::default()).is_ok());
}

#[test]
fn a_scope_that_it_does_not_keep_to() {
    // It says that it judges batches and groups, but always answers once.
    for scope in [1, 2] {
        let guest = Guest {
            scope,
            count: "(i32.const 1)",
            ..Guest::default()
        };
        let mut samples = vec![Sample::single("x", "1"); 3];
        for scored in guest.scorer().score(&samples) {
            assert_eq!(scored.outcome, Outcome::ProtocolError);
            assert_eq!(scored.message.as_deref(), Some("1 results for 3 samples"));
        }
        samples.truncate(1);
        assert_eq!(guest.scorer().score(&samples)[0].outcome, Outcome::Score);
    }
}

#[test]
fn parts_that_it_never_gives_are_no_fault() {
    let guest = Guest {
        parts: &["accuracy", "format"],
        ..Guest::default()
    };
    let scored = guest.score_one();
    assert_eq!((scored.outcome, scored.parts.len()), (Outcome::Score, 0));
}
