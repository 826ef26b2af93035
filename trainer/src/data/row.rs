//! One row of a data file.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use rlhost_host::{Chat, ChatContent, Columns, ContentPart, Picture};
use serde_json::value::RawValue;

use super::images::ImageCache;
use crate::config::DataConfig;
use crate::processor::{ChatMessage, Content, Part, PromptFormat};
use crate::{Error, Result};

/// The most characters of a path in a message.
const LONGEST_NAME: usize = 160;

/// The most names of columns in a message.
const LISTED: usize = 24;

/// A prompt with its images, its reference answer and whatever else its row has.
#[derive(Clone, Debug)]
pub struct Row {
    file: Arc<Path>,
    line: usize,
    messages: Vec<ChatMessage>,
    pictures: Vec<Picture>,
    cache: Arc<ImageCache>,
    answer: String,
    target: Option<String>,
    has: Has,
    gold: Gold,
    problem_type: Option<String>,
    answer_type: Option<String>,
    data_source: Option<String>,
    extra: String,
}

/// Which of the columns that the configuration names a row has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Has {
    /// That of `data.image_key`.
    pub(crate) images: bool,
    /// That of `data.answer_key`.
    pub(crate) answer: bool,
    /// A prompt that is a text, which `data.format_prompt` is laid around.
    pub(crate) text: bool,
}

/// What the assistant's message at the end of a prompt became. It is no part of the prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gold {
    /// Whether there was one.
    pub(crate) found: bool,
    /// Whether it is the reference answer.
    pub(crate) answer: bool,
    /// Whether it is the target.
    pub(crate) target: bool,
}

impl Row {
    /// The prompt as chat messages.
    pub fn messages(&self) -> &[ChatMessage] {
        &self.messages
    }

    /// The prompt's images, in the order of their places in the messages.
    pub fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    /// Decodes the prompt's images.
    ///
    /// # Errors
    /// [`Error::Data`] with file and line of the row, and the image's path.
    pub fn load_images(&self) -> Result<Vec<RgbImage>> {
        self.pictures
            .iter()
            .map(|picture| {
                self.cache
                    .load(picture)
                    .map_err(|error| self.error(format!("image {error}")))
            })
            .collect()
    }

    /// Which columns the row has.
    pub(crate) fn has(&self) -> Has {
        self.has
    }

    /// What became of an assistant's message at the end of the prompt.
    pub(crate) fn gold(&self) -> Gold {
        self.gold
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
        if let Some((at, escape)) = half_character(text) {
            return Err(format!(
                "{escape} at column {at} is half of a character (a lone surrogate): write both halves, \
                 or \\ufffd"
            ));
        }
        let mut columns: Columns =
            serde_json::from_str(text).map_err(|error| not_an_object(text, &error))?;
        let config = self.config;
        let found = |key: &str| columns.find(key);
        let prompt = found(&config.prompt_key);
        let images = found(&config.image_key);
        let answer = found(&config.answer_key);
        let target = found(&config.target_key);
        let Some(prompt) = prompt.filter(|value| value.get() != "null") else {
            return Err(self.without_prompt(&columns));
        };
        let has = Has {
            images: images.is_some(),
            answer: answer.is_some(),
            text: prompt.get().starts_with('"'),
        };
        // What lies in an object stays there.
        for key in [
            &config.prompt_key,
            &config.image_key,
            &config.answer_key,
            &config.target_key,
        ] {
            columns.remove(key);
        }
        let mut text_of = |key: &str| match columns.remove(key) {
            Some(value) => text_or_null(key, &value),
            None => Ok(None),
        };
        let problem_type = text_of("problem_type")?;
        let answer_type = text_of("answer_type")?;
        let data_source = text_of("data_source")?;
        for key in ["videos", "audios"] {
            let given = columns.iter().find(|(name, _)| *name == key);
            if given.is_some_and(|(_, value)| !is_nothing(value)) {
                return Err(format!(
                    "column \"{key}\": only pictures are read, so the model would not see them: \
                     give frames as images and leave the column out"
                ));
            }
        }
        let pictures = match images {
            Some(value) => Picture::list(&value, self.folder())
                .map_err(|message| format!("column \"{}\": {message}", config.image_key))?,
            None => Vec::new(),
        };
        let mut chat = self.chat(&prompt, pictures, &columns)?;
        let gold = chat
            .take_answer()
            .map_err(|message| format!("column \"{}\": {message}", config.prompt_key))?;
        let target = match target {
            Some(value) => text_or_null(&config.target_key, &value)?,
            None => None,
        };
        let answer = answer.map_or("null".to_owned(), |value| value.get().to_owned());
        let defaults = DataConfig::default();
        let becomes = Gold {
            found: gold.is_some(),
            // A column that is named by the configuration is what is meant, also where it is missing.
            answer: answer == "null" && config.answer_key == defaults.answer_key,
            target: target.is_none() && config.target_key == defaults.target_key,
        };
        let (answer, target, gold) = match gold {
            None => (answer, target, Gold::default()),
            Some(text) => {
                let json = serde_json::Value::from(text.as_str()).to_string();
                let answer = if becomes.answer { json } else { answer };
                let target = if becomes.target { Some(text) } else { target };
                (answer, target, becomes)
            }
        };
        Ok(Row {
            file: Arc::clone(&self.file),
            line,
            messages: chat.turns.into_iter().map(message).collect(),
            pictures: chat.pictures,
            cache: Arc::clone(self.cache),
            answer,
            target,
            has,
            gold,
            problem_type,
            answer_type,
            data_source,
            extra: columns.to_json(),
        })
    }

    /// The message for a row without the column of the prompt.
    fn without_prompt(&self, columns: &Columns) -> String {
        let key = &self.config.prompt_key;
        let way_out = match columns.iter().find(|(_, value)| Chat::is_messages(value)) {
            Some((name, _)) => format!("; \"{name}\" has messages: set data.prompt_key={name}"),
            None => String::new(),
        };
        format!(
            "the prompt is missing: no column \"{key}\" (data.prompt_key); the columns are {}{way_out}",
            listed(columns)
        )
    }

    /// Pictures are relative to the data file's folder.
    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// The prompt; every picture of it is there, and has its place.
    fn chat(
        &self,
        value: &RawValue,
        pictures: Vec<Picture>,
        columns: &Columns,
    ) -> Result<Chat, String> {
        let config = self.config;
        let column = &config.prompt_key;
        let images = pictures.len();
        let format = |text: &str| match self.format {
            Some(format) => format.apply(text).map_err(|error| error.to_string()),
            None => Ok(text.to_owned()),
        };
        let chat = Chat::read(value, pictures, self.folder(), format)
            .map_err(|message| format!("column \"{column}\": {message}"))?;
        if let Some(mark) = chat.unread {
            return Err(format!(
                "column \"{column}\": {mark} asks for what is not read, only pictures are: give frames \
                 as images, or write \\{mark} (in JSON \\\\{mark}) where the word itself is meant"
            ));
        }
        for turn in &chat.turns {
            let calls = turn.role == "assistant" && !turn.fields.is_empty();
            if turn.content == ChatContent::Nothing && !calls {
                return Err(format!(
                    "column \"{column}\": the content of a message of role \"{}\" is null: give it a \
                     text, or leave the message out",
                    turn.role
                ));
            }
        }
        if chat.places != chat.pictures.len() {
            let others = columns.iter().find(|(_, value)| self.has_pictures(value));
            let way_out = match others {
                Some((name, _)) if images == 0 => {
                    format!("\"{name}\" has pictures: set data.image_key={name}")
                }
                _ => "where the word itself is meant, write \\<image> (in JSON \\\\<image>)".into(),
            };
            return Err(format!(
                "the prompt has {} place(s) for images (<image>), but \"{}\" has {images} image(s); \
                 {way_out}",
                chat.places, config.image_key
            ));
        }
        for picture in &chat.pictures {
            if let Some(path) = picture.path().filter(|path| !path.is_file()) {
                let name = path.display().to_string();
                return Err(match name.char_indices().nth(LONGEST_NAME) {
                    None => format!("image {name}: no such file"),
                    Some((end, _)) => format!(
                        "image {}…: no such file; where this is base64, write \
                         data:image/png;base64, before it",
                        &name[..end]
                    ),
                });
            }
        }
        let says = |turn: &rlhost_host::ChatTurn| match &turn.content {
            ChatContent::Text(text) => !text.trim().is_empty(),
            ChatContent::Parts(parts) => !parts.is_empty(),
            ChatContent::Nothing => false,
        };
        if !chat.turns.iter().any(says) {
            return Err(format!("column \"{column}\": the prompt is empty"));
        }
        Ok(chat)
    }

    /// Whether a column holds nothing but pictures that can be opened.
    fn has_pictures(&self, value: &RawValue) -> bool {
        has_pictures(value, self.folder())
    }
}

/// Whether a column holds nothing but pictures that can be opened.
pub(super) fn has_pictures(value: &RawValue, folder: &Path) -> bool {
    let pictures = Picture::list(value, folder).unwrap_or_default();
    !pictures.is_empty() && pictures.iter().all(|picture| picture.open().is_ok())
}

fn message(turn: rlhost_host::ChatTurn) -> ChatMessage {
    let part = |part| match part {
        ContentPart::Text(text) => Part::Text(text),
        ContentPart::Image(_) => Part::Image,
    };
    ChatMessage {
        role: turn.role,
        content: match turn.content {
            ChatContent::Text(text) => Content::Text(text),
            ChatContent::Parts(parts) => Content::Parts(parts.into_iter().map(part).collect()),
            ChatContent::Nothing => Content::None,
        },
        fields: turn.fields,
    }
}

/// The first escape of JSON that is half of a surrogate pair, and its column.
fn half_character(text: &str) -> Option<(usize, &str)> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let mut at = 0;
    loop {
        at += text.get(at..)?.find('\\')?;
        at += match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => return Some((at + 1, &text[at..at + 6])),
            // What is escaped may be a backslash itself.
            _ => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
}

/// Why a line is no row.
fn not_an_object(text: &str, error: &serde_json::Error) -> String {
    let column = error.column();
    let message = without_place(error);
    // The column is that of the first letter, or of the one behind a sign.
    let number = ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| {
        let starts = [column.saturating_sub(1), column.saturating_sub(2)];
        starts
            .iter()
            .any(|&at| text.get(at..).is_some_and(|rest| rest.starts_with(word)))
    });
    match number {
        Some(word) => {
            format!("not a JSON object: {word} at column {column} is no JSON; write null")
        }
        None => format!("not a JSON object: {message} at column {column}"),
    }
}

/// The names of columns, for messages: those of objects' entries too, as keys of the configuration name them.
pub(super) fn listed(columns: &Columns) -> String {
    let mut names = Vec::new();
    for (name, value) in columns.iter() {
        match serde_json::from_str::<Columns>(value.get()) {
            Ok(inner) => names.extend(inner.iter().map(|(entry, _)| format!("{name}.{entry}"))),
            Err(_) => names.push(name.to_owned()),
        }
    }
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    let rest = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match names.as_slice() {
        [] => "none".into(),
        names => names.join(", ") + &rest,
    }
}

/// Whether a value is null, or an empty list or text.
fn is_nothing(value: &RawValue) -> bool {
    matches!(value.get(), "null" | "\"\"")
        || serde_json::from_str::<Vec<serde_json::Value>>(value.get()).is_ok_and(|v| v.is_empty())
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
