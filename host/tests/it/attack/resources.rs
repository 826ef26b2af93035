//! Bombs: guests that want all time, memory, tables or stack. More of them are in `limits.rs`.

use std::time::{Duration, Instant};

use rlhost_host::{Error, Image, Outcome, Sample};

use super::{leak, little_fuel, load};
use crate::guest::{Guest, IMAGE_IMPORTS, score_one};

/// A sample with a picture of 1,000 x 100 pixels.
fn with_image() -> Sample {
    Sample {
        images: vec![Image::from_rgb(1_000, 100, vec![7; 300_000]).unwrap()],
        ..Sample::single("a response", "1")
    }
}

/// No cheap operation does much work: all of these meet the end of their fuel, and soon.
#[test]
fn no_operation_evades_fuel() {
    const IMAGE: &str = "(local $image i32)
        (local.set $image (i32.load (i32.load offset=68 (local.get $sample))))";
    let extra = r#"(table $t 60000 funcref) (table $u 60000 funcref) (elem declare func $f) (func $f)
        (memory $other 1)
        (data $passive "0123456789abcdef") (elem $items func $f $f $f $f)"#;
    let attacks = [
        ("loop", "(loop $l (br $l))"),
        ("call", "(loop $l (call $f) (br $l))"),
        (
            "image.width",
            "(loop $l (drop (call $width (local.get $image))) (br $l))",
        ),
        (
            "image.height",
            "(loop $l (drop (call $height (local.get $image))) (br $l))",
        ),
        // The answer goes to the same place each time: the heap is moved back.
        (
            "image.rgb",
            "(loop $l (global.set $heap (i32.const 65536)) (call $rgb (local.get $image) (i32.const 20000)) (br $l))",
        ),
        (
            "memory.fill",
            "(loop $l (memory.fill (i32.const 65536) (i32.const 1) (i32.const 900000)) (br $l))",
        ),
        (
            "memory.copy",
            "(loop $l (memory.copy (i32.const 65536) (i32.const 65537) (i32.const 900000)) (br $l))",
        ),
        (
            "memory.init",
            "(loop $l (memory.init $passive (i32.const 65536) (i32.const 0) (i32.const 16)) (br $l))",
        ),
        (
            "memory.grow",
            "(loop $l (drop (memory.grow (i32.const 0))) (br $l))",
        ),
        ("memory.size", "(loop $l (drop (memory.size)) (br $l))"),
        (
            "table.fill",
            "(loop $l (table.fill $t (i32.const 0) (ref.func $f) (i32.const 60000)) (br $l))",
        ),
        (
            "table.copy",
            "(loop $l (table.copy $t $u (i32.const 0) (i32.const 0) (i32.const 60000)) (br $l))",
        ),
        (
            "table.init",
            "(loop $l (table.init $t $items (i32.const 0) (i32.const 0) (i32.const 4)) (br $l))",
        ),
        (
            "table.grow",
            "(loop $l (drop (table.grow $t (ref.null func) (i32.const 0))) (br $l))",
        ),
        (
            "table.get",
            "(loop $l (drop (table.get $t (i32.const 9))) (br $l))",
        ),
        ("ref.func", "(loop $l (drop (ref.func $f)) (br $l))"),
    ];
    for (name, attack) in attacks {
        let guest = Guest {
            imports: IMAGE_IMPORTS,
            extra,
            judge: leak(format!("{IMAGE} {attack}")),
            ..Guest::default()
        };
        let scorer = guest.limited(little_fuel());
        let start = Instant::now();
        let scored = score_one(&scorer, with_image());
        assert_eq!(
            (scored.outcome, scored.fuel),
            (Outcome::BudgetExhausted, 20_000_000),
            "{name}: {scored:?}"
        );
        // It takes some hundredths of a second; what takes seconds is not paid for.
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{name}: {:?}",
            start.elapsed()
        );
    }
}

/// A function that runs before any export does.
fn starting(start: &str, more: &str) -> Guest {
    Guest {
        extra: leak(format!("{more} (func $start {start}) (start $start)")),
        ..Guest::default()
    }
}

#[test]
fn a_start_function_is_under_the_same_limits() {
    let deep = "(func $deep (param i64) (result i64) (i64.mul (local.get 0) (call $deep (i64.add (local.get 0) (i64.const 1)))))";
    for (start, more, outcome) in [
        ("(unreachable)", "", "trap"),
        ("(drop (i32.load (i32.const -8)))", "", "trap"),
        ("(loop $l (br $l))", "", "budget-exhausted"),
        (
            "(drop (memory.grow (i32.const 60000)))",
            "",
            "memory-exhausted",
        ),
        (
            "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
            "",
            "memory-exhausted",
        ),
        (
            "(drop (table.grow $t (ref.null func) (i32.const 100000)))",
            "(table $t 0 funcref)",
            "memory-exhausted",
        ),
        ("(drop (call $deep (i64.const 1)))", deep, "stack-exhausted"),
    ] {
        match load(&starting(start, more).component()).unwrap_err() {
            Error::Describe { message, .. } => {
                assert!(
                    message.contains(&format!("ended with {outcome}")),
                    "{start}: {message}"
                );
            }
            other => panic!("{start}: {other}"),
        }
    }
}

#[test]
fn a_start_function_is_paid_for_by_every_sample() {
    let start = "(local $i i32) (local.set $i (i32.const 10000000))
        (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))";
    let guest = starting(start, "");
    assert!(guest.score_one().fuel > 40_000_000);
    let scored = score_one(&guest.limited(little_fuel()), Sample::default());
    assert_eq!(scored.outcome, Outcome::BudgetExhausted);
}

#[test]
fn segments_beyond_memory_and_tables_are_traps() {
    for extra in [
        r#"(data (i32.const 1048570) "0123456789")"#,
        "(table $t 1 funcref) (elem (table $t) (i32.const 1) func $f) (func $f)",
    ] {
        let guest = Guest {
            extra,
            ..Guest::default()
        };
        match load(&guest.component()).unwrap_err() {
            Error::Describe { message, .. } => {
                assert!(message.contains("ended with trap"), "{message}");
            }
            other => panic!("{extra}: {other}"),
        }
    }
}

#[test]
fn all_memories_count_together() {
    let guest = Guest {
        extra: "(memory $b 1) (memory $c 1)",
        ..Guest::judging(
            "(loop $l
                (drop (memory.grow (i32.const 100)))
                (drop (memory.grow $b (i32.const 100)))
                (drop (memory.grow $c (i32.const 100)))
                (br $l))",
        )
    };
    assert_eq!(guest.score_one().outcome, Outcome::MemoryExhausted);
}

#[test]
fn a_memory_or_table_that_is_large_from_the_start_is_too_much() {
    let guests = [
        Guest {
            memory: "65536",
            ..Guest::default()
        },
        Guest {
            extra: "(memory $b 60000)",
            ..Guest::default()
        },
        Guest {
            extra: "(table 10000000 funcref)",
            ..Guest::default()
        },
    ];
    for guest in guests {
        match load(&guest.component()).unwrap_err() {
            // Where there is a pool, the engine sees at once that it does not fit.
            Error::Corrupt { .. } => {}
            Error::Describe { message, .. } => {
                assert!(message.contains("ended with memory-exhausted"), "{message}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn more_memories_tables_and_instances_than_there_may_be_are_refused() {
    let many = |item: &str, count| Guest {
        extra: leak(item.repeat(count)),
        ..Guest::default()
    };
    let instances = format!(
        "(component (core module $m (memory 1)) {})",
        "(core instance (instantiate $m))".repeat(1_000)
    );
    for (what, bytes) in [
        ("memories", many("(memory 1)", 50).component()),
        ("tables", many("(table 1 funcref)", 90).component()),
        ("instances", wat::parse_str(instances).unwrap()),
    ] {
        let error = load(&bytes).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{what}: {error}");
    }
}

#[test]
fn many_globals_and_functions_do_no_harm() {
    let globals = Guest {
        extra: leak("(global (mut i64) (i64.const 5))".repeat(20_000)),
        ..Guest::default()
    };
    let functions = Guest {
        extra: leak("(func)".repeat(20_000)),
        ..Guest::default()
    };
    for guest in [globals, functions] {
        assert_eq!(guest.score_one().outcome, Outcome::Score);
    }
}

#[test]
fn a_dropped_and_a_forged_handle_are_traps() {
    let drop =
        r#"(import "rlhost:plugin/types@0.1.0" "[resource-drop]image" (func $drop (param i32)))"#;
    let handle = "(i32.load (i32.load offset=68 (local.get $sample)))";
    for attack in [
        format!("(call $drop {handle}) (drop (call $width {handle}))"),
        format!("(call $drop {handle}) (call $drop {handle})"),
        "(drop (call $width (i32.const 0)))".to_owned(),
        "(drop (call $width (i32.const 77)))".to_owned(),
        "(drop (call $width (i32.const -1)))".to_owned(),
        "(call $rgb (i32.const 123456) (i32.const 20000))".to_owned(),
        // The pixels' place is the guest's own affair, but not beyond its memory.
        format!("(call $rgb {handle} (i32.const -16))"),
        format!("(global.set $heap (i32.const 1048000)) (call $rgb {handle} (i32.const 20000))"),
    ] {
        let guest = Guest {
            imports: leak(format!("{IMAGE_IMPORTS} {drop}")),
            judge: leak(attack.clone()),
            ..Guest::default()
        };
        let scored = score_one(&guest.scorer(), with_image());
        assert_eq!(scored.outcome, Outcome::Trap, "{attack}: {scored:?}");
    }
}
