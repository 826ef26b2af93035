//! The ready reward mixes of `configs/rewards`: each one is loaded and scored, with totals worked out by hand from the formulas
//! of the systems that they come from.

use crate::support::{Project, guest, repository};
use rlhost_host::{Host, Judgement, Sample};
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline::load_rewards;
use std::collections::BTreeSet;
use std::fs;

const FOLDER: &str = "configs/rewards";

/// The judgements of samples by the named mixes together, or why the run would stop.
fn judge(mixes: &[&str], samples: &[Sample]) -> rlhost_host::Result<Vec<Judgement>> {
    let files: Vec<String> = mixes
        .iter()
        .map(|mix| {
            let file = repository().join(FOLDER).join(format!("{mix}.toml"));
            file.to_str().unwrap().to_owned()
        })
        .collect();
    let mut config = Config::load_with_rewards(None, &[], &files).unwrap();
    config.validate().unwrap();
    for reward in config.reward.values_mut() {
        reward.plugin = guest(&reward.plugin);
    }
    let rewards = load_rewards(&config, Host::builder()).unwrap();
    rewards.score(samples)
}

/// A response with its reference (JSON), and what it earns.
type Case<'a> = (&'a str, &'a str, f64);

/// Holds mixes to cases; `kind` names the rows' answer and problem type.
fn check(mixes: &[&str], kind: (&str, &str), cases: &[Case]) {
    let samples: Vec<_> = cases
        .iter()
        .map(|(response, answer, _)| {
            let mut sample = Sample::single(*response, *answer);
            kind.0.clone_into(&mut sample.answer_type);
            kind.1.clone_into(&mut sample.problem_type);
            sample
        })
        .collect();
    let judgements = judge(mixes, &samples).unwrap();
    for (judgement, (response, answer, expected)) in judgements.iter().zip(cases) {
        let score = judgement.score.unwrap_or(f64::NAN);
        assert!(
            (score - expected).abs() < 1e-9,
            "{mixes:?}: {response} for {answer} earns {score}, not {expected}: {judgement:?}"
        );
    }
}

#[test]
fn llava_onevision_rewards_the_answer_by_its_type() {
    let mix = ["llava-onevision-1.5-rl"];
    for (answer_type, cases) in [
        (
            "multiple-choice",
            &[("<answer>(B)</answer>", "\"B\"", 1.0), ("B", "\"B\"", 0.0)][..],
        ),
        (
            "math-expressions",
            &[("<answer>1/2</answer>", "\"0.5\"", 1.0)],
        ),
        (
            "number",
            &[
                ("<answer>7</answer>", "\"7\"", 1.0),
                ("<answer>-7</answer>", "\"7\"", 0.0),
            ],
        ),
        ("boolean", &[("<answer>Yes</answer>", "\"true\"", 1.0)]),
        // One of five letters is wrong: 1 - 1/5. Below 0.5 nothing is left.
        (
            "ocrtext",
            &[
                ("<answer>Parus</answer>", "[\"Paris\"]", 0.8),
                ("<answer>Rome</answer>", "\"Paris\"", 0.0),
            ],
        ),
        // Half of either box: 0.02 / 0.06.
        (
            "bbox",
            &[(
                "<answer>[0.2, 0.1, 0.4, 0.3]</answer>",
                "[0.1, 0.1, 0.3, 0.3]",
                1.0 / 3.0,
            )],
        ),
        ("critic", &[("<answer>Left</answer>", "\"left\"", 0.0)]),
        ("any", &[("<answer>Left</answer>", "\"left\"", 1.0)]),
    ] {
        check(&mix, (answer_type, "general"), cases);
    }
}

#[test]
fn a_type_without_a_verifier_stops_the_run_and_says_so() {
    let mut sample = Sample::single("<answer><svg/></answer>", "\"<svg/>\"");
    sample.answer_type = "svg-code".to_owned();
    let stopped = judge(&["llava-onevision-1.5-rl"], &[sample]).unwrap_err();
    let message = stopped.to_string();
    assert!(
        message.contains("no verifier for answers of the type `svg-code`"),
        "{message}"
    );
}

#[test]
fn spatial_questions_earn_a_bonus_for_boxes() {
    let thinking = "<think>The cup is at [10, 20, 30, 40].</think>";
    let right = format!("{thinking}<answer>left</answer>");
    let wrong = format!("{thinking}<answer>right</answer>");
    let plain = "<think>I see it.</think><answer>left</answer>";
    let published = ["llava-onevision-1.5-rl", "spatial-boxes"];
    let repaired = ["llava-onevision-1.5-rl", "spatial-boxes-of-right-answers"];
    let cases = |wrong_earns| {
        [
            (right.as_str(), "\"left\"", 1.5),
            (wrong.as_str(), "\"left\"", wrong_earns),
            (plain, "\"left\"", 1.0),
        ]
    };
    check(&published, ("any", "spatial-reasoning"), &cases(0.5));
    check(&repaired, ("any", "spatial-reasoning"), &cases(0.0));
    // Other questions have no bonus.
    check(&published, ("any", "general"), &[(&right, "\"left\"", 1.0)]);
    check(&repaired, ("any", "general"), &[(&right, "\"left\"", 1.0)]);
}

#[test]
fn rllava_weighs_accuracy_and_format() {
    let check = |mix, cases: &[Case]| check(&[mix], ("", ""), cases);
    check(
        "rllava-math",
        &[
            (r"<think>a</think> so \boxed{42}", "\"42\"", 1.0),
            (r"so \boxed{42}", "\"42\"", 0.9),
            (r"<think>a</think> so \boxed{41}", "\"42\"", 0.1),
            ("42", "\"42\"", 0.0),
        ],
    );
    check(
        "rllava-r1v",
        &[
            ("<think>t</think><answer>3</answer>", "\"3\"", 1.0),
            ("<answer>3</answer>", "\"3\"", 0.5),
            ("3", "\"3\"", 0.5),
            ("<think>t</think><answer>4</answer>", "\"3\"", 0.5),
            ("4", "\"3\"", 0.0),
        ],
    );
    check(
        "rllava-wemath",
        &[
            ("<think>t</think><answer>B</answer>", "\"B\"", 1.0),
            ("I choose D", "\"D\"", 0.5),
            // Two of three parts: 0.5 × 2/3 + 0.5.
            (
                "<think>t</think><answer>8, 6</answer>",
                "\"8, 6, 37.68\"",
                5.0 / 6.0,
            ),
        ],
    );
    check(
        "rllava-grounding",
        &[
            (
                "<think>t</think><answer>[100, 100, 300, 300]</answer>",
                "[100, 100, 300, 300]",
                1.0,
            ),
            // IoU 3/5: 0.5 × 0.36.
            ("[150, 100, 350, 300]", "[100, 100, 300, 300]", 0.18),
            (
                "<think>t</think><answer>none</answer>",
                "[100, 100, 300, 300]",
                0.5,
            ),
        ],
    );
    let two = r#"[{"Position": [0, 0, 100, 100]}, {"Position": [200, 200, 300, 300]}]"#;
    check(
        "rllava-detection",
        &[
            // 0.33 × 1 + 0.33 × (0.9 + 0.8) / 2 + 0.34.
            (
                "<think>t</think><answer>[{'Position': [0, 0, 100, 100], 'Confidence': 0.9}, \
                 {'Position': [200, 200, 300, 300], 'Confidence': 0.8}]</answer>",
                two,
                0.9505,
            ),
            // A list that is cut off: 0.33 × 1/2 + 0.33 × 0.9 + 0.34.
            (
                "<think>t</think><answer>[{'Position': [0, 0, 100, 100], 'Confidence': 0.9}, {'Position': [200, 20</answer>",
                two,
                0.802,
            ),
            // No format: 0.33 × 1/2 + 0.33 × 0.5.
            (
                "<answer>[{'Position': [0, 0, 100, 100], 'Confidence': 0.5}]</answer>",
                two,
                0.33,
            ),
        ],
    );
    check(
        "rllava-short-answer",
        &[
            // Precision 1/2, recall 1: F1 2/3.
            (
                "<think>t</think><answer>Paris, France</answer>",
                "\"Paris\"",
                5.0 / 6.0,
            ),
            ("<think>t</think><answer>Rome</answer>", "\"Paris\"", 0.5),
            ("<answer>the red car</answer>", "\"a red car\"", 0.5),
        ],
    );
}

/// Answers in pixels of a picture of 640 × 480 that the processor resized to 320 × 240.
#[test]
fn qwen_answers_in_pixels_of_the_resized_picture() {
    let judged = |mix: &str, response: &str, answer: &str| {
        let mut sample = Sample::single(response, answer);
        sample.columns =
            r#"{"width":640,"height":480,"resized_width":320,"resized_height":240}"#.into();
        judge(&[mix], &[sample]).unwrap()[0].score.unwrap()
    };
    let wanted = "[100, 100, 300, 300]";
    let grounding = |response: &str| judged("qwen2.5-vl-grounding", response, wanted);
    let near = |score: f64, expected: f64| assert!((score - expected).abs() < 1e-9, "{score}");
    near(
        grounding("<think>t</think><answer>{\"bbox_2d\": [50, 50, 150, 150]}</answer>"),
        1.0,
    );
    // Twice as large it is 200..600, which shares 100 × 100 with 100..300: 10,000 of 160,000 + 40,000 - 10,000.
    near(grounding("[100, 100, 300, 300]"), 0.5 / 19.0);
    let objects = r#"[{"bbox_2d": [100, 100, 300, 300], "label": "cup"}]"#;
    near(
        judged(
            "qwen2.5-vl-detection",
            "<think>t</think><answer>[{\"bbox_2d\": [50, 50, 150, 150], \"label\": \"cup\"}]</answer>",
            objects,
        ),
        1.0,
    );
}

#[test]
fn every_mix_is_tested_and_documented() {
    let files: BTreeSet<String> = fs::read_dir(repository().join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let tests = fs::read_to_string(repository().join("tests/it/mixes.rs")).unwrap();
    let page = fs::read_to_string(repository().join("docs/verifiers.md")).unwrap();
    assert_eq!(files.len(), 11);
    for file in files {
        let name = file.strip_suffix(".toml").unwrap();
        assert!(tests.contains(&format!("\"{name}\"")), "{name} has no test");
        assert!(
            page.contains(&format!("`{file}`")),
            "{file} is not in docs/verifiers.md"
        );
    }
}

#[test]
fn a_mix_joins_a_configuration() {
    let project = Project::new();
    let mix = |name: &str| {
        let file = repository().join(FOLDER).join(name);
        file.to_str().unwrap().to_owned()
    };
    let path = project.path("train.toml");
    let load = |overrides: &[&str], rewards: &[String]| {
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        Config::load_with_rewards(Some(&path), &overrides, rewards)
    };
    let r1v = mix("rllava-r1v.toml");
    let config = load(
        &["reward.format.weight=0.25"],
        &[r1v.clone(), "math".to_owned()],
    )
    .unwrap();
    let weights: Vec<_> = config
        .reward
        .iter()
        .map(|(name, r)| (name.as_str(), r.weight))
        .collect();
    assert_eq!(
        weights,
        [
            ("accuracy", 0.5),
            ("format", 0.25),
            ("hostile", 1.0),
            ("math", 1.0)
        ]
    );
    let twice = load(&[], &[r1v.clone(), mix("rllava-math.toml")])
        .unwrap_err()
        .to_string();
    assert!(
        twice.contains("rllava-math.toml: reward.accuracy is there already"),
        "{twice}"
    );
    project.write(
        "more.toml",
        "[rollout]\nn = 2\n[reward.x]\nplugin = \"math\"\n",
    );
    let more = project.path("more.toml").to_str().unwrap().to_owned();
    let other = load(&[], &[more]).unwrap_err().to_string();
    assert!(
        other.contains("`rollout`: a file of rewards has [reward.NAME] tables only"),
        "{other}"
    );
    // The command takes them, and names what is wrong.
    project.refused(
        &[
            "train",
            "train.toml",
            "--reward",
            &r1v,
            "reward.accuracy.wight=1",
        ],
        &["reward.accuracy.wight"],
    );
}

/// Samples of training say the size of the picture as the model sees it where the configuration asks for it, and replay sees them.
#[test]
fn training_adds_the_resized_size() {
    let project = Project::new();
    for (name, more) in [
        ("plain", &[][..]),
        ("sized", &["data.resized_size=true"][..]),
    ] {
        let experiment = format!("trainer.experiment_name={name}");
        let arguments = [
            &["train", "train.toml", &experiment, "trainer.max_steps=1"][..],
            more,
        ]
        .concat();
        project.ok(&arguments);
        for row in project.rollouts(&format!("runs/{name}"), 1) {
            let side = |key: &str| row["columns"][key].as_u64();
            let sides = [side("resized_width"), side("resized_height")];
            if more.is_empty() {
                assert_eq!(sides, [None, None], "{row}");
            } else {
                // The tiny model merges 2 × 2 patches of 14 pixels or less.
                assert!(
                    sides
                        .iter()
                        .all(|side| side.is_some_and(|side| side > 0 && side % 2 == 0)),
                    "{row}"
                );
            }
        }
        project.ok(&["replay", &format!("runs/{name}")]);
    }
}
