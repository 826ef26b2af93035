//! Reading the files of a model folder.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The largest file that is read whole; the longest published tokenizers have a tenth of it.
const LARGEST: u64 = 512 << 20;

/// Reads a text file; `purpose` says what a missing one would be for.
pub(super) fn read_text(path: &Path, purpose: &str) -> Result<String> {
    if fs::metadata(path).is_ok_and(|about| about.len() > LARGEST) {
        return Err(Error::model(
            path,
            format!(
                "is larger than {LARGEST} bytes, so it is not what a model folder has under this name"
            ),
        ));
    }
    fs::read_to_string(path).map_err(|error| {
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
