//! Three-dimensional rotary positions (M-RoPE; Wang et al.: *Qwen2-VL*, 2024, section 2.1).

use crate::ops::Rotary;
use crate::{Error, Result};

/// Positions of a prompt's tokens along time, height and width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptPositions {
    /// (time, height, width) of each token.
    pub positions: Vec<[u32; 3]>,
    /// The position of the token after the prompt, along all three.
    pub next: u32,
}

/// Positions of a prompt whose pictures have merged grids `grids` ([time, height, width] in
/// patches), with `image_token` at the placeholders.
///
/// Text counts on from the largest position before it; a picture's tokens share the time and spread
/// over height and width.
pub fn prompt_positions(
    token_ids: &[u32],
    image_token: u32,
    grids: &[[usize; 3]],
    merge: usize,
) -> Result<PromptPositions> {
    visual_positions(token_ids, image_token, grids, merge, 1)
}

/// As [`prompt_positions`], for placeholders of videos as well: consecutive frames of a grid are
/// `time_step` apart (Qwen2.5-VL: seconds per frame times positions per second).
pub fn visual_positions(
    token_ids: &[u32],
    image_token: u32,
    grids: &[[usize; 3]],
    merge: usize,
    time_step: usize,
) -> Result<PromptPositions> {
    let mut positions = Vec::with_capacity(token_ids.len());
    let mut next = 0_u32;
    let mut grids = grids.iter();
    let mut at = 0;
    while at < token_ids.len() {
        if token_ids[at] != image_token {
            positions.push([next; 3]);
            next += 1;
            at += 1;
            continue;
        }
        let placeholders = || {
            Error::Tensor(candle_core::Error::Msg(
                "image placeholders and pictures of a prompt don't match".into(),
            ))
        };
        let [time, height, width] = *grids.next().ok_or_else(placeholders)?;
        let (height, width) = (height / merge, width / merge);
        let count = time * height * width;
        if token_ids[at..]
            .iter()
            .take(count)
            .any(|id| *id != image_token)
            || token_ids.len() - at < count
            || count == 0
        {
            return Err(placeholders());
        }
        for index in 0..count {
            let place = [
                index / (height * width) * time_step,
                index / width % height,
                index % width,
            ];
            positions.push(place.map(|offset| next + offset as u32));
        }
        next += ((time - 1) * time_step + 1).max(height).max(width) as u32;
        at += count;
    }
    Ok(PromptPositions { positions, next })
}

/// Angles for rows at `positions`: pair `i` turns by `position[axis] * theta^(-2 i / head_dim)`,
/// where `sections` says how many consecutive pairs follow each axis.
pub(super) fn rotary(positions: &[[u32; 3]], theta: f64, sections: &[usize]) -> Rotary {
    let half: usize = sections.iter().sum();
    let frequencies = inverse_frequencies(theta, half);
    let axes: Vec<usize> = sections
        .iter()
        .enumerate()
        .flat_map(|(axis, count)| std::iter::repeat_n(axis, *count))
        .collect();
    let angles: Vec<f32> = positions
        .iter()
        .flat_map(|position| {
            axes.iter()
                .zip(&frequencies)
                .map(|(axis, frequency)| position[*axis] as f32 * frequency)
        })
        .collect();
    Rotary::new(&angles, half)
}

/// `theta^(-i / half)` for `i` in `0..half`.
pub(super) fn inverse_frequencies(theta: f64, half: usize) -> Vec<f32> {
    (0..half)
        .map(|i| 1.0 / (theta as f32).powf(i as f32 / half as f32))
        .collect()
}
