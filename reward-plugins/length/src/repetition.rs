//! How much of a text stood before.

/// Of longer turns only the last bytes are looked at, so many or up to 3 fewer.
const MAX_BYTES: usize = 1 << 20;
/// Of more words than this only the last ones are looked at: loops stand at the end.
pub const MAX_WORDS: usize = 65_536;

/// The share of runs of `ngram` words that are equal to an earlier one: 1 - different runs / runs. 0 where there is no run,
/// or for an `ngram` of 0.
///
/// Words are what stands between white space, without case; each character of Chinese, Japanese and Korean scripts is a word.
///
/// ```
/// use length::repetition::share;
/// assert_eq!(share(["a b c d"].into_iter(), 2), 0.0);
/// assert_eq!(share(["a b a b a b"].into_iter(), 2), 0.6);
/// ```
pub fn share<'a>(texts: impl DoubleEndedIterator<Item = &'a str>, ngram: usize) -> f64 {
    if ngram == 0 {
        return 0.0;
    }
    // From the end on, so that a long text is not read as a whole.
    let mut words = Vec::new();
    'texts: for text in texts.rev() {
        let start = text.len().saturating_sub(MAX_BYTES);
        let start = (start..=text.len()).find(|at| text.is_char_boundary(*at));
        let text = &text[start.unwrap_or(0)..];
        for piece in text
            .rsplit(char::is_whitespace)
            .filter(|piece| !piece.is_empty())
        {
            if words.len() >= MAX_WORDS {
                break 'texts;
            }
            hashes(piece, &mut words);
        }
    }
    words.truncate(MAX_WORDS);
    let runs = (words.len() + 1).saturating_sub(ngram);
    if runs == 0 {
        return 0.0;
    }
    let mut seen: Vec<u64> = words
        .windows(ngram)
        .map(|run| run.iter().fold(SEED, |hash, word| mixed(hash ^ word)))
        .collect();
    seen.sort_unstable();
    seen.dedup();
    1.0 - seen.len() as f64 / runs as f64
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// A bijection that spreads bits (`SplitMix64`'s).
fn mixed(mut hash: u64) -> u64 {
    hash = hash.wrapping_add(SEED);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

/// Adds the hashes of a piece's words, the last one first.
fn hashes(piece: &str, words: &mut Vec<u64>) {
    let mut hash = SEED;
    let mut open = false;
    for c in piece.chars().rev().flat_map(char::to_lowercase) {
        if is_ideograph(c) {
            if std::mem::take(&mut open) {
                words.push(hash);
                hash = SEED;
            }
            words.push(mixed(u64::from(u32::from(c))));
        } else {
            hash = mixed(hash ^ u64::from(u32::from(c)));
            open = true;
        }
    }
    if open {
        words.push(hash);
    }
}

/// Characters of scripts that are written without spaces.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0x20000..=0x3134F)
}
