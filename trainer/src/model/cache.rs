//! Keys and values of what was computed before: prompts are shared by the completions of a group.

use crate::ops::CachedRows;
use std::ops::Range;
use std::sync::Arc;

/// Keys (rotated) and values of some rows in one layer, `[rows, kv_heads * head_dim]` each.
#[derive(Clone, Debug, Default)]
pub(super) struct LayerRows {
    pub(super) keys: Vec<f32>,
    pub(super) values: Vec<f32>,
}

impl LayerRows {
    fn view(&self) -> CachedRows<'_> {
        CachedRows {
            keys: &self.keys,
            values: &self.values,
        }
    }
}

/// A prompt's keys and values in every layer; cheap to clone.
#[derive(Clone, Debug)]
pub struct Prefix(Arc<Vec<LayerRows>>);

impl Prefix {
    /// The rows `range` of packed layers.
    pub(super) fn new(layers: &[LayerRows], range: Range<usize>, width: usize) -> Self {
        let range = range.start * width..range.end * width;
        Self(Arc::new(
            layers
                .iter()
                .map(|layer| LayerRows {
                    keys: layer.keys[range.clone()].to_vec(),
                    values: layer.values[range.clone()].to_vec(),
                })
                .collect(),
        ))
    }
}

/// A completion's own keys and values in every layer, with room for its first tokens from the start.
#[derive(Debug)]
pub struct SequenceCache(Vec<LayerRows>);

impl SequenceCache {
    /// The most tokens that room is made for before they are there. A bound on the length of completions is no
    /// promise that they will be as long.
    pub const ROOM: usize = 2048;

    /// A cache beside `prefix` with room for `tokens` tokens, but at most [`ROOM`](Self::ROOM): it grows where it must.
    pub fn beside(prefix: &Prefix, tokens: usize, width: usize) -> Self {
        let room = tokens.min(Self::ROOM) * width;
        Self(
            prefix
                .0
                .iter()
                .map(|_| LayerRows {
                    keys: Vec::with_capacity(room),
                    values: Vec::with_capacity(room),
                })
                .collect(),
        )
    }

    pub(super) fn push(&mut self, layer: usize, key: &[f32], value: &[f32]) {
        self.0[layer].keys.extend_from_slice(key);
        self.0[layer].values.extend_from_slice(value);
    }
}

/// One sequence in a decoding step.
pub struct CacheRow<'a> {
    /// The token to feed.
    pub token: u32,
    /// Its position.
    pub position: u32,
    /// The prompt.
    pub prefix: &'a Prefix,
    /// What came after the prompt; grows by this token.
    pub own: &'a mut SequenceCache,
}

impl CacheRow<'_> {
    pub(super) fn seen(&self, layer: usize) -> Vec<CachedRows<'_>> {
        vec![self.prefix.0[layer].view(), self.own.0[layer].view()]
    }
}
