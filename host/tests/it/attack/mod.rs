//! Attacks on the sandbox, each with a guest or a file that tries it. docs/security.md has them as a table.

mod components;
mod description;
mod images;
mod imports;
mod mutations;
mod outputs;
mod probes;
mod resources;
mod state;
mod texts;

use rlhost_host::{Error, Host, Limits, Plugin};

use crate::guest::{Folder, HOST};

/// Loads a component into the tests' host.
fn load(bytes: &[u8]) -> Result<Plugin, Error> {
    load_into(&HOST, bytes)
}

fn load_into(host: &Host, bytes: &[u8]) -> Result<Plugin, Error> {
    host.load(&Folder::new().file("guest.wasm", bytes))
}

/// Text that lives as long as the tests, as [`Guest`](crate::guest::Guest) wants it.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// Little fuel, so that an attack on it is soon over.
fn little_fuel() -> Limits {
    Limits {
        fuel: 20_000_000,
        ..Limits::default()
    }
}
