//! `digests.jsonl`: what a run has written, bound by a chain of digests.
//!
//! Each line names one thing that the run wrote, in order, and ends in `chain`: SHA-256 over the `chain` of the
//! line before (as text; empty for the first line), a line feed, and the line itself without its `chain`.
//! So the last `chain` stands for all of them: whoever was told it, and has the folder, can check every byte
//! of `metrics.jsonl` and of the rollouts with nothing but SHA-256.
//!
//! ```text
//! {"kind":"config","v":1,"digest":"sha256:…","algorithms":[],"chain":"sha256:…"}
//! {"kind":"validation","step":0,"rollouts":{"bytes":9120,"digest":"sha256:…"},"metrics":"sha256:…","chain":"sha256:…"}
//! {"kind":"step","step":1,"draw":16,"rollouts":{"bytes":4242,"digest":"sha256:…"},"metrics":"sha256:…","chain":"sha256:…"}
//! ```
//!
//! ```
//! use rlhost_host::Digest;
//! use rlhost_trainer::run::{Chain, ChainEntry, read_chain};
//!
//! # let path = std::env::temp_dir().join(format!("rlhost-chain-{}", std::process::id()));
//! let mut chain = Chain::open(&path)?;
//! chain.push(&ChainEntry::Config { v: 1, digest: Digest::of(b"seed = 1\n"), algorithms: Vec::new() })?;
//! assert_eq!(read_chain(&path)?.last().unwrap().chain, chain.digest());
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

use std::path::Path;

use rlhost_host::Digest;
use rlhost_host::files::read_text;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::digest::FileDigest;
use super::lines::Lines;
use super::metrics::MOST;

/// What a line of the chain binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ChainEntry {
    /// The first line: the configuration, but for `trainer.max_steps`.
    Config {
        /// Version of the chain's form: [`Chain::VERSION`].
        v: u32,
        /// [`RunFolder::config_digest`](super::RunFolder::config_digest).
        digest: Digest,
        /// The components that stand for algorithms, which no receipt names.
        algorithms: Vec<Digest>,
    },
    /// A training step.
    Step {
        /// Its number, from 1.
        step: u64,
        /// The ordinal of the prompt that the next step begins with.
        draw: u64,
        /// Its file of rollouts, where it has one.
        rollouts: Option<FileDigest>,
        /// Its line of metrics, line feed included.
        metrics: Digest,
    },
    /// A validation.
    Validation {
        /// The steps that were done.
        step: u64,
        /// Its file of rollouts.
        rollouts: FileDigest,
        /// Its line of metrics, line feed included.
        metrics: Digest,
    },
}

/// A line of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it binds.
    pub entry: ChainEntry,
    /// The digest of the chain up to and with this line.
    pub chain: Digest,
    /// Where the line ends in the file, in bytes.
    pub end: u64,
}

impl Link {
    /// Whether it binds a training step.
    pub fn is_step(&self) -> bool {
        matches!(self.entry, ChainEntry::Step { .. })
    }

    /// The step that a line of metrics is of, and the digest of that line; none for the configuration.
    pub fn metrics(&self) -> Option<(u64, Digest)> {
        match self.entry {
            ChainEntry::Config { .. } => None,
            ChainEntry::Step { step, metrics, .. }
            | ChainEntry::Validation { step, metrics, .. } => Some((step, metrics)),
        }
    }
}

/// The file, open for appending.
#[derive(Debug)]
pub struct Chain {
    lines: Lines,
    last: Option<Digest>,
}

impl Chain {
    /// The version of the chain's form that this crate writes.
    pub const VERSION: u32 = 2;

    /// Opens `path`; creates it if it is missing.
    ///
    /// # Errors
    /// If a line is not what the chain says.
    pub fn open(path: &Path) -> Result<Self> {
        let lines = Lines::open(path)?;
        let last = read_chain(path)?.last().map(|link| link.chain);
        Ok(Self { lines, last })
    }

    /// Opens `path` and takes it back to its first `len` bytes.
    ///
    /// # Errors
    /// If what is kept is not what the chain says, or shorter than that.
    pub(super) fn open_up_to(path: &Path, len: u64) -> Result<Self> {
        Lines::open(path)?.truncate_to(len)?;
        Self::open(path)
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: &ChainEntry) -> Result<()> {
        let (line, chain) =
            line(self.last, entry).map_err(|e| Error::run(self.lines.path(), e.to_string()))?;
        self.lines.push(line.as_bytes())?;
        self.last = Some(chain);
        Ok(())
    }

    /// The digest of the whole chain; of an empty one, that of nothing.
    pub fn digest(&self) -> Digest {
        self.last.unwrap_or_else(|| Digest::of(b""))
    }

    /// Length of the file in bytes, as a checkpoint notes it.
    pub fn len(&self) -> u64 {
        self.lines.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Waits until the lines are on the disk.
    pub fn sync(&self) -> Result<()> {
        self.lines.sync()
    }
}

/// A line, its line feed included, and the digest of the chain with it.
fn line(before: Option<Digest>, entry: &ChainEntry) -> serde_json::Result<(String, Digest)> {
    let body = serde_json::to_string(entry)?;
    let before = before.map_or_else(String::new, |digest| digest.to_string());
    let chain = Digest::of(format!("{before}\n{body}").as_bytes());
    // The body ends in the brace of its object.
    let open = &body[..body.len() - 1];
    Ok((format!("{open},\"chain\":\"{chain}\"}}\n"), chain))
}

/// The lines of a chain, each of them checked. A last line that was cut off by the end of its writer does not
/// count.
///
/// # Errors
/// Names the first line that is not what the chain says.
pub fn read_chain(path: &Path) -> Result<Vec<Link>> {
    let text = read_text(path, MOST).map_err(|e| Error::io(path, e))?;
    let mut links: Vec<Link> = Vec::new();
    let mut end = 0;
    for (number, found) in text.split_inclusive('\n').enumerate() {
        let wrong = |what: String| Err(Error::run(path, format!("line {}: {what}", number + 1)));
        if !found.ends_with('\n') {
            break;
        }
        let entry: ChainEntry = match serde_json::from_str(found) {
            Ok(entry) => entry,
            Err(error) => return wrong(error.to_string()),
        };
        let before = links.last().map(|link| link.chain);
        let Ok((expected, chain)) = line(before, &entry) else {
            return wrong("it can't be written as JSON".to_owned());
        };
        if expected != found {
            return wrong(format!(
                "it is not what the chain says: with what stands before it, it must be {}",
                expected.trim_end()
            ));
        }
        end += found.len() as u64;
        links.push(Link { entry, chain, end });
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn entries() -> [ChainEntry; 3] {
        let digest = Digest::of(b"abc");
        let file = FileDigest { bytes: 3, digest };
        [
            ChainEntry::Config {
                v: 1,
                digest,
                algorithms: vec![digest],
            },
            ChainEntry::Validation {
                step: 0,
                rollouts: file,
                metrics: digest,
            },
            ChainEntry::Step {
                step: 1,
                draw: 16,
                rollouts: None,
                metrics: digest,
            },
        ]
    }

    #[test]
    fn a_chain_is_made_by_its_recipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digests.jsonl");
        let mut chain = Chain::open(&path).unwrap();
        for entry in &entries() {
            chain.push(entry).unwrap();
        }
        // The recipe of the module, over the text as it stands in the file.
        let text = fs::read_to_string(&path).unwrap();
        let mut before = String::new();
        for line in text.lines() {
            let (body, said) = line.rsplit_once(",\"chain\":\"").unwrap();
            before = Digest::of(format!("{before}\n{body}}}").as_bytes()).to_string();
            assert_eq!(said.strip_suffix("\"}"), Some(before.as_str()));
        }
        assert_eq!(chain.digest().to_string(), before);
        let read = read_chain(&path).unwrap();
        assert_eq!(read.last().unwrap().end, chain.len());
        assert!(read.into_iter().map(|link| link.entry).eq(entries()));
        // Opened again, it goes on from there.
        assert_eq!(Chain::open(&path).unwrap().digest(), chain.digest());
    }

    #[test]
    fn every_byte_of_a_chain_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digests.jsonl");
        let mut chain = Chain::open(&path).unwrap();
        for entry in &entries() {
            chain.push(entry).unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        let whole = read_chain(&path).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            fs::write(&path, other).unwrap();
            // Without its line feed the last line counts as cut off.
            let read = read_chain(&path);
            assert!(read.is_err() || read.unwrap().len() < whole.len(), "{at}");
        }
        // A line that is gone, doubled, or stands elsewhere.
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for order in [[1, 2, 2], [0, 2, 1], [0, 0, 1], [0, 1, 1]] {
            fs::write(&path, order.map(|at: usize| lines[at]).concat()).unwrap();
            assert!(read_chain(&path).is_err(), "{order:?}");
        }
    }
}
