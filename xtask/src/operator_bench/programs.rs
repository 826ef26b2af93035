//! Pieces of code that buy much time for their fuel in other ways than by one operator.

use super::operators::{Snippet, keep};

/// The plain loop that all others are measured by: it is empty and ends when its fuel does.
pub(super) const PLAIN: &str = "plain loop";

/// A piece of code with a name.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) snippet: Snippet,
    /// Rounds; 0 for as many as usual.
    pub(super) rounds: u32,
}

fn program(name: &str, body: &str, repeated: usize) -> Program {
    Program {
        name: name.to_owned(),
        snippet: Snippet {
            repeated,
            ..Snippet::of(body)
        },
        rounds: 0,
    }
}

/// The same with a number that each repetition takes from the one before, and that stays 0.
fn carried(name: &str, body: &str) -> Program {
    let mut program = program(name, body, 0);
    "i32.const 32 i32.load".clone_into(&mut program.snippet.before);
    program.snippet.after = keep("i32");
    program
}

/// All of them.
pub(super) fn all() -> Vec<Program> {
    let mut all = vec![
        Program {
            rounds: 1,
            ..program(PLAIN, "loop $for_ever br $for_ever end", 1)
        },
        Program {
            rounds: 2_000_000,
            ..program("a loop that counts", "", 1)
        },
        carried(
            "a load across two lines of the cache",
            "i32.const 8061 i32.add i32.load",
        ),
        carried("a load across two pages", "i32.const 8190 i32.add i32.load"),
        program(
            "a store across two pages",
            "i32.const 8189 i64.const {i} i64.store i32.const 12285 i64.const {i} i64.store",
            0,
        ),
        program(
            "a load of what two stores wrote",
            "i32.const 64 local.get $i32 i32.store8 i32.const 64 i32.load local.set $i32",
            0,
        ),
        program(
            "a branch that nobody can foresee",
            "block local.get $i32 i32.const 1664525 i32.mul i32.const 1013904223 i32.add local.tee $i32 \
             i32.const 0 i32.lt_s br_if 0 i32.const 64 local.get $i32 i32.store end",
            0,
        ),
        Program {
            rounds: 40,
            ..program(
                "memory.fill of 64 KiB",
                "i32.const 131072 i32.const 7 i32.const 65536 memory.fill",
                4,
            )
        },
        Program {
            rounds: 40,
            ..program(
                "memory.copy of 64 KiB",
                "i32.const 131072 i32.const 393216 i32.const 65536 memory.copy",
                4,
            )
        },
        Program {
            rounds: 2000,
            ..program(
                "memory.copy of 9 bytes",
                "i32.const 131072 i32.const 393216 local.get $i32 local.get $i32 i32.mul memory.copy",
                0,
            )
        },
        Program {
            rounds: 40,
            ..program(
                "memory.fill of 1 MiB",
                "i32.const 131072 i32.const 7 i32.const 1048576 memory.fill",
                1,
            )
        },
    ];
    let tables = [
        (
            "table.fill of 10,000",
            "i32.const 0 ref.null func i32.const 10000 table.fill $a",
        ),
        (
            "table.fill of 10,000 functions",
            "i32.const 0 ref.func $f i32.const 10000 table.fill $a",
        ),
        (
            "table.copy of 10,000",
            "i32.const 0 i32.const 0 i32.const 10000 table.copy $a $b",
        ),
        (
            "table.init of 1,000",
            "i32.const 0 i32.const 0 i32.const 1000 table.init $a $e",
        ),
    ];
    for (name, body) in tables {
        let mut program = program(name, body, 4);
        program.snippet.extra = format!(
            "(func $f) (table $a 10000 funcref) (table $b 10000 funcref) (elem $e func {})",
            "$f ".repeat(1000)
        );
        program.rounds = 20;
        all.push(program);
    }
    all.push(chase());
    all.extend(handles());
    all.extend([1, 8].map(shifted));
    all.extend([1, 8].map(returned));
    all.extend([1 << 10, 1 << 14].map(frame));
    all
}

/// Loads each of which names the place of the next, all over the memory: nothing is in a cache.
fn chase() -> Program {
    // A full period over 2^19 places, 112 bytes from each other: 56 MiB.
    let fill = "(func $fill (local $i i32)
        (drop (memory.grow (i32.const 928)))
        (i32.store (i32.const 128) (i32.const 2097152))
        (loop $l
          (i32.store (i32.add (i32.const 2097152) (i32.mul (local.get $i) (i32.const 112)))
            (i32.add (i32.const 2097152) (i32.mul
              (i32.and (i32.add (i32.mul (local.get $i) (i32.const 221605)) (i32.const 74931)) (i32.const 524287))
              (i32.const 112))))
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 524288)))))
      (start $fill)";
    Program {
        name: "loads that no cache holds".to_owned(),
        snippet: Snippet {
            extra: fill.to_owned(),
            before: "i32.const 128 i32.load".to_owned(),
            body: "i32.load".to_owned(),
            after: keep("i32"),
            repeated: 1000,
            ..Snippet::default()
        },
        rounds: 20_000,
    }
}

/// What the component model has for resources. A plugin that makes some of its own exports their interface, as
/// [`super::guest::WORLD`] does.
fn handles() -> [Program; 2] {
    let extra = r#"(func (export "bench:bench/handles#[constructor]handle") (result i32) i32.const 0)
      (global $handle (mut i32) (i32.const 0))
      (func $made (global.set $handle (call $new (i32.const 7)))) (start $made)"#;
    [
        ("resource.new and resource.drop", "i32.const 7 call $new call $drop"),
        ("resource.rep", "global.get $handle call $rep drop"),
    ]
    .map(|(name, body)| {
        let mut program = program(name, body, 0);
        r#"(import "[export]bench:bench/handles" "[resource-new]handle" (func $new (param i32) (result i32)))
           (import "[export]bench:bench/handles" "[resource-rep]handle" (func $rep (param i32) (result i32)))
           (import "[export]bench:bench/handles" "[resource-drop]handle" (func $drop (param i32)))"#
            .clone_into(&mut program.snippet.imports);
        extra.clone_into(&mut program.snippet.extra);
        program
    })
}

/// A loop that takes `count` values and moves each by one place.
fn shifted(count: usize) -> Program {
    let types = "i32 ".repeat(count);
    let values = "local.get $i32 ".repeat(count);
    Program {
        name: format!("a branch with {count} values"),
        snippet: Snippet {
            extra: format!("(type $many (func (param {types})))"),
            body: format!(
                "{values} loop (type $many) local.get $out_i32 i32.const 1 i32.add local.tee $out_i32 \
                 local.get $out_i32 i32.const 1023 i32.and br_if 0 {} end",
                "drop ".repeat(count + 1)
            ),
            repeated: 1,
            ..Snippet::default()
        },
        rounds: 400,
    }
}

/// A function that returns `count` values of another.
fn returned(count: usize) -> Program {
    let types = "i32 ".repeat(count);
    Program {
        name: format!("a call that returns {count} values"),
        snippet: Snippet {
            extra: format!(
                "(type $many (func (result {types}))) (func $f0 (type $many) {}) {}",
                "i32.const 7 ".repeat(count),
                (1..20)
                    .map(|i| format!("(func $f{i} (type $many) call $f{})", i - 1))
                    .collect::<Vec<_>>()
                    .concat()
            ),
            body: format!("call $f19 {}", "drop ".repeat(count)),
            ..Snippet::default()
        },
        rounds: 100,
    }
}

/// A function that returns at once and would need room for `count` values on the stack.
fn frame(count: usize) -> Program {
    let loads: Vec<_> = (0..count)
        .map(|i| format!("local.get 0 i64.load offset={} ", 8 * i))
        .collect();
    let loads = loads.concat();
    let uses = "i64.add ".repeat(count - 1);
    Program {
        name: format!("a function with {count} values on its stack"),
        snippet: Snippet {
            extra: format!(
                "(func $f (param i32) local.get 0 i32.eqz if return end {loads} {uses} \
                 global.set $sum) (global $sum (mut i64) (i64.const 0))"
            ),
            ..Snippet::of("local.get $zero call $f")
        },
        rounds: 100,
    }
}
