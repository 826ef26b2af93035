//! Attention of single new rows against cached keys and values.

use super::attention::AttentionShape;
use super::attention_kernel::softmax_in_place;
use multiversion::multiversion;
use rayon::prelude::*;

/// Keys and values of consecutive positions, each `[positions, kv_heads * head_dim]`; keys are
/// rotated already.
#[derive(Clone, Copy)]
pub struct CachedRows<'a> {
    /// The keys.
    pub keys: &'a [f32],
    /// The values.
    pub values: &'a [f32],
}

/// One query row for each entry of `seen`, which lists the pieces of cache that the row attends to.
///
/// `q` is `[rows, heads * head_dim]`, rotated already; the result is like `q`. Rows are computed
/// one by one, so a row doesn't depend on the others.
pub fn attend_cached(q: &[f32], shape: AttentionShape, seen: &[Vec<CachedRows<'_>>]) -> Vec<f32> {
    let width = shape.heads * shape.head_dim;
    let mut out = vec![0.0; q.len()];
    out.par_chunks_mut(width)
        .zip(q.par_chunks(width))
        .zip(seen)
        .for_each(|((out, q), seen)| attend(q, shape, seen, out));
    out
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn attend(q: &[f32], shape: AttentionShape, seen: &[CachedRows<'_>], out: &mut [f32]) {
    let (dim, stride) = (shape.head_dim, shape.kv_heads * shape.head_dim);
    let len = seen.iter().map(|rows| rows.keys.len() / stride).sum();
    let mut scores = Vec::with_capacity(len);
    for (head, (q, out)) in q
        .chunks_exact(dim)
        .zip(out.chunks_exact_mut(dim))
        .enumerate()
    {
        let start = head / shape.repeats() * dim;
        scores.clear();
        for rows in seen {
            for key in rows.keys.chunks_exact(stride) {
                scores.push(dot(q, &key[start..start + dim]));
            }
        }
        softmax_in_place(&mut scores, shape.scale() as f32);
        out.fill(0.0);
        let values = seen
            .iter()
            .flat_map(|rows| rows.values.chunks_exact(stride));
        for (p, value) in scores.iter().zip(values) {
            for (out, value) in out.iter_mut().zip(&value[start..start + dim]) {
                *out += p * value;
            }
        }
    }
}

/// A sum in 16 lanes: the order is fixed, and the compiler may keep the lanes in registers.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let (a_chunks, b_chunks) = (a.chunks_exact(16), b.chunks_exact(16));
    let tail: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..16 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}
