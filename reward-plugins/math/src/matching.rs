//! Whether one text is the answer that another one is: as mathematics, in words, or letter by letter.

use crate::params::Options;
use crate::qualifier::{Class, Qualified};
use crate::syntax::Node;
use crate::{
    choices, clock, compare, condition, han, labels, layout, lexer, modular, notation, numeral,
    parser, phrases, qualifier, reference, series, sign, text, valueless, words,
};
use rlhost_verifier::fold::folded;
use std::borrow::Cow;

/// A text as it is compared: plain characters, without layout; spaces that may separate thousands stay.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.len() > lexer::MAX_BYTES {
        return unstyled(text);
    }
    let text = match reference::unescaped(text) {
        Cow::Borrowed(text) => unstyled(text),
        Cow::Owned(text) => Cow::Owned(unstyled(&text).into_owned()),
    };
    match text {
        Cow::Borrowed(text) => layout::plain(text),
        Cow::Owned(text) => Cow::Owned(layout::plain(&text).into_owned()),
    }
}

/// Full-width and styled characters as plain ones.
fn unstyled(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let marked = han::choice(text);
    let text = marked.as_deref().unwrap_or(text);
    let one = |c| match c {
        '\u{202f}' | '\u{2009}' => Some(c),
        _ => han::punctuation(c).or_else(|| folded(c)),
    };
    Cow::Owned(text.chars().filter_map(one).collect())
}

/// Is the answer the reference as it stands, or what its words say?
pub fn direct(found: &str, reference: &str, options: &Options) -> f64 {
    if matches(found, reference, options) {
        return 1.0;
    }
    if options.partial {
        shared(found, reference, options)
    } else {
        0.0
    }
}

/// Is the answer `found` the reference?
pub fn matches(found: &str, reference: &str, options: &Options) -> bool {
    let (a, b) = (trimmed(found), trimmed(reference));
    if a.is_empty() {
        return false;
    }
    if a == b {
        // A text that is too long to be read is itself.
        return a.len() > lexer::MAX_BYTES || !valueless::text(a);
    }
    // Between tildes, a text is struck out.
    if a.len().max(b.len()) > lexer::MAX_BYTES {
        return false;
    }
    if !options.work.reads(a.len() + b.len()) || a.matches("~~").count() > 1 {
        return false;
    }
    if let Some(same) = labels::same(a, b, options.ordered) {
        return same;
    }
    if labels::same_choices(a, b, options.ordered) {
        return true;
    }
    // `5 K` may be five thousand; as a temperature it is one where the reference has it, too.
    if thousands(a) && !b.contains('K') && !b.contains("elvin") {
        return false;
    }
    if let Some(right) = as_choice(a, b, options) {
        return right;
    }
    let beside = notation::beside(a, b);
    let a = &*beside;
    if let Some(same) = by_layout(a, b, options) {
        return same;
    }
    match (qualifier::split(a), qualifier::split(b)) {
        (None, None) => {}
        (given, wanted) => return qualified([a, b], given.as_ref(), wanted.as_ref(), options),
    }
    if let Some(same) = numeral::same(a, b) {
        return same;
    }
    let said = [a, b].map(|text| phrases::rewritten(text).map_or(Cow::Borrowed(text), Cow::Owned));
    let (a, b) = (&*said[0], &*said[1]);
    let common = [a, b].map(|text| common_logarithms(text, [a, b]));
    let (a, b) = (&*common[0], &*common[1]);
    let chinese = [a, b].map(|text| han::rewritten(text).unwrap_or(Cow::Borrowed(text)));
    let (a, b) = (&*chinese[0], &*chinese[1]);
    let feet = [a, b].map(|text| feet_and_inches(text).map_or(Cow::Borrowed(text), Cow::Owned));
    let (a, b) = (&*feet[0], &*feet[1]);
    let degrees = [a, b].map(temperature);
    let (a, b) = (&*degrees[0], &*degrees[1]);
    let spaced = [without_spaces(a), without_spaces(b)];
    let a = spaced[0].as_deref().unwrap_or(a);
    let b = spaced[1].as_deref().unwrap_or(b);
    let (mut a, mut b) = (sign::signed(a), sign::signed(b));
    if has_words(&a) || has_words(&b) {
        let normal = [text::normal(&a), text::normal(&b)];
        if let Some(same) = in_words([&a, &b], &normal) {
            return same;
        }
        for (side, normal) in [&mut a, &mut b].into_iter().zip(&normal) {
            if let Some(rewritten) = words::mathematics(normal) {
                *side = rewritten.into();
            }
        }
        // `2 to 3` is a proportion beside one, and else a range.
        if b.contains(':') && a.contains(" to ") {
            a = a.replace(" to ", ":").into();
        }
    }
    let a = priced(&a).map_or(a, Cow::Owned);
    let b = priced(&b).map_or(b, Cow::Owned);
    let repeating = Options {
        decimals: 0,
        ..options.clone()
    };
    let options = if is_repeating(&b) {
        &repeating
    } else {
        options
    };
    match read(&a, &b) {
        Sides::Mathematics(x, y) => compare::equal(&x, &y, options, modular::seed(&a, &b)),
        Sides::Words => {
            let text = text::bare(&a);
            let same = !text.is_empty() && text != "nan" && text == text::bare(&b);
            same && text::marks(&a) == text::marks(&b)
        }
        Sides::Different => false,
    }
}

/// Is an answer the choice that the reference asks for? Nothing where it asks for none, or the answer doesn't name one.
fn as_choice(a: &str, b: &str, options: &Options) -> Option<bool> {
    // A reference that is a capital letter, with or without its text, asks for a choice.
    let asked = |_: &char| b.contains(|c: char| c.is_ascii_uppercase());
    if let Some(letter) = choices::choice(b).filter(asked) {
        let option = choices::option(b);
        let says = |given: Option<&str>| match (given, &option) {
            (Some(given), Some(wanted)) => !contradicts(given, wanted, options),
            _ => true,
        };
        if let Some(chosen) = choices::choice(a) {
            return Some(chosen == letter && says(choices::option(a).as_deref()));
        }
        if let Some((before, chosen)) = choices::labelled_behind(a) {
            let value = option.is_some() || parser::parse(&before).is_ok();
            return Some(chosen == letter && value && says(Some(&before)));
        }
        // `A = 9` says that choice A is 9.
        if let Some((named, value)) = choices::named(a) {
            return Some(named == letter && says(Some(value)));
        }
        // The text of the choice alone is the choice, too.
        if option.is_some_and(|option| matches(a, &option, options)) {
            return Some(true);
        }
    }
    None
}

/// What the layout of two answers says of them: values behind names, cases of a function, conditions behind an expression.
fn by_layout(a: &str, b: &str, options: &Options) -> Option<bool> {
    if notation::unnamed(b).is_none()
        && let Some(values) = notation::unnamed(a)
    {
        let options = Options {
            ordered: true,
            ..options.clone()
        };
        return Some(matches(&values, b, &options));
    }
    if let (Some(x), Some(y)) = (notation::cases(a), notation::cases(b))
        && text::bare(&x) == text::bare(&y)
        && text::marks(&x) == text::marks(&y)
    {
        return Some(true);
    }
    if let Some((value, given)) = condition::split(a) {
        let same = match condition::split(b) {
            Some((reference, wanted)) => {
                matches(value, reference, options) && matches(given, wanted, options)
            }
            None => matches(value, b, options),
        };
        if same {
            return Some(true);
        }
    }
    None
}

/// Are answers with qualifiers the same? One that is missing is no mistake.
fn qualified(
    [a, b]: [&str; 2],
    given: Option<&Qualified<'_>>,
    wanted: Option<&Qualified<'_>>,
    options: &Options,
) -> bool {
    let words = text::normal(a);
    if !words.is_empty() && words == text::normal(b) {
        return true;
    }
    let x = given.map_or(a, |it| &*it.value);
    let y = wanted.map_or(b, |it| &*it.value);
    if let (Some(given), Some(wanted)) = (given, wanted)
        && !qualifier::agree(given, wanted)
    {
        return false;
    }
    // `(−1)^{2n}` of real n is not 1.
    let fractions = given.filter(|it| {
        matches!(it.class, Class::Real | Class::Rational | Class::Complex)
            && condition::raises_negative(x, &it.letters)
    });
    if fractions.is_some() {
        return false;
    }
    // `f(x) = x` of rational numbers only is less than `f(x) = x`.
    if wanted.is_none() && given.is_some_and(|it| it.class == Class::Rational) {
        return false;
    }
    let letters = given.zip(wanted);
    let same = letters.is_none_or(|(given, wanted)| qualifier::same_letters(given, wanted));
    if same && matches(x, y, options) {
        return true;
    }
    let Sides::Mathematics(x, y) = read(x, y) else {
        return false;
    };
    let both = qualifier::indices(given, wanted);
    let Some((own, index)) = both.or_else(|| {
        let own = given.filter(|_| wanted.is_none())?.index()?;
        Some((own, condition::index_of_angles(qualifier::value_of(&y))?))
    }) else {
        return false;
    };
    let all = given.is_some_and(|it| it.class == Class::Integer);
    let renamed = series::replaced(&x, own, &Node::Symbol(index.into()));
    let other_free = own == index || !names_in(&x, index) && !names_in(&y, own);
    other_free
        && (compare::equal(&renamed, &y, options, modular::seed(a, b))
            || all && qualifier::same_family(&x, own, &y, index, &mut options.work.left().budget))
}

/// Does a name occur in an answer?
fn names_in(node: &Node, name: &str) -> bool {
    matches!(node, Node::Symbol(own) if own == name)
        || node
            .children()
            .into_iter()
            .any(|child| names_in(child, name))
}

/// Is the text beside a letter another value than the reference has there? Words may say the same in other words, but with no
/// number that the reference lacks.
fn contradicts(given: &str, wanted: &str, options: &Options) -> bool {
    let other = match read(given, wanted) {
        Sides::Mathematics(..) => true,
        Sides::Different => {
            let numbers = |text: &'_ str| -> Vec<String> {
                let runs = text.split(|c: char| !c.is_ascii_digit());
                runs.filter(|run| !run.is_empty())
                    .map(str::to_owned)
                    .collect()
            };
            let known = numbers(wanted);
            parser::parse(given).is_ok_and(|node| node.is_constant())
                && !numbers(given).iter().all(|number| known.contains(number))
        }
        Sides::Words => false,
    };
    other && !matches(given, wanted, options)
}

/// Does a text end with a number and the letter K?
fn thousands(text: &str) -> bool {
    let text = text.trim_end_matches(['}', '.', ' ', '$']);
    text.strip_suffix('K').is_some_and(|number| {
        let number = number.trim_end_matches([' ', '~', '{', '\\', ',', ';']);
        let number = ["\\text", "\\mathrm", "\\textrm", "\\mbox"]
            .iter()
            .find_map(|command| number.strip_suffix(command))
            .unwrap_or(number);
        number
            .trim_end_matches([' ', '~', '\\', ',', ';', '!'])
            .ends_with(|c: char| c.is_ascii_digit())
    })
}

/// Is a text written as a decimal that repeats? Then the question asks for one.
fn is_repeating(text: &str) -> bool {
    let marks = [
        "\\overline",
        "\\bar",
        "\\dot",
        "...",
        "…",
        "\\ldots",
        "\\dots",
        "\\cdots",
    ];
    let after_digit = |at: usize| {
        text[..at]
            .trim_end_matches('{')
            .ends_with(|c: char| c.is_ascii_digit() || c == '.')
    };
    marks
        .iter()
        .any(|mark| text.find(mark).is_some_and(after_digit))
        || text.contains(".(")
}

/// What two answers are.
enum Sides {
    Mathematics(Node, Node),
    /// Neither is mathematics.
    Words,
    /// One is, and the other can't be read as such.
    Different,
}

/// Both sides as mathematics: words of one side as products of letters where the other is mathematics.
fn read(a: &str, b: &str) -> Sides {
    let other = match (parser::parse(a), parser::parse(b)) {
        (Ok(x), Ok(y)) => Some((x, y)),
        (Ok(x), Err(_)) => parser::parse_letters(b).ok().map(|y| (x, y)),
        (Err(_), Ok(y)) => parser::parse_letters(a).ok().map(|x| (x, y)),
        (Err(_), Err(_)) => return Sides::Words,
    };
    other.map_or(Sides::Different, |(x, y)| Sides::Mathematics(x, y))
}

/// What answers in words say of each other, as written and in their normal form: yes and no, times and days,
/// `no solution`, places in a row.
fn in_words([a, b]: [&str; 2], [x, y]: &[String; 2]) -> Option<bool> {
    if let Some(wanted) = text::boolean(y)
        && let Some(given) = text::boolean(x).or_else(|| text::reply(a))
    {
        return Some(given == wanted);
    }
    if let Some(same) = clock::same(a, b) {
        return Some(same);
    }
    match (words::meaning(a, x), words::meaning(b, y)) {
        (None, None) => {}
        (x, y) => return Some(x == y),
    }
    match (words::ordinal(x), words::ordinal(y)) {
        (Some(x), Some(y)) => Some(x == y),
        (Some(place), None) if b.parse() == Ok(place) => Some(true),
        (None, Some(place)) if a.parse() == Ok(place) => Some(true),
        _ => None,
    }
}

/// Does a text have words, and not just commands and symbols?
fn has_words(text: &str) -> bool {
    let bytes = text.as_bytes();
    let letter = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphabetic);
    text.contains("\\text")
        || (0..bytes.len()).any(|i| {
            letter(i)
                && (letter(i + 1) || bytes.get(i + 1) == Some(&b'.') && letter(i + 2))
                && (i == 0 || bytes[i - 1] != b'\\' && !letter(i - 1))
        })
}

/// The share of a list's or set's items that an answer has: of all that either side has.
fn shared(found: &str, reference: &str, options: &Options) -> f64 {
    match read(trimmed(found), trimmed(reference)) {
        Sides::Mathematics(x, y) => compare::shared(&x, &y, options),
        _ => 0.0,
    }
}

/// Degrees Celsius and Fahrenheit by their signs.
fn temperature(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    for (words, sign) in [("elsius", "°C"), ("ahrenheit", "°F")] {
        for start in ["C", "c", "F", "f"] {
            for degrees in ["degrees ", "degree "] {
                let words = format!("{degrees}{start}{words}");
                if out.contains(&words) {
                    out = Cow::Owned(out.replace(&words, sign));
                }
            }
        }
    }
    out
}

/// `\log` as `\lg` beside a text that has `\lg`: both are to the base ten there.
fn common_logarithms<'a>(text: &'a str, both: [&str; 2]) -> Cow<'a, str> {
    if !both.iter().any(|text| text.contains("\\lg")) || !text.contains("\\log") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split("\\log");
    out.push_str(parts.next().unwrap_or(""));
    for part in parts {
        let based = part.trim_start().starts_with('_');
        out.push_str(if based { "\\log" } else { "\\lg" });
        out.push_str(part);
    }
    Cow::Owned(out)
}

/// Feet and inches by their signs: `5'6"`.
fn feet_and_inches(text: &str) -> Option<String> {
    let (feet, inches) = text.split_once('\'')?;
    let inches = inches.trim_start();
    let inches = inches
        .strip_suffix('"')
        .or_else(|| inches.strip_suffix("''"))?;
    let number =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (number(feet) && number(inches)).then(|| format!("{feet} ft {inches} in"))
}

/// Thousands apart by a space, and nothing else: `1 000`.
fn without_spaces(text: &str) -> Option<String> {
    let mut groups = text.strip_prefix('-').unwrap_or(text).split(' ');
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next()?;
    let leads = (1..=3).contains(&first.len()) && digits(first) && !first.starts_with('0');
    let rest: Vec<&str> = groups.collect();
    let all = leads && !rest.is_empty() && rest.iter().all(|g| g.len() == 3 && digits(g));
    all.then(|| text.replace(' ', ""))
}

/// An answer without what surrounds it on the page.
pub fn trimmed(answer: &str) -> &str {
    let mut text = answer.trim();
    text = text
        .strip_prefix("\\displaystyle")
        .map_or(text, str::trim_start);
    loop {
        let before = text;
        for (open, close) in [
            ("$$", "$$"),
            ("$", "$"),
            ("\\(", "\\)"),
            ("\\[", "\\]"),
            ("**", "**"),
            ("`", "`"),
        ] {
            if let Some(inner) = text.strip_prefix(open).and_then(|t| t.strip_suffix(close))
                && !inner.contains(open)
            {
                text = inner.trim();
            }
        }
        // What ends a sentence or a line, and no command such as `\,`.
        if let Some(inner) = text.strip_suffix(['.', ',', ';'])
            && !inner.ends_with(['.', '\\'])
        {
            text = inner.trim_end();
        }
        // Line breaks, and the backslash of a space that was trimmed.
        text = text.trim_end_matches('\\').trim_end();
        if let Some(inner) = in_words_only(text) {
            text = inner.trim();
        }
        if text == before {
            return text;
        }
    }
}

/// What is in `\text{…}` where that is all.
fn in_words_only(text: &str) -> Option<&str> {
    let inner = ["\\text{", "\\textbf{", "\\textrm{", "\\mbox{"]
        .iter()
        .find_map(|open| text.strip_prefix(open))?
        .strip_suffix('}')?;
    (!inner.contains(['{', '}', '\\', '$'])).then_some(inner)
}

/// A dollar sign that stands alone is a currency, in pairs they are marks of LaTeX.
fn priced(text: &str) -> Option<String> {
    let signs = text
        .match_indices('$')
        .filter(|(i, _)| !text[..*i].ends_with('\\'));
    (signs.count() == 1).then(|| text.replacen("\\$", "$", 1).replacen('$', "\\$", 1))
}
