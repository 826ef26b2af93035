//! Edit distance.

/// Levenshtein distance over characters: insertions, deletions and substitutions cost 1.
///
/// ```
/// use text::distance::levenshtein;
/// let chars = |text: &str| text.chars().collect::<Vec<_>>();
/// assert_eq!(levenshtein(&chars("kitten"), &chars("sitting")), 3);
/// ```
pub fn levenshtein(a: &[char], b: &[char]) -> usize {
    // What both begin or end with costs nothing.
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);

    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(&mut row[1..]) {
            left = (corner + usize::from(x != y)).min(*cell + 1).min(left + 1);
            corner = std::mem::replace(cell, left);
        }
    }
    row[b.len()]
}
