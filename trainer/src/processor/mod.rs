//! Messages and images as what a model reads: token ids and patches.
//!
//! A [`Processor`] is read from a model folder in Hugging Face layout. It renders the chat
//! template, tokenizes the text and puts as many placeholder tokens as an image's features for
//! each image.
//!
//! ```no_run
//! use rlhost_trainer::processor::{ChatMessage, Part, PixelLimits, Processor, load_rgb};
//!
//! let processor = Processor::load("models/tiny".as_ref(), PixelLimits::default())?;
//! let question = vec![Part::Image, Part::Text("What is the sum?".into())];
//! let image = load_rgb("digits.png".as_ref())?;
//! let prompt = processor.prepare(&[ChatMessage::parts("user", question)], &[image])?;
//! println!("{} tokens", prompt.token_ids.len());
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod bounded;
mod files;
mod image;
mod json;
mod resize;
mod rgb;
mod template;
mod tokenizer;

use std::path::Path;

pub use ::image::RgbImage;

use crate::{Error, Result};

pub use image::{ImagePatches, ImageProcessor, PixelLimits};
pub use resize::{fit_pixels, smart_resize};
pub use rgb::load_rgb;
pub(crate) use rgb::rgb_of;
pub use template::{ChatMessage, ChatTemplate, Content, Part, PromptFormat};
pub use tokenizer::Tokenizer;

/// A prompt as a model reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedPrompt {
    /// The text, with one placeholder for each image.
    pub text: String,
    /// The tokens, with as many placeholders for each image as it has features.
    pub token_ids: Vec<u32>,
    /// The images in the order of the placeholders.
    pub images: Vec<ImagePatches>,
}

/// Tokenizer, chat template and image processor of a model folder.
#[derive(Clone, Debug)]
pub struct Processor {
    tokenizer: Tokenizer,
    template: ChatTemplate,
    /// For models that read images.
    image: Option<ImageProcessor>,
}

impl Processor {
    /// Reads a model folder. A model reads images if its `config.json` has an `image_token_id`.
    ///
    /// # Errors
    /// [`Error::Model`] that names the file which is missing or wrong, and what it is for.
    pub fn load(model_dir: &Path, limits: PixelLimits) -> Result<Self> {
        if !model_dir.is_dir() {
            return Err(Error::model(model_dir, "no such model folder"));
        }
        let tokenizer = Tokenizer::load(model_dir)?;
        let template = ChatTemplate::load(model_dir, tokenizer.template_variables())?;
        let image = match tokenizer.image_id() {
            Some(_) => Some(ImageProcessor::load(model_dir, limits)?),
            None => None,
        };
        Ok(Self {
            tokenizer,
            template,
            image,
        })
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The chat template.
    pub fn template(&self) -> &ChatTemplate {
        &self.template
    }

    /// The image processor of a model that reads images.
    pub fn image_processor(&self) -> Option<&ImageProcessor> {
        self.image.as_ref()
    }

    /// Makes the prompt of `messages`, up to where the assistant starts to speak.
    ///
    /// # Errors
    /// [`Error::Model`] if the template refuses the messages, an image is too narrow, or the text
    /// has another number of placeholders than there are images.
    pub fn prepare(&self, messages: &[ChatMessage], images: &[RgbImage]) -> Result<PreparedPrompt> {
        let text = self.template.render(messages, None, true)?;
        let short = self.tokenizer.encode(&text)?;
        let patches = match &self.image {
            Some(processor) => images
                .iter()
                .map(|image| processor.patches(image))
                .collect::<Result<Vec<_>>>()?,
            None if images.is_empty() => Vec::new(),
            None => {
                return Err(Error::model(
                    self.template.path(),
                    format!(
                        "the prompt has {} image(s), but the model reads none: config.json has no \
                         image_token_id",
                        images.len()
                    ),
                ));
            }
        };
        let counts = self.image.as_ref().map_or_else(Vec::new, |processor| {
            patches
                .iter()
                .map(|image| processor.tokens(image.grid))
                .collect()
        });
        let token_ids = self.expand(&short, &counts)?;
        Ok(PreparedPrompt {
            text,
            token_ids,
            images: patches,
        })
    }

    /// Repeats the placeholder of each image as often as `counts` says.
    fn expand(&self, ids: &[u32], counts: &[usize]) -> Result<Vec<u32>> {
        let Some(placeholder) = self.tokenizer.image_id() else {
            return Ok(ids.to_vec());
        };
        let places = ids.iter().filter(|&&id| id == placeholder).count();
        if places != counts.len() {
            return Err(Error::model(
                self.template.path(),
                format!(
                    "the prompt's text has {places} placeholder(s) {:?}, but {} image(s) come with \
                     it",
                    self.tokenizer.image_token().unwrap_or_default(),
                    counts.len()
                ),
            ));
        }
        let mut expanded = Vec::with_capacity(ids.len() + counts.iter().sum::<usize>());
        let mut counts = counts.iter();
        for &id in ids {
            let copies = if id == placeholder {
                counts.next().copied().unwrap_or_default()
            } else {
                1
            };
            expanded.extend(std::iter::repeat_n(id, copies));
        }
        Ok(expanded)
    }
}
