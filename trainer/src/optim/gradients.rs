//! Gradients of all weights, summed over micro-batches.

use crate::model::Weights;
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;

/// One gradient for each weight, by name.
#[derive(Default)]
pub struct Gradients(BTreeMap<String, Tensor>);

impl Gradients {
    /// No gradients yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the gradients of a backward pass; see [`Self::check_coverage`] for weights that got none.
    pub fn add(&mut self, weights: &Weights, mut store: GradStore) -> Result<()> {
        for (name, var) in weights.iter() {
            let Some(gradient) = store.remove(var) else {
                continue;
            };
            // Detached, or the sum would keep every micro-batch's graph alive.
            let gradient = gradient.detach();
            match self.0.get_mut(name) {
                Some(sum) => *sum = (&*sum + gradient)?.detach(),
                None => {
                    self.0.insert(name.to_owned(), gradient);
                }
            }
        }
        Ok(())
    }

    /// Names and gradients, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The gradient of a weight.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Checks that no weight is left out, except the vision tower's where no picture was seen.
    pub fn check_coverage(&self, weights: &Weights, pictures: bool) -> Result<()> {
        for (name, _) in weights.iter() {
            if !self.0.contains_key(name) && (pictures || !name.starts_with("visual.")) {
                return Err(Error::Tensor(candle_core::Error::Msg(format!(
                    "the weight {name} got no gradient"
                ))));
            }
        }
        Ok(())
    }

    /// Euclidean norm over all gradients.
    pub fn norm(&self) -> Result<f64> {
        let mut sum = 0.0;
        for gradient in self.0.values() {
            let squares = gradient.sqr()?.sum_all()?.to_dtype(DType::F64)?;
            sum += squares.to_scalar::<f64>()?;
        }
        Ok(sum.sqrt())
    }
}
