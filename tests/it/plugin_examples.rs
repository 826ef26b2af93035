//! The examples in `reward-plugins/examples`, each built and tested on its golden cases as its README says.

use crate::plugin_new::ok;
use crate::support::repository;

/// Builds the example's folder, and runs its cases, of which there are at least 25.
#[track_caller]
fn builds_and_passes(name: &str) {
    let folder = format!("reward-plugins/examples/{name}");
    let built = ok(&repository(), &["plugin", "build", &folder]);
    assert!(built.starts_with(&format!("name      {name} ")), "{built}");
    let tested = ok(&repository(), &["plugin", "test", &folder, "--json"]);
    let cases = tested.lines().count();
    assert!(cases >= 25, "{cases} cases");
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

#[test]
fn extraction_in_go() {
    builds_and_passes("extraction");
}

#[test]
fn tables_in_javascript() {
    builds_and_passes("tables");
}

/// Rewards that ask a judge: the cases hold what it answers, and nobody is asked.
#[track_caller]
fn judges(name: &str) {
    let folder = format!("reward-plugins/examples/{name}");
    ok(&repository(), &["plugin", "build", &folder]);
    let tested = ok(&repository(), &["plugin", "test", &folder, "--json"]);
    assert!(tested.lines().count() >= 8, "{tested}");
    let benched = ok(&repository(), &["plugin", "bench", &folder, "--times", "1"]);
    assert!(benched.contains("fuel    least "), "{benched}");
}

#[test]
fn a_judge_in_python() {
    judges("judged");
}

#[test]
fn a_judge_in_rust() {
    judges("rubric");
}
