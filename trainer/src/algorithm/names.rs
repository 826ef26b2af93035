//! Looking up the names that configurations use.

use crate::{Error, Result};

/// The entry of `table` called `name`; the error lists what there is.
pub(super) fn lookup<T: Copy>(what: &str, table: &[(&str, T)], name: &str) -> Result<T> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let known: Vec<_> = table.iter().map(|(known, _)| *known).collect();
            Error::Config(format!(
                "unknown {what} `{name}`; known are: {}",
                known.join(", ")
            ))
        })
}

/// Fails unless an array has the length that it should have.
pub(super) fn check_len(what: &str, found: usize, wanted: usize, unit: &str) -> Result<()> {
    if found == wanted {
        Ok(())
    } else {
        Err(Error::Config(format!(
            "`{what}` has {found} entries where the batch has {wanted} {unit}"
        )))
    }
}
