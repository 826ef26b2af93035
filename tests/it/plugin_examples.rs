//! The examples in `reward-plugins/examples`, each built and tested on its golden cases as its README says.

use crate::plugin_new::ok;
use crate::support::repository;

/// Builds the example's folder, and runs its cases.
fn builds_and_passes(name: &str) {
    let folder = format!("reward-plugins/examples/{name}");
    let built = ok(&repository(), &["plugin", "build", &folder]);
    assert!(built.starts_with(&format!("{name} ")), "{built}");
    let tested = ok(&repository(), &["plugin", "test", &folder]);
    assert!(tested.contains(" passed       0 failed"), "{tested}");
}

#[test]
fn transcriptions_in_c() {
    builds_and_passes("ocr");
}

#[test]
fn grounded_responses_in_rust() {
    builds_and_passes("grounding");
}

#[test]
fn word_problems_in_python() {
    builds_and_passes("word-problems");
}
