//! Rows of JSON Lines become samples.

use base64::Engine;
use rlhost_host::{Chunks, ContentPart, Error, FinishReason, Image, Sample, SampleReader, Scope};

use crate::guest::Folder;

fn read(text: &str) -> Result<Vec<Sample>, Error> {
    SampleReader::new(text.as_bytes(), "rows.jsonl").collect()
}

#[test]
fn a_row_with_everything() {
    let folder = Folder::new();
    // Two pixels, red and blue.
    let pixels = image::RgbImage::from_raw(2, 1, vec![255, 0, 0, 0, 0, 255]).unwrap();
    pixels.save(folder.path().join("two.png")).unwrap();
    let row = r#"{"response": [{"text": "a", "tokens": 3, "finish_reason": "length"}, {"text": "b"}],
        "answer": {"value": 1.10}, "images": ["two.png"], "problem_type": "sum", "answer_type": "integer",
        "data_source": "digits", "group": 4, "level": 1.50, "id": "x",
        "prompt": [{"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Sum?"}]}]}"#;
    let path = folder.file("rows.jsonl", row.replace('\n', " ").as_bytes());
    let samples: Vec<_> = SampleReader::open(&path)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let [sample] = samples.try_into().unwrap();
    assert_eq!(sample.response.len(), 2);
    assert_eq!(sample.response[0].finish_reason, FinishReason::Length);
    assert_eq!(
        (sample.response[0].tokens, sample.response[1].tokens),
        (3, 0)
    );
    // JSON is passed on as it stands.
    assert_eq!(sample.answer, r#"{"value": 1.10}"#);
    assert_eq!(sample.columns, r#"{"level":1.50,"id":"x"}"#);
    assert_eq!(sample.images[0].rgb(), [255, 0, 0, 0, 0, 255]);
    assert_eq!(
        (sample.images[0].width(), sample.images[0].height()),
        (2, 1)
    );
    assert_eq!(
        sample.prompt[0].content,
        [ContentPart::Text("Be brief.".into())]
    );
    assert_eq!(
        sample.prompt[1].content,
        [ContentPart::Image(0), ContentPart::Text("Sum?".into())]
    );
    assert_eq!(
        (
            &*sample.data_source,
            &*sample.problem_type,
            &*sample.answer_type
        ),
        ("digits", "sum", "integer")
    );
    assert_eq!(sample.group, 4);
}

#[test]
fn the_least_rows() {
    let samples = read("{\"response\": \"x\"}\n\n{\"response\": \"y\", \"answer\": 123456789012345678901234567890}\r\n").unwrap();
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[0].answer, "null");
    assert_eq!(samples[0].columns, "{}");
    assert_eq!(samples[1].answer, "123456789012345678901234567890");
    // Rows without a group are a group each.
    assert_ne!(samples[0].group, samples[1].group);
}

#[test]
fn errors_name_file_line_and_fault() {
    let good = "{\"response\": \"x\"}\n\n";
    for (row, message) in [
        ("{\"response\": ", "rows.jsonl:3: broken JSON: EOF"),
        ("[1]", "rows.jsonl:3: not a JSON object"),
        (
            "{\"response\": \"x\", \"level\": 1, \"level\": 2}",
            "rows.jsonl:3: not a JSON object with every column once: \"level\" stands twice",
        ),
        ("{\"answer\": 1}", "rows.jsonl:3: `response` is missing"),
        (
            "{\"response\": 1}",
            "rows.jsonl:3: `response` must be a text or a list of turns",
        ),
        (
            "{\"response\": \"x\", \"images\": 3}",
            "rows.jsonl:3: `images`: expected the path of an image or a list of paths",
        ),
        (
            "{\"response\": \"x\", \"group\": -1}",
            "rows.jsonl:3: `group` must be a number",
        ),
        (
            "{\"response\": \"x\", \"problem_type\": 1}",
            "rows.jsonl:3: `problem_type` must be a text",
        ),
        (
            "{\"response\": \"x\", \"images\": [\"no/such.png\"]}",
            "rows.jsonl:3: no/such.png: the image can't be read",
        ),
        (
            "{\"response\": \"x\", \"prompt\": [{\"role\": \"user\", \"content\": [{\"type\": \"image\"}]}]}",
            "rows.jsonl:3: `prompt` shows 1 images, but `images` has 0",
        ),
    ] {
        let error = read(&format!("{good}{row}\n")).unwrap_err();
        assert!(matches!(error, Error::Input { line: 3, .. }), "{error}");
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn image_marks_are_places() {
    let folder = Folder::new();
    for name in ["a.png", "b.png"] {
        let pixel = image::RgbImage::from_raw(1, 1, vec![1, 2, 3]).unwrap();
        pixel.save(folder.path().join(name)).unwrap();
    }
    let text = |text: &str| ContentPart::Text(text.to_owned());
    let image = ContentPart::Image;
    for (prompt, expected) in [
        (
            r#""first <image>, then <image>.""#,
            vec![
                text("first "),
                image(0),
                text(", then "),
                image(1),
                text("."),
            ],
        ),
        // Without a mark the images come first.
        (r#""sum?""#, vec![image(0), image(1), text("sum?")]),
        (
            r#"[{"role": "user", "content": "<image><image>"}]"#,
            vec![image(0), image(1)],
        ),
        // In a list nothing is added, and in parts a mark is a text.
        (
            r#"[{"role": "user", "content": "sum?"}]"#,
            vec![text("sum?")],
        ),
        (
            r#"[{"role": "user", "content": [{"type": "text", "text": "<image>"}]}]"#,
            vec![text("<image>")],
        ),
        (r#"[{"role": "user", "content": null}]"#, vec![]),
        (
            r#"[{"role": "user", "content": [{"type": "image", "index": 0}]}]"#,
            vec![image(0)],
        ),
    ] {
        let row = format!(
            r#"{{"response": "x", "images": ["a.png", "b.png"], "prompt": {prompt}, "target": "t"}}"#
        );
        let path = folder.file("rows.jsonl", row.as_bytes());
        let sample = SampleReader::open(&path).unwrap().next().unwrap().unwrap();
        assert_eq!(sample.prompt[0].content, expected, "{prompt}");
        assert_eq!((sample.images.len(), &*sample.columns), (2, "{}"));
    }
}

#[test]
fn transparency_lies_over_white() {
    let folder = Folder::new();
    let pixels = vec![255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 51];
    let image = image::RgbaImage::from_raw(3, 1, pixels).unwrap();
    image.save(folder.path().join("glass.png")).unwrap();
    let row = br#"{"response": "x", "images": "glass.png"}"#;
    let path = folder.file("rows.jsonl", row);
    let sample = SampleReader::open(&path).unwrap().next().unwrap().unwrap();
    // 51 of 255 is a fifth of blue on four fifths of white.
    assert_eq!(
        sample.images[0].rgb(),
        [255, 0, 0, 255, 255, 255, 204, 204, 255]
    );
}

#[test]
fn an_image_that_is_none_is_named() {
    let folder = Folder::new();
    folder.file("bad.png", b"not a picture");
    let rows = folder.file(
        "rows.jsonl",
        b"{\"response\": \"x\", \"images\": [\"bad.png\"]}",
    );
    let error = SampleReader::open(&rows)
        .unwrap()
        .next()
        .unwrap()
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("rows.jsonl:1") && text.contains("bad.png"),
        "{text}"
    );
}

#[test]
fn text_that_is_not_utf8_has_a_line() {
    let bytes: &[u8] = b"{\"response\": \"x\"}\n{\"response\": \"\xff\"}\n{\"response\": \"y\"}\n";
    let rows: Vec<_> = SampleReader::new(bytes, "rows.jsonl").collect();
    assert!(rows[0].is_ok() && rows[2].is_ok());
    let text = rows[1].as_ref().unwrap_err().to_string();
    assert!(text.starts_with("rows.jsonl:2: not UTF-8"), "{text}");
}

/// The prompts of other trainers' rows, as role and parts of each message.
#[test]
fn prompts_have_many_forms() {
    let folder = Folder::new();
    for name in ["a.png", "b.png"] {
        let pixel = image::RgbImage::from_raw(1, 1, vec![1, 2, 3]).unwrap();
        pixel.save(folder.path().join(name)).unwrap();
    }
    let text = |text: &str| ContentPart::Text(text.to_owned());
    let image = ContentPart::Image;
    for (prompt, expected) in [
        (
            r#""[{\"role\": \"user\", \"content\": \"<image><image>\"}]""#,
            vec![image(0), image(1)],
        ),
        (
            r#""[1, 2] <image><image>""#,
            vec![text("[1, 2] "), image(0), image(1)],
        ),
        (
            r#"[{"from": "human", "value": "<image>\nsum?"}]"#,
            vec![image(0), text("\nsum?")],
        ),
        (
            r#"[{"role": "user", "content": ["<image>", {"type": "text", "text": "<image>"}, "b"]}]"#,
            vec![image(0), text("<image>"), text("b")],
        ),
        // An escape, and marks of what is not read.
        (
            r#""the tag \\<image>: <image>""#,
            vec![text("the tag <image>: "), image(0)],
        ),
        (
            r#"[{"role": "user", "content": "a <video>"}]"#,
            vec![text("a <video>")],
        ),
    ] {
        let row =
            format!(r#"{{"response": "x", "images": ["a.png", "b.png"], "prompt": {prompt}}}"#);
        let path = folder.file("rows.jsonl", row.as_bytes());
        let sample = SampleReader::open(&path).unwrap().next().unwrap().unwrap();
        assert_eq!(sample.prompt[0].content, expected, "{prompt}");
        assert_eq!(sample.prompt[0].role, "user");
        assert_eq!(sample.images.len(), 2);
    }
}

#[test]
fn pictures_inside_of_parts_stand_in_their_order() {
    let folder = Folder::new();
    for (name, red) in [("a.png", 10), ("b.png", 20), ("c.png", 30)] {
        let pixel = image::RgbImage::from_raw(1, 1, vec![red, 0, 0]).unwrap();
        pixel.save(folder.path().join(name)).unwrap();
    }
    let row = r#"{"response": "x", "images": "b.png", "prompt": [{"role": "user", "content": [
        {"type": "image", "image": "a.png", "text": null}, {"type": "image"},
        {"type": "image_url", "image_url": {"url": "c.png"}}]}]}"#;
    let path = folder.file("rows.jsonl", row.replace('\n', " ").as_bytes());
    let sample = SampleReader::open(&path).unwrap().next().unwrap().unwrap();
    let reds: Vec<u8> = sample.images.iter().map(|image| image.rgb()[0]).collect();
    assert_eq!(reds, [10, 20, 30]);
    let places = [0, 1, 2].map(ContentPart::Image);
    assert_eq!(sample.prompt[0].content, places);
}

#[test]
fn an_answer_at_the_end_of_the_prompt() {
    let ask = r#"{"role": "user", "content": "1+1?"}"#;
    let gold = r#"{"role": "assistant", "content": "two"}"#;
    let row = |prompt: &str, more: &str| {
        let rows = read(&format!(
            r#"{{"response": "x", "prompt": [{prompt}]{more}}}"#
        ));
        rows.map(|rows| (rows[0].prompt.len(), rows[0].answer.clone()))
            .map_err(|error| error.to_string())
    };
    let both = format!("{ask}, {gold}");
    assert_eq!(row(&both, "").unwrap(), (1, "\"two\"".into()));
    assert_eq!(
        row(&both, r#", "answer": null"#).unwrap(),
        (1, "\"two\"".into())
    );
    assert_eq!(row(&both, r#", "answer": 2"#).unwrap(), (1, "2".into()));
    // Few-shot examples are no answer.
    assert_eq!(
        row(&format!("{both}, {ask}"), "").unwrap(),
        (3, "null".into())
    );
    for (prompt, part) in [
        (gold.to_owned(), "only message"),
        (format!("{both}, {gold}"), "last two messages"),
        (
            format!(r#"{ask}, {{"role": "assistant", "content": " "}}"#),
            "no text",
        ),
    ] {
        let error = row(&prompt, "").unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let samples = read("\u{feff}{\"response\": \"x\"}\n{\"response\": \"y\"}\n").unwrap();
    assert_eq!(samples.len(), 2);
    let error = read("{\"response\": \"x\"}\n\u{feff}{\"response\": \"y\"}\n").unwrap_err();
    assert!(error.to_string().starts_with("rows.jsonl:2: "), "{error}");
}

/// A JPEG file without its end, wherever it is cut, is no picture; one with more behind its end is.
#[test]
fn a_jpeg_that_is_cut_off() {
    let mut whole = std::io::Cursor::new(Vec::new());
    let noise = |x: u32, y: u32| image::Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, 9]);
    let picture = image::RgbImage::from_fn(40, 30, noise);
    picture
        .write_to(&mut whole, image::ImageFormat::Jpeg)
        .unwrap();
    let whole = whole.into_inner();
    assert!(Image::decode(&whole).is_ok());
    assert!(Image::decode(&[&whole[..], b"more"].concat()).is_ok());
    for length in [whole.len() - 1, whole.len() - 2, whole.len() / 2, 200, 30] {
        let error = Image::decode(&whole[..length]).unwrap_err().to_string();
        assert!(error.contains("cut off"), "{length}: {error}");
    }
    // Formats that are not read are named.
    let error = Image::decode(b"GIF89a\x01\0\x01\0\0\0\0")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("GIF") && error.contains("convert"),
        "{error}"
    );
}

fn calls(rows: &str, folder: &Folder, scope: Scope) -> Vec<Vec<Sample>> {
    let rows = folder.file("calls.jsonl", rows.as_bytes());
    let chunks = Chunks::new(SampleReader::open(rows).unwrap(), scope);
    chunks.collect::<Result<_, _>>().unwrap()
}

/// A picture of 48 MB in some 16 KB: rows that hold it are read a few at a time, and rows that name it share it.
#[test]
fn calls_are_bounded_by_the_pixels_of_their_pictures() {
    let folder = Folder::new();
    let picture = image::GrayImage::new(4096, 4096);
    picture.save(folder.path().join("large.png")).unwrap();
    let bytes = std::fs::read(folder.path().join("large.png")).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let row = format!("{{\"response\": \"x\", \"images\": \"data:;base64,{text}\"}}\n");
    let lengths: Vec<_> = calls(&row.repeat(7), &folder, Scope::Sample)
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(lengths, [6, 1]);

    let row = "{\"response\": \"x\", \"images\": [\"large.png\", \"large.png\"]}\n";
    let calls = calls(&row.repeat(20), &folder, Scope::Sample);
    assert_eq!(calls.len(), 1);
    let places = calls[0].iter().flat_map(|sample| &sample.images);
    let places = places.map(|image| image.rgb().as_ptr());
    assert_eq!(places.collect::<std::collections::HashSet<_>>().len(), 1);

    let row = format!(
        "{{\"response\": \"x\", \"images\": [{}]}}",
        ["\"large.png\""; 30].join(",")
    );
    let rows = folder.file("rows.jsonl", row.as_bytes());
    let error = SampleReader::open(rows).unwrap().next().unwrap();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("rows.jsonl:1: `images`: the row's pictures"),
        "{error}"
    );
}

#[test]
fn calls_keep_groups_whole() {
    let folder = Folder::new();
    let row = |i: usize| format!("{{\"response\": \"x\", \"group\": {}}}\n", i / 3);
    let rows: String = (0..9000).map(row).collect();
    let lengths =
        |scope| -> Vec<usize> { calls(&rows, &folder, scope).iter().map(Vec::len).collect() };
    assert_eq!(lengths(Scope::Sample), [4096, 4096, 808]);
    assert_eq!(lengths(Scope::Group), [4098, 4098, 804]);
    assert_eq!(lengths(Scope::Batch), [9000]);
}
