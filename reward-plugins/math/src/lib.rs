//! The standard math verifier: finds the answer in a response and decides whether it is the reference.
//!
//! Numbers are exact (fractions of big integers), symbolic answers are compared in a canonical form, and what is
//! doubtful is not equal. Nothing is evaluated as code, and every input ends: lengths, nesting, exponents, terms and
//! the size of numbers are bounded.
//!
//! # What counts as equal
//!
//! - Numbers by exact value, however they are written: `0.5`, `\frac12`, `1e3`, `1,234`, `1\frac{1}{2}`, `0.\overline{3}`.
//!   `0.333` is not 1/3, unless `tolerance` allows it.
//! - Roots, powers, π, e, i, logarithms, and polynomials and quotients in variables by canonical form. Where that is
//!   too long to work out, rational functions are compared at points modulo a prime, and all else is not equal.
//! - A missing unit is no mistake, another unit is (`units`). A degree sign and a currency are units. `50%` is 1/2 and
//!   not 50 (`percent`).
//! - `x = 5` answers 5; `x = 5` against `y = 5` or `2x = 10` is not equal. Equations and inequalities may be turned
//!   round or multiplied; an inequality for one variable equals its interval.
//! - Tuples, intervals and matrices item by item, in order; the ends of intervals count. Sets, unions and lists without
//!   brackets in any order (`ordered`). `\pm 2` is the list `2, -2`. Inside of brackets a comma always separates, outside
//!   it may separate thousands. A set of one element equals that element.
//! - A choice by its letter, yes and true as the same, words by their letters without case and punctuation.
//! - Several different answers are one only if the reference has them all.
//!
//! # How it works
//!
//! The stages, one module each: [`extract`] finds the answer, [`lexer`] and [`parser`] read it, [`canonical`] brings
//! expressions into the form of [`poly`], [`compare`] decides, [`judge`](mod@judge) puts it together.

mod approx;
pub mod canonical;
mod clock;
mod command;
pub mod compare;
mod digits;
pub mod exponent;
mod factor;
pub mod find;
mod function;
pub mod judge;
pub mod lexer;
mod measure;
mod modular;
mod names;
pub mod params;
pub mod parser;
pub mod parts;
pub mod plugin;
pub mod poly;
mod power;
pub mod prose;
mod quantity;
mod region;
mod sentence;
mod symbols;
pub mod syntax;
pub mod text;
mod units;
mod words;

pub use judge::{InvalidReference, Judgement, judge};
pub use rlhost_verifier::extract;
pub use rlhost_verifier::rational as number;
