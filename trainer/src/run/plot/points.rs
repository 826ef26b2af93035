//! What is drawn of many points: means of them.

/// More points than this are no more than a picture can show.
const MOST: usize = 600;

/// Values beyond this either way are not drawn: the axis of their range would not be finite.
const LARGEST: f64 = 1e300;

/// The points that can be drawn.
pub(super) fn finite(points: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let points = points.iter().filter(|(_, value)| value.abs() <= LARGEST);
    points.map(|(step, value)| (*step as f64, *value)).collect()
}

/// Points of a moving average: about a twentieth of the run, an odd number from 5 on.
pub(super) fn window(points: usize) -> usize {
    (points / 20).max(5) | 1
}

/// Mean of the `window` points around each, of those that there are at the ends.
pub(super) fn moving_average(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let reach = window / 2;
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for (_, value) in points {
        sum += value;
        sums.push(sum);
    }
    (0..points.len())
        .map(|at| {
            let (from, to) = (at.saturating_sub(reach), points.len().min(at + reach + 1));
            (points[at].0, (sums[to] - sums[from]) / (to - from) as f64)
        })
        .collect()
}

/// The points, or the means of so many neighbours each that a picture can show them.
pub(super) fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= MOST {
        return points;
    }
    let each = points.len().div_ceil(MOST);
    let mean = |points: &[(f64, f64)]| {
        let count = points.len() as f64;
        let sum = points
            .iter()
            .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / count, sum.1 / count)
    };
    points.chunks(each).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_average_by_hand() {
        let points: Vec<(f64, f64)> = [1.0, 5.0, 3.0, 0.0, 6.0]
            .iter()
            .enumerate()
            .map(|(step, value)| (step as f64, *value))
            .collect();
        let means: Vec<f64> = moving_average(&points, 5).iter().map(|p| p.1).collect();
        assert_eq!(means, [3.0, 2.25, 3.0, 3.5, 3.0]);
        assert!(moving_average(&[], 5).is_empty());
        assert_eq!((window(3), window(100), window(500)), (5, 5, 25));
    }

    #[test]
    fn many_points_become_few_with_the_same_mean() {
        let points: Vec<(f64, f64)> = (0..6_000)
            .map(|i| (f64::from(i), f64::from(i % 7)))
            .collect();
        let thin = thinned(points.clone());
        assert_eq!(thin.len(), 600);
        let mean = thin.iter().map(|point| point.1).sum::<f64>() / 600.0;
        let all = points.iter().map(|point| point.1).sum::<f64>() / 6_000.0;
        assert!((mean - all).abs() < 1e-9);
        assert_eq!(thinned(points[..600].to_vec()), points[..600]);
    }
}
