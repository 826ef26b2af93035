//! Nothing comes from one instance to the next, on whatever slot of the pool it runs.

use rlhost_host::{Host, Limits, Sample, Scorer};
use serde_json::Map;

use super::load_into;
use crate::guest::{Folder, Guest};

/// Where the response starts with `w`, writes a pattern to all that an instance has: memory that was there,
/// memory that it grew, a second memory, globals and tables. Elsewhere it counts what is not as in a new
/// instance.
fn smuggler() -> Guest {
    Guest {
        memory: "16",
        extra: r"
    (memory $second 2)
    (table $table 64 funcref)
    (global $small (mut i32) (i32.const 0))
    (global $large (mut i64) (i64.const 0))
    (global $float (mut f64) (f64.const 0))
    (global $function (mut funcref) (ref.null func))
    (elem declare func $mark)
    (func $mark)
    (func $write (local $i i32)
        (drop (memory.grow (i32.const 60)))
        (drop (memory.grow $second (i32.const 20)))
        (memory.fill (i32.const 16384) (i32.const 0xab) (i32.const 49152))
        (memory.fill (global.get $heap) (i32.const 0xab)
            (i32.sub (i32.mul (memory.size) (i32.const 65536)) (global.get $heap)))
        (memory.fill $second (i32.const 0) (i32.const 0xab) (i32.mul (memory.size $second) (i32.const 65536)))
        (drop (table.grow $table (ref.func $mark) (i32.const 1000)))
        (table.fill $table (i32.const 0) (ref.func $mark) (table.size $table))
        (global.set $small (i32.const 7))
        (global.set $large (i64.const 7))
        (global.set $float (f64.const 7))
        (global.set $function (ref.func $mark)))
    (func $count (result i32) (local $at i32) (local $found i32)
        (local.set $found (i32.add
            (i32.add (global.get $small) (i32.wrap_i64 (global.get $large)))
            (i32.trunc_f64_u (global.get $float))))
        (if (i32.eqz (ref.is_null (global.get $function)))
            (then (local.set $found (i32.add (local.get $found) (i32.const 1)))))
        (local.set $found (i32.add (local.get $found) (i32.sub (memory.size) (i32.const 16))))
        (local.set $found (i32.add (local.get $found) (i32.sub (memory.size $second) (i32.const 2))))
        (local.set $found (i32.add (local.get $found) (i32.sub (table.size $table) (i32.const 64))))
        (drop (memory.grow (i32.const 80)))
        (drop (memory.grow $second (i32.const 40)))
        (drop (table.grow $table (ref.null func) (i32.const 2000)))
        (local.set $at (i32.const 16384))
        (loop $fixed
            (local.set $found (i32.add (local.get $found) (i64.ne (i64.const 0) (i64.load (local.get $at)))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $fixed (i32.lt_u (local.get $at) (i32.const 65536))))
        (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (loop $grown
            (local.set $found (i32.add (local.get $found) (i64.ne (i64.const 0) (i64.load (local.get $at)))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $grown (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
        (local.set $at (i32.const 0))
        (loop $other
            (local.set $found (i32.add (local.get $found) (i64.ne (i64.const 0) (i64.load $second (local.get $at)))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $other (i32.lt_u (local.get $at) (i32.mul (memory.size $second) (i32.const 65536)))))
        (local.set $at (i32.const 0))
        (loop $items
            (local.set $found (i32.add (local.get $found)
                (i32.eqz (ref.is_null (table.get $table (local.get $at))))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $items (i32.lt_u (local.get $at) (table.size $table))))
        (local.get $found))",
        ..Guest::judging(
            "(if (i32.eq (i32.load8_u (i32.load (i32.load offset=12 (local.get $sample)))) (i32.const 119))
                (then (call $write) (f64.store offset=8 (local.get $out) (f64.convert_i32_u (memory.size))))
                (else (f64.store offset=8 (local.get $out) (f64.convert_i32_u (call $count)))))",
        )
    }
}

fn samples(pattern: &str, times: usize) -> Vec<Sample> {
    pattern
        .repeat(times)
        .chars()
        .map(|c| Sample::single(c.to_string(), "1"))
        .collect()
}

fn host(threads: usize) -> Host {
    Host::builder()
        .threads(threads)
        .cache(None)
        .build()
        .unwrap()
}

fn check(scorer: &Scorer, samples: &[Sample]) {
    for (sample, scored) in samples.iter().zip(scorer.score(samples)) {
        let wanted = if sample.response[0].text == "w" {
            76.0
        } else {
            0.0
        };
        assert_eq!(scored.total, Some(wanted), "{scored:?}");
    }
}

#[test]
fn the_smuggler_sees_what_it_wrote_itself() {
    // Were an instance used twice, the tests below would notice.
    let guest = Guest {
        judge: "(call $write) (f64.store offset=8 (local.get $out) (f64.convert_i32_u (call $count)))",
        ..smuggler()
    };
    assert!(guest.score_one().total.unwrap() > 5e5);
}

#[test]
fn memory_tables_and_globals_are_new_for_every_sample() {
    for threads in [1, 2] {
        let host = host(threads);
        let limits = Limits::default();
        let scorer = Scorer::new(&smuggler().load_into(&host), &Map::new(), limits).unwrap();
        // With one thread there are two slots: each is written to and read many times.
        check(&scorer, &samples("wr", 25));
        check(&scorer, &samples("wwwrrr", 8));
    }
}

#[test]
fn what_another_plugin_left_is_gone() {
    let host = host(1);
    let writer = Scorer::new(&smuggler().load_into(&host), &Map::new(), Limits::default()).unwrap();
    // Other code and other first contents of memory, so the slot has another image.
    let reader = Guest {
        name: "another",
        ..smuggler()
    };
    let reader = load_into(&host, &reader.component()).unwrap();
    let reader = Scorer::new(&reader, &Map::new(), Limits::default()).unwrap();
    for _ in 0..15 {
        check(&writer, &samples("w", 2));
        check(&reader, &samples("r", 2));
    }
}

#[test]
fn what_a_trapped_or_exhausted_instance_left_is_gone() {
    let ends = [
        "(unreachable)",
        "(loop $l (br $l))",
        "(drop (memory.grow (i32.const 60000)))",
    ];
    let host = host(1);
    let limits = Limits {
        fuel: 30_000_000,
        ..Limits::default()
    };
    let reader = Scorer::new(&smuggler().load_into(&host), &Map::new(), limits).unwrap();
    for end in ends {
        let guest = Guest {
            judge: super::leak(format!("(call $write) {end}")),
            ..smuggler()
        };
        let path = Folder::new();
        let path = path.file("writer.wasm", &guest.component());
        let writer = Scorer::new(&host.load(&path).unwrap(), &Map::new(), limits).unwrap();
        for _ in 0..5 {
            assert!(
                writer
                    .score(&samples("w", 2))
                    .iter()
                    .all(|scored| scored.total.is_none())
            );
            check(&reader, &samples("r", 2));
        }
    }
}
