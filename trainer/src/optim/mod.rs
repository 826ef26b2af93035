//! Turning gradients into updates.

mod adamw;
mod gradients;
pub mod schedule;

pub use adamw::{AdamW, AdamWSettings};
pub use gradients::Gradients;
