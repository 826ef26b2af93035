//! How alike two texts are.
//!
//! All but [`critic`] read full-width and styled characters as plain ones, on both sides; letters of other alphabets
//! that look like Latin ones stay what they are.

use crate::distance::levenshtein;
use rlhost_verifier::fold::spaced;

/// Equal to the letter, but for white space around.
pub fn critic(answer: &str, reference: &str) -> bool {
    answer.trim() == reference.trim()
}

/// Equal without case and with any white space as one space.
pub fn any(answer: &str, reference: &str) -> bool {
    spaced(answer) == spaced(reference)
}

/// Equal as `SQuAD` compares: without case, ASCII punctuation and the articles a, an, the.
pub fn exact(answer: &str, reference: &str) -> bool {
    let (answer, reference) = tokens(answer, reference);
    answer == reference
}

/// F1 over the words of [`exact`]'s form, as multisets: 2 P R / (P + R).
///
/// Rajpurkar et al., `SQuAD: 100,000+ Questions for Machine Comprehension of Text`, 2016.
pub fn f1(answer: &str, reference: &str) -> f64 {
    let (mut answer, mut reference) = tokens(answer, reference);
    answer.sort_unstable();
    reference.sort_unstable();
    let (mut a, mut r, mut common) = (0, 0, 0u32);
    while a < answer.len() && r < reference.len() {
        match answer[a].cmp(&reference[r]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => r += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                a += 1;
                r += 1;
            }
        }
    }
    if common == 0 {
        return 0.0;
    }
    2.0 * f64::from(common) / (answer.len() + reference.len()) as f64
}

/// Average normalised Levenshtein similarity of one pair: 1 - distance / length of the longer one, over characters of
/// [`any`]'s form. The threshold is the caller's.
///
/// Biten et al., `Scene Text Visual Question Answering`, 2019.
pub fn anls(answer: &str, reference: &str) -> f64 {
    let answer: Vec<char> = spaced(answer).chars().collect();
    let reference: Vec<char> = spaced(reference).chars().collect();
    let longer = answer.len().max(reference.len());
    if longer == 0 {
        return 0.0;
    }
    1.0 - levenshtein(&answer, &reference) as f64 / longer as f64
}

/// The words of both texts without punctuation and articles; with them where else nothing would be left of the
/// reference, so that nothing never equals nothing.
fn tokens(answer: &str, reference: &str) -> (Vec<String>, Vec<String>) {
    let words = |text: &str| -> Vec<String> {
        let text = spaced(text);
        let text: String = text.chars().filter(|c| !c.is_ascii_punctuation()).collect();
        text.split_whitespace()
            .filter(|word| !matches!(*word, "a" | "an" | "the"))
            .map(str::to_owned)
            .collect()
    };
    let whole =
        |text: &str| -> Vec<String> { spaced(text).split(' ').map(str::to_owned).collect() };
    let wanted = words(reference);
    if wanted.is_empty() {
        (whole(answer), whole(reference))
    } else {
        (words(answer), wanted)
    }
}
