//! How much of a target the policy is given, and where a completion ends.

/// The largest share of a target that a prompt is given as a hint at `step`: it falls from
/// `max_ratio` to 0 along half a cosine in `hint_steps` steps and never below `min_ratio` (Liu et
/// al. 2025, *UFT*, arXiv:2505.16984, in the form of `RLLaVA`'s `hint` strategy).
pub fn hint_ratio_bound(step: u64, hint_steps: u64, min_ratio: f64, max_ratio: f64) -> f64 {
    let progress = if hint_steps == 0 {
        1.0
    } else {
        step.min(hint_steps) as f64 / hint_steps as f64
    };
    let falling = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()) * max_ratio;
    falling.max(min_ratio)
}

/// How many of `token_ids` belong to the response: all up to the first stop token, that included.
pub fn response_len(token_ids: &[u32], stop: &[u32]) -> usize {
    token_ids
        .iter()
        .position(|id| stop.contains(id))
        .map_or(token_ids.len(), |at| at + 1)
}
