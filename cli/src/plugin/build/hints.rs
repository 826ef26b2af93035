//! What to do about imports that the host refuses, in the plugin's language.

use anyhow::Error;

/// Adds to an error that a component was refused with for its imports where they come from in this language.
pub fn about_imports(error: Error, language: &str) -> Error {
    let hint = match language {
        "Go" => {
            "a component in Go imports those functions of its world that its packages, and packages they are made of, call: \
             do without that package"
        }
        "JavaScript" | "Python" => {
            "a component in this language imports all of the world that plugin.toml names: leave that interface out of the \
             world in wit/"
        }
        "C" | "Rust" => {
            "a component imports those functions that its code, and libraries in it, call: do without that function"
        }
        _ => return error,
    };
    if format!("{error:#}").contains("imports that are not granted") {
        Error::msg(format!("{error:#}\n  {hint}"))
    } else {
        error
    }
}
