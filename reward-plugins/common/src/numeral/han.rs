//! Chinese around a number, and numbers in Chinese: `一共有12个`, `12万`, `三个`.
//!
//! Chinese is written without spaces, so a run of its characters is looked at as a whole: it must not deny, doubt, ask or
//! calculate. The characters that do so are few, unlike the words of a language.

use super::phrase::Piece;
use super::reader::Reader;
use crate::rational::Rational;

/// Characters and words that deny, doubt, compare, ask or take back.
const DENYING: [&str; 38] = [
    "不", "没", "無", "无", "非", "未", "勿", "否", "别", "错", "误", "假", "或", "若", "如果",
    "可能", "也许", "猜", "疑", "吗", "呢", "几", "超", "大于", "小于", "多于", "少于", "至少",
    "至多", "以上", "以下", "以内", "之间", "除", "撤", "取消", "更正", "等等",
];
/// Operations on the number.
const OPERATING: [&str; 12] = [
    "倍",
    "平方根",
    "立方根",
    "次方",
    "倒数",
    "相反",
    "绝对值",
    "对数",
    "分之",
    "加上",
    "减去",
    "乘以",
];
/// Powers of ten directly after a number, the longest first.
const SCALES: [(&str, i64); 10] = [
    ("千万", 7),
    ("百万", 6),
    ("十万", 5),
    ("十亿", 9),
    ("百亿", 10),
    ("千亿", 11),
    ("万亿", 12),
    ("亿", 8),
    ("億", 8),
    ("万", 4),
];
/// Units that a thousand of smaller ones make: `千米` is no thousand.
const OF_THOUSAND: &str = "米克瓦卡赫帕焦伏字";

/// Whether a character is Chinese.
pub(super) fn is(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

/// Whether a run of Chinese denies, doubts or changes the number beside it.
pub(super) fn denies(run: &str) -> bool {
    DENYING
        .iter()
        .chain(&OPERATING)
        .any(|word| run.contains(word))
}

/// The value of a digit, or of a word for a power of ten.
fn digit(c: char) -> Option<i64> {
    Some(match c {
        '零' | '〇' => 0,
        '一' => 1,
        '二' | '两' | '兩' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        _ => return None,
    })
}

/// A number below a million that a run begins with, and how many characters it has: `十二`, `三百零五`.
fn spelled(run: &[char]) -> Option<(i64, usize)> {
    let (mut total, mut section, mut last) = (0, 0, None);
    let mut length = 0;
    for c in run {
        if let Some(digit) = digit(*c) {
            // `一二` is no number.
            if last.is_some_and(|last| last != 0) {
                return None;
            }
            last = Some(digit);
        } else {
            let unit = match c {
                '十' => 10,
                '百' => 100,
                '千' => 1000,
                '万' => {
                    total = (section + last.take().unwrap_or(0)) * 10_000;
                    section = 0;
                    length += 1;
                    continue;
                }
                _ => break,
            };
            section += last.take().unwrap_or(1) * unit;
        }
        length += 1;
    }
    (length > 0).then_some((total + section + last.unwrap_or(0), length))
}

impl Reader<'_> {
    /// A run of Chinese: a word, or words and a number where number words count.
    pub(super) fn han(&mut self) -> Option<()> {
        let start = self.at;
        while is(self.peek(0)) {
            self.at += 1;
        }
        let chars = self.chars;
        let run = &chars[start..self.at];
        let text: String = run.iter().collect();
        // `负3`, `百分之12`
        if self.peek(0).is_ascii_digit() {
            // `比3少`, `前3个`
            if text.ends_with(['比', '前', '后', '第']) {
                return None;
            }
            if text.ends_with('负') && !self.negative {
                self.negative = true;
                let before = text.trim_end_matches('负');
                if !before.is_empty() {
                    self.pieces.push(Piece::Word(before.into()));
                }
                return (!denies(before)).then_some(());
            }
            if let Some(rest) = text.strip_suffix("百分之") {
                return self.hundredths(rest);
            }
        }
        if self.style.words
            && self.found.is_none()
            && !self.chars[self.at..].iter().any(char::is_ascii_digit)
        {
            // `图中没有汽车`
            let (place, none) = text.split_once("没有").unwrap_or((&text, ""));
            if !none.is_empty() && !denies(place) && !denies(none) {
                return self.keep(Rational::zero());
            }
            let first = run.iter().position(|c| digit(*c).is_some() || *c == '十');
            let counted = |at: usize| {
                let (value, length) = spelled(&run[at..])?;
                let rest: String = run[at + length..].iter().collect();
                let before: String = run[..at].iter().collect();
                // `一共`, `一些` and `第一` are words.
                let word = rest.starts_with(['共', '些', '起', '样', '般', '定', '直', '只'])
                    && !rest.starts_with("只")
                    || before.ends_with('第')
                    || rest.contains(|c| digit(c).is_some());
                (!word).then_some((value, before, rest))
            };
            let second = first.and_then(|first| {
                (first + 1..run.len()).find(|at| digit(run[*at]).is_some() || run[*at] == '十')
            });
            let found = [first, second].into_iter().flatten().find_map(counted);
            if let Some((value, before, rest)) = found {
                if denies(&before) || denies(&rest) || rest.starts_with(['多', '半', '点', '分'])
                {
                    return None;
                }
                return self.keep(Rational::integer(value));
            }
        }
        let fails = denies(&text);
        self.pieces.push(Piece::Word(text));
        (!fails).then_some(())
    }

    /// `百分之12`: a share.
    fn hundredths(&mut self, before: &str) -> Option<()> {
        if denies(before) {
            return None;
        }
        let mut value = self.decimal()?;
        if self.style.percent {
            let scale = Rational::decimal("1", "", -2).ok()?;
            value = value
                .mul(&scale, &mut crate::rational::Budget::new())
                .ok()?;
        }
        self.keep(value)
    }

    /// Reads the scale and the counted thing after a number, and gives the scale's power of ten; nothing where they make
    /// another number of it: `3个半`, `3多`, `3倍`.
    pub(super) fn han_scale(&mut self) -> Option<i64> {
        let start = self.at;
        while is(self.peek(0)) {
            self.at += 1;
        }
        let run: String = self.chars[start..self.at].iter().collect();
        let (scale, rest) = SCALES
            .iter()
            .find_map(|(word, exponent)| Some((*exponent, run.strip_prefix(word)?)))
            .unwrap_or((0, &run));
        let thousand = rest
            .strip_prefix('千')
            .is_some_and(|rest| rest.starts_with(|c| OF_THOUSAND.contains(c)));
        let of_it = rest.starts_with('的')
            && ["平方", "立方", "一半", "根"]
                .iter()
                .any(|word| rest.contains(word));
        let another = of_it
            || rest.starts_with(['多', '余', '半', '点', '成', '折', '十', '百', '千'])
            || rest.ends_with('半')
            || (rest.contains('点') && self.digit(0));
        ((!another || thousand) && !denies(rest) && !self.digit(0)).then_some(scale)
    }
}
