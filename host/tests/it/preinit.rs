//! What a module does at its start is done when it is built.

use rlhost_host::{Error, preinitialise};
use wasmtime::{Engine, Instance, Linker, Module, Store};

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn message(module: &str) -> String {
    let error = preinitialise(&wat(module)).unwrap_err();
    assert!(matches!(error, Error::Preinitialise { .. }), "{error}");
    error.to_string()
}

/// An instance that is given nothing; its module must have no import left but those named.
fn instance(module: &[u8]) -> (Store<()>, Instance) {
    let engine = Engine::default();
    let module = Module::new(&engine, module).unwrap();
    assert!(module.get_export("_initialize").is_none());
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

fn call(store: &mut Store<()>, instance: &Instance, name: &str) -> i32 {
    let function = instance.get_typed_func::<(), i32>(&mut *store, name);
    function.unwrap().call(store, ()).unwrap()
}

const COUNTER: &str = r#"(module
    (memory (export "memory") 1)
    (global $times (mut i32) (i32.const 7))
    (data (i32.const 100) "kept")
    (func (export "_initialize")
        (drop (memory.grow (i32.const 2)))
        (i32.store (i32.const 150000) (i32.const 42))
        (global.set $times (i32.add (global.get $times) (i32.const 1))))
    (func (export "times") (result i32) (global.get $times))
    (func (export "pages") (result i32) (memory.size))
    (func (export "far") (result i32) (i32.load (i32.const 150000)))
    (func (export "data") (result i32) (i32.load8_u (i32.const 103))))"#;

#[test]
fn memory_and_globals_are_kept_and_the_start_is_gone() {
    let started = preinitialise(&wat(COUNTER)).unwrap();
    let (mut store, instance) = instance(&started.module);
    let mut of = |name| call(&mut store, &instance, name);
    assert_eq!((of("times"), of("pages"), of("far")), (8, 3, 42));
    assert_eq!(of("data"), i32::from(b't'));
    assert_eq!(started, preinitialise(&wat(COUNTER)).unwrap());
    assert_eq!(started.printed, "");
}

#[test]
fn what_the_start_prints_is_handed_over() {
    let started = preinitialise(&wat(r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\06\00\00\00")
        (data (i32.const 16) "ready\n")
        (func (export "_initialize")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#));
    assert_eq!(started.unwrap().printed, "ready\n");
}

#[test]
fn a_module_without_a_start_stays_as_it_is() {
    let module = wat(r#"(module (memory (export "memory") 1) (func (export "run")))"#);
    assert_eq!(preinitialise(&module).unwrap().module, module);
}

/// `SplitMix64` from zero begins with 0xe220a8397b1dcdaf (the reference implementation, `splitmix64.c`).
#[test]
fn the_start_sees_what_a_sandbox_shows() {
    let module = preinitialise(&wat(
        r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global $status (mut i32) (i32.const -1))
        (func (export "_initialize")
            (global.set $status (call $random (i32.const 8) (i32.const 8)))
            (global.set $status (i32.or (global.get $status) (call $time (i32.const 0) (i64.const 1) (i32.const 16))))
            (i32.store (i32.const 24) (i32.const 5))
            (global.set $status (i32.or (global.get $status) (call $environ (i32.const 24) (i32.const 28))))
            (i32.store (i32.const 32) (call $prestat (i32.const 3) (i32.const 64))))
        (func (export "status") (result i32) (global.get $status))
        (func (export "random") (result i32) (i64.eq (i64.load (i32.const 8)) (i64.const 0xe220a8397b1dcdaf)))
        (func (export "time") (result i32) (i64.eq (i64.load (i32.const 16)) (i64.const 1700000000000000001)))
        (func (export "environ") (result i32) (i32.load (i32.const 24)))
        (func (export "prestat") (result i32) (i32.load (i32.const 32))))"#,
    ))
    .unwrap();
    let (mut store, instance) = instance(&module.module);
    let mut of = |name| call(&mut store, &instance, name);
    assert_eq!((of("status"), of("random"), of("time")), (0, 1, 1));
    assert_eq!((of("environ"), of("prestat")), (0, 8));
}

/// An hour by a clock, and a descriptor. With the descriptor the wait ends at once, with an error for it.
fn waiting(count: u32, end: &str) -> Vec<u8> {
    wat(&format!(
        r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "hour")
        (data (i32.const 48) "file")
        (func (export "_initialize")
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (i64.const 3600000000000))
            (i32.store8 (i32.const 56) (i32.const 1))
            (drop (call $poll (i32.const 0) (i32.const 200) (i32.const {count}) (i32.const 300)))
            (drop (call $time (i32.const 1) (i64.const 1) (i32.const 600)))
            {end})
        (func (export "events") (result i32) (i32.load (i32.const 300)))
        (func (export "whose") (result i32) (i32.eq (i32.load (i32.const 200)) (i32.load (i32.const 48))))
        (func (export "status") (result i32) (i32.load16_u (i32.const 208))))"#
    ))
}

#[test]
fn waiting_takes_no_time_and_a_start_that_sleeps_is_refused() {
    let (mut store, instance) = instance(&preinitialise(&waiting(2, "")).unwrap().module);
    let mut of = |name| call(&mut store, &instance, name);
    assert_eq!((of("events"), of("whose"), of("status")), (1, 1, 8));

    let error = preinitialise(&waiting(1, "")).unwrap_err().to_string();
    assert!(error.contains("sleeps"), "{error}");
    // The hour is over at once: the trap that comes after it is reached.
    let past =
        "(if (i64.ge_u (i64.load (i32.const 600)) (i64.const 3600000000000)) (then unreachable))";
    let error = preinitialise(&waiting(1, past)).unwrap_err().to_string();
    assert!(error.contains("unreachable"), "{error}");
}

#[test]
fn a_start_that_can_not_be_done_says_what_it_does() {
    let host = r#"(module (import "rlhost:plugin/log" "emit" (func $f)) (func (export "_initialize") (call $f)))"#;
    let text = message(host);
    assert!(text.contains("`emit` of `rlhost:plugin/log`"), "{text}");
    let endless = r#"(module (func (export "_initialize") (loop (br 0))))"#;
    assert!(message(endless).contains("takes more than"));
    let trap = r#"(module (func (export "_initialize") unreachable))"#;
    assert!(message(trap).contains("unreachable"));
    let greedy = r#"(module (memory (export "memory") 20000) (func (export "_initialize")))"#;
    let text = message(greedy);
    assert!(text.contains("memory"), "{text}");
}

#[test]
fn what_a_failing_start_printed_is_shown() {
    let text = message(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\05\00\00\00\15\00\00\00\06\00\00\00no ruler")
        (data (i32.const 16) "panic: ruler")
        (func (export "_initialize")
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 2) (i32.const 64)))
            (call $exit (i32.const 2))))"#,
    );
    assert!(text.contains("status 2\npanic: rule"), "{text}");
    // Pieces that lie outside of memory are an error of the call, not of ours.
    let outside = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global $status (mut i32) (i32.const 0))
        (func (export "_initialize")
            (global.set $status (call $write (i32.const 2) (i32.const 65530) (i32.const 9) (i32.const 64))))
        (func (export "status") (result i32) (global.get $status)))"#;
    let (mut store, instance) = instance(&preinitialise(&wat(outside)).unwrap().module);
    assert_eq!(call(&mut store, &instance, "status"), 21);
}
