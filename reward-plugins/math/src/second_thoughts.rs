//! Words with which a text takes back what it has said, and those of second thoughts.

/// Phrases with which a response takes back what it has said.
const RETRACTIONS: [&str; 22] = [
    "scratch that",
    "never mind",
    "nevermind",
    "kidding",
    "disregard that",
    "disregard this",
    "take that back",
    "take it back",
    "ignore that",
    "ignore this",
    "forget that",
    "forget this",
    "strike that",
    "correction:",
    "i was wrong",
    "that's wrong",
    "that is wrong",
    "that was wrong",
    "that's incorrect",
    "that is incorrect",
    "that's not right",
    "that is not right",
];

/// Does a text take back what stands before it, whatever that is?
pub(crate) fn retracts(text: &str) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    RETRACTIONS.iter().any(|words| lower.contains(words))
}

/// Does a text have a word of second thoughts? They take nothing back yet.
pub(crate) fn thinks_again(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| {
        matches!(
            word.to_lowercase().as_str(),
            "wait" | "hmm" | "actually" | "no" | "sorry" | "oops"
        )
    })
}
