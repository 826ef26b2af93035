//! Chat templates against Jinja2 with transformers' settings.

use std::path::Path;

use rlhost_trainer::processor::{ChatMessage, ChatTemplate, Content, Part, PromptFormat};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::fixtures;

#[derive(Deserialize)]
struct Case {
    template: String,
    messages: Vec<Value>,
    tools: Option<Box<RawValue>>,
    add_generation_prompt: bool,
    expected: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct RawCase {
    messages: Vec<Box<RawValue>>,
}

fn message(value: &Value, raw: &str) -> ChatMessage {
    let content = match &value["content"] {
        Value::String(text) => Content::Text(text.clone()),
        Value::Array(parts) => Content::Parts(
            parts
                .iter()
                .map(|part| match part["text"].as_str() {
                    Some(text) => Part::Text(text.into()),
                    None => Part::Image,
                })
                .collect(),
        ),
        _ => Content::None,
    };
    // The raw text keeps the order of keys.
    let fields: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(raw).unwrap();
    ChatMessage {
        role: value["role"].as_str().unwrap().into(),
        content,
        fields: fields
            .into_iter()
            .filter(|(name, _)| name != "role" && name != "content")
            .map(|(name, value)| (name, value.get().to_owned()))
            .collect(),
    }
}

fn variables() -> Vec<(String, String)> {
    [("bos_token", "<s>"), ("eos_token", "</s>")]
        .map(|(name, token)| (name.to_owned(), token.to_owned()))
        .to_vec()
}

fn render(source: &str, messages: &[ChatMessage]) -> Result<String, String> {
    ChatTemplate::from_source(Path::new("t.jinja"), source, &variables())
        .and_then(|template| template.render(messages, None, true))
        .map_err(|error| error.to_string())
}

/// `tests/fixtures/templates/generate.py` wrote the expected texts.
#[test]
fn renders_as_jinja2_does() {
    let text = std::fs::read_to_string(fixtures::path("templates/cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let raw: Vec<RawCase> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 20);
    for (case, raw) in cases.iter().zip(&raw) {
        let file = fixtures::path("templates").join(&case.template);
        let source = std::fs::read_to_string(&file).unwrap();
        let template = ChatTemplate::from_source(&file, &source, &variables()).unwrap();
        let messages: Vec<ChatMessage> = case
            .messages
            .iter()
            .zip(&raw.messages)
            .map(|(value, raw)| message(value, raw.get()))
            .collect();
        let tools = case.tools.as_ref().map(|tools| tools.get());
        let found = template.render(&messages, tools, case.add_generation_prompt);
        match (&case.expected, &case.error) {
            (Some(expected), _) => assert_eq!(&found.unwrap(), expected, "{}", case.template),
            (None, error) => {
                let message = found.unwrap_err().to_string();
                assert!(message.contains(error.as_ref().unwrap()), "{message}");
                assert!(message.contains(&case.template), "{message}");
            }
        }
    }
}

#[test]
fn dates_are_fixed() {
    assert_eq!(
        render("{{ strftime_now('%d %B %Y, %A %H:%M %-d/%-m %%') }}", &[]).unwrap(),
        "01 January 2025, Wednesday 00:00 1/1 %"
    );
    assert!(
        render("{{ strftime_now('%Q') }}", &[])
            .unwrap_err()
            .contains("%Q")
    );
}

/// What Python's `json.dumps` prints for the same values.
#[test]
fn tojson_writes_as_python_does() {
    let fields = r#"{"z": [1, 2.0, 1e22, 5e-05, 0.0001, -0.5], "a": {}, "e": [], "s": "é\u0001\"\\\n\u2028<&>'", "t": true, "n": null}"#;
    let mut message = ChatMessage::text("user", "");
    message.fields = vec![("data".into(), fields.into())];
    let found = |source: &str| render(source, std::slice::from_ref(&message)).unwrap();
    assert_eq!(
        found("{{ messages[0].data | tojson }}"),
        "{\"z\": [1, 2.0, 1e+22, 5e-05, 0.0001, -0.5], \"a\": {}, \"e\": \
         [], \"s\": \"é\\u0001\\\"\\\\\\n\u{2028}<&>'\", \"t\": true, \"n\": null}"
    );
    assert_eq!(
        found("{{ messages[0].data.s | tojson(ensure_ascii=true) }}"),
        r#""\u00e9\u0001\"\\\n\u2028<&>'""#
    );
    assert_eq!(
        found("{{ {'b': [1, {}], 'a': 2} | tojson(indent=1, sort_keys=true) }}"),
        "{\n \"a\": 2,\n \"b\": [\n  1,\n  {}\n ]\n}"
    );
}

#[test]
fn templates_are_found_in_every_place() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let user = [ChatMessage::text("user", "hi")];
    let found = |tools: Option<&str>| {
        ChatTemplate::load(dir.path(), &[])
            .and_then(|template| template.render(&user, tools, true))
            .map_err(|error| error.to_string())
    };
    assert!(found(None).unwrap_err().contains("chat_template.jinja"));
    write("tokenizer_config.json", "{}");
    assert!(found(None).unwrap_err().contains("tokenizer_config.json"));
    write(
        "tokenizer_config.json",
        r#"{"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "{{ tools[0] }}"}]}"#,
    );
    assert_eq!(found(None).unwrap(), "plain");
    assert_eq!(found(Some("[\"t\"]")).unwrap(), "t");
    assert!(
        found(Some("["))
            .unwrap_err()
            .contains("broken JSON in the tools")
    );
    write(
        "tokenizer_config.json",
        r#"{"chat_template": "config {{ messages[0].content }}"}"#,
    );
    assert_eq!(found(None).unwrap(), "config hi");
    write("chat_template.json", r#"{"chat_template": "json"}"#);
    assert_eq!(found(None).unwrap(), "json");
    write("chat_template.jinja", "jinja");
    assert_eq!(found(None).unwrap(), "jinja");
    write("chat_template.jinja", "{% if %}");
    assert!(
        found(None)
            .unwrap_err()
            .contains("not a valid chat template")
    );
}

#[test]
fn prompt_formats_put_text_around_a_prompt() {
    let format = PromptFormat::new("  Q: {{ content | trim }}\nThink.\n").unwrap();
    assert_eq!(format.apply(" 1+1? <b> ").unwrap(), "Q: 1+1? <b>\nThink.");
    let error = PromptFormat::new("{{ content").unwrap_err().to_string();
    assert!(error.starts_with("data.format_prompt: "), "{error}");
}
