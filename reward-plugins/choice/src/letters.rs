//! Letters of options, and answers that are little more than a letter.

use rlhost_verifier::fold::{fold, latin};
use rlhost_verifier::numeral::{self, Style};
use std::fmt;

/// A set of letters A to Z, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letters(u32);

impl Letters {
    /// The set of one letter; nothing for another character.
    pub fn one(c: char) -> Option<Self> {
        let c = latin(c).to_ascii_uppercase();
        c.is_ascii_uppercase()
            .then(|| Self(1 << (c as u32 - 'A' as u32)))
    }

    /// The letter of the option at `index`, from 0.
    pub fn of_index(index: usize) -> Option<Self> {
        (index < 26).then(|| Self(1 << index))
    }

    /// Both sets together; nothing where a letter is in both.
    pub fn with(self, other: Self) -> Option<Self> {
        (self.0 & other.0 == 0).then_some(Self(self.0 | other.0))
    }

    /// Whether all letters of the other set are in this one.
    pub fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The index of the last letter, from 0.
    pub fn last_index(self) -> usize {
        31 - self.0.leading_zeros() as usize
    }
}

impl fmt::Display for Letters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        ('A'..='Z')
            .enumerate()
            .filter(|(index, _)| self.0 & (1 << index) != 0)
            .try_for_each(|(_, letter)| write!(formatter, "{letter}"))
    }
}

/// An answer with full-width and styled letters as plain ones, and without emphasis, LaTeX text commands and `$`.
pub fn plain(text: &str) -> String {
    let mut text = fold(text);
    for command in [
        "\\textbf",
        "\\textit",
        "\\textrm",
        "\\text",
        "\\mathrm",
        "\\mathbf",
        "\\mathit",
        "\\boldsymbol",
        "\\bm",
        "\\bf",
        "\\rm",
        "\\left",
        "\\right",
    ] {
        text = text.replace(command, "");
    }
    // Spaces of LaTeX: `\textbf{(C)}\ 12`, `(C)\quad 12`.
    for space in ["\\qquad", "\\quad", "\\,", "\\;", "\\:", "\\ ", "~"] {
        text = text.replace(space, " ");
    }
    for (bracket, plain) in [
        ("【", "["),
        ("】", "]"),
        ("「", "\""),
        ("」", "\""),
        ("。", ". "),
        ("．", ". "),
    ] {
        text = text.replace(bracket, plain);
    }
    text.retain(|c| !matches!(c, '*' | '_' | '`' | '$' | '{' | '}' | '\\'));
    text.trim().to_owned()
}

/// Text without brackets and quotes around it and stops after it. A stop before it is none (`!B`).
fn bare(text: &str) -> &str {
    let around = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"' | '\'');
    text.trim_start_matches(around)
        .trim_end_matches(|c: char| around(c) || matches!(c, '.' | ',' | ':' | ';' | '!'))
}

/// Whether a character is Chinese.
pub fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}')
}

/// An answer that is nothing but letters: `B`, `(b)`, `A, C`, `A/C`, `A and C`, `ACD`. Small letters count where the answer
/// was marked, and only one alone.
pub fn list(text: &str, marked: bool) -> Option<Letters> {
    let text = bare(text);
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.clone().next()) {
        let capital = latin(c).is_ascii_uppercase();
        return Letters::one(c).filter(|_| marked || capital);
    }
    // `B+` is a mark, `A+C` two letters.
    if text.starts_with(['+', '&', ',', ';', '/']) || text.ends_with(['+', '&', '/']) {
        return None;
    }
    let capital = |c: char| Letters::one(c).filter(|_| latin(c).is_ascii_uppercase());
    let mut found: Option<Letters> = None;
    let mut add = |letter: Letters| {
        found = Some(match found {
            Some(found) => found.with(letter)?,
            None => letter,
        });
        Some(())
    };
    let words: Vec<&str> = text
        .split(|c: char| {
            c.is_whitespace()
                || matches!(c, ',' | ';' | '&' | '+' | '/' | '、' | '和' | '与' | '及')
        })
        .map(bare)
        .filter(|word| !word.is_empty() && *word != "and")
        .collect();
    if let [run] = words[..] {
        // A run of letters without anything between them stands for all of them.
        run.chars().try_for_each(|c| add(capital(c)?))?;
        return found;
    }
    for word in words {
        let mut chars = word.chars();
        let letter = capital(chars.next()?)?;
        if chars.next().is_some() {
            return None;
        }
        add(letter)?;
    }
    found
}

/// Splits a label off: `B) a dog`, `(B) a dog`, `B. a dog`, `B: a dog`, `B - a dog`, `B, a dog`, `B 45`, `B 三角形`.
fn label(text: &str) -> Option<(Letters, &str)> {
    let (open, rest) = match text.strip_prefix(['(', '[']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut chars = rest.chars();
    let c = chars.next()?;
    let rest = chars.as_str();
    // `b) 45`
    let closed = rest.starts_with(')');
    let letter = Letters::one(c).filter(|_| open || closed || latin(c).is_ascii_uppercase())?;
    // `A 45 degree angle` and `I, for one,` are words.
    let word = matches!(latin(c), 'A' | 'I');
    let rest = if open {
        rest.strip_prefix([')', ']'])?
    } else {
        // `U.S.` is no label.
        let spaced = |rest: &&str| rest.is_empty() || rest.starts_with(char::is_whitespace);
        rest.strip_prefix([')', '、'])
            .or_else(|| rest.strip_prefix(['.', ':']).filter(spaced))
            .or_else(|| {
                rest.strip_prefix([':', '.'])
                    .filter(|rest| rest.starts_with(is_chinese))
            })
            .or_else(|| {
                rest.strip_prefix(", ")
                    .filter(|rest| latin(c) != 'I' && !crate::prose::doubts(rest))
            })
            .or_else(|| {
                let text = rest.strip_prefix(" (")?.strip_suffix(')')?;
                (!word && text.len() > 1).then_some(text)
            })
            .or_else(|| {
                let text = rest.trim_start();
                let spaced = text.len() < rest.len()
                    && !word
                    && text.starts_with(|c: char| c.is_ascii_digit());
                (spaced || text.starts_with(is_chinese)).then_some(rest)
            })
            .or_else(|| rest.strip_prefix(" - "))?
    };
    let rest = rest.trim();
    (!rest.is_empty()).then_some((letter, rest))
}

/// The text after a label, such as `12` of `(C) 12`.
pub fn labelled_text(text: &str) -> Option<&str> {
    label(text).map(|(_, rest)| rest)
}

/// Whether two texts are the same option's, or the same number.
pub fn same_text(answer: &str, wanted: &str) -> bool {
    let number = |text: &str| numeral::only(text, Style::default());
    !normal(wanted).is_empty()
        && (normal(answer) == normal(wanted)
            || number(answer).is_some_and(|given| number(wanted) == Some(given)))
}

/// An answer that is a label with its text, which must neither name another letter nor be another option's text.
pub fn labelled(text: &str, options: &[String]) -> Option<Letters> {
    let (letter, rest) = label(text)?;
    // An option's own text may have any words.
    if written_out(rest, options) == Some(letter) {
        return Some(letter);
    }
    if rest.contains(['不', '错', '非', '没', '或']) && rest.contains(is_chinese) {
        return None;
    }
    // `B. d`
    let mut chars = bare(rest).chars();
    if chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none() {
        return None;
    }
    let mut capitals = crate::prose::capitals(rest);
    if crate::prose::has_letters(rest) || crate::prose::turns(rest) || capitals.next().is_some() {
        return None;
    }
    // Where the options are known, a text that is none of them is an explanation, and may not be doubtful.
    if !options.is_empty() && crate::prose::doubts(rest) {
        return None;
    }
    match written_out(rest, options) {
        Some(other) if other != letter => None,
        _ => Some(letter),
    }
}

/// The letter of the only option whose text this is.
pub fn written_out(text: &str, options: &[String]) -> Option<Letters> {
    let text = normal(text);
    let mut equal = options
        .iter()
        .enumerate()
        .filter(|(_, option)| normal(option) == text);
    let (index, _) = equal.next()?;
    if equal.next().is_some() {
        return None;
    }
    Letters::of_index(index)
}

/// An option's text without its own label.
pub fn option_text(text: &str, index: usize) -> String {
    let text = plain(text);
    match label(&text) {
        Some((letter, rest)) if Some(letter) == Letters::of_index(index) => rest.to_owned(),
        _ => text,
    }
}

/// Lower case, single spaces, without stops and quotes around it.
fn normal(text: &str) -> String {
    let words: Vec<String> = bare(text)
        .split_whitespace()
        .map(str::to_lowercase)
        .collect();
    words.join(" ")
}
