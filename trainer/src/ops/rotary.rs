//! Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the rotate-half layout.

use super::values::{Values, fused};
use candle_core::{Device, Result, Tensor, bail};
use std::sync::Arc;

/// Cosines and sines of the angles of every row: `[rows, head_dim / 2]` each.
#[derive(Clone, Debug)]
pub struct Rotary(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl Rotary {
    /// From the angles in radians, row by row: `[rows, half]`, computed in f32 as the models do.
    pub fn new(angles: &[f32], half: usize) -> Self {
        Self(Arc::new(Tables {
            cos: angles.iter().map(|angle| angle.cos()).collect(),
            sin: angles.iter().map(|angle| angle.sin()).collect(),
            half,
        }))
    }

    /// How many rows there are angles for.
    pub fn rows(&self) -> usize {
        self.0.cos.len() / self.0.half.max(1)
    }

    /// Cosines and sines of one row.
    #[inline]
    pub(super) fn row(&self, row: usize) -> (&[f32], &[f32]) {
        let range = row * self.0.half..(row + 1) * self.0.half;
        (&self.0.cos[range.clone()], &self.0.sin[range])
    }

    /// `x` `[rows, heads, 2 * half]`, rotated by candle's differentiable operations.
    pub(super) fn compose(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, _, head_dim) = x.dims3()?;
        let half = self.0.half;
        if rows != self.rows() || head_dim != 2 * half {
            bail!(
                "rotary: angles for {} rows of {half} pairs, but x is {:?}",
                self.rows(),
                x.shape()
            );
        }
        let table = |values: &[f32]| {
            Tensor::from_slice(values, (rows, 1, half), &Device::Cpu)?
                .to_dtype(x.dtype())?
                .to_device(x.device())
        };
        let (cos, sin) = (table(&self.0.cos)?, table(&self.0.sin)?);
        let (a, b) = (x.narrow(2, 0, half)?, x.narrow(2, half, half)?);
        Tensor::cat(
            &[
                (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?,
                (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?,
            ],
            2,
        )
    }
}

/// Rotates one head of one row in place: pairs are (i, i + half).
#[inline(always)]
pub(super) fn rotate_head(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (a, b) = head.split_at_mut(cos.len());
    for ((a, b), (cos, sin)) in a.iter_mut().zip(b).zip(cos.iter().zip(sin)) {
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

/// The inverse of [`rotate_head`], which is also its transpose: what gradients go through.
#[inline(always)]
pub(super) fn unrotate_head(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (a, b) = head.split_at_mut(cos.len());
    for ((a, b), (cos, sin)) in a.iter_mut().zip(b).zip(cos.iter().zip(sin)) {
        (*a, *b) = (*a * cos + *b * sin, *b * cos - *a * sin);
    }
}

/// `x` `[rows, heads * head_dim]` with every head rotated; no gradient (for sampling, where keys
/// are rotated once and cached).
pub fn rotate(x: &Tensor, rotary: &Rotary) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let head_dim = 2 * rotary.0.half;
    if rows != rotary.rows() || width % head_dim != 0 {
        bail!(
            "rotary: angles for {} rows of width {head_dim}, but x is {:?}",
            rotary.rows(),
            x.shape()
        );
    }
    if !fused(x) {
        let x = x.detach().reshape((rows, width / head_dim, head_dim))?;
        return rotary.compose(&x)?.reshape((rows, width));
    }
    let x = x.contiguous()?;
    let mut values = Values::new(&x)?.to_vec();
    for (row, values) in values.chunks_exact_mut(width).enumerate() {
        let (cos, sin) = rotary.row(row);
        for head in values.chunks_exact_mut(head_dim) {
            rotate_head(head, cos, sin);
        }
    }
    Tensor::from_vec(values, (rows, width), x.device())
}
