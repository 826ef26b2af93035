//! JSON Schema beside Python's `jsonschema` (`tests/peers/verifiers.py`).

use format::schema::Schema;
use rlhost_plugin::serde_json::{Value, from_str};

#[test]
fn schemas_accept_what_jsonschema_accepts() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    let mut counts = [0, 0];
    for row in &rows {
        let schema = Schema::new(&row["schema"]).unwrap_or_else(|why| panic!("{why}: {row}"));
        for (kind, valid) in ["invalid", "valid"].into_iter().zip([false, true]) {
            for instance in row[kind].as_array().unwrap() {
                assert_eq!(schema.accepts(instance), Ok(valid), "{instance} {row}");
                counts[usize::from(valid)] += 1;
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 300), "{counts:?}");
}
