//! Units of measure: the names under which they go, and exact conversions.

use crate::number::Rational;
use crate::{allow, han};
use std::borrow::Cow;

/// Commands that part units.
const SPACES: [&str; 7] = ["\\,", "\\;", "\\:", "\\!", "\\ ", "\\cdot", "\\times"];

/// The short name of a known unit, for any usual spelling of it.
pub fn known(word: &str) -> Option<&'static str> {
    Some(match word {
        "m" | "meter" | "meters" | "metre" | "metres" => "m",
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" | "cms" => "cm",
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => "mm",
        "dm" | "decimeter" | "decimeters" => "dm",
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" | "kms" => "km",
        "in" | "inch" | "inches" => "in",
        "ft" | "foot" | "feet" => "ft",
        "yd" | "yard" | "yards" => "yd",
        "mi" | "mile" | "miles" => "mi",
        "g" | "gram" | "grams" | "gm" | "gms" => "g",
        "kg" | "kilogram" | "kilograms" | "kgs" => "kg",
        "mg" | "milligram" | "milligrams" => "mg",
        "lb" | "lbs" | "pound" | "pounds" => "lb",
        "oz" | "ounce" | "ounces" => "oz",
        "t" | "ton" | "tons" | "tonne" | "tonnes" => "t",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "ms" | "millisecond" | "milliseconds" => "ms",
        "min" | "mins" | "minute" | "minutes" => "min",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "day",
        "week" | "weeks" => "week",
        "month" | "months" => "month",
        "year" | "years" | "yr" | "yrs" => "year",
        "l" | "L" | "liter" | "liters" | "litre" | "litres" => "L",
        "ml" | "mL" | "milliliter" | "milliliters" | "millilitre" | "millilitres" => "mL",
        "gal" | "gallon" | "gallons" => "gal",
        "mph" => "mph",
        "N" | "newton" | "newtons" => "N",
        "J" | "joule" | "joules" => "J",
        "kJ" | "kilojoule" | "kilojoules" => "kJ",
        "W" | "watt" | "watts" => "W",
        "kW" | "kilowatt" | "kilowatts" => "kW",
        "V" | "volt" | "volts" => "V",
        "A" | "amp" | "amps" | "ampere" | "amperes" => "A",
        "Hz" | "hertz" => "Hz",
        "kHz" | "kilohertz" => "kHz",
        "Pa" | "pascal" | "pascals" => "Pa",
        "kPa" | "kilopascal" | "kilopascals" => "kPa",
        "K" | "kelvin" | "kelvins" => "K",
        "mol" | "mole" | "moles" => "mol",
        "ohm" | "ohms" => "ohm",
        "MJ" | "megajoule" | "megajoules" => "MJ",
        "rad" | "radian" | "radians" => "rad",
        "deg" | "degree" | "degrees" => "°",
        "dollar" | "dollars" | "usd" | "USD" => "dollar",
        "cent" | "cents" => "cent",
        "euro" | "euros" | "EUR" => "euro",
        "rupee" | "rupees" | "INR" | "Rs" | "Rs." => "rupee",
        "yuan" | "RMB" | "CNY" => "yuan",
        "μm" | "µm" | "um" | "micrometer" | "micrometers" => "μm",
        "nm" | "nanometer" | "nanometers" => "nm",
        "pence" | "penny" | "pennies" => "penny",
        "unit" | "units" => "unit",
        _ => return None,
    })
}

/// The number that a word after a number multiplies it by, nothing for a hundredth (`percent`), and the words after it.
pub fn multiple(text: &str) -> Option<(Option<Rational>, &str)> {
    let text = text.trim();
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let lower = first.to_ascii_lowercase();
    if lower == "per"
        && let ("cent", rest) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""))
    {
        return Some((None, rest.trim()));
    }
    let exponent = match lower.as_str() {
        "percent" | "pct" => return Some((None, rest.trim())),
        "dozen" => return Some((Some(Rational::integer(12)), rest.trim())),
        "hundred" => 2,
        "thousand" => 3,
        "million" => 6,
        "billion" => 9,
        "trillion" => 12,
        _ => return None,
    };
    Some((Rational::decimal("1", "", exponent).ok(), rest.trim()))
}

/// Words that no label may hold: with them, text after a number says more than what is counted.
const STOP_WORDS: [&str; 26] = [
    "or",
    "and",
    "not",
    "is",
    "are",
    "was",
    "if",
    "for",
    "to",
    "from",
    "about",
    "than",
    "with",
    "but",
    "when",
    "where",
    "no",
    "maybe",
    "either",
    "between",
    "approximately",
    "plus",
    "minus",
    "times",
    "out",
    "both",
];

/// Words that make another number of the one before them: fractions, and powers of ten that are not read.
const SCALES: [&str; 28] = [
    "tenth",
    "tenths",
    "hundredth",
    "hundredths",
    "thousandth",
    "thousandths",
    "millionth",
    "millionths",
    "halves",
    "thirds",
    "fourths",
    "fifths",
    "sixths",
    "sevenths",
    "eighths",
    "ninths",
    "twelfths",
    "lakh",
    "lakhs",
    "crore",
    "crores",
    "hundreds",
    "thousands",
    "millions",
    "billions",
    "trillions",
    "quadrillion",
    "dozens",
];

/// Reads the words after a number as a product of units or one label (`apples`); exponents count.
///
/// Nothing comes back where the words are not a unit: too many, or words that take something back.
pub fn label(text: &str) -> Option<Vec<(String, i64)>> {
    if text.contains(han::is_han) {
        return han::label(text);
    }
    // Spaces and dots between units in one font: `\mathrm{m\,s^{-1}}`.
    let spaced = SPACES.iter().fold(Cow::Borrowed(text), |text, space| {
        if text.contains(space) {
            Cow::Owned(text.replace(space, " "))
        } else {
            text
        }
    });
    let cleaned = spaced
        .trim()
        .trim_end_matches(['.', ','])
        .replace('²', "^2")
        .replace('³', "^3")
        .replace(['(', ')'], " ");
    let spread = cleaned
        .replace("^{-", "^{−")
        .replace("^-", "^−")
        .replace('/', " per ")
        .replace(['-', '·', '~'], " ")
        .replace('$', "");
    let mut out: Vec<(String, i64)> = Vec::new();
    let mut unknown: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let (mut sign, mut power) = (1, 1);
    let words: Vec<&str> = spread.split_whitespace().collect();
    if words.is_empty() || words.len() > 5 {
        return None;
    }
    for word in words {
        let bare = word.trim_matches('.');
        let lower = bare.to_lowercase();
        match lower.as_str() {
            "per" => sign = -1,
            "square" | "sq" | "squared" => power = 2,
            "cubic" | "cubed" | "cu" => power = 3,
            "of" | "a" | "an" | "the" => {}
            "kph" | "kmh" | "kmph" => {
                out.push(("km".into(), sign));
                out.push(("h".into(), -sign));
            }
            stop if STOP_WORDS.contains(&stop) || SCALES.contains(&stop) => return None,
            _ => {
                let (name, written) = match bare.split_once('^') {
                    Some((name, digits)) => {
                        let digits = digits.trim_matches(['{', '}']).replace('−', "-");
                        (name, digits.parse::<i64>().ok()?)
                    }
                    None => (bare, 1),
                };
                if name.is_empty()
                    || !name.chars().all(char::is_alphabetic)
                    || !(-9..=9).contains(&written)
                {
                    return None;
                }
                match known(name).or_else(|| known(&name.to_lowercase()).filter(|_| name.len() > 2))
                {
                    Some(unit) => out.push((unit.into(), sign * power * written)),
                    None if written == 1 && power == 1 && sign == 1 => {
                        names.push(name.to_lowercase());
                        unknown.push(singular(&name.to_lowercase()));
                    }
                    None => out.push((singular(&name.to_lowercase()), sign * power * written)),
                }
                power = 1;
            }
        }
    }
    // "square" alone is a square unit.
    if power != 1 {
        return None;
    }
    if !unknown.is_empty() {
        if unknown.len() > 3 || !is_counted(&names) {
            return None;
        }
        out.push((unknown.join(" "), 1));
    }
    (!out.is_empty()).then_some(out)
}

/// Can words that are no units name what is counted?
fn is_counted(words: &[String]) -> bool {
    words.split_last().is_some_and(|(last, before)| {
        allow::is_noun(last) && before.iter().all(|word| allow::is_harmless(word))
    })
}

fn singular(word: &str) -> String {
    if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") {
        word[..word.len() - 1].into()
    } else {
        word.into()
    }
}

/// A unit as an exact multiple of base units, where there is one.
pub fn conversion(unit: &str) -> Option<(Rational, &'static [(&'static str, i64)])> {
    const SPEED: &[(&str, i64)] = &[("m", 1), ("s", -1)];
    const FORCE: &[(&str, i64)] = &[("kg", 1), ("m", 1), ("s", -2)];
    const ENERGY: &[(&str, i64)] = &[("kg", 1), ("m", 2), ("s", -2)];
    const POWER: &[(&str, i64)] = &[("kg", 1), ("m", 2), ("s", -3)];
    const PRESSURE: &[(&str, i64)] = &[("kg", 1), ("m", -1), ("s", -2)];
    const FREQUENCY: &[(&str, i64)] = &[("s", -1)];
    const MONEY: &[(&str, i64)] = &[("dollar", 1)];
    const LENGTH: &[(&str, i64)] = &[("m", 1)];
    const MASS: &[(&str, i64)] = &[("kg", 1)];
    const TIME: &[(&str, i64)] = &[("s", 1)];
    const VOLUME: &[(&str, i64)] = &[("m", 3)];
    let (num, den, base) = match unit {
        "m" => (1, 1, LENGTH),
        "dm" => (1, 10, LENGTH),
        "cm" => (1, 100, LENGTH),
        "mm" => (1, 1000, LENGTH),
        "μm" => (1, 1_000_000, LENGTH),
        "nm" => (1, 1_000_000_000, LENGTH),
        "km" => (1000, 1, LENGTH),
        "in" => (254, 10_000, LENGTH),
        "ft" => (3048, 10_000, LENGTH),
        "yd" => (9144, 10_000, LENGTH),
        "mi" => (1_609_344, 1000, LENGTH),
        "kg" => (1, 1, MASS),
        "g" => (1, 1000, MASS),
        "mg" => (1, 1_000_000, MASS),
        "t" => (1000, 1, MASS),
        "lb" => (45_359_237, 100_000_000, MASS),
        "oz" => (45_359_237, 1_600_000_000, MASS),
        "s" => (1, 1, TIME),
        "ms" => (1, 1000, TIME),
        "min" => (60, 1, TIME),
        "h" => (3600, 1, TIME),
        "day" => (86_400, 1, TIME),
        "week" => (604_800, 1, TIME),
        "L" => (1, 1000, VOLUME),
        "mL" => (1, 1_000_000, VOLUME),
        "mph" => (1_609_344, 3_600_000, SPEED),
        "N" => (1, 1, FORCE),
        "J" => (1, 1, ENERGY),
        "kJ" => (1000, 1, ENERGY),
        "MJ" => (1_000_000, 1, ENERGY),
        "W" => (1, 1, POWER),
        "kW" => (1000, 1, POWER),
        "Pa" => (1, 1, PRESSURE),
        "kPa" => (1000, 1, PRESSURE),
        "Hz" => (1, 1, FREQUENCY),
        "kHz" => (1000, 1, FREQUENCY),
        "dollar" => (1, 1, MONEY),
        "cent" => (1, 100, MONEY),
        _ => return None,
    };
    Some((Rational::ratio(num, den)?, base))
}
