//! The optimiser: what moves the weights once a loss has been backpropagated.

pub mod schedule;
