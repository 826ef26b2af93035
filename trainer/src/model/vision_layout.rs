//! Where patches sit: rotary angles, windows and the order in which windows are visited.

use super::config::VisionConfig;
use super::positions::inverse_frequencies;
use crate::Result;
use crate::ops::{Rotary, Segments};

/// The order and grouping of the patches of some pictures.
pub(super) struct VisionLayout {
    /// New order of merged patches: entry `i` is the merged patch that comes `i`-th.
    pub(super) window_order: Vec<u32>,
    /// Where each merged patch went: the inverse of `window_order`.
    pub(super) natural_order: Vec<u32>,
    /// Angles of patches in window order.
    pub(super) rotary: Rotary,
    /// Windows, in window order.
    pub(super) windows: Segments,
    /// Whole frames, in window order.
    pub(super) frames: Segments,
}

/// Base of the tower's rotary frequencies; not configurable in published checkpoints.
const THETA: f64 = 10_000.0;

impl VisionLayout {
    pub(super) fn new(config: &VisionConfig, grids: &[[usize; 3]]) -> Result<Self> {
        let merge = config.spatial_merge_size;
        // The window's side in merged patches.
        let side = config.window_size / merge / config.patch_size;
        let mut window_order: Vec<u32> = Vec::new();
        let (mut windows, mut frames) = (Vec::new(), Vec::new());
        let mut places: Vec<[u32; 2]> = Vec::new();
        for [time, height, width] in grids {
            let (rows, columns) = (height / merge, width / merge);
            for _ in 0..*time {
                let first = window_order.len() as u32;
                for top in (0..rows).step_by(side) {
                    for left in (0..columns).step_by(side) {
                        let before = window_order.len();
                        for row in top..(top + side).min(rows) {
                            for column in left..(left + side).min(columns) {
                                window_order.push(first + (row * columns + column) as u32);
                                for inner in 0..merge * merge {
                                    let h = row * merge + inner / merge;
                                    let w = column * merge + inner % merge;
                                    places.push([h as u32, w as u32]);
                                }
                            }
                        }
                        windows.push((window_order.len() - before) * merge * merge);
                    }
                }
                frames.push(height * width);
            }
        }
        let mut natural_order = vec![0; window_order.len()];
        for (new, old) in window_order.iter().enumerate() {
            natural_order[*old as usize] = new as u32;
        }
        let quarter = config.hidden_size / config.num_heads / 4;
        let frequencies = inverse_frequencies(THETA, quarter);
        let angles: Vec<f32> = places
            .iter()
            .flatten()
            .flat_map(|place| frequencies.iter().map(move |f| *place as f32 * f))
            .collect();
        Ok(Self {
            window_order,
            natural_order,
            rotary: Rotary::new(&angles, 2 * quarter),
            windows: Segments::bidirectional(windows)?,
            frames: Segments::bidirectional(frames)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(window_size: usize) -> VisionConfig {
        serde_json::from_value(serde_json::json!({
            "depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 2,
            "out_hidden_size": 8, "patch_size": 14, "window_size": window_size,
            "fullatt_block_indexes": [],
        }))
        .expect("the fields are complete")
    }

    #[test]
    fn windows_are_visited_row_by_row_and_cut_at_the_border() {
        // 3 × 3 merged patches, windows of 2 × 2 merged patches.
        let layout = VisionLayout::new(&config(56), &[[1, 6, 6]]).expect("a valid layout");
        assert_eq!(layout.window_order, [0, 1, 3, 4, 2, 5, 6, 7, 8]);
        assert_eq!(layout.natural_order, [0, 1, 4, 2, 3, 5, 6, 7, 8]);
        let lengths: Vec<usize> = (0..4).map(|w| layout.windows.range(w).len()).collect();
        assert_eq!(lengths, [16, 8, 8, 4]);
        assert_eq!(layout.frames.range(0), 0..36);
    }
}
