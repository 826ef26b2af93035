//! Characters that stand for others: full-width forms, styled letters, foreign digits, look-alikes.

/// `text` with full-width and styled letters and digits as ASCII, every kind of space as a space, every kind of
/// hyphen and minus as `-`, straight quotes, the decimal digits of other scripts as ASCII digits, and without
/// characters of no width. Letters of other alphabets stay, and so do superscripts and marks that turn the direction.
///
/// ```
/// use rlhost_verifier::fold::fold;
/// assert_eq!(fold("－３．５　ｃｍ"), "-3.5 cm");
/// assert_eq!(fold("𝟒𝟐\u{200B}"), "42");
/// ```
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    text.chars().filter_map(folded).collect()
}

/// `text` [folded](fold), in lower case, with any white space as one space and none around.
///
/// ```
/// use rlhost_verifier::fold::spaced;
/// assert_eq!(spaced(" Red\n　CAR "), "red car");
/// ```
pub fn spaced(text: &str) -> String {
    let words: Vec<String> = fold(text)
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.join(" ")
}

/// One character of [`fold`]; nothing for one of no width.
pub fn folded(c: char) -> Option<char> {
    let code = c as u32;
    let shifted = |base: u32, to: char| char::from_u32(code - base + to as u32).unwrap_or(c);
    Some(match code {
        0..=0x7F => c,
        0xAD | 0x200B..=0x200D | 0x2060 | 0xFEFF | 0xFE00..=0xFE0F => return None,
        0xFF01..=0xFF5E => shifted(0xFF01, '!'),
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 => '-',
        0x2018 | 0x2019 | 0x201B | 0x2032 => '\'',
        0x201C | 0x201D | 0x201F | 0x2033 => '"',
        // Mathematical letters come as alphabets of 26 capitals and 26 small ones, digits as runs of 10.
        0x1D400..=0x1D6A3 => match (code - 0x1D400) % 52 {
            letter @ 0..26 => char::from(b'A' + letter as u8),
            letter => char::from(b'a' + (letter - 26) as u8),
        },
        0x1D7CE..=0x1D7FF => char::from(b'0' + ((code - 0x1D7CE) % 10) as u8),
        0x24B6..=0x24CF => shifted(0x24B6, 'A'),
        0x24D0..=0x24E9 => shifted(0x24D0, 'a'),
        0x0660..=0x0669 => shifted(0x0660, '0'),
        0x06F0..=0x06F9 => shifted(0x06F0, '0'),
        0x0966..=0x096F => shifted(0x0966, '0'),
        _ if c.is_whitespace() => ' ',
        _ => c,
    })
}

/// The Latin capital that a Greek or Cyrillic capital looks like; other characters as they are.
///
/// ```
/// use rlhost_verifier::fold::latin;
/// assert_eq!(latin('\u{0412}'), 'B');
/// ```
pub fn latin(c: char) -> char {
    match c {
        'Α' | 'А' => 'A',
        'Β' | 'В' => 'B',
        'С' | 'Ϲ' => 'C',
        'Ε' | 'Е' => 'E',
        'Η' | 'Н' => 'H',
        'Ι' | 'І' => 'I',
        'Ј' => 'J',
        'Κ' | 'К' => 'K',
        'Μ' | 'М' => 'M',
        'Ν' => 'N',
        'Ο' | 'О' => 'O',
        'Ρ' | 'Р' => 'P',
        'Ѕ' => 'S',
        'Τ' | 'Т' => 'T',
        'Χ' | 'Х' => 'X',
        'Υ' => 'Y',
        'Ζ' => 'Z',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_become_what_they_look_like() {
        for (text, expected) in [
            ("ＡＢ　１２", "AB 12"),
            ("𝐁 𝑏 𝟘 𝟗", "B b 0 9"),
            ("٣ ۴ ५", "3 4 5"),
            ("− – ‐", "- - -"),
            ("Ⓑ ⓩ", "B z"),
            ("a\u{00A0}b\u{2009}c", "a b c"),
            ("4\u{200B}2\u{FEFF}", "42"),
            ("10²", "10²"),
            ("\u{202E}42", "\u{202E}42"),
        ] {
            assert_eq!(fold(text), expected);
        }
    }
}
