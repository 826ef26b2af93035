//! WASI preview 1 for the start of a module: a clock, random numbers, and neither arguments nor files.

use wasmtime::{Caller, Extern, ExternType, Linker, Memory, Module, Store, Val};

use super::State;
use crate::wasi::{START_SECONDS, Sequence};

const WASI: &str = "wasi_snapshot_preview1";
/// Bytes of what it prints that an error shows: the first lines say what, the stacks after them where.
const SHOWN: usize = 800;

/// Status codes.
const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;
const BAD_ADDRESS: i32 = 21;

/// Sizes of the records `subscription` and `event`.
const SUBSCRIPTION: usize = 48;
const EVENT: usize = 32;

/// What a start has seen and printed.
#[derive(Default)]
pub(super) struct Wasi {
    /// Nanoseconds since the start, one for each reading: before all that an instance's clock shows.
    now: u64,
    /// Whether `now` has come to a moment that was waited for.
    slept: bool,
    random: Sequence,
    printed: Vec<u8>,
}

impl Wasi {
    pub(super) fn slept(&self) -> bool {
        self.slept
    }

    pub(super) fn printed(&self) -> &[u8] {
        &self.printed
    }
}

/// What WASI gives a module without files; the host's own functions stop it.
pub(super) fn linker(store: &mut Store<State>, module: &Module) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(module.engine());
    linker.func_wrap(WASI, "clock_time_get", time)?;
    linker.func_wrap(WASI, "random_get", random)?;
    for name in ["args_sizes_get", "environ_sizes_get"] {
        linker.func_wrap(WASI, name, none)?;
    }
    for name in ["args_get", "environ_get"] {
        linker.func_wrap(WASI, name, |_: i32, _: i32| SUCCESS)?;
    }
    linker.func_wrap(WASI, "sched_yield", || SUCCESS)?;
    linker.func_wrap(WASI, "poll_oneoff", poll)?;
    linker.func_wrap(WASI, "fd_write", print)?;
    linker.func_wrap(WASI, "proc_exit", |status: i32| -> wasmtime::Result<()> {
        let message = format!("ends the program with status {status}");
        Err(wasmtime::Error::msg(message))
    })?;
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        if linker.try_get_by_import(&mut *store, &import)?.is_some() {
            continue;
        }
        // What is left of WASI takes a descriptor of a file or socket, and none is open.
        let is_wasi = import.module() == WASI && ty.results().len() == 1;
        let message = format!(
            "calls `{}` of `{}`, which only a call of the plugin can",
            import.name(),
            import.module()
        );
        linker.func_new(import.module(), import.name(), ty, move |_, _, results| {
            match results {
                [status] if is_wasi => *status = Val::I32(BAD_DESCRIPTOR),
                _ => return Err(wasmtime::Error::msg(message.clone())),
            }
            Ok(())
        })?;
    }
    Ok(linker)
}

/// `clock_time_get`
fn time(mut caller: Caller<'_, State>, clock: i32, _: i64, at: i32) -> wasmtime::Result<i32> {
    let wasi = &mut caller.data_mut().wasi;
    // Go refuses a clock that shows zero.
    wasi.now += 1;
    let time = epoch(clock.cast_unsigned()) + wasi.now;
    write(&mut caller, at, &time.to_le_bytes())
}

/// What a clock (0 is the wall's) shows at the start.
fn epoch(clock: u32) -> u64 {
    if clock == 0 {
        START_SECONDS * 1_000_000_000
    } else {
        0
    }
}

/// `random_get`
fn random(mut caller: Caller<'_, State>, at: i32, length: i32) -> wasmtime::Result<i32> {
    let length = length.cast_unsigned() as usize;
    if length > memory(&mut caller)?.data_size(&caller) {
        return Ok(BAD_ADDRESS);
    }
    let bytes = caller.data_mut().wasi.random.bytes(length);
    write(&mut caller, at, &bytes)
}

/// `args_sizes_get` and `environ_sizes_get`
fn none(mut caller: Caller<'_, State>, count: i32, size: i32) -> wasmtime::Result<i32> {
    write(&mut caller, count, &[0; 4])?;
    write(&mut caller, size, &[0; 4])
}

/// `poll_oneoff`: sleeping moves the clock and takes no time (Go sleeps before it tells of a panic); nothing else can
/// be waited for.
fn poll(
    mut caller: Caller<'_, State>,
    subscriptions: i32,
    events: i32,
    count: i32,
    happened: i32,
) -> wasmtime::Result<i32> {
    let memory = memory(&mut caller)?;
    let (data, state) = memory.data_and_store_mut(&mut caller);
    let start = subscriptions.cast_unsigned() as usize;
    let size = count.cast_unsigned() as usize * SUBSCRIPTION;
    let Some(asked) = data.get(start..start + size) else {
        return Ok(BAD_ADDRESS);
    };
    let asked: Vec<_> = asked
        .chunks_exact(SUBSCRIPTION)
        .map(|record| Waiting::read(record, state.wasi.now))
        .collect();
    if let Some(first) = asked.iter().map(|waiting| waiting.until).min() {
        state.wasi.slept |= first > state.wasi.now;
        state.wasi.now = state.wasi.now.max(first);
    }
    let now = state.wasi.now;
    let mut answer = Vec::new();
    for waiting in asked.iter().filter(|waiting| waiting.until <= now) {
        answer.extend_from_slice(&waiting.event());
    }
    let number = (answer.len() / EVENT) as u32;
    match write(&mut caller, events, &answer)? {
        SUCCESS => write(&mut caller, happened, &number.to_le_bytes()),
        fault => Ok(fault),
    }
}

/// One of the things that a guest waits for.
struct Waiting {
    user: [u8; 8],
    /// 0 is a clock, what else there is a descriptor.
    kind: u8,
    /// The moment by the clock of [`Wasi::now`].
    until: u64,
}

impl Waiting {
    /// A `subscription`: its user's word, the kind at 8, and of a clock the clock at 16, the time at 24 and at 40
    /// whether that is a moment and no duration.
    fn read(record: &[u8], now: u64) -> Self {
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&record[at..at + 8]);
            bytes
        };
        let time = u64::from_le_bytes(word(24));
        let clock = u64::from_le_bytes(word(16)) as u32;
        let until = match (record[8], record[40] & 1) {
            (0, 0) => now.saturating_add(time),
            (0, _) => time.saturating_sub(epoch(clock)),
            _ => 0,
        };
        Self {
            user: word(0),
            kind: record[8],
            until,
        }
    }

    /// An `event`: the user's word, the status at 8 and the kind at 10.
    fn event(&self) -> [u8; EVENT] {
        let mut event = [0; EVENT];
        event[..8].copy_from_slice(&self.user);
        // No descriptor is open.
        let status = if self.kind == 0 {
            SUCCESS
        } else {
            BAD_DESCRIPTOR
        };
        event[8..10].copy_from_slice(&(status as u16).to_le_bytes());
        event[10] = self.kind;
        event
    }
}

/// `fd_write`: what is printed explains a failure.
fn print(
    mut caller: Caller<'_, State>,
    _: i32,
    pieces: i32,
    count: i32,
    written: i32,
) -> wasmtime::Result<i32> {
    let memory = memory(&mut caller)?;
    let (data, state) = memory.data_and_store_mut(&mut caller);
    let word = |at: usize| {
        let bytes = data.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let mut total = 0_u32;
    for piece in 0..count.cast_unsigned() as usize {
        let at = pieces.cast_unsigned() as usize + piece * 8;
        let (Some(start), Some(length)) = (word(at), word(at + 4)) else {
            return Ok(BAD_ADDRESS);
        };
        let Some(bytes) = data.get(start as usize..start as usize + length as usize) else {
            return Ok(BAD_ADDRESS);
        };
        total = total.wrapping_add(length);
        let room = SHOWN.saturating_sub(state.wasi.printed.len());
        state.wasi.printed.extend(bytes.iter().take(room));
    }
    write(&mut caller, written, &total.to_le_bytes())
}

fn memory(caller: &mut Caller<'_, State>) -> wasmtime::Result<Memory> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| wasmtime::Error::msg("exports no memory"))
}

fn write(caller: &mut Caller<'_, State>, at: i32, bytes: &[u8]) -> wasmtime::Result<i32> {
    let memory = memory(caller)?;
    let done = memory.write(caller, at.cast_unsigned() as usize, bytes);
    Ok(done.map_or(BAD_ADDRESS, |()| SUCCESS))
}
