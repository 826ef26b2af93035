//! Choices in prose: letters count only where the words say that they are the choice.

use crate::letters::Letters;
use crate::words::{
    BEFORE, CHOOSING, CONFIRMING, DOUBTS, LEADS, NAMED, REASONS, REFUSING, TURNING, VERBS,
};
use rlhost_verifier::fold::latin;
use rlhost_verifier::retraction;

/// A word of an answer, and what stands around its letters.
struct Word<'a> {
    /// Without punctuation around it.
    core: &'a str,
    /// Whether brackets or quotes hold it.
    held: bool,
    /// Whether it ends a sentence.
    ends: bool,
    /// Whether it ends a clause.
    stops: bool,
    /// As it stands.
    whole: &'a str,
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
        let stops = word.ends_with(['.', ',', ';', '!', '?']);
        Word {
            core,
            held,
            ends,
            stops,
            whole: word,
        }
    })
}

/// The only character of a text.
fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// Whether the text beside a label turns the choice into its opposite or leaves it open.
pub fn turns(text: &str) -> bool {
    let words: Vec<Word> = words(text).collect();
    let first = words.first().map(|word| word.core.to_lowercase());
    let stated = first.is_some_and(|first| VERBS.contains(&first.as_str()))
        && !words.get(1).is_some_and(confirms);
    stated
        || text.contains('?')
        || words.iter().any(|word| {
            let core = word.core.to_lowercase();
            // `no dogs` is a text, `No, …` takes back.
            turning(&core) || (core == "no" && word.stops && words.len() > 1)
        })
        || takes_back(text)
        || words.iter().any(|word| {
            let core = word.core.to_lowercase();
            matches!(core.as_str(), "choose" | "pick" | "select")
        })
        || words.windows(2).any(|pair| {
            let next = pair[1].core.to_lowercase();
            pair[0].core.eq_ignore_ascii_case("no") && REFUSING.contains(&next.as_str())
        })
}

/// Whether a word, in small letters, is a verb that says something of the letter before it.
pub fn is_verb(word: &str) -> bool {
    VERBS.contains(&word)
}

/// Whether a text sets a condition or leaves open.
pub fn supposes(text: &str) -> bool {
    words(text).any(|word| {
        matches!(
            word.core.to_lowercase().as_str(),
            "if" | "unless"
                | "whether"
                | "suppose"
                | "supposing"
                | "assuming"
                | "maybe"
                | "perhaps"
                | "might"
                | "could"
                | "may"
                | "possibly"
                | "probably"
                | "doubt"
                | "guess"
                | "either"
                | "or"
        )
    })
}

/// Whether a sentence without a letter chooses: `Pick the last one.`
pub fn chooses(text: &str) -> bool {
    let chooses = |word: &Word| CHOOSING.contains(&word.core.to_lowercase().as_str());
    let ordinal = [
        "first", "second", "third", "fourth", "last", "former", "latter", "next", "previous", "one",
    ];
    let place = |word: &Word| ordinal.contains(&word.core.to_lowercase().as_str());
    let words: Vec<Word> = words(text).collect();
    words.iter().any(chooses) && words.iter().any(place) && capitals(text).next().is_none()
}

/// Places and letters of [`capitals`], and of letters in brackets or with a label's stop.
pub fn standing(text: &str) -> Vec<(usize, Letters)> {
    let capital: Vec<Letters> = capitals(text).chain(labels(text)).collect();
    words(text)
        .enumerate()
        .filter_map(|(at, word)| {
            let c = single(word.core)?;
            let found = Letters::one(c)?;
            let shown = word.held
                || capital.contains(&found)
                    && (latin(c).is_ascii_uppercase() || word.whole.ends_with(')'));
            shown.then_some((at, found))
        })
        .collect()
}

/// Capital letters that stand alone in a text and may be options: not the article `A` or the pronoun `I` with a word after
/// them, nor what a noun names (`vitamin C`) unless something is said of it.
pub fn capitals(text: &str) -> impl Iterator<Item = Letters> {
    let words: Vec<Word> = words(text).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(c) = single(word.core).filter(|c| latin(*c).is_ascii_uppercase()) else {
            continue;
        };
        let next = words.get(at + 1).filter(|_| !word.stops);
        let said = next.is_some_and(|next| VERBS.contains(&next.core.to_lowercase().as_str()));
        let article = matches!(latin(c), 'A' | 'I')
            && next.is_some()
            && (!said || latin(c) == 'I')
            && word.whole.chars().count() == 1;
        let named = !said && at > 0 && !words[at - 1].stops && {
            let noun = words[at - 1].core.to_lowercase();
            NAMED.contains(&noun.as_str()) || NAMED.contains(&noun.trim_end_matches('s'))
        };
        if !article && !named {
            found.extend(Letters::one(c));
        }
    }
    found.into_iter()
}

fn confirms(word: &Word) -> bool {
    CONFIRMING.contains(&word.core.to_lowercase().as_str())
}

/// Whether a sentence after the one with the letter chooses without it, or takes it back: `Pick the last one.`
fn chooses_again(text: &str, first: Letters) -> bool {
    let mut named = false;
    let (mut holds, mut chooses) = (false, false);
    let mut again = takes_back(text);
    for word in words(text) {
        let letter = single(word.core).filter(|c| word.held || latin(*c).is_ascii_uppercase());
        holds |= letter.and_then(Letters::one) == Some(first);
        chooses |= CHOOSING.contains(&word.core.to_lowercase().as_str());
        if word.ends {
            again |= named && chooses && !holds;
            named |= holds;
            (holds, chooses) = (false, false);
        }
    }
    again || (named && chooses && !holds)
}

pub fn takes_back(text: &str) -> bool {
    let text = text.to_lowercase();
    ["take that back", "take it back", "takes it back"]
        .iter()
        .any(|words| text.contains(words))
}

/// Whether a word, in lower case, denies what stands beside it or takes it back.
fn turning(word: &str) -> bool {
    TURNING.contains(&word) || retraction::takes_back(word)
}

/// Whether prose leaves a choice open or takes it back.
pub fn doubts(text: &str) -> bool {
    text.contains('?')
        || words(text).any(|word| {
            let core = word.core.to_lowercase();
            turning(&core) || DOUBTS.contains(&core.as_str())
        })
}

/// Whether a text marks some letter as a choice.
pub fn has_letters(text: &str) -> bool {
    candidates(text).next().is_some() || labels(text).next().is_some()
}

/// The letters of labels inside of a text: `C) dog`, `C. dog`.
fn labels(text: &str) -> impl Iterator<Item = Letters> {
    let words: Vec<Word> = words(text).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(c) = single(word.core) else {
            continue;
        };
        let capital = latin(c).is_ascii_uppercase();
        let last = at + 1 == words.len();
        if word.whole.ends_with([')', ']'])
            || (capital && !last && word.whole.ends_with(['.', ':']))
        {
            found.extend(Letters::one(c));
        }
    }
    found.into_iter()
}

/// Whether all that a clause says of the letter at a place is that it is the choice.
fn chosen(words: &[Word], at: usize) -> bool {
    let lower = |word: &Word| word.core.to_lowercase();
    // A lead may stand before a comma: `Therefore, B`.
    let mut clause = words[..at].iter().rev().enumerate();
    let before = clause
        .by_ref()
        .take_while(|(back, word)| !(word.ends || word.stops && *back > 0))
        .all(|(_, word)| word.core.is_empty() || BEFORE.contains(&lower(word).as_str()));
    let word = &words[at];
    let Some(next) = words.get(at + 1) else {
        return before;
    };
    let after = word.stops
        || word.whole.ends_with(':')
        || next.core.is_empty()
        || next.whole.starts_with('(')
        || REASONS.contains(&lower(next).as_str())
        || (VERBS.contains(&lower(next).as_str()) && words.get(at + 2).is_some_and(confirms))
        || (word.whole.ends_with([')', ']']) && !VERBS.contains(&lower(next).as_str()));
    before && after
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

/// The letter that prose chooses: marked at least once, always the same, in clauses that say nothing else of it, and
/// nothing doubted.
pub fn choice(text: &str) -> Option<Letters> {
    if doubts(text) {
        return None;
    }
    let words: Vec<Word> = words(text).collect();
    // A label chooses nothing in prose, but may contradict.
    let first = candidates(text).next()?;
    if chooses_again(text, first) {
        return None;
    }
    let mut letters = candidates(text).chain(labels(text)).chain(capitals(text));
    let clear = words.iter().enumerate().all(|(at, word)| {
        let same = single(word.core).filter(|c| word.held || latin(*c).is_ascii_uppercase());
        same.and_then(Letters::one) != Some(first) || chosen(&words, at)
    });
    (clear && letters.all(|other| other == first)).then_some(first)
}
