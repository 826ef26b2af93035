//! Rollouts with the model's own weights.

use super::sampler::{SamplingParams, log_prob, sample};
use super::{Completion, FinishReason, Request, RolloutEngine};
use crate::Result;
use crate::model::{
    CacheRow, Model, PackedBatch, PackedGroup, Prefix, SequenceCache, prompt_positions,
};
use rayon::prelude::*;
use std::collections::VecDeque;

/// Samples with a [`Model`]: a prompt is computed once for its group, completions decode together
/// with lengths of their own, and a place that falls free is given to the next sequence at once.
pub struct NativeEngine<'a> {
    model: &'a Model,
    max_sequences: usize,
}

/// Sequences that decode at a time, unless the caller says otherwise.
const MAX_SEQUENCES: usize = 256;

/// A completion that is being sampled.
struct Sequence<'a> {
    request: usize,
    draw: u64,
    sample: u32,
    /// Tokens that it begins with, whatever is likely.
    forced: &'a [u32],
    prefix: Prefix,
    own: SequenceCache,
    /// Length of the prompt in tokens, where the sequence's random numbers start.
    prompt_len: u32,
    /// Rotary position of the first sampled token.
    next: u32,
    completion: Completion,
}

impl<'a> NativeEngine<'a> {
    /// An engine that decodes 256 sequences at a time.
    pub fn new(model: &'a Model) -> Self {
        Self {
            model,
            max_sequences: MAX_SEQUENCES,
        }
    }

    /// Decodes at most `sequences` at a time: a bound on memory, without influence on the samples.
    #[must_use]
    pub fn max_sequences(mut self, sequences: usize) -> Self {
        self.max_sequences = sequences.max(1);
        self
    }

    /// Computes the next prompts, as many as there are places for, and samples their first tokens.
    fn admit<'r>(
        &self,
        pending: &mut VecDeque<(usize, Request<'r>)>,
        places: usize,
        params: &SamplingParams,
    ) -> Result<Vec<Sequence<'r>>> {
        let mut admitted: Vec<(usize, Request<'r>)> = Vec::new();
        let mut left = places;
        while let Some((index, request)) = pending.front().copied() {
            // A group larger than all places is admitted alone.
            if request.samples > left && (!admitted.is_empty() || places < self.max_sequences) {
                break;
            }
            left = left.saturating_sub(request.samples);
            pending.pop_front();
            if request.samples > 0 {
                admitted.push((index, request));
            }
        }
        if admitted.is_empty() {
            return Ok(Vec::new());
        }
        let groups: Vec<PackedGroup<'_>> = admitted
            .iter()
            .map(|(_, request)| PackedGroup {
                prompt: request.prompt,
                completions: Vec::new(),
            })
            .collect();
        let config = self.model.config();
        let batch = PackedBatch::new(config, &groups)?;
        let (logits, prefixes) = self.model.prefill(&batch)?;
        let logits: Vec<Vec<f32>> = logits.to_vec2()?;
        let width = config.text.kv_heads() * config.text.head_dim();
        let mut sequences = Vec::new();
        for ((index, request), (logits, prefix)) in
            admitted.iter().zip(logits.iter().zip(&prefixes))
        {
            let prompt = request.prompt;
            let grids: Vec<[usize; 3]> = prompt.images.iter().map(|image| image.grid).collect();
            let merge = config.vision.spatial_merge_size;
            let placed = prompt_positions(&prompt.token_ids, config.image_token_id, &grids, merge)?;
            for number in 0..request.samples as u32 {
                let mut sequence = Sequence {
                    request: *index,
                    draw: request.draw,
                    sample: number,
                    forced: request
                        .prefixes
                        .get(number as usize)
                        .map_or(&[], Vec::as_slice),
                    prefix: prefix.clone(),
                    own: SequenceCache::beside(prefix, params.max_tokens, width),
                    prompt_len: prompt.token_ids.len() as u32,
                    next: placed.next,
                    completion: Completion {
                        token_ids: Vec::new(),
                        logprobs: Vec::new(),
                        finish: FinishReason::Length,
                    },
                };
                sequence.append(logits, params)?;
                sequences.push(sequence);
            }
        }
        Ok(sequences)
    }
}

impl Sequence<'_> {
    /// Samples the next token, unless it is given.
    ///
    /// # Errors
    /// If the logits are no finite numbers.
    fn append(&mut self, logits: &[f32], params: &SamplingParams) -> Result<()> {
        let length = self.completion.token_ids.len();
        let position = self.prompt_len + length as u32;
        let (token, logp) = match self.forced.get(length) {
            Some(token) => (*token, log_prob(logits, params, *token)?),
            None => sample(logits, params, self.draw, self.sample, position)?,
        };
        self.completion.token_ids.push(token);
        self.completion.logprobs.push(logp);
        if params.stop.contains(&token) {
            self.completion.finish = FinishReason::Stop;
        }
        Ok(())
    }

    fn finished(&self, params: &SamplingParams) -> bool {
        self.completion.finish == FinishReason::Stop
            || self.completion.token_ids.len() >= params.max_tokens
    }

    fn row(&mut self) -> CacheRow<'_> {
        let sampled = self.completion.token_ids.len() as u32;
        CacheRow {
            token: self
                .completion
                .token_ids
                .last()
                .copied()
                .unwrap_or_default(),
            position: self.next + sampled - 1,
            prefix: &self.prefix,
            own: &mut self.own,
        }
    }
}

impl RolloutEngine for NativeEngine<'_> {
    fn generate(
        &mut self,
        requests: &[Request<'_>],
        params: &SamplingParams,
    ) -> Result<Vec<Vec<Completion>>> {
        let mut groups: Vec<Vec<Option<Completion>>> = requests
            .iter()
            .map(|request| vec![None; request.samples])
            .collect();
        let mut pending: VecDeque<(usize, Request<'_>)> =
            requests.iter().copied().enumerate().collect();
        let mut active: Vec<Sequence<'_>> = Vec::new();
        loop {
            let places = self.max_sequences.saturating_sub(active.len());
            active.extend(self.admit(&mut pending, places, params)?);
            let (finished, going): (Vec<_>, Vec<_>) = active
                .into_iter()
                .partition(|sequence| sequence.finished(params));
            active = going;
            for sequence in finished {
                let place = &mut groups[sequence.request][sequence.sample as usize];
                *place = Some(sequence.completion);
            }
            if active.is_empty() {
                if pending.is_empty() {
                    break;
                }
                continue;
            }
            let mut rows: Vec<CacheRow<'_>> = active.iter_mut().map(Sequence::row).collect();
            let logits: Vec<Vec<f32>> = self.model.decode(&mut rows)?.to_vec2()?;
            active
                .par_iter_mut()
                .zip(&logits)
                .try_for_each(|(sequence, logits)| sequence.append(logits, params))?;
        }
        Ok(groups
            .into_iter()
            .map(|group| group.into_iter().flatten().collect())
            .collect())
    }
}
