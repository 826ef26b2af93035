//! Code for operators whose type their names do not tell.

use super::operators::{Snippet, keep, start};

/// What the snippets may name: functions, a table, segments, a global, and a typed reference.
const COMMON: &str = r#"(type $unit (func)) (type $down (func (param i32)))
  (func $empty) (func $back return)
  (table $t 64 funcref) (elem (table $t) (i32.const 0) func $empty $empty $empty $empty)
  (table $d 1 funcref) (elem (table $d) (i32.const 0) func $tail_indirect)
  (elem $e func $empty $empty) (data $s "0123456789")
  (global $g (mut i32) (i32.const 7))
  (global $r (ref $unit) (ref.func $empty)) (global $rt (ref $down) (ref.func $tail_ref))
  (func $tail (param i32)
    (if (local.get 0) (then (return_call $tail (i32.sub (local.get 0) (i32.const 1))))))
  (func $tail_indirect (param i32)
    (if (local.get 0) (then
      (return_call_indirect $d (type $down) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
  (func $tail_ref (type $down) (param i32)
    (if (local.get 0) (then
      (return_call_ref $down (i32.sub (local.get 0) (i32.const 1)) (global.get $rt)))))"#;

/// The code; `None` for all other operators.
pub(super) fn snippet(operator: &str) -> Option<Snippet> {
    if let Some((kind, rest)) = operator.split_once('.')
        && ["div_s", "div_u", "rem_s", "rem_u"].contains(&rest)
    {
        return Some(division(kind, operator));
    }
    let body = match operator {
        "nop" => "nop",
        "block" | "end" => "block end",
        "loop" => "loop end",
        "if" => "local.get $zero if end",
        "else" => "local.get $zero if else end",
        "br" => "block br 0 end",
        "br_if" => "block local.get $zero br_if 0 end",
        "br_table" => "block block block local.get $zero br_table 0 1 2 0 end end end",
        "return" => "call $back",
        "call" => "call $empty",
        "call_indirect" => "local.get $zero call_indirect $t (type $unit)",
        "call_ref" => "global.get $r call_ref $unit",
        "return_call" => "i32.const 100 call $tail",
        "return_call_indirect" => "i32.const 100 call $tail_indirect",
        "return_call_ref" => "i32.const 100 call $tail_ref",
        "drop" => "local.get $zero drop",
        "select" => "local.get $i32 local.get $zero select",
        "typed_select" => "local.get $i32 local.get $zero select (result i32)",
        "local.get" => "local.get $i32 drop",
        "local.set" => "local.get $i32 local.set $out_i32",
        "local.tee" => "local.get $i32 local.tee $out_i32 drop",
        "global.get" => "global.get $g drop",
        "global.set" => "i32.const {i} global.set $g",
        "memory.size" => "memory.size drop",
        "memory.grow" => "local.get $zero memory.grow drop",
        "memory.copy" => "i32.const 64 i32.const 128 local.get $zero memory.copy",
        "memory.fill" => "i32.const 64 i32.const 1 local.get $zero memory.fill",
        "memory.init" => "i32.const 64 i32.const 0 local.get $zero memory.init $s",
        "data.drop" => "data.drop $s",
        "elem.drop" => "elem.drop $e",
        "i32.const" => "i32.const {i} drop",
        "i64.const" => "i64.const {i} drop",
        "f32.const" => "f32.const {i} drop",
        "f64.const" => "f64.const {i} drop",
        "v128.const" => "v128.const i64x2 {i} {i} drop",
        "ref.null" => "ref.null func drop",
        "ref.is_null" => "local.get $zero table.get $t ref.is_null drop",
        "ref.func" => "ref.func $empty drop",
        "ref.as_non_null" => "local.get $zero table.get $t ref.as_non_null drop",
        "br_on_null" => "block local.get $zero table.get $t br_on_null 0 drop end",
        "br_on_non_null" => {
            "block (result (ref func)) local.get $zero table.get $t br_on_non_null 0 global.get $r end drop"
        }
        "table.get" => "local.get $zero table.get $t drop",
        "table.set" => "i32.const 9 ref.null func table.set $t",
        "table.size" => "table.size $t drop",
        "table.grow" => "ref.null func local.get $zero table.grow $t drop",
        "table.fill" => "i32.const 9 ref.null func local.get $zero table.fill $t",
        "table.copy" => "i32.const 9 i32.const 1 local.get $zero table.copy $t $t",
        "table.init" => "i32.const 9 i32.const 0 local.get $zero table.init $t $e",
        _ => return None,
    };
    let mut snippet = Snippet {
        extra: COMMON.to_owned(),
        ..Snippet::of(body)
    };
    if operator.ends_with("select") {
        snippet.before = start("i32");
        snippet.after = keep("i32");
    } else if operator.starts_with("return_call") {
        snippet.repeated = 4;
    }
    Some(snippet)
}

/// Divisions of large numbers by small ones, which take the longest.
fn division(kind: &str, operator: &str) -> Snippet {
    let large = match kind {
        "i32" => "0x7ffffff1",
        _ => "0x7ffffffffffffff1",
    };
    Snippet {
        before: start(kind),
        body: format!("{kind}.const {large} {kind}.or local.get ${kind} {operator}"),
        after: keep(kind),
        ..Snippet::default()
    }
}
