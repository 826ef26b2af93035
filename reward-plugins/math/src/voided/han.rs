//! What voids a value in a Chinese sentence: a closed list of what touches it or denies it.
//!
//! | Voided | By |
//! |---|---|
//! | `负\boxed{3}`, `大于\boxed{3}`, `\boxed{3}的平方`, `\boxed{3}以上` | a sign, a bound or an operation that touches it |
//! | `不是\boxed{3}`, `\boxed{3}是错的`, `\boxed{3}（舍去）` | a denial that touches it |
//! | `答案的两倍是\boxed{3}`, `假设答案是\boxed{3}` | a clause that speaks of something else than the answer |
//! | `\boxed{3}或4`, `4或\boxed{3}` | another value beside it |
//! | `\boxed{3}。不对，是4。` | what takes it back |
//!
//! Chinese is written without spaces: a character counts only where its word touches the value.

use crate::han::{is_han, multiple};

/// Signs, bounds and places in a row before a value.
const BEFORE: [&str; 21] = [
    "负",
    "零下",
    "负的",
    "分之",
    "大于",
    "小于",
    "超过",
    "多于",
    "少于",
    "高于",
    "低于",
    "不足",
    "不到",
    "不少于",
    "不多于",
    "不超过",
    "除了",
    "舍去",
    "排除",
    "进制",
    "进制的",
];
/// Bounds and operations after a value.
const AFTER: [&str; 22] = [
    "以上", "以下", "以内", "以外", "之外", "之间", "左右", "上下", "分之", "半", "个半", "多",
    "余", "次方", "平方", "立方", "进制", "又", "打", "兆", "除外", "乘",
];
/// What is made of a value: `12的平方`.
const OPERATIONS: [&str; 14] = [
    "平方",
    "立方",
    "一半",
    "两倍",
    "二倍",
    "三倍",
    "倍数",
    "倍",
    "倒数",
    "相反数",
    "绝对值",
    "次方",
    "次幂",
    "算术平方根",
];
/// What denies a value or a copula directly before it.
const DENIALS: [&str; 16] = [
    "不",
    "没",
    "非",
    "未必",
    "不一定",
    "不可能",
    "不会",
    "不应",
    "不应该",
    "不应当",
    "不再",
    "不能",
    "没有",
    "不等",
    "不存在",
    "不能说",
];
/// What calls a value wrong that stands before it.
const WRONG: [&str; 20] = [
    "错",
    "不对",
    "不正确",
    "不成立",
    "不符",
    "不合",
    "不是",
    "不行",
    "舍",
    "排除",
    "才怪",
    "吗",
    "么",
    "猜",
    "待定",
    "不确定",
    "无效",
    "不满足",
    "不可能",
    "不存在",
];
/// Verbs that lead to a value.
pub(crate) const COPULAS: [&str; 18] = [
    "是", "为", "等于", "有", "共", "选", "选择", "得", "得到", "得出", "答案", "答", "取", "需要",
    "剩", "剩下", "即", "了",
];
/// What takes back what stands before it.
const RETRACTIONS: [&str; 12] = [
    "不对",
    "错了",
    "乱写",
    "瞎猜",
    "算错",
    "说错",
    "写错",
    "更正",
    "开玩笑",
    "搞错",
    "弄错",
    "以上错误",
];
/// Second thoughts: they take back only where another answer follows.
const PAUSES: [&str; 5] = ["等等", "等一下", "稍等", "不", "应该"];

/// Clauses behind a value that are looked at.
const MAX_CLAUSES: usize = 32;

/// Layout between words and a value.
fn is_layout(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '*' | '$' | '"' | '“' | '”' | '(' | ')' | '（' | '）' | '~'
        )
}

/// A mark at which a clause ends; a colon does not end it.
fn is_end(c: char) -> bool {
    matches!(
        c,
        '。' | '，' | '；' | '！' | '？' | '、' | '.' | ',' | ';' | '!' | '?' | '\n'
    )
}

/// The text before a value without layout.
fn lead(text: &str) -> &str {
    let mut text = text;
    loop {
        let shorter = text.trim_end_matches(is_layout);
        let shorter = ["\\(", "\\[", "\\text{", "\\displaystyle"]
            .iter()
            .find_map(|open| shorter.strip_suffix(open))
            .unwrap_or(shorter);
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}

/// The text after a value without layout.
fn tail(text: &str) -> &str {
    let mut text = text;
    loop {
        let shorter = text.trim_start_matches(is_layout);
        let shorter = ["\\)", "\\]", "\\text{", "\\,", "\\ "]
            .iter()
            .find_map(|close| shorter.strip_prefix(close))
            .unwrap_or(shorter);
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}

/// A text without the verbs and colons at its end that lead to a value.
pub(crate) fn without_copula(text: &str) -> &str {
    let mut text = lead(text);
    loop {
        let shorter = lead(text.trim_end_matches([':', '：', '=']));
        let shorter = COPULAS
            .iter()
            .filter(|word| !matches!(**word, "答案" | "答"))
            .find_map(|word| shorter.strip_suffix(word))
            .unwrap_or(shorter);
        if shorter == text {
            return text;
        }
        text = lead(shorter);
    }
}

/// Does a sign, a bound or a place in a row stand directly before a value?
pub(crate) fn changes_before(before: &str) -> bool {
    let before = lead(before);
    BEFORE.iter().any(|word| before.ends_with(word))
}

/// Does a bound or an operation directly follow a value?
pub(crate) fn changes_after(after: &str) -> bool {
    let after = tail(after);
    let squared = |word: &str| {
        // `平方厘米` is a unit.
        matches!(word, "平方" | "立方")
            && after[word.len()..].starts_with(|c| is_han(c) && c != '根')
    };
    let of = after.strip_prefix('的');
    AFTER
        .iter()
        .any(|word| after.starts_with(word) && !squared(word))
        || of.is_some_and(|of| {
            let of = of.trim_start_matches(|c: char| c.is_ascii_digit());
            OPERATIONS.iter().any(|word| of.starts_with(word))
        })
}

/// Is a value denied by what leads to it?
pub(crate) fn denies_before(before: &str) -> bool {
    let said = without_copula(before);
    DENIALS.iter().any(|word| said.ends_with(word))
}

/// Is a value called wrong, doubted or asked for by what directly follows it?
pub(crate) fn denies_after(after: &str) -> bool {
    let mut after = tail(after);
    for word in ["这", "也", "就", "都", "并", "显然", "是", "个", "应"] {
        after = after.strip_prefix(word).unwrap_or(after);
    }
    WRONG.iter().any(|word| after.starts_with(word))
}

/// Does a clause speak of something made of the answer, of a wrong answer, or of a supposed one?
pub(crate) fn is_of_another_thing(before: &str) -> bool {
    let said = without_copula(before);
    let made = said.rsplit_once("答案").is_some_and(|(_, rest)| {
        let of = rest.strip_prefix('的').unwrap_or_default();
        OPERATIONS.iter().any(|word| of.starts_with(word))
            || of.contains("分之")
            || ["加", "减", "乘", "除以"]
                .iter()
                .any(|word| rest.starts_with(word))
    });
    let mistaken = [
        "错误答案",
        "错误的答案",
        "错解",
        "误解",
        "错误结果",
        "常见错误",
    ]
    .iter()
    .any(|word| said.ends_with(word));
    let supposed = ["假设", "假如", "如果", "若", "倘若", "设", "假定"]
        .iter()
        .any(|word| said.starts_with(word))
        && said.ends_with("答案");
    made || mistaken || supposed
}

/// Does what follows a sentence take it back? `value` is what it said.
pub(crate) fn retracts(after: &str, value: &str) -> bool {
    let repeated = |rest: &str| !value.is_empty() && rest.contains(value);
    let mut rest = after;
    for _ in 0..MAX_CLAUSES {
        let Some(at) = rest.find(is_end) else {
            break;
        };
        rest = rest[at..].trim_start_matches(|c| is_end(c) || is_layout(c));
        let mut clause = rest;
        for word in ["但", "但是", "哦", "我", "刚才", "前面", "上面", "这里"] {
            clause = clause.strip_prefix(word).unwrap_or(clause);
        }
        if RETRACTIONS.iter().any(|word| clause.starts_with(word)) && !repeated(clause) {
            return true;
        }
        let again = PAUSES
            .iter()
            .find_map(|word| clause.strip_prefix(word).map(|rest| (word, rest)))
            // `不是4` agrees, `不，是4` does not.
            .filter(|(word, rest)| **word != "不" || rest.starts_with(is_end))
            .map(|(_, rest)| rest);
        if let Some(again) = again {
            let again = again.trim_start_matches(|c| is_end(c) || is_layout(c));
            let states = ["是", "为", "应", "答案", "正确答案", "结果"]
                .iter()
                .any(|word| again.starts_with(word))
                || again.starts_with(|c: char| c.is_ascii_digit());
            let other = states && again.contains(|c: char| c.is_ascii_digit());
            if (again.is_empty() || other) && !repeated(again) {
                return true;
            }
        }
    }
    false
}

/// Is another value joined to a mark: `\boxed{3}或4`, `4或\boxed{3}`? Several boxes are one list.
fn is_alternative(before: &str, after: &str, content: &str) -> bool {
    let value = |c: char| c.is_ascii_alphanumeric();
    let behind = tail(after);
    let behind = behind
        .strip_prefix("或者")
        .or_else(|| behind.strip_prefix('或'))
        .map(|rest| tail(rest.trim_start_matches('是')));
    let behind = behind.is_some_and(|rest| {
        let run = rest.split(|c| is_han(c) || is_end(c)).next();
        (rest.starts_with(value) || rest.starts_with(['-', '\\']))
            && !rest.starts_with("\\boxed")
            && run.is_some_and(|run| run.trim_matches(is_layout) != content)
    });
    let ahead = lead(before);
    let ahead = ahead
        .strip_suffix("或者")
        .or_else(|| ahead.strip_suffix('或'))
        .map(lead);
    behind || ahead.is_some_and(|text| text.ends_with(value))
}

/// Do Chinese words around a mark void it? `content` is what stands in it. What directly follows counts only with `behind`.
pub(super) fn is_voided(before: &str, content: &str, after: &str, behind: bool) -> bool {
    let clause = &before[before.rfind(is_end).map_or(0, |at| {
        at + before[at..].chars().next().map_or(0, char::len_utf8)
    })..];
    let next = tail(after);
    let touches = clause.contains(is_han)
        && (changes_before(clause) || denies_before(clause) || is_of_another_thing(clause));
    let followed = next.starts_with(is_han)
        && (denies_after(after) || behind && (changes_after(after) || multiple(next).is_some()));
    touches
        || followed
        || behind && is_alternative(before, after, content)
        || after.contains(is_han) && retracts(after, content)
}

#[cfg(test)]
mod tests {
    use super::is_voided;

    #[test]
    fn what_touches_or_denies_a_mark_voids_it() {
        for (before, after) in [
            ("负", ""),
            ("不是", ""),
            ("答案并不等于$", "$。"),
            ("大于", ""),
            ("答案的平方是", ""),
            ("假设答案是", ""),
            ("", "的平方"),
            ("", "万"),
            ("", "（舍去）"),
            ("", "或9"),
            ("9或", ""),
            ("", "。不对，是9。"),
            ("", "。等等，应该是9。"),
        ] {
            assert!(is_voided(before, "7", after, true), "{before} {after}");
        }
        for (before, after) in [
            ("不等式的解为", ""),
            ("不是9，而是", "。"),
            ("第", "天"),
            ("共有", "种不同的方法"),
            ("面积是", "平方厘米"),
            ("是原来的", "倍"),
            ("距离为", "千米"),
            ("答案是", "。等等，再检查一遍，没有问题。"),
            ("错误的说法有", "个"),
            ("所以答案是", "，不是9。"),
        ] {
            assert!(!is_voided(before, "7", after, true), "{before} {after}");
        }
    }
}
