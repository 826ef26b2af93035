//! Answers that are far too large, or larger than they look.

use rlhost_host::{Outcome, Sample, Scored, is_plain};

use super::leak;
use crate::guest::Guest;

fn judged(memory: &'static str, judge: &str) -> Scored {
    let guest = Guest {
        memory,
        judge: leak(judge.to_owned()),
        ..Guest::default()
    };
    let scored = guest.score_one();
    assert_eq!(
        (scored.total, scored.parts.len(), scored.steps.len()),
        (None, 0, 0)
    );
    assert!(scored.message.as_ref().unwrap().len() < 2_100);
    scored
}

#[test]
fn too_many_results() {
    for (count, outcome) in [
        ("(i32.const 1000000)", Outcome::OutputTooLarge),
        ("(i32.const -1)", Outcome::Trap),
        ("(i32.const 0x7fffffff)", Outcome::Trap),
    ] {
        let guest = Guest {
            memory: "900",
            count,
            ..Guest::default()
        };
        assert_eq!(guest.score_one().outcome, outcome, "{count}");
    }
}

/// Stores a list of `count` parts, all with a name of `length` bytes at 200000 and with the value 0.
fn parts(count: usize, length: usize) -> String {
    format!(
        "(local $i i32)
        (loop $l
            (i32.store offset=1000000 (i32.mul (local.get $i) (i32.const 16)) (i32.const 200000))
            (i32.store offset=1000004 (i32.mul (local.get $i) (i32.const 16)) (i32.const {length}))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const {count}))))
        (memory.fill (i32.const 200000) (i32.const 65) (i32.const {length}))
        (i32.store offset=16 (local.get $out) (i32.const 1000000))
        (i32.store offset=20 (local.get $out) (i32.const {count}))"
    )
}

#[test]
fn a_giant_name_of_a_part() {
    let scored = judged("64", &parts(1, 500_000));
    assert_eq!(scored.outcome, Outcome::ProtocolError);
    assert_eq!(
        scored.message.unwrap(),
        "the name of a part has 500000 bytes, which is beyond 256"
    );
}

#[test]
fn a_giant_name_that_stands_for_many() {
    // 60 names share 500,000 bytes of the guest, but would be 30 MB in the host.
    assert_eq!(
        judged("64", &parts(60, 500_000)).outcome,
        Outcome::OutputTooLarge
    );
}

#[test]
fn too_many_parts() {
    let scored = judged("64", &parts(20_000, 1));
    assert_eq!(scored.message.unwrap(), "20000 parts, which is beyond 1000");
    assert_eq!(
        judged("64", &parts(100_000, 1)).outcome,
        Outcome::OutputTooLarge
    );
}

#[test]
fn names_that_forge_lines_and_commands_of_the_terminal() {
    for (byte, shown) in [(10, "A\\nA"), (0, "A\\0A"), (27, "A\\u{1b}A")] {
        let write = format!("(i32.store8 (i32.const 200001) (i32.const {byte}))");
        let judge = parts(1, 3) + &write;
        let scored = judged("64", &judge);
        assert_eq!(scored.outcome, Outcome::ProtocolError);
        let message = scored.message.unwrap();
        assert!(
            message.contains(shown) && !message.contains(char::is_control),
            "{message:?}"
        );
    }
}

#[test]
fn parts_that_are_not_declared_forge_no_metric() {
    // Names of metrics of a run; a text that is written from right to left; a separator of lines.
    for name in [
        "outcome/trap",
        "greedy_score",
        "score",
        "\u{202e}ab",
        "a\u{2028}b",
    ] {
        let bytes: Vec<_> = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let bytes = bytes.concat();
        let guest = Guest {
            memory: "64",
            judge: leak(parts(1, name.len()).replace(
                &format!(
                    "(memory.fill (i32.const 200000) (i32.const 65) (i32.const {}))",
                    name.len()
                ),
                "",
            )),
            extra: leak(format!("(data (i32.const 200000) \"{bytes}\")")),
            ..Guest::default()
        };
        let scored = guest.score_one();
        assert_eq!(scored.outcome, Outcome::ProtocolError, "{name:?}");
        let message = scored.message.unwrap();
        assert!(message.contains("the name of a part is "), "{message}");
        assert!(message.chars().all(is_plain), "{message:?}");
    }
}

#[test]
fn millions_of_steps() {
    let steps = |count: u32| {
        format!(
            "(i32.store offset=24 (local.get $out) (i32.const 65536))
            (i32.store offset=28 (local.get $out) (i32.const {count}))"
        )
    };
    assert_eq!(
        judged("900", &steps(1_500_000)).outcome,
        Outcome::OutputTooLarge
    );
    assert_eq!(judged("16", &steps(2_000_000)).outcome, Outcome::Trap);
    assert_eq!(judged("16", &steps(u32::MAX)).outcome, Outcome::Trap);
}

#[test]
fn a_huge_answer_does_not_spoil_the_next() {
    // Every other response makes the guest answer with 30 MB.
    let guest = Guest {
        memory: "64",
        judge: leak(format!(
            "(if (i32.eq (i32.load8_u (i32.load (i32.load offset=12 (local.get $sample)))) (i32.const 104)) (then {}))",
            parts(60, 500_000).replace("(local $i i32)", "")
        )),
        extra: "(func $unused)",
        ..Guest::default()
    };
    let guest = Guest {
        judge: leak(format!("(local $i i32) {}", guest.judge)),
        ..guest
    };
    let samples: Vec<_> = ["h", "s"]
        .repeat(50)
        .into_iter()
        .map(|text| Sample::single(text, "1"))
        .collect();
    let scored = guest.scorer().score(&samples);
    for (i, scored) in scored.iter().enumerate() {
        let wanted = [Outcome::OutputTooLarge, Outcome::Score][i % 2];
        assert_eq!(scored.outcome, wanted, "{i}");
    }
}
