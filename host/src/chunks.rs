//! Samples in calls, so that a file of any length is judged in bounded memory.

use std::collections::HashSet;
use std::io::BufRead;

use crate::{Result, Sample, SampleReader, Scope};

/// Samples that are held together where a plugin looks at each by itself, and bytes of their pictures' pixels: with
/// the sample that reaches either, a call is full.
const FULL: (usize, usize) = (4096, 256 << 20);

/// The samples of a reader in calls of [`Scorer::score`](crate::Scorer::score), for a plugin of this scope: whole
/// groups where it compares the samples of a group, and all of them where it compares all.
///
/// ```
/// use rlhost_host::{Chunks, SampleReader, Scope};
///
/// let rows = "{\"response\": \"a\", \"group\": 1}\n{\"response\": \"b\", \"group\": 1}\n{\"response\": \"c\"}\n";
/// let reader = SampleReader::new(rows.as_bytes(), "rows.jsonl");
/// let calls: Vec<_> = Chunks::new(reader, Scope::Sample).collect::<Result<_, _>>()?;
/// assert_eq!(calls.len(), 1);
/// assert_eq!(calls[0].len(), 3);
/// # Ok::<(), rlhost_host::Error>(())
/// ```
#[derive(Debug)]
pub struct Chunks<R> {
    reader: SampleReader<R>,
    scope: Scope,
    /// The first sample of the next call.
    next: Option<Sample>,
}

impl<R: BufRead> Chunks<R> {
    /// The samples that `reader` reads, for a plugin of this scope.
    pub fn new(reader: SampleReader<R>, scope: Scope) -> Self {
        Self {
            reader,
            scope,
            next: None,
        }
    }

    fn call(&mut self) -> Result<Vec<Sample>> {
        let mut call = Vec::new();
        let mut pixels = Pixels::default();
        loop {
            let sample = match self.next.take() {
                Some(sample) => sample,
                None => match self.reader.next() {
                    Some(sample) => sample?,
                    None => return Ok(call),
                },
            };
            let full = call.len() >= FULL.0 || pixels.bytes >= FULL.1;
            let apart = match self.scope {
                Scope::Sample => true,
                Scope::Group => call
                    .last()
                    .is_none_or(|last: &Sample| last.group != sample.group),
                Scope::Batch => false,
            };
            if full && apart {
                self.next = Some(sample);
                return Ok(call);
            }
            pixels.add(&sample);
            call.push(sample);
        }
    }
}

impl<R: BufRead> Iterator for Chunks<R> {
    type Item = Result<Vec<Sample>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.call() {
            Ok(call) if call.is_empty() => None,
            call => Some(call),
        }
    }
}

/// Bytes of the pictures of some samples, each picture once.
#[derive(Default)]
struct Pixels {
    seen: HashSet<usize>,
    bytes: usize,
}

impl Pixels {
    fn add(&mut self, sample: &Sample) {
        for image in &sample.images {
            if self.seen.insert(image.address()) {
                self.bytes += image.rgb().len();
            }
        }
    }
}
