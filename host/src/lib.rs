//! Loads, limits and runs rlhost's WebAssembly reward components.
#![deny(missing_docs)]

/// What can go wrong in the host.
#[derive(Debug, thiserror::Error)]
pub enum Error {}
