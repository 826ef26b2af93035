//! Samples from JSON Lines: what `rlhost score` reads.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sample::WeakImage;
use crate::{
    Chat, ChatContent, Columns, ContentPart, Error, FinishReason, Image, Message, Picture, Result,
    Sample, Turn, files,
};

/// Reads samples row by row, so files may be larger than memory.
///
/// A row is a JSON object on one line. `response` (a text, or a list of turns `{"text", "finish_reason",
/// "tokens"}`) must be there; `answer` (any JSON), `prompt` (a text or chat messages), `images` (a path or
/// several, relative to the file's folder), `problem_type`, `answer_type`, `data_source` and `group` (a number;
/// consecutive rows of equal number are completions of one prompt) may be. Whatever else a row holds
/// but `target` becomes `columns`, in the row's order. Empty lines are skipped.
///
/// Prompts, images and columns become what training makes of the same row of data (see [`Chat`] and [`Picture`]):
/// `<image>` in a text stands for the next image, and where a text alone is the prompt and shows none, the images
/// come first. An assistant's message at the end of the prompt is no part of it, but the answer where there is no
/// other.
///
/// ```
/// use rlhost_host::SampleReader;
///
/// let rows = r#"{"response": "<answer>12</answer>", "answer": 12, "level": "easy"}"#;
/// let samples: Vec<_> = SampleReader::new(rows.as_bytes(), "rows.jsonl").collect::<Result<_, _>>()?;
/// assert_eq!(samples[0].answer, "12");
/// assert_eq!(samples[0].columns, r#"{"level":"easy"}"#);
/// # Ok::<(), rlhost_host::Error>(())
/// ```
#[derive(Debug)]
pub struct SampleReader<R> {
    reader: R,
    file: PathBuf,
    line: usize,
    rows: u32,
    /// Whether the rest of a line that was too long is still to be passed over.
    in_line: bool,
    images: Images,
}

/// The most bytes of pixels of a row's pictures together.
const MAX_ROW: usize = 1 << 30;

/// The most bytes of pixels that samples of one reader hold together, each picture counted once.
const MAX_HELD: usize = 8 << 30;

impl SampleReader<BufReader<File>> {
    /// Opens a file, or what the shell has opened ([`files::open_given`]).
    pub fn open(file: impl AsRef<Path>) -> Result<Self> {
        let file = file.as_ref();
        let reader = files::open_given(file).map_err(|e| Error::io(file, e))?;
        Ok(Self::new(BufReader::new(reader), file))
    }
}

impl<R: BufRead> SampleReader<R> {
    /// Reads from `reader`. `file` is what errors name and whose folder image paths are relative to.
    pub fn new(reader: R, file: impl AsRef<Path>) -> Self {
        Self {
            reader,
            file: file.as_ref().to_owned(),
            line: 0,
            rows: 0,
            in_line: false,
            images: Images::default(),
        }
    }

    /// The line that the last sample came from, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The next line that is not empty.
    fn next_line(&mut self) -> Result<Option<String>> {
        let io = |e| Error::io(&self.file, e);
        loop {
            if std::mem::take(&mut self.in_line) {
                self.reader.skip_until(b'\n').map_err(io)?;
            }
            let mut bytes = Vec::new();
            let count = files::read_line(&mut self.reader, &mut bytes, files::LINE).map_err(io)?;
            if count == Some(0) {
                return Ok(None);
            }
            self.line += 1;
            if count.is_none() {
                // Who stops here need not wait for the line's end, which may never come.
                self.in_line = true;
                return Err(self.error(format!("the row has more than {} bytes", files::LINE)));
            }
            let line = String::from_utf8(bytes)
                .map_err(|e| self.error(format!("not UTF-8: {}", e.utf8_error())))?;
            // A byte order mark, which some programs write at the beginning of a file.
            let line = match line.strip_prefix('\u{feff}') {
                Some(rest) if self.line == 1 => rest.to_owned(),
                _ => line,
            };
            if !line.trim().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// The next sample of a file whose rows have more to say: `take` takes its own columns out of the
    /// row, and what it leaves becomes the sample.
    pub(crate) fn next_with<T>(
        &mut self,
        take: impl FnOnce(&Self, &mut Columns) -> Result<T>,
    ) -> Option<Result<(T, Sample)>> {
        let line = match self.next_line() {
            Ok(line) => line?,
            Err(error) => return Some(Err(error)),
        };
        let taken = self.row(&line).and_then(|mut row| {
            let taken = take(self, &mut row)?;
            Ok((taken, self.sample(row)?))
        });
        self.rows = self.rows.wrapping_add(1);
        Some(taken)
    }

    fn row(&self, line: &str) -> Result<Columns> {
        serde_json::from_str(line).map_err(|e| {
            let what = if e.is_data() {
                "not a JSON object with every column once"
            } else {
                "broken JSON"
            };
            self.error(format!("{what}: {}", describe(&e)))
        })
    }

    fn sample(&mut self, mut row: Columns) -> Result<Sample> {
        let response =
            match self.column::<ResponseRow>(&mut row, "response", "a text or a list of turns")? {
                Some(ResponseRow::Text(text)) => vec![Turn {
                    text,
                    finish_reason: FinishReason::Stop,
                    tokens: 0,
                }],
                Some(ResponseRow::Turns(turns)) => turns,
                None => return Err(self.error("`response` is missing".to_owned())),
            };
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let pictures = match row.remove("images") {
            Some(value) => {
                Picture::list(&value, folder).map_err(|e| self.error(format!("`images`: {e}")))?
            }
            None => Vec::new(),
        };
        let prompt = row.remove("prompt").filter(|value| value.get() != "null");
        let (prompt, pictures, gold) = match prompt {
            Some(value) => self.prompt(&value, pictures)?,
            None => (Vec::new(), pictures, None),
        };
        let images = self.images.open(&pictures);
        let images = images.map_err(|message| self.error(message))?;
        let mut text = |key| {
            let value = self.column::<String>(&mut row, key, "a text")?;
            Ok::<_, Error>(value.unwrap_or_default())
        };
        let data_source = text("data_source")?;
        let problem_type = text("problem_type")?;
        let answer_type = text("answer_type")?;
        let group = self.column(&mut row, "group", "a number from 0 to 4294967295")?;
        let answer = match (row.remove("answer"), gold) {
            (Some(answer), None) => answer.get().to_owned(),
            (Some(answer), Some(_)) if answer.get() != "null" => answer.get().to_owned(),
            (_, gold) => gold.map_or(Value::Null, Value::from).to_string(),
        };
        // What supervised fine-tuning learns is nothing that rewards see in training either.
        row.remove("target");
        Ok(Sample {
            group: group.unwrap_or(self.rows),
            prompt,
            response,
            answer,
            data_source,
            problem_type,
            answer_type,
            columns: row.to_json(),
            images,
        })
    }

    /// A row's prompt with its pictures, and the answer that stands as its last message.
    fn prompt(
        &self,
        value: &RawValue,
        pictures: Vec<Picture>,
    ) -> Result<(Vec<Message>, Vec<Picture>, Option<String>)> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let wrong = |e| self.error(format!("`prompt`: {e}"));
        let mut chat =
            Chat::read(value, pictures, folder, |text| Ok(text.to_owned())).map_err(wrong)?;
        if chat.places > chat.pictures.len() {
            return Err(self.error(format!(
                "`prompt` shows {} images, but `images` has {}",
                chat.places,
                chat.pictures.len()
            )));
        }
        let gold = chat.take_answer().map_err(wrong)?;
        let messages = chat.turns.into_iter().map(|turn| Message {
            role: turn.role,
            content: match turn.content {
                ChatContent::Text(text) => vec![ContentPart::Text(text)],
                ChatContent::Parts(parts) => parts,
                ChatContent::Nothing => Vec::new(),
            },
        });
        Ok((messages.collect(), chat.pictures, gold))
    }

    /// Takes a column out of the row; `null` is as good as absent.
    pub(crate) fn column<T: DeserializeOwned>(
        &self,
        row: &mut Columns,
        key: &str,
        wanted: &str,
    ) -> Result<Option<T>> {
        let Some(value) = row.remove(key) else {
            return Ok(None);
        };
        serde_json::from_str::<Option<T>>(value.get())
            .map_err(|e| self.error(format!("`{key}` must be {wanted}: {}", describe(&e))))
    }

    /// An error that names the file and the line of the last row.
    pub(crate) fn error(&self, message: String) -> Error {
        Error::Input {
            file: self.file.clone(),
            line: self.line,
            message,
        }
    }
}

impl<R: BufRead> Iterator for SampleReader<R> {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_with(|_, _| Ok(()))?;
        Some(next.map(|((), sample)| sample))
    }
}

/// The pictures of the rows that were read, as far as somebody still has them.
#[derive(Debug, Default)]
struct Images {
    /// A file that several rows name is decoded once.
    files: HashMap<Picture, WeakImage>,
    held: Vec<WeakImage>,
    /// Bytes of what is held and of what is gone since it was looked through.
    bytes: usize,
    /// So many entries are looked through for those that are gone.
    full: usize,
}

impl Images {
    /// Opens the pictures of one row.
    fn open(&mut self, pictures: &[Picture]) -> Result<Vec<Image>, String> {
        let (mut images, mut bytes) = (Vec::with_capacity(pictures.len()), 0);
        for picture in pictures {
            let known = self.files.get(picture).and_then(WeakImage::get);
            let image = match known {
                Some(image) => image,
                None => self.decode(picture)?,
            };
            bytes += image.rgb().len();
            if bytes > MAX_ROW {
                return Err(format!(
                    "`images`: the row's pictures have more than {MAX_ROW} bytes of pixels together: make them \
                     smaller, or give fewer"
                ));
            }
            images.push(image);
        }
        Ok(images)
    }

    fn decode(&mut self, picture: &Picture) -> Result<Image, String> {
        let image = picture.open().map_err(|error| error.to_string())?;
        self.bytes += image.rgb().len();
        if self.bytes > MAX_HELD || self.held.len() >= self.full {
            self.files.retain(|_, image| image.get().is_some());
            self.held.retain(|image| image.get().is_some());
            let held = self.held.iter().filter_map(WeakImage::get);
            self.bytes = image.rgb().len() + held.map(|image| image.rgb().len()).sum::<usize>();
            self.full = 2 * self.held.len() + 64;
        }
        if self.bytes > MAX_HELD {
            return Err(format!(
                "`images`: all rows up to here are needed together, and their pictures have more than {MAX_HELD} \
                 bytes of pixels: make them smaller, or give fewer rows"
            ));
        }
        self.held.push(image.downgrade());
        if picture.path().is_some() {
            self.files.insert(picture.clone(), image.downgrade());
        }
        Ok(image)
    }
}

/// The text of a JSON error with a column, but without a line: a row is always line 1 of its own.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(text) if error.is_data() => text.to_owned(),
        Some(text) => format!("{text} (column {})", error.column()),
        None => text,
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ResponseRow {
    Text(String),
    Turns(Vec<Turn>),
}
