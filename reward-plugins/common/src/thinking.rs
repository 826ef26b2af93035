//! What a response thinks before it answers.

use rlhost_plugin::Sample;
use rlhost_plugin::serde_json::Value;

/// Sides of images are no longer than this; numbers above it are no coordinates.
const MAX_SIDE: f64 = 16_384.0;
/// The largest coordinate where sides are counted as a thousand.
const THOUSANDTHS: f64 = 1000.0;

/// Whether a closed `<think>…</think>` holds a box: four numbers in square brackets, separated by commas, the third above
/// the first and the fourth above the second.
///
/// Coordinates are shares of the image's sides, thousandths of them or pixels, so none is negative. Where the image's width
/// and height are known, none is beyond them and beyond 1000; else none is beyond 16,384.
///
/// ```
/// use rlhost_verifier::thinking::holds_box;
/// assert!(holds_box("<think>The cup is at [10, 20, 30.5, 40].</think>", None));
/// assert!(!holds_box("<think>The cup</think> is at [10, 20, 30, 40].", None));
/// assert!(!holds_box("<think>[0, 0, 0, 0]</think>", None));
/// assert!(!holds_box("<think>[1990, 2000, 2010, 2020]</think>", Some((640.0, 480.0))));
/// ```
pub fn holds_box(response: &str, size: Option<(f64, f64)>) -> bool {
    let (width, height) = size.map_or((MAX_SIDE, MAX_SIDE), |(width, height)| {
        (width.max(THOUSANDTHS), height.max(THOUSANDTHS))
    });
    let is_box = |text: &str| is_box(text, width, height);
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

/// Width and height of the sample's image: its columns `width` and `height`, or else its first image's; nothing where there
/// are neither.
pub fn image_size(sample: &Sample) -> Option<(f64, f64)> {
    let side = |name: &str| {
        let column = sample.column(name).ok().flatten();
        let number = column.as_ref().and_then(Value::as_f64);
        number.filter(|side| *side >= 1.0)
    };
    let image = sample.images.first();
    side("width")
        .zip(side("height"))
        .or_else(|| image.map(|image| (f64::from(image.width()), f64::from(image.height()))))
}

/// Whether a text begins with the four numbers of a box and a closing bracket.
fn is_box(text: &str, width: f64, height: f64) -> bool {
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
    matches!(numbers.as_deref(), Some([a, b, c, d])
        if 0.0 <= *a && a < c && *c <= width && 0.0 <= *b && b < d && *d <= height)
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
            assert_eq!(holds_box(text, None), expected, "{text}");
        }
    }

    #[test]
    fn coordinates_lie_in_the_image() {
        let small = Some((640.0, 480.0));
        let large = Some((1920.0, 1080.0));
        for (numbers, size, expected) in [
            ("-5, -4, 3, 4", None, false),
            ("1, -4, 3, 4", None, false),
            ("1, 2, 3, 20000", None, false),
            ("1, 2, 1500, 1000", None, true),
            ("1, 2, 1500, 1000", large, true),
            ("1, 2, 1500, 1000", small, false),
            ("1, 2, 1000, 1000", small, true),
            ("1, 2, 1001, 400", small, false),
            ("1900, 1910, 1920, 1930", large, false),
            ("0, 0, 1, 1", small, true),
        ] {
            let text = format!("<think>[{numbers}]</think>");
            assert_eq!(holds_box(&text, size), expected, "{text}");
        }
    }
}
