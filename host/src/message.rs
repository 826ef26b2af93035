//! What is said of a call without an answer: why it ended, where the guest was, and what helps.

use std::fmt::{self, Write};

use wasmtime::WasmBacktrace;

/// Bytes of a message that are kept.
const MAX_MESSAGE: usize = 2_000;
/// Functions that a message names.
const MAX_FUNCTIONS: usize = 8;
/// Characters of a function's name that are shown.
const MAX_NAME: usize = 120;

/// Functions that say nothing of where an author's code was: what stands between a mistake and its trap, and between
/// the host and the author's function. By what their names begin with.
const BETWEEN: [&str; 17] = [
    "core::",
    "alloc::",
    "std::",
    "__rust",
    "rust_begin_unwind",
    "rust_panic",
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
    let mut names: Vec<&str> = names.collect();
    // A recursion is one function.
    names.dedup();
    let names: Vec<String> = names.into_iter().map(demangled).collect();
    let between = |name: &String| BETWEEN.iter().any(|start| name.starts_with(start));
    let own: Vec<_> = names.iter().filter(|name| !between(name)).collect();
    // Where all is between, better that than nothing.
    let shown = if own.is_empty() {
        names.iter().collect()
    } else {
        own
    };
    let mut shown: Vec<String> = shown.into_iter().map(|name| clipped(name)).collect();
    shown.dedup();
    shown.truncate(MAX_FUNCTIONS);
    shown.join(" < ")
}

/// A name as its author wrote it. A mangled one of a few bytes can stand for a megabyte, so no more is written than is
/// ever shown.
fn demangled(name: &str) -> String {
    struct Bounded(String);
    impl Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if self.0.len() + text.len() > 8 * MAX_NAME {
                return Err(fmt::Error);
            }
            self.0.push_str(text);
            Ok(())
        }
    }
    let mut shown = Bounded(String::new());
    match write!(shown, "{:#}", rustc_demangle::demangle(name)) {
        Ok(()) => shown.0,
        Err(fmt::Error) => name.chars().take(MAX_NAME).collect(),
    }
}

fn clipped(name: &str) -> String {
    // `rlhost:plugin/reward@0.1.0#score`
    let exported = name
        .rsplit_once('#')
        .filter(|(world, _)| world.contains('@'));
    let name = exported.map_or(name, |(_, function)| function);
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
        // Closures of the newer mangling have a number behind a `#`.
        let closure = listed(["own::judge::{closure#0}"].into_iter());
        assert_eq!(closure, "own::judge::{closure#0}");
    }

    /// A name of a few bytes that stands for a megabyte: each part of it repeats the part before eight times.
    const BOMB: &str = "_RINvC1a1bTllllllllETB7_B7_B7_B7_B7_B7_B7_B7_ETBh_Bh_Bh_Bh_Bh_Bh_Bh_Bh_ETBH_BH_BH_BH_BH_BH_BH_BH_E\
        TB17_B17_B17_B17_B17_B17_B17_B17_ETB1x_B1x_B1x_B1x_B1x_B1x_B1x_B1x_ETB25_B25_B25_B25_B25_B25_B25_B25_E\
        TB2D_B2D_B2D_B2D_B2D_B2D_B2D_B2D_ETB3b_B3b_B3b_B3b_B3b_B3b_B3b_B3b_EE";

    #[test]
    fn a_name_that_stands_for_a_megabyte_is_not_written() {
        let whole = rustc_demangle::demangle(BOMB).to_string();
        assert!(whole.len() > 100_000, "{}", whole.len());
        let shown = super::demangled(BOMB);
        assert!(shown.len() < 1_000 && shown.starts_with("_RINv"), "{shown}");
    }

    #[test]
    fn messages_are_bounded() {
        assert_eq!(shorten("é"), "é");
        let long = shorten(&"é".repeat(2_000));
        assert!(long.len() < 2_010 && long.ends_with("é …"));
    }
}
