//! What an answer says of its letters behind the value: `2k\pi, k \in \mathbb{Z}`, `x + 1 \text{ for all real } x`.
//!
//! Such a qualifier is taken off, and what it says is compared where both sides say it. A tail counts as one only where every
//! word of it is of a small vocabulary without denials and conditions, and names a letter of the value.

use crate::canonical::{Percent, canonical};
use crate::exponent::Exponent;
use crate::number::{Budget, Rational};
use crate::poly::{Atom, Poly, Quotient};
use crate::syntax::{Node, Relation};
use std::borrow::Cow;

/// What a letter may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `for all x`
    Any,
    Constant,
    Real,
    Rational,
    Complex,
    Integer,
    Natural,
    /// Positive integers.
    Positive,
}

impl Class {
    /// May both be said of the same letter?
    fn agrees(self, other: Self) -> bool {
        let wide = |class: Self| matches!(class, Self::Any | Self::Constant | Self::Real);
        self == other
            || wide(self) && wide(other)
            || self == Self::Any
            || other == Self::Any
            // Whether zero is a natural number is a matter of books.
            || matches!((self, other), (Self::Natural, Self::Positive) | (Self::Positive, Self::Natural))
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Integer | Self::Natural | Self::Positive)
    }
}

/// A value, and what is said of its letters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Qualified<'a> {
    pub(crate) value: Cow<'a, str>,
    pub(crate) letters: Vec<String>,
    pub(crate) class: Class,
}

impl Qualified<'_> {
    /// The letter that counts the members of a family.
    pub(crate) fn index(&self) -> Option<&str> {
        match self.letters.as_slice() {
            [letter] if self.class.is_whole() => Some(letter),
            _ => None,
        }
    }
}

/// Words of a qualifier that say nothing of the class.
const WORDS: [&str; 25] = [
    "for",
    "all",
    "any",
    "every",
    "each",
    "some",
    "where",
    "with",
    "is",
    "are",
    "be",
    "being",
    "a",
    "an",
    "arbitrary",
    "and",
    "in",
    "number",
    "numbers",
    "value",
    "values",
    "of",
    "here",
    "can",
    "the",
];
/// Words that may begin one.
const LEADS: [&str; 5] = ["for", "where", "with", "here", "all"];

/// Takes the qualifier off an answer; nothing where it has none.
pub(crate) fn split(text: &str) -> Option<Qualified<'_>> {
    let marks = [
        "\\in", "∈", "for", "where", "with", "forall", "∀", "integer", "real", "数", "approx",
    ];
    if text.len() > 400 || !marks.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    if let Some(members) = members(text) {
        return Some(members);
    }
    let starts = text.char_indices().filter(|(at, c)| {
        let rest = &text[*at..];
        matches!(c, ',' | ';' | '(' | ' ' | '，')
            || ["\\text", "\\quad", "\\qquad", "\\forall", "\\ ", "\\left("]
                .iter()
                .any(|mark| rest.starts_with(mark))
            || *c == '∀'
    });
    for (at, _) in starts.take(40) {
        let value = text[..at]
            .trim_end_matches([' ', ',', ';', '~', '\\'])
            .trim_end();
        let (value, tail) = match in_set(value, &text[at..]) {
            Some((value, tail)) => (Cow::Owned(value), tail),
            None => (Cow::Borrowed(value), &text[at..]),
        };
        // No word of the value is cut in two.
        if value.is_empty() || value.matches('{').count() != value.matches('}').count() {
            continue;
        }
        let Some((letters, class)) = qualifier(tail) else {
            continue;
        };
        let named = without_commands(&value);
        if letters.iter().all(|letter| named.contains(letter.as_str())) {
            return Some(Qualified {
                value,
                letters,
                class,
            });
        }
    }
    None
}

/// The members of a set by their form, `\{2k\pi \mid k \in \mathbb{Z}\}`, `\{x \mid x = 2k\pi, k \in \mathbb{Z}\}`.
fn members(text: &str) -> Option<Qualified<'_>> {
    let text = text.trim();
    let inner = text.strip_prefix("\\left").unwrap_or(text);
    let inner = inner.strip_prefix("\\{")?.strip_suffix("\\}")?;
    let inner = inner.strip_suffix("\\right").unwrap_or(inner);
    let (form, tail) = ["\\mid", "\\vert", "|", ":"]
        .iter()
        .find_map(|mark| inner.split_once(mark))?;
    let form = form.trim();
    if is_letter(form) {
        let found = split(tail.trim_start())?;
        let named = found.value.strip_prefix(form)?.trim_start();
        return (named.starts_with('=') && found.class.is_whole()).then_some(found);
    }
    let (letters, class) = qualifier(tail)?;
    let named = without_commands(form);
    let all = letters.iter().all(|letter| named.contains(letter.as_str()));
    (all && class.is_whole() && !form.contains("\\in")).then_some(Qualified {
        value: Cow::Borrowed(form),
        letters,
        class,
    })
}

/// A value without its commands, whose letters are no names: the n of `\sin`.
pub(crate) fn without_commands(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        out.push(' ');
        rest = after.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    }
    out.push_str(rest);
    out
}

/// A qualifier inside of the braces of a set, behind them: `\{x \mid x \ne k\pi, k \in \mathbb{Z}\}`.
fn in_set<'t>(value: &str, tail: &'t str) -> Option<(String, &'t str)> {
    let inner = tail.trim_end().strip_suffix("\\}")?;
    let inner = inner.strip_suffix("\\right").unwrap_or(inner);
    let opened = value.matches("\\{").count() == value.matches("\\}").count() + 1;
    let close = if value.contains("\\left\\{") {
        "\\right\\}"
    } else {
        "\\}"
    };
    opened.then(|| (format!("{value}{close}"), inner))
}

/// The letters that a tail names, and what it says of them.
fn qualifier(tail: &str) -> Option<(Vec<String>, Class)> {
    let tail = spelled(tail);
    let words: Vec<&str> = tail.split_whitespace().collect();
    if words == ["approximately"] || words == ["approx."] || words == ["approx"] {
        return Some((Vec::new(), Class::Any));
    }
    let (mut letters, mut class, mut positive) = (Vec::new(), None, false);
    let mut said = None;
    for (i, word) in words.iter().enumerate() {
        let lower = word.to_lowercase();
        let found = match lower.as_str() {
            "integer" | "integers" | "whole" => Some(Class::Integer),
            "natural" => Some(Class::Natural),
            "real" | "reals" => Some(Class::Real),
            "rational" => Some(Class::Rational),
            "complex" => Some(Class::Complex),
            "constant" | "constants" => Some(Class::Constant),
            "positive" => {
                positive = true;
                None
            }
            name if name.starts_with('\\') => Some(said_of(word)?),
            // The article is a letter where it stands before a verb.
            "a" if words
                .get(i + 1)
                .is_some_and(|next| matches!(*next, "in" | "is")) =>
            {
                letters.push((*word).to_owned());
                None
            }
            name if WORDS.contains(&name) => None,
            _ if is_letter(word) => {
                if !letters.iter().any(|letter| letter == word) {
                    letters.push((*word).to_owned());
                }
                None
            }
            _ => return None,
        };
        // `real constant`
        if let Some(found) = found
            && !(found == Class::Constant && class.is_some())
        {
            said = class.replace(found);
        }
    }
    if said.is_some() && said != class {
        return None;
    }
    let first = words.first()?.to_lowercase();
    let leads = LEADS.contains(&first.as_str());
    let quantified = words
        .iter()
        .any(|word| matches!(*word, "all" | "any" | "every" | "each" | "some"));
    let begins = leads || is_letter(words[0]) && words.len() > 1;
    if letters.is_empty()
        || letters.len() > 4
        || !begins
        || class.is_none() && !(leads && quantified)
    {
        return None;
    }
    let class = match class.unwrap_or(Class::Any) {
        Class::Integer if positive => Class::Positive,
        // Which real numbers is more than what is compared here.
        _ if positive => return None,
        class => class,
    };
    Some((letters, class))
}

fn is_letter(word: &str) -> bool {
    let (name, index) = word.split_once('_').unwrap_or((word, ""));
    name.len() == 1
        && name.bytes().all(|b| b.is_ascii_alphabetic())
        && index.len() < 3
        && index.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A set of numbers by its command: `\Z`, with a plus or star for the positive ones.
fn said_of(word: &str) -> Option<Class> {
    Some(match word {
        "\\Z" => Class::Integer,
        "\\N" => Class::Natural,
        "\\Z+" | "\\N+" => Class::Positive,
        "\\R" => Class::Real,
        "\\Q" => Class::Rational,
        "\\C" => Class::Complex,
        _ => return None,
    })
}

/// A tail in words with spaces between, sets of numbers as `\Z`.
fn spelled(tail: &str) -> String {
    let mut out = tail.to_owned();
    for set in ["Z", "N", "R", "Q", "C"] {
        for font in ["\\mathbb", "\\mathbf", "\\Bbb", "\\mathrm", "\\bf"] {
            for written in [
                format!("{font}{{{set}}}"),
                format!("{font} {set}"),
                format!("{font}{set}"),
            ] {
                if out.contains(&written) {
                    out = out.replace(&written, &format!(" \\{set}"));
                }
            }
        }
        // A bare capital behind the sign of membership.
        for sign in ["\\in ", "\\in", "∈", "∈ "] {
            out = out.replace(&format!("{sign}{set}"), &format!(" in \\{set}"));
        }
        for sign in [
            "^+", "^*", "^{+}", "^{*}", "_+", "_{+}", "_{>0}", "^{\\ast}", "^\\ast",
        ] {
            out = out.replace(&format!("\\{set}{sign}"), &format!("\\{set}+"));
        }
    }
    for (written, word) in [
        ("ℤ", " \\Z "),
        ("ℕ", " \\N "),
        ("ℝ", " \\R "),
        ("ℚ", " \\Q "),
        ("\\text{", " "),
        ("\\textrm{", " "),
        ("\\mbox{", " "),
        ("\\forall", " for all "),
        ("∀", " for all "),
        ("\\in ", " in "),
        ("\\in\\", " in \\"),
        ("∈", " in "),
        ("其中", " where "),
        ("正整数", " positive integer "),
        ("整数", " integer "),
        ("自然数", " natural "),
        ("实数", " real "),
        ("常数", " constant "),
        ("任意", " any "),
        ("为", " is "),
        ("是", " is "),
        ("\\quad", " "),
        ("\\qquad", " "),
        ("\\left(", " "),
        ("\\right)", " "),
        ("\\,", " "),
        ("\\;", " "),
        ("\\ ", " "),
        ("\\!", " "),
    ] {
        if out.contains(written) {
            out = out.replace(written, word);
        }
    }
    out.replace(['{', '}', '$', ',', ';', '(', ')', '~', '，'], " ")
}

/// May the qualifiers of an answer and of a reference stand beside each other?
pub(crate) fn agree(a: &Qualified<'_>, b: &Qualified<'_>) -> bool {
    a.class.agrees(b.class)
}

/// Is the same said of the same letters? A whole number by another name is another letter.
pub(crate) fn same_letters(a: &Qualified<'_>, b: &Qualified<'_>) -> bool {
    !a.class.is_whole() && !b.class.is_whole()
        || a.letters.is_empty()
        || b.letters.is_empty()
        || a.letters == b.letters
}

/// The letter that counts the members of a family in each of two answers, where both have one.
pub(crate) fn indices<'q>(
    a: Option<&'q Qualified<'_>>,
    b: Option<&'q Qualified<'_>>,
) -> Option<(&'q str, &'q str)> {
    Some((a?.index()?, b?.index()?))
}

/// Are two answers the same family of values, the index of each being any whole number: `π/4 + kπ` and `5π/4 + nπ`?
pub(crate) fn same_family(a: &Node, own: &str, b: &Node, index: &str, budget: &mut Budget) -> bool {
    let mut parts = |node: &Node, name: &str| -> Option<(Quotient, Quotient)> {
        let value = canonical(value_of(node), Percent::Value, budget).ok()?;
        let value = Some(value).filter(Quotient::is_whole)?;
        let (mut start, mut step) = (Poly::default(), Poly::default());
        for (mono, coefficient) in &value.num.terms {
            let at = mono
                .iter()
                .position(|(atom, _)| matches!(atom, Atom::Symbol(symbol) if symbol == name));
            match at {
                None => start.terms.insert(mono.clone(), coefficient.clone()),
                Some(at) if mono[at].1 == Exponent::ONE => {
                    let mut rest = mono.clone();
                    rest.remove(at);
                    step.terms.insert(rest, coefficient.clone())
                }
                Some(_) => return None,
            };
        }
        let free = |poly: &Poly| {
            poly.terms
                .keys()
                .flatten()
                .all(|(atom, _)| !matches!(atom, Atom::Symbol(_)))
        };
        (free(&start) && free(&step) && !step.is_zero()).then(|| (start.into(), step.into()))
    };
    let (Some((start, step)), Some((other, same))) = (parts(a, own), parts(b, index)) else {
        return false;
    };
    let whole = |value: Option<Rational>| value.is_some_and(|value| value.is_integer());
    let ratio = step
        .div(&same, budget)
        .ok()
        .and_then(|ratio| ratio.as_rational());
    let shift = start
        .sub(&other, budget)
        .and_then(|shift| shift.div(&same, budget))
        .ok()
        .map(|shift| {
            if shift.num.is_zero() {
                Some(Rational::zero())
            } else {
                shift.as_rational()
            }
        });
    ratio.is_some_and(|ratio| ratio.abs() == Rational::one()) && whole(shift.flatten())
}

/// The side of `x = …` that is a value.
pub(crate) fn value_of(node: &Node) -> &Node {
    match node {
        Node::Relation(name, rest) => match (name.as_ref(), rest.as_slice()) {
            (Node::Symbol(_), [(Relation::Equal, value)]) => value,
            _ => node,
        },
        node => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_are_taken_off() {
        for (text, expected) in [
            (
                "2k\\pi, k \\in \\mathbb{Z}",
                Some(("2k\\pi", Class::Integer)),
            ),
            ("x+1 \\text{ for all real } x", Some(("x+1", Class::Real))),
            (
                "x+1 \\text{ for all } x \\in \\mathbb{R}",
                Some(("x+1", Class::Real)),
            ),
            (
                "cx \\text{ where } c \\text{ is a constant}",
                Some(("cx", Class::Constant)),
            ),
            ("2n\\ (n\\in\\mathbf{N}^*)", Some(("2n", Class::Positive))),
            ("2kπ (k为整数)", Some(("2kπ", Class::Integer))),
            ("12 \\text{ (approximately)}", Some(("12", Class::Any))),
            ("x+1 \\text{ for } x > 0", None),
            ("x+1 \\text{ for no } x", None),
            ("k \\in \\mathbb{Z}", None),
            ("3 \\text{ for all real } x", None),
            ("x \\in (1, 2)", None),
            ("12 \\text{ (wrong)}", None),
        ] {
            let found = split(text);
            let found = found.as_ref().map(|found| (&*found.value, found.class));
            assert_eq!(found, expected, "{text}");
        }
    }
}
