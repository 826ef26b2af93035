//! Runs a plugin natively on the golden cases beside its source, for its own tests. `rlhost plugin test`
//! does the same with the component.

use std::fs;
use std::path::Path;

use rlhost_plugin::serde_json::{self, Map, Value};
use rlhost_plugin::{Failure, FinishReason, Reward, Sample, SampleReward, Scope, Turn, Verdict};

/// Columns of a case that the plugin does not see as further columns.
const KNOWN: [&str; 9] = [
    "response",
    "answer",
    "params",
    "expect",
    "name",
    "call",
    "data_source",
    "problem_type",
    "answer_type",
];

/// The sample that the host makes of a row.
///
/// # Panics
/// Where the row is not of the form of a case.
pub fn sample(row: &Value) -> Sample {
    let json = |name: &str| row.get(name).map_or("null".to_owned(), Value::to_string);
    let text = |name: &str| row[name].as_str().unwrap_or("").to_owned();
    let mut sample = Sample::from_text(row["response"].as_str().unwrap_or(""), &json("answer"));
    if let Some(turns) = row["response"].as_array() {
        sample.response = turns
            .iter()
            .map(|turn| Turn {
                text: turn["text"].as_str().unwrap_or("").to_owned(),
                finish_reason: match turn["finish_reason"].as_str() {
                    Some("length") => FinishReason::Length,
                    Some("cut") => FinishReason::Cut,
                    _ => FinishReason::Stop,
                },
                tokens: turn["tokens"].as_u64().unwrap_or(0) as u32,
            })
            .collect();
    }
    if let Some(params) = row.get("params") {
        sample.params = params.to_string();
    }
    sample.data_source = text("data_source");
    sample.problem_type = text("problem_type");
    sample.answer_type = text("answer_type");
    let columns: Map<_, _> = row
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    sample.columns = Value::Object(columns).to_string();
    sample
}

/// What is wrong with a plugin's answer to a row; nothing where it is as expected.
fn complaint(row: &Value, result: &Result<Verdict, Failure>) -> Option<String> {
    let Some(expect) = row["expect"].as_object().filter(|map| !map.is_empty()) else {
        return Some("it expects nothing".to_owned());
    };
    let near = |value: f64, expected: &Value| {
        let tolerance = expect
            .get("tolerance")
            .map_or(1e-9, |t| t.as_f64().unwrap_or(0.0));
        expected
            .as_f64()
            .is_some_and(|e| (e - value).abs() <= tolerance)
    };
    let holds = |(key, expected): (&String, &Value)| match (key.as_str(), result) {
        // Fuel is the component's.
        ("tolerance" | "fuel_max", _) => true,
        ("score", Ok(verdict)) => near(verdict.total, expected),
        ("max", Ok(verdict)) => expected.as_f64().is_some_and(|max| verdict.total <= max),
        ("min", Ok(verdict)) => expected.as_f64().is_some_and(|min| verdict.total >= min),
        ("parts", Ok(verdict)) => expected.as_object().is_some_and(|parts| {
            parts.iter().all(|(name, value)| {
                let part = verdict.parts.iter().find(|(part, _)| part == name);
                part.is_some_and(|(_, got)| near(*got, value))
            })
        }),
        ("outcome", Err(failure)) => {
            expected
                == match failure {
                    Failure::InvalidReference(_) => "invalid-reference",
                    Failure::Internal(_) => "internal",
                    Failure::Abstain(_) => "abstain",
                }
        }
        ("message", Err(failure)) => {
            let (Failure::InvalidReference(message)
            | Failure::Internal(message)
            | Failure::Abstain(message)) = failure;
            expected.as_str().is_some_and(|text| message.contains(text))
        }
        _ => false,
    };
    (!expect.iter().all(holds)).then(|| format!("{result:?}"))
}

/// The rows of each call: one by one, or for scope `batch` consecutive rows of equal `call`.
fn calls(scope: Scope, rows: Vec<(String, Value)>) -> Vec<Vec<(String, Value)>> {
    let mut calls: Vec<Vec<(String, Value)>> = Vec::new();
    for row in rows {
        match calls.last_mut() {
            Some(call) if scope == Scope::Batch && call[0].1["call"] == row.1["call"] => {
                call.push(row);
            }
            _ => calls.push(vec![row]),
        }
    }
    calls
}

/// Holds a plugin to all cases in `folder`/cases, of which there are at least `least`.
///
/// # Panics
/// Where a case does not hold or the cases are fewer.
pub fn check<T: Reward>(folder: &str, least: usize) {
    let folder = Path::new(folder).join("cases");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a file of cases").path())
        .filter(|file| file.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).expect("a file of cases is UTF-8");
        let rows = text.lines().enumerate().map(|(number, line)| {
            let row = serde_json::from_str(line).expect("a case is a JSON object");
            (format!("{}:{}", file.display(), number + 1), row)
        });
        for call in calls(T::describe().scope, rows.collect()) {
            let results = T::score(call.iter().map(|(_, row)| sample(row)).collect());
            assert_eq!(results.len(), call.len(), "{}", call[0].0);
            count += call.len();
            for ((place, row), result) in call.iter().zip(&results) {
                if let Some(complaint) = complaint(row, result) {
                    wrong.push(format!("{place} {row}\n    {complaint}"));
                }
            }
        }
    }
    assert!(count >= least, "the cases shrank to {count}");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Holds a plugin's description to the plugin: its defaults mean what leaving them out means, and a name that
/// it does not list is refused.
///
/// # Panics
/// Where they differ for one of `rows`.
pub fn check_description<T: Reward>(name: &str, rows: &[Value]) {
    let info = T::describe();
    assert_eq!(info.name, name);
    let score = |row: &Value, params: Option<&str>| {
        let mut sample = sample(row);
        if let Some(params) = params {
            params.clone_into(&mut sample.params);
        }
        T::score(vec![sample]).remove(0)
    };
    for row in rows {
        let plain = score(row, None).expect("a row with a score");
        for param in &info.params {
            let params = format!("{{\"{}\": {}}}", param.name, param.default);
            let given = score(row, Some(&params)).expect("a default is a value");
            assert_eq!(format!("{given:?}"), format!("{plain:?}"), "{}", param.name);
        }
        for (part, _) in &plain.parts {
            assert!(info.parts.contains(part), "{part}");
        }
        let unknown = score(row, Some(r#"{"no_such_parameter": 1}"#));
        assert!(matches!(unknown, Err(Failure::Internal(_))));
    }
}

/// Holds a verifier to responses of ten million bytes, as the contract may bring them: they score 0 unread. One of nearly
/// a MiB with `answer` in tags is read, and right for `reference`, which is JSON.
///
/// # Panics
/// Where a score is another, or missing.
#[allow(clippy::float_cmp)]
pub fn check_huge<T: SampleReward>(answer: &str, reference: &str) {
    let total = |response: &str| {
        let verdict = T::score(&Sample::from_text(response, reference));
        verdict.expect("a verdict").total
    };
    let filler = "word <b>\\x{ ".repeat(80_000);
    assert_eq!(total(&format!("{filler}<answer>{answer}</answer>")), 1.0);
    let filler = filler.repeat(11);
    for response in [
        format!("{filler}<answer>{answer}</answer>"),
        format!("<answer>{filler}{answer}</answer>"),
        format!("<think>{filler}{answer}"),
        "<answer>".repeat(1_250_000),
        "\\boxed{".repeat(1_400_000),
        "[".repeat(10_000_000),
        "[{\"a\":".repeat(1_400_000),
    ] {
        assert!(response.len() > 8_000_000);
        assert_eq!(total(&response), 0.0, "{}", &response[..40]);
    }
}
