//! Lines that are kept with the sample: the capability `log`.
//!
//! A plugin that uses this runs only where the user grants it `log`. In native tests the lines go to
//! standard error.
//!
//! ```
//! rlhost_plugin::log::warn("two answers; the last one counts");
//! ```

use crate::bindings::rlhost::plugin::log::Level;

/// For whoever works on the plugin.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Good to know.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Something is odd.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Something is wrong.
pub fn error(message: &str) {
    write(Level::Error, message);
}

fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::rlhost::plugin::log::write(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}
