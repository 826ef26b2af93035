//! Prompts as rows of data have them: a text, or chat messages, with places for pictures.
//!
//! Training and `rlhost score` read prompts with it, so a row is the same to a plugin in both.
//!
//! ```
//! use std::path::Path;
//! use rlhost_host::{Chat, Picture};
//! use serde_json::value::RawValue;
//!
//! let prompt = RawValue::from_string(r#""<image>How many?""#.to_owned())?;
//! let images = vec![Picture::named("7.png", Path::new("data"))?];
//! let chat = Chat::read(&prompt, images, Path::new("data"), |text| Ok(text.to_owned()))?;
//! assert_eq!(chat.turns[0].role, "user");
//! assert_eq!((chat.places, chat.pictures.len()), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::marks::{self, Piece};
use crate::{Columns, ContentPart, Picture};

/// Who answers.
const ASSISTANT: &str = "assistant";

/// A prompt with its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// The messages in order.
    pub turns: Vec<ChatTurn>,
    /// The pictures in the order of their places; those without a place stand behind them.
    pub pictures: Vec<Picture>,
    /// Places for pictures in the messages. There may be more than pictures.
    pub places: usize,
    /// The first mark that stands for what is not read (`<video>`); it is left in the text.
    pub unread: Option<&'static str>,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatTurn {
    /// Who speaks: `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub content: ChatContent,
    /// Further fields, such as `name` and `tool_calls`, each value as JSON text.
    pub fields: Vec<(String, String)>,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatContent {
    /// Text without a picture.
    Text(String),
    /// Text and pictures in their order; the numbers are places in [`Chat::pictures`].
    Parts(Vec<ContentPart>),
    /// Null, or no content.
    Nothing,
}

impl Chat {
    /// Reads the prompt `value` of a row. `images` are those of the row's column of images, `folder` is
    /// what paths inside of messages are relative to, and `format` is laid around a prompt that is a text.
    ///
    /// A text is a user's message, with the pictures before it where it has no mark; a text that is JSON of
    /// messages is those messages. A message has `role` and `content`, or `from` and `value`. Its content is
    /// a text with marks (`<image>`), or a list of texts with marks and of parts; a part is a text as it
    /// stands or a picture, which it names itself or takes from `images`.
    ///
    /// # Errors
    /// A message that says what is wrong, or names the form that is not read.
    pub fn read(
        value: &RawValue,
        images: Vec<Picture>,
        folder: &Path,
        format: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<Self, String> {
        let expected = |error: serde_json::Error| {
            format!(
                "expected a string or a list of messages, each with \"role\" and \"content\" ({})",
                without_place(&error)
            )
        };
        let mut reader = Reader {
            folder,
            images: images.into_iter(),
            pictures: Vec::new(),
            places: 0,
            unread: None,
        };
        // A message keeps raw text, which serde's untagged enums can't: look at the first byte.
        let turns = if value.get().starts_with('[') {
            let messages: Vec<Columns> = serde_json::from_str(value.get()).map_err(expected)?;
            reader.turns(messages)?
        } else {
            let text: String = serde_json::from_str(value.get()).map_err(expected)?;
            match messages_in(&text) {
                Some(messages) => reader.turns(messages)?,
                None => vec![reader.user(&format(&text)?)],
            }
        };
        let Reader {
            images,
            mut pictures,
            places,
            unread,
            ..
        } = reader;
        pictures.extend(images);
        Ok(Self {
            turns,
            pictures,
            places,
            unread,
        })
    }

    /// Whether a value is a list of messages.
    pub fn is_messages(value: &RawValue) -> bool {
        messages_in(value.get()).is_some()
    }

    /// Takes the last message out if it is the assistant's: whoever answers the prompt must not see it. What
    /// it says is the answer that the data gives.
    ///
    /// # Errors
    /// A message where it says nothing, has a picture, or leaves no prompt.
    pub fn take_answer(&mut self) -> Result<Option<String>, String> {
        let Some(turn) = self.turns.pop_if(|turn| turn.role == ASSISTANT) else {
            return Ok(None);
        };
        let text = match turn.content {
            ChatContent::Text(text) => text,
            ChatContent::Parts(parts) => {
                let texts = parts.into_iter().map(|part| match part {
                    ContentPart::Text(text) => Ok(text),
                    ContentPart::Image(_) => Err(
                        "the last message is the assistant's, so it is the answer, but it has a \
                         picture: answers are text"
                            .to_owned(),
                    ),
                });
                texts.collect::<Result<String, _>>()?
            }
            ChatContent::Nothing => String::new(),
        };
        if text.trim().is_empty() {
            return Err(
                "the last message is the assistant's, so it is the answer, but it has no text: \
                 leave it out"
                    .into(),
            );
        }
        match self.turns.last() {
            None => Err("the only message is the assistant's: there is no prompt".into()),
            Some(last) if last.role == ASSISTANT => Err(
                "the last two messages are the assistant's: make them one, or leave them out"
                    .into(),
            ),
            Some(_) => Ok(Some(text)),
        }
    }
}

/// The messages of a text that is JSON of nothing but messages.
fn messages_in(text: &str) -> Option<Vec<Columns>> {
    let text = text.trim();
    if !text.starts_with('[') {
        return None;
    }
    let messages: Vec<Columns> = serde_json::from_str(text).ok()?;
    let is_message = |message: &Columns| {
        let has = |key| message.iter().any(|(name, _)| name == key);
        has("role") && has("content") || has("from") && has("value")
    };
    (!messages.is_empty() && messages.iter().all(is_message)).then_some(messages)
}

/// Reads messages, and gives pictures their places.
struct Reader<'a> {
    folder: &'a Path,
    /// What is left of the column's pictures.
    images: std::vec::IntoIter<Picture>,
    pictures: Vec<Picture>,
    places: usize,
    unread: Option<&'static str>,
}

impl Reader<'_> {
    fn user(&mut self, text: &str) -> ChatTurn {
        let pieces = marks::split(text, &mut self.unread);
        let content = if pieces.contains(&Piece::Image) || self.images.len() == 0 {
            self.content(pieces)
        } else {
            let first = (0..self.images.len()).map(|_| Piece::Image);
            let all = first.chain(pieces).collect();
            self.content(all)
        };
        ChatTurn {
            role: "user".into(),
            content,
            fields: Vec::new(),
        }
    }

    fn turns(&mut self, messages: Vec<Columns>) -> Result<Vec<ChatTurn>, String> {
        if messages.is_empty() {
            return Err("the list of messages is empty".into());
        }
        messages.into_iter().map(|m| self.turn(m)).collect()
    }

    fn turn(&mut self, message: Columns) -> Result<ChatTurn, String> {
        let mut message = message;
        // ShareGPT's words for a role and a content, which LLaVA's data has.
        let has = |key| message.iter().any(|(name, _)| name == key);
        let shared = !has("role") && !has("content") && has("from") && has("value");
        let keys = if shared {
            ("from", "value")
        } else {
            ("role", "content")
        };
        let role = message.remove(keys.0);
        let role = role.ok_or("a message has no \"role\"")?;
        let role: String = serde_json::from_str(role.get())
            .map_err(|_| format!("a message's \"{}\" is no string: {}", keys.0, role.get()))?;
        let role = match role.as_str() {
            "human" if shared => "user".to_owned(),
            "gpt" if shared => ASSISTANT.to_owned(),
            _ => role,
        };
        let content = match message.remove(keys.1) {
            Some(value) => self.message_content(&value)?,
            None => ChatContent::Nothing,
        };
        let fields = message.into_iter();
        Ok(ChatTurn {
            role,
            content,
            fields: fields
                .map(|(name, value)| (name, value.get().to_owned()))
                .collect(),
        })
    }

    fn message_content(&mut self, value: &RawValue) -> Result<ChatContent, String> {
        match serde_json::from_str(value.get()) {
            Ok(Value::Null) => Ok(ChatContent::Nothing),
            Ok(Value::String(text)) => {
                let pieces = marks::split(&text, &mut self.unread);
                Ok(self.content(pieces))
            }
            Ok(Value::Array(parts)) => {
                let mut found = Vec::new();
                for part in &parts {
                    self.part(part, &mut found)?;
                }
                Ok(ChatContent::Parts(found))
            }
            _ => Err("a message's \"content\" is neither a string nor a list of parts".into()),
        }
    }

    /// The content that a text's pieces make.
    fn content(&mut self, pieces: Vec<Piece>) -> ChatContent {
        if pieces.contains(&Piece::Image) {
            return ChatContent::Parts(self.pieces(pieces).collect());
        }
        let texts = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Image => None,
        });
        ChatContent::Text(texts.collect())
    }

    fn pieces(&mut self, pieces: Vec<Piece>) -> impl Iterator<Item = ContentPart> {
        pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => ContentPart::Text(text),
            Piece::Image => self.place(),
        })
    }

    /// A place for the next picture of the column.
    fn place(&mut self) -> ContentPart {
        let next = self.images.next();
        self.pictures.extend(next);
        self.places += 1;
        ContentPart::Image(self.places as u32 - 1)
    }

    fn part(&mut self, part: &Value, found: &mut Vec<ContentPart>) -> Result<(), String> {
        let field = |name: &str| part.get(name).filter(|value| !value.is_null());
        if let Value::String(text) = part {
            let pieces = marks::split(text, &mut self.unread);
            found.extend(self.pieces(pieces));
            return Ok(());
        }
        let kind = field("type").and_then(Value::as_str);
        match (kind, field("text").and_then(Value::as_str)) {
            (Some("text"), Some(text)) => found.push(ContentPart::Text(text.to_owned())),
            (Some(kind @ ("image" | "image_url")), _) => {
                // A picture of its own is under the part's type (Qwen, OpenAI), or named as files are.
                let own = [kind, "url", "path"].into_iter().find_map(field);
                match own {
                    None => found.push(self.place()),
                    Some(own) => {
                        // A place that waits for a picture comes before this one.
                        if self.pictures.len() < self.places {
                            return Err("a place for an image of the column has none".into());
                        }
                        self.pictures.push(Picture::from_json(own, self.folder)?);
                        self.places += 1;
                        found.push(ContentPart::Image(self.places as u32 - 1));
                    }
                }
            }
            (Some("text"), None) => {
                return Err("a message part of type \"text\" has no \"text\"".into());
            }
            (Some(other), _) => {
                return Err(format!(
                    "a message part has type \"{other}\"; \"text\" (with a \"text\"), \"image\" and \
                     \"image_url\" are known"
                ));
            }
            (None, _) => {
                return Err(
                    "a message part is neither a string nor an object with a \"type\"".into(),
                );
            }
        }
        Ok(())
    }
}

/// serde's message without its line, which would always be 1.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}
