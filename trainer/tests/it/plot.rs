//! Curves as pictures.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rlhost_trainer::run::plot::{Figure, Format, Line, Panel, Shown, Style, compare, curves, draw};
use rlhost_trainer::run::{HeldOut, History, JsonLines, RunFolder};
use tempfile::tempdir;

/// The history of a run with these values in its steps.
fn history(steps: u64, metrics: &[&str], timings: &[&str]) -> History {
    let temp = tempdir().unwrap();
    let run = RunFolder::create(temp.path().join("run"), "").unwrap();
    let write = |path: &Path, names: &[&str]| {
        let mut lines = JsonLines::open(path).unwrap();
        for step in 1..=steps {
            let wave = |phase: usize| (step as f64 * 12.9898 + phase as f64).sin();
            let values = names.iter().enumerate();
            let values: BTreeMap<String, f64> = values
                .map(|(at, name)| ((*name).to_owned(), 0.4 + 0.1 * at as f64 + 0.1 * wave(at)))
                .collect();
            lines.write(step, &values).unwrap();
        }
    };
    write(&run.metrics(), metrics);
    write(&run.timings(), timings);
    History::read(&run).unwrap()
}

fn shown() -> Shown {
    Shown {
        title: "Sum of two digits".into(),
        held_out: HeldOut::new(None),
    }
}

fn titles(figure: &Figure) -> Vec<&str> {
    figure.panels.iter().map(|p| p.title.as_str()).collect()
}

fn svg(figure: &Figure) -> String {
    String::from_utf8(draw(figure, Format::Svg).unwrap()).unwrap()
}

const TRAIN: [&str; 19] = [
    "reward/score",
    "reward/samples",
    "reward/accuracy",
    "reward/format",
    "reward/outcome/trap",
    "reward/a_part_with_a_long_name",
    "reward/another_part_with_a_long_name",
    "reward/one_more_part_with_a_long_name",
    "reward/and_one_more_with_a_long_name",
    "val/accuracy",
    "val/score",
    "response_length/mean",
    "response_length/max",
    "response_length/clip_ratio",
    "actor/kl_loss",
    "actor/entropy_loss",
    "actor/grad_norm",
    "actor/pg_clipfrac_higher",
    "actor/pg_clipfrac_lower",
];
const TIMINGS: [&str; 4] = [
    "timing_s/step",
    "timing_s/gen",
    "timing_s/update",
    "timing_s/reward",
];

#[test]
fn a_run_shows_what_it_has() {
    let figure = curves(&history(30, &TRAIN, &TIMINGS), &shown());
    assert_eq!(
        titles(&figure),
        [
            "reward",
            "held-out accuracy",
            "parts of the reward",
            "response length (tokens)",
            "KL from the starting model",
            "entropy (nats)",
            "gradient norm",
            "clipped share",
            "seconds a step",
        ]
    );
    let labels = |panel: usize| -> Vec<&str> {
        let lines = figure.panels[panel].lines.iter();
        lines.map(|line| line.label.as_str()).collect()
    };
    assert_eq!(labels(2)[..2], ["a_part_with_a_long_name", "accuracy"]);
    assert_eq!(labels(2).len(), 6);
    assert_eq!(labels(8), ["step", "sampling", "update", "rewards"]);
    let svg = svg(&figure);
    for text in ["Sum of two digits", "gradient norm", "mean over 5 steps"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains("NaN"));

    let figure = curves(
        &history(3, &["sft/loss", "sft/grad_norm"], &["timing_s/step"]),
        &shown(),
    );
    assert_eq!(titles(&figure), ["loss", "gradient norm", "seconds a step"]);
    // Before the first step there is nothing, and it is drawn.
    let nothing = curves(&History::default(), &shown());
    assert!(draw(&nothing, Format::Svg).unwrap().ends_with(b"</svg>\n"));
}

#[test]
fn pictures_in_both_forms() {
    let figure = curves(&history(30, &TRAIN, &TIMINGS), &shown());
    assert_eq!(svg(&figure), svg(&figure));
    let png = draw(&figure, Format::Png).unwrap();
    assert!(png.len() < 600_000, "{} bytes", png.len());
    let pixels = image::load_from_memory(&png).unwrap().to_rgb8();
    let size = format!(
        "width=\"{}\" height=\"{}\"",
        pixels.width() / 2,
        pixels.height() / 2
    );
    assert!(svg(&figure).contains(&size), "{size}");
    // The title is written, so the font is there: dark pixels on white.
    let title = image::imageops::crop_imm(&pixels, 28, 20, 300, 40).to_image();
    let dark = title.pixels().filter(|pixel| pixel.0[0] < 120).count();
    assert!((200..6_000).contains(&dark), "{dark}");
    // Curves are there: pixels of their colour.
    let blue = pixels
        .pixels()
        .filter(|pixel| pixel.0 == [31, 98, 160])
        .count();
    assert!(blue > 1_000, "{blue}");

    let temp = tempdir().unwrap();
    let error = Format::of(&temp.path().join("curves.pdf")).unwrap_err();
    assert!(error.to_string().contains(".svg or .png"), "{error}");
}

/// A text of an SVG: its corners, as wide as letters of that size are.
#[derive(Debug)]
struct Label {
    text: String,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

fn labels(svg: &str) -> Vec<Label> {
    let mut labels = Vec::new();
    for element in svg.split("<text ").skip(1) {
        let (head, rest) = element.split_once('>').unwrap();
        let text = rest.split_once("</text>").unwrap().0.trim().to_owned();
        let value = |name: &str| {
            let rest = head.split_once(&format!("{name}=\"")).unwrap().1;
            rest.split_once('"').unwrap().0
        };
        let number = |name: &str| -> f64 { value(name).parse().unwrap() };
        let (x, y, size) = (number("x"), number("y"), number("font-size"));
        let width = 0.55 * size * text.chars().count() as f64;
        let left = match value("text-anchor") {
            "start" => x,
            "middle" => x - width / 2.0,
            _ => x - width,
        };
        labels.push(Label {
            text,
            left,
            right: left + width,
            top: y - size,
            bottom: y,
        });
    }
    labels
}

#[test]
fn labels_do_not_collide() {
    let rewards: Vec<String> = (0..9).map(|n| format!("reward/part_{n}_of_many")).collect();
    let many: Vec<&str> = TRAIN
        .into_iter()
        .chain(rewards.iter().map(String::as_str))
        .collect();
    for (steps, metrics, timings) in [
        (1, &TRAIN[..], &TIMINGS[..]),
        (300, &many, &TIMINGS),
        (1_500, &["reward/score"], &[]),
    ] {
        let svg = svg(&curves(&history(steps, metrics, timings), &shown()));
        let labels = labels(&svg);
        assert!(labels.len() > 8, "{labels:?}");
        for (at, a) in labels.iter().enumerate() {
            for b in &labels[at + 1..] {
                let apart = a.right <= b.left
                    || b.right <= a.left
                    || a.bottom <= b.top
                    || b.bottom <= a.top;
                assert!(
                    apart,
                    "of {steps} steps, {:?} and {:?}: {a:?} {b:?}",
                    a.text, b.text
                );
            }
        }
    }
}

#[test]
fn runs_side_by_side() {
    let runs = [
        (
            "a".to_owned(),
            history(4, &["reward/score", "val/score"], &["timing_s/step"]),
        ),
        ("b".to_owned(), history(9, &["reward/score"], &[])),
    ];
    let choose = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        compare("two runs", &runs, &names)
    };
    let figure = choose(&["reward/*", "*", "val/score"]).unwrap();
    assert_eq!(
        titles(&figure),
        ["reward/score", "timing_s/step", "val/score"]
    );
    let lines = &figure.panels[0].lines;
    assert_eq!((lines[0].label.as_str(), lines[0].points.len()), ("a", 4));
    assert_eq!((lines[1].label.as_str(), lines[1].points.len()), ("b", 9));
    assert_ne!(lines[0].color, lines[1].color);
    assert_eq!(figure.panels[2].lines.len(), 1);
    assert_eq!(
        titles(&choose(&[]).unwrap()),
        ["reward/score", "val/score", "timing_s/step"]
    );
    let error = choose(&["reward/score", "reward/scorn"])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("reward/scorn") && error.contains("timing_s/step"),
        "{error}"
    );
    let error = compare("", &[("c".to_owned(), History::default())], &[]).unwrap_err();
    assert!(error.to_string().contains("no metrics yet"), "{error}");
}

/// Any text may stand in names of runs and parts.
#[test]
fn text_of_strangers_stays_text() {
    let hostile = "a\u{1b}[2J<script>\u{202e}&\n\"x\"";
    let line = Line::new(hostile, vec![(1, f64::NAN), (2, 1.0)], 11, Style::Points);
    let figure = Figure::new(hostile, vec![Panel::new(hostile, vec![line])]);
    let svg = svg(&figure);
    assert!(!svg.contains("<script") && !svg.contains(['\u{1b}', '\u{202e}']));
    draw(&figure, Format::Png).unwrap();
}

#[test]
fn a_run_that_is_being_written_is_read() {
    let temp = tempdir().unwrap();
    let run = RunFolder::create(temp.path().join("run"), "").unwrap();
    fs::write(
        run.metrics(),
        "{\"step\":1,\"reward/score\":0.5}\n{\"step\":2,\"rew",
    )
    .unwrap();
    let history = History::read(&run).unwrap();
    assert_eq!(history.get("reward/score"), [(1, 0.5)]);
    assert_eq!(history.names().collect::<Vec<_>>(), ["reward/score"]);
    assert!(history.get("reward/other").is_empty());
}

/// Numbers at the end of all numbers, and pictures without end, come from files that anybody can write.
#[test]
fn numbers_without_bounds_end_no_picture() {
    let line = |values: &[f64]| {
        let points = (1..).zip(values.iter().copied()).collect();
        Line::new("a", points, 0, Style::Smoothed)
    };
    for values in [
        &[1.79e308][..],
        &[-1.7e308, 1.7e308],
        &[f64::MIN_POSITIVE, 1e299, -1e299],
        &[f64::NAN, f64::INFINITY],
    ] {
        for format in [Format::Svg, Format::Png] {
            let figure = Figure::new("far", vec![Panel::new("p", vec![line(values)])]);
            assert!(!draw(&figure, format).unwrap().is_empty(), "{values:?}");
        }
    }
    let panels = (0..4_000)
        .map(|_| Panel::new("p", vec![line(&[1.0])]))
        .collect();
    let error = draw(&Figure::new("many", panels), Format::Png).unwrap_err();
    assert!(error.to_string().contains("4000"), "{error}");
}
