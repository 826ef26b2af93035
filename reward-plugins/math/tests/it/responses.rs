//! Where the answer of a response is found, and the parameters.

use math::find::{self, Found};
use math::params::{Extract, Options, PARAMS};
use math::{judge, prose};
use serde_json::{Value, json};

fn options(params: &Value) -> Options {
    Options::from_json(params).unwrap()
}

#[test]
fn the_last_answer_wins() {
    let marked = [
        ("<answer>1</answer><answer>2</answer>", Some("2")),
        (r"\boxed{1} then \boxed{2}", Some("2")),
        (r"\boxed{1} then <answer>2</answer>", Some("2")),
        (r"<answer>1</answer> then \boxed{2}", Some("2")),
        (r"<answer>so \boxed{2}</answer>", Some("2")),
        (r"\boxed{<answer>2</answer>}", Some("2")),
        (r"\boxed{\frac{1}{2}}", Some(r"\frac{1}{2}")),
        (r"\boxed{\{1, 2\}}", Some(r"\{1, 2\}")),
        (r"\boxed {2}", Some("2")),
        (r"\fbox{2}", Some("2")),
        (r"\boxed{1} \boxed{2", Some("1")),
        (r"\boxed{\boxed{2}}", Some("2")),
        (r"\boxed{1} \boxed{2}", Some("2")),
        ("<answer>\n 2 \n</answer>", Some("2")),
        ("<answer>1<answer>2</answer>", Some("2")),
        (r"<think>\boxed{1}</think>\boxed{2}", Some("2")),
        (r"\boxed{1} \boxed{}", None),
        ("<answer>1</answer><answer></answer>", None),
        ("<answer>2", None),
        (r"\boxed{2", None),
        (r"<think>\boxed{2}", None),
        (r"<think>\boxed{2}</think>", None),
    ];
    for (response, expected) in marked {
        let found = find::answer(response, Extract::Auto);
        assert_eq!(found, expected.map(Found::Marked), "{response}");
    }
    for (response, expected) in [
        ("2", Some("2")),
        ("<think>3</think> 2", Some("2")),
        ("The answer is: 2", Some("2")),
        ("so\n#### 2", Some("2")),
        ("Thus it costs $5$ or so.", None),
        ("It is 2 or 3.", Some("2 or 3")),
        ("It can't be 2.", None),
        ("Adding 3 and 9 gives 12.", Some("12")),
        ("She had 31, gave 6 away, so she has 25 left.", Some("25")),
        ("There are 12 apples in total.", Some("12 apples")),
        (
            "The speed is 60 kilometers per hour.",
            Some("60 kilometers per hour"),
        ),
        ("The area is 9 cm squared.", Some("9 cm squared")),
        (
            r"The volume is $64\pi\ \text{cm}^3$.",
            Some(r"64\pi\ \text{cm}^3"),
        ),
        ("The total is 12 after 3 days.", None),
        ("Is it 2?", None),
        ("```\n2\n```", Some("2")),
        ("", None),
    ] {
        let stated = match find::answer(response, Extract::Auto) {
            Some(Found::Text(text)) => prose::stated(text),
            _ => None,
        };
        assert_eq!(
            stated.as_deref().or((response == "2").then_some("2")),
            expected,
            "{response}"
        );
    }
}

#[test]
fn boxes_that_are_joined_are_one_answer() {
    for (response, expected) in [
        (r"\boxed{1} and \boxed{2}", vec!["1", "2"]),
        (
            r"$\boxed{1}$, $\boxed{2}$ or $\boxed{3}$",
            vec!["1", "2", "3"],
        ),
        ("(a) $\\boxed{1}$\n(b) $\\boxed{2}$", vec!["1", "2"]),
        (r"\boxed{0}, so \boxed{1} and \boxed{2}", vec!["1", "2"]),
    ] {
        let found = find::answer(response, Extract::Auto);
        assert_eq!(found, Some(Found::Boxes(expected)), "{response}");
    }
}

#[test]
fn extraction_looks_only_where_it_is_told() {
    let both = r"<answer>1</answer> \boxed{2}";
    let found = |response, mode| match find::answer(response, mode) {
        Some(Found::Marked(text)) => Some(text),
        _ => None,
    };
    assert_eq!(found(both, Extract::Answer), Some("1"));
    assert_eq!(
        found(r"\boxed{2} <answer>1</answer>", Extract::Boxed),
        Some("2")
    );
    assert_eq!(found(r"\boxed{2}", Extract::Answer), None);
    assert_eq!(found("<answer>1</answer>", Extract::Boxed), None);
    assert_eq!(
        find::answer("<think>1</think> 3", Extract::Text),
        Some(Found::Text("3"))
    );
}

/// Ten million bytes, as the contract may bring them, score 0 unread; nearly a MiB is read.
#[test]
fn a_response_of_ten_megabytes_is_judged() {
    let judged = |response: &str| judge(response, &json!("5"), &options(&Value::Null)).unwrap();
    let filler = "word <b>\\x{ ".repeat(80_000);
    assert_eq!(judged(&format!("{filler}<answer>5</answer>")).accuracy, 1.0);
    let filler = filler.repeat(11);
    for response in [
        format!("{filler}<answer>5</answer>"),
        format!("<answer>{filler}5</answer>"),
        format!("<think>{filler}</think><answer>5</answer>"),
        "<answer>".repeat(1_250_000),
        "\\boxed{".repeat(1_400_000),
    ] {
        assert!(response.len() > 8_000_000);
        let found = judged(&response);
        assert_eq!((found.accuracy, found.format), (0.0, 0.0));
    }
}

#[test]
fn parameters_are_checked() {
    for (params, part) in [
        (json!({"formt_weight": 1}), "did you mean `format_weight`"),
        (json!({"Extract": "auto"}), "did you mean `extract`"),
        (json!({"unit": "strict"}), "did you mean `units`"),
        (json!([1]), "JSON object"),
    ] {
        let error = Options::from_json(&params).unwrap_err();
        assert!(error.contains(part), "{params}: {error}");
    }
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    for (name, doc, default) in PARAMS {
        let value: Value = serde_json::from_str(default).unwrap();
        assert_eq!(
            options(&json!({ name: value })),
            Options::default(),
            "{name}"
        );
        assert!(doc.len() > 20);
    }
    assert_eq!(options(&Value::Null), Options::default());
}
