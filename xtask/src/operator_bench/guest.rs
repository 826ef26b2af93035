//! A reward plugin around a piece of code.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::operators::Snippet;

/// Repetitions that stand one behind the other in a round.
pub(super) const REPEATED: usize = 200;

/// The world of plugins that make handles.
pub(super) const WORLD: &str = "package bench:bench;
interface handles { resource handle { constructor(); } }
world bench { include rlhost:plugin/reward-plugin@0.1.0; export handles; }";

/// The text of a core module whose `score` runs a snippet for so many rounds.
pub(super) fn module(snippet: &Snippet, rounds: u32) -> String {
    let repeated = match snippet.repeated {
        0 => REPEATED,
        repeated => repeated,
    };
    let mut body = String::new();
    for i in 0..repeated {
        // Writing to a string can't fail.
        let _ = writeln!(body, "{}", snippet.body.replace("{i}", &i.to_string()));
    }
    let Snippet {
        imports,
        extra,
        before,
        after,
        ..
    } = snippet;
    format!(
        r#"(module
  {imports}
  (memory (export "memory") 32)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (data (i32.const 16384) "bench0.0.1")
  ;; name, version, doc, scope, parts, params
  (data (i32.const 16400) "\00\40\00\00\05\00\00\00\05\40\00\00\05\00\00\00")
  ;; 3 and 1.0001 as the types have them, each 16 bytes behind the other
  (data (i32.const 16448) "\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\03\00\00\00\00\00\00\00")
  (data (i32.const 16480) "\47\03\80\3f\00\00\00\00\00\00\00\00\00\00\00\00\2d\43\1c\eb\e2\00\f0\3f")
  (data (i32.const 16512) "\47\03\80\3f\47\03\80\3f\47\03\80\3f\47\03\80\3f")
  {extra}
  (func $run
    (local $round i32) (local $zero i32) (local $v v128)
    (local $i32 i32) (local $i64 i64) (local $f32 f32) (local $f64 f64) (local $v128 v128)
    (local $out_i32 i32) (local $out_i64 i64) (local $out_f32 f32) (local $out_f64 f64) (local $out_v128 v128)
    ;; Values that the compiler does not know: 0, 3 and 1.0001.
    (local.set $zero (i32.load (i32.const 32)))
    (local.set $i32 (i32.load (i32.const 16448)))
    (local.set $i64 (i64.load (i32.const 16464)))
    (local.set $f32 (f32.load (i32.const 16480)))
    (local.set $f64 (f64.load (i32.const 16496)))
    (local.set $v128 (v128.load (i32.const 16512)))
    (loop $round
      {before}
      {body}
      {after}
      (br_if $round (i32.lt_u (local.tee $round (i32.add (local.get $round) (i32.const 1))) (i32.const {rounds})))))
  (func (export "rlhost:plugin/reward@0.1.0#describe") (result i32) (i32.const 16400))
  (func (export "rlhost:plugin/reward@0.1.0#score") (param i32 i32) (result i32)
    (call $run)
    (i32.store (i32.const 16544) (i32.const 16576))
    (i32.store (i32.const 16548) (i32.const 1))
    (i32.const 16544)))"#
    )
}

/// The component of a module.
pub(super) fn component(text: &str, wit: &Path) -> Result<Vec<u8>> {
    let mut module = wat::parse_str(text).context("a benchmark's module")?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = if text.contains("bench:bench/handles") {
        let package = resolve.push_str("bench.wit", WORLD)?;
        resolve.select_world(&[package], None)?
    } else {
        resolve.select_world(&[package], Some("reward-plugin"))?
    };
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.encode()
}
