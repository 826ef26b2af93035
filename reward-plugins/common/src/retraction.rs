//! Words with which a response takes back what it has said, whatever that was.

/// The words; each verifier has others besides, which say so of its own kind of answers only.
const WORDS: [&str; 16] = [
    "cancel",
    "cancelled",
    "disregard",
    "erred",
    "joking",
    "kidding",
    "mistaken",
    "nevermind",
    "reject",
    "retract",
    "retracted",
    "scrap",
    "scratch",
    "undo",
    "undone",
    "void",
];

/// Whether a word, in lower case, takes back what stands beside or before it.
///
/// ```
/// use rlhost_verifier::retraction::takes_back;
/// assert!(takes_back("scratch"));
/// assert!(!takes_back("therefore"));
/// ```
pub fn takes_back(word: &str) -> bool {
    WORDS.contains(&word)
}
