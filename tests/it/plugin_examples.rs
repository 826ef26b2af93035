//! The examples of `reward-plugins/examples`: each builds from a copy, and passes its golden cases.

use crate::support::{Outcome, repository, rlhost};
use std::path::Path;

#[track_caller]
fn ok(folder: &Path, arguments: &[&str]) -> String {
    let outcome: Outcome = rlhost(folder).args(arguments).output().unwrap().into();
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
    outcome.stdout
}

/// Builds the example and runs its cases, of which there are at least `cases`.
#[track_caller]
fn built_and_tested(name: &str, cases: usize) {
    let folder = repository().join("reward-plugins/examples").join(name);
    let built = ok(&folder, &["plugin", "build"]);
    assert!(built.starts_with(&format!("{name} ")), "{built}");
    let tested = ok(&folder, &["plugin", "test", "--json"]);
    let passed = tested.lines().count();
    assert!(passed >= cases, "{passed} cases");
}

#[test]
fn extraction() {
    built_and_tested("extraction", 25);
}

#[test]
fn tables() {
    built_and_tested("tables", 25);
}
