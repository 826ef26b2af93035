//! What a module asks of WASI, and what it gets there.

use crate::terminal::say;
use anyhow::Result;
use wasmparser::{Parser, Payload};

/// How the functions of WASI preview 1 for a purpose begin, and what becomes of them (docs/plugins.md).
const ANSWERS: &[(&[&str], &str)] = &[
    (
        &["path_", "fd_prestat_", "fd_readdir"],
        "files (none can be opened)",
    ),
    (&["clock_"], "the clock (the same in every call)"),
    (&["random_"], "random numbers (one fixed sequence)"),
    (
        &["environ_", "args_"],
        "the environment or arguments (there are none)",
    ),
    (&["sock_"], "the network (access is denied)"),
    (&["poll_"], "sleep (it takes no time)"),
    (&["proc_exit"], "exit (the outcome `trap`)"),
];

/// Says on standard error which of the functions that a module calls can't do here what they do elsewhere.
pub fn note(module: &[u8]) -> Result<()> {
    let asked = asked(module)?;
    if !asked.is_empty() {
        say(&format!(
            "note: the code asks WASI for {}: see docs/plugins.md, A deterministic WASI",
            asked.join(", ")
        ));
    }
    Ok(())
}

fn asked(module: &[u8]) -> Result<Vec<&'static str>> {
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(imports) = payload? {
            for import in imports.into_imports() {
                let import = import?;
                if import.module == "wasi_snapshot_preview1" {
                    functions.push(import.name);
                }
            }
        }
    }
    let is_asked = |prefixes: &[&str]| {
        functions
            .iter()
            .any(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
    };
    // What the C library does before the first look for a file or a variable ends with an exit where it fails.
    let prepares = is_asked(&["fd_prestat_", "environ_"]);
    let asked = ANSWERS.iter().filter(|(prefixes, _)| {
        is_asked(prefixes) && !(prepares && prefixes.contains(&"proc_exit"))
    });
    Ok(asked.map(|(_, answer)| *answer).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::asked;

    #[test]
    fn what_is_asked_for_is_seen_in_the_imports() {
        let module = |names: &[&str]| {
            let mut text = "(module (import \"env\" \"sock_send\" (func))".to_owned();
            for name in names {
                text += "(import \"wasi_snapshot_preview1\" \"NAME\" (func))"
                    .replace("NAME", name)
                    .as_str();
            }
            wat::parse_str(text + ")").unwrap()
        };
        assert!(
            asked(&module(&["fd_write", "fd_close", "fd_seek"]))
                .unwrap()
                .is_empty()
        );
        let found = asked(&module(&[
            "environ_get",
            "path_open",
            "environ_sizes_get",
            "proc_exit",
        ]))
        .unwrap();
        assert_eq!(
            found,
            [
                "files (none can be opened)",
                "the environment or arguments (there are none)"
            ]
        );
        assert_eq!(
            asked(&module(&["proc_exit"])).unwrap(),
            ["exit (the outcome `trap`)"]
        );
    }
}
