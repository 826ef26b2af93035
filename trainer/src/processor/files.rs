//! Reading the files of a model folder.

use std::path::Path;

use rlhost_host::files;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Reads a text file, of a bounded length; `purpose` says what a missing one would be for.
pub(super) fn read_text(path: &Path, purpose: &str) -> Result<String> {
    files::read_text(path, files::TEXT).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Error::model(path, format!("missing from the model folder; {purpose}"))
        } else {
            Error::io(path, error)
        }
    })
}

/// Reads a JSON file; `purpose` says what a missing one would be for.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path, purpose: &str) -> Result<T> {
    serde_json::from_str(&read_text(path, purpose)?)
        .map_err(|error| Error::model(path, format!("can't be read as JSON: {error}")))
}

/// Reads a JSON file if it is there.
pub(super) fn read_optional<T: DeserializeOwned + Default>(path: &Path) -> Result<T> {
    if path.is_file() {
        read_json(path, "")
    } else {
        Ok(T::default())
    }
}
