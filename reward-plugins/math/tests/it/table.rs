//! Pairs of answers that are equal or not by mathematics.

use math::{judge, params::Options};
use serde_json::{Value, json};

#[test]
fn verdicts_on_the_hand_written_table() {
    let table = include_str!("../../cases/table.txt");
    let (mut topic, mut count, mut wrong) = ("", 0, Vec::new());
    for (number, line) in table.lines().enumerate() {
        if let Some(name) = line.strip_prefix('[') {
            topic = name.trim_end_matches(']');
        }
        let Some(expected) = [("= ", 1.0), ("! ", 0.0)]
            .iter()
            .find(|(mark, _)| line.starts_with(mark))
        else {
            continue;
        };
        let fields: Vec<&str> = line[2..].split(";;").map(str::trim).collect();
        let params: Value = fields
            .get(2)
            .map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
        let options = Options::from_json(&params).unwrap();
        let response = format!("<think>so</think><answer>{}</answer>", fields[1]);
        let got = judge(&response, &json!(fields[0]), &options).unwrap();
        count += 1;
        if got.accuracy != expected.1 {
            wrong.push(format!("{}: [{topic}] {line}", number + 1));
        }
    }
    assert!(count >= 250, "the table shrank to {count} cases");
    assert!(
        wrong.is_empty(),
        "{} of {count} cases are judged wrongly:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
