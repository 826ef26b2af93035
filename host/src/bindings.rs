//! Rust types for `wit/plugin.wit`, generated.
#![allow(missing_docs, unsafe_code, dead_code, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "capable-reward-plugin",
    with: { "rlhost:plugin/types.image": crate::sample::Image },
    ownership: Borrowing { duplicate_if_necessary: true },
});

/// The world of interpreters.
pub mod code {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "code-interpreter",
        with: { "rlhost:plugin/programs": crate::bindings::rlhost::plugin::programs },
    });
}

/// The world of algorithms.
pub mod algorithm {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "algorithm",
        with: {
            "rlhost:plugin/types": crate::bindings::rlhost::plugin::types,
            "rlhost:plugin/log": crate::bindings::rlhost::plugin::log,
        },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
