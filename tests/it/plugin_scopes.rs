//! Rewards that see all completions of a prompt, or of a step, in every language.

use crate::plugin_new::ok;
use crate::support::{Project, json_lines};

/// Two prompts: of the first two completions are alike, of the second none.
const ROWS: &str = r#"{"response": "a", "answer": "x", "group": 0}
{"response": "a", "answer": "x", "group": 0}
{"response": "b", "answer": "x", "group": 1}
{"response": "c", "answer": "x", "group": 1}
{"response": "a", "answer": "x", "group": 1}
"#;

/// The totals of the rows.
fn totals(project: &Project, what: &str) -> Vec<f64> {
    project.write("rows.jsonl", ROWS);
    let scored = ok(project.root(), &["score", what, "--input", "rows.jsonl"]);
    let rows = json_lines(&scored);
    let totals = rows.iter().map(|row| row["score"].as_f64());
    totals.map(|total| total.unwrap_or(f64::NAN)).collect()
}

/// How many responses are the same, in a group and in a batch.
const GROUP: [f64; 5] = [2.0, 2.0, 1.0, 1.0, 1.0];
const BATCH: [f64; 5] = [3.0, 3.0, 1.0, 1.0, 3.0];

#[track_caller]
fn sees_all(lang: &str, file: &str, source: &str) {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", lang]);
    project.write(&format!("own/{file}"), source);
    let manifest = project.read("own/plugin.toml");
    for (scope, expected) in [("group", GROUP), ("batch", BATCH)] {
        let says = format!("\nscope = \"{scope}\"\n");
        let changed = manifest.replace("\n# scope = \"group\"\n", &says);
        assert!(changed.contains(&says), "{manifest}");
        project.write("own/plugin.toml", &changed);
        ok(project.root(), &["plugin", "build", "own"]);
        assert_eq!(totals(&project, "own"), expected, "{lang}, {scope}");
    }
    // A source for one sample at a time is none for several, and the other way round.
    project.write("own/plugin.toml", &manifest);
    let outcome = project.run(&["plugin", "build", "own"]);
    assert_eq!(outcome.code, Some(2), "{lang}: {outcome:?}");
}

#[test]
fn groups_and_batches_in_c() {
    sees_all(
        "c",
        "src/score.c",
        r#"#include "rlhost.h"

void describe(rlhost_info *info) { (void)info; }

static bool same(rlhost_text a, rlhost_text b) {
  return rlhost_contains(a, b) && rlhost_contains(b, a);
}

void score_all(const rlhost_samples *samples, rlhost_result *results) {
  for (size_t i = 0; i < samples->len; i++) {
    double count = 0;
    for (size_t j = 0; j < samples->len; j++) {
      count += same(rlhost_last_text(&samples->ptr[i]), rlhost_last_text(&samples->ptr[j]));
    }
    results[i] = rlhost_verdict(count);
    rlhost_step(&results[i], 0, 1, count / 2);
    rlhost_step(&results[i], 0, RLHOST_TURN_END, count / 2);
  }
}
"#,
    );
}

#[test]
fn groups_and_batches_in_go() {
    sees_all(
        "go",
        "src/score.go",
        r"package plugin

var description = Description{}

func scoreAll(samples []Sample) []Judgement {
	counts := map[string]float64{}
	for i := range samples {
		counts[LastText(&samples[i])]++
	}
	judged := make([]Judgement, len(samples))
	for i := range samples {
		count := counts[LastText(&samples[i])]
		steps := []StepReward{Step(0, 1, count/2), Step(0, -1, count/2)}
		judged[i] = Judgement{Verdict: Verdict{Total: count, Steps: steps}}
	}
	return judged
}
",
    );
}

#[test]
fn groups_and_batches_in_javascript() {
    sees_all(
        "javascript",
        "src/score.js",
        r#"import { groups, lastText, rewardPlugin } from "./rlhost.js";

export const reward = rewardPlugin({ scoreAll });

function scoreAll(samples) {
  if (groups(samples).flat().length !== samples.length) {
    throw new Error("a sample is of no group");
  }
  const same = (one) => samples.filter((other) => lastText(other) === lastText(one)).length;
  return samples.map(same);
}
"#,
    );
}

/// TRL's form: a reward that compares the completions of a prompt with each other.
const DIVERSITY: &str = r"from collections import Counter


def diversity(completions, **kwargs):
    counts = Counter(completions)
    return [float(counts[it]) for it in completions]
";

#[test]
fn groups_and_batches_of_functions_that_take_lists() {
    let project = Project::empty();
    project.write("trl.py", DIVERSITY);
    project.write(
        "easy.py",
        "def compute_score(reward_inputs):\n    texts = [it[\"response\"] for it in reward_inputs]\n    \
         return [{\"overall\": texts.count(it), \"all\": len(texts)} for it in texts]\n",
    );
    project.write(
        "plain.py",
        "def alike(responses, samples):\n    assert [it.response for it in samples] == responses\n    \
         return [None if it == \"c\" else responses.count(it) for it in responses]\n",
    );
    // Without a word, each is judged alone: the build says so, and where the function would compare.
    project.ok(&[
        "plugin",
        "new",
        "alone",
        "--from-python",
        "trl.py:diversity",
    ]);
    let built = project.ok(&["plugin", "build", "alone"]).stderr;
    for told in [
        "called as by TRL: completions = response, ",
        "a list has one entry, since each response is judged alone",
        "warning: src/trl.py, line 5: the function seems to compare responses with each other",
    ] {
        assert!(built.contains(told), "{told:?} is not in: {built}");
    }
    for (name, function, scope, expected) in [
        ("group", "trl.py:diversity", "group", GROUP),
        ("batch", "easy.py:compute_score", "batch", BATCH),
    ] {
        let new = [
            "plugin",
            "new",
            name,
            "--from-python",
            function,
            "--scope",
            scope,
        ];
        project.ok(&new);
        let built = project.ok(&["plugin", "build", name]).stderr;
        let told = "a list has an entry for each completion of a ";
        assert!(built.contains(told) && !built.contains("seems"), "{built}");
        assert_eq!(totals(&project, name), expected, "{name}");
    }
    project.ok(&[
        "plugin",
        "new",
        "plain",
        "--from-python",
        "plain.py:alike",
        "--scope",
        "group",
    ]);
    project.ok(&["plugin", "build", "plain"]);
    let found = totals(&project, "plain");
    assert!(found[3].is_nan() && found[..3] == GROUP[..3], "{found:?}");
    // What judges one response at a time can't be given several.
    project.write(
        "one.py",
        "def compute_score(solution_str, ground_truth):\n    return 1\n",
    );
    project.ok(&[
        "plugin",
        "new",
        "one",
        "--from-python",
        "one.py:compute_score",
        "--scope",
        "group",
    ]);
    let outcome = project.run(&["plugin", "build", "one"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("with one response at a time"),
        "{outcome:?}"
    );
}

#[test]
fn a_scope_that_the_source_does_not_have_is_refused() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", "c"]);
    let manifest = project.read("own/plugin.toml");
    let group = manifest.replace("\n# scope = ", "\nscope = ");
    project.write("own/plugin.toml", &group);
    // The linker misses the function, and the build says which.
    let refused = project.run(&["plugin", "build", "own"]);
    assert!(
        refused
            .stderr
            .contains("must define `score_all`, as src/rlhost.h declares it"),
        "{refused:?}"
    );
    // Files of an earlier version describe themselves otherwise.
    let file = project.read("own/src/rlhost.c");
    let old = file.replace("  info->scope = PLUGIN_SCOPE;\n", "");
    project.write(
        "own/src/rlhost.c",
        &old.replace("#if PLUGIN_SCOPE == ", "#if 0 == "),
    );
    let refused = project.run(&["plugin", "build", "own"]);
    let told = "`scope = \"group\"` is not what the plugin says of itself: \"sample\"";
    assert!(refused.stderr.contains(told), "{refused:?}");
    assert!(!project.path("own/target/guests/own.wasm").exists());
    project.write(
        "own/plugin.toml",
        &group.replace("\"group\"", "\"several\""),
    );
    project.refused(&["plugin", "build", "own"], &["several", "`batch`"]);
    project.ok(&[
        "plugin",
        "new",
        "loss",
        "--lang",
        "c",
        "--world",
        "algorithm",
    ]);
    let manifest = project.read("loss/plugin.toml");
    project.write(
        "loss/plugin.toml",
        &manifest.replace("[plugin]\n", "[plugin]\nscope = \"group\"\n"),
    );
    let refused = project.run(&["plugin", "build", "loss"]);
    assert!(
        refused.stderr.contains("plugin.scope is for rewards"),
        "{refused:?}"
    );
}
