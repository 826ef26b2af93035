//! The value that a Chinese sentence states: `所以一共有12个。` says 12, `故选：B` says B, `点P的坐标是$(3,4)$` says $(3,4)$.
//!
//! Chinese has no spaces and no forms of words, so the structure is that of the signs. Formulas are atoms. A sentence with a word of
//! conclusion is the one that counts, else the last one with a value; in its clauses the last verb that leads to a value, `是`, `为`,
//! `有`, or a colon, or else the only number. Several clauses that state values state a list. What voids a value is what touches it or
//! denies it, see [`crate::voided::han`].

mod parts;

use crate::han::{self, is_han};
use crate::voided::han as voids;
use parts::{
    cut, ends_clause, ends_sentence, has_alphanumeric, has_digit, is_layout, labelled, last_line,
    runs,
};

/// Words with which a conclusion begins, and that say nothing themselves.
const CONNECTIVES: [&str; 14] = [
    "所以",
    "因此",
    "因而",
    "从而",
    "于是",
    "综上所述",
    "综上",
    "故",
    "则",
    "那么",
    "总之",
    "最后",
    "即",
    "由此",
];
/// Others with which one begins.
const CONCLUSIONS: [&str; 15] = [
    "解得",
    "可得",
    "答",
    "答案",
    "最终",
    "选",
    "一共",
    "总共",
    "共",
    "合计",
    "还剩",
    "正确答案",
    "结果",
    "本题",
    "正确选项",
];
/// What only explains what stands before it.
const EXPLANATIONS: [&str; 17] = [
    "当且仅当",
    "其中",
    "此时",
    "这时",
    "理由",
    "因为",
    "经检验",
    "检验",
    "验证",
    "注意",
    "解析",
    "过程",
    "这里",
    "说明",
    "由于",
    "代入",
    "注：",
];
/// A clause that begins so supposes, or repeats what is given.
const CONDITIONS: [&str; 15] = [
    "如果", "假如", "假设", "假定", "倘若", "若", "设", "令", "当", "已知", "题目", "题中", "例如",
    "比如", "因为",
];
/// Words that begin like a condition and are none.
const OTHERS: [&str; 6] = ["若干", "设备", "设计", "当地", "当天", "设有"];
/// What doubts a value where it stands before it, or before the verb that leads to it.
const DOUBTS: [&str; 19] = [
    "可能",
    "也许",
    "或许",
    "大概",
    "大约",
    "约",
    "恐怕",
    "估计",
    "猜",
    "猜测",
    "近似",
    "接近",
    "似乎",
    "好像",
    "随便写",
    "随机选",
    "介于",
    "例如",
    "比如",
];
/// What names a part of the work, a multiple or a bound before a value.
const NAMES: [&str; 13] = [
    "第", "步骤", "图", "题", "问", "前", "半", "至少", "至多", "最多", "满分", "见图", "非",
];
/// Answers in words at the end of a clause, longer ones first.
const VERDICTS: [&str; 17] = [
    "没有实数根",
    "没有实数解",
    "无实数根",
    "无实数解",
    "无实根",
    "没有解",
    "无解",
    "不存在",
    "不正确",
    "不可能",
    "不能",
    "不够",
    "不对",
    "不会",
    "错误",
    "正确",
    "得对",
];

/// What a clause says.
enum Said {
    /// No value.
    Nothing,
    /// A value that is denied, doubted or not clear.
    Unclear,
    Value(String),
}

/// Is the last line of a text Chinese, not English with a Chinese word in it?
pub(crate) fn is_chinese(text: &str) -> bool {
    let line = last_line(text);
    let count = line.chars().filter(|c| is_han(*c)).count();
    let english = |word: &&str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase());
    count > 0 && line.split_whitespace().filter(english).count() <= count
}

/// The value that the last line of a text states.
pub(crate) fn stated(text: &str) -> Option<String> {
    let line = labelled(last_line(text));
    if !line.contains(is_han) {
        return None;
    }
    let sentences = cut(&line, ends_sentence);
    let concludes = |sentence: &&str| {
        let sentence = sentence.trim_start_matches(is_layout);
        !begins(sentence, &EXPLANATIONS)
            && cut(sentence, ends_clause)
                .iter()
                .any(|clause| is_conclusion(clause))
    };
    let concluding = sentences.iter().rposition(concludes);
    let from = concluding.unwrap_or(0);
    // Another sentence with a value behind the conclusion goes on from it, unless it explains.
    let explained = sentences[from..]
        .iter()
        .skip(1)
        .position(|sentence| begins(sentence.trim_start_matches(is_layout), &EXPLANATIONS))
        .map_or(sentences.len(), |at| from + 1 + at);
    let at = sentences[from..explained]
        .iter()
        .rposition(|sentence| has_value(sentence))
        .map_or(concluding.unwrap_or(explained - 1), |at| from + at);
    let rest = &line[offset(&line, sentences[at])..];
    let after = &rest[sentences[at].len()..];
    let end = line.trim_end_matches(is_layout);
    let asks = end
        .trim_end_matches(['.', '。', '!', '！'])
        .ends_with(['?', '？', '吗', '呢'])
        || after.starts_with(['?', '？']);
    if asks {
        return None;
    }
    let value = in_sentence(sentences[at])?;
    // What is said before the sentence ends may be taken back in it, too.
    let taken_back = voids::retracts(rest, &value);
    (!taken_back).then_some(value)
}

/// Where a part begins in the text that it is cut from.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// The value that the clauses of a sentence state.
fn in_sentence(sentence: &str) -> Option<String> {
    let clauses = cut(sentence, ends_clause);
    let explained = clauses
        .iter()
        .skip(1)
        .position(|clause| begins(clause.trim_start_matches(is_layout), &EXPLANATIONS[..4]))
        .map_or(clauses.len(), |at| at + 1);
    let clauses = &clauses[..explained];
    let start = clauses
        .iter()
        .rposition(|clause| is_conclusion(clause))
        .unwrap_or(0);
    let mut values: Vec<String> = Vec::new();
    // A value alone needs words before it that lead to it.
    let mut led = false;
    for (at, clause) in clauses.iter().enumerate().skip(start) {
        let supposes = is_condition(clause);
        if supposes && at + 1 < clauses.len() {
            continue;
        }
        match in_clause(clause, led) {
            Said::Unclear => return None,
            Said::Value(_) if supposes => return None,
            Said::Value(value) => values.push(value),
            Said::Nothing => {}
        }
        led |= is_conclusion(clause) || !values.is_empty();
    }
    values.dedup();
    match values.as_slice() {
        [] => clauses[start..]
            .iter()
            .rev()
            .find_map(|clause| in_words(clause)),
        [value] => Some(value.clone()),
        // Names of parts, as in `甲有12元，乙有8元`, are left to the order.
        _ => Some(bare(&values.join(", "))),
    }
}

/// What a clause says, `led` where words before it may lead to a value that stands alone.
fn in_clause(clause: &str, led: bool) -> Said {
    let body = without_connectives(clause);
    let led = led || body.len() < clause.trim_start_matches(is_layout).len();
    let runs = runs(body);
    let counts = |run: &&(usize, usize)| is_value(&body[run.0..run.1]);
    let after_copula = |run: &&(usize, usize)| {
        let before = body[..run.0].trim_end_matches(is_layout);
        before.ends_with([':', '：']) || voids::COPULAS.iter().any(|word| before.ends_with(word))
    };
    let valued: Vec<_> = runs.iter().filter(counts).collect();
    let letter = |run: &&(usize, usize)| after_copula(run) && has_alphanumeric(&body[run.0..run.1]);
    let (start, end) = match (runs.iter().rfind(letter), valued.as_slice()) {
        (Some(led), _) => *led,
        (None, []) => return Said::Nothing,
        (None, [only]) => **only,
        // `3小时20分钟` is one value, `3或5` a list.
        (None, [first, ..]) if is_together(&body[first.0..]) => **first,
        (None, _) => return Said::Unclear,
    };
    let (before, value) = (&body[..start], &body[start..end]);
    let value = value
        .trim_matches(is_layout)
        .trim_end_matches(['.', ',', ':', '(']);
    let value = value.trim_matches(is_layout);
    let named = before.contains(is_han);
    if value.starts_with(['≈', '≠', '~']) || value.starts_with("\\approx") {
        return Said::Unclear;
    }
    if !named && !led || is_joined_before(body, &runs, start) {
        return Said::Unclear;
    }
    let said = voids::without_copula(before);
    let touching = before.trim_end_matches(is_layout);
    let doubted = DOUBTS
        .iter()
        .any(|word| said.ends_with(word) || touching.ends_with(word))
        || NAMES.iter().any(|word| touching.ends_with(word))
        || begins(before, &["没人", "没有人", "有人", "别人", "我猜", "猜"])
        || is_of_somebody(said);
    if doubted || voids::denies_before(before) || voids::is_of_another_thing(before) {
        return Said::Unclear;
    }
    let negative = touching.ends_with('负') || touching.ends_with("零下");
    let per_cent = touching.ends_with("百分之");
    if voids::changes_before(before) && !negative && !per_cent {
        return Said::Unclear;
    }
    let whole = body[start..].trim_matches(is_layout).trim_end_matches('.');
    let after = &body[end..];
    let said = match behind(value, after, whole, before) {
        Said::Value(value) if negative && value.starts_with(|c: char| c.is_ascii_digit()) => {
            Said::Value(format!("-{value}"))
        }
        Said::Value(value) if per_cent => Said::Value(format!("{value}\\%")),
        Said::Value(_) if negative => Said::Unclear,
        // `12是原方程的解` and other clauses that begin with a value say something of it.
        Said::Value(value) if !named && after.contains(is_han) && !value.contains(is_han) => {
            if is_value(&value) {
                Said::Unclear
            } else {
                Said::Value(value)
            }
        }
        said => said,
    };
    match said {
        Said::Value(value) if value.is_empty() => Said::Nothing,
        said => said,
    }
}

/// The value with what belongs to it of the words behind it.
fn behind(value: &str, after: &str, whole: &str, before: &str) -> Said {
    let strip = |c: char| is_layout(c) || matches!(c, '(' | ')' | '（' | '）' | '.');
    let words = after.trim_matches(strip);
    if words.is_empty() {
        return Said::Value(unnamed(value));
    }
    let multiple_of = words.starts_with('倍') && before.trim_end_matches(is_layout).ends_with('的');
    if multiple_of && !words.contains(has_digit) {
        return Said::Value(value.to_owned());
    }
    if words.starts_with('倍')
        || words.starts_with(['折', '成']) && !words.starts_with("成立")
        || words.starts_with("的可能")
        || words.starts_with("满分")
        || voids::changes_after(words)
        || voids::denies_after(words)
        || ["舍去", "不符合", "不合", "才怪", "待定", "错误"]
            .iter()
            .any(|word| words.contains(word))
    {
        return Said::Unclear;
    }
    let joined = begins(words, &["或", "和", "与", "、"]) && !runs(words).is_empty();
    let more = joined || words.contains(has_digit) || words.contains(['$', '\\']);
    if more {
        // `12或13个`, `3小时20分钟`: it is for the comparison to read them.
        return if is_together(whole) {
            Said::Value(bare(whole))
        } else {
            Said::Unclear
        };
    }
    if !is_value(value) {
        return Said::Value(value.to_owned());
    }
    let words = words.trim_end_matches(is_layout);
    let counted = |text: &str| han::label(text).is_some();
    if counted(words)
        || han::multiple(words).is_some_and(|(_, unit)| unit.is_empty() || counted(unit))
    {
        let words = words.trim_end_matches(')');
        return Said::Value(format!("{value}{words}"));
    }
    if han::multiple(words).is_some() {
        return Said::Unclear;
    }
    Said::Value(format!("{value}{}", han::unit(words).unwrap_or_default()))
}

/// A value without the name of a measure before it, `\\cos A = 1/2`, `S△ABC = 12`; a name of one letter stays.
fn unnamed(value: &str) -> String {
    let Some((name, right)) = value.split_once('=') else {
        return value.to_owned();
    };
    let measures = [
        "\\cos", "\\sin", "\\tan", "cos", "sin", "tan", "S", "V", "\\angle", "∠",
    ];
    let left = name
        .trim_start_matches(['$', ' '])
        .trim_start_matches("\\(")
        .trim();
    let plain = !left
        .contains(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '*' | '/' | '^' | '('));
    let one = left.chars().count() < 2;
    if one || !plain || !begins(left, &measures) || right.contains('=') {
        return value.to_owned();
    }
    let open = if name.trim_start().starts_with('$') {
        "$"
    } else {
        ""
    };
    if name.contains("\\(") {
        return bare(right);
    }
    format!("{open}{}", right.trim())
}

/// An answer in words: what follows the last verb that leads to it, or a verdict at the end of a clause.
fn in_words(clause: &str) -> Option<String> {
    let body = without_connectives(clause).trim_matches(|c| is_layout(c) || matches!(c, '.' | ':'));
    let body = body.trim_end_matches('了');
    if is_condition(clause) || body.is_empty() {
        return None;
    }
    if body.starts_with("不存在") {
        return Some("不存在".to_owned());
    }
    if let Some(verdict) = VERDICTS.iter().find(|word| body.ends_with(*word)) {
        let before = &body[..body.len() - verdict.len()];
        let sure =
            !voids::denies_before(before) && !DOUBTS.iter().any(|word| before.ends_with(word));
        return sure.then(|| verdict.trim_start_matches('得').to_owned());
    }
    let copula = voids::COPULAS
        .iter()
        .filter_map(|word| body.rfind(word).map(|at| at + word.len()))
        .chain(
            body.rfind([':', '：'])
                .map(|at| at + body[at..].chars().next().map_or(0, char::len_utf8)),
        )
        .max();
    let Some(at) = copula.filter(|at| *at < body.len()) else {
        return Some(body.to_owned());
    };
    let (before, tail) = body.split_at(at);
    let said = voids::without_copula(before);
    let doubted = DOUBTS.iter().any(|word| said.ends_with(word)) || is_of_somebody(said);
    let tail = tail.trim_matches(is_layout);
    let tail = tail.strip_suffix('的').unwrap_or(tail);
    (!doubted
        && !voids::denies_before(before)
        && !voids::is_of_another_thing(before)
        && !tail.is_empty())
    .then(|| tail.to_owned())
}

/// Does a clause give somebody's answer, or what somebody says it is?
fn is_of_somebody(said: &str) -> bool {
    let Some(owner) = said.strip_suffix("答案") else {
        return false;
    };
    let said_so = ["说", "认为", "觉得", "以为", "猜", "猜测"]
        .iter()
        .any(|word| owner.ends_with(word));
    let owner = owner.strip_suffix('的');
    let asked = ["题", "问", "正确", "最终", "最后", "空", "目", "式", "试"];
    said_so
        || owner.is_some_and(|owner| {
            !owner.is_empty() && !asked.iter().any(|word| owner.ends_with(word))
        })
}

/// Are the values of a text one list, or one value in several units?
fn is_together(text: &str) -> bool {
    let joined = ["或", "和", "与", "且", "及", "或者"];
    runs(text).windows(2).all(|pair| {
        let between = text[pair[0].1..pair[1].0].trim_matches(is_layout);
        let counted = between.trim_start_matches(['个', '只', '人', '元']);
        joined.contains(&counted) || !between.is_empty() && han::unit(between) == Some(between)
    })
}

/// Is a value the second of two: `商是13余12`, `男生20人和女生25人`?
fn is_joined_before(body: &str, runs: &[(usize, usize)], start: usize) -> bool {
    let Some(before) = runs
        .iter()
        .rfind(|run| run.1 <= start && is_value(&body[run.0..run.1]))
    else {
        return false;
    };
    let between = &body[before.1..start];
    ["和", "或", "余", "与", "而"]
        .iter()
        .any(|word| between.contains(word))
        && !between.contains(['，', ','])
        && voids::COPULAS
            .iter()
            .any(|word| body[..before.0].trim_end_matches(is_layout).ends_with(word))
}

/// A list without the marks of its formulas.
fn bare(text: &str) -> String {
    text.replace(['$', '*'], "")
        .replace("\\(", "")
        .replace("\\)", "")
}

/// A clause without the words that only join it to what stands before.
fn without_connectives(clause: &str) -> &str {
    let mut body = clause.trim_start_matches(is_layout);
    while let Some(rest) = CONNECTIVES.iter().find_map(|word| body.strip_prefix(word)) {
        body = rest.trim_start_matches(is_layout);
    }
    body
}

fn begins(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.starts_with(word))
}

fn is_conclusion(clause: &str) -> bool {
    let clause = clause.trim_start_matches(is_layout);
    begins(clause, &CONNECTIVES) || begins(clause, &CONCLUSIONS)
}

fn is_condition(clause: &str) -> bool {
    let body = without_connectives(clause);
    begins(body, &CONDITIONS) && !begins(body, &OTHERS)
}

/// Does a part hold a number or a formula, not just a name such as `P`?
fn is_value(text: &str) -> bool {
    text.contains(has_digit) || text.contains(['$', '\\', '=', '>', '<', 'π', '∞'])
}

fn has_value(text: &str) -> bool {
    has_alphanumeric(text)
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
            ("因为3加9等于12，所以一共有12个。", Some("12个")),
            ("因此面积为 $\\frac{1}{2}$。", Some("$\\frac{1}{2}$")),
            ("**答案：** 40°。", Some("40°")),
            ("点P的坐标是$(3, 4)$。", Some("$(3, 4)$")),
            ("∠ABC的度数为35°。", Some("35°")),
            ("共有12种不同的排法。", Some("12种不同的排法")),
            ("最大值为12，此时x=3。", Some("12")),
            ("选A。理由如下：因为3<4。", Some("A")),
            ("这个说法是错误的。", Some("错误")),
            ("气温是零下12度。", Some("-12度")),
            ("甲有12元，乙有8元。", Some("12元, 8元")),
            ("答案不是12。", None),
            ("在第12步", None),
            ("三分之12", None),
            ("有12倍。", None),
            ("是12吗？", None),
            ("有3个红球和4个白球。", None),
            ("我猜是12。", None),
            ("答案是12。不对，是13。", Some("13")),
            ("12", None),
            ("选A,也可以选B", Some("A, B")),
            ("所以$a$的取值范围是$a>3$.", Some("$a>3$")),
            ("答案:≈12", None),
        ] {
            assert_eq!(stated(text).as_deref(), expected, "{text}");
        }
    }
}
