//! Statistics over the trained tokens, with the small constants that `RLLaVA` and veRL use.

/// Keeps quotients finite where nothing is selected.
const EPS: f64 = 1e-8;

/// Mean of the `values` where `mask` holds: `Σ x·m / (Σ m + 1e-8)`, 0 where it holds nowhere.
pub fn masked_mean(values: &[f64], mask: &[bool]) -> f64 {
    let (sum, count) = selected(values, mask).fold((0.0, 0.0), |(s, n), x| (s + x, n + 1.0));
    sum / (count + EPS)
}

/// Variance of the `values` where `mask` holds, with Bessel's correction from two values on.
pub fn masked_var(values: &[f64], mask: &[bool]) -> f64 {
    let mean = masked_mean(values, mask);
    let count = mask.iter().filter(|m| **m).count() as f64;
    let squares: f64 = selected(values, mask).map(|x| (x - mean).powi(2)).sum();
    let var = squares / (count + EPS);
    if count > 1.0 {
        var * count / (count - 1.0)
    } else {
        var
    }
}

/// `(x − mean) / √(var + 1e-8)` of every value, the moments being those of the masked ones.
pub fn masked_whiten(values: &[f64], mask: &[bool]) -> Vec<f64> {
    let mean = masked_mean(values, mask);
    let scale = (masked_var(values, mask) + EPS).sqrt().recip();
    values.iter().map(|x| (x - mean) * scale).collect()
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

fn selected<'a>(values: &'a [f64], mask: &'a [bool]) -> impl Iterator<Item = f64> + 'a {
    values
        .iter()
        .zip(mask)
        .filter(|(_, m)| **m)
        .map(|(x, _)| *x)
}
