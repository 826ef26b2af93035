//! One row of a JSONL file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use rlhost_host::Columns;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::images::ImageCache;
use crate::config::DataConfig;
use crate::processor::{ChatMessage, Content, Part, PromptFormat};
use crate::{Error, Result};

/// Stands for an image in a prompt's text.
const IMAGE_MARK: &str = "<image>";

/// A prompt with its images, its reference answer and whatever else its row has.
#[derive(Clone, Debug)]
pub struct Row {
    file: Arc<Path>,
    line: usize,
    messages: Vec<ChatMessage>,
    images: Vec<PathBuf>,
    cache: Arc<ImageCache>,
    answer: String,
    target: Option<String>,
    problem_type: Option<String>,
    answer_type: Option<String>,
    data_source: Option<String>,
    extra: String,
}

impl Row {
    /// The prompt as chat messages.
    pub fn messages(&self) -> &[ChatMessage] {
        &self.messages
    }

    /// The files of the prompt's images, in the order of their places in the messages.
    pub fn image_paths(&self) -> &[PathBuf] {
        &self.images
    }

    /// Decodes the prompt's images.
    ///
    /// # Errors
    /// [`Error::Data`] with file and line of the row, and the image's path.
    pub fn load_images(&self) -> Result<Vec<RgbImage>> {
        self.images
            .iter()
            .map(|path| {
                self.cache
                    .load(path)
                    .map_err(|error| self.error(format!("image {error}")))
            })
            .collect()
    }

    /// The reference answer as the JSON text of the file; `null` if there is none.
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// The text that SFT learns.
    ///
    /// # Errors
    /// [`Error::Data`] if the row has none.
    pub fn target(&self) -> Result<&str> {
        self.target.as_deref().ok_or_else(|| {
            self.error("the text to learn is missing (the column that data.target_key names)")
        })
    }

    /// The column `problem_type`.
    pub fn problem_type(&self) -> Option<&str> {
        self.problem_type.as_deref()
    }

    /// The column `answer_type`.
    pub fn answer_type(&self) -> Option<&str> {
        self.answer_type.as_deref()
    }

    /// The column `data_source`.
    pub fn data_source(&self) -> Option<&str> {
        self.data_source.as_deref()
    }

    /// All other columns as a JSON object, in their order and with the values' own text.
    pub fn extra(&self) -> &str {
        &self.extra
    }

    /// The file of the row.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line of the row in its file, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// An error that names the row.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::Data {
            file: self.file.to_path_buf(),
            line: self.line,
            message: message.into(),
        }
    }
}

/// Reads the rows of one file.
pub(super) struct Reader<'a> {
    pub(super) file: Arc<Path>,
    pub(super) config: &'a DataConfig,
    pub(super) format: Option<&'a PromptFormat>,
    pub(super) cache: &'a Arc<ImageCache>,
}

impl Reader<'_> {
    pub(super) fn read(&self, line: usize, text: &str) -> Result<Row> {
        self.parse(line, text).map_err(|message| Error::Data {
            file: self.file.to_path_buf(),
            line,
            message,
        })
    }

    fn parse(&self, line: usize, text: &str) -> Result<Row, String> {
        let columns: Columns = serde_json::from_str(text).map_err(|error| {
            format!(
                "not a JSON object: {} at column {}",
                without_place(&error),
                error.column()
            )
        })?;
        let config = self.config;
        let mut row = Row {
            file: Arc::clone(&self.file),
            line,
            messages: Vec::new(),
            images: Vec::new(),
            cache: Arc::clone(self.cache),
            answer: "null".into(),
            target: None,
            problem_type: None,
            answer_type: None,
            data_source: None,
            extra: String::new(),
        };
        let mut prompt = None;
        let mut extra = Vec::new();
        for (name, value) in columns {
            match name.as_str() {
                key if key == config.prompt_key => prompt = Some(value),
                key if key == config.answer_key => value.get().clone_into(&mut row.answer),
                key if key == config.image_key => row.images = self.images(key, &value)?,
                key if key == config.target_key => row.target = text_or_null(key, &value)?,
                key @ "problem_type" => row.problem_type = text_or_null(key, &value)?,
                key @ "answer_type" => row.answer_type = text_or_null(key, &value)?,
                key @ "data_source" => row.data_source = text_or_null(key, &value)?,
                _ => extra.push((name, value)),
            }
        }
        row.extra = extra.into_iter().collect::<Columns>().to_json();
        let prompt = prompt.ok_or_else(|| {
            format!(
                "the prompt is missing: no column \"{}\" (data.prompt_key)",
                config.prompt_key
            )
        })?;
        row.messages = self.messages(&prompt, row.images.len())?;
        Ok(row)
    }

    /// Paths relative to the data file's folder; a null means none.
    fn images(&self, column: &str, value: &RawValue) -> Result<Vec<PathBuf>, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Images {
            None,
            One(String),
            Many(Vec<String>),
        }
        let names = match serde_json::from_str(value.get()) {
            Ok(Images::None) => Vec::new(),
            Ok(Images::One(name)) => vec![name],
            Ok(Images::Many(names)) => names,
            Err(_) => {
                return Err(format!(
                    "column \"{column}\": expected the path of an image or a list of paths"
                ));
            }
        };
        let folder = self.file.parent().unwrap_or(Path::new(""));
        names
            .into_iter()
            .map(|name| {
                let path = folder.join(name);
                if path.is_file() {
                    Ok(path)
                } else {
                    Err(format!("image {}: no such file", path.display()))
                }
            })
            .collect()
    }

    fn messages(&self, value: &RawValue, images: usize) -> Result<Vec<ChatMessage>, String> {
        let column = &self.config.prompt_key;
        let expected = |error: serde_json::Error| {
            format!(
                "column \"{column}\": expected a string or a list of messages, each with \"role\" \
                 and \"content\" ({})",
                without_place(&error)
            )
        };
        // A message keeps raw text, which serde's untagged enums can't: look at the first byte.
        let messages: Vec<ChatMessage> = if value.get().starts_with('[') {
            let messages: Vec<Message> = serde_json::from_str(value.get()).map_err(expected)?;
            if messages.is_empty() {
                return Err(format!(
                    "column \"{column}\": the list of messages is empty"
                ));
            }
            messages
                .into_iter()
                .map(Message::into_chat)
                .collect::<Result<_, _>>()
                .map_err(|message| format!("column \"{column}\": {message}"))?
        } else {
            let text: String = serde_json::from_str(value.get()).map_err(expected)?;
            let text = match self.format {
                Some(format) => format.apply(&text).map_err(|error| error.to_string())?,
                None => text,
            };
            let marked = if images > 0 && !text.contains(IMAGE_MARK) {
                IMAGE_MARK.repeat(images) + &text
            } else {
                text
            };
            vec![ChatMessage {
                role: "user".into(),
                content: split(marked),
                fields: Vec::new(),
            }]
        };
        let places: usize = messages.iter().map(ChatMessage::images).sum();
        if places == images {
            Ok(messages)
        } else {
            Err(format!(
                "the prompt has {places} place(s) for images ({IMAGE_MARK}), but \"{}\" has \
                 {images} image(s)",
                self.config.image_key
            ))
        }
    }
}

/// A message as the file has it.
#[derive(Deserialize)]
#[serde(transparent)]
struct Message(Columns);

/// A part of a message as the file has it.
#[derive(Deserialize)]
struct MessagePart {
    r#type: String,
    text: Option<String>,
}

impl Message {
    fn into_chat(self) -> Result<ChatMessage, String> {
        let mut role = None;
        let mut content = Content::None;
        let mut fields = Vec::new();
        for (name, value) in self.0 {
            match name.as_str() {
                "role" => role = text_or_null("role", &value)?,
                "content" => content = message_content(&value)?,
                _ => fields.push((name, value.get().to_owned())),
            }
        }
        Ok(ChatMessage {
            role: role.ok_or("a message has no \"role\"")?,
            content,
            fields,
        })
    }
}

fn message_content(value: &RawValue) -> Result<Content, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Raw {
        None,
        Text(String),
        Parts(Vec<MessagePart>),
    }
    match serde_json::from_str(value.get()) {
        Ok(Raw::None) => Ok(Content::None),
        Ok(Raw::Text(text)) => Ok(split(text)),
        Ok(Raw::Parts(parts)) => parts
            .into_iter()
            .map(|part| match (part.r#type.as_str(), part.text) {
                ("text", Some(text)) => Ok(Part::Text(text)),
                ("image", _) => Ok(Part::Image),
                (other, _) => Err(format!(
                    "a message part has type \"{other}\"; \"text\" (with a \"text\") and \
                     \"image\" are known"
                )),
            })
            .collect::<Result<_, _>>()
            .map(Content::Parts),
        Err(_) => Err("a message's \"content\" is neither a string nor a list of parts".into()),
    }
}

/// Cuts text at the image marks; without one it stays text.
fn split(text: String) -> Content {
    if !text.contains(IMAGE_MARK) {
        return Content::Text(text);
    }
    let mut parts = Vec::new();
    for (place, piece) in text.split(IMAGE_MARK).enumerate() {
        if place > 0 {
            parts.push(Part::Image);
        }
        if !piece.is_empty() {
            parts.push(Part::Text(piece.to_owned()));
        }
    }
    Content::Parts(parts)
}

/// serde's message without its line, which would always be 1.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

fn text_or_null(column: &str, value: &RawValue) -> Result<Option<String>, String> {
    serde_json::from_str(value.get()).map_err(|_| {
        format!(
            "column \"{column}\": expected a string, found {}",
            value.get()
        )
    })
}
