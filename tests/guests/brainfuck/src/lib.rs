//! An interpreter for Urban Müller's language of eight instructions: small, and able to loop for ever,
//! to ask for memory without end and to fail, as programs of any language are.
//!
//! `#` prints what an earlier program of this instance left behind, of which there must be nothing.

#![cfg(target_arch = "wasm32")]

#[allow(clippy::pedantic, clippy::undocumented_unsafe_blocks)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "code-interpreter",
    });
}

use bindings::exports::rlhost::plugin::code::{Finished, Guest, InterpreterInfo, Program};
use std::sync::atomic::{AtomicU32, Ordering};

struct Brainfuck;

/// Programs that this instance ran.
static RUNS: AtomicU32 = AtomicU32::new(0);

impl Guest for Brainfuck {
    fn describe() -> InterpreterInfo {
        InterpreterInfo {
            name: "brainfuck".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            languages: vec!["brainfuck".to_owned()],
        }
    }

    fn run(_language: String, program: Program) -> Result<Finished, String> {
        let earlier = RUNS.fetch_add(1, Ordering::Relaxed);
        let input = match program.files.iter().find(|file| file.path == "input") {
            Some(file) => file.content.clone(),
            None => program.stdin.into_bytes(),
        };
        let (exit_code, stdout, stderr) = match run(program.source.as_bytes(), &input, earlier) {
            Ok(output) => (0, output, String::new()),
            Err(message) => (1, Vec::new(), message),
        };
        Ok(Finished {
            exit_code,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr,
        })
    }
}

fn run(source: &[u8], input: &[u8], earlier: u32) -> Result<Vec<u8>, String> {
    let mut input = input.iter();
    let mut output = Vec::new();
    let mut tape = vec![0u8];
    let (mut cell, mut at) = (0, 0);
    while at < source.len() {
        match source[at] {
            b'>' => {
                cell += 1;
                if cell == tape.len() {
                    tape.push(0);
                }
            }
            b'<' => cell = cell.checked_sub(1).ok_or("left of the first cell")?,
            b'+' => tape[cell] = tape[cell].wrapping_add(1),
            b'-' => tape[cell] = tape[cell].wrapping_sub(1),
            b'.' => output.push(tape[cell]),
            b',' => tape[cell] = input.next().copied().unwrap_or(0),
            b'[' if tape[cell] == 0 => at = partner(source, at, 1)?,
            b']' if tape[cell] != 0 => at = partner(source, at, -1)?,
            b'#' => output.extend(earlier.to_string().bytes()),
            _ => {}
        }
        at += 1;
    }
    Ok(output)
}

/// The place of the bracket that belongs to the one at `at`.
fn partner(source: &[u8], mut at: usize, step: isize) -> Result<usize, String> {
    let mut depth = 0isize;
    loop {
        match source.get(at) {
            Some(b'[') => depth += 1,
            Some(b']') => depth -= 1,
            Some(_) => {}
            None => return Err("a bracket without a partner".to_owned()),
        }
        if depth == 0 {
            return Ok(at);
        }
        at = at.wrapping_add_signed(step);
    }
}

bindings::export!(Brainfuck with_types_in bindings);
