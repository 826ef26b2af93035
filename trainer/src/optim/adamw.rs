//! `AdamW` (Loshchilov and Hutter: *Decoupled Weight Decay Regularization*, ICLR 2019), with f32
//! moments.

use super::Gradients;
use crate::model::Weights;
use crate::ops::values::{first_not_finite, slice};
use crate::{Error, Result};
use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Tensor, Var, bail};
use rayon::prelude::*;
use rlhost_host::files::{WEIGHTS, read};
use std::collections::BTreeMap;
use std::path::Path;

/// Constants of the update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWSettings {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Share of the learning rate by which weights shrink each step.
    pub weight_decay: f64,
}

/// The optimiser's state.
pub struct AdamW {
    settings: AdamWSettings,
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

struct Moments {
    first: Var,
    second: Var,
}

impl AdamW {
    /// Fresh state: all moments are zero.
    pub fn new(settings: AdamWSettings, weights: &Weights) -> Result<Self> {
        let mut moments = BTreeMap::new();
        for (name, var) in weights.iter() {
            let zeros = || Var::zeros(var.shape(), var.dtype(), var.device());
            let pair = Moments {
                first: zeros()?,
                second: zeros()?,
            };
            moments.insert(name.to_owned(), pair);
        }
        Ok(Self {
            settings,
            steps: 0,
            moments,
        })
    }

    /// Updates the weights in place: gradients are multiplied by `scale` (for clipping) first.
    ///
    /// Weights without a gradient stay as they are.
    pub fn step(
        &mut self,
        weights: &Weights,
        gradients: &Gradients,
        scale: f64,
        learning_rate: f64,
    ) -> Result<()> {
        self.steps += 1;
        let AdamWSettings {
            beta1,
            beta2,
            eps,
            weight_decay,
        } = self.settings;
        // Powers by steps as an exponent of f64: exact to the last bit after a resume too.
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let update = Update {
            rate: learning_rate / correction(beta1),
            root: 1.0 / correction(beta2).sqrt(),
            eps,
            keep: 1.0 - learning_rate * weight_decay,
        };
        for (name, var) in weights.iter() {
            let (Some(gradient), Some(moments)) = (gradients.get(name), self.moments.get(name))
            else {
                continue;
            };
            let (first, second) = (&moments.first, &moments.second);
            if var.device().is_cpu() {
                let gradient = gradient.contiguous()?;
                let decay = |beta, power| Decay { beta, scale, power };
                first.inplace_op2(&gradient, &decay(beta1, Power::One))?;
                second.inplace_op2(&gradient, &decay(beta2, Power::Two))?;
                var.inplace_op3(first, second, &update)?;
            } else {
                let gradient = (gradient * scale)?;
                first.set(&((first.as_tensor() * beta1)? + (&gradient * (1.0 - beta1))?)?)?;
                let squares = (gradient.sqr()? * (1.0 - beta2))?;
                second.set(&((second.as_tensor() * beta2)? + squares)?)?;
                let denominator = ((second.sqrt()? * update.root)? + eps)?;
                let change = (first.as_tensor().div(&denominator)? * update.rate)?;
                var.set(&((var.as_tensor() * update.keep)? - change)?)?;
            }
        }
        Ok(())
    }

    /// Writes the moments and the step count.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        for (name, moments) in &self.moments {
            let cpu = candle_core::Device::Cpu;
            tensors.insert(format!("first.{name}"), moments.first.to_device(&cpu)?);
            tensors.insert(format!("second.{name}"), moments.second.to_device(&cpu)?);
        }
        let steps = Some([("steps".to_owned(), self.steps.to_string())].into());
        safetensors::serialize_to_file(&tensors, steps, path).map_err(|e| match e {
            safetensors::SafeTensorError::IoError(e) => Error::io(path, e),
            e => Error::run(path, e.to_string()),
        })
    }

    /// Reads what [`Self::save`] wrote, for the same weights.
    pub fn load(settings: AdamWSettings, weights: &Weights, path: &Path) -> Result<Self> {
        let bytes = read(path, WEIGHTS).map_err(|e| Error::io(path, e))?;
        let broken = |message: String| Error::run(path, message);
        let (_, header) =
            safetensors::SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.to_string()))?;
        let steps = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get("steps"))
            .and_then(|steps| steps.parse().ok())
            .ok_or_else(|| broken("has no step count: it is not an optimiser's state".into()))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &candle_core::Device::Cpu)
            .map_err(|e| broken(e.to_string()))?;
        let mut state = Self::new(settings, weights)?;
        state.steps = steps;
        for (name, moments) in &state.moments {
            for (part, var) in [("first", &moments.first), ("second", &moments.second)] {
                let key = format!("{part}.{name}");
                let tensor = tensors
                    .get(&key)
                    .ok_or_else(|| broken(format!("{key} is missing")))?;
                if tensor.dtype() != var.dtype() || tensor.dims() != var.dims() {
                    return Err(broken(format!("{key} is not like the weight {name}")));
                }
                if let Some((place, value)) = first_not_finite(tensor)? {
                    return Err(broken(format!("{key} holds {value} at element {place}")));
                }
                var.set(&tensor.to_device(weights.device())?)?;
            }
        }
        Ok(state)
    }
}

/// Elements that one task handles.
const CHUNK: usize = 32_768;

fn values_mut<'a>(
    storage: &'a mut CpuStorage,
    layout: &Layout,
) -> candle_core::Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("an optimiser's tensor is not contiguous f32"),
    }
}

#[derive(Clone, Copy)]
enum Power {
    One,
    Two,
}

/// `moment = beta * moment + (1 - beta) * (scale * gradient)^power`.
struct Decay {
    beta: f64,
    scale: f64,
    power: Power,
}

impl InplaceOp2 for Decay {
    fn name(&self) -> &'static str {
        "adamw-moment"
    }

    fn cpu_fwd(
        &self,
        moment: &mut CpuStorage,
        moment_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let moment = values_mut(moment, moment_layout)?;
        let gradient = slice(gradient, gradient_layout)?;
        let (beta, rest, scale) = (
            self.beta as f32,
            (1.0 - self.beta) as f32,
            self.scale as f32,
        );
        let power = self.power;
        moment
            .par_chunks_mut(CHUNK)
            .zip(gradient.par_chunks(CHUNK))
            .for_each(|(moment, gradient)| {
                for (m, g) in moment.iter_mut().zip(gradient) {
                    let g = g * scale;
                    let term = match power {
                        Power::One => g,
                        Power::Two => g * g,
                    };
                    *m = beta * *m + rest * term;
                }
            });
        Ok(())
    }
}

/// `weight = keep * weight - rate * first / (root * sqrt(second) + eps)`.
struct Update {
    rate: f64,
    root: f64,
    eps: f64,
    keep: f64,
}

impl InplaceOp3 for Update {
    fn name(&self) -> &'static str {
        "adamw-update"
    }

    fn cpu_fwd(
        &self,
        weight: &mut CpuStorage,
        weight_layout: &Layout,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> candle_core::Result<()> {
        let weight = values_mut(weight, weight_layout)?;
        let (first, second) = (slice(first, first_layout)?, slice(second, second_layout)?);
        let (rate, root) = (self.rate as f32, self.root as f32);
        let (eps, keep) = (self.eps as f32, self.keep as f32);
        weight
            .par_chunks_mut(CHUNK)
            .zip(first.par_chunks(CHUNK).zip(second.par_chunks(CHUNK)))
            .for_each(|(weight, (first, second))| {
                for ((w, m), v) in weight.iter_mut().zip(first).zip(second) {
                    *w = keep * *w - rate * m / (root * v.sqrt() + eps);
                }
            });
        Ok(())
    }
}
