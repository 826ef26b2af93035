//! Edit distance.

/// Bits of a block of the pattern.
const BLOCK: usize = 64;

/// A block of a column of the distance matrix: where it grows and falls by 1 from row to row.
#[derive(Clone, Copy)]
struct Block {
    grows: u64,
    falls: u64,
}

/// Levenshtein distance over characters: insertions, deletions and substitutions cost 1.
///
/// Bit-parallel in blocks of 64 rows, so that two texts of thousands of characters take a few million steps: Myers, `A
/// Fast Bit-Vector Algorithm for Approximate String Matching Based on Dynamic Programming`, 1999, as Hyyrö put it for
/// the distance of whole texts, 2003.
///
/// ```
/// use text::distance::levenshtein;
/// let chars = |text: &str| text.chars().collect::<Vec<_>>();
/// assert_eq!(levenshtein(&chars("kitten"), &chars("sitting")), 3);
/// ```
pub fn levenshtein(a: &[char], b: &[char]) -> usize {
    if a.is_empty() || b.is_empty() {
        return a.len().max(b.len());
    }
    let count = a.len().div_ceil(BLOCK);
    let mut alphabet = a.to_vec();
    alphabet.sort_unstable();
    alphabet.dedup();
    // For each character of the alphabet the rows where it stands; nothing for any other character.
    let mut rows = vec![0u64; alphabet.len() * count];
    for (row, c) in a.iter().enumerate() {
        if let Ok(letter) = alphabet.binary_search(c) {
            rows[letter * count + row / BLOCK] |= 1 << (row % BLOCK);
        }
    }
    let none = vec![0u64; count];
    let whole = Block {
        grows: u64::MAX,
        falls: 0,
    };
    let mut column = vec![whole; count];
    let last_row = 1u64 << ((a.len() - 1) % BLOCK);
    let mut distance = a.len();
    for c in b {
        let equal = alphabet.binary_search(c).map_or(&none[..], |letter| {
            &rows[letter * count..(letter + 1) * count]
        });
        // The first row grows by 1 from column to column.
        let mut step = Step::Up;
        for (at, (block, &equal)) in column.iter_mut().zip(equal).enumerate() {
            let top = if at + 1 == count {
                last_row
            } else {
                1 << (BLOCK - 1)
            };
            step = advance(block, equal, step, top);
        }
        match step {
            Step::Up => distance += 1,
            Step::Down => distance -= 1,
            Step::Level => {}
        }
    }
    distance
}

/// How a row changes from one column to the next.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Up,
    Level,
    Down,
}

/// Moves a block to the next column; `above` is the step of the row above it, the result that of its row `top`.
fn advance(block: &mut Block, equal: u64, above: Step, top: u64) -> Step {
    let Block { grows, falls } = *block;
    let vertical = equal | falls;
    let equal = equal | u64::from(above == Step::Down);
    let horizontal = ((equal & grows).wrapping_add(grows) ^ grows) | equal;
    let up = falls | !(horizontal | grows);
    let down = grows & horizontal;
    let step = if up & top != 0 {
        Step::Up
    } else if down & top != 0 {
        Step::Down
    } else {
        Step::Level
    };
    let up = (up << 1) | u64::from(above == Step::Up);
    let down = (down << 1) | u64::from(above == Step::Down);
    block.grows = down | !(vertical | up);
    block.falls = up & vertical;
    step
}
