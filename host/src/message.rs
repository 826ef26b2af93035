//! What is said of a call without an answer: why it ended, where the guest was, and what helps.

use wasmtime::WasmBacktrace;

/// Bytes of a message that are kept.
const MAX_MESSAGE: usize = 2_000;
/// Functions that a message names.
const MAX_FUNCTIONS: usize = 8;
/// Characters of a function's name that are shown.
const MAX_NAME: usize = 120;

/// Functions that say nothing of where an author's code was: what stands between a mistake and its trap, and between
/// the host and the author's function. By what their names begin with.
const BETWEEN: [&str; 16] = [
    "core::",
    "alloc::",
    "std::",
    "__rust",
    "rust_",
    "rlhost_plugin::",
    "<core::",
    "<alloc::",
    "<std::",
    "__wasm_",
    "cabi_",
    "wasm_export_",
    "wasm_pc_f_loop",
    "runtime.",
    "go:",
    "exports_rlhost_",
];

/// Bounds a message that a guest can make as long as it likes.
pub(crate) fn shorten(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    format!("{} …", &message[..message.floor_char_boundary(MAX_MESSAGE)])
}

/// The functions that a guest was in, the innermost first, as their author names them: `inner < outer`. Empty where
/// the component does not name its functions.
pub(crate) fn place(error: &wasmtime::Error) -> String {
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map(WasmBacktrace::frames)
        .unwrap_or_default();
    listed(frames.iter().filter_map(|frame| frame.func_name()))
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
        .collect();
    let between = |name: &String| BETWEEN.iter().any(|start| name.starts_with(start));
    let own: Vec<_> = names.iter().filter(|name| !between(name)).collect();
    // Where all is between, better that than nothing.
    let shown = if own.is_empty() {
        names.iter().collect()
    } else {
        own
    };
    let mut shown: Vec<String> = shown.into_iter().map(|name| clipped(name)).collect();
    // A recursion is one function.
    shown.dedup();
    shown.truncate(MAX_FUNCTIONS);
    shown.join(" < ")
}

fn clipped(name: &str) -> String {
    // `rlhost:plugin/reward@0.1.0#score`
    let name = name.rsplit_once('#').map_or(name, |(_, function)| function);
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// How whoever runs the plugin, or its author, gives it more of a limit.
pub(crate) fn more(key: &str) -> String {
    format!(
        "; `--{key}` or, in a run, `reward.NAME.limits.{key}` gives more, and the plugin's author asks for more by \
         `{key}` under `[limits]` in plugin.toml"
    )
}

#[cfg(test)]
mod tests {
    use super::{listed, shorten};

    #[test]
    fn a_place_is_of_the_authors_functions() {
        let names = [
            "_ZN4core9panicking9panic_fmt17h0123456789abcdefE",
            "_ZN3own4deep17h0123456789abcdefE",
            "_ZN3own4deep17h0123456789abcdefE",
            "own::judge",
            "rlhost:plugin/reward@0.1.0#score",
        ];
        assert_eq!(listed(names.into_iter()), "own::deep < own::judge < score");
        assert_eq!(listed(["core::x"].into_iter()), "core::x");
        assert_eq!(listed([].into_iter()), "");
    }

    #[test]
    fn messages_are_bounded() {
        assert_eq!(shorten("é"), "é");
        let long = shorten(&"é".repeat(2_000));
        assert!(long.len() < 2_010 && long.ends_with("é …"));
    }
}
