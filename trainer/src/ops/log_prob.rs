//! Log-probabilities and entropies of chosen tokens, without ever holding all logits.

use super::gemm::{Matrix, product, rows_times_weight};
use super::math::exp;
use super::values::{Values, fused, slice};
use candle_core::{CpuStorage, CustomOp2, D, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

/// Result of [`log_prob`]: both `[rows]`.
pub struct LogProb {
    /// Log-probability of the target token, in nats.
    pub logp: Tensor,
    /// Entropy of the distribution, in nats.
    pub entropy: Tensor,
}

/// Log-probability of `targets` and entropy under `softmax(hidden · weightᵀ / temperature)`.
///
/// `hidden` is `[rows, width]`, `weight` `[vocabulary, width]`. Logits exist for a chunk of rows at
/// a time only, in the forward as in the backward pass.
pub fn log_prob(
    hidden: &Tensor,
    weight: &Tensor,
    targets: &[u32],
    temperature: f64,
) -> Result<LogProb> {
    let (rows, vocabulary) = (hidden.dim(0)?, weight.dim(0)?);
    if targets.len() != rows {
        bail!("log_prob: {} targets for {rows} rows", targets.len());
    }
    if let Some(token) = targets.iter().find(|token| **token as usize >= vocabulary) {
        bail!("log_prob: target {token} is outside of the vocabulary of {vocabulary}");
    }
    if !fused(hidden) {
        return compose(hidden, weight, targets, temperature);
    }
    let op = LogProbOp {
        targets: targets.to_vec(),
        inverse_temperature: (1.0 / temperature) as f32,
    };
    let both = hidden.contiguous()?.apply_op2(&weight.contiguous()?, op)?;
    Ok(LogProb {
        logp: both.narrow(1, 0, 1)?.squeeze(1)?,
        entropy: both.narrow(1, 1, 1)?.squeeze(1)?,
    })
}

/// Rows whose logits exist at a time.
const CHUNK: usize = 256;

struct LogProbOp {
    targets: Vec<u32>,
    inverse_temperature: f32,
}

/// Turns a row of logits into probabilities and returns (log-probability of the target, entropy).
#[inline(always)]
fn softmax_row(row: &mut [f32], target: usize, inverse_temperature: f32) -> (f32, f32) {
    let max = row.iter().fold(f32::NEG_INFINITY, |max, x| max.max(*x));
    let chosen = (row[target] - max) * inverse_temperature;
    let (mut sum, mut weighted) = (0.0_f32, 0.0_f32);
    for x in row.iter_mut() {
        let shifted = (*x - max) * inverse_temperature;
        *x = exp(shifted);
        weighted += *x * shifted;
        sum += *x;
    }
    let (log_sum, inverse) = (sum.ln(), 1.0 / sum);
    for x in row.iter_mut() {
        *x *= inverse;
    }
    (chosen - log_sum, log_sum - weighted * inverse)
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn forward(logits: &mut [f32], targets: &[u32], inverse_temperature: f32, out: &mut Vec<f32>) {
    let vocabulary = logits.len() / targets.len();
    for (row, target) in logits.chunks_exact_mut(vocabulary).zip(targets) {
        let (logp, entropy) = softmax_row(row, *target as usize, inverse_temperature);
        out.extend([logp, entropy]);
    }
}

/// Replaces logits by their gradients: with `p` the probabilities, `H` the entropy, `g` and `h` the
/// gradients of log-probability and entropy,
/// `d_i = (g ([i = target] - p_i) - h p_i (ln p_i + H)) / temperature`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn backward(logits: &mut [f32], targets: &[u32], inverse_temperature: f32, grads: &[f32]) {
    let vocabulary = logits.len() / targets.len();
    let rows = logits.chunks_exact_mut(vocabulary);
    for ((row, target), grads) in rows.zip(targets).zip(grads.chunks_exact(2)) {
        let (g, h) = (
            grads[0] * inverse_temperature,
            grads[1] * inverse_temperature,
        );
        let (_, entropy) = softmax_row(row, *target as usize, inverse_temperature);
        if h == 0.0 {
            for p in row.iter_mut() {
                *p *= -g;
            }
        } else {
            for p in row.iter_mut() {
                let log_p = p.max(f32::MIN_POSITIVE).ln();
                *p *= -g - h * (log_p + entropy);
            }
        }
        row[*target as usize] += g;
    }
}

impl CustomOp2 for LogProbOp {
    fn name(&self) -> &'static str {
        "log-prob"
    }

    fn cpu_fwd(
        &self,
        hidden: &CpuStorage,
        hidden_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = hidden_layout.shape().dims2()?;
        let (vocabulary, _) = weight_layout.shape().dims2()?;
        let (hidden, weight) = (slice(hidden, hidden_layout)?, slice(weight, weight_layout)?);
        let mut out = Vec::with_capacity(rows * 2);
        let chunks = hidden.chunks(CHUNK * width);
        for (hidden, targets) in chunks.zip(self.targets.chunks(CHUNK)) {
            let mut logits =
                rows_times_weight(hidden, targets.len(), weight, vocabulary, width, None);
            forward(&mut logits, targets, self.inverse_temperature, &mut out);
        }
        Ok((CpuStorage::F32(out), Shape::from((rows, 2))))
    }

    fn bwd(
        &self,
        hidden: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (rows, width) = hidden.dims2()?;
        let vocabulary = weight.dim(0)?;
        let (hs, ws, gs) = (
            Values::new(hidden)?,
            Values::new(weight)?,
            Values::new(&grad)?,
        );
        let mut d_hidden = vec![0.0; rows * width];
        let mut d_weight = vec![0.0; vocabulary * width];
        let chunks = hs
            .chunks(CHUNK * width)
            .zip(d_hidden.chunks_mut(CHUNK * width))
            .zip(self.targets.chunks(CHUNK).zip(gs.chunks(CHUNK * 2)));
        for ((h, d_h), (targets, g)) in chunks {
            let n = targets.len();
            let mut logits = rows_times_weight(h, n, &ws, vocabulary, width, None);
            backward(&mut logits, targets, self.inverse_temperature, g);
            let d_logits = Matrix::new(&logits, n, vocabulary);
            product(d_h, d_logits, Matrix::new(&ws, vocabulary, width), false);
            product(&mut d_weight, d_logits.t(), Matrix::new(h, n, width), true);
        }
        Ok((
            Some(Tensor::from_vec(d_hidden, hidden.shape(), hidden.device())?),
            Some(Tensor::from_vec(d_weight, weight.shape(), weight.device())?),
        ))
    }
}

/// The same by candle's operations, a chunk of rows at a time.
fn compose(hidden: &Tensor, weight: &Tensor, targets: &[u32], temperature: f64) -> Result<LogProb> {
    let (mut logp, mut entropy) = (Vec::new(), Vec::new());
    for (i, chunk) in targets.chunks(CHUNK).enumerate() {
        let h = hidden.narrow(0, i * CHUNK, chunk.len())?;
        let logits = (h.matmul(&weight.t()?)? / temperature)?;
        let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
        let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
        let log_p = shifted.broadcast_sub(&log_sum)?;
        let index = Tensor::from_slice(chunk, (chunk.len(), 1), hidden.device())?;
        logp.push(log_p.gather(&index, 1)?.squeeze(1)?);
        entropy.push((log_p.exp()? * &log_p)?.sum(D::Minus1)?.neg()?);
    }
    if logp.is_empty() {
        let nothing = Tensor::zeros(0, hidden.dtype(), hidden.device())?;
        return Ok(LogProb {
            logp: nothing.clone(),
            entropy: nothing,
        });
    }
    Ok(LogProb {
        logp: Tensor::cat(&logp, 0)?,
        entropy: Tensor::cat(&entropy, 0)?,
    })
}
