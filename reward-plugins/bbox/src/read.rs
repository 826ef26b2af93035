//! Finds the box of an answer.
//!
//! A box is four numbers in brackets: `[1, 2, 3, 4]`, `(1, 2, 3, 4)`, `(1, 2), (3, 4)`, `[[1, 2], [3, 4]]`, as the value
//! of `"bbox_2d"`, or between `<|box_start|>` and `<|box_end|>`. Numbers are separated by commas, spaces or both.

use crate::geometry::Box2;
use rlhost_verifier::fold::fold;
use rlhost_verifier::retraction;
use std::ops::Range;

/// Answers of more bytes than this have no box.
const MAX_BYTES: usize = 100_000;

/// What four numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Left, top, right, bottom.
    Xyxy,
    /// Left, top, width, height.
    Xywh,
}

impl Layout {
    /// The box of four numbers; nothing where they are none.
    pub fn make(self, [a, b, c, d]: [f64; 4]) -> Option<Box2> {
        match self {
            Self::Xyxy => Box2::new(a, b, c, d),
            Self::Xywh => Box2::new(a, b, a + c, b + d),
        }
    }
}

/// The only box of an answer, or the same one several times; nothing where there is none, several different ones, or
/// four numbers that are no box.
pub fn only(text: &str, layout: Layout) -> Option<Box2> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut found: Option<Box2> = None;
    for numbers in quadruples(&brackets(text))? {
        let next = layout.make(numbers)?;
        if found.is_some_and(|found| found != next) {
            return None;
        }
        found = Some(next);
    }
    found
}

/// A text [folded](fold), with the brackets and commas of Chinese text as plain ones: `【10，20、110，220】`.
///
/// ```
/// use bbox::read::brackets;
/// assert_eq!(brackets("【１０，20、110，220】"), "[10,20,110,220]");
/// ```
pub fn brackets(text: &str) -> String {
    fold(text)
        .chars()
        .map(|c| match c {
            '【' | '〔' | '〖' | '「' | '〈' => '[',
            '】' | '〕' | '〗' | '」' | '〉' => ']',
            '、' => ',',
            c => c,
        })
        .collect()
}

/// All groups of four numbers in brackets. Nothing where a bracket that begins with a number holds anything else than
/// two or four numbers, or pairs don't come by twos: what such brackets mean would be a guess.
fn quadruples(text: &str) -> Option<Vec<[f64; 4]>> {
    let mut found = Vec::new();
    let mut pair: Option<[f64; 2]> = None;
    for group in groups(text)? {
        match group[..] {
            [left, top, right, bottom] if pair.is_none() => found.push([left, top, right, bottom]),
            [x, y] => match pair.take() {
                Some([left, top]) => found.push([left, top, x, y]),
                None => pair = Some([x, y]),
            },
            _ => return None,
        }
    }
    pair.is_none().then_some(found)
}

/// The numbers of each bracket that begins with a number, round or square, one to four of them. Nothing where such a
/// bracket is not closed by its like, holds anything else, or is denied.
pub fn groups(text: &str) -> Option<Vec<Vec<f64>>> {
    let mut found = Vec::new();
    let mut places = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let open = bytes[at];
        at += 1;
        if !matches!(open, b'[' | b'(') {
            continue;
        }
        let close = if open == b'[' { b']' } else { b')' };
        let end = bytes[at..]
            .iter()
            .position(|b| matches!(b, b'[' | b'(' | b']' | b')'));
        let inner = end.map_or("", |end| &text[at..at + end]);
        if !inner.contains(|c: char| c.is_ascii_digit()) || !starts_number(inner) {
            continue;
        }
        let end = at + end?;
        if bytes[end] != close || doubted(&text[..at - 1], &text[end + 1..]) {
            return None;
        }
        found.push(numbers(inner)?);
        places.push(at - 1..end + 1);
        at = end + 1;
    }
    (!denied(text, &places)).then_some(found)
}

/// Words with which a sentence does not say that its box is the answer.
const DENYING: [&str; 61] = [
    "not",
    "cannot",
    "cant",
    "isnt",
    "never",
    "neither",
    "nor",
    "except",
    "excluding",
    "excluded",
    "excludes",
    "besides",
    "without",
    "outside",
    "beyond",
    "wrong",
    "incorrect",
    "false",
    "untrue",
    "invalid",
    "impossible",
    "mistake",
    "error",
    "rejected",
    "instead",
    "rather",
    "unlike",
    "opposite",
    "ignore",
    "avoid",
    "maybe",
    "perhaps",
    "possibly",
    "might",
    "could",
    "unless",
    "doubt",
    "guess",
    "trap",
    "no",
    "none",
    "nothing",
    "nowhere",
    "twice",
    "half",
    "double",
    "mirror",
    "mirrored",
    "shifted",
    "scaled",
    "minus",
    "plus",
    "complement",
    "refuse",
    "hardly",
    "neg",
    "barely",
    "scarcely",
    "lacks",
    "fails",
    "before",
];

/// What leads to another place than that of the box behind it.
const BESIDE: [&str; 17] = [
    "near",
    "beside",
    "above",
    "below",
    "under",
    "over",
    "behind",
    "past",
    "left of",
    "right of",
    "next to",
    "close to",
    "away from",
    "half of",
    "top of",
    "opposite to",
    "far from",
];

/// The only words that may follow a box at once, without a stop between them.
const FOLLOWING: [&str; 26] = [
    "is",
    "contains",
    "contain",
    "shows",
    "holds",
    "encloses",
    "marks",
    "bounds",
    "covers",
    "surrounds",
    "for",
    "in",
    "at",
    "and",
    "or",
    "where",
    "with",
    "as",
    "of",
    "on",
    "again",
    "around",
    "which",
    "the",
    "to",
    "from",
];
/// The only words that may follow `is` there.
const BEING: [&str; 13] = [
    "the", "where", "a", "an", "in", "my", "around", "correct", "right", "on", "at", "what", "its",
];

/// Words that take back what was said, in any sentence after it.
const RETRACTING: [&str; 6] = ["wrong", "incorrect", "false", "mistake", "ignore", "untrue"];

/// Is a bracket part of arithmetic, denied by a word of its sentence, taken back by one after it, or asked:
/// `-[1, 2, 3, 4]`, `it cannot be [1, 2, 3, 4]`, `[1, 2, 3, 4] is wrong`, `maybe [1, 2, 3, 4]?`?
fn doubted(before: &str, after: &str) -> bool {
    let sign = before.ends_with([
        '-', '+', '!', '~', '¬', '±', '≠', '/', '×', '√', '|', '^', '%',
    ]) && !before.ends_with("|>");
    let end = before.trim_end();
    let beside: String = end
        .char_indices()
        .rev()
        .nth(15)
        .map_or(end, |(at, _)| &end[at..])
        .to_lowercase();
    let beside = BESIDE.iter().any(|words| {
        let rest = beside.strip_suffix(words);
        rest.is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
    });
    let term = before.ends_with(|c: char| c.is_ascii_digit())
        || after.starts_with(['+', '^', '×', '/', '±', '%', '!'])
        || (after.starts_with('-') && after[1..].starts_with(|c: char| c.is_ascii_digit()));
    sign || term || beside || said(after) || after.trim_start().starts_with('?')
}

/// Does a word that follows a box at once say something else of it than what it is of?
fn said(after: &str) -> bool {
    let text = after.strip_prefix(' ').unwrap_or_default();
    let mut words = text.split([' ', '\n']).map(|word| {
        word.trim_end_matches(['.', ',', ';', ':', '!'])
            .to_lowercase()
    });
    let first = words.next().unwrap_or_default();
    if first.is_empty() || !first.chars().all(char::is_alphabetic) {
        return false;
    }
    let second = words.next().unwrap_or_default();
    !FOLLOWING.contains(&first.as_str()) || (first == "is" && !BEING.contains(&second.as_str()))
}

/// The length of the quoted key or value that a text begins with.
fn label(before: &str, rest: &str) -> Option<usize> {
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let length = 2 + rest[1..].find(quote)?;
    let value = before.trim_end().ends_with([':', '=']);
    (value || rest[length..].trim_start().starts_with(':')).then_some(length)
}

/// Do the words around boxes or points deny them? `places` are where they stand. A quoted key or value, and what is
/// between the tokens of an object's name, is a label, and labels may have any words.
pub fn denied(text: &str, places: &[Range<usize>]) -> bool {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | ';' | '\n' | '。');
    let Some(last) = places.last() else {
        return false;
    };
    let mut sentence = String::new();
    let mut holds = false;
    let mut at = 0;
    let mut next = places.iter();
    let mut place = next.next();
    let mut sentences = Vec::new();
    let last_name = text.rfind("<|object_ref_end|>");
    for (index, c) in text.char_indices() {
        if index < at {
            continue;
        }
        let rest = &text[index..];
        if let Some(range) = place.filter(|range| range.start == index) {
            holds = true;
            at = range.end;
            place = next.next();
            sentence.push(' ');
        } else if last_name.is_some_and(|end| index < end)
            && rest.starts_with("<|object_ref_start|>")
        {
            at = index + rest.find("<|object_ref_end|>").unwrap_or(1);
        } else if let Some(length) = label(&text[..index], rest) {
            at = index + length;
            sentence.push(' ');
        } else if ends(c) {
            sentences.push((
                std::mem::take(&mut sentence),
                std::mem::take(&mut holds),
                index,
            ));
        } else {
            sentence.push(c);
        }
    }
    sentences.push((sentence, holds, text.len()));
    sentences.iter().any(|(sentence, holds, end)| {
        let later = *end >= last.end && !holds;
        if (*holds || later) && denied_in_chinese(sentence, *holds) {
            return true;
        }
        sentence
            .split(|c: char| !(c.is_alphabetic() || c == '\''))
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .any(|word| {
                let word = word.as_str();
                (*holds && (DENYING.contains(&word) || word.ends_with("n't")))
                    || (later && RETRACTING.contains(&word))
                    || ((*holds || later) && retraction::takes_back(word))
            })
    })
}

/// Whether a Chinese sentence that holds the box denies or doubts it, or one after it takes it back.
fn denied_in_chinese(sentence: &str, holds: bool) -> bool {
    const DENYING: [&str; 9] = [
        "不", "没", "非", "或者", "可能", "也许", "除了", "以外", "吗",
    ];
    const BACK: [&str; 5] = ["错", "误", "不对", "更正", "撤回"];
    BACK.iter().any(|word| sentence.contains(word))
        || (holds && DENYING.iter().any(|word| sentence.contains(word)))
}

fn starts_number(text: &str) -> bool {
    text.trim_start()
        .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
}

/// The numbers of a list; nothing where something else is in it.
fn numbers(text: &str) -> Option<Vec<f64>> {
    let mut found = Vec::new();
    for item in text.split(',') {
        let mut empty = true;
        for word in item.split_whitespace() {
            // `inf`, `nan` and the like are numbers to Rust.
            if !word
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
            {
                return None;
            }
            found.push(word.parse::<f64>().ok().filter(|n| n.is_finite())?);
            empty = false;
        }
        if empty || found.len() > 4 {
            return None;
        }
    }
    Some(found)
}
