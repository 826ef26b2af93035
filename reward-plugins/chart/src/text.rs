//! Whether an answer is a reference's text, or a sentence that states it.

use rlhost_verifier::fold::spaced;
use rlhost_verifier::layout;
use rlhost_verifier::numeral::denies;

/// Verbs that state what stands after them of what stands before them.
const COPULAS: [&str; 5] = [" is ", " was ", " are ", " were ", " be "];
/// Verbs with which a sentence says of its subject what only one thing is or has: `Norway has the highest value`.
const STATING: [&str; 8] = ["has", "had", "have", "is", "was", "are", "were", "shows"];
/// The most words of such a sentence beside the text.
const MAX_WORDS: usize = 14;

/// Whether an answer says a reference's text, which is in small letters with single spaces: as a whole, after a lead, or in a
/// sentence that states it.
///
/// Case, an article before it and the stop after it make no difference. The text may be what a sentence says of its subject
/// (`The country is Norway.`), or the subject of which it says what only one can be (`Norway has the highest value.`).
pub fn says(answer: &str, wanted: &str) -> bool {
    let wanted = bare(wanted);
    let same = |text: &str| {
        let text = spaced(text);
        bare(&text) == wanted
    };
    if same(answer) || same(layout::plain(answer)) {
        return true;
    }
    let text = spaced(&answer.replace(['*', '"', '“', '”'], ""));
    let text = bare(&text);
    if text.contains(['?', ';', '\n', '<']) {
        return false;
    }
    let polar = matches!(wanted, "yes" | "no");
    if polar {
        // `No, it is smaller.`
        let rest = text
            .strip_prefix(wanted)
            .and_then(|rest| rest.strip_prefix(','));
        return rest.is_some_and(|rest| {
            plain(rest) && !rest.split(' ').any(|word| matches!(word, "yes" | "no"))
        });
    }
    let predicate = COPULAS.iter().any(|copula| {
        text.rsplit_once(copula)
            .is_some_and(|(subject, rest)| bare(rest) == wanted && plain(subject))
    });
    let subject = || {
        let rest = text.strip_prefix(wanted)?.strip_prefix(' ')?;
        let (verb, rest) = rest.split_once(' ')?;
        // `the` says that no other one is.
        let states = STATING.contains(&verb)
            || (verb.len() > 3 && (verb.ends_with("ed") || verb.ends_with('s')));
        let one = rest.split(' ').any(|word| {
            word.ends_with("est")
                || matches!(
                    word,
                    "most" | "least" | "only" | "first" | "second" | "third" | "last"
                )
                || word.starts_with("maxim")
                || word.starts_with("minim")
        });
        Some(states && one && rest.starts_with("the ") && plain(&text[wanted.len()..]))
    };
    // `Norway (45%)`
    let noted = text
        .strip_prefix(wanted)
        .and_then(|rest| rest.strip_prefix(" (")?.strip_suffix(')'))
        .is_some_and(|note| plain(note) && !note.contains(','));
    predicate || noted || subject().unwrap_or(false)
}

/// A text without an article before it and the stop after it.
fn bare(text: &str) -> &str {
    let whole = text.trim();
    let text = whole
        .strip_suffix(['.', '。'])
        .filter(|rest| !rest.is_empty() && !rest.contains('.'))
        .unwrap_or(whole);
    ["the ", "a ", "an "]
        .iter()
        .find_map(|article| text.strip_prefix(article))
        .unwrap_or(text)
}

/// Whether words are few and none denies, doubts or goes on counting.
fn plain(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
        .collect();
    // What a sentence about a chart compares is no doubt about it.
    let compares = |word: &str| {
        matches!(
            word,
            "most"
                | "least"
                | "more"
                | "less"
                | "fewer"
                | "greater"
                | "than"
                | "maximum"
                | "minimum"
                | "over"
                | "second"
                | "third"
        )
    };
    words.len() <= MAX_WORDS && words.iter().all(|word| compares(word) || !denies(word))
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn sentences_state_a_text() {
        for answer in [
            "Norway",
            "NORWAY.",
            "The answer is Norway.",
            "**Norway**",
            "The country is Norway.",
            "It was Norway",
            "Norway has the highest value.",
            "Norway had the least in 2015",
            "The country with the most is **Norway**.",
        ] {
            assert!(says(answer, "norway"), "{answer}");
        }
        for answer in [
            "The country is not Norway.",
            "Norway or Chile",
            "The country is Norway or Chile.",
            "Norway and Chile",
            "Norway is the red one",
            "Norway is wrong",
            "Norway is lower than Chile",
            "Is it Norway?",
            "Norway line",
            "Chile, Norway",
            "The country may be Norway",
            "It is probably Norway.",
            "Norway has the wrong value",
            "Norway.no",
        ] {
            assert!(!says(answer, "norway"), "{answer}");
        }
        assert!(says("No, it is smaller.", "no"));
        assert!(!says("No, it is smaller.", "yes"));
        assert!(!says("No, yes", "no"));
        assert!(says("the United States", "united states"));
        assert!(says("U.S.", "u.s."));
        assert!(!says("blue line", "blue"));
    }
}
