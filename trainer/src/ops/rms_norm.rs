//! Root-mean-square normalisation (Zhang and Sennrich: *Root Mean Square Layer Normalization*,
//! 2019).

use super::cached::dot;
use super::values::{Values, fused, slice};
use candle_core::{CpuStorage, CustomOp2, D, Layout, Result, Shape, Tensor};
use multiversion::multiversion;
use rayon::prelude::*;

/// `y = weight * x / sqrt(mean(x²) + eps)` over the last dimension: `x` `[rows, width]`, `weight`
/// `[width]`.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    if fused(x) {
        return x
            .contiguous()?
            .apply_op2(&weight.contiguous()?, RmsNorm { eps: eps as f32 });
    }
    let variance = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(variance + eps)?.sqrt()?)?
        .broadcast_mul(weight)
}

struct RmsNorm {
    eps: f32,
}

/// Rows that one task handles; fixed, so that sums over rows don't depend on the thread count.
const CHUNK: usize = 128;

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn forward(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
    let width = weight.len();
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let scale = inverse_rms(x, eps);
        for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
            *y = x * scale * w;
        }
    }
}

#[inline(always)]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (dot(x, x) / x.len() as f32 + eps).sqrt()
}

/// With `r = 1 / rms(x)` and `c = Σ g w x / width`: `dx = r (g w - x r² c)`, `dw = Σ g x r`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn backward(x: &[f32], weight: &[f32], grad: &[f32], eps: f32, dx: &mut [f32], dw: &mut [f32]) {
    let width = weight.len();
    let mut scaled = vec![0.0; width];
    let rows = x.chunks_exact(width).zip(grad.chunks_exact(width));
    for ((x, grad), dx) in rows.zip(dx.chunks_exact_mut(width)) {
        let r = inverse_rms(x, eps);
        for ((s, g), w) in scaled.iter_mut().zip(grad).zip(weight) {
            *s = g * w;
        }
        let c = dot(&scaled, x) / width as f32 * r * r;
        for (((dx, s), x), (dw, g)) in dx
            .iter_mut()
            .zip(&scaled)
            .zip(x)
            .zip(dw.iter_mut().zip(grad))
        {
            *dx = r * (s - x * c);
            *dw += g * x * r;
        }
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = slice(x, x_layout)?;
        let weight = slice(weight, weight_layout)?;
        if weight.is_empty() || x.len() % weight.len() != 0 {
            candle_core::bail!(
                "rms_norm: {} weights for {:?}",
                weight.len(),
                x_layout.shape()
            );
        }
        let mut y = vec![0.0; x.len()];
        let chunk = CHUNK * weight.len();
        y.par_chunks_mut(chunk)
            .zip(x.par_chunks(chunk))
            .for_each(|(y, x)| forward(x, weight, self.eps, y));
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (xs, ws, gs) = (Values::new(x)?, Values::new(weight)?, Values::new(&grad)?);
        let width = ws.len();
        let mut dx = vec![0.0; xs.len()];
        let chunk = CHUNK * width;
        let partial: Vec<Vec<f32>> = dx
            .par_chunks_mut(chunk)
            .zip(xs.par_chunks(chunk).zip(gs.par_chunks(chunk)))
            .map(|(dx, (x, g))| {
                let mut dw = vec![0.0; width];
                backward(x, &ws, g, self.eps, dx, &mut dw);
                dw
            })
            .collect();
        let mut dw = vec![0.0; width];
        for part in &partial {
            dw.iter_mut().zip(part).for_each(|(sum, p)| *sum += p);
        }
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(dw, weight.shape(), weight.device())?),
        ))
    }
}
