//! What the targets for the files of a run do with their input. They panic where something that must hold does not.
//!
//! The trainer's tests replay their corpus through the same functions, on the stable compiler.

use std::fs;
use std::path::Path;

use rlhost_trainer::run::{Checkpoint, RolloutRow};
use serde_json::Value;

/// What is done with an input.
pub type Target = fn(&[u8]);

/// The targets by their names.
pub const TARGETS: [(&str, Target); 2] = [
    ("rollout_rows", rollout_rows),
    ("checkpoint_states", checkpoint_states),
];

/// A row of rollouts: what is read is the same after it was written, and a row is told from what a run would have
/// written in its place exactly where its values differ.
pub fn rollout_rows(data: &[u8]) {
    let Ok(row) = serde_json::from_slice::<RolloutRow>(data) else {
        return;
    };
    let text = serde_json::to_vec(&row).expect("a row is JSON");
    let again: RolloutRow = serde_json::from_slice(&text).expect("what was written is read");
    assert_eq!(again, row);
    let Ok(record) = row.judged() else { return };
    let written = row
        .clone()
        .with_record(&record)
        .expect("it is its own record");
    let text = serde_json::to_vec(&written).expect("a row is JSON");
    let read: RolloutRow = serde_json::from_slice(&text).expect("what was written is read");
    assert!(read.strange_fields(&text).expect("it is judged").is_empty());
    let Ok(strange) = row.strange_fields(data) else {
        return;
    };
    let value = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
    let same = data == text || value(data) == value(&text);
    assert_eq!(strange.is_empty(), same);
}

/// The state of a checkpoint: one that opens is as it was written, so that no other byte opens too.
pub fn checkpoint_states(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.json");
    let open = |bytes: &[u8]| {
        fs::write(&state, bytes).expect("a file");
        Checkpoint::open(folder.path() as &Path)
    };
    let Ok(checkpoint) = open(data) else { return };
    for at in [0, data.len() / 3, data.len() / 2, data.len() - 1] {
        let mut other = data.to_vec();
        other[at] ^= 1;
        assert!(open(&other).is_err(), "byte {at}");
    }
    assert_eq!(open(data).expect("it did before"), checkpoint);
}
