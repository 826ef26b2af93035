//! Hostile input: everything ends soon, and nothing panics.

use crate::cases;
use math::{judge, params::Options};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A small deterministic generator (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n
    }
}

/// The pieces that the mutations put in: those that open, nest, grow or mislead.
const PIECES: [&str; 58] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\\{",
    "\\}",
    "^",
    "_",
    "^{",
    "\\frac",
    "\\frac{",
    "\\sqrt",
    "\\sqrt[",
    "\\left(",
    "\\right)",
    "\\left|",
    "\\right|",
    "|",
    "!",
    "%",
    "\\%",
    "^\\circ",
    "°",
    "\\pm",
    "\\infty",
    "\\cup",
    ",",
    ";",
    ":",
    "=",
    "<",
    "\\le",
    "\\approx",
    "\\in",
    "\\text{",
    "\\text{ cm}",
    " or ",
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "&",
    "\\\\",
    "999999999",
    "10^{",
    "0.",
    "e",
    "i",
    "\\pi",
    "\\overline{",
    "x",
    "\\log_",
    "\\boxed{",
    "<answer>",
    "</answer>",
    "é∞²",
    "$",
    "\\",
];

/// References and answers of the hand-written cases.
fn pairs() -> Vec<(String, String)> {
    let pairs = cases::cases().into_iter().filter_map(|case| {
        let answer = case.row["response"].as_str()?;
        let answer = answer.strip_prefix("<think>so</think><answer>")?;
        let answer = answer.strip_suffix("</answer>")?;
        Some((case.row["answer"].as_str()?.into(), answer.into()))
    });
    pairs.collect()
}

fn mutated(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(chars.len() + 1);
        match random.below(5) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 => {
                let end = (at + random.below(8)).min(chars.len());
                let part: Vec<char> = chars[at..end].to_vec();
                for _ in 0..random.below(6) {
                    chars.splice(at..at, part.iter().copied());
                }
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                for _ in 0..=random.below(3) {
                    chars.splice(at..at, piece.chars());
                }
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn a_hundred_thousand_mutated_answers_are_judged() {
    let pairs = pairs();
    let all = [
        Options::default(),
        Options::from_json(&json!({"percent": "either", "units": "convert", "tolerance": 0.01}))
            .unwrap(),
    ];
    let mut random = Random(20_261_121);
    let mut judged = 0;
    let mut slowest = (Duration::ZERO, String::new());
    for round in 0..100_000 {
        let (reference, response) = &pairs[random.below(pairs.len())];
        let reference = if random.below(2) == 0 {
            reference.clone()
        } else {
            mutated(reference, &mut random)
        };
        let response = mutated(response, &mut random);
        let start = Instant::now();
        judged += usize::from(
            judge(
                &response,
                &Value::String(reference.clone()),
                &all[round % 2],
            )
            .is_ok(),
        );
        let took = start.elapsed();
        if took > slowest.0 {
            slowest = (took, format!("{reference} ;; {response}"));
        }
    }
    assert!(judged > 90_000, "only {judged} references could be read");
    assert!(slowest.0 < Duration::from_secs(2), "{slowest:?}");
}

/// A sum, product or other row of `n` terms.
fn row(n: usize, term: impl Fn(usize) -> String) -> String {
    (0..n).map(term).collect::<Vec<_>>().concat()
}

#[test]
fn hostile_answers_end_soon_and_earn_nothing() {
    let nested =
        |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    let hostile = [
        nested("(", ")", 1900),
        nested("{", "}", 1900),
        nested("\\frac{1}{", "}", 400),
        nested("\\sqrt{", "}", 500),
        nested("x^{", "}", 900),
        nested("\\sqrt{2+", "}", 18),
        "-".repeat(3000) + "1",
        "1+".repeat(1900) + "1",
        "!".repeat(3000),
        format!("5{}", "!".repeat(3000)),
        "|".repeat(3000),
        "9".repeat(3900),
        format!("0.{}", "3".repeat(3900)),
        "10^{10^{10^{10^{10}}}}".into(),
        "9^{9^{9}}".into(),
        "9^{999999999999999999999}".into(),
        "1e999999999".into(),
        "1e-999999999999999999999999".into(),
        "2^{-999999999}".into(),
        "400!".into(),
        "(400!)!".into(),
        "\\binom{400}{200}^{400}".into(),
        "(a+b+c+d+e+f+g+h)^{200}".into(),
        "(1+\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\sqrt{11})^{256}".into(),
        "(x+\\frac{1}{y+\\frac{1}{z+\\frac{1}{a+\\frac{1}{b+c}}}})^{99}".into(),
        row(200, |i| format!("\\frac{{1}}{{x+{i}}}+")) + "1",
        row(200, |i| format!("(x+y+{i})")),
        row(150, |i| format!("\\sqrt{{{}}}+", i * 7919 + 1)) + "1",
        format!("\\sqrt{{{}}}", "7".repeat(900)),
        format!("\\sqrt[64]{{{}}}", "7".repeat(900)),
        row(150, |i| {
            format!("{}/{}+", "7".repeat(20 + i % 3), 1_000_003 + 2 * i)
        }) + "1",
        "\\sqrt{\\sqrt{\\sqrt{\\sqrt{2}+1}+1}+1}^{63}".into(),
        "(1,".repeat(900) + "1",
        "1,".repeat(1900) + "1",
        "x=".repeat(1900) + "1",
        "\\pm 1".repeat(600),
        "1 or ".repeat(900) + "1",
        "\\begin{pmatrix}".repeat(200),
        format!("\\begin{{pmatrix}}{}\\end{{pmatrix}}", "1&".repeat(900)),
        "\\text{".repeat(600),
        "\\left|".repeat(500),
        "\\boxed{".repeat(5000),
        nested("\\boxed{", "}", 5000),
        nested("<answer>", "</answer>", 3000),
        "<answer>".repeat(100_000),
        "}{".repeat(100_000),
        "\u{1F600}".repeat(1000),
        "\\".repeat(3999),
        "0.\\overline{".to_string() + &"1".repeat(3000) + "}",
        "cm".repeat(1900),
        "5 \\text{ cm}^{999999999}".into(),
        "x^{1/3}".repeat(300),
        "x^{\\frac{1}{1000003}}".repeat(100),
        "2^{x}".repeat(300),
        "\\ln{".repeat(300) + &"}".repeat(300),
        "\\sin ".repeat(900) + "x",
        "x_{".repeat(900),
        nested("\\{", "\\}", 19),
        nested("\\{2,", "\\}", 18),
    ];
    // References that are as heavy, so that both sides are worked out.
    let references = [
        "\\{\\{\\{\\{\\{\\{\\{\\{\\{\\{\\{\\{\\{\\{\\{1,2\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\},3\\}",
        "7",
        "(x+y+z+w)^{40}",
        "\\sqrt{2}+\\sqrt{3}",
        "(1,2)",
    ];
    for answer in &hostile {
        for reference in references {
            for response in [answer.clone(), format!("<answer>{answer}</answer>")] {
                let start = Instant::now();
                let got = judge(&response, &json!(reference), &Options::default()).unwrap();
                let shown: String = answer.chars().take(60).collect();
                assert_eq!(got.accuracy, 0.0, "{shown}");
                let took = start.elapsed();
                assert!(
                    took < Duration::from_secs(2),
                    "{shown} against {reference}: {took:?}"
                );
            }
        }
    }
}

#[test]
fn hostile_answers_as_references_too() {
    for heavy in [
        "(a+b+c+d+f+g+h)^{200}",
        "9^{9^{9}}",
        "\\sqrt{2+\\sqrt{2+\\sqrt{2+\\sqrt{2}}}}",
        "(400!)!",
    ] {
        let start = Instant::now();
        let response = format!("<answer>{heavy}+1</answer>");
        assert_eq!(
            judge(&response, &json!(heavy), &Options::default())
                .unwrap()
                .accuracy,
            0.0,
            "{heavy}"
        );
        let response = format!("<answer> {heavy} </answer>");
        assert_eq!(
            judge(&response, &json!(heavy), &Options::default())
                .unwrap()
                .accuracy,
            1.0,
            "{heavy}"
        );
        assert!(start.elapsed() < Duration::from_secs(2), "{heavy}");
    }
}

/// All acceptable references together cost no more than a few.
#[test]
fn a_long_list_of_heavy_references_ends_soon() {
    let sum = |shift: usize| {
        row(54, |i| {
            format!("\\frac{{\\sin({i}x)}}{{\\cos({i}x)+{}}}+", i + shift)
        }) + "1"
    };
    let references: Vec<String> = (1..=60).map(sum).collect();
    let response = format!("\\boxed{{{}}}", sum(0));
    let start = Instant::now();
    let got = judge(&response, &json!(references), &Options::default()).unwrap();
    assert_eq!(got.accuracy, 0.0);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    // What is written as a reference is, is right however much is asked.
    let response = format!("\\boxed{{{}}}", references[59]);
    let got = judge(&response, &json!(references), &Options::default()).unwrap();
    assert_eq!(got.accuracy, 1.0);
}
