//! The two traits that a plugin can implement, and the macro that exports it.

use crate::bindings::exports::rlhost::plugin::reward::Guest;
use crate::{Failure, PluginInfo, Sample, Verdict, panic};

/// A reward plugin.
///
/// Implement [`SampleReward`] instead where each sample is judged on its own: it is simpler.
pub trait Reward {
    /// What the plugin says about itself.
    fn describe() -> PluginInfo;

    /// Judges `samples`: exactly one result for each, in the same order.
    ///
    /// Which samples stand together follows from the scope that [`Reward::describe`] names: one,
    /// all completions of a prompt, or all of a training step (see [`Sample::group`]).
    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>>;
}

/// A reward plugin that judges each sample on its own: scope [`Scope::Sample`](crate::Scope::Sample).
pub trait SampleReward {
    /// What the plugin says about itself.
    fn describe() -> PluginInfo;

    /// Judges one sample. A wrong response is a verdict with a low total; a [`Failure`] says that
    /// there is no judgement, and whose fault that is.
    fn score(sample: &Sample) -> Result<Verdict, Failure>;
}

impl<T: SampleReward> Reward for T {
    fn describe() -> PluginInfo {
        T::describe()
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        samples.iter().map(T::score).collect()
    }
}

impl<T: Reward> Guest for T {
    fn describe() -> PluginInfo {
        panic::speaks();
        T::describe()
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        panic::speaks();
        T::score(samples)
    }
}

/// Makes a type that implements [`Reward`] or [`SampleReward`] what the component exports.
///
/// Once in a crate; see the [example](crate).
#[macro_export]
macro_rules! export_reward {
    ($plugin:ident) => {
        // Only a component has these exports: a native linker refuses their names.
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export!($plugin with_types_in $crate::bindings);

        const _: fn() -> $crate::PluginInfo = <$plugin as $crate::Reward>::describe;
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Length;

    impl SampleReward for Length {
        fn describe() -> PluginInfo {
            PluginInfo::new("length", "1.0.0", "Counts bytes.")
        }

        fn score(sample: &Sample) -> Result<Verdict, Failure> {
            match sample.last_text() {
                "" => Err(Failure::Abstain("empty".into())),
                text => Ok(Verdict::new(text.len() as f64)),
            }
        }
    }

    #[test]
    fn a_sample_reward_answers_each_sample_in_order() {
        let samples = ["four", "", "a"].map(|text| Sample::from_text(text, "null"));
        let totals: Vec<_> = <Length as Reward>::score(samples.into())
            .into_iter()
            .map(|result| result.ok().map(|verdict| verdict.total))
            .collect();
        assert_eq!(totals, [Some(4.0), None, Some(1.0)]);
    }
}
