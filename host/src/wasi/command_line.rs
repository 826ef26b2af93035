//! What a program finds around it: nothing but standard streams.

use wasmtime::component::{LinkerInstance, Resource, Val};

use crate::guest::{GuestState, charge};

use super::io::{Input, Output};

/// `wasi:cli/environment`
pub(super) fn environment(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap("get-environment", |mut store, (): ()| {
        charge(&mut store, 0)?;
        Ok((Vec::<(String, String)>::new(),))
    })?;
    instance.func_wrap("get-arguments", |mut store, (): ()| {
        charge(&mut store, 0)?;
        Ok((Vec::<String>::new(),))
    })?;
    instance.func_wrap("initial-cwd", |mut store, (): ()| {
        charge(&mut store, 0)?;
        Ok((None::<String>,))
    })
}

/// `wasi:cli/exit`
pub(super) fn exit(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap(
        "exit",
        |_, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            let how = if status.is_ok() { "success" } else { "failure" };
            Err(wasmtime::Error::msg(format!("the guest exited with {how}")))
        },
    )
}

/// `wasi:cli/stdin`
pub(super) fn stdin(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap("get-stdin", |mut store, (): ()| {
        charge(&mut store, 0)?;
        Ok((Resource::<Input>::new_own(0),))
    })
}

/// `wasi:cli/stdout` and `wasi:cli/stderr`
pub(super) fn output(
    instance: &mut LinkerInstance<'_, GuestState>,
    function: &str,
    stream: u32,
) -> wasmtime::Result<()> {
    instance.func_wrap(function, move |mut store, (): ()| {
        charge(&mut store, 0)?;
        Ok((Resource::<Output>::new_own(stream),))
    })
}

/// `wasi:cli/terminal-stdin` and its siblings: a stream is never a terminal.
pub(super) fn no_terminal(
    instance: &mut LinkerInstance<'_, GuestState>,
    function: &str,
) -> wasmtime::Result<()> {
    instance.func_new(function, |mut store, _, _, results| {
        charge(&mut store, 0)?;
        results[0] = Val::Option(None);
        Ok(())
    })
}

/// `wasi:filesystem/preopens`: no folder is open, and so no file can be.
pub(super) fn no_folders(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_new("get-directories", |mut store, _, _, results| {
        charge(&mut store, 0)?;
        results[0] = Val::List(Vec::new());
        Ok(())
    })
}
