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

/// The end and the inside of the last box that begins before all others that close, in one pass: a text may open very many.
fn last_box(text: &str) -> Option<(usize, &str)> {
    const BOX: &[u8] = b"\\boxed{";
    let bytes = text.as_bytes();
    // Where the inside of each open brace begins, if it is a box's.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(BOX) {
            at += BOX.len();
            open.push(Some(at));
            continue;
        }
        match bytes[at] {
            // What a backslash escapes opens and closes nothing.
            b'\\' => at += 1,
            b'{' => open.push(None),
            b'}' => {
                if let Some(Some(start)) = open.pop()
                    && last.is_none_or(|(before, _)| before < start)
                {
                    last = Some((start, at));
                }
            }
            _ => {}
        }
        at += 1;
    }
    last.map(|(start, end)| (end, &text[start..end]))
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
            ("\\boxed{a \\boxed{b} c}", "b"),
            ("} \\boxed{5}", "5"),
            ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
            ("<answer>open", "<answer>open"),
            ("So it is\n  forty   two\n\n", "forty two"),
            ("</answer><answer>", "</answer><answer>"),
            ("", ""),
        ] {
            assert_eq!(stated(response), answer, "{response}");
        }
        // Read once, however many are open.
        let many = "\\boxed{".repeat(1_000_000);
        assert_eq!(stated(&many).len(), many.len());
    }
}
