//! What is judged: a completion with all that the data says about it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::decode::{self, Unreadable};
use crate::digest::Digest;
use crate::{Error, Result, files};

/// One completion to be judged. The fields are those of `sample` in `wit/plugin.wit`.
///
/// ```
/// use rlhost_host::Sample;
///
/// let sample = Sample::single("<answer>12</answer>", "\"12\"");
/// assert_eq!(sample.response[0].text, "<answer>12</answer>");
/// assert_eq!(sample.columns, "{}");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Which prompt this is a completion of. Completions of one prompt stand next to each other and
    /// share a number; its value means nothing else (what plugins see is renumbered from 0).
    pub group: u32,
    /// The prompt as messages; empty where there is none.
    pub prompt: Vec<Message>,
    /// The response, turn by turn.
    pub response: Vec<Turn>,
    /// The reference answer as JSON text; `null` where there is none.
    pub answer: String,
    /// Where the sample comes from, or an empty string.
    pub data_source: String,
    /// The kind of problem as the data names it, or an empty string.
    pub problem_type: String,
    /// The kind of answer as the data names it, or an empty string.
    pub answer_type: String,
    /// All further columns of the data row: the text of a JSON object.
    pub columns: String,
    /// The pictures of the prompt, in order.
    pub images: Vec<Image>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            group: 0,
            prompt: Vec::new(),
            response: Vec::new(),
            answer: "null".to_owned(),
            data_source: String::new(),
            problem_type: String::new(),
            answer_type: String::new(),
            columns: "{}".to_owned(),
            images: Vec::new(),
        }
    }
}

impl Sample {
    /// A single-turn response with its reference answer (JSON text) and nothing else.
    pub fn single(response: impl Into<String>, answer: impl Into<String>) -> Self {
        Self {
            response: vec![Turn {
                text: response.into(),
                finish_reason: FinishReason::Stop,
                tokens: 0,
            }],
            answer: answer.into(),
            ..Self::default()
        }
    }
}

/// One message of the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Its text and pictures, in order.
    pub content: Vec<ContentPart>,
}

/// A piece of a message. In JSON it is what chat messages have, with the image's index beside:
/// `{"type": "text", "text": "…"}` or `{"type": "image", "index": 0}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PartForm", into = "PartForm")]
pub enum ContentPart {
    /// Text, as the data has it.
    Text(String),
    /// A picture: its index in [`Sample::images`].
    Image(u32),
}

/// The JSON of a [`ContentPart`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum PartForm {
    Text { text: String },
    Image { index: u32 },
}

impl From<PartForm> for ContentPart {
    fn from(form: PartForm) -> Self {
        match form {
            PartForm::Text { text } => Self::Text(text),
            PartForm::Image { index } => Self::Image(index),
        }
    }
}

impl From<ContentPart> for PartForm {
    fn from(part: ContentPart) -> Self {
        match part {
            ContentPart::Text(text) => Self::Text { text },
            ContentPart::Image(index) => Self::Image { index },
        }
    }
}

/// One turn of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// The decoded text, without the end-of-turn token.
    pub text: String,
    /// Why the turn ended.
    #[serde(default)]
    pub finish_reason: FinishReason,
    /// Sampled tokens, the end-of-turn token included; 0 where no model of this run wrote the text.
    #[serde(default)]
    pub tokens: u32,
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinishReason {
    /// The model produced its end-of-turn token.
    #[default]
    Stop,
    /// The budget of tokens was used up.
    Length,
    /// The environment ended the episode, or the turn was cut for another reason.
    Cut,
}

/// A picture of 8-bit RGB pixels. Cloning is cheap: clones share the pixels.
#[derive(Clone)]
pub struct Image(Arc<Pixels>);

struct Pixels {
    width: u32,
    height: u32,
    rgb: Box<[u8]>,
    digest: OnceLock<Digest>,
}

impl Image {
    /// A picture of `width * height` pixels from its bytes: row by row from the top left, red, green
    /// and blue of a pixel next to each other.
    ///
    /// ```
    /// use rlhost_host::Image;
    ///
    /// let image = Image::from_rgb(2, 1, vec![255, 0, 0, 0, 0, 255])?;
    /// assert_eq!((image.width(), image.height()), (2, 1));
    /// assert!(Image::from_rgb(2, 2, vec![0; 5]).is_err());
    /// # Ok::<(), rlhost_host::Error>(())
    /// ```
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self> {
        let wanted = u64::from(width)
            .checked_mul(u64::from(height))
            .and_then(|pixels| pixels.checked_mul(3));
        if wanted != Some(rgb.len() as u64) {
            return Err(Error::Image {
                path: PathBuf::from("<memory>"),
                message: format!(
                    "{} bytes given for an image of {width}x{height}, which has {width}*{height}*3",
                    rgb.len()
                ),
            });
        }
        Ok(Self(Arc::new(Pixels {
            width,
            height,
            rgb: rgb.into_boxed_slice(),
            digest: OnceLock::new(),
        })))
    }

    /// Reads a PNG or JPEG file: turned upright as its EXIF orientation says, grey and deeper pixels
    /// made 8-bit RGB, transparency laid over white.
    ///
    /// A picture of more than 512 MiB of pixels (width × height × 3), or one that takes more than 1 GiB to decode, is
    /// refused by its headers, and so is a file of more than 512 MiB.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = files::read(path, decode::MAX_FILE).map_err(Unreadable::from);
        Self::decoded(path, file.and_then(|file| decode::rgb(&file)))
    }

    /// Decodes the bytes of a PNG or JPEG file, like [`Image::open`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Self::decoded(Path::new("<memory>"), decode::rgb(bytes))
    }

    fn decoded(path: &Path, decoded: Result<RgbImage, Unreadable>) -> Result<Self> {
        let decoded = decoded.map_err(|error| Error::Image {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        let (width, height) = decoded.dimensions();
        Self::from_rgb(width, height, decoded.into_raw())
    }

    pub(crate) fn downgrade(&self) -> WeakImage {
        WeakImage(Arc::downgrade(&self.0))
    }

    /// Where it lies in memory: clones lie at one place.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.0.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.0.height
    }

    /// The pixels: `width * height * 3` bytes.
    pub fn rgb(&self) -> &[u8] {
        &self.0.rgb
    }

    /// The pixels, without a copy where no other clone is left.
    pub fn into_rgb(self) -> Vec<u8> {
        match Arc::try_unwrap(self.0) {
            Ok(pixels) => pixels.rgb.into_vec(),
            Err(shared) => shared.rgb.to_vec(),
        }
    }

    /// SHA-256 of the pixels. Computed once for all clones.
    pub fn digest(&self) -> Digest {
        *self.0.digest.get_or_init(|| Digest::of(&self.0.rgb))
    }
}

/// A picture that is there as long as somebody else has it.
#[derive(Debug)]
pub(crate) struct WeakImage(Weak<Pixels>);

impl WeakImage {
    pub(crate) fn get(&self) -> Option<Image> {
        self.0.upgrade().map(Image)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Image({}x{}, {})",
            self.width(),
            self.height(),
            self.digest()
        )
    }
}

impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.width(), self.height(), self.rgb())
                == (other.width(), other.height(), other.rgb())
    }
}
