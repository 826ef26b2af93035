//! Completions with their scores.

use super::comparison::learnt;
use super::prompts::Drawn;
use super::rewards::{response_text, sample};
use super::sampled::Sampled;
use crate::Result;
use crate::model::Model;
use crate::processor::Tokenizer;
use crate::rollout::{
    Completion, FinishReason, NativeEngine, Request, RolloutEngine, SamplingParams,
};
use crate::run::Origin;
use rlhost_host::{Judgement, RewardSet, Sample, Turn};

/// A completion and what the rewards say of it.
pub(super) struct Trajectory {
    pub(super) completion: Completion,
    /// The completion as rewards and people read it.
    pub(super) text: String,
    pub(super) judgement: Judgement,
    pub(super) origin: Origin,
    /// Tokens at its beginning that the data's target wrote.
    pub(super) prefix: usize,
}

/// A prompt with its completions.
pub(super) struct Group<'a> {
    pub(super) drawn: Drawn<'a>,
    pub(super) trajectories: Vec<Trajectory>,
}

impl Group<'_> {
    /// The judged completions.
    pub(super) fn samples(&self) -> impl Iterator<Item = Sampled<'_>> {
        let trajectories = self.trajectories.iter();
        trajectories.map(|trajectory| Sampled::of(&self.drawn, trajectory))
    }

    /// What the policy itself made by sampling.
    pub(super) fn sampled(&self) -> impl Iterator<Item = &Trajectory> {
        self.trajectories
            .iter()
            .filter(|trajectory| trajectory.origin == Origin::Policy)
    }

    /// Tokens of its completions, each with the prompt.
    pub(super) fn tokens(&self) -> usize {
        let prompt = self.drawn.prompt.token_ids.len();
        let completions = self.trajectories.iter();
        completions
            .map(|t| prompt + t.completion.token_ids.len())
            .sum()
    }

    /// What is learnt from: all but greedy baselines, which stand behind the others.
    pub(super) fn learnt(&self) -> &[Trajectory] {
        &self.trajectories[..learnt(self.trajectories.iter().map(|t| t.origin))]
    }

    /// Whether a target takes the place of its completions.
    pub(super) fn is_switched(&self) -> bool {
        let learnt = self.learnt().len();
        self.samples().take(learnt).any(|sample| sample.is_target())
    }
}

/// Samples completions of each prompt; `prefixes` are what they begin with, prompt by prompt, and an empty
/// list lets them all begin with nothing.
pub(super) fn generate(
    model: &Model,
    drawn: &[Drawn<'_>],
    samples: usize,
    prefixes: &[Vec<Vec<u32>>],
    params: &SamplingParams,
) -> Result<Vec<Vec<Completion>>> {
    let requests: Vec<Request<'_>> = drawn
        .iter()
        .enumerate()
        .map(|(prompt, drawn)| Request {
            prompt: &drawn.prompt,
            draw: drawn.draw,
            samples,
            prefixes: prefixes.get(prompt).map_or(&[], Vec::as_slice),
        })
        .collect();
    NativeEngine::new(model).generate(&requests, params)
}

/// Scores the completions of each prompt.
pub(super) fn judged(
    rewards: &RewardSet,
    tokenizer: &Tokenizer,
    prompts: &[Drawn<'_>],
    completions: Vec<Vec<Completion>>,
    origin: Origin,
) -> Result<Vec<Vec<Trajectory>>> {
    let mut samples = Vec::new();
    for (group, (prompt, completions)) in prompts.iter().zip(&completions).enumerate() {
        let template = Sample {
            columns: prompt.columns.clone(),
            ..sample(group as u32, prompt.row)?
        };
        for completion in completions {
            samples.push(Sample {
                response: vec![Turn {
                    text: response_text(tokenizer, completion)?,
                    finish_reason: match completion.finish {
                        FinishReason::Stop => rlhost_host::FinishReason::Stop,
                        FinishReason::Length => rlhost_host::FinishReason::Length,
                    },
                    tokens: completion.token_ids.len() as u32,
                }],
                ..template.clone()
            });
        }
    }
    let judgements = rewards.score(&samples)?;
    let mut scored = samples.into_iter().zip(judgements);
    let with_score = |(completion, (sample, judgement)): (Completion, (Sample, Judgement))| {
        let text = sample.response.into_iter().map(|turn| turn.text).collect();
        Trajectory {
            completion,
            text,
            judgement,
            origin,
            prefix: 0,
        }
    };
    Ok(completions
        .into_iter()
        .map(|group| {
            group
                .into_iter()
                .zip(scored.by_ref())
                .map(with_score)
                .collect()
        })
        .collect())
}
