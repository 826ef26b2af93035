//! The answer that a response states, as far as its form shows it: enough to see whether two responses say the same.
//!
//! What an answer is worth, only a reward knows. This reads the marks that models are taught to set, and without one
//! takes the last line.

/// The answer of `response`: the inside of its last `<answer>` tag or `\boxed{}`, whichever ends later, else its last line
/// that is not empty; white space in it is single.
pub(super) fn stated(response: &str) -> String {
    let marked = last_tag(response).into_iter().chain(last_box(response));
    let found = marked.max_by_key(|(end, _)| *end).map(|(_, inside)| inside);
    let found = found.unwrap_or_else(|| {
        let mut lines = response.lines().rev();
        lines.find(|line| !line.trim().is_empty()).unwrap_or("")
    });
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The end and the inside of the last closed tag.
fn last_tag(text: &str) -> Option<(usize, &str)> {
    let end = text.rfind("</answer>")?;
    let start = text[..end].rfind("<answer>")? + "<answer>".len();
    Some((end, &text[start..end]))
}

/// The end and the inside of the last closed box.
fn last_box(text: &str) -> Option<(usize, &str)> {
    let mut before = text.len();
    while let Some(start) = text[..before].rfind("\\boxed{") {
        let inside = start + "\\boxed{".len();
        if let Some(length) = closing(&text[inside..]) {
            return Some((inside + length, &text[inside..inside + length]));
        }
        before = start;
    }
    None
}

/// Where the brace that is open before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\\' => {
                escaped = !escaped;
                continue;
            }
            b'{' if !escaped => depth += 1,
            b'}' if !escaped => depth -= 1,
            _ => {}
        }
        escaped = false;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn the_last_mark_holds_the_answer() {
        for (response, answer) in [
            ("<think>\\boxed{1}</think><answer> 2 </answer>", "2"),
            (
                "<answer>1</answer> no: \\boxed{\\frac{1}{2}} it is",
                "\\frac{1}{2}",
            ),
            ("\\boxed{3} and an open \\boxed{4", "3"),
            ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
            ("<answer>open", "<answer>open"),
            ("So it is\n  forty   two\n\n", "forty two"),
            ("</answer><answer>", "</answer><answer>"),
            ("", ""),
        ] {
            assert_eq!(stated(response), answer, "{response}");
        }
    }
}
