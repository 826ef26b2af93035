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

fn render_alone(source: &str) -> Result<String, String> {
    let path = Path::new("chat_template.jinja");
    let messages = [ChatMessage::text("user", "abcdefgh")];
    ChatTemplate::from_source(path, source, &[])
        .and_then(|template| template.render(&messages, None, true))
        .map_err(|error| error.to_string())
}

/// Texts and lists that grow by themselves, loops within loops, nesting, and operations that cost more than they are
/// given: none takes a second, or memory that it was not given.
#[test]
fn hostile_templates_end() {
    let c = "messages[0]['content']";
    let double =
        |step: &str, times: usize| format!("{{% set x = {c} %}}{}{{{{ x }}}}", step.repeat(times));
    let nested = format!("{c}{}", ".replace('a', 'aaaaaaaaaaaaaaaa')".repeat(16));
    let loops = "{% for i in range(100000) %}".repeat(3) + &"{% endfor %}".repeat(3);
    let in_namespace = |step: &str| {
        format!(
            "{{% set n = namespace(x={c}) %}}{{% for i in range(100000) %}}{{% set n.x = {step} %}}{{% endfor %}}"
        )
    };
    let raw = "y".repeat(10_000);
    for (what, source) in [
        ("replace", format!("{{{{ {nested} }}}}")),
        (
            "replace of nothing",
            double("{% set x = x.replace('', x) %}", 20),
        ),
        (
            "the filter replace",
            double("{% set x = x|replace('a', x) %}", 40),
        ),
        ("~", double("{% set x = x ~ x %}", 40)),
        ("+", double("{% set x = x + x %}", 40)),
        ("*", double("{% set x = x * 1000 %}", 12)),
        ("* of a list", double("{% set x = [x] * 10000000 %}", 2)),
        ("join", double("{% set x = [x, x, x]|join(x) %}", 40)),
        (
            "the method join",
            double("{% set x = x.join([x, x, x]) %}", 40),
        ),
        (
            "capture",
            double("{% set x %}{{ x }}{{ x }}{% endset %}", 40),
        ),
        ("format", double("{% set x = '%s%s'|format(x, x) %}", 40)),
        ("a wide format", "{{ '%999999999d'|format(1) }}".to_owned()),
        (
            "a wider format",
            "{{ '{:>4000000000}'.format('a') }}".to_owned(),
        ),
        (
            "a given width",
            "{{ '%*d'|format(2000000000, 1) }}".to_owned(),
        ),
        (
            "indent",
            double("{% set x = (x ~ '\n')|indent(100000000) %}", 3),
        ),
        ("batch", "{{ [1]|batch(1000000000, 0) }}".to_owned()),
        ("slice", "{{ [1]|slice(1000000000)|list }}".to_owned()),
        (
            "strip",
            double("{% set x = x ~ x %}", 20) + "{{ x.strip(x ~ 'z') }}",
        ),
        ("loops", loops),
        ("a list in itself", double("{% set x = [x, x] %}", 40)),
        ("a tuple in itself", double("{% set x = (x, x) %}", 40)),
        (
            "a map in itself",
            double("{% set x = {'a': x, 'b': x} %}", 40),
        ),
        ("dict in itself", double("{% set x = dict(a=x, b=x) %}", 40)),
        ("zip", double("{% set x = [x]|zip([x])|list %}", 80)),
        (
            "json",
            double("{% set x = [x, x] %}", 16) + "{{ x|tojson(indent=100000000) }}",
        ),
        (
            "equality",
            double("{% set x = [x, x] %}", 16)
                + "{% for i in range(100000) %}{% if x == x %}{% endif %}{% endfor %}",
        ),
        ("deep lists", in_namespace("[n.x]")),
        ("deep batches", in_namespace("n.x|batch(1)|list")),
        ("deep namespaces", in_namespace("namespace(x=n.x)")),
        (
            "namespaces by hand",
            "{% set n = namespace() %}{% for i in range(100000) %}{% set m = namespace() %}\
             {% set m.x = n.x %}{% set n.x = m %}{% endfor %}"
                .to_owned(),
        ),
        (
            "a namespace in itself",
            "{% set n = namespace() %}{% set n.x = n %}{{ n }}".to_owned(),
        ),
        ("growth in a loop", in_namespace("n.x ~ n.x")),
        ("sums", in_namespace("n.x + 'abcdefghijkl'")),
        (
            "plain text",
            format!("{{% set x %}}{{% for i in range(100000) %}}{raw}{{% endfor %}}{{% endset %}}"),
        ),
        (
            "plain text that is written",
            format!("{{% for i in range(100000) %}}{raw}{{% endfor %}}"),
        ),
        (
            "a macro that calls itself",
            "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('a') }}".to_owned(),
        ),
        ("products of literals", "{{ 'a' * 100000000 }}".repeat(20)),
        ("a long template", "a".repeat(2 << 20)),
        ("itself", "{% include 'template' %}".to_owned()),
        ("all there is", "{{ debug() }}".to_owned()),
    ] {
        let start = std::time::Instant::now();
        let error = match render_alone(&source) {
            Err(error) => error,
            Ok(text) => panic!("{what}: {} bytes", text.len()),
        };
        let took = start.elapsed();
        assert!(
            error.starts_with("chat_template.jinja: "),
            "{what}: {error}"
        );
        assert!(took.as_secs_f64() < 2.0, "{what}: {took:?}: {error}");
    }
    // The same for the configuration's own template.
    let format = PromptFormat::new(
        "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}",
    );
    assert!(
        format
            .unwrap()
            .apply("x")
            .unwrap_err()
            .to_string()
            .contains("data.format_prompt")
    );
}

/// What templates do with operators and functions is what the engine does.
#[test]
fn counted_operators_mean_the_same() {
    for source in [
        "{{ 1 + 2 }} {{ 1.5 + 1 }} {{ 2 * 3 }} {{ 'ab' * 2 }} {{ 2 * 'ab' }} {{ [1] * 2 }}",
        "{{ 'a' ~ 1 ~ none ~ [2] }} {{ 'a' + 'b' }} {{ [1] + [2, 3] }}",
        "{{ 1 == 1.0 }} {{ 'a' != 'b' }} {{ 'b' in 'abc' }} {{ 4 not in [1, 2] }} {{ 1 < 2 < 3 }}",
        "{{ (1, 2) }} {{ (1,) }} {{ {'b': 1, 'a': [2]} }} {{ {} }} {{ [] }}",
        "{% set n = namespace(a=1) %}{% for i in [1, 2] %}{% set n.a = n.a + i %}{% endfor %}{{ n.a }}",
        "{{ dict(a=1, b='x').b }} {{ 'x,y'.split(',')|join('-') }} {{ ['b', 'a']|sort|first }}",
        "{{ ['a', 'b']|map('replace', 'a', 'c')|list }} {{ [1, 2, 3]|select('in', [2])|list }}",
        "{{ '  a '.strip() }}{{ 'xax'.strip('x') }} {{ '%5.1f|%d'|format(2.25, 3) }} {{ 'a\\nb'|indent(2) }}",
        "{% macro m(x, y=2) %}{{ x * y }}{% endmacro %}{{ m(3) }} {{ m(3, y=4) }}",
        "{% if 'a' in messages[0]['content'] and 1 == 1 %}yes{% else %}no{% endif %}",
    ] {
        let plain = minijinja_says(source);
        assert_eq!(
            render_alone(source).as_deref(),
            Ok(plain.as_str()),
            "{source}"
        );
        assert!(!plain.is_empty(), "{source}");
    }
    // Long plain text, whose place in a program is another, within branches and loops.
    let long = "long ".repeat(100);
    let source = format!(
        "{{% for i in range(3) %}}{{% if i == 1 %}}{long}{{% else %}}{{{{ i }}}}{{% endif %}}{{% endfor %}}{long}end"
    );
    assert_eq!(render_alone(&source).unwrap(), format!("0{long}2{long}end"));
}

/// The engine as it is.
fn minijinja_says(source: &str) -> String {
    let mut environment = minijinja::Environment::new();
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    let messages = [minijinja::Value::from_pairs([("content", "abcdefgh")])];
    let context = minijinja::context! { messages => minijinja::Value::from_iter(messages) };
    environment.render_str(source, context).unwrap()
}

/// A conversation that fills a model's context of a million tokens.
#[test]
fn a_long_conversation_is_rendered() {
    let messages: Vec<ChatMessage> = (0..4000)
        .map(|turn| {
            let role = if turn % 2 == 0 { "user" } else { "assistant" };
            ChatMessage::parts(role, vec![Part::Image, Part::Text("word ".repeat(200))])
        })
        .collect();
    {
        let name = "parts.jinja";
        let source = std::fs::read_to_string(fixtures::path("templates").join(name)).unwrap();
        let template = ChatTemplate::from_source(Path::new(name), &source, &variables()).unwrap();
        let start = std::time::Instant::now();
        let text = template.render(&messages, None, true).unwrap();
        assert!(text.len() > 4_000_000, "{name}: {}", text.len());
        assert!(
            start.elapsed().as_secs_f64() < 2.0,
            "{name}: {:?}",
            start.elapsed()
        );
    }
}
