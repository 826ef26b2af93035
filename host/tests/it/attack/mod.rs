//! Attacks on the sandbox, each with a guest or a file that tries it. docs/security.md has them as a table.

mod components;
mod description;
mod images;
mod imports;
pub mod mutations;
mod outputs;
mod probes;
mod resources;
mod state;
mod texts;

use std::fs;
use std::path::Path;

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

#[test]
fn the_tests_that_the_book_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let book = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut named = 0;
    for (package, folder) in [
        ("host", "host/tests/it"),
        ("trainer", "trainer/tests/it"),
        ("rlhost", "tests/it"),
    ] {
        for name in book
            .split('`')
            .filter_map(|text| text.strip_prefix(&format!("{package}: ")))
        {
            let (module, function) = name.rsplit_once("::").unwrap();
            let file = root.join(folder).join(module.replace("::", "/") + ".rs");
            let source = fs::read_to_string(&file).unwrap_or_default();
            let test = format!("#[test]\nfn {function}() {{");
            assert!(
                source.contains(&test),
                "{name} is not in {}",
                file.display()
            );
            named += 1;
        }
    }
    assert!(named > 60, "{named}");
}
