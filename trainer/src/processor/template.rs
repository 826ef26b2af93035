//! Chat messages as prompt text, by a model folder's chat template.
//!
//! Templates are Jinja with Hugging Face's extensions: `raise_exception`, `strftime_now`, a
//! `tojson` that writes as Python does, loop controls, Python's string methods, blocks trimmed.
//! `{% generation %}` only marks text for other tools and is passed over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, context};
use serde::Deserialize;

use super::bounded::{Bounded, bound};
use super::files::{read_json, read_text};
use super::json;
use crate::{Error, Result};

/// A message of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage {
    /// Who speaks: `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub content: Content,
    /// Further fields that templates may read (`name`, `tool_calls`), each value as JSON text.
    pub fields: Vec<(String, String)>,
}

impl ChatMessage {
    /// A message with text only.
    pub fn text(role: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: Content::Text(text.into()),
            fields: Vec::new(),
        }
    }

    /// A message of parts.
    pub fn parts(role: impl Into<String>, parts: Vec<Part>) -> Self {
        Self {
            role: role.into(),
            content: Content::Parts(parts),
            fields: Vec::new(),
        }
    }

    /// Images in the message.
    pub fn images(&self) -> usize {
        match &self.content {
            Content::Parts(parts) => parts.iter().filter(|part| **part == Part::Image).count(),
            Content::Text(_) | Content::None => 0,
        }
    }
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Text and images in their order.
    Parts(Vec<Part>),
    /// Nothing, as in a message that only calls tools.
    None,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// The next of the prompt's images.
    Image,
}

impl ChatMessage {
    fn to_value(&self) -> Result<Value, serde_json::Error> {
        let content = match &self.content {
            Content::Text(text) => Value::from(text),
            Content::None => Value::from(()),
            Content::Parts(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => Value::from_pairs([("type", "text"), ("text", text)]),
                    Part::Image => Value::from_pairs([("type", "image")]),
                })
                .collect(),
        };
        let mut pairs = vec![("role", Value::from(&self.role)), ("content", content)];
        for (name, value) in &self.fields {
            pairs.push((name, json::parse(value)?));
        }
        Ok(Value::from_pairs(pairs))
    }
}

/// A compiled chat template.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    path: PathBuf,
    default: Bounded,
    /// A template of its own for prompts with tools.
    for_tools: Option<Bounded>,
    variables: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct TemplateFile {
    chat_template: Option<Templates>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

const DEFAULT: &str = "default";
const FOR_TOOLS: &str = "tool_use";

impl ChatTemplate {
    /// Finds the template in `chat_template.jinja`, `chat_template.json` or
    /// `tokenizer_config.json`, in this order. `variables` are those that templates expect beside
    /// the messages (`bos_token` and others).
    ///
    /// # Errors
    /// [`Error::Model`] if there is none or it is not valid Jinja.
    pub fn load(model_dir: &Path, variables: &[(String, String)]) -> Result<Self> {
        let path = model_dir.join("chat_template.jinja");
        if path.is_file() {
            let source = read_text(&path, "")?;
            return Self::new(&path, vec![(DEFAULT.into(), source)], variables);
        }
        for name in ["chat_template.json", "tokenizer_config.json"] {
            let path = model_dir.join(name);
            if !path.is_file() {
                continue;
            }
            let sources = match read_json::<TemplateFile>(&path, "")?.chat_template {
                None => continue,
                Some(Templates::One(source)) => vec![(DEFAULT.into(), source)],
                Some(Templates::Named(templates)) => templates
                    .into_iter()
                    .map(|named| (named.name, named.template))
                    .collect(),
            };
            return Self::new(&path, sources, variables);
        }
        Err(Error::model(
            path,
            "missing from the model folder, and neither chat_template.json nor \
             tokenizer_config.json has a chat_template; it turns messages into a prompt",
        ))
    }

    /// Compiles the template `source`; `path` is named in errors.
    ///
    /// # Errors
    /// [`Error::Model`] if it is not valid Jinja.
    pub fn from_source(path: &Path, source: &str, variables: &[(String, String)]) -> Result<Self> {
        Self::new(path, vec![(DEFAULT.into(), source.into())], variables)
    }

    fn new(
        path: &Path,
        sources: Vec<(String, String)>,
        variables: &[(String, String)],
    ) -> Result<Self> {
        let environment = Arc::new(environment());
        let (mut default, mut for_tools) = (None, None);
        for (name, source) in sources {
            let source = without_generation_marks(&source);
            let compiled =
                Bounded::new(Arc::clone(&environment), source, syntax()).map_err(|error| {
                    Error::model(path, format!("not a valid chat template: {error}"))
                })?;
            match name.as_str() {
                DEFAULT => default = Some(compiled),
                FOR_TOOLS => for_tools = Some(compiled),
                _ => {}
            }
        }
        let Some(default) = default else {
            return Err(Error::model(path, "no chat template is named \"default\""));
        };
        Ok(Self {
            path: path.to_owned(),
            default,
            for_tools,
            variables: variables.to_vec(),
        })
    }

    /// The file that the template comes from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of `messages`. `tools` is JSON text, a list of tool descriptions.
    ///
    /// # Errors
    /// [`Error::Model`] with what the template complains about.
    pub fn render(
        &self,
        messages: &[ChatMessage],
        tools: Option<&str>,
        add_generation_prompt: bool,
    ) -> Result<String> {
        let not_json = |what: &str, error: serde_json::Error| {
            Error::model(&self.path, format!("{what} for the chat template: {error}"))
        };
        let messages = messages
            .iter()
            .map(ChatMessage::to_value)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| not_json("broken JSON in a message", error))?;
        let for_tools = self.for_tools.as_ref().filter(|_| tools.is_some());
        let template = for_tools.unwrap_or(&self.default);
        let tools = tools
            .map(json::parse)
            .transpose()
            .map_err(|error| not_json("broken JSON in the tools", error))?;
        let variables = Value::from_pairs(self.variables.iter().map(|(k, v)| (k, v)));
        let fail = |error: minijinja::Error| {
            let mut message = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            Error::model(&self.path, format!("the chat template failed: {message}"))
        };
        template
            .render(context! {
                messages,
                tools,
                documents => (),
                add_generation_prompt,
                ..variables
            })
            .map_err(fail)
    }
}

/// Jinja text around string prompts: its variable `content` is the prompt.
#[derive(Clone, Debug)]
pub struct PromptFormat(Bounded);

impl PromptFormat {
    /// Compiles `source`, without white space around it.
    ///
    /// # Errors
    /// [`Error::Config`] that names `data.format_prompt`.
    pub fn new(source: &str) -> Result<Self> {
        let mut environment = Environment::new();
        bound(&mut environment);
        let source = source.trim().to_owned();
        Bounded::new(Arc::new(environment), source, SyntaxConfig::default())
            .map(Self)
            .map_err(|error| {
                Error::Config(format!("data.format_prompt: not a valid template: {error}"))
            })
    }

    /// The text around `content`.
    ///
    /// # Errors
    /// [`Error::Config`] that names `data.format_prompt`.
    pub fn apply(&self, content: &str) -> Result<String> {
        self.0
            .render(context! { content })
            .map_err(|error| Error::Config(format!("data.format_prompt: {error}")))
    }
}

/// Jinja's syntax as transformers sets it up.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the standard delimiters are valid")
}

/// Jinja as transformers sets it up.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    bound(&mut environment);
    environment.add_filter("tojson", json::tojson);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    environment
}

fn raise_exception(message: &Value) -> Result<String, minijinja::Error> {
    Err(minijinja::Error::new(
        ErrorKind::InvalidOperation,
        message.to_string(),
    ))
}

/// `strftime` of a fixed day, Wednesday, 1 January 2025, 00:00:00: the prompts of a run must not
/// depend on the day on which it is started.
fn strftime_now(format: &str) -> Result<String, minijinja::Error> {
    let mut out = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut code = characters.next();
        let unpadded = code == Some('-');
        if unpadded {
            code = characters.next();
        }
        let text = match code {
            Some('d' | 'm') if unpadded => "1",
            Some('d' | 'm') => "01",
            Some('H' | 'M' | 'S') if unpadded => "0",
            Some('H' | 'M' | 'S') => "00",
            Some('I') => "12",
            Some('Y') => "2025",
            Some('y') => "25",
            Some('B') => "January",
            Some('b') => "Jan",
            Some('A') => "Wednesday",
            Some('a') => "Wed",
            Some('j') => "001",
            Some('p') => "AM",
            Some('F') => "2025-01-01",
            Some('T') => "00:00:00",
            Some('%') => "%",
            other => {
                return Err(minijinja::Error::new(
                    ErrorKind::InvalidOperation,
                    format!(
                        "strftime_now: the code %{} in {format:?} is not supported",
                        other.map_or_else(String::new, String::from)
                    ),
                ));
            }
        };
        out.push_str(text);
    }
    Ok(out)
}

/// Turns the tags of `{% generation %}…{% endgeneration %}` into ones that always apply.
fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else {
            break;
        };
        let (open, inner) = (start + 2, &rest[start + 2..start + length]);
        let bare = inner.trim_matches(['-', '+']).trim();
        out.push_str(&rest[..open]);
        match bare {
            "generation" => out.push_str(&inner.replace(bare, "if true")),
            "endgeneration" => out.push_str(&inner.replace(bare, "endif")),
            _ => out.push_str(inner),
        }
        out.push_str("%}");
        rest = &rest[start + length + 2..];
    }
    out.push_str(rest);
    out
}
