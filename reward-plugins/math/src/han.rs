//! Chinese in answers: punctuation, measure words and units after numbers, numbers in words.
//!
//! A number followed by Han characters is counted by them, `12个`, `12种方法`, and is that number; units of measure are the units
//! that they name, `12厘米` is `12 cm`. Characters that make another number or another statement of it, `12万`, `12以上`, `12不对`, are
//! no measure word.

use crate::number::Rational;
use std::borrow::Cow;

/// Most characters of what is counted.
const MAX_LABEL: usize = 10;

/// Characters that no label may hold: with them, the words after a number say more than what is counted.
const STOPS: &str = "不非否没无未错误假吗呢么或与和及且至到多余几数约倍半分成折以万亿千百十零点又加减乘除比其若如负猜估删";

/// Words that no label may begin with: with them, it is another number, or no answer.
const OTHERS: [&str; 12] = [
    "打", "兆", "舍去", "舍", "次方", "进制", "可能", "待定", "之", "以", "里", "左右",
];

/// Chinese punctuation as its counterpart.
pub(crate) fn punctuation(c: char) -> Option<char> {
    Some(match c {
        '。' | '｡' => '.',
        '、' => ',',
        '【' | '〔' => '[',
        '】' | '〕' => ']',
        '∶' => ':',
        _ => return None,
    })
}

/// A text that begins with the letter of a choice and a full-width mark, `C．12`, `C、12`, with an ASCII mark and a space.
pub(crate) fn choice(text: &str) -> Option<String> {
    let mut chars = text.trim_start().chars();
    let letter = chars
        .next()
        .filter(|c| matches!(c, 'A'..='J' | 'Ａ'..='Ｊ'))?;
    chars.next().filter(|c| matches!(c, '．' | '：' | '、'))?;
    let rest = chars.as_str().trim_start();
    // `A、C` are two letters.
    let letters = rest.starts_with(|c: char| matches!(c, 'A'..='J' | 'Ａ'..='Ｊ'));
    (!rest.is_empty() && !letters).then(|| format!("{letter}. {rest}"))
}

/// Is it a Han character?
pub(crate) fn is_han(c: char) -> bool {
    matches!(c as u32, 0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x3007)
}

/// The English of a character that joins answers: `3或5`, `3和5`.
pub(crate) fn joint(c: char) -> Option<&'static str> {
    match c {
        '或' => Some("or"),
        '和' | '与' | '且' | '及' => Some("and"),
        _ => None,
    }
}

/// A unit by its Chinese name.
fn known(word: &str) -> Option<&'static str> {
    Some(match word {
        "米" | "公尺" => "m",
        "厘米" | "公分" => "cm",
        "毫米" => "mm",
        "分米" => "dm",
        "千米" | "公里" => "km",
        "微米" => "μm",
        "英寸" => "in",
        "英尺" => "ft",
        "英里" => "mi",
        "克" => "g",
        "千克" | "公斤" => "kg",
        "毫克" => "mg",
        "吨" => "t",
        "磅" => "lb",
        "秒" | "秒钟" => "s",
        "毫秒" => "ms",
        "分钟" | "分" => "min",
        "小时" | "时" | "个小时" => "h",
        "天" | "日" => "day",
        "周" | "星期" | "个星期" => "week",
        "月" | "个月" => "month",
        "年" => "year",
        "升" => "L",
        "毫升" => "mL",
        "度" => "°",
        "摄氏度" => "°C",
        "弧度" => "rad",
        "牛" | "牛顿" => "N",
        "焦" | "焦耳" => "J",
        "千焦" => "kJ",
        "瓦" | "瓦特" => "W",
        "千瓦" => "kW",
        "伏" | "伏特" => "V",
        "安" | "安培" => "A",
        "欧" | "欧姆" => "ohm",
        "赫兹" => "Hz",
        "帕" | "帕斯卡" => "Pa",
        "元" | "元钱" | "块" | "块钱" | "人民币" => "yuan",
        "美元" => "dollar",
        "欧元" => "euro",
        "单位" | "个单位" | "平方单位" => "unit",
        _ => return None,
    })
}

/// The units that Chinese words after a number name, with their powers, or what they count.
pub(crate) fn label(text: &str) -> Option<Vec<(String, i64)>> {
    let text: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')'))
        .collect();
    let text = text.trim_end_matches(['.', ',']);
    let mut out = Vec::new();
    let mut sign = 1;
    for part in text.split('/').flat_map(|part| part.split("每")) {
        let (name, power) = match part {
            _ if part.starts_with("平方") => (&part["平方".len()..], 2),
            _ if part.starts_with("立方") => (&part["立方".len()..], 3),
            _ => (part, 1),
        };
        if let Some(unit) = known(name).or_else(|| crate::units::known(name)) {
            out.push((unit.to_owned(), sign * power));
        } else if power == 1 && is_counted(name) {
            // `个` counts anything, and says nothing of it.
            let counted = name.strip_prefix('个').unwrap_or(name);
            let counted = if counted.is_empty() { "unit" } else { counted };
            out.push((counted.to_owned(), sign));
        } else {
            return None;
        }
        sign = -1;
    }
    (!out.is_empty()).then_some(out)
}

/// The longest unit that a text begins with: `小时` of `小时后到达`.
pub(crate) fn unit(text: &str) -> Option<&str> {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let power = ["平方", "立方"]
        .iter()
        .find(|word| text.starts_with(**word));
    let from = power.map_or(0, |word| word.len());
    ends.take(6)
        .filter(|end| *end > from)
        .filter(|end| known(&text[from..*end]).is_some())
        .last()
        .map(|end| &text[..end])
}

/// Can words that are no units name what is counted?
fn is_counted(name: &str) -> bool {
    // `种不同的方法` says how they are counted.
    let name = name.replace("不同", "");
    let length = name.chars().count();
    (1..=MAX_LABEL).contains(&length)
        && !name.starts_with('的')
        && !name.contains("里面")
        && !matches!(&*name, "内" | "外" | "前" | "后" | "上")
        && !OTHERS.iter().any(|word| name.starts_with(word))
        && name.chars().all(|c| is_han(c) && !STOPS.contains(c))
}

/// The number that the first characters after a number multiply it by, and the rest: `3万元` is thirty thousand.
pub(crate) fn multiple(text: &str) -> Option<(Rational, &str)> {
    let mut rest = text.trim();
    let mut exponent = 0;
    while let Some(c) = rest.chars().next() {
        exponent += match c {
            '百' => 2,
            '千' if !rest.starts_with("千米")
                && !rest.starts_with("千克")
                && !rest.starts_with("千瓦")
                && !rest.starts_with("千焦") =>
            {
                3
            }
            '万' => 4,
            '亿' => 8,
            _ => break,
        };
        rest = &rest[c.len_utf8()..];
    }
    (0 < exponent && exponent < 17).then_some((Rational::decimal("1", "", exponent).ok()?, rest))
}

/// An answer in Chinese words as mathematics, or as the English that says the same: `三分之二`, `十二个`, `百分之五十`, `无解`, `正确`.
/// Nothing where there is none in it.
pub(crate) fn rewritten(text: &str) -> Option<Cow<'static, str>> {
    if !text.contains(is_han) {
        return None;
    }
    let plain = crate::text::plain(text);
    let plain = plain.trim().trim_end_matches(['.', '!']).trim();
    Some(Cow::Borrowed(match plain {
        "无解" | "无实数解" | "无实根" | "没有解" | "空集" | "方程无解" | "无实数根"
        | "没有实数根" | "没有实数解" => "no solution",
        "正确" | "对" | "是" | "真" | "是的" | "对的" | "能" | "可以" | "会" | "够" | "正确的" => {
            "true"
        }
        "错误" | "错" | "否" | "假" | "不是" | "不对" | "不正确" | "错的" | "错误的" | "不能"
        | "不可以" | "不会" | "不够" | "不可能" => "false",
        "不存在" => "does not exist",
        "无穷大" | "正无穷" | "正无穷大" => "\\infty",
        "全体实数" | "一切实数" | "所有实数" | "任意实数" => "\\mathbb{R}",
        "无数个" | "无穷多个" | "无穷多" | "无数" => "infinitely many",
        _ => return number(plain).map(Cow::Owned),
    }))
}

/// A text that begins with a number in Chinese words, with that number in digits.
fn number(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("百分之") {
        let value = if rest.chars().all(|c| c.is_ascii_digit() || c == '.') {
            rest.to_owned()
        } else {
            whole(rest)?.to_string()
        };
        return (!rest.is_empty()).then(|| format!("{value}\\%"));
    }
    if let Some((below, above)) = text.split_once("分之") {
        let digits = |word: &str| {
            let plain =
                !word.is_empty() && word.len() < 9 && word.bytes().all(|b| b.is_ascii_digit());
            if plain {
                word.parse().ok()
            } else {
                whole(word)
            }
        };
        return Some(format!("{}/{}", digits(above)?, digits(below)?));
    }
    let length = text.chars().take_while(|c| numeral(*c).is_some()).count();
    if length == 0 {
        return None;
    }
    let at: usize = text.chars().take(length).map(char::len_utf8).sum();
    let value = whole(&text[..at])?;
    let rest = &text[at..];
    // `三角形` begins with a numeral and is none: what follows has to be a measure word.
    let counted = rest.is_empty()
        || rest.chars().count() < 4 && MEASURES.contains(&rest.chars().next()?)
        || known(rest).is_some();
    counted.then(|| format!("{value}{rest}"))
}

/// Measure words that may follow a number in words.
const MEASURES: [char; 24] = [
    '个', '只', '条', '人', '种', '名', '位', '本', '次', '件', '张', '元', '块', '天', '年', '岁',
    '米', '辆', '棵', '支', '对', '双', '道', '组',
];

/// Digits and powers of ten in words.
fn numeral(c: char) -> Option<(u64, bool)> {
    Some(match c {
        '零' | '〇' => (0, false),
        '一' => (1, false),
        '二' | '两' => (2, false),
        '三' => (3, false),
        '四' => (4, false),
        '五' => (5, false),
        '六' => (6, false),
        '七' => (7, false),
        '八' => (8, false),
        '九' => (9, false),
        '十' => (10, true),
        '百' => (100, true),
        '千' => (1000, true),
        '万' => (10_000, true),
        _ => return None,
    })
}

/// A whole number in words: `一百零五`.
fn whole(text: &str) -> Option<u64> {
    let (mut total, mut section, mut digit) = (0_u64, 0_u64, None);
    if text.is_empty() || text.chars().count() > 12 {
        return None;
    }
    for c in text.chars() {
        match numeral(c)? {
            (0, false) => digit = None,
            (value, false) if digit.is_none() => digit = Some(value),
            // Digits side by side are no number in words.
            (_, false) => return None,
            (10_000, true) => {
                total += (section + digit.take().unwrap_or(0))
                    .checked_mul(10_000)
                    .filter(|v| *v > 0)?;
                section = 0;
            }
            (power, true) => {
                // `十二`: nothing before ten is one.
                let times = digit
                    .take()
                    .or((power == 10 && section == 0).then_some(1))?;
                section += times * power;
            }
        }
    }
    if text == "零" {
        return Some(0);
    }
    Some(total + section + digit.unwrap_or(0)).filter(|v| *v > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_numbers() {
        for (text, expected) in [
            ("个", Some(("unit", 1))),
            ("种方法", Some(("种方法", 1))),
            ("平方厘米", Some(("cm", 2))),
            ("(立方米)", Some(("m", 3))),
            ("不对", None),
            ("以上", None),
            ("倍", None),
            ("万", None),
        ] {
            let found = label(text);
            let found = found.as_ref().map(|all| (all[0].0.as_str(), all[0].1));
            assert_eq!(found, expected, "{text}");
        }
        for (text, expected) in [
            ("十二", Some(12)),
            ("一百零五", Some(105)),
            ("二十", Some(20)),
            ("三万两千", Some(32_000)),
            ("三五", None),
            ("百", None),
            ("零", Some(0)),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
        assert_eq!(rewritten("三角形"), None);
        assert_eq!(rewritten("三分之二").as_deref(), Some("2/3"));
    }
}
