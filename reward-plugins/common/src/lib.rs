//! What the verifiers share: finding the answer in a response, reading references, folding look-alike
//! characters, exact numbers, and reading numbers and JSON as people and models write them.
//!
//! A verifier describes the parameters of its [`Frame`](answer::Frame) beside its own, asks the frame for
//! the answer of a response, compares, and lets the frame make the verdict:
//!
//! ```
//! use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
//! use rlhost_verifier::{answer::Frame, reference};
//!
//! struct Same;
//!
//! impl SampleReward for Same {
//!     fn describe() -> PluginInfo {
//!         Frame::describe(PluginInfo::new("same", "0.1.0", "Is the answer the reference, letter by letter?"))
//!     }
//!
//!     fn score(sample: &Sample) -> Result<Verdict, Failure> {
//!         let params = sample.params_json()?;
//!         let frame = Frame::read(&params, &[])?;
//!         let references = reference::texts(sample)?;
//!         let answer = frame.answer(sample.last_text());
//!         let same = answer.is_some_and(|answer| references.iter().any(|r| r == answer.text));
//!         Ok(frame.verdict(sample.last_text(), f64::from(u8::from(same))))
//!     }
//! }
//!
//! let sample = Sample::from_text("<think>a <answer>6</answer></think> It is <answer>5</answer>.", "[\"4\", \"5\"]");
//! assert_eq!(Same::score(&sample).unwrap().total, 1.0);
//! ```

pub mod answer;
pub mod extract;
pub mod fold;
#[cfg(not(target_arch = "wasm32"))]
pub mod golden;
pub mod json;
pub mod layout;
pub mod lines;
pub mod marks;
pub mod numeral;
pub mod rational;
pub mod reference;
pub mod retraction;
pub mod thinking;
pub mod turn;
