//! Data files in the shapes of other trainers: each is read as its author means it, or refused with a
//! message that names its form.

use crate::support::{Project, files, guest, repository};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const FOLDER: &str = "tests/fixtures/field/data";

/// A project with the files in `field/`; `/ABSOLUTE` stands for that folder.
fn project() -> Project {
    let project = Project::new();
    let folder = project.path("field");
    for (name, bytes) in files(&repository().join(FOLDER)) {
        let path = folder.join(&name);
        if name.ends_with('/') {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes = match name.rsplit_once('.') {
            Some((_, "jsonl")) => {
                let text = String::from_utf8(bytes).unwrap();
                text.replace("/ABSOLUTE", folder.to_str().unwrap())
                    .into_bytes()
            }
            _ => bytes,
        };
        fs::write(path, bytes).unwrap();
    }
    let config = format!(
        "[data]\nmax_prompt_length = 4096\nmax_response_length = 4\ntrain_batch_size = 1\n\
         max_pixels = 3136\n[trainer]\nmax_steps = 1\n[rollout]\nn = 2\n\
         [actor.model]\nmodel_path = \"model\"\n[actor.optim]\nlr = 1e-3\n\
         [reward.text]\nplugin = \"{}\"\n",
        guest("text")
    );
    project.write("field.toml", &config);
    project
}

/// What a reward sees of a row: `role: text IMAGE text` of each message, the answer, and how many pictures.
type Seen = (Vec<String>, Value, usize);

fn train<'a>(file: &'a str, keys: &'a [&'a str], data: &'a str, name: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["train", "field.toml", data, name];
    arguments.extend(keys);
    assert!(data.ends_with(file));
    arguments
}

/// Trains a step on a file that has to be read.
#[track_caller]
fn read(project: &Project, file: &str, keys: &[&str]) -> Seen {
    let (data, name) = (
        format!("data.train_files=field/{file}"),
        format!("trainer.experiment_name={file}"),
    );
    project.ok(&train(file, keys, &data, &name));
    let rows = project.rollouts(&format!("runs/{file}"), 1);
    let row = &rows[0];
    let messages = row["messages"].as_array().unwrap().iter().map(|message| {
        let parts = message["content"].as_array().unwrap().iter();
        let parts: Vec<&str> = parts
            .map(|part| part["text"].as_str().unwrap_or("IMAGE"))
            .collect();
        format!("{}: {}", message["role"].as_str().unwrap(), parts.join("|"))
    });
    let images = row["images"].as_array().unwrap().len();
    (messages.collect(), row["answer"].clone(), images)
}

/// Trains on a file that has to be refused with a message that has all of `names`.
#[track_caller]
fn refused(project: &Project, file: &str, keys: &[&str], names: &[&str]) {
    let (data, name) = (
        format!("data.train_files=field/{file}"),
        format!("trainer.experiment_name={file}"),
    );
    let names = [&[file], names].concat();
    project.refused(&train(file, keys, &data, &name), &names);
}

const SHAPES: &str = "user: IMAGE|How many shapes are there?";
const SHORT: &str = "user: IMAGE|How many shapes?";

/// Files that are read: their keys, the messages, the answer, the pictures.
type Reads = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
    usize,
);
const READ: &[Reads] = &[
    (
        "01_easyr1.jsonl",
        &["data.prompt_key=problem"],
        &[SHAPES],
        "2",
        1,
    ),
    ("02_images_dict_path.jsonl", &[], &[SHAPES], "2", 1),
    ("03_images_dict_bytes.jsonl", &[], &[SHAPES], "2", 1),
    ("04_images_dataurl.jsonl", &[], &[SHAPES], "2", 1),
    ("05_openai_parts.jsonl", &[], &[SHORT], "2", 1),
    ("06_qwen_parts_image_inside.jsonl", &[], &[SHORT], "2", 1),
    ("07_trl_parts_text_none.jsonl", &[], &[SHORT], "2", 1),
    (
        "10_swift.jsonl",
        &["data.prompt_key=messages", "data.answer_key=solution"],
        &[SHORT],
        "<answer> 2 </answer>",
        1,
    ),
    // The answer at the end of the messages is not shown.
    (
        "11_swift_messages_with_gold.jsonl",
        &["data.prompt_key=messages", "data.answer_key=solution"],
        &["system: Count.", SHORT],
        "2",
        1,
    ),
    (
        "12_verl_like.jsonl",
        &["data.answer_key=reward_model.ground_truth"],
        &[SHAPES],
        "2",
        1,
    ),
    (
        "12b_verl_like4.jsonl",
        &["data.answer_key=extra_info.answer"],
        &[SHAPES],
        "2",
        1,
    ),
    ("16_crlf_bom.jsonl", &[], &[SHAPES], "2", 1),
    ("17_crlf.jsonl", &[], &[SHAPES], "2", 1),
    ("21_image_single_string.jsonl", &[], &[SHAPES], "2", 1),
    (
        "22_image_key_singular.jsonl",
        &["data.image_key=image"],
        &[SHAPES],
        "2",
        1,
    ),
    ("23_abs_path.jsonl", &[], &[SHAPES], "2", 1),
    ("24_file_url.jsonl", &[], &[SHAPES], "2", 1),
    (
        "26_empty_images.jsonl",
        &[],
        &["user: What is 1+1?"],
        "2",
        0,
    ),
    (
        "30_system_fewshot.jsonl",
        &[],
        &[
            "system: Count.",
            "user: IMAGE|How many?",
            "assistant: 2",
            "user: IMAGE|And here?",
        ],
        "2",
        2,
    ),
    (
        "32_prompt_json_string.jsonl",
        &[],
        &["user: IMAGE|How many?"],
        "2",
        1,
    ),
    ("34_space_umlaut_path.jsonl", &[], &[SHAPES], "2", 1),
    (
        "36_text_part_as_string_list.jsonl",
        &[],
        &["user: IMAGE|How many?"],
        "2",
        1,
    ),
    ("37_no_newline_at_end.jsonl", &[], &["user: 1+1?"], "2", 0),
    (
        "39_unicode_line_sep.jsonl",
        &[],
        &["user: a\u{2028}b?"],
        "2",
        0,
    ),
];

/// Files whose shape may be read or not yet: what is seen if so, and what the message names if not.
const READ_OR_NAMED: &[(Reads, &[&str])] = &[
    (
        (
            "08_llava.json",
            &["data.prompt_key=conversations", "data.image_key=image"],
            &["user: IMAGE|\nHow many shapes?"],
            "2",
            1,
        ),
        &["conversations"],
    ),
    (
        (
            "09_vlmr1.jsonl",
            &["data.prompt_key=conversations", "data.image_key=image"],
            &[SHORT],
            "2",
            1,
        ),
        &["conversations"],
    ),
    (
        (
            "13_verl_geo3k.parquet",
            &["data.answer_key=reward_model.ground_truth"],
            &[SHAPES],
            "2",
            1,
        ),
        &["Parquet", "docs/data.md"],
    ),
    (
        (
            "14_easyr1_geometry3k.parquet",
            &["data.prompt_key=problem"],
            &[SHAPES],
            "2",
            1,
        ),
        &["Parquet", "docs/data.md"],
    ),
    (("15_array.json", &[], &[SHAPES], "2", 1), &["array"]),
];

/// Files that are refused, and what the message names.
const REFUSED: &[(&str, &[&str], &[&str])] = &[
    ("08_llava.json", &[], &["data.prompt_key=conversations"]),
    ("09_vlmr1.jsonl", &[], &["data.prompt_key=conversations"]),
    (
        "12_verl_like.jsonl",
        &[],
        &[
            "reward.text",
            "data.answer_key",
            "reward_model.ground_truth",
            "extra_info.answer",
        ],
    ),
    ("18_nan.jsonl", &[], &[":1:", "NaN", "null"]),
    (
        "19_two_marks_one_image.jsonl",
        &[],
        &["2 place(s)", "1 image(s)"],
    ),
    ("20_mark_no_image.jsonl", &[], &["1 place(s)", "0 image(s)"]),
    (
        "22_image_key_singular.jsonl",
        &[],
        &["data.image_key=image"],
    ),
    (
        "25_http_url.jsonl",
        &[],
        &["https://example.invalid/rgb.png", "URL", "download"],
    ),
    (
        "27_image_pad_in_text.jsonl",
        &[],
        &["<|image_pad|>", "control token", "<image>"],
    ),
    (
        "28_special_tokens_in_text.jsonl",
        &[],
        &["<|im_end|>", "control token"],
    ),
    (
        "29_literal_image_word.jsonl",
        &[],
        &["<image>", "\\\\<image>"],
    ),
    ("31_content_null.jsonl", &[], &["content", "user", "null"]),
    ("33_duplicate_key.jsonl", &[], &["\"answer\" stands twice"]),
    ("35_video.jsonl", &[], &["videos", "pictures"]),
    ("38_images_null_entry.jsonl", &[], &["images", "null"]),
    ("40_surrogate.jsonl", &[], &["surrogate"]),
];

#[track_caller]
fn is_read(project: &Project, (file, keys, messages, answer, images): &Reads) {
    let (seen, found, count) = read(project, file, keys);
    assert_eq!(seen, *messages, "{file}");
    assert_eq!(count, *images, "{file}");
    assert_eq!(found, *answer, "{file}");
}

#[test]
fn files_are_read_as_their_authors_mean_them() {
    let project = project();
    for reads in READ {
        is_read(&project, reads);
    }
}

#[test]
fn files_are_read_or_their_form_is_named() {
    let project = project();
    for (reads, names) in READ_OR_NAMED {
        let (file, keys, ..) = reads;
        let data = format!("data.train_files=field/{file}");
        let outcome = project.run(&train(file, keys, &data, "trainer.experiment_name=try"));
        if outcome.code == Some(0) {
            fs::remove_dir_all(project.path("runs/try")).unwrap();
            is_read(&project, reads);
        } else {
            refused(&project, file, keys, names);
        }
    }
}

#[test]
fn files_are_refused_by_their_form() {
    let project = project();
    for (file, keys, names) in REFUSED {
        refused(&project, file, keys, names);
    }
}

/// Kinds of pictures: those that are read, and those whose message names what they are.
const KINDS: &[(&str, Option<&[&str]>)] = &[
    ("2000x3000.jpg", None),
    ("26x28.png", None),
    ("332x27.png", None),
    ("4x1000.png", Some(&["200"])),
    ("640x24.png", None),
    ("690x1542.png", None),
    ("anim.gif", Some(&["GIF", "convert"])),
    ("anim.webp", Some(&["WEBP", "convert"])),
    ("apng.png", None),
    ("bilevel.png", None),
    ("bmp.bmp", Some(&["BMP", "convert"])),
    ("cmyk.jpg", None),
    ("empty.png", Some(&["empty"])),
    ("exif6.jpg", None),
    ("exif6.png", None),
    ("grey.png", None),
    ("grey16.png", None),
    ("jpeg_named.png", None),
    ("la.png", None),
    ("one.png", None),
    ("palette_trns.png", None),
    ("prog.jpg", None),
    ("rgb.jpg", None),
    ("rgb.png", None),
    ("rgb16.png", None),
    ("rgba.png", None),
    ("still.gif", Some(&["GIF", "convert"])),
    ("tiff.tif", Some(&["TIFF", "convert"])),
    ("trunc.jpg", Some(&["JPEG", "cut off"])),
    ("webp.webp", Some(&["WEBP", "convert"])),
    ("webp_named.jpg", Some(&["WEBP", "convert"])),
    ("ycc.jpg", None),
];

#[test]
fn pictures_are_read_or_their_kind_is_named() {
    let project = project();
    for (image, refusal) in KINDS {
        let file = format!("kind_{image}.jsonl");
        match refusal {
            None => {
                let seen = read(&project, &file, &[]);
                assert_eq!((seen.0, seen.2), (vec![SHAPES.to_owned()], 1), "{file}");
            }
            Some(names) => refused(&project, &file, &[], &[&[*image], *names].concat()),
        }
    }
    // All kinds in one file: the first one that is refused is named by its line.
    let first = KINDS.iter().position(|(_, refusal)| refusal.is_some());
    let line = format!(":{}:", first.unwrap() + 1);
    refused(&project, "50_image_kinds.jsonl", &[], &[&line]);
}

/// The files for `rlhost score`: the same pictures, and their sizes.
#[test]
fn scored_rows_have_the_same_pictures() {
    let project = project();
    let score = |plugin: &str, file: &str| {
        let plugin = guest(plugin);
        project.run(&["score", &plugin, "--input", &format!("field/{file}")])
    };
    let outcome = score("bbox", "size_rows.jsonl");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let rows = crate::support::json_lines(&outcome.stdout);
    assert!(rows.len() == 5 && rows.iter().all(|row| row["outcome"] == "score"));
    let outcome = score("length", "pix.jsonl");
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("pix.jsonl:15") && outcome.stderr.contains("cut off"));
}

/// With its response added, a row of training data is to `rlhost score` what it was to the run.
#[test]
fn a_row_is_the_same_sample_to_rlhost_score() {
    let project = project();
    let gold = r#"{"prompt": [{"role": "user", "content": "the tag \\<image>, <image>"}, {"role": "assistant", "content": "2"}], "images": "img/rgb.png"}"#;
    project.write("field/gold.jsonl", gold);
    let plain = READ.iter().filter(|reads| reads.1.is_empty());
    let names: Vec<&str> = plain.map(|reads| reads.0).chain(["gold.jsonl"]).collect();
    assert!(names.len() > 10, "{names:?}");
    for file in names {
        read(&project, file, &[]);
        let seen = &project.rollouts(&format!("runs/{file}"), 1)[0];
        let text = project.read(&format!("field/{file}"));
        let row = text.trim_start_matches('\u{feff}').lines().next().unwrap();
        let response = serde_json::json!([{
            "text": seen["response"],
            "finish_reason": seen["finish_reason"],
            "tokens": seen["tokens"],
        }]);
        let row = row.replacen('{', &format!("{{\"response\": {response}, "), 1);
        project.write("field/scored.jsonl", &row);
        let plugin = guest("text");
        let scored = project.ok(&["score", &plugin, "--input", "field/scored.jsonl"]);
        let scored: Value = serde_json::from_str(&scored.stdout).unwrap();
        let input = |record: &Value| record["rewards"][0]["receipt"]["input"].clone();
        assert!(input(seen).is_string(), "{seen}");
        assert_eq!(input(&scored), input(seen), "{file}");
    }
}

#[test]
fn every_file_is_looked_at() {
    let looked: BTreeSet<String> = READ
        .iter()
        .map(|reads| reads.0.to_owned())
        .chain(READ_OR_NAMED.iter().map(|(reads, _)| reads.0.to_owned()))
        .chain(REFUSED.iter().map(|(file, ..)| (*file).to_owned()))
        .chain(KINDS.iter().map(|(image, _)| format!("kind_{image}.jsonl")))
        .chain(["50_image_kinds", "size_rows", "pix"].map(|name| format!("{name}.jsonl")))
        .collect();
    let there: BTreeSet<String> = fs::read_dir(repository().join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "img")
        .collect();
    assert_eq!(looked, there);
}
