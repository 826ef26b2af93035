//! The standard math verifier: finds the answer in a response and decides whether it is the reference.
//!
//! Numbers are exact (fractions of big integers), symbolic answers are compared in a canonical form, and what is
//! doubtful is not equal. Nothing is evaluated as code, and every input ends: lengths, nesting, exponents, terms and
//! the size of numbers are bounded.
//!
//! The stages, one module each: [`extract`] finds the answer, [`lexer`] and [`parser`] read it, [`canonical`] brings
//! expressions into the form of [`poly`], [`compare`] decides, [`judge`](mod@judge) puts it together.

mod approx;
pub mod canonical;
pub mod compare;
pub mod exponent;
pub mod extract;
mod factor;
mod function;
pub mod judge;
pub mod lexer;
mod measure;
mod modular;
pub mod number;
pub mod params;
pub mod parser;
pub mod plugin;
pub mod poly;
mod power;
mod symbols;
pub mod syntax;
pub mod text;
mod units;

pub use judge::{InvalidReference, Judgement, judge};
