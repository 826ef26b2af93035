//! `y = x Wᵀ + b`.

use super::gemm::{Matrix, product, rows_times_weight};
use super::values::{Values, fused, slice};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use multiversion::multiversion;

/// A linear layer: `x` `[rows, inputs]`, `weight` `[outputs, inputs]`, `bias` `[outputs]` give
/// `[rows, outputs]`.
///
/// On the CPU the bits of a row don't depend on how many other rows there are.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if !fused(x) {
        let y = x.matmul(&weight.t()?)?;
        return match bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        };
    }
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, Linear),
        None => x.apply_op2(&weight, Linear),
    }
}

/// `x · weightᵀ` without a gradient, for sampling: `x` `[rows, inputs]`, `weight`
/// `[outputs, inputs]`.
pub fn matmul_rows(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    linear(&x.detach(), &weight.detach(), None)
}

struct Linear;

fn forward(
    (x, x_layout): (&CpuStorage, &Layout),
    (weight, weight_layout): (&CpuStorage, &Layout),
    bias: Option<&[f32]>,
) -> Result<(CpuStorage, Shape)> {
    let (rows, inputs) = x_layout.shape().dims2()?;
    let (outputs, weight_inputs) = weight_layout.shape().dims2()?;
    if inputs != weight_inputs {
        candle_core::bail!("linear: {inputs} inputs, but the weight takes {weight_inputs}");
    }
    let y = rows_times_weight(
        slice(x, x_layout)?,
        rows,
        slice(weight, weight_layout)?,
        outputs,
        inputs,
        bias,
    );
    Ok((CpuStorage::F32(y), Shape::from((rows, outputs))))
}

/// Gradients of `x` and `weight`.
fn backward(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor)> {
    let (rows, inputs) = x.dims2()?;
    let outputs = weight.dim(0)?;
    let (xs, ws, gs) = (Values::new(x)?, Values::new(weight)?, Values::new(grad)?);
    let g = Matrix::new(&gs, rows, outputs);
    let mut dx = vec![0.0; rows * inputs];
    product(&mut dx, g, Matrix::new(&ws, outputs, inputs), false);
    let mut dw = vec![0.0; outputs * inputs];
    product(&mut dw, g.t(), Matrix::new(&xs, rows, inputs), false);
    Ok((
        Tensor::from_vec(dx, (rows, inputs), x.device())?,
        Tensor::from_vec(dw, (outputs, inputs), x.device())?,
    ))
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn add_rows(sum: &mut [f32], rows: &[f32]) {
    for row in rows.chunks_exact(sum.len()) {
        for (total, value) in sum.iter_mut().zip(row) {
            *total += value;
        }
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        forward((x, x_layout), (weight, weight_layout), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = backward(x, weight, &grad.contiguous()?)?;
        Ok((Some(dx), Some(dw)))
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let bias = slice(bias, bias_layout)?;
        forward((x, x_layout), (weight, weight_layout), Some(bias))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (dx, dw) = backward(x, weight, &grad)?;
        let mut db = vec![0.0; bias.elem_count()];
        add_rows(&mut db, &Values::new(&grad)?);
        let db = Tensor::from_vec(db, bias.shape(), bias.device())?;
        Ok((Some(dx), Some(dw), Some(db)))
    }
}
