//! What a step learns from: prompts with completions and their scores.

use super::filter::GroupFilter;
use super::mixing::{Mixing, Switch, target_completion};
use crate::config::Config;
use crate::model::Model;
use crate::pipeline::journal::Clock;
use crate::pipeline::prompts::{Drawn, Prompts};
use crate::pipeline::targets::target_tokens;
use crate::pipeline::trajectory::{Group, Trajectory, generate, judged};
use crate::pipeline::unscored;
use crate::processor::Processor;
use crate::rollout::{Completion, FinishReason, SamplingParams};
use crate::run::Origin;
use crate::{Error, Result};
use rlhost_host::RewardSet;

/// Draws prompts, samples completions and has them judged.
pub(super) struct Collector<'a> {
    pub(super) config: &'a Config,
    pub(super) processor: &'a Processor,
    pub(super) rewards: &'a RewardSet,
    pub(super) prompts: &'a Prompts,
    pub(super) mixing: Mixing,
    /// Leaves out prompts that there is nothing to learn from.
    pub(super) filter: Option<GroupFilter<'a>>,
    /// Whether each prompt has a greedy completion too.
    pub(super) baselines: bool,
    pub(super) sampling: SamplingParams,
}

/// The samples of a step.
pub(super) struct Collected<'a> {
    /// What is learnt from.
    pub(super) kept: Vec<Group<'a>>,
    /// What was sampled and left out.
    pub(super) left_out: Vec<Group<'a>>,
    /// Prompts that were drawn.
    pub(super) drawn: usize,
    /// How often prompts were drawn.
    pub(super) tries: i64,
    /// Groups that dynamic sampling left out.
    pub(super) filtered: usize,
    /// Why there is not enough to learn from, if so.
    pub(super) starved: Option<Error>,
}

impl<'a> Collector<'a> {
    /// The samples of `step` (from 0), from the prompt of the ordinal `first` on.
    pub(super) fn collect(
        &self,
        model: &Model,
        step: u64,
        first: u64,
        clock: &mut Clock,
    ) -> Result<Collected<'a>> {
        let wanted = self.config.data.train_batch_size;
        let mut collected = Collected {
            kept: Vec::new(),
            left_out: Vec::new(),
            drawn: 0,
            tries: 0,
            filtered: 0,
            starved: None,
        };
        loop {
            let from = first + collected.drawn as u64;
            let drawn = self.prompts.draw(from, wanted, self.processor)?;
            clock.book("data");
            let groups = self.groups(model, step, drawn, clock)?;
            collected.drawn += wanted;
            collected.tries += 1;
            let Some(filter) = &self.filter else {
                collected.kept = groups;
                return Ok(collected);
            };
            self.filter(filter, groups, &mut collected)?;
            if collected.kept.len() >= wanted {
                let surplus = collected.kept.split_off(wanted);
                collected.left_out.extend(surplus);
                return Ok(collected);
            }
            if let Some(error) = self.unscored(step, &collected) {
                collected.starved = Some(error);
                return Ok(collected);
            }
            let most = self.config.trainer.max_try_make_batch;
            if most > 0 && collected.tries >= most {
                collected.starved = Some(self.starved(filter, step, &collected));
                return Ok(collected);
            }
        }
    }

    /// Completions of the drawn prompts, judged.
    fn groups(
        &self,
        model: &Model,
        step: u64,
        drawn: Vec<Drawn<'a>>,
        clock: &mut Clock,
    ) -> Result<Vec<Group<'a>>> {
        let prefixes = self.prefixes(step, &drawn)?;
        let samples = self.config.rollout.n;
        let completions = generate(model, &drawn, samples, &prefixes, &self.sampling)?;
        clock.book("gen");
        let mut trajectories = self.judge(&drawn, completions, Origin::Policy)?;
        for (group, prefixes) in trajectories.iter_mut().zip(&prefixes) {
            for (trajectory, prefix) in group.iter_mut().zip(prefixes) {
                trajectory.prefix = prefix.len().min(trajectory.completion.token_ids.len());
            }
        }
        if let Mixing::Switch(switch) = &self.mixing {
            self.add_targets(switch, &drawn, &mut trajectories)?;
        }
        clock.book("reward");
        if self.baselines {
            let greedy = SamplingParams {
                temperature: 0.0,
                ..self.sampling.clone()
            };
            let completions = generate(model, &drawn, 1, &[], &greedy)?;
            clock.book("gen");
            let baselines = self.judge(&drawn, completions, Origin::Greedy)?;
            for (group, baseline) in trajectories.iter_mut().zip(baselines) {
                group.extend(baseline);
            }
            clock.book("reward");
        }
        let groups = drawn.into_iter().zip(trajectories);
        Ok(groups
            .map(|(drawn, trajectories)| Group {
                drawn,
                trajectories,
            })
            .collect())
    }

    /// What the completions of each prompt begin with; an empty list where they begin with nothing.
    fn prefixes(&self, step: u64, drawn: &[Drawn<'_>]) -> Result<Vec<Vec<Vec<u32>>>> {
        let Mixing::Prefixes(prefixes) = &self.mixing else {
            return Ok(Vec::new());
        };
        drawn
            .iter()
            .map(|drawn| {
                let target = target_tokens(self.config, self.processor, drawn.row)?;
                Ok(prefixes.of(step, drawn.draw, &target))
            })
            .collect()
    }

    /// Adds the target to the completions of each prompt that is not solved.
    fn add_targets(
        &self,
        switch: &Switch,
        drawn: &[Drawn<'_>],
        trajectories: &mut [Vec<Trajectory>],
    ) -> Result<()> {
        let targets = drawn
            .iter()
            .zip(trajectories.iter())
            .map(|(drawn, trajectories)| {
                if !switch.applies(trajectories) {
                    return Ok(Vec::new());
                }
                let target = target_tokens(self.config, self.processor, drawn.row)?;
                Ok(vec![target_completion(target)])
            })
            .collect::<Result<Vec<_>>>()?;
        let judged = self.judge(drawn, targets, Origin::Target)?;
        for (group, target) in trajectories.iter_mut().zip(judged) {
            for mut trajectory in target {
                trajectory.prefix = trajectory.completion.token_ids.len();
                group.push(trajectory);
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        drawn: &[Drawn<'_>],
        completions: Vec<Vec<Completion>>,
        origin: Origin,
    ) -> Result<Vec<Vec<Trajectory>>> {
        let tokenizer = self.processor.tokenizer();
        judged(self.rewards, tokenizer, drawn, completions, origin)
    }

    /// Dynamic sampling: keeps the groups that there is something to learn from.
    fn filter(
        &self,
        filter: &GroupFilter<'_>,
        groups: Vec<Group<'a>>,
        into: &mut Collected<'a>,
    ) -> Result<()> {
        let kept = filter.keep(&groups)?;
        for (kept, group) in kept.into_iter().zip(groups) {
            if group.is_switched() || kept && self.is_trainable(&group) {
                into.kept.push(group);
            } else {
                into.left_out.push(group);
                into.filtered += 1;
            }
        }
        Ok(())
    }

    /// Whether something of a group will be trained: it must not leave the step for lack of scores, and
    /// not all of it may have been cut.
    fn is_trainable(&self, group: &Group<'_>) -> bool {
        let scored = || group.sampled().filter(|t| t.judgement.score.is_some());
        let cuts = self.config.algorithm.overlong_filtering;
        let whole = |t: &Trajectory| !cuts || t.completion.finish == FinishReason::Stop;
        scored().count() >= group.sampled().count().min(2) && scored().any(whole)
    }

    /// The error of a step that drew again and again and found no sample with a score.
    fn unscored(&self, step: u64, collected: &Collected<'_>) -> Option<Error> {
        let trainer = &self.config.trainer;
        let limits = [trainer.max_empty_steps, trainer.max_try_make_batch];
        let limit = limits.into_iter().filter(|limit| *limit > 0).min()?;
        let judgements = || {
            let groups = collected.left_out.iter().chain(&collected.kept);
            groups.flat_map(Group::sampled).map(|t| &t.judgement)
        };
        if collected.tries < limit || judgements().any(|judgement| judgement.score.is_some()) {
            return None;
        }
        let what = format!(
            "step {}: after {} draws (algorithm.online_filtering) no sample has a score, so nothing can \
             be learnt",
            step + 1,
            collected.tries
        );
        Some(unscored::of_judgements(&what, judgements()))
    }

    /// The error of a step that is not full after all its tries.
    fn starved(&self, filter: &GroupFilter<'_>, step: u64, collected: &Collected<'_>) -> Error {
        let keys = &self.config.algorithm;
        let mean = filter.mean(collected.left_out.iter().chain(&collected.kept));
        Error::Config(format!(
            "step {}: after {} draws (trainer.max_try_make_batch) only {} of the {} prompts that a \
             step needs have completions whose scores differ and of which {} lies between \
             algorithm.filter_low = {} and algorithm.filter_high = {}; over all completions it is {mean:.3}: \
             take harder or easier prompts, raise rollout.n or trainer.max_try_make_batch, or set \
             algorithm.online_filtering=false",
            step + 1,
            collected.tries,
            collected.kept.len(),
            self.config.data.train_batch_size,
            filter.measure(self.rewards),
            keys.filter_low,
            keys.filter_high,
        ))
    }
}
