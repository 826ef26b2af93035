//! What several completions of a prompt say together, and how sure a mean is.

use super::answer;
use std::collections::HashMap;

/// A completion: what it was measured at, and its text. Without a measure it is not right.
pub(super) type Measured<'a> = (Option<f64>, &'a str);

/// Numbers of completions that there are figures for: powers of two up to `samples`, and `samples` itself.
pub(super) fn sizes(samples: usize) -> impl Iterator<Item = usize> {
    let powers = (0..usize::BITS).map(|bit| 1 << bit);
    powers.take_while(move |k| *k < samples).chain([samples])
}

/// Pass@k: the chance that one of `k` completions is right, of a prompt of whose `samples` so many are `right`
/// (Chen et al., *Evaluating Large Language Models Trained on Code*, arXiv:2107.03374, equation 1). `k` is at most `samples`.
pub(super) fn pass_at(k: usize, samples: usize, right: usize) -> f64 {
    let wrong = samples - right;
    if wrong < k {
        return 1.0;
    }
    let none = (wrong + 1..=samples).map(|i| 1.0 - k as f64 / i as f64);
    1.0 - none.product::<f64>()
}

/// Maj@k: what the commonest answer among `completions` was measured at; of several, the one that was there first. 0 where it
/// has no measure.
pub(super) fn majority(completions: &[Measured<'_>]) -> f64 {
    // Votes for each answer, and the first completion that gives it.
    let mut votes: HashMap<String, (usize, usize)> = HashMap::new();
    for (at, (_, text)) in completions.iter().enumerate() {
        votes.entry(answer::stated(text)).or_insert((0, at)).0 += 1;
    }
    let most = votes
        .values()
        .max_by_key(|(count, first)| (*count, completions.len() - first));
    most.and_then(|(_, first)| completions[*first].0)
        .unwrap_or(0.0)
}

/// The interval that holds the true mean with 95 % confidence, from the mean of each prompt: Wilson's (*Probable
/// Inference*, 1927) where all lie between 0 and 1, otherwise 1.96 standard errors either way. Wilson's is exact for
/// means of 0 and 1, and rather too wide for others.
pub(super) fn interval(means: &[f64]) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_963_984_540_054;
    if means.is_empty() {
        return None;
    }
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    if means.iter().all(|mean| (0.0..=1.0).contains(mean)) {
        let z2 = Z * Z / n;
        let centre = (mean + z2 / 2.0) / (1.0 + z2);
        let reach = (mean * (1.0 - mean) / n + z2 / (4.0 * n)).sqrt() * Z / (1.0 + z2);
        return Some([(centre - reach).max(0.0), (centre + reach).min(1.0)]);
    }
    let squares: f64 = means.iter().map(|x| (x - mean).powi(2)).sum();
    let reach = Z * (squares / (n - 1.0).max(1.0) / n).sqrt();
    Some([mean - reach, mean + reach])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-7
    }

    #[test]
    fn pass_at_k_counts_the_ways_to_choose() {
        // 1 − C(7, 5) / C(10, 5) = 1 − 21 / 252.
        assert!(close(pass_at(5, 10, 3), 1.0 - 21.0 / 252.0));
        assert!(close(pass_at(1, 10, 3), 0.3));
        assert_eq!(pass_at(8, 10, 3), 1.0);
        assert_eq!(pass_at(10, 10, 0), 0.0);
        assert_eq!(sizes(1).collect::<Vec<_>>(), [1]);
        assert_eq!(sizes(8).collect::<Vec<_>>(), [1, 2, 4, 8]);
        assert_eq!(sizes(6).collect::<Vec<_>>(), [1, 2, 4, 6]);
    }

    #[test]
    fn most_votes_win_and_of_equals_the_first() {
        let votes = [
            (Some(0.0), "a"),
            (Some(1.0), "\\boxed{b}"),
            (Some(1.0), "so <answer>b</answer>"),
        ];
        assert_eq!(majority(&votes), 1.0);
        assert_eq!(majority(&votes[..2]), 0.0);
        assert_eq!(majority(&[(None, "x"), (Some(1.0), "y")]), 0.0);
    }

    #[test]
    fn wilson_as_published() {
        // scipy.stats.binomtest(8, 10).proportion_ci(method="wilson"), SciPy 1.17.1.
        let eight: Vec<f64> = (0..10).map(|i| f64::from(i < 8)).collect();
        let [low, high] = interval(&eight).unwrap();
        assert!(
            close(low, 0.490_162_471_536_641_8) && close(high, 0.943_317_848_545_624_8),
            "{low} {high}"
        );
        let [low, high] = interval(&[1.0; 20]).unwrap();
        assert!(close(high, 1.0) && (0.8..0.9).contains(&low), "{low}");
        assert_eq!(interval(&[]), None);
        // Mean 2, standard error 1.
        let [low, high] = interval(&[1.0, 3.0]).unwrap();
        assert!(
            close(low, 2.0 - 1.959_963_984_540_054) && close(high, 2.0 + 1.959_963_984_540_054)
        );
    }
}
