//! Every operator of WebAssembly, and a piece of code that executes it again and again.
//!
//! The list is wasmparser's, so an operator that a new version adds is missing from no table: a test looks
//! whether each is measured, refused by the engine, or named here with a reason.

use super::special;

/// An operator.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    /// The proposal that it came with.
    pub(super) proposal: &'static str,
    /// Its name in the text format, such as `i32.add`.
    pub(super) text: String,
    /// How many operands and results it has, such as `2 -> 1`.
    arity: &'static str,
}

/// A piece of code around an operator. It leaves the stack as it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Snippet {
    /// What it imports.
    pub(super) imports: String,
    /// Tables, segments and functions that it needs.
    pub(super) extra: String,
    /// What stands before the repetitions, once in a round.
    pub(super) before: String,
    /// One repetition.
    pub(super) body: String,
    /// What stands behind the repetitions.
    pub(super) after: String,
    /// Repetitions in a round; 0 for as many as usual.
    pub(super) repeated: usize,
}

impl Snippet {
    /// A repetition that needs nothing else.
    pub(super) fn of(body: &str) -> Self {
        Self {
            body: body.to_owned(),
            ..Self::default()
        }
    }
}

/// Proposals whose operators the engine of the sandbox takes. Those of all others are refused at load.
pub(super) const ENABLED: [&str; 8] = [
    "mvp",
    "sign_extension",
    "saturating_float_to_int",
    "bulk_memory",
    "reference_types",
    "tail_call",
    "function_references",
    "simd",
];

/// Operators that are taken and not measured, and why.
pub(super) const NOT_MEASURED: [(&str, &str); 2] = [
    ("unreachable", "it ends the call"),
    (
        "typed_select_multi",
        "a `select` of several values is valid in no version of WebAssembly",
    ),
];

type Row = (&'static str, &'static str, &'static str);

macro_rules! rows {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        &[$( (stringify!($proposal), stringify!($visit), stringify!($($ann)*)) ),*]
    };
}

const ROWS: &[Row] = wasmparser::for_each_operator!(rows);

/// All operators of proposals that the engine takes.
pub(super) fn enabled() -> impl Iterator<Item = Operator> {
    all().filter(|operator| ENABLED.contains(&operator.proposal))
}

fn all() -> impl Iterator<Item = Operator> {
    ROWS.iter().map(|(proposal, visit, annotation)| Operator {
        proposal,
        text: text(visit.trim_start_matches("visit_")),
        arity: annotation.trim_start_matches("arity").trim(),
    })
}

/// The name in the text format: what stands before the first dot is a type or a kind of thing.
fn text(name: &str) -> String {
    const DOTTED: [&str; 17] = [
        "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2",
        "local", "global", "memory", "table", "ref", "data",
    ];
    match name.split_once('_') {
        Some((kind, rest)) if DOTTED.contains(&kind) || kind == "elem" => format!("{kind}.{rest}"),
        _ => name.to_owned(),
    }
}

/// Code for an operator; `None` where it is not measured.
pub(super) fn snippet(operator: &Operator) -> Option<Snippet> {
    special::snippet(&operator.text).or_else(|| generic(operator))
}

/// A type of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    I32,
    I64,
    F32,
    F64,
    V128,
}

impl Type {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "i32" => Self::I32,
            "i64" => Self::I64,
            "f32" => Self::F32,
            "f64" => Self::F64,
            "v128" | "i8x16" | "i16x8" | "i32x4" | "i64x2" | "f32x4" | "f64x2" => Self::V128,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
        }
    }

    /// The cheapest way from another type.
    fn from(self, other: Self) -> &'static str {
        match (other, self) {
            (Self::I32, Self::I64) => "i64.extend_i32_u",
            (Self::I32, Self::F32) => "f32.convert_i32_s",
            (Self::I32, Self::F64) => "f64.convert_i32_s",
            (Self::I32, Self::V128) => "i32x4.splat",
            (Self::I64, Self::I32) => "i32.wrap_i64",
            (Self::I64, Self::F32) => "f32.convert_i64_s",
            (Self::I64, Self::F64) => "f64.convert_i64_s",
            (Self::I64, Self::V128) => "i64x2.splat",
            (Self::F32, Self::I32) => "i32.reinterpret_f32",
            (Self::F32, Self::I64) => "i32.reinterpret_f32 i64.extend_i32_u",
            (Self::F32, Self::F64) => "f64.promote_f32",
            (Self::F32, Self::V128) => "f32x4.splat",
            (Self::F64, Self::I32) => "i64.reinterpret_f64 i32.wrap_i64",
            (Self::F64, Self::I64) => "i64.reinterpret_f64",
            (Self::F64, Self::F32) => "f32.demote_f64",
            (Self::F64, Self::V128) => "f64x2.splat",
            (Self::V128, Self::I32) => "i32x4.extract_lane 0",
            (Self::V128, Self::I64) => "i64x2.extract_lane 0",
            (Self::V128, Self::F32) => "f32x4.extract_lane 0",
            (Self::V128, Self::F64) => "f64x2.extract_lane 0",
            _ => "",
        }
    }
}

/// Code for an operator whose type its name tells: each repetition takes the result of the one before, so that
/// none can be left out and none can run beside another.
fn generic(operator: &Operator) -> Option<Snippet> {
    let (kind, rest) = operator.text.split_once('.')?;
    let own = Type::named(kind)?;
    let (parameters, result) = signature(operator, kind, own, rest)?;
    let immediate = if rest.ends_with("_lane") && rest.starts_with(['l', 's']) {
        " offset=0 0"
    } else if rest.contains("_lane") {
        " 0"
    } else if rest == "shuffle" {
        " 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31"
    } else {
        ""
    };
    let get = |kind: &Type| format!("local.get ${}", kind.name());
    let code = format!("{}{immediate}", operator.text);
    let Some(result) = result else {
        // A store: its address is a constant, its value any.
        let operands: Vec<_> = parameters[1..].iter().map(get).collect();
        return Some(Snippet::of(&format!(
            "i32.const 64 {} {code}",
            operands.join(" ")
        )));
    };
    let first = parameters[0];
    let (before, body) = if rest.ends_with("_lane") && rest.starts_with("load") {
        // The vector is the second operand.
        let body = format!("local.set $v local.get $zero local.get $v {code}");
        (start("v128"), body)
    } else {
        let others: Vec<_> = parameters[1..].iter().map(get).collect();
        let body = format!("{} {code} {}", others.join(" "), first.from(result));
        let before = if rest.contains("load") {
            "local.get $zero".to_owned()
        } else {
            start(first.name())
        };
        (before, body)
    };
    let left = if code.starts_with("v128.load") && code.contains("_lane") {
        result
    } else {
        first
    };
    Some(Snippet {
        before,
        body,
        after: keep(left.name()),
        ..Snippet::default()
    })
}

/// A value to start from. It comes from memory in each round: what is the same in all of them, the compiler would
/// compute but once.
pub(super) fn start(kind: &str) -> String {
    let place = match kind {
        "i32" => 16448,
        "i64" => 16464,
        "f32" => 16480,
        "f64" => 16496,
        _ => 16512,
    };
    format!("i32.const {place} {kind}.load")
}

/// Stores what stands on the stack, so that the compiler can't leave out what led to it.
pub(super) fn keep(kind: &str) -> String {
    format!("local.set $out_{kind} i32.const 128 local.get $out_{kind} {kind}.store")
}

/// Operands and result, if it has one.
fn signature(
    operator: &Operator,
    kind: &str,
    own: Type,
    rest: &str,
) -> Option<(Vec<Type>, Option<Type>)> {
    let lanes = own == Type::V128 && kind != "v128";
    let lane = match kind {
        "i64x2" => Type::I64,
        "f32x4" => Type::F32,
        "f64x2" => Type::F64,
        _ => Type::I32,
    };
    let compares = ["eq", "ne", "lt", "gt", "le", "ge"]
        .iter()
        .any(|word| rest == *word || rest.starts_with(&format!("{word}_")));
    let source = || rest.split('_').find_map(Type::named);
    Some(match operator.arity {
        _ if rest == "const" => return None,
        "1 -> 1" if rest.contains("load") => (vec![Type::I32], Some(own)),
        "2 -> 1" if rest.contains("load") => (vec![Type::I32, Type::V128], Some(own)),
        "2 -> 0" if rest.contains("store") => (vec![Type::I32, own], None),
        "1 -> 1" if rest == "eqz" => (vec![own], Some(Type::I32)),
        "1 -> 1" if rest == "splat" => (vec![lane], Some(own)),
        "1 -> 1" if rest.starts_with("extract_lane") => (vec![own], Some(lane)),
        "1 -> 1" if ["any_true", "all_true", "bitmask"].contains(&rest) => {
            (vec![own], Some(Type::I32))
        }
        "1 -> 1" if lanes => (vec![own], Some(own)),
        "1 -> 1" => (vec![source().unwrap_or(own)], Some(own)),
        "2 -> 1" if rest == "replace_lane" => (vec![own, lane], Some(own)),
        "2 -> 1" if lanes && rest.starts_with("sh") && rest != "shuffle" => {
            (vec![own, Type::I32], Some(own))
        }
        "2 -> 1" if compares && !lanes => (vec![own, own], Some(Type::I32)),
        "2 -> 1" => (vec![own, own], Some(own)),
        "3 -> 1" if own == Type::V128 => (vec![own; 3], Some(own)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_that_the_engine_takes_is_measured_or_has_a_reason() {
        let mut count = 0;
        for operator in enabled() {
            let excused = NOT_MEASURED.iter().any(|(name, _)| *name == operator.text);
            assert_ne!(snippet(&operator).is_some(), excused, "{}", operator.text);
            count += 1;
        }
        assert!(count > 430, "{count}");
    }

    #[test]
    fn every_snippet_is_valid() {
        let bare = |snippet: &Snippet| super::super::guest::module(snippet, 1);
        let operators = enabled().filter_map(|operator| {
            let snippet = snippet(&operator)?;
            Some((operator.text, snippet))
        });
        let programs = super::super::programs::all().into_iter();
        for (name, snippet) in operators.chain(programs.map(|it| (it.name, it.snippet))) {
            let text = bare(&snippet);
            let valid = wat::parse_str(&text)
                .map_err(|error| error.to_string())
                .and_then(|bytes| wasmparser::validate(&bytes).map_err(|error| error.to_string()));
            assert_eq!(valid.err(), None, "{name}");
        }
    }
}
