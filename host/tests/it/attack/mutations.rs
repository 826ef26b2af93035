//! 10,000 random changes of a valid component: each is refused, or scores within its limits.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use rlhost_host::{Error, Host, Limits, Outcome, Sample, Scorer};
use serde_json::Map;

use crate::guest::{Folder, Guest};

const MUTATIONS: u64 = 10_000;

/// Random numbers: `SplitMix64` (Steele, Lea and Flood, 2014).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// One to four changes behind the first `keep` bytes: bits, bytes, numbers, pieces.
pub fn mutate(bytes: &mut Vec<u8>, keep: usize, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let rest = bytes.len().saturating_sub(keep);
        if rest == 0 {
            bytes.push(random.next() as u8);
            continue;
        }
        let at = keep + random.below(rest);
        let length = 1 + random.below(16.min(bytes.len() - at));
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.next() as u8,
            3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            4 => bytes[at] = bytes[at].wrapping_add([1, 255][random.below(2)]),
            5 => drop(bytes.drain(at..at + length)),
            6 => {
                let piece = bytes[at..at + length].to_vec();
                let to = keep + random.below(rest);
                bytes.splice(to..to, piece);
            }
            _ => {
                let piece = bytes[at..at + length].to_vec();
                let to = keep + random.below(rest - length + 1);
                bytes[to..to + length].copy_from_slice(&piece);
            }
        }
    }
}

/// A guest whose code does a little of everything, so that changes meet it.
fn guest() -> Guest {
    Guest {
        parts: &["a", "b"],
        params: &[("strict", "true")],
        imports: crate::guest::IMAGE_IMPORTS,
        memory: "2",
        extra: r#"(table 4 funcref) (elem (i32.const 0) func $one $two)
            (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
            (data (i32.const 16384) "\40\40\00\00\01\00\00\00\00\00\00\00\00\00\f0\3f")
            (data (i32.const 16448) "a")"#,
        ..Guest::judging(
            "(local $i i32)
            (loop $l
                (local.set $i (i32.add (local.get $i) (call_indirect (result i32) (i32.const 1))))
                (br_if $l (i32.lt_u (local.get $i) (i32.const 20))))
            (f64.store offset=8 (local.get $out) (f64.convert_i32_u (local.get $i)))
            (i32.store offset=16 (local.get $out) (i32.const 16384))
            (i32.store offset=20 (local.get $out) (i32.const 1))",
        )
    }
}

#[test]
fn ten_thousand_mutations_do_no_harm() {
    let limits = Limits {
        fuel: 1_000_000,
        memory: 1 << 20,
        output: 64 << 10,
        ..Limits::default()
    };
    let original = guest().component();
    let counts = Mutex::new(BTreeMap::<String, u64>::new());
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (original, counts) = (&original, &counts);
            scope.spawn(move || {
                let host = Host::builder()
                    .threads(1)
                    .limits(limits)
                    .cache(None)
                    .build()
                    .unwrap();
                let folder = Folder::new();
                for seed in (worker..MUTATIONS).step_by(2) {
                    let mut bytes = original.clone();
                    // The header is checked elsewhere, and many changes would be spent on it.
                    mutate(&mut bytes, 8, &mut Random(seed));
                    let path = folder.file("guest.wasm", &bytes);
                    let what = match host.load(&path) {
                        Err(Error::Corrupt { .. }) => "corrupt".to_owned(),
                        Err(Error::WrongWorld { .. }) => "another world".to_owned(),
                        Err(Error::VersionMismatch { .. }) => "another version".to_owned(),
                        Err(Error::Describe { .. }) => "description".to_owned(),
                        Err(other) => panic!("seed {seed}: {other}"),
                        Ok(plugin) => {
                            let scorer = Scorer::new(&plugin, &Map::new(), limits).unwrap();
                            let scored = &scorer.score(&[Sample::single("a response", "1")])[0];
                            assert!(scored.fuel <= limits.fuel, "seed {seed}: {scored:?}");
                            assert_ne!(
                                scored.outcome,
                                Outcome::HostFault,
                                "seed {seed}: {scored:?}"
                            );
                            scored.outcome.to_string()
                        }
                    };
                    *counts.lock().unwrap().entry(what).or_default() += 1;
                    fs::remove_file(path).unwrap();
                }
            });
        }
    });
    let counts = counts.into_inner().unwrap();
    println!("{counts:?}");
    assert_eq!(counts.values().sum::<u64>(), MUTATIONS);
    // The changes reach all that lies behind the parser.
    for what in ["corrupt", "another world", "description", "score", "trap"] {
        assert!(
            counts.get(what).is_some_and(|&n| n > 10),
            "{what}: {counts:?}"
        );
    }
}
