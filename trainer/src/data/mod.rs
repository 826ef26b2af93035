//! Rows of JSONL files: prompts, images, reference answers, in an order that a seed decides.
//!
//! ```
//! use rlhost_trainer::config::DataConfig;
//! use rlhost_trainer::data::Dataset;
//!
//! let dir = tempfile::tempdir()?;
//! let file = dir.path().join("train.jsonl");
//! std::fs::write(&file, r#"{"prompt": "1 + 1?", "answer": 2, "level": "easy"}"#)?;
//! let data = Dataset::load(&[file], &DataConfig::default())?;
//! let row = &data.rows()[0];
//! assert_eq!(row.answer(), "2");
//! assert_eq!(row.extra(), r#"{"level":"easy"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod augment;
mod filter;
mod images;
mod order;
mod row;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::DataConfig;
use crate::processor::PromptFormat;
use crate::{Error, Result};

pub use augment::augment;
pub use filter::{FilterReport, filter_overlong};
pub use order::PromptOrder;
pub use row::Row;

use images::ImageCache;
use row::Reader;

/// All rows of one or several JSONL files.
#[derive(Clone, Debug)]
pub struct Dataset {
    rows: Vec<Row>,
}

impl Dataset {
    /// Reads and checks every row; images must exist but are decoded when they are asked for.
    /// Empty lines are passed over.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that can't be read, [`Error::Data`] with file and line for a row
    /// that is not as it should be or for a file without rows, [`Error::Config`] if no file is
    /// given or `data.format_prompt` is broken.
    pub fn load(files: &[PathBuf], config: &DataConfig) -> Result<Self> {
        if files.is_empty() {
            return Err(Error::Config("no data file is given".into()));
        }
        let format = config
            .format_prompt
            .as_deref()
            .map(PromptFormat::new)
            .transpose()?;
        let cache = Arc::new(ImageCache::default());
        let mut rows = Vec::new();
        for file in files {
            let text = fs::read_to_string(file).map_err(|source| Error::io(file, source))?;
            let reader = Reader {
                file: Arc::from(file.as_path()),
                config,
                format: format.as_ref(),
                cache: &cache,
            };
            let before = rows.len();
            for (index, line) in text.lines().enumerate() {
                if !line.trim().is_empty() {
                    rows.push(reader.read(index + 1, line)?);
                }
            }
            if rows.len() == before {
                return Err(Error::Data {
                    file: file.clone(),
                    line: 1,
                    message: "the file has no rows".into(),
                });
            }
        }
        Ok(Self { rows })
    }

    /// The rows in the order of files and lines.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows at `indices`, such as those that [`filter_overlong`] kept.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            rows: indices.iter().map(|&row| self.rows[row].clone()).collect(),
        }
    }
}
