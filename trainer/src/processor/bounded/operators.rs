//! What templates compute with, counted: operators, literals of lists, filters, tests and methods.

use std::sync::LazyLock;

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, Expression, State};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{ITEM, charge, too_much, weigh};

/// Namespaces of a rendering; one may hold another, and they are freed one within the other.
const NAMESPACES: usize = 1000;
/// The extension of a state that counts them.
#[derive(Default)]
struct Namespaces(usize);

/// Filters whose result is about as large as what they are given, but for what [`growth`] says. Those that call other
/// filters and tests by name (`map`, `select` and their kind) stay as they are: what they call is counted.
const FILTERS: [&str; 38] = [
    "batch",
    "capitalize",
    "chain",
    "default",
    "d",
    "dictsort",
    "e",
    "escape",
    "first",
    "format",
    "groupby",
    "indent",
    "items",
    "join",
    "last",
    "length",
    "count",
    "lines",
    "list",
    "lower",
    "max",
    "min",
    "pprint",
    "replace",
    "reverse",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "zip",
    "int",
    "float",
    "bool",
];

static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);
static SUM: LazyLock<Expression<'static, 'static>> = LazyLock::new(|| operator("l + r"));
static PRODUCT: LazyLock<Expression<'static, 'static>> = LazyLock::new(|| operator("l * r"));
static MEMBER: LazyLock<Expression<'static, 'static>> = LazyLock::new(|| operator("l in r"));

fn operator(source: &'static str) -> Expression<'static, 'static> {
    PLAIN
        .compile_expression(source)
        .expect("two names and an operator")
}

fn apply(operator: &Expression<'static, 'static>, l: Value, r: Value) -> Result<Value, Error> {
    operator.eval(Value::from_pairs([("l", l), ("r", r)]))
}

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function("~", |l: Value, r: Value| -> Result<Value, Error> {
        charge_all(&[&l, &r])?;
        Ok(Value::from(format!("{l}{r}")))
    });
    environment.add_function("+", |l: Value, r: Value| {
        charge_all(&[&l, &r])?;
        apply(&SUM, l, r)
    });
    environment.add_function("*", |l: Value, r: Value| {
        for (many, times) in [(&l, &r), (&r, &l)] {
            if let Ok(times) = u64::try_from(times.clone())
                && !many.is_number()
            {
                charge(weigh(many, 0)?.saturating_mul(times))?;
            }
        }
        apply(&PRODUCT, l, r)
    });
    environment.add_function("==", |l: Value, r: Value| equal(&l, &r));
    environment.add_function("!=", |l: Value, r: Value| equal(&l, &r).map(|equal| !equal));
    environment.add_function("in", member);
    environment.add_function("[]", |items: Rest<Value>| -> Result<Value, Error> {
        let list = Value::from(items.0);
        charge(weigh(&list, 0)?)?;
        Ok(list)
    });
    environment.add_function("()", |items: Rest<Value>| -> Result<Value, Error> {
        let tuple = Value::from(minijinja::value::Tuple::new(items.0));
        charge(weigh(&tuple, 0)?)?;
        Ok(tuple)
    });
    environment.add_function("{}", |items: Rest<Value>| -> Result<Value, Error> {
        let pairs = items.chunks_exact(2);
        let map = Value::from_pairs(pairs.map(|pair| (pair[0].clone(), pair[1].clone())));
        charge(weigh(&map, 0)?)?;
        Ok(map)
    });
    // It prints all there is.
    environment.remove_global("debug");
    environment.add_function(
        "dict",
        |state: &mut State, arguments: Rest<ValueOrKwargs>| {
            original("dict", state, &arguments.into_values())
        },
    );
    environment.add_function("namespace", namespace);

    for name in FILTERS {
        environment.add_filter(name, move |arguments: Rest<ValueOrKwargs>| {
            let arguments = arguments.into_values();
            charge_all(&arguments.iter().collect::<Vec<_>>())?;
            charge(growth(name, &arguments)?)?;
            let made = PLAIN.empty_state().apply_filter(name, &arguments)?;
            charge(weigh(&made, 0)?)?;
            Ok(made)
        });
    }
    for name in ["eq", "equalto", "=="] {
        environment.add_test(name, |l: Value, r: Value| equal(&l, &r));
    }
    environment.add_test("in", |l: Value, r: Value| {
        member(l, r).map(|found| found.is_true())
    });
    environment.set_unknown_method_callback(|state: &mut State, value, method, arguments| {
        charge(weigh(value, 0)?)?;
        charge_all(&arguments.iter().collect::<Vec<_>>())?;
        let all: Vec<Value> = std::iter::once(value).chain(arguments).cloned().collect();
        charge(growth(method, &all)?)?;
        let made = unknown_method_callback(state, value, method, arguments)?;
        charge(weigh(&made, 0)?)?;
        Ok(made)
    });
}

/// Calls a function of the engine's own.
fn original(name: &str, state: &mut State, arguments: &[Value]) -> Result<Value, Error> {
    charge_all(&arguments.iter().collect::<Vec<_>>())?;
    let function = PLAIN.empty_state().lookup(name).unwrap_or_default();
    function.call(state, arguments)
}

fn namespace(state: &mut State, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let made = state.get_or_insert_extension_with(Namespaces::default);
    made.0 += 1;
    if made.0 > NAMESPACES {
        return Err(too_much(format!(
            "it makes more than {NAMESPACES} namespaces"
        )));
    }
    original("namespace", state, &arguments.into_values())
}

fn equal(l: &Value, r: &Value) -> Result<bool, Error> {
    charge_all(&[l, r])?;
    Ok(l == r)
}

fn member(l: Value, r: Value) -> Result<Value, Error> {
    charge_all(&[&l, &r])?;
    apply(&MEMBER, l, r)
}

fn charge_all(values: &[&Value]) -> Result<(), Error> {
    values.iter().try_for_each(|value| charge(weigh(value, 0)?))
}

/// Bytes by which the result of a filter or method can be larger than all that it is given, or the work that it is
/// where that is more.
fn growth(name: &str, arguments: &[Value]) -> Result<u64, Error> {
    let text = |place: usize| arguments.get(place).and_then(Value::as_str);
    let number = |place: usize| {
        let number = arguments.get(place).cloned().map(u64::try_from);
        number.and_then(Result::ok).unwrap_or(0)
    };
    let length = |place: usize| text(place).map_or(0, |text| text.len() as u64);
    let items = |place: usize| {
        let items = arguments.get(place).and_then(Value::len);
        items.unwrap_or(0) as u64
    };
    Ok(match name {
        "replace" => {
            let matches = text(0).zip(text(1));
            let matches = matches.map_or(0, |(text, old)| text.matches(old).count() as u64);
            matches.saturating_mul(length(2))
        }
        // The filter has the list first, the method the text between.
        "join" => items(0)
            .saturating_mul(length(1))
            .max(items(1).saturating_mul(length(0))),
        "strip" | "lstrip" | "rstrip" | "trim" => length(0).saturating_mul(length(1)),
        "batch" | "slice" => number(1).saturating_mul(ITEM),
        "indent" => {
            let lines = text(0).map_or(0, |text| text.lines().count() as u64);
            let named = arguments
                .last()
                .and_then(|last| last.get_attr("width").ok());
            let named = named
                .and_then(|width| u64::try_from(width).ok())
                .unwrap_or(0);
            lines.saturating_mul(number(1).max(named))
        }
        "format" => {
            let text = text(0).unwrap_or_default();
            let mut digits = text.split(|c: char| !c.is_ascii_digit());
            if text.contains('*') || digits.any(|digits| digits.len() > 4) {
                return Err(too_much("it formats with a width that is not small".into()));
            }
            0
        }
        _ => 0,
    })
}
