//! `config.json` of a checkpoint.

use crate::{Error, Result};
use rlhost_host::files::{TEXT, read_text};
use serde::Deserialize;
use std::path::Path;

/// A Qwen2.5-VL model: the language model, the vision tower and the ids that join them.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The language model.
    pub text: TextConfig,
    /// The vision tower.
    pub vision: VisionConfig,
    /// The token that stands for one merged patch of a picture.
    pub image_token_id: u32,
    /// Whether the output head is the embedding.
    pub tie_word_embeddings: bool,
}

/// The language model.
#[derive(Clone, Debug, Deserialize)]
pub struct TextConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the gated layer.
    pub intermediate_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key/value heads; as many as query heads where the file has none.
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; hidden size by heads where the file has none.
    pub head_dim: Option<usize>,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Epsilon of the norms.
    #[serde(default = "epsilon")]
    pub rms_norm_eps: f64,
    /// Standard deviation of random weights.
    #[serde(default = "initializer_range")]
    pub initializer_range: f64,
    #[serde(default)]
    rope_theta: Option<f64>,
    #[serde(default, alias = "rope_parameters")]
    rope_scaling: Option<Rope>,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(default)]
    use_sliding_window: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Rope {
    mrope_section: Option<Vec<usize>>,
    #[serde(rename = "rope_theta")]
    theta: Option<f64>,
    #[serde(rename = "type")]
    old_kind: Option<String>,
    #[serde(rename = "rope_type")]
    kind: Option<String>,
}

impl TextConfig {
    /// Key/value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
            .unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Base of the rotary frequencies.
    pub fn rope_theta(&self) -> f64 {
        self.rope_theta
            .or_else(|| self.rope_scaling.as_ref().and_then(|rope| rope.theta))
            .unwrap_or(10_000.0)
    }

    /// How many rotary pairs follow time, height and width: they add up to half the head.
    pub fn mrope_section(&self) -> Vec<usize> {
        self.rope_scaling
            .as_ref()
            .and_then(|rope| rope.mrope_section.clone())
            .unwrap_or_else(|| vec![self.head_dim() / 2])
    }
}

/// The vision tower.
#[derive(Clone, Debug, Deserialize)]
pub struct VisionConfig {
    /// Blocks.
    pub depth: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the gated layer.
    pub intermediate_size: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Width that the merger gives to the language model.
    pub out_hidden_size: usize,
    /// Colour channels.
    #[serde(default = "three", alias = "in_channels")]
    pub in_chans: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Frames in a patch.
    #[serde(default = "two")]
    pub temporal_patch_size: usize,
    /// Side of the square of patches that becomes one token.
    #[serde(default = "two")]
    pub spatial_merge_size: usize,
    /// Side of an attention window in pixels.
    pub window_size: usize,
    /// Blocks that attend over the whole picture instead of a window.
    pub fullatt_block_indexes: Vec<usize>,
    #[serde(default = "silu")]
    hidden_act: String,
}

impl VisionConfig {
    /// Numbers in a flattened patch.
    pub fn patch_width(&self) -> usize {
        self.in_chans * self.temporal_patch_size * self.patch_size * self.patch_size
    }

    /// Patches that become one token.
    pub fn merge_area(&self) -> usize {
        self.spatial_merge_size * self.spatial_merge_size
    }
}

fn epsilon() -> f64 {
    1e-6
}

fn initializer_range() -> f64 {
    0.02
}

fn two() -> usize {
    2
}

fn three() -> usize {
    3
}

fn silu() -> String {
    "silu".into()
}

/// Older files are flat, newer ones nest the language model under `text_config`.
#[derive(Deserialize)]
struct Head {
    model_type: Option<String>,
    #[serde(default)]
    tie_word_embeddings: Option<bool>,
    image_token_id: Option<u32>,
    vision_config: Option<serde_json::Value>,
    text_config: Option<serde_json::Value>,
}

impl ModelConfig {
    /// Reads `config.json` of a model folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let text = read_text(&path, TEXT).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::model(
                folder,
                "config.json is missing: this is not a Hugging Face model folder",
            ),
            _ => Error::io(&path, e),
        })?;
        Self::parse(&text).map_err(|message| Error::model(&path, message))
    }

    fn parse(json: &str) -> std::result::Result<Self, String> {
        let whole: serde_json::Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
        let head = Head::deserialize(&whole).map_err(|e| e.to_string())?;
        match head.model_type.as_deref() {
            Some("qwen2_5_vl") => {}
            other => {
                return Err(format!(
                    "model_type is {}, but this version trains only qwen2_5_vl",
                    other.unwrap_or("missing")
                ));
            }
        }
        let nested = head.text_config.as_ref();
        let tied_inside = nested
            .and_then(|text| text.get("tie_word_embeddings"))
            .and_then(serde_json::Value::as_bool);
        let text = TextConfig::deserialize(nested.unwrap_or(&whole))
            .map_err(|e| format!("language model: {e}"))?;
        let vision = head.vision_config.ok_or("vision_config is missing")?;
        let vision =
            VisionConfig::deserialize(&vision).map_err(|e| format!("vision_config: {e}"))?;
        let config = Self {
            text,
            vision,
            image_token_id: head.image_token_id.ok_or("image_token_id is missing")?,
            tie_word_embeddings: head.tie_word_embeddings.or(tied_inside).unwrap_or(false),
        };
        config.check()?;
        Ok(config)
    }

    /// Every size with its key and the most that it may be: far beyond all published models, and so little that
    /// no product of sizes overflows.
    fn sizes(&self) -> [(&'static str, usize, usize); 16] {
        const WIDEST: usize = 1 << 20;
        const DEEPEST: usize = 4096;
        let (text, vision) = (&self.text, &self.vision);
        [
            ("hidden_size", text.hidden_size, WIDEST),
            ("intermediate_size", text.intermediate_size, WIDEST),
            ("num_hidden_layers", text.num_hidden_layers, DEEPEST),
            ("num_attention_heads", text.num_attention_heads, 1 << 16),
            ("num_key_value_heads", text.kv_heads(), 1 << 16),
            ("head_dim", text.head_dim(), 1 << 16),
            ("vocab_size", text.vocab_size, 1 << 24),
            ("vision_config.depth", vision.depth, DEEPEST),
            ("vision_config.hidden_size", vision.hidden_size, WIDEST),
            (
                "vision_config.intermediate_size",
                vision.intermediate_size,
                WIDEST,
            ),
            ("vision_config.num_heads", vision.num_heads, 1 << 16),
            (
                "vision_config.out_hidden_size",
                vision.out_hidden_size,
                WIDEST,
            ),
            ("vision_config.patch_size", vision.patch_size, 1024),
            (
                "vision_config.temporal_patch_size",
                vision.temporal_patch_size,
                16,
            ),
            (
                "vision_config.spatial_merge_size",
                vision.spatial_merge_size,
                64,
            ),
            ("vision_config.window_size", vision.window_size, WIDEST),
        ]
    }

    /// What the file says of the layers, if `weight` belongs to one that is not among them.
    pub(super) fn beyond(&self, weight: &str) -> Option<String> {
        [
            (
                "model.layers.",
                "num_hidden_layers",
                self.text.num_hidden_layers,
            ),
            ("visual.blocks.", "vision_config.depth", self.vision.depth),
        ]
        .into_iter()
        .find_map(|(prefix, key, layers)| {
            let (layer, _) = weight.strip_prefix(prefix)?.split_once('.')?;
            let beyond = layer.parse::<usize>().is_ok_and(|layer| layer >= layers);
            beyond.then(|| format!("{key} = {layers}"))
        })
    }

    fn check(&self) -> std::result::Result<(), String> {
        let (text, vision) = (&self.text, &self.vision);
        let need = |holds: bool, message: String| if holds { Ok(()) } else { Err(message) };
        for (key, size, most) in self.sizes() {
            need(
                (1..=most).contains(&size),
                format!("{key} is {size}, but must be from 1 to {most}"),
            )?;
        }
        for (key, value, least, most) in [
            ("rms_norm_eps", text.rms_norm_eps, 1e-12, 0.1),
            ("initializer_range", text.initializer_range, 0.0, 10.0),
            ("rope_theta", text.rope_theta(), 1.0, 1e12),
        ] {
            need(
                (least..=most).contains(&value),
                format!("{key} is {value}, but must be from {least} to {most}"),
            )?;
        }
        need(
            (self.image_token_id as usize) < text.vocab_size,
            format!(
                "image_token_id is {}, but vocab_size is {}",
                self.image_token_id, text.vocab_size
            ),
        )?;
        need(
            vision.in_chans == 3,
            format!(
                "vision_config.in_chans is {}, but pictures have 3 channels",
                vision.in_chans
            ),
        )?;
        need(
            vision.fullatt_block_indexes.len() <= vision.depth,
            format!(
                "vision_config.fullatt_block_indexes has {} entries, but vision_config.depth is {}",
                vision.fullatt_block_indexes.len(),
                vision.depth
            ),
        )?;
        need(
            text.hidden_act == "silu" && vision.hidden_act == "silu",
            format!(
                "activations {} and {} where Qwen2.5-VL has silu",
                text.hidden_act, vision.hidden_act
            ),
        )?;
        need(
            !text.use_sliding_window,
            "use_sliding_window is true, which is not supported".into(),
        )?;
        if let Some(rope) = &text.rope_scaling {
            let kind = rope.old_kind.as_deref().or(rope.kind.as_deref());
            need(
                matches!(kind, None | Some("mrope" | "default")),
                format!("rope type {} is not supported", kind.unwrap_or_default()),
            )?;
        }
        need(
            text.num_attention_heads.is_multiple_of(text.kv_heads()),
            format!(
                "{} query heads are not a multiple of {} key/value heads",
                text.num_attention_heads,
                text.kv_heads()
            ),
        )?;
        let sections = text.mrope_section();
        need(
            matches!(sections.len(), 1 | 3),
            format!("mrope_section has {} entries instead of 3", sections.len()),
        )?;
        let pairs = sections
            .iter()
            .fold(0_usize, |sum, pairs| sum.saturating_add(*pairs));
        need(
            text.head_dim() == pairs.saturating_mul(2),
            format!(
                "mrope_section adds up to {pairs}, but half the head is {}",
                text.head_dim() / 2
            ),
        )?;
        need(
            vision.hidden_size.is_multiple_of(4 * vision.num_heads),
            format!(
                "vision width {} can't be cut into {} heads of a multiple of 4",
                vision.hidden_size, vision.num_heads
            ),
        )?;
        need(
            vision.out_hidden_size == text.hidden_size,
            format!(
                "the merger gives {} numbers, but the language model takes {}",
                vision.out_hidden_size, text.hidden_size
            ),
        )?;
        need(
            vision.window_size >= vision.patch_size * vision.spatial_merge_size,
            format!(
                "window_size {} is smaller than a merged patch",
                vision.window_size
            ),
        )
    }
}
