//! What a completion's length costs.

/// What is added to the score of a completion of `tokens` tokens that may have `longest` (soft
/// overlong punishment, DAPO, arXiv:2503.14476, equation 13): nothing up to `longest − margin`, then
/// on a line down to `−factor` at `longest`. A `margin` of 0 costs nothing.
///
/// ```
/// use rlhost_trainer::algorithm::overlong_penalty;
///
/// assert_eq!(overlong_penalty(80, 100, 20, 1.0), 0.0);
/// assert_eq!(overlong_penalty(90, 100, 20, 1.0), -0.5);
/// assert_eq!(overlong_penalty(100, 100, 20, 1.0), -1.0);
/// ```
pub fn overlong_penalty(tokens: usize, longest: usize, margin: usize, factor: f64) -> f64 {
    let over = tokens.saturating_sub(longest.saturating_sub(margin));
    if over == 0 || margin == 0 {
        return 0.0;
    }
    -factor * (over as f64 / margin as f64).min(1.0)
}
