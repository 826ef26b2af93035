//! Differentiable operations that candle lacks or whose gradients it cuts.
//!
//! Every operation has two paths that compute the same thing: a fused one (f32 on the CPU, forward
//! and backward in one pass each) and a composed one out of candle's differentiable operations
//! (every other device and type). The composed path is what a GPU runs; in f64 it is also the
//! reference that the fused path's gradients are checked against.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use rlhost_trainer::ops;
//!
//! let x = Tensor::new(&[[3f32, 4.0]], &Device::Cpu)?;
//! let weight = Tensor::new(&[1f32, 1.0], &Device::Cpu)?;
//! let y = ops::rms_norm(&x, &weight, 0.0)?;
//! assert_eq!(y.to_vec2::<f32>()?[0].iter().map(|v| v * v).sum::<f32>().round(), 2.0);
//! # Ok::<(), candle_core::Error>(())
//! ```

mod attention;
mod attention_kernel;
mod cached;
mod gemm;
mod linear;
mod log_prob;
mod math;
mod rms_norm;
mod rotary;
mod segments;
mod swiglu;
pub(crate) mod values;

pub use attention::{AttentionShape, attention};
pub use cached::{CachedRows, attend_cached};
pub use linear::{linear, matmul_rows};
pub use log_prob::{LogProb, log_prob};
pub use rms_norm::rms_norm;
pub use rotary::{Rotary, rotate};
pub use segments::{Segment, Segments};
pub use swiglu::swiglu;
