//! Streams: an input that is at its end, and outputs that take everything at once.

use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource};

use crate::guest::{GuestState, charge};

use super::clocks::{ALWAYS_READY, Pollable};

/// A stream to read from.
pub(super) struct Input;
/// A stream to write to; its handle is the number of the stream.
pub(super) struct Output;
/// What went wrong with a stream. There are none.
pub(super) struct Error;

/// Bytes that a guest may write at once without asking again.
const AT_ONCE: u64 = 64 << 10;

#[derive(ComponentType, Lower, Lift)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code)] // Part of the type; nothing fails here.
    LastOperationFailed(Resource<Error>),
    #[component(name = "closed")]
    Closed,
}

/// `wasi:io/streams`
pub(super) fn streams(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    for function in ["read", "blocking-read"] {
        instance.func_wrap(
            &format!("[method]input-stream.{function}"),
            |mut store, (_, _): (Resource<Input>, u64)| {
                charge(&mut store, 0)?;
                Ok((Err::<Vec<u8>, _>(StreamError::Closed),))
            },
        )?;
    }
    for function in ["skip", "blocking-skip"] {
        instance.func_wrap(
            &format!("[method]input-stream.{function}"),
            |mut store, (_, _): (Resource<Input>, u64)| {
                charge(&mut store, 0)?;
                Ok((Err::<u64, _>(StreamError::Closed),))
            },
        )?;
    }
    instance.func_wrap(
        "[method]input-stream.subscribe",
        |mut store, (_,): (Resource<Input>,)| {
            charge(&mut store, 0)?;
            Ok((Resource::<Pollable>::new_own(ALWAYS_READY),))
        },
    )?;
    instance.func_wrap(
        "[method]output-stream.check-write",
        |mut store, (_,): (Resource<Output>,)| {
            charge(&mut store, 0)?;
            Ok((Ok::<_, StreamError>(AT_ONCE),))
        },
    )?;
    for function in ["write", "blocking-write-and-flush"] {
        instance.func_wrap(
            &format!("[method]output-stream.{function}"),
            |mut store, (stream, bytes): (Resource<Output>, Vec<u8>)| {
                charge(&mut store, bytes.len() as u64)?;
                super::write(store.data_mut(), stream.rep(), &bytes);
                Ok((Ok::<_, StreamError>(()),))
            },
        )?;
    }
    for function in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        instance.func_wrap(
            &format!("[method]output-stream.{function}"),
            |mut store, (_, count): (Resource<Output>, u64)| {
                // Zeros are nothing to show, so they are only paid for.
                charge(&mut store, count)?;
                Ok((Ok::<_, StreamError>(()),))
            },
        )?;
    }
    for function in ["flush", "blocking-flush"] {
        instance.func_wrap(
            &format!("[method]output-stream.{function}"),
            |mut store, (_,): (Resource<Output>,)| {
                charge(&mut store, 0)?;
                Ok((Ok::<_, StreamError>(()),))
            },
        )?;
    }
    for function in ["splice", "blocking-splice"] {
        instance.func_wrap(
            &format!("[method]output-stream.{function}"),
            |mut store, (_, _, _): (Resource<Output>, Resource<Input>, u64)| {
                charge(&mut store, 0)?;
                Ok((Err::<u64, _>(StreamError::Closed),))
            },
        )?;
    }
    instance.func_wrap(
        "[method]output-stream.subscribe",
        |mut store, (_,): (Resource<Output>,)| {
            charge(&mut store, 0)?;
            Ok((Resource::<Pollable>::new_own(ALWAYS_READY),))
        },
    )
}
