//! The math verifier against hand-written cases, an outside algebra system and hostile input.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod bounds;
mod cases;
mod corpus;
mod peer;
mod plugin;
mod responses;
