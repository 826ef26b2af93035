//! What a component may not be made of, though the engine would take it: ways to let the engine work for no fuel.
//!
//! Whoever compiles looks first: in the child, if there is one, since the parent parses nothing of a stranger's.

use std::ops::ControlFlow;

use wasmparser::{BlockType, CompositeInnerType, FuncType, Operator, Parser, Payload};

/// Values that a function may return, and that a block may take or leave. Moving them costs no fuel, and each
/// takes about as long as an operation. No compiler for WebAssembly makes use of more than a few.
const MOST_VALUES: usize = 8;

/// Checks a component's bytes, whether or not they are valid in all else.
///
/// # Errors
/// What is refused, and the way out.
pub(crate) fn check(component: &[u8]) -> Result<(), String> {
    let mut modules: Vec<Types> = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| error.to_string())? {
            Payload::Version { .. } => modules.push(Types::default()),
            Payload::End(_) => drop(modules.pop()),
            Payload::TypeSection(groups) => {
                if let Some(module) = modules.last_mut() {
                    for group in groups {
                        let group = group.map_err(|error| error.to_string())?;
                        for sub in group.into_types() {
                            module.add(&sub.composite_type.inner)?;
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let module = modules.last().map_or(&[][..], |module| &module.parameters);
                let mut operators = body.get_operators_reader().map_err(|e| e.to_string())?;
                while !operators.eof() {
                    let operator = operators.read().map_err(|error| error.to_string())?;
                    if let ControlFlow::Break(count) = block(&operator, module) {
                        return Err(too_many(count, "a block takes"));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The types of a module: how many values each takes as a function or block.
#[derive(Default)]
struct Types {
    parameters: Vec<usize>,
}

impl Types {
    fn add(&mut self, kind: &CompositeInnerType) -> Result<(), String> {
        let (parameters, results) = match kind {
            CompositeInnerType::Func(function) => counts(function),
            // The engine refuses what is no function.
            _ => (0, 0),
        };
        if results > MOST_VALUES {
            return Err(too_many(results, "a function or block returns"));
        }
        self.parameters.push(parameters);
        Ok(())
    }
}

fn counts(function: &FuncType) -> (usize, usize) {
    (function.params().len(), function.results().len())
}

/// Breaks with the number of values that a block takes, if those are too many.
fn block(operator: &Operator<'_>, parameters: &[usize]) -> ControlFlow<usize> {
    let (Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty }) =
        operator
    else {
        return ControlFlow::Continue(());
    };
    match blockty {
        BlockType::FuncType(index) => match parameters.get(*index as usize) {
            Some(&count) if count > MOST_VALUES => ControlFlow::Break(count),
            _ => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    }
}

fn too_many(count: usize, what: &str) -> String {
    format!(
        "{what} {count} values, more than {MOST_VALUES}: the engine would move them for no fuel; let the compiler \
         pass them through memory"
    )
}
