//! Rows of data files: prompts, images, reference answers, in an order that a seed decides.
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
mod notices;
mod order;
mod row;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::DataConfig;
use crate::processor::PromptFormat;
use crate::{Error, Result};

pub use augment::augment;
pub use filter::{FilterReport, filter_overlong};
pub use order::PromptOrder;
pub use row::Row;

use images::ImageCache;
use rlhost_host::Columns;
use row::{Reader, listed};

/// All rows of one or several data files: JSON Lines, or a JSON array.
#[derive(Clone, Debug)]
pub struct Dataset {
    rows: Vec<Row>,
    /// The names of the columns of each file's first row.
    columns: Vec<(Arc<Path>, String)>,
    notices: Vec<String>,
}

impl Dataset {
    /// Reads and checks every row; images must exist but are decoded when they are asked for.
    /// Empty lines and a byte order mark are passed over.
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
        let mut data = Self {
            rows: Vec::new(),
            columns: Vec::new(),
            notices: Vec::new(),
        };
        for file in files {
            let text = source::read(file)?;
            let reader = Reader {
                file: Arc::from(file.as_path()),
                config,
                format: format.as_ref(),
                cache: &cache,
            };
            let lines = source::rows(file, &text)?;
            let Some((_, first)) = lines.first() else {
                return Err(Error::Data {
                    file: file.clone(),
                    line: 1,
                    message: "the file has no rows".into(),
                });
            };
            let before = data.rows.len();
            for (line, row) in &lines {
                data.rows.push(reader.read(*line, row)?);
            }
            let columns: Columns = serde_json::from_str(first).unwrap_or_default();
            data.columns
                .push((Arc::clone(&reader.file), listed(&columns)));
            let rows = &data.rows[before..];
            data.notices
                .extend(notices::of(file, rows, &columns, config));
        }
        Ok(data)
    }

    /// What the user should know of the files.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The names of the columns that `file` has, as its first row has them and as keys of the configuration
    /// name them.
    pub(crate) fn columns(&self, file: &Path) -> &str {
        let known = self.columns.iter().find(|(known, _)| **known == *file);
        known.map_or("", |(_, columns)| columns)
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
            columns: self.columns.clone(),
            notices: self.notices.clone(),
        }
    }
}
