//! Bounds memory, tables and instances of a call.

use std::fmt;

use wasmtime::ResourceLimiter;

use crate::Limits;
use crate::engine::{MAX_MEMORIES, MAX_TABLES};

/// Bounds what an instance takes. Growth beyond the limit ends the call, so that the outcome does not
/// depend on how the guest's allocator takes a refusal.
pub(crate) struct MemoryLimit {
    left: usize,
    limit: u64,
    table_elements: usize,
    instances: usize,
}

/// Growth that did not happen.
#[derive(Debug)]
pub(crate) enum GrowthDenied {
    /// The guest's limit of bytes forbids it.
    Bytes { limit: u64 },
    /// The guest's limit of table elements forbids it.
    Table { limit: usize },
    /// The machine has no more.
    Machine(String),
}

impl fmt::Display for GrowthDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { limit } => {
                write!(f, "more memory asked for than the limit of {limit} bytes")
            }
            Self::Table { limit } => {
                write!(f, "a table of more than the limit of {limit} elements")
            }
            Self::Machine(error) => {
                write!(f, "the machine can't give the guest more memory: {error}")
            }
        }
    }
}

impl std::error::Error for GrowthDenied {}

impl MemoryLimit {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            left: usize::try_from(limits.memory).unwrap_or(usize::MAX),
            limit: limits.memory,
            table_elements: usize::try_from(limits.table_elements).unwrap_or(usize::MAX),
            instances: usize::try_from(limits.instances).unwrap_or(usize::MAX),
        }
    }

    /// Bytes that were taken.
    pub(crate) fn used(&self) -> u64 {
        self.limit.saturating_sub(self.left as u64)
    }

    fn denied(&self) -> wasmtime::Error {
        GrowthDenied::Bytes { limit: self.limit }.into()
    }

    fn take(&mut self, bytes: usize) -> wasmtime::Result<bool> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.denied())?;
        Ok(true)
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = desired.saturating_sub(current);
        if bytes <= self.left && maximum.is_some_and(|maximum| desired > maximum) {
            // The guest's own declared maximum: it knows, and gets -1 as the specification says.
            return Ok(false);
        }
        self.take(bytes)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // More than 32 bits can address is refused before `memory_growing` is asked.
        if error.to_string().contains("memory type's limits") {
            return Err(self.denied());
        }
        Err(GrowthDenied::Machine(format!("{error:#}")).into())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            let limit = self.table_elements;
            return Err(GrowthDenied::Table { limit }.into());
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take(
            desired
                .saturating_sub(current)
                .saturating_mul(size_of::<usize>()),
        )
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}
