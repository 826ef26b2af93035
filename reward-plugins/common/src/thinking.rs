//! What a response thinks before it answers.

/// Whether a closed `<think>…</think>` holds a box: four numbers in square brackets, separated by commas, the third above
/// the first and the fourth above the second.
///
/// ```
/// use rlhost_verifier::thinking::holds_box;
/// assert!(holds_box("<think>The cup is at [10, 20, 30.5, 40].</think>"));
/// assert!(!holds_box("<think>The cup</think> is at [10, 20, 30, 40]."));
/// assert!(!holds_box("<think>[0, 0, 0, 0]</think>"));
/// ```
pub fn holds_box(response: &str) -> bool {
    let mut rest = response;
    while let Some((_, after)) = rest.split_once("<think>") {
        let Some((inner, after)) = after.split_once("</think>") else {
            return false;
        };
        if inner.split('[').skip(1).any(is_box) {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether a text begins with the four numbers of a box and a closing bracket.
fn is_box(text: &str) -> bool {
    let Some((inner, _)) = text.split_once(']') else {
        return false;
    };
    // Longer ones are no numbers anybody writes.
    if inner.len() > 200 {
        return false;
    }
    let number = |text: &str| {
        let text = text.trim();
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        plain.then(|| text.parse::<f64>().ok()).flatten()
    };
    let numbers: Option<Vec<f64>> = inner.split(',').map(number).collect();
    matches!(numbers.as_deref(), Some([a, b, c, d]) if a < c && b < d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_count_in_closed_thinking_only() {
        for (text, expected) in [
            ("<think>[1, 2, 3, 4]</think>", true),
            ("<think>a</think><think>[.5,0.5,1,1]</think>", true),
            ("<think>[[1, 2, 3, 4]]</think>", true),
            ("<think>[1, 2, 3, 4]", false),
            ("[1, 2, 3, 4]", false),
            ("<think>[1, 2, 3]</think>", false),
            ("<think>[1, 2, 3, 4, 5]</think>", false),
            ("<think>[3, 4, 1, 2]</think>", false),
            ("<think>[a, b, c, d]</think>", false),
            ("<think>[nan, 0, inf, 1]</think>", false),
            ("<think>(1, 2, 3, 4)</think>", false),
            ("<think>[1, 2, 3, 4</think>]", false),
            ("", false),
        ] {
            assert_eq!(holds_box(text), expected, "{text}");
        }
    }
}
