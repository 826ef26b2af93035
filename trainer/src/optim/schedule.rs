//! The learning rate as a function of the step.
//!
//! A schedule has no state: resuming at a step needs nothing but the step.
//!
//! ```
//! use rlhost_trainer::optim::schedule::{Decay, Schedule, Warmup};
//!
//! let schedule = Schedule::new(Decay::Constant, Warmup::Steps(4), 100)?;
//! assert_eq!(schedule.factor(1), 0.25);
//! assert_eq!(schedule.factor(50), 1.0);
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

use std::f64::consts::PI;

use crate::{Error, Result};

/// What the learning rate does after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Decay {
    /// Stays.
    #[default]
    Constant,
    /// Half a cosine from 1 to `min_lr_ratio` over the remaining steps (Loshchilov and Hutter
    /// 2017, arXiv:1608.03983, without restarts).
    Cosine {
        /// Learning rate at the end, as a share of the peak.
        min_lr_ratio: f64,
    },
    /// A straight line from 1 to 0 over the remaining steps.
    Linear,
    /// Warm-up, stable, decay: stays, then falls on a straight line to 0 over the last
    /// `decay_ratio` of all steps (Hu et al. 2024, arXiv:2404.06395).
    Wsd {
        /// Share of all steps that decays.
        decay_ratio: f64,
    },
}

/// How long the learning rate rises from 0 on a straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warmup {
    /// This many steps.
    Steps(u64),
    /// This share of all steps, rounded down.
    Ratio(f64),
}

/// A learning-rate schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    decay: Decay,
    warmup: u64,
    total: u64,
}

impl Schedule {
    /// A schedule over `total` steps.
    ///
    /// # Errors
    /// If a share is not between 0 and 1.
    pub fn new(decay: Decay, warmup: Warmup, total: u64) -> Result<Self> {
        let share = |key: &str, value: f64| {
            if (0.0..=1.0).contains(&value) {
                Ok(value)
            } else {
                Err(Error::Config(format!(
                    "`{key}` is a share between 0 and 1, and is {value}"
                )))
            }
        };
        match decay {
            Decay::Cosine { min_lr_ratio } => share("min_lr_ratio", min_lr_ratio)?,
            Decay::Wsd { decay_ratio } => share("decay_ratio", decay_ratio)?,
            Decay::Constant | Decay::Linear => 0.0,
        };
        let warmup = match warmup {
            Warmup::Steps(steps) => steps,
            Warmup::Ratio(ratio) => (share("lr_warmup_ratio", ratio)? * total as f64) as u64,
        };
        Ok(Self {
            decay,
            warmup,
            total,
        })
    }

    /// Factor of the peak learning rate for the update number `step`, counted from 0. After the
    /// last step it keeps its final value.
    pub fn factor(&self, step: u64) -> f64 {
        if step < self.warmup {
            return step as f64 / self.warmup as f64;
        }
        match self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine { min_lr_ratio } => {
                let cosine = 0.5 * (1.0 + (PI * self.progress(self.warmup, step)).cos());
                min_lr_ratio + (1.0 - min_lr_ratio) * cosine
            }
            Decay::Linear => 1.0 - self.progress(self.warmup, step),
            Decay::Wsd { decay_ratio } => {
                let length = (decay_ratio * self.total as f64).round() as u64;
                let start = self.total.saturating_sub(length).max(self.warmup);
                1.0 - self.progress(start, step)
            }
        }
    }

    /// How much of the way from `start` to the end is done at `step`.
    fn progress(&self, start: u64, step: u64) -> f64 {
        let way = self.total.saturating_sub(start);
        let done = step.saturating_sub(start);
        if way == 0 {
            return if done == 0 { 0.0 } else { 1.0 };
        }
        (done as f64 / way as f64).min(1.0)
    }
}
