//! Text as token ids, from a model folder's `tokenizer.json`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenizers::Tokenizer as Inner;

use super::files::{read_json, read_optional, read_text};
use crate::{Error, Result};

/// The name that stands for an image where `tokenizer_config.json` has no other.
const IMAGE_TOKEN: &str = "<|image_pad|>";

/// The most tokens that end a completion: every sampled token is compared with them.
const MOST_ENDS: usize = 64;

/// Encodes, decodes and knows the special tokens.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    path: PathBuf,
    inner: Inner,
    largest_id: u32,
    eos: Vec<u32>,
    image: Option<ImageToken>,
    named: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct ImageToken {
    id: u32,
    name: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl Ids {
    fn into_vec(self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![id],
            Self::Many(ids) => ids,
        }
    }
}

#[derive(Default, Deserialize)]
struct GenerationConfig {
    eos_token_id: Option<Ids>,
}

#[derive(Deserialize)]
struct ModelConfig {
    eos_token_id: Option<Ids>,
    text_config: Option<GenerationConfig>,
    image_token_id: Option<u32>,
}

/// A token's name: `tokenizer_config.json` has it plain or with flags.
#[derive(Deserialize)]
#[serde(untagged)]
enum TokenName {
    Plain(String),
    Flagged { content: String },
}

impl TokenName {
    fn into_string(self) -> String {
        match self {
            Self::Plain(name) | Self::Flagged { content: name } => name,
        }
    }
}

#[derive(Default, Deserialize)]
#[allow(clippy::struct_field_names, reason = "the names of the file")]
struct TokenizerConfig {
    bos_token: Option<TokenName>,
    eos_token: Option<TokenName>,
    pad_token: Option<TokenName>,
    unk_token: Option<TokenName>,
    image_token: Option<TokenName>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, and the special tokens from `config.json`, `generation_config.json`
    /// and `tokenizer_config.json`.
    ///
    /// The ids that end a completion are `generation_config.json`'s (or else `config.json`'s) and
    /// `tokenizer_config.json`'s `eos_token`.
    ///
    /// # Errors
    /// [`Error::Model`] that names the file which is missing or broken, or the special token which
    /// the tokenizer lacks.
    pub fn load(model_dir: &Path) -> Result<Self> {
        let path = model_dir.join("tokenizer.json");
        if !path.is_file() {
            return Err(Error::model(
                &path,
                "missing from the model folder; it is the tokenizer",
            ));
        }
        let inner = Inner::from_bytes(read_text(&path, "it is the tokenizer")?)
            .map_err(|error| Error::model(&path, format!("can't be read: {error}")))?;
        let config_path = model_dir.join("config.json");
        let config: ModelConfig = read_json(&config_path, "it describes the model")?;
        let generation_path = model_dir.join("generation_config.json");
        let generation: GenerationConfig = read_optional(&generation_path)?;
        let names: TokenizerConfig = read_optional(&model_dir.join("tokenizer_config.json"))?;

        let mut tokenizer = Self {
            path,
            largest_id: inner.get_vocab(true).into_values().max().unwrap_or(0),
            inner,
            eos: Vec::new(),
            image: None,
            named: Vec::new(),
        };
        let (ids, origin) = match generation.eos_token_id {
            Some(ids) => (Some(ids), &generation_path),
            None => (
                config
                    .eos_token_id
                    .or(config.text_config.and_then(|text| text.eos_token_id)),
                &config_path,
            ),
        };
        let ids = ids.map(Ids::into_vec).unwrap_or_default();
        if ids.len() > MOST_ENDS {
            return Err(Error::model(
                origin,
                format!(
                    "eos_token_id lists {} tokens; {MOST_ENDS} are the most",
                    ids.len()
                ),
            ));
        }
        for id in ids {
            tokenizer.check_id(id, "eos_token_id", origin)?;
            tokenizer.eos.push(id);
        }
        if let Some(id) = config.image_token_id {
            let name = names
                .image_token
                .map_or_else(|| IMAGE_TOKEN.to_owned(), TokenName::into_string);
            tokenizer.image = Some(tokenizer.find_image(name, id, &config_path)?);
        }
        for (variable, name) in [
            ("bos_token", names.bos_token),
            ("eos_token", names.eos_token),
            ("pad_token", names.pad_token),
            ("unk_token", names.unk_token),
        ] {
            let Some(name) = name.map(TokenName::into_string) else {
                continue;
            };
            if variable == "eos_token" {
                let id = tokenizer.require(&name, "tokenizer_config.json: eos_token")?;
                if !tokenizer.eos.contains(&id) {
                    tokenizer.eos.push(id);
                }
            }
            tokenizer.named.push((variable.to_owned(), name));
        }
        if tokenizer.eos.is_empty() {
            return Err(Error::model(
                config_path,
                "no end-of-sequence token: set eos_token_id here or in generation_config.json, or \
                 eos_token in tokenizer_config.json",
            ));
        }
        Ok(tokenizer)
    }

    fn check_id(&self, id: u32, key: &str, origin: &Path) -> Result<()> {
        match self.inner.id_to_token(id) {
            Some(_) => Ok(()),
            None => Err(Error::model(
                &self.path,
                format!(
                    "lacks a token with id {id}, which is {key} in {}",
                    origin.display()
                ),
            )),
        }
    }

    fn find_image(&self, name: String, id: u32, config: &Path) -> Result<ImageToken> {
        let found = self.require(&name, &format!("image_token_id in {}", config.display()))?;
        if found == id {
            return Ok(ImageToken { id, name });
        }
        Err(Error::model(
            &self.path,
            format!(
                "the token {name:?} has id {found}, but image_token_id is {id} in {}",
                config.display()
            ),
        ))
    }

    /// The id of the token with this name; `purpose` says who needs it.
    ///
    /// # Errors
    /// [`Error::Model`] that names the token and the tokenizer's file.
    pub fn require(&self, name: &str, purpose: &str) -> Result<u32> {
        self.token_id(name).ok_or_else(|| {
            Error::model(
                &self.path,
                format!("lacks the special token {name:?} (needed for {purpose})"),
            )
        })
    }

    /// The id of the token with this name.
    pub fn token_id(&self, name: &str) -> Option<u32> {
        self.inner.token_to_id(name)
    }

    /// The name of the token with this id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Ids, with added tokens: one more than the largest may be below the model's `vocab_size`.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The largest id, added tokens included.
    pub fn largest_id(&self) -> u32 {
        self.largest_id
    }

    /// Ids that end a completion; never empty.
    pub fn eos_ids(&self) -> &[u32] {
        &self.eos
    }

    /// The id that stands for an image in prompts, if the model reads images.
    pub fn image_id(&self) -> Option<u32> {
        self.image.as_ref().map(|token| token.id)
    }

    /// The name of the token that stands for an image in prompts, if the model reads images.
    pub fn image_token(&self) -> Option<&str> {
        self.image.as_ref().map(|token| token.name.as_str())
    }

    /// Names of the special tokens by the variable that chat templates know them under
    /// (`bos_token`, `eos_token`, `pad_token`, `unk_token`).
    pub fn template_variables(&self) -> &[(String, String)] {
        &self.named
    }

    /// The ids of `text`. Nothing is added around it; names of special tokens in it become those.
    ///
    /// # Errors
    /// [`Error::Model`] if the tokenizer can't represent the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .inner
            .encode_fast(text, false)
            .map_err(|error| Error::model(&self.path, format!("can't encode a text: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of `ids`, with or without its special tokens. Ids without a token are left out.
    ///
    /// # Errors
    /// [`Error::Model`] if the tokenizer's decoder fails.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String> {
        self.inner
            .decode(ids, skip_special_tokens)
            .map_err(|error| Error::model(&self.path, format!("can't decode tokens: {error}")))
    }
}
