//! Takes a text apart: its lines, sentences and clauses, without what a sentence denies or gives as a reason.

use crate::letters::{self, Letters};
use rlhost_verifier::fold::latin;

/// Words at the start of a sentence with which it corrects what precedes.
const CORRECTING: [&str; 8] = [
    "actually",
    "wait",
    "no",
    "correction",
    "oops",
    "sorry",
    "hmm",
    "edit",
];
/// The lines of a text; a line that ends with a colon goes on in the next one.
pub(crate) fn joined(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text
        .lines()
        .map(|line| line.trim().trim_start_matches(['#', '>', '-', '•']).trim())
    {
        if line.is_empty() {
            continue;
        }
        match found.last_mut().filter(|last| last.ends_with(':')) {
            Some(last) => {
                last.push(' ');
                last.push_str(line);
            }
            None => found.push(line.to_owned()),
        }
    }
    found
}

/// The sentences of a line. The stop of a label ends none: `B. a dog` at the start, `is B. 45`.
pub(crate) fn sentences(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in line.char_indices() {
        let end = at + c.len_utf8();
        let spaced = line[end..].is_empty() || line[end..].starts_with(char::is_whitespace);
        // Chinese has no space after its stops.
        let chinese = c != '.' && line.contains(letters::is_chinese);
        if matches!(c, '.' | '!' | '?' | ';') && (spaced || chinese) {
            // `Ans. B`
            if line[start..at].trim().eq_ignore_ascii_case("ans") {
                continue;
            }
            found.push(line[start..end].trim());
            start = end;
        }
        // A clause in Chinese stands for itself: `选项A错误,所以选B`.
        if c == ',' && line[end..].trim_start().starts_with(letters::is_chinese) {
            found.push(line[start..at].trim());
            start = end;
        }
    }
    found.push(line[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// The words of a sentence in small letters, without punctuation around them.
pub(crate) fn lower(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether a word is one letter, that of an option.
pub(crate) fn letter(word: &str) -> Option<Letters> {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric());
    let mut chars = core.chars();
    let c = chars.next().filter(|_| chars.next().is_none())?;
    Letters::one(c).filter(|_| latin(c).is_ascii_uppercase())
}

/// A sentence without the letters that it denies, `B, not C`, `not A, so B`, `rather than C`; and whether it denied any.
pub(crate) fn without_denied(sentence: &str) -> (String, bool) {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut denied = false;
    let mut at = 0;
    while at < words.len() {
        let word = words[at]
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        let next = words.get(at + 1).map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        });
        let length = match (word.as_str(), next.as_deref()) {
            ("not" | "neither" | "over", _) => 1,
            ("rather", Some("than")) | ("instead", Some("of")) => 2,
            _ => 0,
        };
        let mut end = at + length;
        let mut any = false;
        while length > 0 && end < words.len() {
            let joins = any && matches!(words[end], "or" | "and" | "nor");
            if letter(words[end]).is_none() && !joins {
                break;
            }
            any |= letter(words[end]).is_some();
            // The comma after a denied letter ends the denial.
            let stop = words[end].ends_with([',', ';', '.']);
            end += 1;
            if stop {
                break;
            }
        }
        if any {
            denied = true;
            at = end;
        } else {
            kept.push(words[at]);
            at += 1;
        }
    }
    // `B, not C` and `B and not C` leave a comma and a word that joins.
    if denied {
        while kept
            .last()
            .is_some_and(|word| matches!(*word, "and" | "but" | ","))
        {
            kept.pop();
        }
        if kept
            .first()
            .is_some_and(|word| matches!(word.to_lowercase().as_str(), "but" | "so" | "and"))
            && kept.len() > 1
        {
            kept.remove(0);
        }
    }
    (kept.join(" "), denied)
}

/// A sentence without the word with which it begins to correct (`Actually, ANSWER: B`), and whether it has one.
pub(crate) fn corrected(sentence: &str) -> (&str, bool) {
    let Some((first, rest)) = sentence.split_once([',', ':', '-', ' ']) else {
        return (sentence, false);
    };
    let word = first.trim().to_lowercase();
    if CORRECTING.contains(&word.as_str()) {
        (rest.trim_start_matches([',', ':', '-', ' ']), true)
    } else {
        (sentence, false)
    }
}

/// A sentence up to the reason that it gives after a letter: `B, because A is a circle`.
pub(crate) fn before_reason(sentence: &str) -> &str {
    let mut end = 0;
    let mut named = false;
    for word in sentence.split_inclusive(' ') {
        let core = word.trim().to_lowercase();
        if named
            && matches!(
                core.as_str(),
                "because" | "since" | "as" | "where" | "which"
            )
        {
            return sentence[..end].trim_end_matches([' ', ',']);
        }
        named |= letter(word).is_some();
        end += word.len();
    }
    sentence
}

/// What follows a word at the start of a text, in any case.
pub(crate) fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text
        .get(..word.len())
        .filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = &text[head.len()..];
    (rest.is_empty() || !rest.starts_with(char::is_alphanumeric)).then_some(rest)
}
