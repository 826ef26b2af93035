//! What is read as a number, and what is not.

#![allow(clippy::unwrap_used)]
use super::*;

fn read(text: &str) -> Option<Rational> {
    only(text, Style::default())
}

#[test]
fn numbers_as_they_are_written() {
    for (text, value) in [
        ("3", "3"),
        ("-3", "-3"),
        ("+3", "3"),
        ("3.0", "3"),
        (".5", "1/2"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("1,234,567.5", "1234567.5"),
        ("1'234", "1234"),
        ("1\u{202F}234", "1234"),
        ("1{,}234", "1234"),
        ("1\\,234", "1234"),
        ("3 \\times 10^{4}", "30000"),
        ("3×10^-2", "0.03"),
        ("10^3", "1000"),
        ("1/2", "1/2"),
        ("\\frac{1}{2}", "1/2"),
        ("-\\frac12", "-1/2"),
        ("50%", "1/2"),
        ("50\\%", "1/2"),
        ("5 percent", "0.05"),
        ("5 per cent", "0.05"),
        ("5 per cent of them", "0.05"),
        ("5 per day", "5"),
        ("a score of 5", "5"),
        ("After rounding it is 5", "5"),
        ("5 square metres", "5"),
        ("2 million", "2000000"),
        ("$5", "5"),
        ("-$5", "-5"),
        ("$-5$", "-5"),
        ("5cm", "5"),
        ("5 cm^2", "5"),
        ("5 m²", "5"),
        ("5 km/h", "5"),
        ("90^\\circ", "90"),
        ("90°", "90"),
        ("The answer is 5.", "5"),
        ("x = 5", "5"),
        ("2 + 3 = 5", "5"),
        ("**5**", "5"),
        ("5 (5.0)", "5"),
        ("minus 3", "-3"),
        ("５", "5"),
        ("−5", "-5"),
        ("~5", "5"),
        ("about 5 dogs", "5"),
        ("007", "7"),
        ("5个", "5"),
        ("5万", "50000"),
        ("5 万", "50000"),
        ("1.5亿元", "150000000"),
        ("3千米", "3"),
        ("12分钟", "12"),
        ("一共有 12 个", "12"),
        ("所以答案是12。", "12"),
        ("图中有3只猫，所以一共有3只。", "3"),
        ("没有别的动物，所以一共有3只。", "3"),
        ("负3", "-3"),
        ("百分之25", "1/4"),
        ("约为3平方厘米", "3"),
        ("３．５厘米", "3.5"),
        ("∠ABC = 35°", "35"),
        ("\\theta = 35^\\circ", "35"),
        ("7\\,\\text{cm}", "7"),
        ("7~\\mathrm{cm}^{3}", "7"),
        ("7\\,^\\circ", "7"),
        ("1\\,234", "1234"),
        ("– 7", "-7"),
        ("In 2015 the value was 5.", "5"),
        ("It was 5% in 2015.", "0.05"),
        ("in 2015", "2015"),
        ("Norway's value is 5.", "5"),
        ("The difference between the two values is 5.", "5"),
        ("The percentage of people is 5%.", "0.05"),
        ("There are 3 dogs and 2 cats, so there are 5 animals.", "5"),
        ("It's 5", "5"),
        ("(-3)", "-3"),
        ("the cost - 5 dollars", "5"),
    ] {
        assert_eq!(read(text), Rational::parse(value), "{text}");
    }
}

#[test]
fn what_is_doubtful_is_no_number() {
    for text in [
        "maybe 3",
        "if 3",
        "3 is wrong",
        "I guess 3",
        "3?",
        "Is it 3? Yes.",
        ">= 3",
        "x != 3",
        "<=3",
        "",
        "five",
        "3 or 4",
        "3, 4",
        "1,23",
        "0,001",
        "1,2345",
        "1.2.3",
        "12,34,567",
        "5-3",
        "5 - 3",
        "5 -3",
        "3:30",
        "2024-01-02",
        "x5",
        "5x",
        "5 x",
        "2\\pi",
        "2π",
        "√2",
        "\\sqrt{2}",
        "2^3",
        "5 + 3",
        "not 5",
        "isn't 5",
        "< 5",
        "≥5",
        "±5",
        "less than 5",
        "2 dozen",
        "5 and a half",
        "1 1/2",
        "1\\frac{1}{2}",
        "1/0",
        "1e9999",
        "- 3",
        "covid-19",
        "nan",
        "inf",
        "5i",
        "4! + 1",
        "5 !+ 1",
        "\u{202E}24",
        "10²",
        "5 thousandths 3",
        "3 bn",
        "3 lakh",
        "3 crore",
        "3 score",
        "3 thousandths",
        "3 sixths",
        "twice 3",
        "the square of 3",
        "the square of the number 3",
        "the reciprocal of -3",
        "the number after 3",
        "up to 3",
        "almost 3",
        "5k",
        "3rd",
        "1/2/3",
        "5 plus",
        "10 minus 3",
        "3个半",
        "3倍",
        "不是3",
        "3个是错的",
        "3还是4",
        "3或4",
        "第3个",
        "大于3",
        "3多个",
        "3分之1",
        "可能是3个",
        "3吗",
        "至少3个",
        "3点5",
        "ceiling of 5",
        "5_000",
        "--5",
        "minus -5",
        "5 − 3",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn styles_change_what_is_read() {
    let european = Style {
        european: true,
        ..Style::default()
    };
    assert_eq!(only("1.234,5", european), Rational::parse("1234.5"));
    assert_eq!(only("0,001", european), Rational::parse("0.001"));
    assert_eq!(only("1.5", european), None);
    let unit = Style {
        percent: false,
        ..Style::default()
    };
    assert_eq!(only("50%", unit), Rational::parse("50"));
    let words = Style {
        words: true,
        ..Style::default()
    };
    for (text, value) in [
        ("seven", "7"),
        ("Twenty-one dogs", "21"),
        ("ninety nine", "99"),
        ("none", "0"),
        ("zero", "0"),
        ("5 (five)", "5"),
        ("there are three cats", "3"),
        ("one hundred", "100"),
        ("two hundred and five birds", "205"),
        ("twelve hundred", "1200"),
        ("three thousand four hundred", "3400"),
        ("three thousand four hundred twenty-one", "3421"),
        ("six hundred thousand", "600000"),
        ("two thousand and one", "2001"),
        ("one hundred and dogs", "100"),
    ] {
        assert_eq!(only(text, words), Rational::parse(value), "{text}");
    }
    for text in [
        "two or three",
        "up to three",
        "almost three",
        "twice three",
        "three score",
        "three bn",
        "three lakh",
        "three thousandths",
        "the square of three",
        "one of the 3",
        "a dozen",
        "two hundreds",
        "a hundred",
        "two hundred million",
        "two hundred five hundred",
        "three thousand twelve hundred",
        "two hundred or three hundred",
        "half of two hundred",
        "two hundredths",
        "twenty five six",
        "no",
        "3 five",
        "3 hundred",
        "someone",
        "five point five",
        "maybe five",
        "five?",
    ] {
        assert_eq!(only(text, words), None, "{text}");
    }
}

/// Numbers of `texts` that are not as `value` says.
fn others(texts: &[&str], style: Style, value: Option<&str>) -> Vec<String> {
    let wanted = value.map(|value| Rational::parse(value).unwrap());
    texts
        .iter()
        .filter(|text| only(text, style) != wanted)
        .map(|text| (*text).to_owned())
        .collect()
}

#[test]
fn leads_and_counted_things_leave_a_number_as_it_is() {
    let texts = [
        "The final answer is: 5",
        "Answer: 5",
        "**Answer:** 5 apples.",
        "So, the total is 5.",
        "There are 5 red apples on the table",
        "The number of dogs in the picture is 5.",
        "the value for Germany is 5",
        "Total number of green cars: 5",
        "The area of the shaded triangle = 5 cm^2",
        "Looking at the chart, the value is 5.",
        "Since two of them hide behind the tree, there are 5 dogs.",
        "We can see 5 dogs",
        "I count 5.",
        "x is 5",
        "f(x) = 5",
        "BC = 5",
        "P(A) = 5",
        "x_1 = 5",
        "sqrt(25) = 5",
        "2 times 3 is 6, so x = 5",
        "5 kg (five)",
        "5 is the correct answer.",
        "5 dogs are visible in the image",
        "5 people, because each chair holds a person",
        "5 (square units)",
        "5 °C",
        "5 in total",
        "5 metres per second",
        "5 of them",
        "It is 5, the answer.",
        "exactly 5",
    ];
    // The one with a number in words is told by `number` too.
    let but: Vec<String> = others(&texts, Style::default(), Some("5"))
        .into_iter()
        .filter(|text| !text.starts_with("Since two"))
        .collect();
    assert!(but.is_empty(), "{but:?}");
}

#[test]
fn words_that_may_change_a_number_make_it_none() {
    let texts = [
        "5 or six",
        "5; six",
        "5 and seven",
        "it cannot be 5",
        "it won't be 5",
        "rather than 5",
        "anything other than 5",
        "other than 5",
        "everything but 5",
        "nowhere near 5",
        "far above 5",
        "5 point two",
        "5 to the third power",
        "5 to the power of two",
        "5K",
        "5 K",
        "5 k",
        "5 mil",
        "5 grand",
        "5 bil",
        "ln 5",
        "arccos 5",
        "lcm 5",
        "abs(5)",
        "floor of 5",
        "!5",
        "5!",
        "~~5, only joking",
        "5. Scratch that.",
        "5. Sorry, I made a mistake",
        "5, said the fool",
        "Suppose the answer is 5.",
        "Assuming it is 5",
        "the cube of x is 5",
        "Twice the answer is 5.",
        "The negative of the answer is 5.",
        "the opposite of the value is 5",
        "the value of the logarithm is 5",
        "5 rejected",
        "5 eliminated",
        "5 fails",
        "5 is a trap",
        "5 is not it",
        "5 would be too much",
        "5 factorial",
        "5 choose two",
        "5 negative",
        "5 below zero",
        "a multiple of 5",
        "base 5",
        "without 5",
        "the answer exceeds 5",
        "the answer differs from 5",
        "5 versus six",
        "5 xor six",
        "5 then six",
        "5 and then some",
        "ln x = 5",
        "sqrt x = 5",
        "-x = 5",
        "2x = 5",
        "|x| = 5",
        "x^2 = 5",
        "y + z = 5",
        "not x = 5",
        "it is false that x = 5",
        "8 = 5",
        "4~5",
        "the sum of 5 and 5",
        "the wrong answer is 5",
        "the decoy: 5",
        "seven times 5",
        "one gets 5",
        "5 of the six",
        "5 out of eight",
        "Reject the following: 5",
    ];
    let but = others(&texts, Style::default(), None);
    assert!(but.is_empty(), "{but:?}");
    let words = Style {
        words: true,
        ..Style::default()
    };
    let texts = [
        "can't be five",
        "all but five",
        "instead of five",
        "five pairs",
        "one of them",
        "one another",
        "five point two",
        "five grand",
        "fifty or five",
        "five rejected",
    ];
    let but = others(&texts, words, None);
    assert!(but.is_empty(), "{but:?}");
}
