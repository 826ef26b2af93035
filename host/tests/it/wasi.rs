//! The deterministic WASI, through the Bytecode Alliance's adapter for programs of WASI preview 1.

use std::time::{Duration, Instant};

use rlhost_host::{Grants, Limits, Outcome, Sample, Scored, Scorer};
use serde_json::Map;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};

use crate::guest::{Folder, Guest, HOST, adapted};

const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;

/// Text at 20000, vectors for it at 20064, a subscription to a clock at 20096: an hour from now.
const DATA: &str = r#"
    (data (i32.const 20000) "first line\nsecond line\n")
    (data (i32.const 20064) "\20\4e\00\00\17\00\00\00")
    (data (i32.const 20096) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\a0\b8\30\46\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
    (func $total (param $out i32) (param $total f64)
        (f64.store offset=8 (local.get $out) (local.get $total)))"#;

/// What a guest of this body does, with its log.
fn run(judge: &'static str) -> Scored {
    let guest = Guest {
        imports: IMPORTS,
        extra: DATA,
        judge,
        ..Guest::default()
    };
    let component = adapted(&guest.wat(), NAME, ADAPTER);
    let plugin = HOST
        .load(&Folder::new().file("guest.wasm", &component))
        .unwrap();
    assert!(
        plugin
            .imports()
            .iter()
            .any(|name| name.starts_with("wasi:filesystem/types@0.2."))
    );
    assert!(plugin.capabilities().is_empty());
    let grants = Grants::none().log();
    let scorer = Scorer::with_grants(&plugin, &Map::new(), Limits::default(), grants).unwrap();
    let samples = [Sample::single("", "1"), Sample::single("", "1")];
    let mut scored = scorer.score(&samples);
    assert_eq!(scored[0], scored[1], "two instances see the same world");
    scored.remove(0)
}

#[test]
fn clocks_start_at_a_fixed_instant_and_tick_when_they_are_read() {
    let wall = run(
        "(drop (call $clock (i32.const 0) (i64.const 1) (i32.const 24000)))
        (call $total (local.get $out) (f64.convert_i64_u (i64.load (i32.const 24000))))",
    );
    let nanoseconds = wall.total.unwrap();
    assert!((nanoseconds - 1.7e18).abs() < 1e9, "{nanoseconds}");
    let step = run(
        "(drop (call $clock (i32.const 1) (i64.const 1) (i32.const 24000)))
        (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 24008)))
        (call $total (local.get $out) (f64.convert_i64_s
            (i64.sub (i64.load (i32.const 24008)) (i64.load (i32.const 24000)))))",
    );
    assert_eq!(step.total, Some(1000.0));
}

#[test]
fn sleeping_takes_no_time() {
    let start = Instant::now();
    let slept = run(
        "(drop (call $poll (i32.const 20096) (i32.const 24000) (i32.const 1) (i32.const 24100)))
        (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 24000)))
        (call $total (local.get $out) (f64.convert_i64_u (i64.load (i32.const 24000))))",
    );
    assert!(slept.total.unwrap() >= 3.6e12, "{slept:?}");
    assert!(start.elapsed() < Duration::from_mins(1));
}

#[test]
fn random_numbers_are_a_fixed_sequence() {
    let random = run("(drop (call $random (i32.const 24000) (i32.const 4)))
        (call $total (local.get $out) (f64.convert_i32_u (i32.load (i32.const 24000))))");
    // The low half of SplitMix64's first output for seed 0.
    assert_eq!(random.total, Some(f64::from(0x7b1d_cdaf_u32)));
}

#[test]
fn there_is_no_environment_and_no_file() {
    let none = run("(drop (call $environ (i32.const 24000) (i32.const 24004)))
        (drop (call $args (i32.const 24008) (i32.const 24012)))
        (call $total (local.get $out) (f64.convert_i32_u
            (i32.add (i32.load (i32.const 24000)) (i32.load (i32.const 24008)))))");
    assert_eq!(none.total, Some(0.0), "{none:?}");
    let open = run(
        "(call $total (local.get $out) (f64.convert_i32_u (call $open
        (i32.const 3) (i32.const 0) (i32.const 20000) (i32.const 5) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 24000))))",
    );
    assert_eq!(open.total, Some(8.0), "EBADF: no folder is open");
    let read = run(
        "(drop (call $read (i32.const 0) (i32.const 20064) (i32.const 1) (i32.const 24000)))
        (call $total (local.get $out) (f64.convert_i32_u (i32.load (i32.const 24000))))",
    );
    assert_eq!(read.total, Some(0.0), "standard input is at its end");
}

#[test]
fn what_is_printed_goes_to_the_log_and_into_a_traps_message() {
    let printed = run(
        "(drop (call $write (i32.const 1) (i32.const 20064) (i32.const 1) (i32.const 24000)))
        (call $total (local.get $out) (f64.convert_i32_u (i32.load (i32.const 24000))))",
    );
    assert_eq!(printed.total, Some(23.0));
    let lines: Vec<_> = printed
        .log
        .iter()
        .map(|line| line.message.as_str())
        .collect();
    assert_eq!(lines, ["first line", "second line"]);
    let panicked = run(
        "(drop (call $write (i32.const 2) (i32.const 20064) (i32.const 1) (i32.const 24000)))
        unreachable",
    );
    assert_eq!(panicked.outcome, Outcome::Trap);
    let message = panicked.message.unwrap();
    assert!(
        message.contains("on stderr: first line\nsecond line"),
        "{message}"
    );
}

#[test]
fn an_exit_is_no_score() {
    let gone = run("(call $exit (i32.const 0))");
    assert_eq!(gone.outcome, Outcome::Trap);
    assert!(gone.message.unwrap().contains("exited with success"));
}
