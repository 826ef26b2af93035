//! Numerals of a base, as texts: `204_5`, `(2A)_{16}`, `204 \text{ (base 5)}`, and the same digits alone.

use crate::words;

/// The digits and the base of a numeral that names its base.
fn based(text: &str) -> Option<(String, u64)> {
    let text = text.replace(['$', ' '], "");
    let (digits, base) = text.rsplit_once('_')?;
    let digits = digits
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(digits);
    let mut name = base;
    for (open, close) in [("{", "}"), ("\\text{", "}"), ("\\mathrm{", "}"), ("(", ")")] {
        if let Some(inner) = name
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
        {
            name = inner;
        }
    }
    let name = name.strip_prefix("base").unwrap_or(name);
    Some((plain(digits)?, self::base(name)?))
}

/// The digits and the base of a numeral whose base follows in words.
fn in_words(text: &str) -> Option<(String, u64)> {
    let text = crate::text::plain(text).to_lowercase();
    let (digits, base) = text.split_once("base")?;
    let digits = digits.trim().trim_end_matches('(').trim();
    let digits = digits.strip_suffix("in").unwrap_or(digits);
    let name = base.trim().trim_end_matches(')').trim();
    Some((plain(digits.trim())?, self::base(name)?))
}

fn base(name: &str) -> Option<u64> {
    let named = words::small(name).or_else(|| name.parse().ok());
    named.filter(|base| (2..=36).contains(base))
}

/// Digits, in capitals, beginning with a digit where there are letters.
fn plain(digits: &str) -> Option<String> {
    let digits = digits
        .replace("\\text{", "")
        .replace("\\mathrm{", "")
        .replace(['{', '}'], "");
    let fits = !digits.is_empty()
        && digits.len() <= 64
        && digits.bytes().all(|b| b.is_ascii_alphanumeric())
        && digits.bytes().any(|b| b.is_ascii_digit());
    fits.then(|| digits.to_ascii_uppercase())
}

/// Are two texts the same numeral? An answer without its base is read in the base that the reference asks for; one with a base
/// is no answer where the reference is a plain number.
pub(crate) fn same(response: &str, reference: &str) -> Option<bool> {
    let (wanted, base) = based(reference).or_else(|| in_words(reference))?;
    if base == 10 {
        return None;
    }
    if let Some((given, its)) = based(response).or_else(|| in_words(response)) {
        return (its != 10).then_some(given == wanted && its == base);
    }
    plain(response.trim())
        .filter(|given| *given == wanted)
        .map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn the_reference_names_the_base() {
        for (response, reference, expected) in [
            ("204", "204_5", Some(true)),
            ("204_{5}", "204_5", Some(true)),
            ("(204)_5", "204_5", Some(true)),
            ("204_{\\text{five}}", "204_5", Some(true)),
            ("204\\text{ base }5", "204_5", Some(true)),
            ("204 \\text{ (base 5)}", "204_5", Some(true)),
            ("2a", "2A_{16}", Some(true)),
            ("204_6", "204_5", Some(false)),
            ("205", "204_5", None),
            ("204_5", "204", None),
            ("x_5", "x_5", None),
        ] {
            assert_eq!(
                same(response, reference),
                expected,
                "{response} for {reference}"
            );
        }
    }
}
