//! The plugin: what the component exports.

use crate::judge::judge;
use crate::params::{Options, PARAMS};
use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};

/// The verifier as a reward plugin. Of an episode of several turns, the last one holds the answer.
pub struct Math;

impl SampleReward for Math {
    fn describe() -> PluginInfo {
        let info = PluginInfo::new(
            "math",
            env!("CARGO_PKG_VERSION"),
            "Finds the answer in a response (<answer>…</answer> or \\boxed{…}, the last one) and compares it exactly \
             with the reference: numbers, fractions, roots, units, tuples, sets, intervals, matrices, equations, \
             symbolic expressions, choices and words. A doubtful case is not equal.",
        );
        PARAMS.iter().fold(
            info.part("accuracy").part("format"),
            |info, (name, doc, default)| info.param(name, doc, default),
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = serde_json::from_str(&sample.params)
            .map_err(|error| Failure::Internal(format!("the parameters are not JSON: {error}")))?;
        let options = Options::from_json(&params).map_err(Failure::Internal)?;
        let answer = sample.answer_json()?;
        let judgement = judge(sample.last_text(), &answer, &options)
            .map_err(|error| Failure::InvalidReference(error.0))?;
        Ok(Verdict::new(judgement.total)
            .part("accuracy", judgement.accuracy)
            .part("format", judgement.format))
    }
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Math);
