//! Which line of a response without a mark is its answer.

use crate::retraction;

/// So many lines after the answer are looked at.
const MAX_AFTER: usize = 12;
/// Words with which a short sentence denies what was said before it, or doubts it.
const DENYING: [&str; 26] = [
    "not",
    "no",
    "never",
    "nope",
    "wrong",
    "incorrect",
    "false",
    "untrue",
    "mistake",
    "error",
    "wait",
    "actually",
    "instead",
    "rather",
    "but",
    "however",
    "or",
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "sorry",
    "oops",
    "correction",
    "joke",
    "guess",
];
/// Words of a sentence that speaks to the reader.
const COURTEOUS: [&str; 6] = ["you", "your", "you'd", "hope", "happy", "please"];

/// What follows `####` on the last line that begins with it; nothing where that line is a heading with text after it.
///
/// ```
/// use rlhost_verifier::lines::hashed;
/// assert_eq!(hashed("3 * 6 = 18\n#### 18\nI hope this helps!"), Some("18"));
/// assert_eq!(hashed("#### Step 1\nWe add."), None);
/// ```
pub fn hashed(text: &str) -> Option<&str> {
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    if let Some((_, tail)) = last.rsplit_once("####") {
        return Some(tail);
    }
    let line = text
        .lines()
        .rev()
        .find_map(|line| line.trim_start().strip_prefix("####"))?;
    let answer = line.trim();
    let word = |word: &str| word.chars().filter(char::is_ascii_alphabetic).count() > 3;
    let heading =
        answer.split_whitespace().any(word) || answer.ends_with(':') || answer.contains(". ");
    (!answer.is_empty() && !heading).then_some(answer)
}

/// The last line that is not empty, but for lines that are `mute` and take nothing back.
///
/// ```
/// use rlhost_verifier::lines::last;
/// let mute = |line: &str| !line.contains(char::is_numeric);
/// assert_eq!(last("It is 12.\n\nI hope this helps!", mute), Some("It is 12."));
/// assert_eq!(last("It is 12.\nThat is wrong.", mute), Some("That is wrong."));
/// ```
pub fn last(text: &str, mute: impl Fn(&str) -> bool) -> Option<&str> {
    let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    let last = lines.next()?;
    if !(mute(last) && aside(last)) {
        return Some(last);
    }
    for line in lines.take(MAX_AFTER) {
        if !mute(line) {
            return Some(line);
        }
        if !aside(line) {
            break;
        }
    }
    Some(last)
}

/// The last line that gives an answer by its lead (`The answer is 12.`, `答案：12`), where full sentences follow it that take
/// nothing back: notes and explanations.
///
/// ```
/// use rlhost_verifier::lines::declared;
/// let text = "The answer is 12.\n\nNote that each of the 3 boxes holds 4.";
/// assert_eq!(declared(text), Some("The answer is 12."));
/// assert_eq!(declared("The answer is 12.\nOr 13."), None);
/// ```
pub fn declared(text: &str) -> Option<&str> {
    let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    let mut after = 0;
    loop {
        let line = lines.next()?;
        if crate::layout::is_led(line) {
            return (after > 0).then_some(line);
        }
        let words = line.split_whitespace().count();
        let sentence = words > 3 || line.chars().count() > 8 && !line.is_ascii();
        if !sentence || !aside(line) || after == MAX_AFTER {
            return None;
        }
        after += 1;
    }
}

/// Whether a text after an answer leaves it as it is: no sentence takes back, and none that denies or doubts is short or
/// speaks of `this`, `that` or `it`. A sentence that speaks to the reader is a courtesy.
///
/// ```
/// use rlhost_verifier::lines::aside;
/// assert!(aside("Let me know if you have any questions!"));
/// assert!(aside("The picture shows a dog on a lawn that is not a cat."));
/// assert!(!aside("No, wait."));
/// assert!(!aside("That is not right."));
/// ```
pub fn aside(text: &str) -> bool {
    text.split(['.', '!', '?', ';', '\n', '。', '！', '？', '；'])
        .all(|sentence| {
            let words: Vec<String> = sentence
                .split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')))
                .filter(|word| !word.is_empty())
                .map(|word| word.replace('’', "'").to_lowercase())
                .collect();
            let is = |word: &str, list: &[&str]| list.contains(&word);
            let courteous = words.iter().any(|word| is(word, &COURTEOUS))
                || words
                    .windows(2)
                    .any(|pair| pair[0] == "let" && pair[1] == "me" && words.len() < 8);
            let takes_back = words.iter().any(|word| retraction::takes_back(word));
            let denies = words
                .iter()
                .any(|word| is(word, &DENYING) || word.ends_with("n't"));
            let speaks_of = words.first().is_some_and(|word| {
                is(
                    word,
                    &[
                        "this", "that", "it", "that's", "it's", "i", "wait", "no", "actually",
                        "but", "or", "not", "rather",
                    ],
                )
            });
            let chinese = sentence.contains(['错', '误'])
                || ["不对", "不是", "等等", "更正", "撤回"]
                    .iter()
                    .any(|word| sentence.contains(word));
            let back = words
                .windows(3)
                .any(|w| w[0].starts_with("tak") && w[1..].iter().any(|w| w == "back"))
                || words
                    .iter()
                    .any(|word| is(word, &["strike", "forget", "ignore"]));
            !chinese
                && !takes_back
                && !back
                && (courteous || !(denies && (words.len() <= 4 || speaks_of)))
        })
}
