//! Marks in a prompt's text: `<image>` stands for the next picture.
//!
//! A backslash before a mark makes it plain text: `\<image>` is the word itself. Two backslashes are two
//! backslashes, as LaTeX writes the end of a line, and the mark behind them stands for a picture.

/// Stands for a picture.
pub(crate) const IMAGE: &str = "<image>";

/// Stand for what is not read.
const OTHERS: [&str; 2] = ["<video>", "<audio>"];

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Image,
}

/// Cuts a text at its marks. Texts are not empty, and no two stand next to each other. A mark that stands for
/// something else than a picture stays in the text; the first one is put into `unread`.
pub(crate) fn split(text: &str, unread: &mut Option<&'static str>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((at, mark)) = first_mark(rest) {
        let before = &rest[..at];
        rest = &rest[at + mark.len()..];
        let backslashes = at - before.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            plain.push_str(&before[..at - 1]);
            plain.push_str(mark);
            continue;
        }
        plain.push_str(before);
        if mark != IMAGE {
            plain.push_str(mark);
            unread.get_or_insert(mark);
            continue;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Image);
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// Where the first mark stands, and which it is.
fn first_mark(text: &str) -> Option<(usize, &'static str)> {
    let marks = [IMAGE].into_iter().chain(OTHERS);
    marks
        .filter_map(|mark| Some((text.find(mark)?, mark)))
        .min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let pieces = split(text, &mut None).into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Image => "IMAGE".to_owned(),
            })
            .collect()
    }

    #[test]
    fn texts_are_cut_at_marks() {
        assert_eq!(shown("plain"), ["plain"]);
        assert_eq!(shown("a <image> b<image>"), ["a ", "IMAGE", " b", "IMAGE"]);
        assert!(shown("").is_empty());
    }

    #[test]
    fn a_backslash_makes_a_mark_plain() {
        assert_eq!(shown(r"the tag \<image>?"), ["the tag <image>?"]);
        assert_eq!(shown(r"\<image><image>"), ["<image>", "IMAGE"]);
        assert_eq!(shown(r"a \\<image>"), [r"a \\", "IMAGE"]);
        assert_eq!(shown(r"a \\\<image>"), [r"a \\<image>"]);
        assert_eq!(shown(r"\<video> and \alpha"), [r"<video> and \alpha"]);
        // The backslashes behind a mark are not those before the next.
        assert_eq!(shown(r"<image>\<image>"), ["IMAGE", "<image>"]);
    }

    #[test]
    fn other_marks_stay_and_are_told() {
        for (text, told) in [
            ("<image><video>What?", Some("<video>")),
            ("a <audio> b <video>", Some("<audio>")),
            (r"the tag \<video>", None),
            ("plain", None),
        ] {
            let mut unread = None;
            split(text, &mut unread);
            assert_eq!(unread, told, "{text}");
        }
        assert_eq!(shown("a <video><image>"), ["a <video>", "IMAGE"]);
    }
}
