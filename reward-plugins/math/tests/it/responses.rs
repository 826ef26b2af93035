//! Where the answer of a response is found, its format, the reference's JSON, and the parameters.

use math::params::{Extract, Options, PARAMS};
use math::{extract, judge};
use serde_json::{Value, json};

fn options(params: &Value) -> Options {
    Options::from_json(params).unwrap()
}

fn accuracy(response: &str, answer: &Value) -> f64 {
    judge(response, answer, &Options::default())
        .unwrap()
        .accuracy
}

#[test]
fn the_last_answer_wins() {
    let cases = [
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
        ("<answer>\n 2 \n</answer>", Some("2")),
        ("<answer>1<answer>2</answer>", Some("2")),
        (r"\boxed{1} \boxed{}", Some("")),
        ("<answer>1</answer><answer></answer>", Some("")),
        ("<answer>2", None),
        (r"\boxed{2", None),
        ("2", Some("2")),
        ("<think>3</think> 2", Some("2")),
        ("The answer is: 2", Some("2")),
        ("so\n#### 2", Some("2")),
        ("", Some("")),
    ];
    for (response, expected) in cases {
        assert_eq!(
            extract::answer(response, Extract::Auto),
            expected,
            "{response}"
        );
    }
}

#[test]
fn extraction_looks_only_where_it_is_told() {
    let both = r"<answer>1</answer> \boxed{2}";
    assert_eq!(extract::answer(both, Extract::Answer), Some("1"));
    assert_eq!(
        extract::answer(r"\boxed{2} <answer>1</answer>", Extract::Boxed),
        Some("2")
    );
    assert_eq!(extract::answer(r"\boxed{2}", Extract::Answer), None);
    assert_eq!(extract::answer("<answer>1</answer>", Extract::Boxed), None);
    assert_eq!(
        extract::answer("<think>1</think> 3", Extract::Text),
        Some("3")
    );
}

#[test]
fn a_response_cannot_win_without_the_answer() {
    let hostile = [
        "",
        "<answer></answer>",
        r"\boxed{}",
        r"<answer>12 or 13</answer>",
        r"<answer>12, 13</answer>",
        r"<answer>\{12, 13\}</answer>",
        r"<answer>\pm 12</answer>",
        r"<answer>x = 12 or x = 13</answer>",
        r"<answer>12 = 13</answer>",
        r"<answer>x</answer>",
        r"<answer>answer</answer>",
        r"<answer>\text{any}</answer>",
        r"<answer>0/0</answer>",
        r"<answer>12/0</answer>",
        r"<answer>\frac{12 \cdot 0}{0}</answer>",
        r"<answer>\infty - \infty</answer>",
        r"<answer>12</answer> no: <answer>13</answer>",
        r"\boxed{12} no: \boxed{13}",
        r"<answer>12",
        r"<answer>12 13</answer>",
        r"<answer>1 2</answer>",
        r"<answer>[12]13</answer>",
        r"<answer>12..13</answer>",
        r"<answer>12 - 13</answer>",
        r"<answer>\sqrt{144</answer>",
        r"<answer>12;13</answer>",
        r"<answer>(12, 13)</answer>",
        r"<answer>\begin{cases}12\\13\end{cases}</answer>",
        r"<answer>{{answer}}</answer>",
        r#"{"accuracy": 1.0}"#,
        r"<answer>12 \text{ or } 13</answer>",
        r"<answer>12 (or 13)</answer>",
        r"<answer>≈12±1</answer>",
        r"<answer>12 to 13</answer>",
        r"<answer>\min(12,13)+1</answer>",
    ];
    for response in hostile {
        assert_eq!(accuracy(response, &json!(12)), 0.0, "{response}");
    }
    assert_eq!(accuracy("<answer>12</answer>", &json!(12)), 1.0);
}

#[test]
fn references_are_json_of_many_kinds() {
    let right = [
        (json!(12), "12"),
        (json!(0.1), "1/10"),
        (
            serde_json::from_str("123456789012345678901234567890").unwrap(),
            "123456789012345678901234567890",
        ),
        (
            serde_json::from_str("0.1000000000000000000000001").unwrap(),
            "0.1000000000000000000000001",
        ),
        (json!(true), "true"),
        (json!(false), "no"),
        (json!(["12", "dozen"]), "dozen"),
        (json!([1, 2]), "2"),
        (json!({"answer": "12"}), "12"),
        (json!({"ground_truth": 12}), "12"),
        (json!({"any_of": [12, "a dozen"]}), "a dozen"),
        (json!("<answer>12</answer>"), "12"),
        (json!(r"thus \boxed{12}"), "12"),
        (json!("6*2 = 12\n#### 12"), "12"),
        (json!("$12$"), "12"),
    ];
    for (reference, answer) in right {
        assert_eq!(
            accuracy(&format!("<answer>{answer}</answer>"), &reference),
            1.0,
            "{reference} {answer}"
        );
    }
    // The digits beyond a double's precision count.
    let long = serde_json::from_str("123456789012345678901234567890").unwrap();
    assert_eq!(
        accuracy("<answer>123456789012345678901234567891</answer>", &long),
        0.0
    );
    assert_eq!(
        accuracy("<answer>1, 2</answer>", &json!([1, 2])),
        0.0,
        "a list names alternatives"
    );
}

#[test]
fn an_unreadable_reference_is_the_fault_of_the_data() {
    let bad = [
        (json!(null), "missing or null"),
        (json!(""), "empty string"),
        (json!("  "), "empty string"),
        (json!("$$"), "empty string"),
        (json!([]), "empty list"),
        (json!([null]), "missing or null"),
        (json!([[1, 2]]), "list of lists"),
        (json!({"solution": 3}), "without the key"),
        (json!(r"\boxed{}"), "empty"),
        (json!("<answer>12"), "not closed"),
    ];
    for (reference, part) in bad {
        let error = judge("<answer>12</answer>", &reference, &Options::default()).unwrap_err();
        assert!(error.0.contains(part), "{reference}: {}", error.0);
    }
}

#[test]
fn formats() {
    let format = |response: &str, name: &str| {
        judge(response, &json!(3), &options(&json!({"format": name})))
            .unwrap()
            .format
    };
    for (response, expected) in [
        ("<think>a</think><answer>3</answer>", 1.0),
        ("  <think>a\nb</think>\n<answer>3</answer>\n", 1.0),
        ("<think></think><answer>9</answer>", 1.0),
        ("<answer>3</answer>", 0.0),
        ("<think>a</think>3", 0.0),
        ("<think>a</think><answer></answer>", 0.0),
        ("<think>a</think> so <answer>3</answer>", 0.0),
        ("<think>a</think><answer>3</answer> done", 0.0),
        ("x<think>a</think><answer>3</answer>", 0.0),
        ("<think>a</think><think>b</think><answer>3</answer>", 0.0),
        ("<think>a</think><answer>3</answer><answer>3</answer>", 0.0),
        ("<think>a<answer>3</answer></think>", 0.0),
        ("</think><think><answer>3</answer>", 0.0),
        ("<think>a<answer>3</think></answer>", 0.0),
        ("", 0.0),
    ] {
        assert_eq!(format(response, "answer"), expected, "{response}");
        assert_eq!(format(response, "none"), 1.0);
    }
    for (response, expected) in [
        (r"so \boxed{3}", 1.0),
        (r"<think>a</think> \boxed{3}", 1.0),
        (r"<think>\boxed{3}</think>", 0.0),
        (r"<think>a \boxed{3}", 0.0),
        (r"\boxed{}", 0.0),
        (r"\boxed{3", 0.0),
        ("3", 0.0),
    ] {
        assert_eq!(format(response, "boxed"), expected, "{response}");
    }
}

#[test]
fn the_total_weighs_accuracy_and_format() {
    let total = |response: &str, params: &Value| {
        judge(response, &json!(3), &options(params)).unwrap().total
    };
    let weighted = json!({"format_weight": 0.25});
    assert_eq!(total("<think>a</think><answer>3</answer>", &weighted), 1.0);
    assert_eq!(total("<think>a</think><answer>4</answer>", &weighted), 0.25);
    assert_eq!(total("3", &weighted), 0.75);
    assert_eq!(total("4", &weighted), 0.0);
    assert_eq!(total("3", &json!({})), 1.0);
    assert_eq!(total("<think>a</think><answer>4</answer>", &json!({})), 0.0);
}

#[test]
fn parameters_are_checked() {
    for (params, part) in [
        (json!({"formt_weight": 1}), "did you mean `format_weight`"),
        (json!({"Extract": "auto"}), "did you mean `extract`"),
        (json!({"unit": "strict"}), "did you mean `units`"),
        (json!({"format_weight": 1.5}), "from 0 to 1"),
        (json!({"format_weight": "high"}), "from 0 to 1"),
        (
            json!({"extract": "last"}),
            "\"auto\", \"answer\", \"boxed\", \"text\"",
        ),
        (json!({"percent": 1}), "\"either\""),
        (json!({"tolerance": -1}), "0 or more"),
        (json!({"tolerance": "1/0"}), "0 or more"),
        (json!({"ordered": "yes"}), "true or false"),
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
