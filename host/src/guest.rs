//! What the host keeps for a running guest, and what host calls cost it.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime::{StoreContextMut, Trap};

use crate::capability::{Grants, LogBuffer, Tape};
use crate::memory::MemoryLimit;
use crate::net::Net;
use crate::wasi::Wasi;
use crate::{Image, Limits};

/// Fuel for a host call, besides the bytes that it moves.
const HOST_CALL_FUEL: u64 = 1_000;

/// A store of a guest, as host functions see it.
pub(crate) type Context<'a> = StoreContextMut<'a, GuestState>;

/// What the host keeps for an instance.
pub(crate) struct GuestState {
    pub(crate) images: Vec<Image>,
    pub(crate) memory: MemoryLimit,
    /// Bytes that host calls may still move.
    bytes_left: u64,
    /// What the guest may use besides its images; `None` where that is nothing.
    pub(crate) grants: Option<Arc<Grants>>,
    pub(crate) log: LogBuffer,
    /// What the guest said last of why it can't go on.
    pub(crate) last_words: Option<String>,
    /// What the guest asked others, and what they answered.
    pub(crate) tape: Tape,
    pub(crate) wasi: Wasi,
    /// How long the call may take.
    pub(crate) net: Net,
}

impl GuestState {
    pub(crate) fn new(limits: &Limits, images: Vec<Image>, grants: Option<Arc<Grants>>) -> Self {
        Self {
            images,
            memory: MemoryLimit::new(limits),
            bytes_left: limits.host_call_bytes,
            grants,
            log: LogBuffer::new(limits.log),
            last_words: None,
            tape: Tape::default(),
            wasi: Wasi::default(),
            net: Net::default(),
        }
    }

    /// Gives an instance that lives on what a new call may use; memory is for its whole life.
    pub(crate) fn begin(&mut self, limits: &Limits) {
        self.bytes_left = limits.host_call_bytes;
        self.log = LogBuffer::new(limits.log);
        self.last_words = None;
        self.tape = Tape::default();
    }

    /// The image that a handle means.
    pub(crate) fn image(&self, handle: &Resource<Image>) -> wasmtime::Result<&Image> {
        self.images
            .get(handle.rep() as usize)
            .ok_or_else(|| wasmtime::Error::msg("a handle of no image of this call"))
    }
}

/// Charges a host call that moves `bytes` bytes to the guest: to its fuel and to its share of bytes.
pub(crate) fn charge(store: &mut Context<'_>, bytes: u64) -> wasmtime::Result<()> {
    take_fuel(store, HOST_CALL_FUEL.saturating_add(bytes))?;
    let state = store.data_mut();
    match state.bytes_left.checked_sub(bytes) {
        Some(left) => {
            state.bytes_left = left;
            Ok(())
        }
        None => Err(HostCallBytesExhausted.into()),
    }
}

/// Takes fuel from the guest; what is more than it has ends the call.
pub(crate) fn take_fuel(store: &mut Context<'_>, fuel: u64) -> wasmtime::Result<()> {
    let left = store.get_fuel()?.checked_sub(fuel);
    store.set_fuel(left.unwrap_or(0))?;
    left.map(|_| ()).ok_or_else(|| Trap::OutOfFuel.into())
}

/// The guest moved more bytes in host calls than it may.
#[derive(Debug, thiserror::Error)]
#[error("host calls moved more bytes than the limit host_call_bytes allows")]
pub(crate) struct HostCallBytesExhausted;
