//! Where the answer of a response is found, and the parameters.

use math::extract;
use math::params::{Extract, Options, PARAMS};
use serde_json::{Value, json};

fn options(params: &Value) -> Options {
    Options::from_json(params).unwrap()
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
