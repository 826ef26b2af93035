//! The tokenizer against the Python package `tokenizers`, and whole prompts.

use rlhost_trainer::processor::{ChatMessage, Part, PixelLimits, Processor, RgbImage, Tokenizer};
use serde_json::Value;

use crate::fixtures::{self, edit};

fn load_error(dir: &std::path::Path) -> String {
    Processor::load(dir, PixelLimits::default())
        .unwrap_err()
        .to_string()
}

/// `tests/fixtures/tokenizer/generate.py` wrote the expected ids and texts.
#[test]
fn encodes_and_decodes_as_python_does() {
    let dir = fixtures::model_dir();
    let tokenizer = Tokenizer::load(dir.path()).unwrap();
    let text = std::fs::read_to_string(fixtures::path("tokenizer/cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 5);
    for case in cases {
        let ids: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        assert_eq!(
            tokenizer.encode(case["text"].as_str().unwrap()).unwrap(),
            ids
        );
        assert_eq!(tokenizer.decode(&ids, false).unwrap(), case["decoded"]);
        assert_eq!(
            tokenizer.decode(&ids, true).unwrap(),
            case["decoded_without_specials"]
        );
    }
    assert_eq!(tokenizer.vocab_size(), 300);
    assert_eq!(tokenizer.token_id("<think>"), Some(297));
    assert_eq!(tokenizer.token(298).as_deref(), Some("</think>"));
    assert_eq!(tokenizer.image_id(), Some(295));
    assert_eq!(tokenizer.eos_ids(), [290]);
}

#[test]
fn ids_that_end_a_completion() {
    let dir = fixtures::model_dir();
    let generation = dir.path().join("generation_config.json");
    edit(
        &generation,
        "\"eos_token_id\": 290",
        "\"eos_token_id\": [291, 289]",
    );
    let eos = || Tokenizer::load(dir.path()).unwrap().eos_ids().to_vec();
    assert_eq!(eos(), [291, 289, 290]);
    std::fs::remove_file(&generation).unwrap();
    assert_eq!(eos(), [290]);
    edit(
        &dir.path().join("config.json"),
        "\"eos_token_id\": 290",
        "\"eos_token_id\": 291",
    );
    assert_eq!(eos(), [291, 290]);
    edit(
        &dir.path().join("config.json"),
        "\"eos_token_id\": 291",
        "\"text_config\": {\"eos_token_id\": 289}",
    );
    assert_eq!(eos(), [289, 290]);
    edit(
        &dir.path().join("tokenizer_config.json"),
        "\"<|im_end|>\"",
        "null",
    );
    edit(
        &dir.path().join("config.json"),
        "{\"eos_token_id\": 289}",
        "{}",
    );
    assert!(load_error(dir.path()).contains("no end-of-sequence token"));
}

#[test]
fn a_prompt_has_a_placeholder_for_every_feature() {
    let dir = fixtures::model_dir();
    let processor = Processor::load(dir.path(), PixelLimits::default()).unwrap();
    let images = [RgbImage::new(56, 56), RgbImage::new(84, 56)];
    let messages = [ChatMessage::parts(
        "user",
        vec![Part::Image, Part::Text("and".into()), Part::Image],
    )];
    let prompt = processor.prepare(&messages, &images).unwrap();
    // 56 × 56 is 4 × 4 patches, merged 2 × 2 to 4 tokens; 84 × 56 gives 6.
    assert_eq!(prompt.images[0].grid, [1, 4, 4]);
    assert_eq!(prompt.images[1].grid, [1, 4, 6]);
    let runs: Vec<(u32, usize)> = prompt
        .token_ids
        .chunk_by(|a, b| a == b)
        .map(|run| (run[0], run.len()))
        .filter(|(id, _)| (292..=296).contains(id))
        .collect();
    assert_eq!(
        runs,
        [(292, 1), (295, 4), (293, 1), (292, 1), (295, 6), (293, 1)]
    );
    assert_eq!(prompt.text.matches("<|image_pad|>").count(), 2);
    assert!(
        prompt.text.ends_with("<|im_start|>assistant\n[2]"),
        "{}",
        prompt.text
    );

    let plain = processor
        .prepare(&[ChatMessage::text("user", "the sum")], &[])
        .unwrap();
    assert_eq!(
        plain.token_ids,
        processor.tokenizer().encode(&plain.text).unwrap()
    );

    let error = processor
        .prepare(&messages, &images[..1])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("2 placeholder(s)") && error.contains("1 image(s)"),
        "{error}"
    );
    let forged = [ChatMessage::text("user", "look: <|image_pad|>")];
    assert!(processor.prepare(&forged, &[]).is_err());
    let thin = [RgbImage::new(300, 1)];
    let messages = [ChatMessage::parts("user", vec![Part::Image])];
    let error = processor.prepare(&messages, &thin).unwrap_err().to_string();
    assert!(error.contains("aspect ratio"), "{error}");
}

#[test]
fn models_without_images_work_too() {
    let dir = fixtures::model_dir();
    edit(
        &dir.path().join("config.json"),
        "\"image_token_id\": 295,",
        "",
    );
    std::fs::remove_file(dir.path().join("preprocessor_config.json")).unwrap();
    let processor = Processor::load(dir.path(), PixelLimits::default()).unwrap();
    assert!(processor.image_processor().is_none());
    let messages = [ChatMessage::text("user", "the sum")];
    assert!(
        !processor
            .prepare(&messages, &[])
            .unwrap()
            .token_ids
            .is_empty()
    );
    let error = processor
        .prepare(&messages, &[RgbImage::new(56, 56)])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("1 image(s)") && error.contains("image_token_id"),
        "{error}"
    );
}

#[test]
fn a_folder_without_a_file_says_which_and_what_for() {
    for (file, purpose) in [
        ("config.json", "describes the model"),
        ("tokenizer.json", "it is the tokenizer"),
        ("preprocessor_config.json", "how images are resized"),
        ("chat_template.jinja", "turns messages into a prompt"),
    ] {
        let dir = fixtures::model_dir();
        std::fs::remove_file(dir.path().join(file)).unwrap();
        let error = load_error(dir.path());
        assert!(error.contains(file) && error.contains(purpose), "{error}");
    }
    assert!(load_error("/nowhere".as_ref()).contains("no such model folder"));
}

#[test]
fn a_tokenizer_without_the_special_tokens_is_refused() {
    let dir = fixtures::model_dir();
    let tokenizer = dir.path().join("tokenizer.json");
    edit(&tokenizer, "<|image_pad|>", "<|other|>");
    let error = load_error(dir.path());
    assert!(
        error.contains("tokenizer.json")
            && error.contains("lacks the special token \"<|image_pad|>\""),
        "{error}"
    );

    let dir = fixtures::model_dir();
    edit(
        &dir.path().join("config.json"),
        "\"image_token_id\": 295",
        "\"image_token_id\": 296",
    );
    let error = load_error(dir.path());
    assert!(
        error.contains("\"<|image_pad|>\" has id 295") && error.contains("296"),
        "{error}"
    );

    let dir = fixtures::model_dir();
    edit(&dir.path().join("tokenizer.json"), "<|im_end|>", "<|stop|>");
    let error = load_error(dir.path());
    assert!(
        error.contains("lacks the special token \"<|im_end|>\""),
        "{error}"
    );

    let dir = fixtures::model_dir();
    edit(&dir.path().join("generation_config.json"), "290", "5000");
    let error = load_error(dir.path());
    assert!(
        error.contains("id 5000") && error.contains("generation_config.json"),
        "{error}"
    );

    let dir = fixtures::model_dir();
    std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
    assert!(load_error(dir.path()).contains("tokenizer.json: can't be read"));
}
