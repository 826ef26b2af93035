//! The inner loops of attention: one block of keys and values against rows of queries.

use super::math::exp;
use multiversion::multiversion;
use std::ops::Range;

/// What the loops need to know about the heads.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    /// Query heads that share the block's key/value head.
    pub(super) repeats: usize,
    /// Width of a head.
    pub(super) dim: usize,
    /// Factor of the scores.
    pub(super) scale: f32,
    /// Whether row `i` of `n` sees all but the last `n - 1 - i` keys.
    pub(super) causal: bool,
}

/// Keys and values that a segment sees, both row by row (`[len, dim]`) and transposed
/// (`[dim, len]`): sums over keys run along one, sums over the head's width along the other.
pub(super) struct Block {
    len: usize,
    keys: Vec<f32>,
    keys_t: Vec<f32>,
    values: Vec<f32>,
    values_t: Vec<f32>,
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
}

impl Block {
    pub(super) fn gather(
        keys: &[f32],
        values: &[f32],
        dim: usize,
        visible: &[Range<usize>],
    ) -> Self {
        let len = visible.iter().map(ExactSizeIterator::len).sum();
        let collect = |x: &[f32]| {
            let mut out = Vec::with_capacity(len * dim);
            for range in visible {
                out.extend_from_slice(&x[range.start * dim..range.end * dim]);
            }
            out
        };
        let (keys, values) = (collect(keys), collect(values));
        Self {
            len,
            keys_t: transpose(&keys, dim),
            values_t: Vec::new(),
            keys,
            values,
            d_keys: Vec::new(),
            d_values: Vec::new(),
        }
    }

    /// Prepares the block for [`backward_rows`].
    pub(super) fn with_gradients(mut self) -> Self {
        let dim = self.values.len() / self.len.max(1);
        self.values_t = transpose(&self.values, dim);
        self.d_keys = vec![0.0; self.keys.len()];
        self.d_values = vec![0.0; self.values.len()];
        self
    }

    /// Adds what [`backward_rows`] found to the gradients of the rows that the block was gathered from.
    pub(super) fn add_gradients(
        &self,
        visible: &[Range<usize>],
        dim: usize,
        d_keys: &mut [f32],
        d_values: &mut [f32],
    ) {
        let mut at = 0;
        for range in visible {
            let (from, to) = (
                at * dim..(at + range.len()) * dim,
                range.start * dim..range.end * dim,
            );
            add(&mut d_keys[to.clone()], &self.d_keys[from.clone()]);
            add(&mut d_values[to], &self.d_values[from]);
            at += range.len();
        }
    }
}

fn add(sum: &mut [f32], terms: &[f32]) {
    sum.iter_mut()
        .zip(terms)
        .for_each(|(sum, term)| *sum += term);
}

/// `[len, dim]` to `[dim, len]`.
fn transpose(x: &[f32], dim: usize) -> Vec<f32> {
    let len = x.len() / dim.max(1);
    let mut out = vec![0.0; x.len()];
    for (row, values) in x.chunks_exact(dim.max(1)).enumerate() {
        for (column, value) in values.iter().enumerate() {
            out[column * len + row] = *value;
        }
    }
    out
}

/// `out[j] = Σ_d x[d] * matrix_t[d][j]` for the first `out.len()` columns.
#[inline(always)]
fn combine_columns(x: &[f32], matrix_t: &[f32], len: usize, out: &mut [f32]) {
    let n = out.len();
    out.fill(0.0);
    let mut d = 0;
    while d + 4 <= x.len() {
        let row = |i: usize| &matrix_t[(d + i) * len..(d + i) * len + n];
        let (a, b, c, e) = (row(0), row(1), row(2), row(3));
        let (xa, xb, xc, xe) = (x[d], x[d + 1], x[d + 2], x[d + 3]);
        for j in 0..n {
            out[j] += xa * a[j] + xb * b[j] + xc * c[j] + xe * e[j];
        }
        d += 4;
    }
    while d < x.len() {
        let row = &matrix_t[d * len..d * len + n];
        for (out, value) in out.iter_mut().zip(row) {
            *out += x[d] * value;
        }
        d += 1;
    }
}

/// `out[d] += Σ_j weights[j] * rows[j][d]`.
#[inline(always)]
fn combine_rows(weights: &[f32], rows: &[f32], out: &mut [f32]) {
    for (weight, row) in weights.iter().zip(rows.chunks_exact(out.len())) {
        for (out, value) in out.iter_mut().zip(row) {
            *out += weight * value;
        }
    }
}

/// Scores to probabilities, in place.
#[inline(always)]
pub(super) fn softmax_in_place(scores: &mut [f32], scale: f32) {
    let max = scores.iter().fold(f32::NEG_INFINITY, |max, s| max.max(*s));
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = exp((*score - max) * scale);
    }
    for score in scores.iter() {
        sum += score;
    }
    let inverse = 1.0 / sum;
    for score in scores.iter_mut() {
        *score *= inverse;
    }
}

#[inline(always)]
fn seen(heads: Heads, len: usize, rows: usize, row: usize) -> usize {
    if heads.causal {
        len - rows + row + 1
    } else {
        len
    }
}

/// `queries` and `out` are `[rows, repeats * dim]`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn forward_rows(heads: Heads, block: &Block, queries: &[f32], out: &mut [f32]) {
    let width = heads.repeats * heads.dim;
    let rows = queries.len() / width;
    let mut scores = vec![0.0; block.len];
    for row in 0..rows {
        let seen = seen(heads, block.len, rows, row);
        for head in 0..heads.repeats {
            let start = row * width + head * heads.dim;
            let columns = start..start + heads.dim;
            let p = &mut scores[..seen];
            combine_columns(&queries[columns.clone()], &block.keys_t, block.len, p);
            softmax_in_place(p, heads.scale);
            combine_rows(p, &block.values, &mut out[columns]);
        }
    }
}

/// `queries`, `grad` and `d_queries` are `[rows, repeats * dim]`. With `p` the probabilities and
/// `g` the gradient of a row's output: `dv_j += p_j g`, `ds_j = p_j (g·v_j - Σ p g·v) scale`,
/// `dq += ds_j k_j`, `dk_j += ds_j q`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn backward_rows(
    heads: Heads,
    block: &mut Block,
    queries: &[f32],
    grad: &[f32],
    d_queries: &mut [f32],
) {
    let width = heads.repeats * heads.dim;
    let rows = queries.len() / width;
    let mut probabilities = vec![0.0; block.len];
    let mut d_scores = vec![0.0; block.len];
    for row in 0..rows {
        let seen = seen(heads, block.len, rows, row);
        for head in 0..heads.repeats {
            let start = row * width + head * heads.dim;
            let columns = start..start + heads.dim;
            let (query, grad) = (&queries[columns.clone()], &grad[columns.clone()]);
            let p = &mut probabilities[..seen];
            combine_columns(query, &block.keys_t, block.len, p);
            softmax_in_place(p, heads.scale);
            let ds = &mut d_scores[..seen];
            combine_columns(grad, &block.values_t, block.len, ds);
            let mean: f32 = p.iter().zip(ds.iter()).map(|(p, d)| p * d).sum();
            for (ds, p) in ds.iter_mut().zip(p.iter()) {
                *ds = p * (*ds - mean) * heads.scale;
            }
            combine_rows(ds, &block.keys, &mut d_queries[columns]);
            let gradients = block
                .d_keys
                .chunks_exact_mut(heads.dim)
                .zip(block.d_values.chunks_exact_mut(heads.dim));
            for ((dk, dv), (ds, p)) in gradients.zip(ds.iter().zip(p.iter())) {
                for ((dk, dv), (q, g)) in dk.iter_mut().zip(dv).zip(query.iter().zip(grad)) {
                    *dk += ds * q;
                    *dv += p * g;
                }
            }
        }
    }
}
