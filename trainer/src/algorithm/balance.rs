//! Parts of nearly equal work.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Work of a sequence of `tokens` tokens, in arbitrary units: the linear part of a transformer's
/// layers and the quadratic one of attention, as `RLLaVA` and veRL weigh them.
pub fn sequence_workload(tokens: u64) -> u64 {
    24_576 * tokens + tokens * tokens
}

/// One part: its work and what is in it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    sum: u64,
    items: Vec<usize>,
}

/// A way to share some of the items among all parts, the fullest part first.
#[derive(PartialEq, Eq)]
struct Partial(Vec<Part>);

impl Partial {
    /// Work of the fullest part beyond that of the emptiest.
    fn spread(&self) -> u64 {
        let sum = |part: Option<&Part>| part.map_or(0, |part| part.sum);
        sum(self.0.first()) - sum(self.0.last())
    }
}

impl Ord for Partial {
    fn cmp(&self, other: &Self) -> Ordering {
        let spread = self.spread().cmp(&other.spread());
        spread.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Partial {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Shares the items of the given `workloads` among `parts` parts whose sums are nearly equal, by
/// the largest differencing method (Karmarkar and Karp 1982): always the two most uneven partial
/// solutions are joined, the fullest part of one with the emptiest of the other.
///
/// Returns the indices of each part, in order; some parts are empty if there are fewer items.
pub fn balanced_partition(workloads: &[u64], parts: usize) -> Vec<Vec<usize>> {
    let mut heap: BinaryHeap<Partial> = workloads
        .iter()
        .enumerate()
        .map(|(item, &sum)| {
            let mut single = vec![Part::default(); parts.max(1)];
            single[0] = Part {
                sum,
                items: vec![item],
            };
            Partial(single)
        })
        .collect();
    while heap.len() > 1 {
        let (Some(mut first), Some(second)) = (heap.pop(), heap.pop()) else {
            break;
        };
        for (full, light) in first.0.iter_mut().zip(second.0.into_iter().rev()) {
            full.sum += light.sum;
            full.items.extend(light.items);
            full.items.sort_unstable();
        }
        first.0.sort_by(|a, b| b.cmp(a));
        heap.push(first);
    }
    let last = heap.pop();
    last.map_or_else(
        || vec![Vec::new(); parts],
        |solution| solution.0.into_iter().map(|part| part.items).collect(),
    )
}
