//! The value that a Chinese sentence states: `所以一共有12个。` says 12, `故选：B` says B.
//!
//! Chinese has no spaces and no forms of words, so the structure is that of the signs: one value in the last clause that has any,
//! with Han characters before it, and at most what is counted after it. What negates, doubts or changes a value is a character of
//! a closed class.

/// Characters that negate, doubt or offer a choice: not, without, or, perhaps, if.
const AGAINST: [&str; 14] = [
    "不", "非", "没", "無", "无", "或", "可能", "也许", "如果", "假设", "若", "错", "吗", "除",
];
/// Before a value: a place in a row, a half, a multiple or a bound, and names of parts of the work.
const BEFORE: [&str; 15] = [
    "分之", "第", "半", "大于", "小于", "超过", "至少", "至多", "最多", "不到", "约", "步骤", "题",
    "负", "问",
];
/// After a value: a fraction, a multiple, a bound, a scale.
const AFTER: [&str; 12] = [
    "分之", "倍", "以上", "以下", "多", "左右", "半", "万", "亿", "千", "百", "的",
];

/// The value that the last clause with a value states.
pub(crate) fn stated(text: &str) -> Option<String> {
    let line = text.trim().lines().next_back()?;
    if !line.contains(is_han) || line.ends_with(['?', '？']) {
        return None;
    }
    let is_value = |c: char| {
        c.is_ascii_alphanumeric() || ('０'..='９').contains(&c) || ('Ａ'..='Ｚ').contains(&c)
    };
    let sentence = line
        .split(['。', '；', ';', '!', '！'])
        .rfind(|part| part.contains(is_value))?;
    let clause = clauses(sentence).rfind(|part| part.contains(is_value))?;
    // A reason before it may have values of its own, the clause has one.
    let start = clause.find(|c| !is_lead(c))?;
    let (before, rest) = clause.split_at(start);
    let end = rest.find(is_han).unwrap_or(rest.len());
    let (value, after) = rest.split_at(end);
    let value = value.trim().trim_end_matches(['.', '*']).trim();
    let has = |text: &str, list: &[&str]| list.iter().any(|word| text.contains(word));
    let more = after.contains(is_value);
    let named = before.contains(is_han);
    (named
        && !more
        && !value.is_empty()
        && !has(sentence, &AGAINST)
        && !BEFORE.iter().any(|word| before.trim_end().ends_with(word))
        && !AFTER
            .iter()
            .any(|word| after.trim_start().starts_with(word)))
    .then(|| value.to_owned())
}

/// A sentence cut at its commas; one between digits separates thousands.
fn clauses(sentence: &str) -> impl DoubleEndedIterator<Item = &str> {
    let mut cuts = vec![0];
    for (at, c) in sentence.char_indices() {
        let next = at + c.len_utf8();
        let ends = matches!(c, '，' | '、') || c == ',' && sentence[next..].starts_with(is_han);
        if ends {
            cuts.push(next);
        }
    }
    let ends: Vec<usize> = cuts
        .iter()
        .skip(1)
        .copied()
        .chain([sentence.len()])
        .collect();
    cuts.into_iter()
        .zip(ends)
        .map(|(start, end)| &sentence[start..end])
        .collect::<Vec<_>>()
        .into_iter()
}

/// Is it a Han character?
fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

/// Does a character belong to the words before a value?
fn is_lead(c: char) -> bool {
    is_han(c) || c.is_whitespace() || matches!(c, ':' | '：' | '*' | '“' | '"' | '=')
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn a_clause_states_its_value() {
        for (text, expected) in [
            ("所以答案是12。", Some("12")),
            ("答案：12", Some("12")),
            ("故选：B", Some("B")),
            ("因为3加9等于12，所以一共有12个。", Some("12")),
            ("因此面积为 $\\frac{1}{2}$。", Some("$\\frac{1}{2}$")),
            ("**答案：** 40°。", Some("40°")),
            ("答案不是12。", None),
            ("是12或13。", None),
            ("在第12步", None),
            ("三分之12", None),
            ("有12倍。", None),
            ("是12吗？", None),
            ("有3个红球和4个白球。", None),
            ("12", None),
            ("The answer is 12.", None),
        ] {
            assert_eq!(stated(text).as_deref(), expected, "{text}");
        }
    }
}
