//! The smallest useful reward: 1 where what stands between the last `<answer>` and `</answer>` is the
//! reference answer, else 0. What the sandbox itself costs is measured with it.

use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict, export_reward};

/// The plugin.
pub struct Exact;

impl SampleReward for Exact {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            "exact",
            env!("CARGO_PKG_VERSION"),
            "Compares the text between the last pair of answer tags with the reference answer.",
        )
        .part("accuracy")
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let answer = sample.answer_text()?;
        let is_right = given_answer(sample.last_text()) == Some(answer.trim());
        let accuracy = if is_right { 1.0 } else { 0.0 };
        Ok(Verdict::new(accuracy).part("accuracy", accuracy))
    }
}

/// What stands between the last pair of answer tags, without white space around it.
fn given_answer(response: &str) -> Option<&str> {
    let (_, after) = response.rsplit_once("<answer>")?;
    let (answer, _) = after.split_once("</answer>")?;
    Some(answer.trim())
}

export_reward!(Exact);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_answer_counts() {
        for (response, total) in [
            ("<think>3+9</think><answer>12</answer>", 1.0),
            ("<answer>11</answer><answer> 12\n</answer>", 1.0),
            ("<answer>12</answer><answer>11</answer>", 0.0),
            ("<answer>12", 0.0),
            ("12", 0.0),
        ] {
            let verdict = Exact::score(&Sample::from_text(response, "\"12\"")).unwrap();
            assert_eq!(verdict.total.to_bits(), f64::to_bits(total), "{response}");
        }
    }
}
