//! Rust types for `wit/plugin.wit`, generated.
#![allow(missing_docs, unsafe_code, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "reward-plugin",
    with: { "rlhost:plugin/types.image": crate::sample::Image },
    ownership: Borrowing { duplicate_if_necessary: true },
});
