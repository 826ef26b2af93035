//! Dates and times of day as people write them.

/// A day or a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Minutes after midnight; the flag says that the half of the day was named.
    Time(u32, bool),
    /// Year, if it was named, month and day.
    Day(Option<u32>, u32, u32),
}

/// Are the two the same, both being times or days? Nothing where one is neither.
///
/// A reference without a year is met by the same day of any year. Without a word for the half of the day on either side
/// it is no time: `3:30` may be a proportion.
pub fn same(response: &str, reference: &str) -> Option<bool> {
    match (moment(response)?, moment(reference)?) {
        (Moment::Time(a, named), Moment::Time(b, also)) => (named || also).then_some(a == b),
        (Moment::Day(year, month, day), Moment::Day(wanted, m, d)) => {
            Some((month, day) == (m, d) && (wanted.is_none() || year == wanted))
        }
        _ => Some(false),
    }
}

fn moment(text: &str) -> Option<Moment> {
    if text.len() > 60 || !text.contains(|c: char| c.is_ascii_digit()) && !text.contains("noon") {
        return None;
    }
    let lower = crate::text::plain(text).to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let lower = words
        .join(" ")
        .trim_end_matches('.')
        .replace("a.m", "am")
        .replace("p.m", "pm")
        .replace(" :", ":")
        .replace(": ", ":");
    time(&lower).or_else(|| day(&lower))
}

fn time(text: &str) -> Option<Moment> {
    let (digits, half) = [" am", "am", " pm", "pm", " noon", " midnight"]
        .iter()
        .find_map(|half| text.strip_suffix(half).map(|rest| (rest, half.trim())))
        .unwrap_or((text, ""));
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute),
        None if !half.is_empty() => (digits, "00"),
        _ => return None,
    };
    let number = |text: &str, most: u32| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|n| fits && *n <= most)
    };
    let (hour, minute) = (number(hour, 23)?, number(minute, 59)?);
    let hour = match half {
        "" => hour,
        _ if !(1..=12).contains(&hour) => return None,
        "noon" | "midnight" if hour != 12 || minute != 0 => return None,
        "am" | "midnight" => hour % 12,
        _ => hour % 12 + 12,
    };
    // Without am or pm, an hour of the afternoon or one with its zero names the half of the day too.
    let named = !half.is_empty();
    Some(Moment::Time(hour * 60 + minute, named))
}

fn day(text: &str) -> Option<Moment> {
    let parts: Vec<&str> = text.split('-').collect();
    if let [year, month, day] = parts.as_slice()
        && (year.len(), month.len(), day.len()) == (4, 2, 2)
    {
        return checked(
            Some(year.parse().ok()?),
            month.parse().ok()?,
            day.parse().ok()?,
        );
    }
    let (mut year, mut month, mut day) = (None, None, None);
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let end = &word[digits.len()..];
        if word == "of" || word == "the" {
        } else if let Some(found) = month_of(word).filter(|_| month.is_none()) {
            month = Some(found);
        } else if digits.len() == 4 && end.is_empty() && year.is_none() {
            year = Some(digits.parse().ok()?);
        } else if (1..=2).contains(&digits.len())
            && matches!(end, "" | "st" | "nd" | "rd" | "th")
            && day.is_none()
        {
            day = Some(digits.parse().ok()?);
        } else {
            return None;
        }
    }
    checked(year, month?, day?)
}

fn checked(year: Option<u32>, month: u32, day: u32) -> Option<Moment> {
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Moment::Day(year, month, day))
}

fn month_of(word: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.trim_end_matches('.');
    let at = NAMES.iter().position(|name| {
        *name == word
            || word.len() == 3 && name.starts_with(word)
            || word == "sept" && *name == "september"
    })?;
    u32::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_compared() {
        for (a, b, expected) in [
            ("3:30 p.m.", "3:30 PM", Some(true)),
            ("15:30", "3:30 PM", Some(true)),
            ("3:30", "3:30 PM", Some(false)),
            ("12:00 AM", "12:00 noon", Some(false)),
            ("3 PM", "15:00", Some(true)),
            ("3:30", "3:30", None),
            ("5th of March", "March 5", Some(true)),
            ("2024-03-05", "Mar. 5, 2024", Some(true)),
            ("March 5", "March 5, 2024", Some(false)),
            ("March 5, 2024", "March 5", Some(true)),
            ("May 35", "May 5", None),
            ("13:00 PM", "1:00 PM", None),
        ] {
            assert_eq!(same(a, b), expected, "{a} against {b}");
        }
    }
}
