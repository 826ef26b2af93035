//! What a guest can find out about time, place and machine: nothing.

use std::collections::BTreeSet;

use rlhost_host::{Host, Image, Limits, Sample, Scorer};
use serde_json::Map;

use crate::guest::{Guest, IMAGE_IMPORTS};

/// The total is a hash of all that an instance can see of its surroundings: addresses that the host chose,
/// sizes, handles, and the bits of NaNs.
fn probe() -> Guest {
    Guest {
        imports: IMAGE_IMPORTS,
        extra: r"
    (table $table 8 funcref)
    (func $mix (param $hash i64) (param $word i64) (result i64)
        (i64.mul (i64.xor (local.get $hash) (local.get $word)) (i64.const 1099511628211)))",
        ..Guest::judging(
            "(local $hash i64) (local $at i32) (local $image i32) (local $nan f64)
            (local.set $image (i32.load (i32.load offset=68 (local.get $sample))))
            (call $rgb (local.get $image) (i32.const 20000))
            (local.set $hash (i64.const 0x1234567))
            ;; Where arguments, results and handles are, and what is in all memory.
            (local.set $hash (call $mix (local.get $hash) (i64.extend_i32_u (local.get $sample))))
            (local.set $hash (call $mix (local.get $hash) (i64.extend_i32_u (global.get $heap))))
            (local.set $hash (call $mix (local.get $hash) (i64.extend_i32_u (memory.size))))
            (local.set $hash (call $mix (local.get $hash) (i64.extend_i32_u (table.size $table))))
            (loop $memory
                (local.set $hash (call $mix (local.get $hash) (i64.load (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $memory (i32.lt_u (local.get $at) (i32.const 1048576))))
            ;; NaNs of every kind of operation.
            (local.set $nan (f64.div (f64.const 0) (f64.const 0)))
            (local.set $hash (call $mix (local.get $hash) (i64.reinterpret_f64 (local.get $nan))))
            (local.set $nan (f64.sub (f64.const inf) (f64.const inf)))
            (local.set $hash (call $mix (local.get $hash) (i64.reinterpret_f64 (local.get $nan))))
            (local.set $nan (f64.sqrt (f64.const -1)))
            (local.set $hash (call $mix (local.get $hash) (i64.reinterpret_f64 (local.get $nan))))
            (local.set $nan (f64.add (f64.const -nan:0x4000000000001) (f64.const 1)))
            (local.set $hash (call $mix (local.get $hash) (i64.reinterpret_f64 (local.get $nan))))
            (local.set $nan (f64.promote_f32 (f32.div (f32.const 0) (f32.const 0))))
            (local.set $hash (call $mix (local.get $hash) (i64.reinterpret_f64 (local.get $nan))))
            (local.set $hash (call $mix (local.get $hash)
                (i64.load (i32.const 20000))))
            (f64.store offset=8 (local.get $out)
                (f64.convert_i64_u (i64.shr_u (local.get $hash) (i64.const 12))))",
        )
    }
}

#[test]
fn addresses_sizes_handles_and_nans_are_the_same_in_every_instance() {
    let samples: Vec<_> = (0..40)
        .map(|_| Sample {
            images: vec![Image::from_rgb(2, 2, vec![9; 12]).unwrap()],
            ..Sample::single("same", "1")
        })
        .collect();
    let mut seen = BTreeSet::new();
    for threads in [1, 2, 5] {
        let host = Host::builder()
            .threads(threads)
            .cache(None)
            .build()
            .unwrap();
        let scorer =
            Scorer::new(&probe().load_into(&host), &Map::new(), Limits::default()).unwrap();
        for _ in 0..3 {
            let scored = scorer.score(&samples);
            seen.extend(scored.iter().map(|s| (s.total.unwrap().to_bits(), s.fuel)));
        }
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[test]
fn memory_that_nobody_wrote_to_is_zero() {
    let guest = Guest {
        memory: "16",
        ..Guest::judging(
            "(local $at i32) (local $sum i64)
            (drop (memory.grow (i32.const 800)))
            (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
            (loop $l
                (local.set $sum (i64.or (local.get $sum) (i64.load (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $l (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
            (f64.store offset=8 (local.get $out) (f64.convert_i64_u (local.get $sum)))",
        )
    };
    for scored in guest.scorer().score(&vec![Sample::single("x", "1"); 8]) {
        assert_eq!(scored.total, Some(0.0));
    }
}

#[test]
fn what_would_differ_between_machines_is_not_there() {
    // Each of these is a source of difference between runs; none of them loads.
    for (what, module) in [
        (
            "threads",
            "(memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0))))",
        ),
        (
            "relaxed SIMD",
            "(func (drop (f32x4.relaxed_madd (v128.const i32x4 1 2 3 4) (v128.const i32x4 1 2 3 4) (v128.const i32x4 1 2 3 4))))",
        ),
        ("64-bit memory", "(memory i64 1)"),
        (
            "garbage collection",
            "(type (struct (field i32))) (func (drop (struct.new 0 (i32.const 1))))",
        ),
        ("exceptions", "(tag $t) (func (throw $t))"),
        (
            "stack switching",
            "(type $f (func)) (type $c (cont $f)) (func $g) (elem declare func $g) (func (drop (cont.new $c (ref.func $g))))",
        ),
    ] {
        let text = format!("(component (core module {module}))");
        let error = super::load(&wat::parse_str(&text).unwrap()).unwrap_err();
        assert!(
            matches!(error, rlhost_host::Error::Corrupt { .. }),
            "{what}: {error}"
        );
    }
}
