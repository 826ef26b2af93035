//! Data files, their order, augmentation and the filter of long prompts.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use rlhost_trainer::config::{AugmentConfig, DataConfig};
use rlhost_trainer::data::{Dataset, PromptOrder, augment, filter_overlong};
use rlhost_trainer::processor::{Content, Part};

use crate::fixtures;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("pictures")).unwrap();
        for (from, to) in [
            ("img0_84x112.png", "a.png"),
            ("img5_70x50_rgba.png", "b.png"),
        ] {
            let from = fixtures::path("goldens/images").join(from);
            std::fs::copy(from, dir.path().join("pictures").join(to)).unwrap();
        }
        Self(dir)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, text: &str) -> Result<Dataset, String> {
        self.load_with(text, &DataConfig::default())
    }

    fn load_with(&self, text: &str, config: &DataConfig) -> Result<Dataset, String> {
        let file = self.file("data.jsonl", text);
        let folder = format!("{}/", self.0.path().display());
        Dataset::load(&[file], config).map_err(|error| error.to_string().replace(&folder, ""))
    }
}

fn parts(content: &Content) -> Vec<String> {
    match content {
        Content::Parts(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Image => "IMAGE".into(),
            })
            .collect(),
        other => panic!("{other:?} has no parts"),
    }
}

#[test]
fn rows_keep_everything() {
    let folder = Folder::new();
    let data = folder
        .load(concat!(
            r#"{"z": 1.50, "prompt": "Sum?", "images": "pictures/a.png", "answer": {"b": 1.0, "a": [1e2]}, "problem_type": "math", "answer_type": "number", "data_source": "digits", "a\"": {"y": 1, "x": 2}, "target": "12"}"#,
            "\n\n",
            r#"{"prompt": "left <image> right <image>?", "images": ["pictures/b.png", "pictures/a.png"]}"#,
            "\r\n",
            r#"{"prompt": "plain", "images": null, "problem_type": null}"#,
        ))
        .unwrap();
    assert_eq!(data.len(), 3);
    let [first, second, third] = data.rows() else {
        panic!()
    };
    assert_eq!(parts(&first.messages()[0].content), ["IMAGE", "Sum?"]);
    assert_eq!(first.messages()[0].role, "user");
    assert_eq!(first.answer(), r#"{"b": 1.0, "a": [1e2]}"#);
    assert_eq!(first.extra(), r#"{"z":1.50,"a\"":{"y": 1, "x": 2}}"#);
    assert_eq!(first.problem_type(), Some("math"));
    assert_eq!(first.answer_type(), Some("number"));
    assert_eq!(first.data_source(), Some("digits"));
    assert_eq!(first.target().unwrap(), "12");
    assert_eq!(first.load_images().unwrap()[0].dimensions(), (112, 84));

    assert_eq!(second.line(), 3);
    assert_eq!(
        parts(&second.messages()[0].content),
        ["left ", "IMAGE", " right ", "IMAGE", "?"]
    );
    let sizes: Vec<(u32, u32)> = second
        .load_images()
        .unwrap()
        .iter()
        .map(RgbImage::dimensions)
        .collect();
    assert_eq!(sizes, [(50, 70), (112, 84)]);
    assert_eq!(second.load_images().unwrap(), second.load_images().unwrap());

    assert_eq!(third.messages()[0].content, Content::Text("plain".into()));
    assert_eq!(third.answer(), "null");
    assert_eq!(third.extra(), "{}");
    assert_eq!(third.problem_type(), None);
    assert!(
        third
            .target()
            .unwrap_err()
            .to_string()
            .contains("data.jsonl:4: ")
    );
    assert_eq!(data.select(&[2, 0]).rows()[0].line(), 4);
}

#[test]
fn prompts_can_be_messages() {
    let folder = Folder::new();
    let data = folder
        .load(concat!(
            r#"{"prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "<image>What?", "name": "eve"}], "images": ["pictures/a.png"]}"#,
            "\n",
            r#"{"prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "a <image> tag"}]}, {"role": "assistant", "content": null, "tool_calls": [{"b": 1, "a": 2}]}, {"role": "tool", "content": "3"}], "images": ["pictures/a.png"]}"#,
        ))
        .unwrap();
    let messages = data.rows()[0].messages();
    assert_eq!(messages[0].content, Content::Text("Be brief.".into()));
    assert_eq!(parts(&messages[1].content), ["IMAGE", "What?"]);
    assert_eq!(
        messages[1].fields,
        [("name".to_owned(), "\"eve\"".to_owned())]
    );
    let messages = data.rows()[1].messages();
    assert_eq!(parts(&messages[0].content), ["IMAGE", "a <image> tag"]);
    assert_eq!(messages[1].content, Content::None);
    assert_eq!(messages[1].fields[0].1, r#"[{"b": 1, "a": 2}]"#);
}

#[test]
fn columns_and_format_are_settings() {
    let folder = Folder::new();
    let config = DataConfig {
        prompt_key: "problem".into(),
        answer_key: "solution".into(),
        image_key: "image".into(),
        target_key: "cot".into(),
        format_prompt: Some("{{ content }} Answer in tags.".into()),
        ..DataConfig::default()
    };
    let row = r#"{"problem": "Sum?", "solution": 5, "image": "pictures/a.png", "cot": "2+3", "prompt": 1}"#;
    let data = folder.load_with(row, &config).unwrap();
    let row = &data.rows()[0];
    assert_eq!(
        parts(&row.messages()[0].content),
        ["IMAGE", "Sum? Answer in tags."]
    );
    assert_eq!((row.answer(), row.target().unwrap()), ("5", "2+3"));
    assert_eq!(row.extra(), r#"{"prompt":1}"#);
}

#[test]
fn mistakes_name_file_and_line() {
    let folder = Folder::new();
    for (row, expected) in [
        (
            "{\"prompt\": \"a\", }",
            "not a JSON object: trailing comma at column 17",
        ),
        (
            "{\"prompt\": \"a\"",
            "not a JSON object: EOF while parsing an object at column 14",
        ),
        (
            "[1]",
            "not a JSON object: invalid type: sequence, expected a JSON object at column 0",
        ),
        (
            r#"{"prompt": "a", "prompt": "b"}"#,
            "\"prompt\" stands twice",
        ),
        (
            r#"{"answer": 1}"#,
            "the prompt is missing: no column \"prompt\" (data.prompt_key)",
        ),
        (
            r#"{"prompt": 5}"#,
            "column \"prompt\": expected a string or a list of messages",
        ),
        (
            r#"{"prompt": []}"#,
            "column \"prompt\": the list of messages is empty",
        ),
        (
            r#"{"prompt": [{"content": "a"}]}"#,
            "a message has no \"role\"",
        ),
        (
            r#"{"prompt": [{"role": "user", "content": [{"type": "video"}]}]}"#,
            "a message part has type \"video\"",
        ),
        (
            r#"{"prompt": "a", "images": ["pictures/none.png"]}"#,
            "image pictures/none.png: no such file",
        ),
        (
            r#"{"prompt": "a", "images": 5}"#,
            "column \"images\": expected the path of an image",
        ),
        (
            r#"{"prompt": "<image><image>", "images": ["pictures/a.png"]}"#,
            "the prompt has 2 place(s) for images (<image>), but \"images\" has 1 image(s)",
        ),
        (r#"{"prompt": "<image>"}"#, "has 0 image(s)"),
        (
            r#"{"problem": "a", "messages": [{"role": "user", "content": "a"}]}"#,
            "the columns are problem, messages; \"messages\" has messages: set data.prompt_key=messages",
        ),
        (
            r#"{"prompt": "<image>a", "picture": "pictures/a.png"}"#,
            "\"picture\" has pictures: set data.image_key=picture",
        ),
        (
            r#"{"prompt": "a", "score": -Infinity}"#,
            "-Infinity at column",
        ),
        (r#"{"prompt": "a", "x": [1, NaN]}"#, "NaN at column"),
        (
            r#"{"prompt": "What happens? <video>"}"#,
            "<video> asks for what is not read",
        ),
        (
            r#"{"prompt": "a", "videos": ["a.mp4"]}"#,
            "column \"videos\": only pictures are read",
        ),
        (
            r#"{"prompt": "a", "images": ["http://x.org/a.png"]}"#,
            "column \"images\": \"http://x.org/a.png\" is a URL",
        ),
        (
            r#"{"prompt": [{"role": "user"}]}"#,
            "the content of a message of role \"user\" is null",
        ),
        (
            r#"{"prompt": "a", "x": "\\ud83d \uD83D\ude00 \ud83d"}"#,
            r"\ud83d at column 44 is half of a character",
        ),
        (r#"{"prompt": " "}"#, "the prompt is empty"),
        (
            r#"{"prompt": [{"role": "assistant", "content": "2"}]}"#,
            "the only message is the assistant's",
        ),
        (
            r#"{"prompt": "a", "target": 5}"#,
            "column \"target\": expected a string, found 5",
        ),
    ] {
        let text = format!("{{\"prompt\": \"fine\"}}\n{row}\n");
        let error = folder.load(&text).unwrap_err();
        assert!(error.starts_with("data.jsonl:2: "), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("line 1"), "{error}");
    }
    assert_eq!(
        folder.load(" \n\n").unwrap_err(),
        "data.jsonl:1: the file has no rows"
    );
    let config = DataConfig::default();
    let error = Dataset::load(&["/nowhere/x.jsonl".into()], &config).unwrap_err();
    assert!(
        error.to_string().starts_with("/nowhere/x.jsonl: "),
        "{error}"
    );
    assert!(Dataset::load(&[], &config).is_err());
    // A row of two lines says where it begins.
    let array = "[{\"prompt\": \"a\"},\n\n  {\"prompt\":\n 5}]";
    let error = folder.load(array).unwrap_err();
    assert!(
        error.starts_with("data.jsonl:3: column \"prompt\""),
        "{error}"
    );
    let error = folder.load("[{\"prompt\": \"a\"},\n").unwrap_err();
    assert!(error.starts_with("data.jsonl:2: a JSON array"), "{error}");

    folder.file("pictures/c.png", "no image");
    let data = folder
        .load(r#"{"prompt": "a", "images": "pictures/c.png"}"#)
        .unwrap();
    let error = data.rows()[0].load_images().unwrap_err().to_string();
    assert!(
        error.contains("data.jsonl:1: image ") && error.contains("c.png"),
        "{error}"
    );
}

#[test]
fn every_epoch_takes_each_row_once() {
    let order = PromptOrder::new(50, true, 3);
    let epoch =
        |epoch: u64| -> Vec<usize> { (0..50).map(|place| order.row(epoch * 50 + place)).collect() };
    let (first, second) = (epoch(0), epoch(1));
    assert_ne!(first, second);
    assert_ne!(first, (0..50).collect::<Vec<_>>());
    for epoch in [&first, &second] {
        let mut sorted = epoch.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }
    // Whatever was asked for before: a fresh order in the middle gives the same.
    let fresh = PromptOrder::new(50, true, 3);
    assert_eq!(fresh.row(73), second[23]);
    assert_eq!(fresh.row(7), first[7]);
    let other = PromptOrder::new(50, true, 4);
    assert_ne!(
        (0..50).map(|draw| other.row(draw)).collect::<Vec<_>>(),
        first
    );
    let plain = PromptOrder::new(3, false, 3);
    assert_eq!(
        (0..7).map(|draw| plain.row(draw)).collect::<Vec<_>>(),
        [0, 1, 2, 0, 1, 2, 0]
    );
}

/// Each row comes to each place equally often: χ² over 8 × 8 cells of 4,000 epochs has 49 degrees
/// of freedom; 99.99 % of fair shuffles stay below 97.
#[test]
fn shuffles_are_fair() {
    let order = PromptOrder::new(8, true, 11);
    let mut counts = [[0_f64; 8]; 8];
    for draw in 0..8 * 4000 {
        counts[usize::try_from(draw % 8).unwrap()][order.row(draw)] += 1.0;
    }
    let chi_squared: f64 = counts
        .iter()
        .flatten()
        .map(|count| (count - 500.0_f64).powi(2) / 500.0)
        .sum();
    assert!(chi_squared < 97.0, "{chi_squared}");
}

fn dot() -> RgbImage {
    let mut image = RgbImage::from_pixel(41, 41, Rgb([10, 20, 30]));
    for (x, y) in [(30, 20), (31, 20), (30, 21), (31, 21), (30, 19), (31, 19)] {
        image.put_pixel(x, y, Rgb([250, 250, 250]));
    }
    image
}

/// Centre of brightness, relative to the image's centre.
fn centroid(image: &RgbImage) -> (f64, f64) {
    let (mut x, mut y, mut total) = (0.0, 0.0, 0.0);
    for (column, row, pixel) in image.enumerate_pixels() {
        let weight = f64::from(pixel.0[0]) - 10.0;
        x += weight * (f64::from(column) - 20.0);
        y += weight * (f64::from(row) - 20.0);
        total += weight;
    }
    (x / total, y / total)
}

/// A dot at radius 10.5 must stay there under rotation, move along its row under translation, and
/// move outwards or inwards under scaling; shear moves nothing that is level with the centre.
#[test]
fn augmentation_is_the_affine_map_it_says() {
    let image = dot();
    let none = AugmentConfig::default();
    assert_eq!(augment(&image, &none, 1, 2, 0), image);
    let mut angles = Vec::new();
    for draw in 0..50 {
        let turned = augment(
            &image,
            &AugmentConfig {
                rotate: 30.0,
                ..none.clone()
            },
            1,
            draw,
            0,
        );
        let (x, y) = centroid(&turned);
        assert!((x.hypot(y) - 10.5).abs() < 0.2, "{x} {y}");
        angles.push(y.atan2(x).to_degrees());

        let grown = augment(
            &image,
            &AugmentConfig {
                scale: 0.2,
                ..none.clone()
            },
            1,
            draw,
            0,
        );
        let (x, y) = centroid(&grown);
        assert!(y.abs() < 0.2 && (8.2..12.8).contains(&x), "{x} {y}");

        let moved = augment(
            &image,
            &AugmentConfig {
                translate: 0.1,
                ..none.clone()
            },
            1,
            draw,
            0,
        );
        let (x, y) = centroid(&moved);
        assert!((x - 10.5).abs() < 4.3 && y.abs() < 4.3, "{x} {y}");

        let sheared = augment(
            &image,
            &AugmentConfig {
                shear: 20.0,
                ..none.clone()
            },
            1,
            draw,
            0,
        );
        let (x, y) = centroid(&sheared);
        assert!((x - 10.5).abs() < 0.2 && y.abs() < 0.2, "{x} {y}");
        // Outside lies the colour of the edge.
        assert_eq!(*moved.get_pixel(0, 0), Rgb([10, 20, 30]));
    }
    let (low, high) = angles
        .iter()
        .fold((0.0_f64, 0.0_f64), |(low, high), &angle| {
            (low.min(angle), high.max(angle))
        });
    assert!(
        (-31.0..-20.0).contains(&low) && (20.0..31.0).contains(&high),
        "{low} {high}"
    );
}

#[test]
fn augmentation_depends_on_seed_draw_and_image_only() {
    let image = dot();
    let config = AugmentConfig {
        rotate: 10.0,
        shear: 5.0,
        scale: 0.1,
        translate: 0.1,
    };
    let base = augment(&image, &config, 1, 2, 0);
    assert_eq!(base, augment(&image, &config, 1, 2, 0));
    assert_ne!(base, augment(&image, &config, 1, 3, 0));
    assert_ne!(base, augment(&image, &config, 2, 2, 0));
    assert_ne!(base, augment(&image, &config, 1, 2, 1));
}

#[test]
fn long_prompts_are_dropped_and_counted() {
    let report = filter_overlong(&[5, 11, 10, 40], 10).unwrap();
    assert_eq!(report.kept, [0, 2]);
    assert_eq!((report.dropped, report.longest), (2, 40));
    assert_eq!(
        report.to_string(),
        "dropped 2 of 4 prompts longer than data.max_prompt_length = 10 tokens (the longest has 40)"
    );
    let error = filter_overlong(&[12, 11], 10).unwrap_err().to_string();
    assert!(
        error.contains("all 2 prompts") && error.contains("shortest has 11"),
        "{error}"
    );
}

#[test]
fn paths_are_relative_to_the_data_file() {
    let folder = Folder::new();
    let data = folder
        .load(r#"{"prompt": "a", "images": "pictures/a.png"}"#)
        .unwrap();
    let expected = folder.0.path().join("pictures/a.png");
    assert_eq!(
        data.rows()[0].pictures()[0].path(),
        Some(expected.as_path())
    );
    let absolute = format!(
        "{{\"prompt\": \"a\", \"images\": {:?}}}",
        expected.display().to_string()
    );
    let data = folder.load(&absolute).unwrap();
    assert_eq!(
        data.rows()[0].pictures()[0].path(),
        Some(expected.as_path())
    );
    assert_eq!(
        data.rows()[0].file(),
        Path::new(&folder.0.path().join("data.jsonl"))
    );
}

#[test]
fn a_format_that_no_prompt_takes_is_told() {
    let folder = Folder::new();
    let config = DataConfig {
        format_prompt: Some("{{ content }}!".into()),
        ..DataConfig::default()
    };
    let messages = r#"{"prompt": [{"role": "user", "content": "a"}]}"#;
    let data = folder.load_with(messages, &config).unwrap();
    let [notice] = data.notices() else {
        panic!("{:?}", data.notices())
    };
    assert!(notice.contains("data.format_prompt"), "{notice}");
    let both = format!("{messages}\n{{\"prompt\": \"a\"}}");
    assert!(
        folder
            .load_with(&both, &config)
            .unwrap()
            .notices()
            .is_empty()
    );
}

#[test]
fn a_picture_in_base64_without_its_lead_is_told() {
    let folder = Folder::new();
    let row = format!(r#"{{"prompt": "a", "images": ["{}"]}}"#, "QUJD".repeat(500));
    let error = folder.load(&row).unwrap_err();
    assert!(
        error.contains("data:image/png;base64,") && error.len() < 400,
        "{error}"
    );
}

#[test]
fn files_that_are_no_text_are_named() {
    let folder = Folder::new();
    for (bytes, form) in [
        (&b"PAR1\x15\x04"[..], "data.jsonl:1: this is a Parquet file"),
        (b"\x1f\x8b\x08", "compressed by gzip"),
        (b"\xff\xfe{\0}\0", "UTF-16"),
        (
            b"{\"prompt\": \"a\"}\n{\"prompt\": \"\xff\"}",
            "data.jsonl:2: not text in UTF-8",
        ),
    ] {
        let path = folder.0.path().join("data.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let error = Dataset::load(&[path], &DataConfig::default()).unwrap_err();
        assert!(error.to_string().contains(form), "{error}");
    }
}

#[test]
fn arrays_and_marks_of_byte_order_are_read() {
    let folder = Folder::new();
    let rows = r#"[{"prompt": "a", "answer": 1.50}, {"prompt": "b"}]"#;
    for text in [rows.to_owned(), format!("\u{feff}\n{rows}\n")] {
        let data = folder.load(&text).unwrap();
        assert_eq!((data.len(), data.rows()[0].answer()), (2, "1.50"));
    }
}

/// A key leads into objects; a column that has the whole key as its name takes precedence.
#[test]
fn keys_with_dots_lead_into_objects() {
    let folder = Folder::new();
    let config = DataConfig {
        prompt_key: "input.text".into(),
        image_key: "input.image".into(),
        answer_key: "reward_model.ground_truth".into(),
        target_key: "reward_model.cot.text".into(),
        ..DataConfig::default()
    };
    let row = r#"{"input": {"text": "Sum?", "image": "pictures/a.png"}, "reward_model": {"ground_truth": 1.50, "cot": {"text": "so"}}}"#;
    let data = folder.load_with(row, &config).unwrap();
    let found = &data.rows()[0];
    assert_eq!((found.answer(), found.target().unwrap()), ("1.50", "so"));
    assert_eq!(parts(&found.messages()[0].content), ["IMAGE", "Sum?"]);
    // The objects stay, since rewards may look at them.
    assert_eq!(
        found.extra(),
        r#"{"input":{"text": "Sum?", "image": "pictures/a.png"},"reward_model":{"ground_truth": 1.50, "cot": {"text": "so"}}}"#
    );
    let row = r#"{"input": {"text": "Sum?"}, "reward_model": {"ground_truth": 1}, "reward_model.ground_truth": 2}"#;
    let data = folder.load_with(row, &config).unwrap();
    assert_eq!(data.rows()[0].answer(), "2");
}

#[test]
fn an_answer_at_the_end_of_the_messages() {
    let folder = Folder::new();
    let row = |more: &str| {
        format!(
            r#"{{"prompt": [{{"role": "user", "content": "1+1?"}}, {{"role": "assistant", "content": "two"}}]{more}}}"#
        )
    };
    let plain = DataConfig::default();
    let named = DataConfig {
        answer_key: "gold".into(),
        target_key: "cot".into(),
        ..DataConfig::default()
    };
    for (more, config, answer, target) in [
        ("", &plain, "\"two\"", Some("two")),
        (r#", "answer": 2"#, &plain, "2", Some("two")),
        (
            r#", "answer": null, "target": "so""#,
            &plain,
            "\"two\"",
            Some("so"),
        ),
        (r#", "gold": 2"#, &named, "2", None),
        ("", &named, "null", None),
    ] {
        let data = folder.load_with(&row(more), config).unwrap();
        let found = &data.rows()[0];
        assert_eq!(found.messages().len(), 1);
        assert_eq!(
            (found.answer(), found.target().ok()),
            (answer, target),
            "{more}"
        );
        let [notice] = data.notices() else {
            panic!("{:?}", data.notices())
        };
        assert!(notice.contains("1 of 1 rows"), "{notice}");
    }
}
