//! Calls an algorithm.

use serde_json::{Map, Value};
use wasmtime::Store;

use crate::bindings::algorithm::exports::rlhost::plugin::objective as wit;
use crate::capability::LogLine;
use crate::guest::GuestState;
use crate::instance::{Budget, Call};
use crate::scorer::{check_stack, params_text};
use crate::{Error, Limits, Outcome, Result};

use super::Algorithm;
use super::check;
use super::types::{
    AdvantageInput, Advantages, AlgorithmFault, Input, LossInput, LossOutput, Totals,
};

/// Bytes that an answer may have for each token: two arrays of numbers.
const ANSWER_BYTES: u64 = 16;

/// An algorithm with its parameters and limits, ready to be called.
#[derive(Debug, Clone)]
pub struct AlgorithmRunner {
    algorithm: Algorithm,
    params: String,
    limits: Limits,
}

/// A result and what the call left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered<T> {
    /// The result.
    pub value: T,
    /// Fuel that was used.
    pub fuel: u64,
    /// What the algorithm wrote to its log.
    pub log: Vec<LogLine>,
}

impl AlgorithmRunner {
    /// Prepares an algorithm. Every parameter must be one that its description names.
    ///
    /// # Errors
    /// [`Error::Params`] or [`Error::Limits`].
    pub fn new(algorithm: &Algorithm, params: &Map<String, Value>, limits: Limits) -> Result<Self> {
        limits.validate()?;
        check_stack(algorithm.host(), &limits)?;
        let info = algorithm.info();
        Ok(Self {
            algorithm: algorithm.clone(),
            params: params_text(&info.name, &info.params, params)?,
            limits,
        })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// The parameters as the algorithm gets them: the text of a JSON object.
    pub fn params(&self) -> &str {
        &self.params
    }

    /// The limits of a call.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Advantages and returns of a step.
    ///
    /// # Errors
    /// [`Error::Algorithm`].
    pub fn advantage(&self, input: &AdvantageInput<'_>) -> Result<Answered<Advantages>> {
        const FUNCTION: &str = "advantage";
        let info = self.algorithm.info();
        if !info.advantage {
            return Err(self.fault(FUNCTION, AlgorithmFault::NotProvided));
        }
        let fault = |fault| self.fault(FUNCTION, fault);
        check::advantage_input(input).map_err(fault)?;
        let (offsets, mask) = check::lower_rows(input.rows).map_err(fault)?;
        let kept = check::bytes(input.kept);
        let argument = wit::AdvantageInput {
            rows: wit::Rows {
                offsets: &offsets,
                mask: &mask,
            },
            rewards: input.rewards,
            groups: input.groups,
            kept: &kept,
            values: input.values.filter(|_| info.needs(Input::Values)),
            baselines: input.baselines.filter(|_| info.needs(Input::Baselines)),
        };
        self.call(
            FUNCTION,
            input.rows.mask,
            check::advantages,
            |guest, store| guest.call_advantage(store, argument.clone(), &self.params),
        )
    }

    /// The loss of a micro-batch with its gradient.
    ///
    /// # Errors
    /// [`Error::Algorithm`].
    pub fn policy_loss(
        &self,
        input: &LossInput<'_>,
        totals: &Totals,
    ) -> Result<Answered<LossOutput>> {
        const FUNCTION: &str = "policy-loss";
        let info = self.algorithm.info();
        if info.policy_loss.is_none() {
            return Err(self.fault(FUNCTION, AlgorithmFault::NotProvided));
        }
        let fault = |fault| self.fault(FUNCTION, fault);
        check::loss_input(input).map_err(fault)?;
        let (offsets, mask) = check::lower_rows(input.rows).map_err(fault)?;
        let prefix = input.prefix_mask.filter(|_| info.needs(Input::PrefixMask));
        let prefix = prefix.map(check::bytes);
        let argument = wit::LossInput {
            rows: wit::Rows {
                offsets: &offsets,
                mask: &mask,
            },
            logp: input.logp,
            old_logp: input.old_logp,
            advantages: input.advantages,
            ref_logp: input.ref_logp.filter(|_| info.needs(Input::RefLogp)),
            rollout_logp: input
                .rollout_logp
                .filter(|_| info.needs(Input::RolloutLogp)),
            entropy: input.entropy.filter(|_| info.needs(Input::Entropy)),
            prefix_mask: prefix.as_deref(),
            row_scores: input.row_scores.filter(|_| info.needs(Input::RowScores)),
            target_logp: input.target_logp.filter(|_| info.needs(Input::TargetLogp)),
            seed: input.seed,
        };
        let totals = wit::Totals::from(*totals);
        self.call(
            FUNCTION,
            input.rows.mask,
            check::loss_output,
            |guest, store| guest.call_policy_loss(store, argument.clone(), totals, &self.params),
        )
    }

    /// Calls the guest on one of the host's threads, once more after a fault of the host, and checks the answer.
    fn call<A: Send, T>(
        &self,
        function: &'static str,
        mask: &[bool],
        checked: impl Fn(A, &[bool]) -> std::result::Result<T, AlgorithmFault>,
        body: impl Fn(
            &wit::Guest,
            &mut Store<GuestState>,
        ) -> wasmtime::Result<std::result::Result<A, String>>
        + Sync,
    ) -> Result<Answered<T>> {
        let Self {
            algorithm, limits, ..
        } = self;
        let host = algorithm.host();
        let budget = Budget {
            output: limits.output + ANSWER_BYTES * mask.len() as u64,
            can_be_more: false,
            ..Budget::new(&host.0, limits, 1)
        };
        let run = || algorithm.0.code.call(host, limits, budget, &body);
        let call = host.0.threads.install(|| match run() {
            Call {
                answer: Err(failure),
                ..
            } if failure.outcome == Outcome::HostFault => run(),
            call => call,
        });
        let answer = call.answer.map_err(|failure| AlgorithmFault::Ended {
            outcome: failure.outcome,
            message: failure.message,
        });
        let value = answer
            .and_then(|answer| answer.map_err(AlgorithmFault::Refused))
            .and_then(|answer| checked(answer, mask))
            .map_err(|fault| self.fault(function, fault))?;
        Ok(Answered {
            value,
            fuel: call.fuel,
            log: call.log,
        })
    }

    fn fault(&self, function: &'static str, fault: AlgorithmFault) -> Error {
        Error::Algorithm {
            path: self.algorithm.path().to_owned(),
            function,
            fault,
        }
    }
}
