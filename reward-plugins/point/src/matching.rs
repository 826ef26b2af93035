//! The largest matching of points and targets.

/// The largest number of targets that can each have a point of their own, where `hits` has for each point the targets that
/// it lies in. By augmenting paths (Kuhn 1955): at most points × hits steps for each target.
///
/// ```
/// use point::matching::largest;
/// // The second point can only have target 0, so the first one leaves it.
/// assert_eq!(largest(&[vec![0, 1], vec![0]], 2), 2);
/// assert_eq!(largest(&[vec![0], vec![0], vec![]], 2), 1);
/// ```
pub fn largest(hits: &[Vec<usize>], targets: usize) -> usize {
    let mut owner = vec![None; targets];
    let mut matched = 0;
    for point in 0..hits.len() {
        // No more than all targets can be matched.
        if matched == targets {
            break;
        }
        let mut seen = vec![false; targets];
        matched += usize::from(place(point, hits, &mut owner, &mut seen));
    }
    matched
}

/// Finds a target for `point`, moving the owners of others where they have another.
fn place(
    point: usize,
    hits: &[Vec<usize>],
    owner: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &target in &hits[point] {
        if std::mem::replace(&mut seen[target], true) {
            continue;
        }
        let free = match owner[target] {
            None => true,
            Some(other) => place(other, hits, owner, seen),
        };
        if free {
            owner[target] = Some(point);
            return true;
        }
    }
    false
}
