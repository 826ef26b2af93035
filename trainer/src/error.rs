//! The one error type of the crate.

use std::io;
use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong while preparing or running training. Messages name the thing and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The configuration is wrong; the message names the key.
    #[error("{0}")]
    Config(String),
    /// A row of a data file is wrong.
    #[error("{}:{line}: {message}", file.display())]
    Data {
        /// The data file.
        file: PathBuf,
        /// Line number, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A model folder, or a file in it, is incomplete or wrong.
    #[error("{}: {message}", path.display())]
    Model {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A run folder can't be created, read or resumed.
    #[error("{}: {message}", path.display())]
    Run {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The sandbox could not load or run a plugin.
    #[error(transparent)]
    Host(#[from] rlhost_host::Error),
    /// A component that stands for an algorithm can't be used, or failed.
    #[error("{key}: {source}")]
    Algorithm {
        /// The key of the configuration that names it.
        key: &'static str,
        /// What happened; names the file.
        source: Box<rlhost_host::Error>,
    },
    /// A tensor operation failed.
    #[cfg(feature = "train")]
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// An [`Error::Io`] for `path`.
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io {
            path: path.as_ref().to_owned(),
            source,
        }
    }

    /// An [`Error::Algorithm`] for the component that `key` names.
    pub fn algorithm(key: &'static str, source: rlhost_host::Error) -> Self {
        Self::Algorithm {
            key,
            source: Box::new(source),
        }
    }

    /// An [`Error::Model`] for `path`.
    pub fn model(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Model {
            path: path.as_ref().to_owned(),
            message: message.into(),
        }
    }

    /// An [`Error::Run`] for `path`.
    pub fn run(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Run {
            path: path.as_ref().to_owned(),
            message: message.into(),
        }
    }
}
