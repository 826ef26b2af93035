//! Where a response ends and the next turn begins, of a model that runs on.
//!
//! A tokenizer may leave the marks of a turn in the text (`<|im_end|>`), and a model may write the next turn itself
//! (`… is 12. <|im_start|>user`). What follows such a mark is no part of the response.

/// Names in `<|…|>` that mark a place in a picture and no turn.
const PLACES: [&str; 7] = [
    "box_",
    "object_ref_",
    "point_",
    "quad_",
    "vision_",
    "image_",
    "video_",
];
/// Marks of turns that are not written `<|…|>`.
const OTHERS: [&str; 5] = [
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<｜end▁of▁sentence｜>",
];
/// Who speaks, on a line of its own, where a tokenizer has left the marks themselves out.
const SPEAKERS: [&str; 3] = ["user", "human", "assistant"];

/// The response up to the first mark of a turn that has something before it.
///
/// ```
/// use rlhost_verifier::turn::first;
/// assert_eq!(first("It is 12. <|im_start|>user\nAnd now?"), "It is 12. ");
/// assert_eq!(first("<|box_start|>(1,2),(3,4)<|box_end|><|im_end|>"), "<|box_start|>(1,2),(3,4)<|box_end|>");
/// assert_eq!(first("<|im_start|>assistant\n12<|im_end|>").trim(), "12");
/// assert_eq!(first("It is 12.\nuser\nAnd now?"), "It is 12.\n");
/// ```
pub fn first(response: &str) -> &str {
    let mut text = response;
    // Marks at the start open the response itself.
    for _ in 0..4 {
        let Some(mark) = mark(text) else {
            return before_speaker(text);
        };
        if !text[..mark.0].trim().is_empty() {
            return before_speaker(&text[..mark.0]);
        }
        text = text[mark.1..].trim_start();
        for speaker in SPEAKERS {
            text = text.strip_prefix(speaker).unwrap_or(text);
        }
    }
    text
}

/// Where the first mark of a turn begins and ends.
fn mark(text: &str) -> Option<(usize, usize)> {
    // `<answer>12<|im_end|></answer>`: the answer closes after it.
    let inside = |end: usize| text[end..].trim_start().starts_with("</answer>");
    let other = OTHERS
        .iter()
        .filter_map(|mark| text.find(mark).map(|at| (at, at + mark.len())))
        .filter(|(_, end)| !inside(*end))
        // The end of struck text in HTML.
        .filter(|(at, end)| !(text[*at..*end] == *"</s>" && text[..*at].contains("<s>")))
        .min();
    let token = text.match_indices("<|").find_map(|(at, _)| {
        let inner = &text[at + 2..];
        let length = inner
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        let place = PLACES.iter().any(|place| inner.starts_with(place));
        (length > 0 && inner[length..].starts_with("|>") && !place)
            .then_some((at, at + length + 4))
            .filter(|(_, end)| !inside(*end))
    });
    [other, token].into_iter().flatten().min()
}

/// The text before a line that names nothing but who speaks next, and says something after it.
fn before_speaker(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let name = line.trim().trim_end_matches(':').to_ascii_lowercase();
        let speaks = SPEAKERS.contains(&name.as_str());
        if speaks && !text[..at].trim().is_empty() && !text[at + line.len()..].trim().is_empty() {
            return &text[..at];
        }
        at += line.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn the_next_turn_is_cut_off() {
        for (text, expected) in [
            ("12", "12"),
            ("12<|im_end|>", "12"),
            ("12</s>", "12"),
            (
                "12 <|eot_id|><|start_header_id|>user<|end_header_id|>\n\n13",
                "12",
            ),
            ("<start_of_turn>12<end_of_turn>13", "12"),
            ("<s>a</s> b", "<s>a</s> b"),
            ("a <| b |> c", "a <| b |> c"),
            ("The role is:\nuser", "The role is:\nuser"),
            ("user\n12", "user\n12"),
            ("12\nHuman:\nNext", "12"),
            ("<|im_end|>", ""),
            ("", ""),
        ] {
            assert_eq!(first(text).trim(), expected, "{text}");
        }
    }
}
