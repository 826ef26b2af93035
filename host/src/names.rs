//! Names and texts of strangers: which names plugins, parts, parameters and rewards may have, and which characters
//! show themselves and do nothing else.
//!
//! A part's name becomes the name of a metric, beside those of the trainer's own: `reward/PART`, and with several rewards
//! `reward/REWARD/PART`. So no reward has a slash in its name, which makes the first slash of such a pair the end of the
//! reward's, and neither has one of the [`RESERVED`] names.

/// Names that a run's own metrics have where a part's would stand: `reward/score`, `val/samples`, and so on.
pub const RESERVED: [&str; 11] = [
    "score",
    "std",
    "min",
    "max",
    "samples",
    "greedy_score",
    "target_score",
    "response_length",
    OUTCOME,
    DATA_SOURCE,
    PROBLEM_TYPE,
];

/// Names that have metrics of a run below them, `reward/outcome/trap`: no part begins with one of them and a slash, and no
/// reward has such a name.
const ABOVE_OTHERS: [&str; 3] = [OUTCOME, DATA_SOURCE, PROBLEM_TYPE];
const OUTCOME: &str = "outcome";
const DATA_SOURCE: &str = "data_source";
const PROBLEM_TYPE: &str = "problem_type";

/// How many parts, and how many parameters, a plugin may have.
pub(crate) const MAX_NAMES: usize = 1_000;
/// The most bytes of a name.
const MAX_NAME: usize = 256;
/// What names may hold besides letters and digits.
const MARKS: &str = " -_./@+";

/// Whether a character shows itself on a terminal and does nothing else.
///
/// Not so: control characters but tab and line feed; what turns the direction of writing; line and paragraph separators;
/// and what can't be seen, which is Unicode's `Default_Ignorable_Code_Point` but for the joiners and variation selectors
/// that scripts and emoji need.
pub fn is_plain(c: char) -> bool {
    !matches!(c,
        '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text of strangers as a name: what no name may hold becomes an underscore, white space is single, and it is cut after
/// `longest` characters. Empty where nothing is left.
///
/// ```
/// assert_eq!(rlhost_host::as_name(" hiyouga/geometry3k \u{1b}[2J", 64), "hiyouga/geometry3k __2J");
/// ```
pub fn as_name(text: &str, longest: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown = words.join(" ");
    let shown = shown.chars().take(longest);
    let name: String = shown.map(|c| if is_allowed(c) { c } else { '_' }).collect();
    name.trim_end().to_owned()
}

/// Whether names may hold this character.
fn is_allowed(c: char) -> bool {
    (c.is_alphanumeric() && is_plain(c)) || MARKS.contains(c)
}

/// Says what is wrong with the name of a plugin, part, parameter or metric. It ends up in tables and on terminals.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    if name.len() > MAX_NAME {
        return Err(format!(
            "has {} bytes, which is beyond {MAX_NAME}",
            name.len()
        ));
    }
    if !name.chars().all(is_allowed) || name.trim() != name || name.contains("  ") {
        let shown = |c: char| match c {
            c if is_plain(c) || c.is_control() => c.escape_debug().to_string(),
            c => c.escape_unicode().to_string(),
        };
        let shown: String = name.chars().map(shown).collect();
        return Err(format!(
            "is \"{shown}\", and may be made of letters and digits of any script, - _ . / @ + and single spaces between them"
        ));
    }
    Ok(())
}

/// Whether a run's own metrics have this name where a part's would stand: one of the [`RESERVED`], or one below them.
pub fn is_reserved(name: &str) -> bool {
    let mut folders = name.split('/');
    RESERVED.contains(&name)
        || folders.next().is_some_and(|first| ABOVE_OTHERS.contains(&first))
        // `reward/NAME/outcome/trap` is about the reward NAME.
        || folders.any(|folder| folder == OUTCOME)
}

/// Says what is wrong with the name of a part.
pub(crate) fn check_part(name: &str) -> Result<(), String> {
    check_name(name)?;
    if is_reserved(name) {
        return Err(format!(
            "is `{name}`, which is the name of a metric of its own in every run"
        ));
    }
    Ok(())
}

/// Says what is wrong with the name of a plugin or a reward.
pub(crate) fn check_owner(name: &str) -> Result<(), String> {
    check_name(name)?;
    if name.contains('/') {
        return Err(format!(
            "is `{name}`: a slash divides it from the names of its parts"
        ));
    }
    if ABOVE_OTHERS.contains(&name) {
        return Err(format!(
            "is `{name}`, which is the name of metrics of their own in every run"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_words() {
        for name in [
            "accuracy",
            "field/date of birth",
            "pass@1",
            "rouge-l_1.5",
            "Größe",
            "正确率",
            "0.1.0-rc.1+build",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in [
            "a\nb",
            "a\tb",
            "a\x1b[2J",
            "a\u{9b}2J",
            "a\u{7f}",
            "\u{202e}a",
            "a\u{2028}b",
            "a\u{200b}b",
            "a\u{200d}b",
            "a\u{3164}b",
            "a\u{e0041}",
            "a\u{a0}b",
            " a",
            "a ",
            "a  b",
            "a, total",
            "a: 1",
            "a=1",
            "<b>",
            "a`b",
            "a\"b",
            "a\u{301}",
        ] {
            let fault = check_name(name).unwrap_err();
            assert!(fault.contains("letters and digits"), "{fault}");
            assert!(fault.chars().all(|c| is_plain(c) && c != '\n'), "{fault:?}");
        }
    }

    #[test]
    fn no_part_has_the_name_of_a_metric() {
        for name in RESERVED.into_iter().chain([
            "outcome/trap",
            "outcome/x/y",
            "math/outcome/trap",
            "data_source/x/score",
        ]) {
            assert!(check_part(name).is_err(), "{name}");
        }
        for name in [
            "accuracy",
            "score/iou",
            "outcomes",
            "x/outcomes",
            "x/data_source",
        ] {
            assert_eq!(check_part(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_slash_divides_a_reward_from_its_parts() {
        assert_eq!(check_owner("math"), Ok(()));
        for name in ["a/b", "outcome", "data_source", "", "a\u{202e}"] {
            assert!(check_owner(name).is_err(), "{name}");
        }
    }
}
