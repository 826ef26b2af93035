//! Answers that break the contract.

use rlhost_host::{Limits, Outcome, Sample};

use crate::guest::{Guest, score_one};

fn broken(guest: &Guest, message: &str) {
    let scored = guest.score_one();
    assert_eq!(
        scored.outcome,
        Outcome::ProtocolError,
        "{message}: {scored:?}"
    );
    assert_eq!(
        (scored.total, scored.parts.len(), scored.steps.len()),
        (None, 0, 0)
    );
    assert_eq!(scored.message.as_deref(), Some(message));
}

#[test]
fn the_count_must_be_right() {
    for (count, results) in [("(i32.const 0)", 0), ("(i32.const 2)", 2)] {
        let guest = Guest {
            count,
            ..Guest::default()
        };
        broken(&guest, &format!("{results} results for 1 samples"));
    }
}

#[test]
fn the_total_must_be_finite() {
    broken(
        &Guest::judging(
            "(f64.store offset=8 (local.get $out) (f64.div (f64.const 0) (f64.const 0)))",
        ),
        "the total is NaN",
    );
    broken(
        &Guest::judging("(f64.store offset=8 (local.get $out) (f64.const -inf))"),
        "the total is -inf",
    );
    // Sums of such totals would not be.
    broken(
        &Guest::judging("(f64.store offset=8 (local.get $out) (f64.const 1e31))"),
        "the total is 1e31, which is beyond 1e30",
    );
}

/// Two parts at 16384, the first "ab" = 1, the second named by 2 bytes at 16450.
const TWO_PARTS: &str = r#"
    (data (i32.const 16384) "\40\40\00\00\02\00\00\00\00\00\00\00\00\00\f0\3f\42\40\00\00\02\00\00\00\00\00\00\00\00\00\f0\3f")
    (data (i32.const 16448) "ab")"#;
const RETURN_PARTS: &str = "(i32.store offset=16 (local.get $out) (i32.const 16384))
    (i32.store offset=20 (local.get $out) (i32.const 2))";

#[test]
fn parts_must_be_finite_declared_and_single() {
    let guest = |extra: &'static str, parts| Guest {
        parts,
        extra,
        ..Guest::judging(RETURN_PARTS)
    };
    let twice: &'static str =
        Box::leak(format!("{TWO_PARTS} (data (i32.const 16450) \"ab\")").into());
    broken(&guest(twice, &[]), "part `ab` stands twice");
    let other: &'static str =
        Box::leak(format!("{TWO_PARTS} (data (i32.const 16450) \"cd\")").into());
    broken(
        &guest(other, &["ab"]),
        "part `cd` is not among those of `describe`",
    );
    assert_eq!(
        guest(other, &["ab", "cd"]).score_one().outcome,
        Outcome::Score
    );
    assert_eq!(guest(other, &[]).score_one().outcome, Outcome::Score);
    let infinite: &'static str = Box::leak(
        format!("{other} (data (i32.const 16408) \"\\00\\00\\00\\00\\00\\00\\f0\\7f\")").into(),
    );
    broken(&guest(infinite, &[]), "part `cd` is inf");
}

#[test]
fn steps_must_lie_in_the_response() {
    // One step at 16384: turn, whether there is an end, the end, the value.
    let step = |turn: u8, end: u8, value: &str| -> Guest {
        let extra = format!(
            "(data (i32.const 16384) \"\\{turn:02x}\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\\{end:02x}\\00\\00\\00\\00\\00\\00\\00{value}\")"
        );
        Guest {
            extra: Box::leak(extra.into()),
            ..Guest::judging(
                "(i32.store offset=24 (local.get $out) (i32.const 16384))
                (i32.store offset=28 (local.get $out) (i32.const 1))",
            )
        }
    };
    let one = "\\00\\00\\00\\00\\00\\00\\f0\\3f";
    // "a response" has 10 bytes.
    assert_eq!(step(0, 10, one).score_one().outcome, Outcome::Score);
    broken(
        &step(0, 11, one),
        "step 0 ends at byte 11 of turn 0, which is no UTF-8 boundary of its 10 bytes",
    );
    broken(
        &step(1, 0, one),
        "step 0 is in turn 1, but the response has 1",
    );
    broken(
        &step(0, 1, "\\00\\00\\00\\00\\00\\00\\f8\\7f"),
        "step 0 is NaN",
    );
    // "ö" has two bytes.
    let scorer = step(0, 1, one).limited(Limits::default());
    let scored = score_one(&scorer, Sample::single("ö", "1"));
    assert_eq!(scored.outcome, Outcome::ProtocolError);
}

#[test]
fn traps_and_broken_pointers_are_traps() {
    for (judge, message) in [
        (
            "(unreachable)",
            "wasm trap: wasm `unreachable` instruction executed",
        ),
        (
            "(drop (i32.div_u (i32.const 1) (i32.load (i32.const 30000))))",
            "wasm trap: integer divide by zero",
        ),
        (
            "(drop (i32.load (i32.const 0x7fffffff)))",
            "wasm trap: out of bounds memory access",
        ),
        (
            "(i32.store offset=16 (local.get $out) (i32.const 0x7ffffff8))
            (i32.store offset=20 (local.get $out) (i32.const 1))",
            "list pointer/length out of bounds of memory",
        ),
        // A failure whose text is one byte that is not UTF-8.
        (
            "(i32.store8 (i32.const 30000) (i32.const 255))
            (i32.store8 (local.get $out) (i32.const 1))
            (i32.store offset=12 (local.get $out) (i32.const 30000))
            (i32.store offset=16 (local.get $out) (i32.const 1))",
            "invalid utf-8",
        ),
        // A result that is neither.
        (
            "(i32.store8 (local.get $out) (i32.const 9))",
            "invalid expected discriminant",
        ),
    ] {
        let scored = Guest::judging(judge).score_one();
        assert_eq!(scored.outcome, Outcome::Trap, "{judge}: {scored:?}");
        let got = scored.message.unwrap();
        assert!(got.contains(message), "{got}");
    }
}

#[test]
fn a_traps_message_names_functions() {
    let guest = Guest {
        extra: "(func $divide_pears (drop (i32.div_u (i32.const 1) (i32.load (i32.const 30000)))))",
        ..Guest::judging("(call $divide_pears)")
    };
    let message = guest.score_one().message.unwrap();
    assert!(message.contains("divide_pears < judge"), "{message}");
}
