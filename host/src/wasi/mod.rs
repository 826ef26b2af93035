//! A deterministic WASI 0.2 for guests whose language runtime insists on one.
//!
//! | What a guest asks for | What it gets |
//! |---|---|
//! | clocks | start at a fixed instant, a microsecond further at each reading; sleeping moves them and takes no time |
//! | random numbers, secure or not | one fixed sequence |
//! | environment, arguments, working folder | none |
//! | standard input | is at its end |
//! | standard output and error | lines of the log, where `log` is granted; else nothing |
//! | files | there is no folder to open one in |
//! | sockets, names | access denied |
//! | exit | ends the call (`trap`) |
//!
//! What is not listed can be imported but not be called: it needs a handle that nothing gives.
//! Every call costs fuel like any other host call.

mod clocks;
mod command_line;
mod io;
mod network;
mod random;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};

use crate::capability::LogLevel;
use crate::guest::GuestState;

pub(crate) use clocks::{START_SECONDS, VirtualClock};
pub(crate) use random::Sequence;

/// Packages of WASI that exist here, at any version 0.2.x.
const PACKAGES: [&str; 6] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Whether an import is an interface of the deterministic WASI.
pub(crate) fn is_interface(import: &str) -> bool {
    let Some((name, version)) = import.split_once('@') else {
        return false;
    };
    let package = name.split_once('/').map(|(package, _)| package);
    version.starts_with("0.2.") && package.is_some_and(|package| PACKAGES.contains(&package))
}

/// Defines what `component` imports of WASI, under the very versions that it names.
pub(crate) fn add_to_linker(
    linker: &mut Linker<GuestState>,
    component: &Component,
) -> wasmtime::Result<()> {
    let ty = component.component_type();
    let engine = linker.engine().clone();
    let mut imports = ty
        .imports(&engine)
        .filter(|(name, _)| is_interface(name))
        .peekable();
    if imports.peek().is_none() {
        return Ok(());
    }
    for (import, item) in imports {
        let mut instance = linker.instance(import)?;
        if let ComponentItem::ComponentInstance(exports) = &item.ty {
            for (name, export) in exports.exports(&engine) {
                if matches!(export.ty, ComponentItem::Resource(_)) {
                    instance.resource(name, resource(name), |_, _| Ok(()))?;
                }
            }
        }
        match import.split('@').next().unwrap_or(import) {
            "wasi:cli/environment" => command_line::environment(&mut instance)?,
            "wasi:cli/exit" => command_line::exit(&mut instance)?,
            "wasi:cli/stdin" => command_line::stdin(&mut instance)?,
            "wasi:cli/stdout" => command_line::output(&mut instance, "get-stdout", STDOUT)?,
            "wasi:cli/stderr" => command_line::output(&mut instance, "get-stderr", STDERR)?,
            "wasi:cli/terminal-stdin" => {
                command_line::no_terminal(&mut instance, "get-terminal-stdin")?;
            }
            "wasi:cli/terminal-stdout" => {
                command_line::no_terminal(&mut instance, "get-terminal-stdout")?;
            }
            "wasi:cli/terminal-stderr" => {
                command_line::no_terminal(&mut instance, "get-terminal-stderr")?;
            }
            "wasi:clocks/monotonic-clock" => clocks::monotonic(&mut instance)?,
            "wasi:clocks/wall-clock" => clocks::wall(&mut instance)?,
            "wasi:filesystem/preopens" => command_line::no_folders(&mut instance)?,
            "wasi:io/poll" => clocks::poll(&mut instance)?,
            "wasi:io/streams" => io::streams(&mut instance)?,
            "wasi:random/random" => random::secure(&mut instance)?,
            "wasi:random/insecure" => random::insecure(&mut instance)?,
            "wasi:random/insecure-seed" => random::seed(&mut instance)?,
            "wasi:sockets/instance-network" => network::instance_network(&mut instance)?,
            "wasi:sockets/ip-name-lookup" => {
                network::denied(&mut instance, "resolve-addresses")?;
            }
            "wasi:sockets/tcp-create-socket" => {
                network::denied(&mut instance, "create-tcp-socket")?;
            }
            "wasi:sockets/udp-create-socket" => {
                network::denied(&mut instance, "create-udp-socket")?;
            }
            _ => {}
        }
    }
    // The rest only works on handles (files, sockets, terminals) that no guest has.
    linker.define_unknown_imports_as_traps(component)
}

/// The host's type for a resource. An interface that uses one of another names it again, so every
/// interface must give the same.
fn resource(name: &str) -> ResourceType {
    match name {
        "error" => ResourceType::host::<io::Error>(),
        "pollable" => ResourceType::host::<clocks::Pollable>(),
        "input-stream" => ResourceType::host::<io::Input>(),
        "output-stream" => ResourceType::host::<io::Output>(),
        "network" => ResourceType::host::<network::Network>(),
        // Files, sockets and terminals: no guest ever has one.
        _ => ResourceType::host::<()>(),
    }
}

/// Handle of the stream of standard output.
const STDOUT: u32 = 1;
/// Handle of the stream of standard error.
const STDERR: u32 = 2;
/// Bytes of standard error that a trap's message shows.
const TAIL: usize = 1_000;
/// Bytes of a line that are kept.
const LINE: usize = 4_096;

/// What WASI remembers of a guest.
#[derive(Default)]
pub(crate) struct Wasi {
    clock: VirtualClock,
    random: Sequence,
    /// Lines of standard output and error that have not ended yet.
    lines: [Vec<u8>; 2],
    /// The end of what was written to standard error.
    tail: Vec<u8>,
}

/// Takes what a guest writes to one of its output streams.
fn write(state: &mut GuestState, stream: u32, bytes: &[u8]) {
    if stream == STDERR {
        let tail = &mut state.wasi.tail;
        tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
    if !state.grants.as_deref().is_some_and(|grants| grants.log) {
        return;
    }
    for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
        let line = &mut state.wasi.lines[usize::from(stream == STDERR)];
        let room = LINE.saturating_sub(line.len());
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.ends_with(b"\n") {
            end_line(state, stream);
        }
    }
}

fn end_line(state: &mut GuestState, stream: u32) {
    let line = std::mem::take(&mut state.wasi.lines[usize::from(stream == STDERR)]);
    let level = match stream {
        STDERR => LogLevel::Warn,
        _ => LogLevel::Info,
    };
    let text = String::from_utf8_lossy(&line);
    state.log.push(level, text.trim_end());
}

/// Ends the last lines; returns the end of what stands on standard error, if anything does.
pub(crate) fn finish(state: &mut GuestState) -> Option<String> {
    for stream in [STDOUT, STDERR] {
        if !state.wasi.lines[usize::from(stream == STDERR)].is_empty() {
            end_line(state, stream);
        }
    }
    let tail = String::from_utf8_lossy(&state.wasi.tail);
    let tail = tail.trim();
    (!tail.is_empty()).then(|| tail.to_owned())
}
