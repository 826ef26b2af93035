//! What a guest may use, and what happens when it wants more.

use std::thread;
use std::time::{Duration, Instant};

use rlhost_host::{Error, Host, Image, Limits, Outcome, Sample, Scorer};
use serde_json::Map;

use crate::guest::{Guest, IMAGE_IMPORTS, score_one};

#[test]
fn an_endless_loop_uses_up_its_fuel() {
    let limits = Limits {
        fuel: 5_000_000,
        ..Limits::default()
    };
    let scorer = Guest::judging("(loop $l (br $l))").limited(limits);
    let scored = score_one(&scorer, Sample::default());
    assert_eq!(
        (scored.outcome, scored.fuel),
        (Outcome::BudgetExhausted, 5_000_000)
    );
    assert_eq!(scored.total, None);
}

#[test]
fn a_group_gets_fuel_for_every_sample() {
    // About 3 million operations a sample.
    let guest = Guest {
        scope: 1,
        ..Guest::judging(
            "(local $i i32) (local.set $i (i32.const 600000))
            (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))",
        )
    };
    let limits = Limits {
        fuel: 5_000_000,
        ..Limits::default()
    };
    let scored = guest.limited(limits).score(&vec![Sample::default(); 4]);
    assert_eq!(scored[3].outcome, Outcome::Score);
    assert!(scored[0].fuel > 5_000_000);
}

#[test]
fn memory_ends_at_its_limit() {
    let bombs = [
        // Page by page, whatever comes back.
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
        // At once: more than the limit, and more than 32 bits can address.
        "(drop (memory.grow (i32.const 2000)))",
        "(drop (memory.grow (i32.const 65535)))",
        // As a Rust guest does: a refused growth becomes a panic.
        "(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable))) (br $l))",
    ];
    for bomb in bombs {
        let scored = Guest::judging(bomb).score_one();
        assert_eq!(scored.outcome, Outcome::MemoryExhausted, "{bomb}");
        assert!(scored.message.unwrap().contains("67108864"), "{bomb}");
    }
}

#[test]
fn memory_that_a_guest_starts_with_counts() {
    let limits = Limits {
        memory: 1 << 20,
        ..Limits::default()
    };
    let guest = |memory| Guest {
        memory,
        ..Guest::default()
    };
    let scored = score_one(&guest("17").limited(limits), Sample::default());
    assert_eq!(scored.outcome, Outcome::MemoryExhausted);
    let scored = score_one(&guest("16").limited(limits), Sample::default());
    assert_eq!(scored.outcome, Outcome::Score);
}

#[test]
fn tables_count_as_memory() {
    let guest = Guest {
        extra: "(table $t 0 funcref)",
        ..Guest::judging(
            "(loop $l (drop (table.grow $t (ref.null func) (i32.const 10000))) (br $l))",
        )
    };
    assert_eq!(guest.score_one().outcome, Outcome::MemoryExhausted);
}

#[test]
fn a_guests_own_maximum_is_its_own_affair() {
    let guest = Guest {
        memory: "16 20",
        ..Guest::judging(
            "(f64.store offset=8 (local.get $out) (f64.convert_i32_s (memory.grow (i32.const 5))))",
        )
    };
    assert_eq!(guest.score_one().total, Some(-1.0));
}

#[test]
fn growing_memory_costs_fuel() {
    let fuel = |judge| Guest::judging(judge).score_one().fuel;
    let none = fuel("(drop (memory.grow (i32.const 0)))");
    let sixteen = fuel("(drop (memory.grow (i32.const 16)))");
    assert_eq!(sixteen - none, 16 * 255);
}

/// Each of them takes as long as so many plain operations, at the least.
#[test]
fn dear_operators_cost_what_they_take() {
    let fuel = |judge: String| {
        let guest = Guest {
            extra:
                "(table $t 100 funcref) (elem $e func $f $f $f $f) (elem declare func $f) (func $f)
                (data $d \"0123\") (type $unit (func))",
            ..Guest::judging(judge.leak())
        };
        guest.score_one().fuel
    };
    let none = fuel(String::new());
    for (operator, least) in [
        ("(loop)", 1),
        ("(call $f)", 3),
        ("(call_indirect $t (type $unit) (i32.const 0))", 10),
        ("(drop (ref.func $f))", 40),
        ("(elem.drop $e)", 10),
        ("(data.drop $d)", 2),
        (
            "(memory.copy (i32.const 64) (i32.const 64) (i32.const 0))",
            5,
        ),
        (
            "(memory.fill (i32.const 64) (i32.const 64) (i32.const 0))",
            5,
        ),
        (
            "(memory.init $d (i32.const 64) (i32.const 0) (i32.const 0))",
            5,
        ),
        (
            "(table.fill $t (i32.const 0) (ref.null func) (i32.const 0))",
            5,
        ),
        (
            "(table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 0))",
            5,
        ),
        (
            "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 4))",
            24,
        ),
        ("(drop (memory.grow (i32.const 0)))", 255),
        ("(drop (table.grow $t (ref.null func) (i32.const 0)))", 255),
        ("(drop (f64.sqrt (f64.const 2)))", 5),
        ("(drop (i64.div_s (i64.const 7) (i64.const 2)))", 4),
        (
            "(drop (f32x4.convert_i32x4_u (v128.const i32x4 1 2 3 4)))",
            4,
        ),
    ] {
        let once = if operator.starts_with("(call_indirect") {
            // The table holds nothing else, and filling it is no part of the price.
            let filled = "(table.set $t (i32.const 0) (ref.func $f))";
            fuel(format!("{filled} {operator}")) - fuel(filled.to_owned())
        } else {
            fuel(operator.to_owned()) - none
        };
        assert!(once >= least, "{operator}: {once}");
    }
}

/// A call must not touch every page of a frame that it makes no use of.
#[test]
fn a_call_costs_as_much_time_whatever_its_frame() {
    let calls = |values: usize| {
        let loads: Vec<_> = (0..values)
            .map(|i| format!("(i64.load offset={} (local.get 0))", 8 * i))
            .collect();
        let loads = loads.concat();
        let adds = "(i64.add)".repeat(values - 1);
        Guest {
            extra: format!(
                "(global $sum (mut i64) (i64.const 0)) (func $f (param i32)
                    (if (i32.eqz (local.get 0)) (then (return))) {loads} {adds} (global.set $sum))"
            )
            .leak(),
            ..Guest::judging(
                "(local $i i32) (local.set $i (i32.const 50000))
                (loop $l (call $f (i32.const 0))
                    (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))",
            )
        }
        .scorer()
    };
    let least = |scorer: &Scorer| {
        let time = || {
            let start = Instant::now();
            let scored = score_one(scorer, Sample::default());
            assert_eq!(scored.outcome, Outcome::Score);
            start.elapsed()
        };
        (0..10).map(|_| time()).min().unwrap()
    };
    // 8 KiB in 2 pages, 64 KiB in 16.
    let (small, large) = (calls(1 << 10), calls(1 << 13));
    let (small, large) = (least(&small), least(&large));
    assert!(large < 4 * small, "{large:?} and {small:?}");
}

#[test]
fn host_calls_cost_1000_and_their_bytes() {
    let image = |width| Sample {
        images: vec![Image::from_rgb(width, 1, vec![0; width as usize * 3]).unwrap()],
        ..Sample::default()
    };
    let guest = |judge| Guest {
        imports: IMAGE_IMPORTS,
        ..Guest::judging(judge)
    };
    // The handle is loaded in both, so one call is the only difference: its operator and its charge.
    let one = guest("(drop (call $width (i32.load (i32.load offset=68 (local.get $sample)))))");
    let two = guest(
        "(local $image i32) (local.set $image (i32.load (i32.load offset=68 (local.get $sample))))
        (drop (call $width (local.get $image))) (drop (call $width (local.get $image)))",
    );
    let difference =
        score_one(&two.scorer(), image(1)).fuel - score_one(&one.scorer(), image(1)).fuel;
    assert!((1004..1020).contains(&difference), "{difference}");

    let pixels =
        guest("(call $rgb (i32.load (i32.load offset=68 (local.get $sample))) (i32.const 20000))");
    let scorer = pixels.scorer();
    let difference = score_one(&scorer, image(50)).fuel - score_one(&scorer, image(10)).fuel;
    assert_eq!(difference, 40 * 3);

    let limits = Limits {
        fuel: 20_000,
        ..Limits::default()
    };
    let scorer = pixels.limited(limits);
    assert_eq!(score_one(&scorer, image(1_000)).outcome, Outcome::Score);
    let scored = score_one(&scorer, image(10_000));
    assert_eq!(
        (scored.outcome, scored.fuel),
        (Outcome::BudgetExhausted, 20_000)
    );
}

/// A function with much on its stack that calls itself for ever.
const DEEP: &str = "(func $deep (param i64 i64 i64 i64) (result i64)
    (i64.add (call $deep (local.get 1) (local.get 2) (local.get 3) (i64.add (local.get 0) (i64.const 1)))
        (i64.mul (local.get 0) (i64.add (local.get 1) (i64.mul (local.get 2) (local.get 3))))))";

#[test]
fn recursion_ends_at_the_stacks_end() {
    let guest = Guest {
        extra: DEEP,
        ..Guest::judging(
            "(drop (call $deep (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))",
        )
    };
    assert_eq!(guest.score_one().outcome, Outcome::StackExhausted);

    // A caller's own stack may be far too small for a guest, and so may the host's default for threads.
    let limits = Limits {
        stack: 8 << 20,
        ..Limits::default()
    };
    let host = Host::builder()
        .threads(2)
        .limits(limits)
        .cache(None)
        .build()
        .unwrap();
    let scorer = Scorer::new(&guest.load_into(&host), &Map::new(), limits).unwrap();
    let caller = thread::Builder::new().stack_size(128 << 10);
    let scored = caller
        .spawn(move || scorer.score(&vec![Sample::default(); 8]))
        .unwrap();
    for scored in scored.join().unwrap() {
        assert_eq!(scored.outcome, Outcome::StackExhausted);
    }
}

#[test]
fn the_stack_is_the_hosts() {
    let plugin = Guest::default().load();
    let limits = Limits {
        stack: 1 << 20,
        ..Limits::default()
    };
    let error = Scorer::new(&plugin, &Map::new(), limits).unwrap_err();
    assert!(
        matches!(&error, Error::Limits(message) if message.contains("8388608")),
        "{error}"
    );
}

#[test]
fn senseless_limits_are_refused() {
    for limits in [
        Limits {
            fuel: 0,
            ..Limits::default()
        },
        Limits {
            memory: 1,
            ..Limits::default()
        },
        Limits {
            output: 0,
            ..Limits::default()
        },
        Limits {
            stack: 1 << 40,
            ..Limits::default()
        },
    ] {
        assert!(matches!(
            Host::builder().limits(limits).build(),
            Err(Error::Limits(_))
        ));
    }
    let unknown = serde_json::from_str::<Limits>(r#"{"fule": 1}"#).unwrap_err();
    assert!(unknown.to_string().contains("fule"));
    assert_eq!(
        serde_json::from_str::<Limits>("{}").unwrap(),
        Limits::default()
    );
}

#[test]
fn an_answer_may_be_only_so_large() {
    // A failure whose text is as many letters as the response has tokens.
    let guest = Guest {
        memory: "64",
        ..Guest::judging(
            "(memory.fill (i32.const 200000) (i32.const 65) (i32.const 3000000))
            (i32.store8 (local.get $out) (i32.const 1))
            (i32.store offset=12 (local.get $out) (i32.const 200000))
            (i32.store offset=16 (local.get $out) (i32.load offset=12 (i32.load offset=12 (local.get $sample))))",
        )
    };
    let sample = |bytes| {
        let mut sample = Sample::single("x", "1");
        sample.response[0].tokens = bytes;
        sample
    };
    let scorer = guest.scorer();
    assert_eq!(
        score_one(&scorer, sample(1_000_000)).outcome,
        Outcome::InvalidReference
    );
    let scored = score_one(&scorer, sample(1_050_000));
    assert_eq!(scored.outcome, Outcome::OutputTooLarge);
    // Messages are kept only in part.
    assert!(score_one(&scorer, sample(1_000_000)).message.unwrap().len() < 2_100);
}

#[test]
fn the_clock_is_only_a_safety_net() {
    let deadline = Duration::from_millis(5);
    let host = Host::builder()
        .threads(1)
        .deadline(deadline)
        .cache(None)
        .build()
        .unwrap();
    let plugin = Guest::judging("(loop $l (br $l))").load_into(&host);
    // With more fuel there is more time, but not without end.
    for (fuel, times) in [
        (1_000_000_000, 1),
        (10_000_000_000, 10),
        (i64::MAX as u64, 60),
    ] {
        let limits = Limits {
            fuel,
            ..Limits::default()
        };
        let scorer = Scorer::new(&plugin, &Map::new(), limits).unwrap();
        let start = Instant::now();
        let scored = score_one(&scorer, Sample::default());
        assert_eq!(
            (scored.outcome, scored.total, scored.fuel),
            (Outcome::HostFault, None, 0)
        );
        // It was tried twice.
        let took = start.elapsed();
        assert!(took >= 2 * times * deadline, "{took:?}");
    }
}

/// Eight times as many calls as processors: each gets an eighth of one, and the deadline passes on the wall.
#[test]
fn the_load_of_the_machine_decides_nothing() {
    let threads = 8 * thread::available_parallelism().unwrap().get();
    let host = Host::builder()
        .threads(threads)
        .deadline(Duration::from_millis(150))
        .cache(None)
        .build()
        .unwrap();
    let guest = Guest::judging(
        "(local $i i32) (local.set $i (i32.const 60000000))
        (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))",
    );
    let scorer = Scorer::new(&guest.load_into(&host), &Map::new(), host.limits()).unwrap();
    let start = Instant::now();
    let scored = scorer.score(&vec![Sample::default(); threads]);
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(150),
        "too fast for a test: {took:?}"
    );
    for scored in scored {
        assert_eq!(scored.outcome, Outcome::Score, "{scored:?}");
    }
}

#[test]
fn a_deadline_may_be_as_long_as_one_likes() {
    let host = Host::builder()
        .threads(1)
        .deadline(Duration::MAX)
        .cache(None)
        .build()
        .unwrap();
    let scorer = Scorer::new(
        &Guest::default().load_into(&host),
        &Map::new(),
        host.limits(),
    )
    .unwrap();
    assert_eq!(
        score_one(&scorer, Sample::default()).outcome,
        Outcome::Score
    );
}
