//! A reward plugin of scope `group`: a response is worth the share of the group that differs from it.

use rlhost_plugin::{Failure, PluginInfo, Reward, Sample, Scope, Verdict, export_reward};

struct ByGroup;

impl Reward for ByGroup {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            "by-group",
            env!("CARGO_PKG_VERSION"),
            "Rewards responses that differ from the others of their group, for tests.",
        )
        .scope(Scope::Group)
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        let verdict = |sample: &Sample| {
            let others = samples
                .iter()
                .filter(|other| other.last_text() != sample.last_text());
            let total = others.count() as f64 / samples.len() as f64;
            Ok(Verdict::new(total).part("seen", samples.len() as f64))
        };
        samples.iter().map(verdict).collect()
    }
}

export_reward!(ByGroup);
