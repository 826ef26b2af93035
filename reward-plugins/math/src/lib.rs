//! The standard math verifier: finds the answer in a response and decides whether it is the reference.
//!
//! Numbers are exact (fractions of big integers), symbolic answers are compared in a canonical form, and what is
//! doubtful is not equal. Nothing is evaluated as code, and every input ends: lengths, nesting, exponents, terms and
//! the size of numbers are bounded.
//!
//! What is read, and what counts as equal, is in the plugin's README.
//!
//! # How it works
//!
//! [`find`] finds the answer after the thinking, [`prose`] the value that a sentence states, [`parts`] the parts of an answer.
//! [`lexer`] and [`parser`] read mathematics, [`canonical`] brings expressions into the form of [`poly`], [`compare`] decides by
//! structure first and by exact values at the leaves, and [`judge`](mod@judge) puts it together. Several different answers are one
//! only if the reference has them all.
//!
//! As a library, without the feature `component`, the crate exports nothing of its own to WebAssembly.

mod allow;
mod approx;
mod around;
pub mod atom;
mod attached;
pub mod canonical;
mod chinese;
pub mod choices;
mod clauses;
mod clock;
mod command;
pub mod compare;
mod condition;
mod cues;
mod degree;
mod digits;
mod display;
mod ellipsis;
pub mod exponent;
mod factor;
pub mod find;
mod function;
mod han;
pub mod judge;
mod labels;
mod last;
mod layout;
pub mod lexer;
mod linear;
mod matching;
mod measure;
mod modular;
mod names;
mod notation;
mod numeral;
pub mod params;
pub mod parser;
pub mod parts;
mod phrases;
pub mod plugin;
pub mod poly;
mod power;
pub mod prose;
mod qualifier;
mod quantity;
mod reference;
mod region;
mod relation;
mod rewrite;
mod rounding;
mod second_thoughts;
mod sentence;
mod series;
mod sign;
mod statement;
mod sums;
mod symbols;
pub mod syntax;
pub mod text;
mod tidy;
mod touch;
mod trigonometry;
mod units;
mod upright;
mod valueless;
mod voided;
mod words;
pub mod work;

pub use judge::{Judgement, judge};
pub use reference::InvalidReference;
pub use rlhost_verifier::extract;
pub use rlhost_verifier::rational as number;
