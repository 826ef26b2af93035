//! Choices in Chinese: `答案是B`, `故选：B`, `B选项正确`.

use crate::letters;
use crate::said::{Rank, Said};

/// What a Chinese sentence says: `答案是B`, `故选：B`, `B选项正确`, `B三角形`.
pub(crate) fn said(sentence: &str) -> Said {
    let spaced: String = sentence
        .chars()
        .flat_map(|c| {
            let wide = letters::is_chinese(c);
            [wide.then_some(' '), Some(c), wide.then_some(' ')]
        })
        .flatten()
        .collect();
    let words: String = sentence
        .chars()
        .filter(|c| letters::is_chinese(*c))
        .collect();
    let others: String = spaced
        .chars()
        .map(|c| {
            if letters::is_chinese(c) || c == ':' {
                ' '
            } else {
                c
            }
        })
        .collect();
    let named: Vec<&str> = others.split_whitespace().collect();
    let denied = [
        "不", "错", "非", "没", "排除", "或", "可能", "吗", "还是", "猜",
    ]
    .iter()
    .any(|word| words.contains(word));
    let chooses = sentence.starts_with('答')
        || ["选", "答案", "正确", "对", "故", "所以", "因此"]
            .iter()
            .any(|word| words.contains(word));
    let found = letters::list(&others, true);
    match found {
        Some(letters) if denied => Said::Denied(letters),
        Some(letters) if chooses => Said::Chosen(letters, Rank::Led),
        None if denied && named.is_empty() && words.chars().count() <= 6 => Said::Back,
        // Letters among other words: `所以选B (三角形ABC)`.
        None if chooses && !denied => {
            let after = sentence.rfind(['选', '是', '为', ':']).map(|at| {
                let rest = &sentence[at..];
                rest.trim_start_matches(['选', '择', '项', '是', '为', ':', ' '])
            });
            match after
                .and_then(|rest| letters::list(rest, true).or_else(|| letters::labelled(rest, &[])))
            {
                Some(letters) => Said::Chosen(letters, Rank::Led),
                None => Said::Nothing,
            }
        }
        _ => Said::Nothing,
    }
}
