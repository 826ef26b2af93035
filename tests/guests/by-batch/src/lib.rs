//! A reward plugin of scope `batch`: a response is worth the number of its group.

use rlhost_plugin::{Failure, PluginInfo, Reward, Sample, Scope, Verdict, export_reward};

struct ByBatch;

impl Reward for ByBatch {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            "by-batch",
            env!("CARGO_PKG_VERSION"),
            "Rewards responses by the number of their group, for tests.",
        )
        .scope(Scope::Batch)
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        let verdict = |sample: &Sample| {
            let total = f64::from(sample.group);
            Ok(Verdict::new(total).part("seen", samples.len() as f64))
        };
        samples.iter().map(verdict).collect()
    }
}

export_reward!(ByBatch);
