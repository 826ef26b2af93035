//! Which packed rows see which.
//!
//! Sequences are packed one after another into a single run of rows. A segment is a piece of it; a
//! segment with a parent continues that parent: its rows see all rows of the parent (and of the
//! parent's parents) besides their own past. A group of completions is one prompt segment with as
//! many children, so the prompt is computed once for all of them, in training as in sampling.
//!
//! ```
//! use rlhost_trainer::ops::{Segment, Segments};
//!
//! // A prompt of 5 rows with completions of 3 and 4 rows.
//! let segments = Segments::causal(vec![
//!     Segment::root(5),
//!     Segment::child(3, 0),
//!     Segment::child(4, 0),
//! ])?;
//! assert_eq!(segments.rows(), 12);
//! # Ok::<(), candle_core::Error>(())
//! ```

use candle_core::{Result, bail};
use std::ops::Range;

/// A piece of the packed rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// How many rows it has.
    pub len: usize,
    /// The earlier segment that it continues.
    pub parent: Option<usize>,
}

impl Segment {
    /// A segment that sees nothing but itself.
    pub fn root(len: usize) -> Self {
        Self { len, parent: None }
    }

    /// A segment that continues the segment with index `parent`.
    pub fn child(len: usize, parent: usize) -> Self {
        Self {
            len,
            parent: Some(parent),
        }
    }
}

/// The segments of a packed run of rows, in order.
#[derive(Clone, Debug)]
pub struct Segments {
    all: Vec<Segment>,
    starts: Vec<usize>,
    trees: Vec<Vec<usize>>,
    causal: bool,
}

impl Segments {
    /// Segments whose rows see their own past (themselves included) and their parents.
    pub fn causal(segments: Vec<Segment>) -> Result<Self> {
        Self::new(segments, true)
    }

    /// Segments without parents whose rows all see each other.
    pub fn bidirectional(lengths: impl IntoIterator<Item = usize>) -> Result<Self> {
        Self::new(lengths.into_iter().map(Segment::root).collect(), false)
    }

    fn new(segments: Vec<Segment>, causal: bool) -> Result<Self> {
        let mut starts = Vec::with_capacity(segments.len());
        let mut trees: Vec<Vec<usize>> = Vec::new();
        let mut tree_of = Vec::with_capacity(segments.len());
        let mut rows = 0;
        for (index, segment) in segments.iter().enumerate() {
            starts.push(rows);
            rows += segment.len;
            match segment.parent {
                None => {
                    tree_of.push(trees.len());
                    trees.push(vec![index]);
                }
                Some(parent) if parent < index => {
                    let tree: usize = tree_of[parent];
                    tree_of.push(tree);
                    trees[tree].push(index);
                }
                Some(parent) => bail!("segment {index} has segment {parent} as its parent"),
            }
        }
        Ok(Self {
            all: segments,
            starts,
            trees,
            causal,
        })
    }

    /// All rows.
    pub fn rows(&self) -> usize {
        self.starts.last().map_or(0, |start| {
            start + self.all.last().map_or(0, |last| last.len)
        })
    }

    /// The rows of a segment.
    pub fn range(&self, segment: usize) -> Range<usize> {
        let start = self.starts[segment];
        start..start + self.all[segment].len
    }

    /// How many segments there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is no segment.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether rows see only their past within their segment.
    pub fn is_causal(&self) -> bool {
        self.causal
    }

    /// Segments that belong together: each list is a root with its descendants, in order.
    pub(super) fn trees(&self) -> &[Vec<usize>] {
        &self.trees
    }

    /// The rows that a segment's last row sees, in order: the root's first, its own last.
    pub(super) fn visible(&self, segment: usize) -> Vec<Range<usize>> {
        let mut ranges = vec![self.range(segment)];
        let mut at = segment;
        while let Some(parent) = self.all[at].parent {
            ranges.push(self.range(parent));
            at = parent;
        }
        ranges.reverse();
        ranges
    }
}
