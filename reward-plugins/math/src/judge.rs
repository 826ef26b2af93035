//! Judges a response: extraction, comparison with the reference, format.

use crate::find::{self, Found};
use crate::params::{Arithmetic, Extract, Format, Options};
use crate::syntax::Node;
use crate::work::Work;
use crate::{
    clock, compare, extract, layout, lexer, modular, parser, parts, prose, sign, text, valueless,
    words,
};
use rlhost_verifier::answer::MAX_RESPONSE;
use rlhost_verifier::fold::folded;
use rlhost_verifier::rational::Rational;
use serde_json::Value;
use std::borrow::Cow;

/// What a response earned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// 1 where the answer is the reference, else 0; with `partial`, the share of it that is right.
    pub accuracy: f64,
    /// 1 where the response has the asked shape, else 0.
    pub format: f64,
    /// `accuracy * (1 - w) + format * w`.
    pub total: f64,
}

/// The reference can't be read: the data is at fault, and the message says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidReference(pub String);

/// How deep a reference may be nested in JSON.
const MAX_JSON_DEPTH: u32 = 4;
/// How many bytes of a list of acceptable answers are looked into.
const MAX_LISTED: usize = 8_000;
/// How many acceptable answers a reference may list.
const MAX_ALTERNATIVES: usize = 64;

/// A reference: one answer, or the answers of several parts with their labels.
enum Reference {
    One(String),
    Parts(Vec<(String, String)>),
}

/// Judges `response` against the reference `answer`.
///
/// The reference is a number, a string, `true` or `false`, a list of acceptable answers, or an object with one of
/// the keys `answer`, `ground_truth`, `value`, `any_of`, or with `parts`: a list of the answers of several parts. A
/// string may hold its answer in `<answer>…</answer>`, in `\boxed{…}` or after `####`, and parts with labels: `(1) 5; (2) 7`.
///
/// ```
/// use math::{judge, params::Options};
/// let judgement = judge(r"<think>…</think><answer>\frac{1}{2}</answer>", &"0.5".into(), &Options::default());
/// assert_eq!(judgement.unwrap().accuracy, 1.0);
/// ```
pub fn judge(
    response: &str,
    answer: &Value,
    options: &Options,
) -> Result<Judgement, InvalidReference> {
    let options = &Options {
        work: Work::default(),
        ..options.clone()
    };
    let mut references = Vec::new();
    collect(answer, 0, &mut 0, &mut references)?;
    let accuracy = find::answer(response, options.extract).map_or(0.0, |found| {
        let labelled = match (&found, options.extract) {
            (Found::Text(_), _) | (_, Extract::Answer | Extract::Text) => None,
            _ => find::by_part(response),
        };
        let best = references
            .iter()
            .map(|reference| match (reference, &labelled) {
                (Reference::Parts(wanted), Some(given)) => {
                    by_label(given, wanted, options) as f64 / wanted.len() as f64
                }
                _ => earned(&found, reference, options),
            });
        // The first that is right ends the search.
        let mut most = 0.0_f64;
        for share in best {
            most = most.max(share);
            if most >= 1.0 {
                break;
            }
        }
        most
    });
    let shaped = match options.format {
        Format::None => true,
        _ if response.len() > MAX_RESPONSE => false,
        // The ends first: what stands between is read only where they are right.
        Format::Answer => {
            let text = response.trim();
            text.starts_with("<think>")
                && text.ends_with("</answer>")
                && extract::is_answer_shaped(response)
        }
        Format::Boxed => extract::is_box_shaped(response),
    };
    let accuracy = if options.partial {
        accuracy
    } else {
        accuracy.floor()
    };
    let format = f64::from(u8::from(shaped));
    let w = options.format_weight;
    Ok(Judgement {
        accuracy,
        format,
        total: accuracy * (1.0 - w) + format * w,
    })
}

/// The share of a reference that an answer earns.
fn earned(found: &Found<'_>, reference: &Reference, options: &Options) -> f64 {
    // Where all work is done, only what is written as the reference is right.
    if let (Found::Marked(text) | Found::Text(text), Reference::One(reference)) = (found, reference)
        && options.work.is_out()
    {
        let same = text.trim() == reference.trim() && !valueless::text(text.trim());
        return f64::from(u8::from(same));
    }
    match (found, reference) {
        (_, Reference::Parts(wanted)) => {
            let right = parts_right(found, wanted, options);
            right as f64 / wanted.len() as f64
        }
        (Found::Marked(text), Reference::One(reference)) => {
            share(&fold(text), &fold(reference), options)
        }
        (Found::Measured(text), Reference::One(reference)) => {
            share(&fold(text), &fold(reference), options)
        }
        (Found::Boxes(boxes), Reference::One(reference)) => {
            share(&fold(&boxes.join(", ")), &fold(reference), options)
        }
        (Found::Named(boxes), Reference::One(reference)) => {
            share(&fold(&assigned(boxes)), &fold(reference), options)
        }
        (Found::Text(text), Reference::One(reference)) => {
            let (text, reference) = (fold(text), fold(reference));
            let line = text.trim();
            // In plain text, a sum that is left to be worked out may be the question.
            let finished = Options {
                arithmetic: Arithmetic::Reject,
                ..options.clone()
            };
            let options = &finished;
            // A text of one line may be nothing but the answer.
            let whole = !line.contains('\n') && matches(line, &reference, options);
            if whole {
                return 1.0;
            }
            if !options.work.reads(line.len().min(lexer::MAX_BYTES)) {
                return 0.0;
            }
            if let Some(right) = chosen(line, &reference) {
                return f64::from(u8::from(right));
            }
            if rounded(line, &reference, options) {
                return 1.0;
            }
            let earned =
                prose::stated(line).map_or(0.0, |stated| direct(&stated, &reference, options));
            let function =
                || prose::function(line).is_some_and(|it| matches(&it, &reference, options));
            if earned < 1.0 && function() {
                1.0
            } else {
                earned
            }
        }
    }
}

/// Boxes with names as equations.
fn assigned(boxes: &[(&str, &str)]) -> String {
    let all: Vec<String> = boxes
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    all.join(", ")
}

/// Whether the choice that a text says is its answer is the one that the reference asks for: `The answer is C) 42.` Nothing
/// where the reference asks for no choice, or the text names none.
fn chosen(text: &str, reference: &str) -> Option<bool> {
    let reference = trimmed(reference);
    let asked = reference.contains(|c: char| c.is_ascii_uppercase());
    let letter = text::choice(reference).filter(|_| asked)?;
    let rest = prose::after_answer(text)?;
    Some(text::choice(&rest)? == letter)
}

/// Does a text give the reference exactly and then rounded: `5/12, or about 41.7%`?
fn rounded(text: &str, reference: &str, options: &Options) -> bool {
    let mark = [" or about ", " or approximately ", " or roughly "]
        .iter()
        .find_map(|mark| text.split_once(mark));
    let Some((exact, decimal)) = mark else {
        return false;
    };
    let near = Options {
        tolerance: Rational::ratio(1, 100).unwrap_or_else(Rational::zero),
        ..options.clone()
    };
    let exact = exact.trim_end().trim_end_matches(',');
    prose::stated(exact).is_some_and(|stated| matches(&stated, reference, options))
        && matches(trimmed(decimal), reference, &near)
}

/// How many of the wanted parts an answer has.
fn parts_right(found: &Found<'_>, wanted: &[(String, String)], options: &Options) -> usize {
    let right = |given: &str, wanted: &str| share(&fold(given), &fold(wanted), options) >= 1.0;
    let in_order = |given: &[&str]| {
        if given.len() == wanted.len() {
            given
                .iter()
                .zip(wanted)
                .filter(|(given, (_, wanted))| right(given, wanted))
                .count()
        } else {
            0
        }
    };
    let text = match found {
        Found::Boxes(boxes) => return in_order(boxes),
        Found::Named(boxes) => {
            let values: Vec<&str> = boxes.iter().map(|(_, value)| *value).collect();
            return in_order(&values);
        }
        Found::Measured(text) => text.as_str(),
        Found::Marked(text) | Found::Text(text) => *text,
    };
    if let Some(given) = parts::answered(text) {
        return by_label(&given, wanted, options);
    }
    // Without labels, in the order of the parts.
    for separator in [';', '\n'] {
        let given: Vec<&str> = text
            .split(separator)
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        if given.len() == wanted.len() {
            return in_order(&given);
        }
    }
    let given: Vec<&str> = text.split(", ").map(str::trim).collect();
    in_order(&given)
}

/// How many of the wanted parts are given under their labels.
fn by_label(given: &[(String, String)], wanted: &[(String, String)], options: &Options) -> usize {
    // One that nobody asked for is as doubtful as one too many in a list.
    let asked = |label: &str| wanted.iter().any(|(wanted, _)| wanted == label);
    if given.iter().any(|(label, _)| !asked(label)) {
        return 0;
    }
    let right = |given: &str, wanted: &str| share(&fold(given), &fold(wanted), options) >= 1.0;
    wanted
        .iter()
        .filter(|(label, wanted)| {
            parts::labelled(given, label).is_some_and(|given| right(given, wanted))
        })
        .count()
}

/// A text as it is compared: plain characters, without layout; spaces that may separate thousands stay.
fn fold(text: &str) -> Cow<'_, str> {
    if text.len() > lexer::MAX_BYTES {
        return unstyled(text);
    }
    match unstyled(text) {
        Cow::Borrowed(text) => layout::plain(text),
        Cow::Owned(text) => Cow::Owned(layout::plain(&text).into_owned()),
    }
}

/// Full-width and styled characters as plain ones.
fn unstyled(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let one = |c| match c {
        '\u{202f}' | '\u{2009}' => Some(c),
        _ => folded(c),
    };
    Cow::Owned(text.chars().filter_map(one).collect())
}

/// The acceptable answers of a reference.
fn collect(
    answer: &Value,
    depth: u32,
    read: &mut usize,
    out: &mut Vec<Reference>,
) -> Result<(), InvalidReference> {
    let invalid = |text: &str| Err(InvalidReference(text.into()));
    if depth > MAX_JSON_DEPTH || out.len() >= MAX_ALTERNATIVES {
        return invalid("the reference answer nests too deeply or lists too many alternatives");
    }
    match answer {
        Value::Null => {
            return invalid("there is no reference answer: the row's `answer` is missing or null");
        }
        Value::Bool(value) => out.push(Reference::One(value.to_string())),
        Value::Number(value) => out.push(Reference::One(value.to_string())),
        Value::String(text) => {
            // A text that is too long to be looked into is itself; so is the rest of a long list.
            *read += text.len();
            if text.len() > find::MAX_TEXT || *read > MAX_LISTED && !out.is_empty() {
                out.push(Reference::One(text.clone()));
                return Ok(());
            }
            let text = &*unescaped(text);
            let joined = match find::answer(text, Extract::Auto) {
                Some(Found::Boxes(boxes)) => Some(boxes.join(", ")),
                Some(Found::Named(boxes)) => Some(assigned(&boxes)),
                _ => None,
            };
            let text = if let Some(joined) = &joined {
                joined
            } else if text.contains("####") || text.contains("<answer>") || text.contains("boxed{")
            {
                extract::answer(text, Extract::Auto).unwrap_or("")
            } else {
                extract::opened(text)
            };
            if trimmed(text).is_empty() {
                return invalid(
                    "the reference answer is an empty string, or its box or tag is empty or not closed",
                );
            }
            out.push(match parts::split(text) {
                Some(parts) => Reference::Parts(parts),
                None => Reference::One(text.to_string()),
            });
        }
        Value::Array(items) if items.is_empty() => {
            return invalid("the reference answer is an empty list");
        }
        Value::Array(items) => {
            for item in items {
                if item.is_array() {
                    return invalid(
                        "the reference answer is a list of lists; write a tuple or matrix as a string, such as \"(1, 2)\"",
                    );
                }
                collect(item, depth + 1, read, out)?;
            }
        }
        Value::Object(map) if map.contains_key("parts") => {
            let wanted = map["parts"].as_array().map_or(&[][..], Vec::as_slice);
            let mut parts = Vec::with_capacity(wanted.len());
            for (i, part) in wanted.iter().enumerate() {
                match part {
                    Value::String(text) if !trimmed(text).is_empty() => {
                        parts.push(((i + 1).to_string(), text.clone()));
                    }
                    Value::Number(number) => parts.push(((i + 1).to_string(), number.to_string())),
                    _ => return invalid("a part of the reference answer is no number and no text"),
                }
            }
            if !(2..=26).contains(&parts.len()) {
                return invalid(
                    "`parts` of the reference answer has to be a list of 2 to 26 answers",
                );
            }
            out.push(Reference::Parts(parts));
        }
        Value::Object(map) => {
            let known = ["answer", "ground_truth", "value", "any_of"];
            let Some(inner) = known.iter().find_map(|key| map.get(*key)) else {
                return invalid(
                    "the reference answer is an object without the key `answer`, `ground_truth`, `value` or `any_of`",
                );
            };
            collect(inner, depth + 1, read, out)?;
        }
    }
    Ok(())
}

/// LaTeX whose backslashes were escaped once too often, as it is meant: `\\\\frac{1}{2}` is `\\frac{1}{2}`.
fn unescaped(text: &str) -> Cow<'_, str> {
    const COMMANDS: [&str; 17] = [
        "frac", "dfrac", "sqrt", "left", "right", "text", "boxed", "pi", "cdot", "times", "begin",
        "infty", "pm", "le", "ge", "in", "cup",
    ];
    let runs = || {
        let starts = text
            .match_indices('\\')
            .filter(|(at, _)| !text[..*at].ends_with('\\'));
        starts.map(|(at, _)| {
            let rest = text[at..].trim_start_matches('\\');
            (text.len() - at - rest.len(), rest)
        })
    };
    let doubled = runs().all(|(length, _)| length % 2 == 0);
    let command = runs().any(|(length, rest)| {
        let name = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        length == 2 && COMMANDS.contains(&&rest[..name])
    });
    if doubled && command {
        Cow::Owned(text.replace("\\\\", "\\"))
    } else {
        Cow::Borrowed(text)
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
fn trimmed(answer: &str) -> &str {
    let mut text = answer.trim();
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
        if let Some(inner) = text.strip_suffix('.')
            && !inner.ends_with('.')
        {
            text = inner.trim_end();
        }
        if text == before {
            return text;
        }
    }
}

/// A dollar sign that stands alone is a currency, in pairs they are marks of LaTeX.
fn priced(text: &str) -> Option<String> {
    let signs = text
        .match_indices('$')
        .filter(|(i, _)| !text[..*i].ends_with('\\'));
    (signs.count() == 1).then(|| text.replacen("\\$", "$", 1).replacen('$', "\\$", 1))
}

/// The share of the reference that the answer `found` in a mark earns.
fn share(found: &str, reference: &str, options: &Options) -> f64 {
    let whole = direct(found, reference, options);
    if whole > 0.0 {
        return whole;
    }
    if options.work.is_out() {
        return 0.0;
    }
    // An answer and, in brackets, the same in other words: `0.5 (one half)`.
    if let Some((answer, aside)) = found
        .strip_suffix(')')
        .and_then(|text| text.split_once(" ("))
        && matches(answer, reference, options)
        && matches(aside, reference, options)
    {
        return 1.0;
    }
    // A sentence in a mark: `The answer is 12`. Formulas alone have no words.
    let word = |word: &str| word.len() > 1;
    if found.len() > lexer::MAX_BYTES
        || !options.work.reads(found.len())
        || !found.split(|c: char| !c.is_ascii_alphabetic()).any(word)
    {
        return 0.0;
    }
    if let Some(right) = chosen(found, reference) {
        return f64::from(u8::from(right));
    }
    // `AC = 13` is not `AB = 13`, though both say 13.
    if let (Some(given), Some(asked)) = (length_name(found), length_name(reference))
        && given != asked
    {
        return 0.0;
    }
    prose::stated(found)
        .filter(|stated| stated != found)
        .map_or(0.0, |stated| direct(&stated, reference, options))
}

/// The name of a length that a text begins with: `AB` of `AB = 13`.
fn length_name(text: &str) -> Option<&str> {
    let (name, _) = trimmed(text).split_once('=')?;
    let name = name.trim();
    (name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase())).then_some(name)
}

/// Is the answer the reference as it stands, or what its words say?
fn direct(found: &str, reference: &str, options: &Options) -> f64 {
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
fn matches(found: &str, reference: &str, options: &Options) -> bool {
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
    // `5 K` may be five thousand; as a temperature it is one where the reference has it, too.
    if thousands(a) && !b.contains('K') && !b.contains("elvin") {
        return false;
    }
    // A reference that is a capital letter, with or without its text, asks for a choice.
    if let Some(letter) = text::choice(b).filter(|_| b.contains(|c: char| c.is_ascii_uppercase()))
        && let Some(chosen) = text::choice(a)
    {
        return chosen == letter;
    }
    // The text of the choice alone is the choice, too.
    if let Some(option) = text::option(b)
        && matches(a, option, options)
    {
        return true;
    }
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
    match read(&a, &b) {
        Sides::Mathematics(x, y) => compare::equal(&x, &y, options, modular::seed(&a, &b)),
        Sides::Words => {
            let text = text::normal(&a);
            !text.is_empty() && text != "nan" && text == text::normal(&b)
        }
        Sides::Different => false,
    }
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
