//! Choices in prose: letters count only where the words say that they are the choice.

use crate::letters::Letters;
use rlhost_verifier::fold::latin;

/// Words after which a capital letter is a choice.
const LEADS: [&str; 13] = [
    "answer",
    "is",
    "option",
    "choice",
    "choose",
    "select",
    "pick",
    "be",
    "letter",
    "therefore",
    "thus",
    "answer:",
    "so",
];

/// Words with which a letter may not be the choice.
const TURNING: [&str; 18] = [
    "not",
    "isn't",
    "never",
    "neither",
    "nor",
    "or",
    "either",
    "except",
    "incorrect",
    "wrong",
    "false",
    "eliminate",
    "eliminated",
    "rule",
    "unlike",
    "cannot",
    "can't",
    "maybe",
];

/// A word of an answer, and what stands around its letters.
struct Word<'a> {
    /// Without punctuation around it.
    core: &'a str,
    /// Whether brackets or quotes hold it.
    held: bool,
    /// Whether it ends a sentence.
    ends: bool,
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    text.split_whitespace().map(|word| {
        let outer = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let core = word.trim_matches(|c: char| !c.is_alphanumeric());
        let pairs = [('(', ')'), ('[', ']'), ('"', '"'), ('\'', '\'')];
        let held = pairs
            .iter()
            .any(|(open, close)| outer.starts_with(*open) && outer.ends_with(*close));
        let ends = word.ends_with(['.', '!', '?']);
        Word { core, held, ends }
    })
}

/// The only character of a text.
fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// Whether a text has words that turn a choice into its opposite or leave it open.
pub fn turns(text: &str) -> bool {
    words(text).any(|word| TURNING.contains(&word.core.to_lowercase().as_str()))
}

/// Whether a text marks some letter as a choice.
pub fn has_letters(text: &str) -> bool {
    candidates(text).next().is_some()
}

/// The letters that a text marks as choices: those in brackets or quotes, and capitals after a word that leads to a
/// choice, unless they are the article `A` or the pronoun `I` with more words to follow.
fn candidates(text: &str) -> impl Iterator<Item = Letters> {
    let words: Vec<Word> = words(text).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(c) = single(word.core) else {
            continue;
        };
        let capital = latin(c).is_ascii_uppercase();
        let led = at > 0
            && !words[at - 1].ends
            && LEADS.contains(&words[at - 1].core.to_lowercase().as_str());
        let pronoun =
            matches!(latin(c), 'A' | 'I') && at + 1 < words.len() && !ends_clause(text, at);
        if word.held || (capital && led && !pronoun) {
            found.extend(Letters::one(c));
        }
    }
    found.into_iter()
}

/// Whether a stop follows the word at this place.
fn ends_clause(text: &str, at: usize) -> bool {
    text.split_whitespace()
        .nth(at)
        .is_some_and(|word| word.ends_with(['.', ',', ';', ':', '!', '?', ')']))
}

/// The letter that prose chooses: marked at least once, always the same, and nothing turned.
pub fn choice(text: &str) -> Option<Letters> {
    if turns(text) {
        return None;
    }
    let mut letters = candidates(text);
    let first = letters.next()?;
    letters.all(|other| other == first).then_some(first)
}
