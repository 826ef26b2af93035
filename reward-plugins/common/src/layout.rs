//! Takes layout and leads off a whole answer: `**Paris**`, `\text{Paris}`, `The answer is Paris.` are Paris.

/// Commands of LaTeX that leave their group as it is.
const COMMANDS: [&str; 9] = [
    "\\textbf", "\\textit", "\\textrm", "\\text", "\\mathrm", "\\mathbf", "\\mathit", "\\mbox",
    "\\emph",
];
/// Marks that stand on both sides of an answer.
const PAIRS: [(&str, &str); 12] = [
    ("**", "**"),
    ("__", "__"),
    ("*", "*"),
    ("`", "`"),
    ("$$", "$$"),
    ("$", "$"),
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("\"", "\""),
    ("“", "”"),
    ("'", "'"),
    ("‘", "’"),
];
/// Words of a lead, of which the last is `answer`, perhaps with `is`.
const LEADS: [&str; 12] = [
    "so",
    "thus",
    "therefore",
    "hence",
    "the",
    "my",
    "our",
    "final",
    "correct",
    "right",
    "short",
    "and",
];
/// Words with which what follows a lead may not be the answer, unless it is the only one.
const DENYING: [&str; 22] = [
    "not", "no", "never", "neither", "nor", "or", "either", "cannot", "maybe", "perhaps",
    "possibly", "probably", "likely", "unlikely", "hardly", "except", "anything", "wrong", "other",
    "unknown", "unclear", "but",
];

/// A text without the marks of layout that stand around the whole of it, as often as there are any.
///
/// ```
/// use rlhost_verifier::layout::bare;
/// assert_eq!(bare(r"$\text{New York}$"), "New York");
/// assert_eq!(bare("**Paris**"), "Paris");
/// assert_eq!(bare("\"yes\" and \"no\""), "\"yes\" and \"no\"");
/// assert_eq!(bare("$5"), "$5");
/// ```
pub fn bare(text: &str) -> &str {
    let mut text = text.trim();
    for _ in 0..8 {
        let group = COMMANDS.iter().find_map(|command| {
            let inner = text.strip_prefix(command)?.trim_start();
            inner
                .strip_prefix('{')?
                .strip_suffix('}')
                .filter(|inner| !inner.contains(['{', '}']) || balanced(inner))
        });
        let inner = group.or_else(|| {
            PAIRS.iter().find_map(|(open, close)| {
                text.strip_prefix(open)?
                    .strip_suffix(close)
                    .filter(|inner| !inner.contains(open) && !inner.contains(close))
            })
        });
        match inner.map(str::trim).filter(|inner| !inner.is_empty()) {
            Some(inner) => text = inner,
            None => break,
        }
    }
    text
}

/// What a text gives as the answer: without layout around it, and without a lead before it (`The answer is`, `Answer:`) and
/// then the stop after it. Where nothing is to be taken off, the text itself.
///
/// ```
/// use rlhost_verifier::layout::plain;
/// assert_eq!(plain("**Answer:** Paris"), "Paris");
/// assert_eq!(plain("So the final answer is \\text{Paris}."), "Paris");
/// assert_eq!(plain("The answer is not Paris."), "The answer is not Paris.");
/// assert_eq!(plain("The title of the document is **Paris**."), "Paris");
/// assert_eq!(plain("答案：北京。"), "北京");
/// assert_eq!(plain("Paris."), "Paris.");
/// ```
pub fn plain(text: &str) -> &str {
    let text = bare(text);
    let Some(led) = after_lead(text).or_else(|| after_chinese_lead(text)) else {
        return emphasised(text).unwrap_or(text);
    };
    let whole = bare(led);
    let ended = whole
        .strip_suffix(['.', '。'])
        .filter(|rest| !rest.ends_with(['.', '。']));
    let answer = bare(ended.unwrap_or(whole));
    let mut words = answer
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .peekable();
    let first = words.next();
    let single = words.peek().is_none();
    let denied = first.into_iter().chain(words).any(|word| {
        DENYING.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t")
    });
    let asked = answer.contains('?') && answer.len() > 1;
    if answer.is_empty() || asked || (denied && !single) {
        return text;
    }
    answer
}

/// Whether a text gives an answer after a lead, `The answer is` or `答案：`.
///
/// ```
/// use rlhost_verifier::layout::is_led;
/// assert!(is_led("**Answer:** Paris"));
/// assert!(!is_led("Paris"));
/// ```
pub fn is_led(text: &str) -> bool {
    let whole = bare(text.trim().trim_start_matches(['#', '>', ' ']));
    let led = after_lead(whole).or_else(|| after_chinese_lead(whole));
    led.is_some_and(|led| !led.trim().is_empty()) && plain(whole) != whole
}

/// What a sentence emphasises and states at its end: `The title of the document is **Paris**.`
fn emphasised(text: &str) -> Option<&str> {
    let ended = text.strip_suffix(['.', '。']).unwrap_or(text);
    let (head, inner) = [("**", "**"), ("\"", "\""), ("“", "”"), ("`", "`")]
        .iter()
        .find_map(|(open, close)| {
            let rest = ended.strip_suffix(close)?;
            let (head, inner) = rest.rsplit_once(open)?;
            (!head.contains(open) && !head.contains(close)).then_some((head.trim_end(), inner))
        })?;
    let inner = inner.trim().trim_end_matches(['.', '。']);
    let states = [" is", " was", " are", " were", ":", "：", "是", "为"]
        .iter()
        .any(|verb| head.ends_with(verb));
    let denied = head
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')))
        .map(str::to_lowercase)
        .any(|word| {
            DENYING.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t")
        })
        || head.contains(['不', '非', '没', '错', '?', '？']);
    (states && !denied && !inner.is_empty()).then_some(inner)
}

/// What follows `答案是`, `最终答案：`, `所以答案为` and the like.
fn after_chinese_lead(text: &str) -> Option<&str> {
    let text = text.trim_start_matches('*');
    let (lead, rest) = text.split_once("答案")?;
    // Words before it are few: `因此，正确的`.
    let plain =
        lead.chars().count() <= 8 && !lead.contains(['不', '非', '错', '没', '。', '?', '？']);
    let rest = rest.trim_start_matches('*');
    let rest = ["应该是", "应为", "是", "为", "：", ":"]
        .iter()
        .find_map(|verb| rest.strip_prefix(verb))?;
    let rest = rest.trim_start_matches([':', '：']);
    // Emphasis that the lead closes; what opens around the answer stays.
    let rest = rest
        .strip_prefix("**")
        .filter(|rest| !rest.contains("**"))
        .unwrap_or(rest)
        .trim_start();
    (plain && !rest.contains(['不', '或', '?', '？'])).then_some(rest)
}

/// What follows `the answer is`, `final answer:`, `so my answer is:` and the like.
fn after_lead(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('*');
    // A lead has few words.
    for _ in 0..8 {
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .filter(|end| *end > 0)?;
        let (word, after) = rest.split_at(end);
        let word = word.to_ascii_lowercase();
        if word == "answer" {
            return stated(after);
        }
        if !LEADS.contains(&word.as_str()) {
            return None;
        }
        let after = after.strip_prefix(',').unwrap_or(after);
        rest = after.trim_start_matches(' ');
        if rest.len() == after.len() {
            return None;
        }
    }
    None
}

/// What follows `is`, a colon, or both, with emphasis among them: `**Answer**: `, `**Answer:** `.
fn stated(after: &str) -> Option<&str> {
    let marked = after.trim_start_matches('*').trim_start();
    let is = marked
        .strip_prefix("is")
        .filter(|rest| rest.starts_with([' ', ':']))
        .map(str::trim_start);
    let rest = is.unwrap_or(marked);
    let colon = rest.strip_prefix(':');
    // Emphasis that the lead closes: `**Answer:** Paris`. What opens around the answer stays.
    let rest = colon.map_or(rest, |rest| {
        rest.strip_prefix("**")
            .filter(|rest| rest.starts_with(' '))
            .unwrap_or(rest)
    });
    (is.is_some() || colon.is_some()).then(|| rest.trim_start())
}

/// Whether each brace closes one that was opened before it, and all are closed.
fn balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    for c in text.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_around_the_whole_is_taken_off() {
        for (text, expected) in [
            ("Paris", "Paris"),
            ("Answer: Paris", "Paris"),
            ("**Answer**: Paris", "Paris"),
            ("Final answer: **Paris**", "Paris"),
            ("The correct answer is: \"Paris\".", "Paris"),
            ("The answer is \"Paris.\"", "Paris"),
            ("**The answer is Paris.**", "Paris"),
            ("Thus, the answer is $\\mathrm{Paris}$.", "Paris"),
            ("The answer is no.", "no"),
            ("\\text{a}\\text{b}", "\\text{a}\\text{b}"),
            ("\\text{a {b} c}", "a {b} c"),
            ("*a* and *b*", "*a* and *b*"),
            ("\"", "\""),
            ("''", "''"),
            ("****", "****"),
            ("The answer is", "The answer is"),
            ("Answer", "Answer"),
            ("Answers: Paris", "Answers: Paris"),
            ("The wrong answer is Paris", "The wrong answer is Paris"),
            ("The answer isn't Paris", "The answer isn't Paris"),
            ("The answer is Paris or Rome", "The answer is Paris or Rome"),
            (
                "The answer is probably Paris",
                "The answer is probably Paris",
            ),
            ("Is the answer Paris?", "Is the answer Paris?"),
            ("The answer is Paris?", "The answer is Paris?"),
            ("The answer island", "The answer island"),
            ("Paris is the answer", "Paris is the answer"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
