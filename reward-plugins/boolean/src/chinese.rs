//! Yes and no in Chinese: `是的`, `答案：否`, `不正确`.

/// Whether a clause is Chinese.
pub(crate) fn is(clause: &str) -> bool {
    clause.contains(|c| matches!(c, '\u{3400}'..='\u{9FFF}'))
}

/// What follows a Chinese lead: `答案是`, `因此，答案为`, `所以`.
pub(crate) fn after_lead(clause: &str) -> &str {
    let clause = clause.trim();
    let led = clause.rsplit_once("答案").and_then(|(_, rest)| {
        let rest = rest.trim_start();
        ["应该是", "应为", "是", "为"]
            .iter()
            .find_map(|verb| {
                rest.strip_prefix(verb)
                    .filter(|rest| !rest.trim().is_empty())
            })
            .or(Some(rest))
            .map(str::trim)
            .filter(|rest| !rest.is_empty())
    });
    let rest = led.unwrap_or(clause);
    [
        "所以",
        "因此",
        "综上",
        "这个说法",
        "该说法",
        "题目说法",
        "说法",
        "判断",
    ]
    .iter()
    .find_map(|lead| {
        rest.strip_prefix(lead)
            .map(str::trim)
            .filter(|rest| !rest.is_empty())
    })
    .map_or(rest, |rest| {
        rest.strip_prefix('是')
            .filter(|rest| !rest.is_empty() && *rest != "的")
            .unwrap_or(rest)
    })
}

/// What a clause of Chinese says if it is yes or no as a whole: `是的`, `答案：否`, `没有`.
pub(crate) fn polarity(clause: &str) -> Option<bool> {
    match after_lead(clause) {
        "是" | "是的" | "对" | "对的" | "正确" | "正确的" | "真" | "有" | "有的" | "可以"
        | "能" | "会" | "存在" | "√" | "✓" => Some(true),
        "否" | "不" | "不是" | "不是的" | "不对" | "不正确" | "错" | "错的" | "错误" | "错误的"
        | "假" | "没有" | "没" | "无" | "不能" | "不会" | "不可以" | "不存在" | "×" | "✗"
        | "不是这样" => Some(false),
        _ => None,
    }
}

/// Whether a clause of Chinese beside the word leaves it as it stands: it neither doubts nor, beside yes, denies.
pub(crate) fn agrees(clause: &str, found: bool) -> bool {
    const DOUBTS: [&str; 15] = [
        "但",
        "或",
        "可能",
        "也许",
        "吗",
        "如果",
        "不确定",
        "不知",
        "等等",
        "更正",
        "其实",
        "撤回",
        "相反",
        "不一定",
        "除非",
    ];
    if DOUBTS.iter().any(|word| clause.contains(word)) {
        return false;
    }
    let denies = clause.contains(['不', '没', '无', '無', '非', '否', '错', '未', '假']);
    if found {
        !denies
    } else {
        // Beside no a statement may say what is there instead, but not that it is so.
        denies
            || !(clause.ends_with(['是', '有', '对'])
                || clause.contains("正确")
                || clause.contains("的确"))
    }
}
