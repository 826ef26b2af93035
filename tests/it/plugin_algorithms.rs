//! Templates of algorithms: in every language the same loss, on numbers worked out by hand, and in a step of training.

use crate::plugin_new::ok;
use crate::support::Project;
use rlhost_host::Host;
use rlhost_host::algorithm::{Algorithm, AlgorithmRunner, LossInput, Rows, Totals};
use serde_json::{Map, Value, json};
use std::path::Path;

fn runner(host: &Host, component: &Path, params: Value) -> AlgorithmRunner {
    let algorithm = Algorithm::load(host, component).unwrap();
    let Value::Object(params) = params else {
        panic!("no object: {params}")
    };
    let params: Map<String, Value> = params;
    AlgorithmRunner::new(&algorithm, &params, Algorithm::default_limits(host)).unwrap()
}

fn a_new_algorithm(lang: &str) {
    let project = Project::empty();
    let new = ["plugin", "new", "my-loss", "--lang", lang];
    project.ok(&[&new[..], &["--world", "algorithm"]].concat());
    let built = ok(project.root(), &["plugin", "build", "my-loss"]);
    assert!(
        built.contains("world     rlhost:plugin/algorithm@0.1.0\n"),
        "{built}"
    );
    let component = project.path("my-loss/target/guests/my-loss.wasm");
    let text = project
        .ok(&["plugin", "inspect", component.to_str().unwrap()])
        .stdout;
    assert!(text.starts_with("name      my-loss 0.1.0\n"), "{text}");
    assert!(text.contains("advantage no\n"), "{text}");
    assert!(text.contains("loss      yes, of scope row"), "{text}");
    assert!(text.contains("scale = 1"), "{text}");

    let host = Host::builder().threads(1).build().unwrap();
    let rows = Rows {
        offsets: &[0, 2, 3],
        mask: &[true, false, true],
    };
    let logp = [-0.5, f64::NAN, -2.0];
    let input = LossInput::new(rows, &logp, &logp, &[1.0, 3.0, -2.0]);
    let totals = Totals {
        tokens: 2,
        rows: 2,
        ..Totals::default()
    };
    // -(1 · -0.5 + -2 · -2) / 2, and minus half of the advantage for each trained token.
    for (params, factor) in [
        (json!({}), 1.0),
        (json!({"scale": 2}), 2.0),
        (json!({"scale": -1.5e1}), -15.0),
    ] {
        let runner = runner(&host, &component, params);
        let answered = runner.policy_loss(&input, &totals).unwrap();
        assert!((answered.value.loss - -1.75 * factor).abs() < 1e-12);
        assert_eq!(answered.value.d_logp, [-0.5 * factor, 0.0, factor]);
        assert_eq!(answered.value.d_entropy, None);
    }
    let refused = runner(&host, &component, json!({"scale": "x"})).policy_loss(&input, &totals);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("refused") && text.contains("scale"), "{text}");
    trains(&component);
}

/// With one update a step all ratios are 1, and the built-in loss has the gradient of the template's.
fn trains(component: &Path) {
    let project = Project::new();
    let mode = format!("actor.policy_loss.loss_mode={}", component.display());
    let step = |run: &str, settings: &[&str]| {
        let name = format!("trainer.experiment_name={run}");
        let shared = [
            "train",
            "train.toml",
            &name,
            "trainer.max_steps=1",
            "algorithm.use_kl_loss=false",
        ];
        project.ok(&[&shared[..], settings].concat());
        // There is a line of the untrained model's validation, too.
        let rows = project.metrics(&format!("runs/{run}"));
        rows.iter()
            .find_map(|row| row["actor/grad_norm"].as_f64())
            .unwrap()
    };
    let built_in = step("built-in", &["actor.policy_loss.loss_mode=vanilla"]);
    assert!(built_in > 0.0);
    for (run, params, factor) in [
        ("own", "actor.policy_loss.params={}", 1.0),
        ("own-twice", "actor.policy_loss.params={ scale = 2 }", 2.0),
    ] {
        let found = step(run, &[&mode, params]) / built_in;
        assert!((found - factor).abs() < 1e-5, "{run}: {found}");
    }
}

#[test]
fn an_algorithm_in_rust() {
    a_new_algorithm("rust");
}

#[test]
fn an_algorithm_in_c() {
    a_new_algorithm("c");
}

#[test]
fn an_algorithm_in_python() {
    a_new_algorithm("python");
}

#[test]
fn an_algorithm_in_go() {
    a_new_algorithm("go");
}

#[test]
fn an_algorithm_in_javascript() {
    a_new_algorithm("javascript");
}
