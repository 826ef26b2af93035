//! Statistics over the trained tokens, with the small constants that `RLLaVA` and veRL use.

/// Keeps quotients finite where nothing is selected.
const EPS: f64 = 1e-8;

/// Sums that are taken side by side, since a processor adds several numbers at once.
const LANES: usize = 8;

/// Mean of the `values` where `mask` holds: `Σ x·m / (Σ m + 1e-8)`, 0 where it holds nowhere.
pub fn masked_mean(values: &[f64], mask: &[bool]) -> f64 {
    masked_sum(values, mask, |x| x) / (count(mask) + EPS)
}

/// Variance of the `values` where `mask` holds, with Bessel's correction from two values on.
pub fn masked_var(values: &[f64], mask: &[bool]) -> f64 {
    let mean = masked_mean(values, mask);
    let squares = masked_sum(values, mask, |x| (x - mean) * (x - mean));
    corrected(squares, count(mask))
}

/// `(x − mean) / √(var + 1e-8)` of every value, the moments being those of the masked ones.
pub fn masked_whiten(values: &[f64], mask: &[bool]) -> Vec<f64> {
    let mean = masked_mean(values, mask);
    let scale = whitening(masked_var(values, mask));
    values.iter().map(|x| (x - mean) * scale).collect()
}

/// What [`masked_whiten`] makes of tokens that have all the value of their row; rows are
/// (value, number of tokens).
pub(super) fn whiten_rows(rows: &mut [(f64, usize)]) {
    let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
        let of_row = |(value, tokens): &(f64, usize)| of(*value) * *tokens as f64;
        rows.iter().map(of_row).sum()
    };
    let count = sum(&|_| 1.0);
    let mean = sum(&|x| x) / (count + EPS);
    let scale = whitening(corrected(sum(&|x| (x - mean).powi(2)), count));
    for (value, _) in rows {
        *value = (*value - mean) * scale;
    }
}

/// The variance, from the sum of squares about the mean.
fn corrected(squares: f64, count: f64) -> f64 {
    let var = squares / (count + EPS);
    if count > 1.0 {
        var * count / (count - 1.0)
    } else {
        var
    }
}

fn whitening(var: f64) -> f64 {
    (var + EPS).sqrt().recip()
}

fn count(mask: &[bool]) -> f64 {
    mask.iter().filter(|m| **m).count() as f64
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
