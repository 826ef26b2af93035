//! The verifier of We-Math: answers of the training set, and of the benchmark with its four-dimensional metrics.
//!
//! A problem of the benchmark is asked as a whole and in its two or three steps. [`metrics`] says what a model's answers to all of
//! them show; for that the plugin sees a whole training step or validation together. [`answers`] compares one answer.

pub mod answers;
pub mod metrics;

use answers::Wanted;
use metrics::{Metrics, Question};
use rlhost_plugin::{Failure, PluginInfo, Reward, Sample, Scope, Verdict};
use rlhost_verifier::answer::{Answer, Frame};

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Wemath;

/// The verdict on one sample, and the accuracy of its answer.
fn judge(sample: &Sample, wanted: &Wanted) -> Result<(Verdict, f64), Failure> {
    let frame = Frame::read(&sample.params_json()?, &[])?;
    let response = sample.last_text();
    // A letter may stand before an explanation.
    let prose = match wanted {
        Wanted::Letter(_) => frame.prose(response).map(|text| Answer {
            text,
            marked: false,
        }),
        Wanted::Math(_) => None,
    };
    let accuracy = if let Some(answer) = prose.or_else(|| frame.answer(response)) {
        wanted.accuracy(&answer)?
    } else {
        wanted.check()?;
        0.0
    };
    Ok((frame.verdict(response, accuracy), accuracy))
}

impl Reward for Wemath {
    fn describe() -> PluginInfo {
        let info = Frame::describe(PluginInfo::new(
            "wemath",
            env!("CARGO_PKG_VERSION"),
            "Judges answers to We-Math's questions, and says of all answers of a step or a validation what they show: \
             insufficient knowledge, inadequate generalisation, complete mastery, rote memorisation.",
        ));
        metrics::NAMES
            .iter()
            .fold(info.scope(Scope::Batch), |info, name| info.part(name))
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        let mut questions = Vec::new();
        let judge = |sample: &Sample| -> Result<Verdict, Failure> {
            // Parameters first: a wrong one is no fault of the row's.
            Frame::read(&sample.params_json()?, &[])?;
            let (wanted, place) = answers::reference(sample)?;
            let (verdict, accuracy) = judge(sample, &wanted)?;
            if let Some((problem, step)) = place {
                questions.push(Question {
                    problem,
                    step,
                    right: accuracy >= 1.0,
                });
            }
            Ok(verdict)
        };
        let mut verdicts: Vec<_> = samples.iter().map(judge).collect();
        if let Some(metrics) = Metrics::of(&questions) {
            for verdict in verdicts.iter_mut().flatten() {
                let plain = std::mem::replace(verdict, Verdict::new(0.0));
                *verdict = metrics.report(plain);
            }
        }
        verdicts
    }
}

rlhost_plugin::export_reward!(Wemath);
