//! Statistics over the trained tokens, with the small constants that `RLLaVA` and veRL use.

use super::aggregate::Totals;
use super::rows::Rows;

/// Keeps quotients finite where nothing is selected.
const EPS: f64 = 1e-8;

/// Sums that are taken side by side, since a processor adds several numbers at once.
const LANES: usize = 8;

/// Mean of the `values` of trained tokens: `Σ x / (n + 1e-8)`, 0 where there are none.
pub fn masked_mean(values: &[f64], rows: &Rows) -> f64 {
    rows.sum(values, |x| x) / (count(rows) + EPS)
}

/// Variance of the `values` of trained tokens, with Bessel's correction from two values on.
pub fn masked_var(values: &[f64], rows: &Rows) -> f64 {
    let mean = masked_mean(values, rows);
    let count = count(rows);
    let var = rows.sum(values, |x| (x - mean) * (x - mean)) / (count + EPS);
    if count > 1.0 {
        var * count / (count - 1.0)
    } else {
        var
    }
}

/// `(x − mean) / √(var + 1e-8)` of every value, the moments being those of trained tokens.
pub fn masked_whiten(values: &[f64], rows: &Rows) -> Vec<f64> {
    let mean = masked_mean(values, rows);
    let scale = (masked_var(values, rows) + EPS).sqrt().recip();
    values.iter().map(|x| (x - mean) * scale).collect()
}

fn count(rows: &Rows) -> f64 {
    Totals::of(rows, 0).tokens as f64
}

/// `Σ of(x)` over the `values` where `mask` holds.
pub(super) fn masked_sum(values: &[f64], mask: &[bool], of: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let term = |(x, m): (&f64, &bool)| if *m { of(*x) } else { 0.0 };
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (masks, rest_mask) = mask.as_chunks::<LANES>();
    for (chunk, mask) in chunks.iter().zip(masks) {
        for (sum, pair) in sums.iter_mut().zip(chunk.iter().zip(mask)) {
            *sum += term(pair);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().zip(rest_mask).map(term).sum::<f64>()
}

/// `Σ x`.
pub(super) fn sum(values: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

/// Mean and standard deviation (n − 1) of `values`; (0, 1) for fewer than two, which leaves a
/// lone completion's score as it is.
pub(super) fn group_moments(values: &[f64]) -> (f64, f64) {
    if values.len() < 2 {
        return (0.0, 1.0);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}
