//! Write algorithms for rlhost in Rust: advantage estimators and policy losses.
//!
//! An algorithm is a component of the world `algorithm` (`wit/algorithm.wit`): it says what it provides
//! ([`Algorithm::describe`]) and computes it over flat arrays. A complete one, maximum likelihood of
//! the trained tokens weighted by their advantages:
//!
//! ```
//! use rlhost_plugin::Params;
//! use rlhost_plugin::algorithm::{
//!     Algorithm, AlgorithmInfo, LossInput, LossOutput, LossScope, Rows, Totals,
//! };
//! use rlhost_plugin::export_algorithm;
//!
//! struct Reinforce;
//!
//! impl Algorithm for Reinforce {
//!     fn describe() -> AlgorithmInfo {
//!         AlgorithmInfo::new("reinforce", env!("CARGO_PKG_VERSION"), "−A · logp, the mean over tokens.")
//!             .policy_loss(LossScope::Row)
//!             .param("scale", "Factor of the loss.", "1.0")
//!     }
//!
//!     fn policy_loss(input: &LossInput, totals: &Totals, params: &Params) -> Result<LossOutput, String> {
//!         // Dividing by the totals, and not by the tokens at hand, makes micro-batches add up.
//!         let weight = params.number("scale", 1.0)? / totals.tokens.max(1) as f64;
//!         let mut out = LossOutput::zero(&input.rows);
//!         for row in 0..input.rows.len() {
//!             for token in input.rows.trained(row) {
//!                 out.loss -= weight * input.advantages[token] * input.logp[token];
//!                 out.d_logp[token] = -weight * input.advantages[token];
//!             }
//!         }
//!         Ok(out)
//!     }
//! }
//!
//! export_algorithm!(Reinforce);
//! # fn main() {
//! let rows = Rows { offsets: vec![0, 2], mask: vec![1, 1] };
//! let input = LossInput::new(rows, vec![-0.5, -1.0], vec![-0.5, -1.0], vec![1.0, 1.0]);
//! let totals = Totals::of(&input.rows);
//! let out = Reinforce::policy_loss(&input, &totals, &Params::parse("{}").unwrap()).unwrap();
//! assert_eq!(out.loss, 0.75);
//! assert_eq!(out.d_logp, [-0.5, -0.5]);
//! # }
//! ```
//!
//! A run uses it as `actor.policy_loss.loss_mode = "reinforce.wasm"`.

use std::ops::Range;

use crate::{ParamInfo, Params, panic};

/// The bindings as generated from `wit/algorithm.wit`.
#[allow(missing_docs, clippy::pedantic, clippy::undocumented_unsafe_blocks)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "algorithm",
        with: {
            "rlhost:plugin/types@0.1.0": crate::bindings::rlhost::plugin::types,
            "rlhost:plugin/log@0.1.0": crate::bindings::rlhost::plugin::log,
            "rlhost:plugin/panic@0.1.0": crate::bindings::rlhost::plugin::panic,
        },
        pub_export_macro: true,
        default_bindings_module: "rlhost_plugin::algorithm::bindings",
    });
}

pub use bindings::exports::rlhost::plugin::objective::{
    AdvantageInput, Advantages, AlgorithmInfo, Input, LossInput, LossOutput, LossScope, Rows,
    Totals,
};

use bindings::exports::rlhost::plugin::objective::Guest;

/// An advantage estimator, a policy loss, or both. What [`Algorithm::describe`] does not name is never
/// called.
pub trait Algorithm {
    /// What the algorithm says about itself.
    fn describe() -> AlgorithmInfo;

    /// Advantages and returns, once a step over all of its rows. An error ends the run.
    fn advantage(input: &AdvantageInput, params: &Params) -> Result<Advantages, String> {
        let _ = (input, params);
        Err("this component provides no advantages".to_owned())
    }

    /// The loss of a micro-batch with its gradient. An error ends the run.
    fn policy_loss(
        input: &LossInput,
        totals: &Totals,
        params: &Params,
    ) -> Result<LossOutput, String> {
        let _ = (input, totals, params);
        Err("this component provides no policy loss".to_owned())
    }
}

impl<T: Algorithm> Guest for T {
    fn describe() -> AlgorithmInfo {
        panic::speaks();
        T::describe()
    }

    fn advantage(input: AdvantageInput, params: String) -> Result<Advantages, String> {
        panic::speaks();
        T::advantage(&input, &Params::parse(&params)?)
    }

    fn policy_loss(input: LossInput, totals: Totals, params: String) -> Result<LossOutput, String> {
        panic::speaks();
        T::policy_loss(&input, &totals, &Params::parse(&params)?)
    }
}

/// Makes a type that implements [`Algorithm`](crate::algorithm::Algorithm) what the component exports.
///
/// Once in a crate; see the [example](crate::algorithm).
#[macro_export]
macro_rules! export_algorithm {
    ($algorithm:ident) => {
        // Only a component has these exports: a native linker refuses their names.
        #[cfg(target_arch = "wasm32")]
        $crate::algorithm::bindings::export!($algorithm with_types_in $crate::algorithm::bindings);

        const _: fn() -> $crate::algorithm::AlgorithmInfo =
            <$algorithm as $crate::algorithm::Algorithm>::describe;
    };
}

impl AlgorithmInfo {
    /// An algorithm that provides nothing yet and has no parameters.
    ///
    /// `version` is the component's own, mostly `env!("CARGO_PKG_VERSION")`; `doc` says in a sentence or
    /// two what it computes.
    pub fn new(name: &str, version: &str, doc: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            doc: doc.to_owned(),
            advantage: false,
            policy_loss: None,
            needs: Vec::new(),
            params: Vec::new(),
        }
    }

    /// It provides advantages.
    #[must_use]
    pub fn advantage(mut self) -> Self {
        self.advantage = true;
        self
    }

    /// It provides a policy loss, which has to see `scope` at once.
    #[must_use]
    pub fn policy_loss(mut self, scope: LossScope) -> Self {
        self.policy_loss = Some(scope);
        self
    }

    /// It needs an array that not every run has.
    #[must_use]
    pub fn needs(mut self, input: Input) -> Self {
        self.needs.push(input);
        self
    }

    /// Adds a parameter that the algorithm understands; `default` is JSON.
    #[must_use]
    pub fn param(mut self, name: &str, doc: &str, default: &str) -> Self {
        self.params.push(ParamInfo {
            name: name.to_owned(),
            doc: doc.to_owned(),
            default: default.to_owned(),
        });
        self
    }
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of tokens, trained or not.
    pub fn tokens(&self) -> usize {
        self.mask.len()
    }

    /// The tokens of a row, as a range into arrays with one entry per token.
    pub fn range(&self, row: usize) -> Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    /// Whether a token is trained.
    pub fn is_trained(&self, token: usize) -> bool {
        self.mask[token] != 0
    }

    /// The trained tokens of a row, as indices into arrays with one entry per token.
    pub fn trained(&self, row: usize) -> impl DoubleEndedIterator<Item = usize> + Clone {
        self.range(row).filter(|&token| self.is_trained(token))
    }

    /// Number of trained tokens of a row.
    pub fn trained_len(&self, row: usize) -> usize {
        self.trained(row).count()
    }
}

impl Totals {
    /// The counts of `rows`, taken as a whole mini-batch without targets; for tests.
    pub fn of(rows: &Rows) -> Self {
        let lengths = (0..rows.len()).map(|row| rows.trained_len(row));
        Self {
            tokens: lengths.clone().sum::<usize>() as u64,
            rows: lengths.filter(|length| *length > 0).count() as u64,
            prefix_tokens: 0,
            prefix_rows: 0,
            prefix_row_tokens: 0,
            norm_length: rows.tokens() as u64,
        }
    }
}

impl LossInput {
    /// A micro-batch without any of what only some losses need; for tests.
    pub fn new(rows: Rows, logp: Vec<f64>, old_logp: Vec<f64>, advantages: Vec<f64>) -> Self {
        Self {
            rows,
            logp,
            old_logp,
            advantages,
            ref_logp: None,
            rollout_logp: None,
            entropy: None,
            prefix_mask: None,
            row_scores: None,
            target_logp: None,
            seed: 0,
        }
    }
}

impl LossOutput {
    /// No loss and no gradient.
    pub fn zero(rows: &Rows) -> Self {
        Self {
            loss: 0.0,
            d_logp: vec![0.0; rows.tokens()],
            d_entropy: None,
            metrics: Vec::new(),
        }
    }

    /// Adds a number for the curves: the micro-batch's share, divided by the totals already.
    #[must_use]
    pub fn metric(mut self, name: &str, value: f64) -> Self {
        self.metrics.push((name.to_owned(), value));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Algorithm for Nothing {
        fn describe() -> AlgorithmInfo {
            AlgorithmInfo::new("nothing", "1.0.0", "Provides nothing.")
        }
    }

    fn rows() -> Rows {
        Rows {
            offsets: vec![0, 3, 3, 5],
            mask: vec![1, 0, 1, 0, 0],
        }
    }

    #[test]
    fn rows_have_holes_and_may_be_empty() {
        let rows = rows();
        assert_eq!((rows.len(), rows.tokens()), (3, 5));
        assert_eq!(rows.range(2), 3..5);
        assert_eq!(rows.trained(0).collect::<Vec<_>>(), [0, 2]);
        assert_eq!([0, 1, 2].map(|row| rows.trained_len(row)), [2, 0, 0]);
        let totals = Totals::of(&rows);
        assert_eq!((totals.tokens, totals.rows), (2, 1));
    }

    #[test]
    fn what_is_not_provided_says_so() {
        let none = Params::parse("").unwrap_or_else(|error| panic!("{error}"));
        let input = LossInput::new(rows(), vec![0.0; 5], vec![0.0; 5], vec![0.0; 5]);
        let totals = Totals::of(&input.rows);
        let error = <Nothing as Algorithm>::policy_loss(&input, &totals, &none);
        assert!(error.is_err_and(|error| error.contains("no policy loss")));
        // Parameters that are no object never reach the algorithm.
        let error = <Nothing as Guest>::policy_loss(input, totals, "[]".to_owned());
        assert!(error.is_err_and(|error| error.contains("JSON object")));
    }
}
