//! Prompts and completions packed into one run of rows.

use super::config::ModelConfig;
use super::positions::prompt_positions;
use crate::ops::{Segment, Segments};
use crate::processor::{ImagePatches, PreparedPrompt};
use crate::{Error, Result};

/// A prompt with some completions of it.
#[derive(Clone, Debug)]
pub struct PackedGroup<'a> {
    /// The prompt.
    pub prompt: &'a PreparedPrompt,
    /// Token ids of each completion, the end-of-turn token included.
    pub completions: Vec<&'a [u32]>,
}

/// A token whose log-probability is wanted, and the row that predicts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Row of the packed batch.
    pub row: usize,
    /// The token.
    pub token: u32,
}

/// Rows of a forward pass.
#[derive(Clone, Debug)]
pub struct PackedBatch {
    /// Input token of each row.
    pub token_ids: Vec<u32>,
    /// (time, height, width) of each row.
    pub positions: Vec<[u32; 3]>,
    /// Which rows see which.
    pub segments: Segments,
    /// Pictures of all prompts, in order.
    pub images: Vec<ImagePatches>,
    /// Rows that take the pictures' features, in order.
    pub image_rows: Vec<usize>,
    /// All tokens of all completions: group by group, completion by completion.
    pub targets: Vec<Target>,
}

impl PackedBatch {
    /// Packs groups: each prompt is one segment, each completion a child of it.
    pub fn new(config: &ModelConfig, groups: &[PackedGroup<'_>]) -> Result<Self> {
        let mut token_ids = Vec::new();
        let mut positions = Vec::new();
        let mut segments = Vec::new();
        let (mut images, mut image_rows) = (Vec::new(), Vec::new());
        let mut targets = Vec::new();
        for group in groups {
            let prompt = group.prompt;
            let grids: Vec<[usize; 3]> = prompt.images.iter().map(|image| image.grid).collect();
            let merge = config.vision.spatial_merge_size;
            let placed = prompt_positions(&prompt.token_ids, config.image_token_id, &grids, merge)?;
            if prompt.token_ids.is_empty() {
                return Err(Error::Config(
                    "a prompt has no tokens: the chat template renders nothing for it".into(),
                ));
            }
            let start = token_ids.len();
            let placeholders = prompt.token_ids.iter().enumerate();
            image_rows.extend(
                placeholders
                    .filter(|(_, id)| **id == config.image_token_id)
                    .map(|(i, _)| start + i),
            );
            images.extend(prompt.images.iter().cloned());
            token_ids.extend_from_slice(&prompt.token_ids);
            positions.extend_from_slice(&placed.positions);
            let parent = segments.len();
            segments.push(Segment::root(prompt.token_ids.len()));
            let last_of_prompt = token_ids.len() - 1;
            for completion in &group.completions {
                let Some((_, inputs)) = completion.split_last() else {
                    continue;
                };
                let first = token_ids.len();
                for (i, token) in completion.iter().enumerate() {
                    let row = if i == 0 {
                        last_of_prompt
                    } else {
                        first + i - 1
                    };
                    targets.push(Target { row, token: *token });
                }
                if inputs.is_empty() {
                    continue;
                }
                token_ids.extend_from_slice(inputs);
                positions.extend((0..inputs.len()).map(|i| [placed.next + i as u32; 3]));
                segments.push(Segment::child(inputs.len(), parent));
            }
        }
        Ok(Self {
            token_ids,
            positions,
            segments: Segments::causal(segments)?,
            images,
            image_rows,
            targets,
        })
    }
}
