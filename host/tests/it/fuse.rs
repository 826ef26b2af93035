//! Modules that a component links are one module that does the same.

use rlhost_host::{Error, fuse};
use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, Trap, WasmBacktrace};

/// As a linker of libraries makes them: `$Main` has the memory, the table and the addresses, `$Sums` and `$Words`
/// have functions, and what needs the memory to be lowered goes through `$Shim`, which `$Fixup` fills.
const LIBRARIES: &str = r#"(component
  (import "add-ten" (func $add-ten (param "n" u32) (result u32)))
  (import "length" (func $length (param "text" string) (result u32)))
  (core module $Shim
    (table (export "table") 1 funcref)
    (func (export "length") (param i32 i32) (result i32)
      (call_indirect (param i32 i32) (result i32) (local.get 0) (local.get 1) (i32.const 0))))
  (core module $Main
    (type (func (param f64)))
    (memory (export "memory") 1)
    (table (export "table") 8 funcref)
    (global (export "data of sums") i32 (i32.const 1024))
    (global (export "table of sums") i32 (i32.const 3))
    (global (export "place of double") (mut i32) (i32.const 4))
    (global (export "place of seven") (mut i32) (i32.const 1032))
    (global (export "calls") (mut i32) (i32.const 100))
    (func (export "double") (param i32) (result i32)
      (call_indirect (param i32) (result i32) (local.get 0) (i32.const 4)))
    (data (i32.const 1032) "\07\00\00\00")
    (data (i32.const 2048) "four words of text"))
  (core module $Sums
    (import "env" "memory" (memory 1))
    (import "env" "table" (table 8 funcref))
    (import "env" "data" (global $data i32))
    (import "env" "table base" (global $table i32))
    (import "place" "seven" (global $seven (mut i32)))
    (import "main" "calls" (global $calls (mut i32)))
    (import "host" "add-ten" (func $add-ten (param i32) (result i32)))
    (type (func (param i64)))
    (global (export "eight") i32 (i32.add (global.get $data) (i32.const 8)))
    (elem (global.get $table) $no $double)
    (elem $late funcref (ref.func $no) (ref.func $add-ten))
    (data $letters "abcdef")
    (func $no (export "no") (param i32) (result i32) (unreachable))
    (func $double (param i32) (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (i32.mul (local.get 0) (i32.const 2)))
    (func (export "seven") (result i32) (i32.load (global.get $seven)))
    (func (export "letter") (param i32) (result i32)
      (memory.init $letters (i32.const 512) (i32.const 0) (i32.const 6))
      (i32.load8_u (i32.add (i32.const 512) (local.get 0))))
    (func (export "ten more") (param i32) (result i32)
      (table.init $late (i32.const 0) (i32.const 0) (i32.const 2))
      (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1))))
  (core module $Words
    (import "env" "memory" (memory 1))
    (import "sums" "eight" (global $eight i32))
    (import "sums" "seven" (func $seven (result i32)))
    (import "sums" "letter" (func $letter (param i32) (result i32)))
    (import "sums" "ten more" (func $ten (param i32) (result i32)))
    (import "sums" "no" (func $no (param i32) (result i32)))
    (import "main" "double" (func $double (param i32) (result i32)))
    (import "main" "calls" (global $calls (mut i32)))
    (import "host" "length" (func $length (param i32 i32) (result i32)))
    (global $runs (mut i32) (i32.const 0))
    (data $unused "zz")
    (func $fails (param i32) (result i32) (call $no (local.get 0)))
    (func (export "run") (param $n i32) (result i32)
      (if (i32.eq (local.get $n) (i32.const 13)) (then (drop (call $fails (local.get $n)))))
      (global.set $runs (i32.add (global.get $runs) (i32.const 1000)))
      (call $seven)
      (i32.add (call $double (local.get $n)))
      (i32.add (call $letter (i32.const 2)))
      (i32.add (call $ten (local.get $n)))
      (i32.add (i32.load (global.get $eight)))
      (i32.add (call $length (i32.const 2048) (i32.const 18)))
      (i32.add (global.get $calls))
      (i32.add (global.get $runs))))
  (core module $Fixup
    (import "" "table" (table 1 funcref))
    (import "" "length" (func $length (param i32 i32) (result i32)))
    (elem (i32.const 0) $length))
  (core instance $shim (instantiate $Shim))
  (core instance $main (instantiate $Main))
  (core func $lowered-add-ten (canon lower (func $add-ten)))
  (alias core export $main "memory" (core memory $memory))
  (alias core export $main "table" (core table $table))
  (alias core export $main "data of sums" (core global $data))
  (alias core export $main "table of sums" (core global $table-base))
  (alias core export $main "place of seven" (core global $place))
  (core instance $env (export "memory" (memory $memory)) (export "table" (table $table))
    (export "data" (global $data)) (export "table base" (global $table-base)))
  (core instance $places (export "seven" (global $place)))
  (core instance $host (export "add-ten" (func $lowered-add-ten)))
  (core instance $sums (instantiate $Sums (with "env" (instance $env)) (with "place" (instance $places))
    (with "main" (instance $main)) (with "host" (instance $host))))
  (alias core export $shim "length" (core func $shim-length))
  (core instance $host2 (export "length" (func $shim-length)))
  (core instance $words (instantiate $Words (with "env" (instance $env)) (with "sums" (instance $sums))
    (with "main" (instance $main)) (with "host" (instance $host2))))
  (core func $lowered-length (canon lower (func $length) (memory $memory) string-encoding=utf8))
  (alias core export $shim "table" (core table $shim-table))
  (core instance $fixes (export "table" (table $shim-table)) (export "length" (func $lowered-length)))
  (core instance (instantiate $Fixup (with "" (instance $fixes))))
  (alias core export $words "run" (core func $run))
  (func (export "run") (param "n" u32) (result u32) (canon lift (core func $run))))"#;

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// How many core modules there are.
fn modules(component: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(component);
    payloads
        .filter(|payload| matches!(payload, Ok(Payload::ModuleSection { .. })))
        .count()
}

/// What `run` gives in a fresh instance, called twice.
fn run(component: &[u8], n: u32) -> wasmtime::Result<(u32, u32)> {
    let engine = Engine::default();
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::<()>::new(&engine);
    let mut root = linker.root();
    root.func_wrap("add-ten", |_, (n,): (u32,)| Ok((n + 10,)))?;
    root.func_wrap("length", |_, (text,): (String,)| Ok((text.len() as u32,)))?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component)?;
    let run = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run")?;
    let first = run.call(&mut store, (n,))?.0;
    Ok((first, run.call(&mut store, (n,))?.0))
}

#[track_caller]
fn refused(component: &[u8], reason: &str) {
    let error = fuse(component).unwrap_err();
    assert!(matches!(error, Error::Fuse { .. }), "{error:?}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn libraries_become_one_module_that_does_the_same() {
    let component = wat(LIBRARIES);
    let fused = fuse(&component).unwrap();
    assert_eq!((modules(&component), modules(&fused)), (5, 2));
    for n in [0, 1, 12, 70_000] {
        // 7 + 2n + 'c' + (n + 10) + 7 + 18 + calls + runs
        let wanted = 3 * n + 7 + 99 + 10 + 7 + 18;
        let wanted = (wanted + 101 + 1000, wanted + 102 + 2000);
        assert_eq!(run(&component, n).unwrap(), wanted, "apart, {n}");
        assert_eq!(run(&fused, n).unwrap(), wanted, "as one, {n}");
    }
    assert_eq!(fuse(&component).unwrap(), fused);
    // What is one already stays.
    assert_eq!(
        run(&fuse(&fused).unwrap(), 12).unwrap(),
        run(&fused, 12).unwrap()
    );
}

#[test]
fn a_trap_still_names_the_functions_it_came_through() {
    let component = wat(LIBRARIES);
    let trace = |component: &[u8]| {
        let error = run(component, 13).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
        let trace = error.downcast_ref::<WasmBacktrace>().unwrap();
        let names = trace
            .frames()
            .iter()
            .map(|frame| frame.func_name().map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    let names = trace(&fuse(&component).unwrap());
    assert_eq!(names, trace(&component));
    assert_eq!(
        names[..2],
        [Some("no".to_owned()), Some("fails".to_owned())]
    );
}

#[test]
fn components_of_one_module_stay_as_they_are() {
    let component = wat(
        r#"(component (core module $M (func (export "run") (result i32) (i32.const 1)))
             (core instance $m (instantiate $M))
             (func (export "run") (result u32) (canon lift (core func $m "run"))))"#,
    );
    assert_eq!(fuse(&component).unwrap(), component);
}

/// What `run` without parameters gives in a fresh instance.
fn answer(component: &[u8]) -> wasmtime::Result<u32> {
    let engine = Engine::default();
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component)?;
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run")?;
    Ok(run.call(&mut store, ())?.0)
}

#[test]
fn what_only_an_export_declared_stays_declared() {
    let component = wat(r#"(component
             (core module $Table
               (table 1 funcref)
               (func $seven (export "seven") (result i32) (i32.const 7))
               (func (export "set") (table.set 0 (i32.const 0) (ref.func $seven)))
               (func (export "call") (result i32) (call_indirect (result i32) (i32.const 0))))
             (core module $Main
               (import "table" "set" (func $set))
               (import "table" "call" (func $call (result i32)))
               (func (export "run") (result i32) (call $set) (call $call)))
             (core instance $table (instantiate $Table))
             (core instance $main (instantiate $Main (with "table" (instance $table))))
             (func (export "run") (result u32) (canon lift (core func $main "run"))))"#);
    assert_eq!(answer(&component).unwrap(), 7);
    let fused = fuse(&component).unwrap();
    assert_eq!((modules(&fused), answer(&fused).unwrap()), (1, 7));
}

#[test]
fn names_of_functions_that_are_not_there_harm_nobody() {
    let component = wat(r#"(component
             (core module $L (func (export "f") (result i32) (i32.const 3)) (@custom "name" "\01\04\01\09\01\78"))
             (core module $M (import "l" "f" (func $f (result i32))) (func (export "run") (result i32) (call $f)))
             (core instance $l (instantiate $L))
             (core instance $m (instantiate $M (with "l" (instance $l))))
             (func (export "run") (result u32) (canon lift (core func $m "run"))))"#);
    let fused = fuse(&component).unwrap();
    assert_eq!((modules(&fused), answer(&fused).unwrap()), (1, 3));
}

/// A module that stays apart, because what it is given needs the memory, linked between `$Memory` and `$Late`.
fn between(module: &str, late: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component
             (import "log" (func $log (param "text" string)))
             (core module $Memory (memory (export "memory") 1) (table (export "table") 2 funcref))
             (core module $Apart
               (import "m" "memory" (memory 1))
               (import "m" "table" (table 2 funcref))
               (import "host" "log" (func $log (param i32 i32)))
               {module})
             (core module $Late
               (import "m" "memory" (memory 1))
               (import "m" "table" (table 2 funcref))
               {late}
               (func (export "run") (result i32) (i32.load8_u (i32.const 0))))
             (core instance $memory (instantiate $Memory))
             (alias core export $memory "memory" (core memory $it))
             (alias core export $memory "table" (core table $table))
             (core instance $m (export "memory" (memory $it)) (export "table" (table $table)))
             (core func $lowered (canon lower (func $log) (memory $it)))
             (core instance $host (export "log" (func $lowered)))
             (core instance $apart (instantiate $Apart (with "m" (instance $m)) (with "host" (instance $host))))
             (core instance $late (instantiate $Late (with "m" (instance $m))))
             (func (export "run") (result u32) (canon lift (core func $late "run"))))"#
    ))
}

#[test]
fn the_order_of_linking_is_kept_or_nothing_is_done() {
    let same = [
        ("", ""),
        (r#"(data (i32.const 0) "\05")"#, ""),
        ("", r#"(data (i32.const 0) "\09")"#),
        (
            "(table $own 1 funcref) (elem (table $own) (i32.const 0) func $log)",
            "(elem (table 0) (i32.const 0) func 0)",
        ),
    ];
    for (apart, late) in same {
        let component = between(apart, late);
        let fused = fuse(&component).unwrap();
        assert_eq!(modules(&fused), 2, "{apart}, {late}");
        assert_eq!(
            answer(&fused).unwrap(),
            answer(&component).unwrap(),
            "{apart}, {late}"
        );
    }
    let stands = "stands between two that write into the same";
    let other = [
        (
            r#"(data (i32.const 0) "\05")"#,
            r#"(data (i32.const 0) "\09")"#,
            stands,
        ),
        (
            "(elem (table 0) (i32.const 0) func $log)",
            "(elem (table 0) (i32.const 1) func 0)",
            stands,
        ),
        (
            "(func $see (drop (i32.load8_u (i32.const 0)))) (start $see)",
            r#"(data (i32.const 0) "\09")"#,
            "runs code when it is linked",
        ),
    ];
    for (apart, late, reason) in other {
        refused(&between(apart, late), reason);
    }
}

#[test]
fn a_table_that_comes_by_a_detour_may_be_any() {
    let direct = between(
        "(elem (table 0) (i32.const 0) func $log)",
        "(elem (table 0) (i32.const 1) func 0)",
    );
    refused(&direct, "stands between two");
    let component = wat(r#"(component
             (import "log" (func $log (param "text" string)))
             (core module $P (memory (export "memory") 1) (table (export "table") 1 funcref))
             (core module $A (import "b" "table" (table 1 funcref)) (import "h" "log" (func (param i32 i32)))
               (elem (i32.const 0) func $one) (func $one (result i32) (i32.const 1)))
             (core module $B (import "b" "table" (table 1 funcref))
               (elem (i32.const 0) func $two) (func $two (result i32) (i32.const 2))
               (func (export "run") (result i32) (call_indirect (result i32) (i32.const 0))))
             (core instance $p (instantiate $P))
             (core instance $bag (export "table" (table $p "table")))
             (alias core export $bag "table" (core table $again))
             (core instance $detour (export "table" (table $again)))
             (core func $lowered (canon lower (func $log) (memory $p "memory")))
             (core instance $h (export "log" (func $lowered)))
             (core instance $a (instantiate $A (with "b" (instance $detour)) (with "h" (instance $h))))
             (core instance $b (instantiate $B (with "b" (instance $bag))))
             (func (export "run") (result u32) (canon lift (core func $b "run"))))"#);
    assert_eq!(answer(&component).unwrap(), 2);
    refused(&component, "stands between two");
}

#[test]
fn what_would_be_too_much_for_one_module_is_left_as_it_is() {
    let many: String = (0..101)
        .map(|_| "(core instance (instantiate $M))".to_owned())
        .collect();
    let component = wat(&format!("(component (core module $M (memory 1)) {many})"));
    refused(&component, "memories");
    let links = (0..20_000).map(|i| {
        format!(r#"(alias core export {i} "f" (core func $f{i})) (core instance (export "f" (func $f{i})))"#)
    });
    let links: String = links.collect();
    let chain = format!(
        r#"(component (core module $M (func (export "f"))) (core instance (instantiate $M)) {links})"#
    );
    refused(&wat(&chain), "more instances than engines take");
}

#[test]
fn a_component_that_is_linked_in_between_keeps_its_turn() {
    let with = |between: &str| {
        wat(&format!(
            r#"(component
                 (import "note" (func $note (param "n" u32)))
                 (component $Nested
                   (import "note" (func $note (param "n" u32)))
                   (core func $lowered (canon lower (func $note)))
                   (core instance $h (export "note" (func $lowered)))
                   (core module $M (import "h" "note" (func $note (param i32)))
                     (func $start (call $note (i32.const 7))) (start $start))
                   (core instance (instantiate $M (with "h" (instance $h)))))
                 (core module $L (func (export "f") (result i32) (i32.const 1)))
                 (core module $M (import "l" "f" (func (result i32))) (memory 1) (data (i32.const 65536) "x"))
                 (core instance $l (instantiate $L))
                 {between}
                 (core instance (instantiate $M (with "l" (instance $l)))))"#
        ))
    };
    assert_eq!(modules(&fuse(&with("")).unwrap()), 2);
    let nested = r#"(instance (instantiate $Nested (with "note" (func $note))))"#;
    refused(&with(nested), "is linked between two modules");
}

#[test]
fn modules_that_are_used_otherwise_are_left_alone() {
    let more = |text: &str| {
        wat(&format!(
            r#"(component
                 (core module $L (func (export "f") (param i32)))
                 (core module $M (import "l" "f" (func (param i32))))
                 (core instance $l (instantiate $L))
                 (core instance (instantiate $M (with "l" (instance $l))))
                 {text})"#
        ))
    };
    assert_eq!(modules(&fuse(&more("")).unwrap()), 1);
    let elsewhere = "modules that are not only linked in it";
    refused(&more(r#"(export "l" (core module $L))"#), elsewhere);
    refused(
        &more("(component (alias outer 1 0 (core module $it)) (core instance (instantiate $it)))"),
        elsewhere,
    );
    refused(
        &more(
            r#"(alias core export $l "f" (core func $f)) (type (resource (rep i32) (dtor (func $f))))"#,
        ),
        "a resource has a destructor",
    );
    // Given as a whole, it would be there twice.
    refused(
        &more(
            r#"(import "log" (func $log (param "text" string)))
               (core module $Memory (memory (export "memory") 1))
               (core instance $m (instantiate $Memory))
               (core func $lowered (canon lower (func $log) (memory $m "memory")))
               (core instance $host (export "log" (func $lowered)))
               (core module $Apart (import "l" "f" (func (param i32))) (import "host" "log" (func (param i32 i32))))
               (core instance (instantiate $Apart (with "l" (instance $l)) (with "host" (instance $host))))"#,
        ),
        "is given all that another exports",
    );
    refused(
        &more(
            r#"(core module $T (type $u (func)) (func (export "g") (param (ref null $u))))
               (core instance (instantiate $T))"#,
        ),
        "a function's type refers to another type",
    );
}

#[test]
fn what_one_module_can_not_have_is_refused() {
    let two = |library: &str| {
        wat(&format!(
            r#"(component (core module $L {library} (func (export "f")))
                 (core module $M (import "l" "f" (func)))
                 (core instance $l (instantiate $L))
                 (core instance (instantiate $M (with "l" (instance $l)))))"#
        ))
    };
    assert_eq!(modules(&fuse(&two("")).unwrap()), 1);
    refused(
        &two("(func $s) (start $s)"),
        "a module runs code when it is linked",
    );
    refused(&two("(type (struct))"), "");
    refused(&two("(tag (export \"t\"))"), "tag");
    refused(
        &two("(global externref (ref.null extern))"),
        "a constant expression has",
    );
    refused(&wat("(module)"), "a core module, not a component");
    refused(b"no component", "");
    refused(b"", "");
    let whole = wat(LIBRARIES);
    for length in (8..whole.len()).step_by(7) {
        // Nothing that is cut off panics.
        let _ = fuse(&whole[..length]);
    }
    refused(
        &wat(
            r#"(component (import "m" (core module $I)) (core module $L (func (export "f")))
                 (core instance (instantiate $L)) (core instance (instantiate $I)))"#,
        ),
        "modules that are not only linked in it",
    );
}
