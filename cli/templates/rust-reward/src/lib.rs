//! A reward plugin: it judges one response at a time.

use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict, export_reward};

struct Plugin;

impl SampleReward for Plugin {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_DESCRIPTION"),
        )
        .part("accuracy")
        .param(
            "ignore_case",
            "Treat upper and lower case as the same.",
            "false",
        )
    }

    /// The function to edit: 1 where the response contains the reference answer.
    ///
    /// A wrong response is a verdict with a low total. A failure says that there is no judgement.
    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let ignore_case = sample.params_json()?.boolean("ignore_case", false)?;
        let mut answer = sample.answer_text()?;
        let mut response = sample.last_text().to_owned();
        if ignore_case {
            answer = answer.to_lowercase();
            response = response.to_lowercase();
        }
        let accuracy = if response.contains(&answer) { 1.0 } else { 0.0 };
        Ok(Verdict::new(accuracy).part("accuracy", accuracy))
    }
}

export_reward!(Plugin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_answer() {
        let sample = Sample::from_text("It is Paris.", r#""Paris""#);
        assert!(Plugin::score(&sample).is_ok_and(|verdict| verdict.total > 0.5));
    }
}
