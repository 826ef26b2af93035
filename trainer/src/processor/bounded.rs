//! Jinja whose work is bounded: a template comes with a model folder, which a stranger may have written.
//!
//! Two things are counted for each rendering. *Fuel* is instructions. The *budget* is what instructions move: bytes
//! of texts and items of lists. So a text that doubles forty times, a list that holds itself twice forty times over,
//! or `replace` within `replace` ends with an error, and not with the machine's memory.
//!
//! The engine has no hook at its operators. Therefore a template is compiled here, by the engine's own parts, and
//! operators and literals of lists become calls of the functions in [`operators`].

mod operators;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::machinery::{CodeGenerator, Instruction, Instructions, Token};
use minijinja::machinery::{eval, make_string_output, parse, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State};

/// Instructions of a rendering: a conversation of thousands of messages needs some tens for each.
const FUEL: u64 = 1_000_000;
/// Bytes that a rendering moves; an item of a list counts [`ITEM`].
const BUDGET: u64 = 256 << 20;
const ITEM: u64 = 64;
/// Lists within lists.
pub(super) const DEPTH: u32 = 64;
/// Bytes of a template: ten times the longest published ones.
const LONGEST: usize = 1 << 20;
/// Plain text between tags that is longer counts to the budget each time; shorter ones are bounded by the fuel.
const SHORT: usize = 256;
/// Multiplications in a template: those of literals are done while it is compiled.
const PRODUCTS: usize = 4;

thread_local! {
    /// What is left for the rendering that this thread does.
    static LEFT: Cell<u64> = const { Cell::new(BUDGET) };
}

/// A template that was compiled.
#[derive(Clone)]
pub(super) struct Bounded {
    environment: Arc<Environment<'static>>,
    program: Arc<Program>,
}

struct Program {
    main: Instructions<'static>,
    blocks: BTreeMap<&'static str, Instructions<'static>>,
}

impl fmt::Debug for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").finish_non_exhaustive()
    }
}

impl Bounded {
    /// Compiles `source` for an `environment` that [`bound`] has prepared. The text is kept for as long as the
    /// process lives: instructions refer to it, and a process has one or two.
    pub(super) fn new(
        environment: Arc<Environment<'static>>,
        source: String,
        syntax: SyntaxConfig,
    ) -> Result<Self, Error> {
        if source.len() > LONGEST {
            return Err(too_much(format!("it is longer than {LONGEST} bytes")));
        }
        let source: &'static str = source.leak();
        check_products(source, &syntax)?;
        let parsed = parse(source, "template", syntax)?;
        let mut generator = CodeGenerator::new("template", source);
        generator.compile_stmt(&parsed);
        let (main, blocks) = generator.finish();
        let blocks = blocks
            .into_iter()
            .map(|(name, block)| (name, counted(&block)));
        Ok(Self {
            environment,
            program: Arc::new(Program {
                main: counted(&main),
                blocks: blocks.collect(),
            }),
        })
    }

    /// The text that the template makes of `context`.
    pub(super) fn render(&self, context: Value) -> Result<String, Error> {
        LEFT.set(BUDGET);
        let mut text = String::new();
        let output = &mut make_string_output(&mut text);
        let program = &self.program;
        eval(
            &self.environment,
            &program.main,
            context,
            &program.blocks,
            output,
            AutoEscape::None,
        )?;
        Ok(text)
    }
}

/// Gives an environment its fuel, and functions, filters, tests and methods that count.
pub(super) fn bound(environment: &mut Environment<'static>) {
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(|out: &mut Output, state: &mut State, value: &Value| {
        charge(weigh(value, 0)?)?;
        minijinja::escape_formatter(out, state, value)
    });
    operators::add_to(environment);
}

/// Takes `bytes` from what is left.
fn charge(bytes: u64) -> Result<(), Error> {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(bytes));
    if bytes > left {
        return Err(too_much(format!(
            "it makes or goes through more than {BUDGET} bytes of text and lists"
        )));
    }
    Ok(())
}

fn too_much(what: String) -> Error {
    Error::new(ErrorKind::OutOfFuel, what)
}

/// Counts a value that becomes JSON with these texts before, after and between its items.
pub(super) fn charge_json(value: &Value, between: u64) -> Result<(), Error> {
    let bytes = weigh(value, 0)?;
    charge(bytes.saturating_add((bytes / ITEM).saturating_mul(between)))
}

/// Bytes of a value, items of items included: what it takes to write it, compare it or copy it.
fn weigh(value: &Value, depth: u32) -> Result<u64, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.len() as u64 + 1);
    }
    if depth > DEPTH {
        return Err(too_much(format!(
            "its lists are nested deeper than {DEPTH}"
        )));
    }
    let is_map = value.kind() == ValueKind::Map;
    if !is_map && !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(ITEM);
    }
    let mut sum = ITEM;
    for item in value.try_iter()? {
        sum += ITEM + weigh(&item, depth + 1)?;
        if is_map {
            sum += weigh(&value.get_item(&item)?, depth + 1)?;
        }
        if sum > LEFT.get() {
            break;
        }
    }
    Ok(sum)
}

/// Folding of constants happens outside of all counting.
fn check_products(source: &str, syntax: &SyntaxConfig) -> Result<(), Error> {
    let mut products = 0;
    for token in tokenize(source, false, syntax.clone()) {
        products += usize::from(matches!(token?.0, Token::Mul));
    }
    if products > PRODUCTS {
        return Err(too_much(format!(
            "it multiplies in {products} places; {PRODUCTS} are the most"
        )));
    }
    Ok(())
}

/// The same instructions, where what can be large is counted.
fn counted(plain: &Instructions<'static>) -> Instructions<'static> {
    // Long texts become two instructions: whatever jumps behind them jumps further.
    let mut places = Vec::new();
    let mut length = 0;
    let mut next = 0;
    while let Some(instruction) = plain.get(next) {
        places.push(length);
        length += if is_long(instruction) { 2 } else { 1 };
        next += 1;
    }
    places.push(length);
    let place = |old: u32| places.get(old as usize).copied().unwrap_or(length);
    let mut made = Instructions::new(plain.name(), plain.source());
    for (number, old) in (0..next).filter_map(|n| Some((n, plain.get(n)?))) {
        let line = plain.get_line(number).unwrap_or(0);
        let line = u16::try_from(line).unwrap_or(u16::MAX);
        let call = |name, count| Instruction::CallFunction(name, Some(count));
        let many = |name, count: usize| u16::try_from(count).ok().map(|count| call(name, count));
        let new = match old {
            Instruction::EmitRaw(text) if is_long(old) => {
                made.add_with_line(Instruction::LoadConst(Value::from(*text)), line);
                Instruction::Emit
            }
            Instruction::Add => call("+", 2),
            Instruction::Mul => call("*", 2),
            Instruction::StringConcat => call("~", 2),
            Instruction::Eq => call("==", 2),
            Instruction::Ne => call("!=", 2),
            Instruction::In => call("in", 2),
            Instruction::BuildList(Some(count)) => {
                many("[]", *count).unwrap_or_else(|| old.clone())
            }
            Instruction::BuildTuple(Some(count)) => {
                many("()", *count).unwrap_or_else(|| old.clone())
            }
            Instruction::BuildMap(pairs) => many("{}", 2 * pairs).unwrap_or_else(|| old.clone()),
            Instruction::Iterate(to) => Instruction::Iterate(place(*to)),
            Instruction::Jump(to) => Instruction::Jump(place(*to)),
            Instruction::JumpIfFalse(to) => Instruction::JumpIfFalse(place(*to)),
            Instruction::JumpIfFalseOrPop(to) => Instruction::JumpIfFalseOrPop(place(*to)),
            Instruction::JumpIfTrueOrPop(to) => Instruction::JumpIfTrueOrPop(place(*to)),
            Instruction::BuildMacro(name, to, flags) => {
                Instruction::BuildMacro(name, place(*to), *flags)
            }
            other => other.clone(),
        };
        match plain.get_span(number) {
            Some(span) => made.add_with_span(new, span),
            None => made.add_with_line(new, line),
        };
    }
    made
}

fn is_long(instruction: &Instruction<'_>) -> bool {
    matches!(instruction, Instruction::EmitRaw(text) if text.len() > SHORT)
}
