//! What a plugin's source calls that does in no sandbox what it does elsewhere: the build says so, with the place.
//!
//! The source is searched as text. What stands in a comment may be told too; nothing is refused for it.

use super::source;
use crate::terminal::{inline, say};
use rlhost_host::files::{TEXT, read_text};
use std::path::Path;

/// What is searched for in a language's files.
pub struct Idle {
    /// What the files' names end in.
    extension: &'static str,
    /// How a comment of a line begins.
    comment: &'static str,
    /// From here on a file is no part of the plugin.
    tests: &'static str,
    /// Calls, each with what becomes of it.
    calls: &'static [(&'static [&'static str], &'static str)],
}

const LOG: &str =
    "goes nowhere: `rlhost_plugin::log::info` writes lines of the log, where it is granted";
const NO_FILES: &str = "is an error: there are no files";
const NO_NETWORK: &str = "is an error: there is no network";

pub const RUST: Idle = Idle {
    extension: "rs",
    comment: "//",
    tests: "#[cfg(test)]",
    calls: &[
        (&["println!(", "eprintln!(", "dbg!("], LOG),
        (&["fs::", "File::open(", "File::create("], NO_FILES),
        (
            &["Instant::now(", "SystemTime::now("],
            "panics: there is no clock",
        ),
        (
            &["thread::spawn(", "thread::sleep("],
            "panics: there are no threads and no clock",
        ),
        (&["env::var("], "is an error: there is no environment"),
        (&["net::", "TcpStream::"], NO_NETWORK),
        (
            &["rand::", "getrandom::"],
            "has no chance to draw from: a score must depend on its sample alone",
        ),
    ],
};

const FIXED_CLOCK: &str =
    "starts at one instant in every call: a score must depend on its sample alone";
const FIXED_CHANCE: &str =
    "is one fixed sequence in every call: a score must depend on its sample alone";

pub const GO: Idle = Idle {
    extension: "go",
    comment: "//",
    tests: "\u{0}",
    calls: &[
        (
            &["os.Open", "os.ReadFile(", "os.Create", "os.WriteFile("],
            NO_FILES,
        ),
        (
            &["os.Getenv(", "os.Args"],
            "is empty: there is no environment",
        ),
        (&["time.Now("], FIXED_CLOCK),
        (&["time.Sleep("], "takes no time"),
        (&["rand."], FIXED_CHANCE),
        (&["http.", "net.Dial"], NO_NETWORK),
    ],
};

pub const JAVASCRIPT: Idle = Idle {
    extension: "js",
    comment: "//",
    tests: "\u{0}",
    calls: &[
        (&["Date.now(", "new Date()"], FIXED_CLOCK),
        (&["Math.random("], FIXED_CHANCE),
        (
            &["setTimeout(", "setInterval("],
            "is not there: nothing waits",
        ),
        (&["fetch("], "is not there: there is no network"),
        (&["process.env"], "is not there: there is no environment"),
    ],
};

/// Notes what a plugin's own files call, the first place of each.
pub fn note(folder: &Path, idle: &Idle) {
    let names = source::files(folder).unwrap_or_default();
    let own = |name: &Path| {
        name.starts_with("src")
            && name.extension().is_some_and(|it| it == idle.extension)
            // Of a new plugin, and not its author's.
            && !name.file_stem().is_some_and(|it| it.to_string_lossy().starts_with("rlhost"))
    };
    let mut told = Vec::new();
    for name in names.into_iter().filter(|name| own(name)) {
        let Ok(text) = read_text(&folder.join(&name), TEXT) else {
            continue;
        };
        for (line, call, fate) in found(&text, idle) {
            if !told.contains(&call) {
                told.push(call);
                let place = format!("{}:{line}", name.display());
                let call = call.trim_end_matches('(');
                say(&format!("note: {}: `{call}` {fate}", inline(place)));
            }
        }
    }
}

/// The lines in which something is called.
fn found(text: &str, idle: &Idle) -> Vec<(usize, &'static str, &'static str)> {
    let own = text.lines().take_while(|line| !line.contains(idle.tests));
    let mut found = Vec::new();
    for (number, line) in (1..).zip(own) {
        let code = line.split(idle.comment).next().unwrap_or_default();
        for (calls, fate) in idle.calls {
            if let Some(call) = calls.iter().find(|call| is_called(code, call)) {
                found.push((number, *call, *fate));
            }
        }
    }
    found
}

/// Whether a line has the call, and not a longer name that ends so.
fn is_called(code: &str, call: &str) -> bool {
    code.match_indices(call).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_with_their_lines() {
        let text = "use std::fs;\n// println!(\"x\")\nfn f() {\n  println!(\"{}\", fs::read(\"x\"));\n  my_println!();\n}\n\
                    #[cfg(test)]\nmod tests { fn g() { dbg!(1); } }\n";
        let found: Vec<_> = found(text, &RUST).iter().map(|it| (it.0, it.1)).collect();
        assert_eq!(found, [(4, "println!("), (4, "fs::")]);
    }

    #[test]
    fn longer_names_are_others() {
        assert!(is_called("x = rand.Intn(3)", "rand."));
        assert!(!is_called("x = operand.Value", "rand."));
        assert!(!is_called("this.fetch(1)", "fetch("));
    }
}
