//! The language model of Qwen2.5-VL: Qwen2 with three-dimensional rotary positions.

use super::cache::{CacheRow, LayerRows, Prefix};
use super::config::{ModelConfig, TextConfig};
use super::positions::rotary;
use super::vision::Get;
use super::weights::{Initial, Specification};
use crate::Result;
use crate::ops::{
    AttentionShape, Rotary, Segments, attend_cached, attention, linear, rms_norm, rotate, swiglu,
};
use candle_core::{Device, Tensor};

const EMBEDDING: &str = "model.embed_tokens.weight";
const OUTPUT: &str = "lm_head.weight";
const SCORE: &str = "score.weight";

/// What stands on the final norm: a weight `[outputs, hidden]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Logits of the vocabulary.
    Vocabulary,
    /// One number, under the name that Hugging Face's `…ForTokenClassification` has for it.
    Value,
}

impl Head {
    /// Name and rows of the weight.
    fn weight(self, config: &ModelConfig) -> (&'static str, usize) {
        match self {
            Self::Vocabulary if config.tie_word_embeddings => (EMBEDDING, config.text.vocab_size),
            Self::Vocabulary => (OUTPUT, config.text.vocab_size),
            Self::Value => (SCORE, 1),
        }
    }

    pub(super) fn load(self, config: &ModelConfig, get: Get) -> Result<Tensor> {
        let (name, rows) = self.weight(config);
        get(name, &[rows, config.text.hidden_size])
    }

    /// The weight, where it is one of its own.
    pub(super) fn specification(self, config: &ModelConfig) -> Option<Specification> {
        let (name, rows) = self.weight(config);
        let initial = match self {
            Self::Vocabulary => Initial::Normal,
            Self::Value => Initial::Zeros,
        };
        let shape = vec![rows, config.text.hidden_size];
        (name != EMBEDDING).then(|| (name.into(), shape, initial))
    }
}

struct Block {
    input_norm: Tensor,
    query: (Tensor, Tensor),
    key: (Tensor, Tensor),
    value: (Tensor, Tensor),
    output: Tensor,
    post_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
}

/// Embedding, blocks and final norm.
pub struct LanguageModel {
    config: TextConfig,
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
}

impl LanguageModel {
    pub(super) fn new(config: &ModelConfig, get: Get) -> Result<Self> {
        let text = &config.text;
        let (width, inner) = (text.hidden_size, text.intermediate_size);
        let queries = text.num_attention_heads * text.head_dim();
        let keys = text.kv_heads() * text.head_dim();
        let blocks = (0..text.num_hidden_layers)
            .map(|i| {
                let name = |part: &str| format!("model.layers.{i}.{part}");
                let affine = |part: &str, outputs: usize| -> Result<(Tensor, Tensor)> {
                    Ok((
                        get(
                            &name(&format!("self_attn.{part}.weight")),
                            &[outputs, width],
                        )?,
                        get(&name(&format!("self_attn.{part}.bias")), &[outputs])?,
                    ))
                };
                Ok(Block {
                    input_norm: get(&name("input_layernorm.weight"), &[width])?,
                    query: affine("q_proj", queries)?,
                    key: affine("k_proj", keys)?,
                    value: affine("v_proj", keys)?,
                    output: get(&name("self_attn.o_proj.weight"), &[width, queries])?,
                    post_norm: get(&name("post_attention_layernorm.weight"), &[width])?,
                    gate: get(&name("mlp.gate_proj.weight"), &[inner, width])?,
                    up: get(&name("mlp.up_proj.weight"), &[inner, width])?,
                    down: get(&name("mlp.down_proj.weight"), &[width, inner])?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            embedding: get(EMBEDDING, &[text.vocab_size, width])?,
            blocks,
            norm: get("model.norm.weight", &[width])?,
            config: text.clone(),
        })
    }

    /// Embeddings of tokens: `[tokens, hidden]`.
    pub(super) fn embed(&self, token_ids: &[u32]) -> Result<Tensor> {
        let ids = Tensor::from_slice(token_ids, token_ids.len(), self.embedding.device())?;
        Ok(self.embedding.index_select(&ids, 0)?)
    }

    fn shape(&self) -> AttentionShape {
        AttentionShape {
            heads: self.config.num_attention_heads,
            kv_heads: self.config.kv_heads(),
            head_dim: self.config.head_dim(),
        }
    }

    fn rotary(&self, positions: &[[u32; 3]]) -> Rotary {
        let config = &self.config;
        rotary(positions, config.rope_theta(), &config.mrope_section())
    }

    /// One block, given what mixes its queries, keys and values.
    fn block(
        &self,
        block: &Block,
        x: &Tensor,
        mix: impl FnOnce(Tensor, Tensor, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let eps = self.config.rms_norm_eps;
        let h = rms_norm(x, &block.input_norm, eps)?;
        let affine = |(weight, bias): &(Tensor, Tensor)| linear(&h, weight, Some(bias));
        let mixed = mix(
            affine(&block.query)?,
            affine(&block.key)?,
            affine(&block.value)?,
        )?;
        let x = (x + linear(&mixed, &block.output, None)?)?;
        let h = rms_norm(&x, &block.post_norm, eps)?;
        let h = swiglu(
            &linear(&h, &block.gate, None)?,
            &linear(&h, &block.up, None)?,
        )?;
        Ok((x + linear(&h, &block.down, None)?)?)
    }

    fn last(&self, x: &Tensor) -> Result<Tensor> {
        Ok(rms_norm(x, &self.norm, self.config.rms_norm_eps)?)
    }

    /// Final states of packed rows: `embeddings` `[rows, hidden]`, the result alike.
    pub(super) fn forward(
        &self,
        embeddings: &Tensor,
        positions: &[[u32; 3]],
        segments: &Segments,
    ) -> Result<Tensor> {
        let rotary = self.rotary(positions);
        let mut x = embeddings.clone();
        for block in &self.blocks {
            x = self.block(block, &x, |q, k, v| {
                Ok(attention(
                    &q,
                    &k,
                    &v,
                    self.shape(),
                    Some(&rotary),
                    segments,
                )?)
            })?;
        }
        self.last(&x)
    }

    /// As [`Self::forward`], keeping every segment's keys and values.
    pub(super) fn prefill(
        &self,
        embeddings: &Tensor,
        positions: &[[u32; 3]],
        segments: &Segments,
    ) -> Result<(Tensor, Vec<Prefix>)> {
        let rotary = self.rotary(positions);
        let mut layers = Vec::with_capacity(self.blocks.len());
        let mut x = embeddings.clone();
        for block in &self.blocks {
            x = self.block(block, &x, |q, k, v| {
                let (q, k) = (rotate(&q, &rotary)?, rotate(&k, &rotary)?);
                let mixed = attention(&q, &k, &v, self.shape(), None, segments)?;
                layers.push(LayerRows {
                    keys: host(&k)?,
                    values: host(&v)?,
                });
                Ok(mixed)
            })?;
        }
        let width = self.shape().kv_heads * self.shape().head_dim;
        let prefixes = (0..segments.len())
            .map(|segment| Prefix::new(&layers, segments.range(segment), width))
            .collect();
        Ok((self.last(&x)?, prefixes))
    }

    /// Final states of one new token for each row, whose keys and values join the row's cache.
    pub(super) fn decode(&self, embeddings: &Tensor, rows: &mut [CacheRow<'_>]) -> Result<Tensor> {
        let positions: Vec<[u32; 3]> = rows.iter().map(|row| [row.position; 3]).collect();
        let rotary = self.rotary(&positions);
        let shape = self.shape();
        let width = shape.kv_heads * shape.head_dim;
        let mut x = embeddings.clone();
        for (layer, block) in self.blocks.iter().enumerate() {
            x = self.block(block, &x, |q, k, v| {
                let q = rotate(&q, &rotary)?;
                let (keys, values) = (host(&rotate(&k, &rotary)?)?, host(&v)?);
                let new = keys.chunks_exact(width).zip(values.chunks_exact(width));
                for (row, (key, value)) in rows.iter_mut().zip(new) {
                    row.own.push(layer, key, value);
                }
                let seen: Vec<_> = rows.iter().map(|row| row.seen(layer)).collect();
                let mixed = attend_cached(&host(&q)?, shape, &seen);
                Ok(Tensor::from_vec(mixed, q.shape(), q.device())?)
            })?;
        }
        self.last(&x)
    }
}

/// The numbers of a tensor in host memory, where the cache lives.
fn host(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
}

/// All weights of the language model but its head's.
pub(super) fn specifications(config: &ModelConfig) -> Vec<Specification> {
    let text = &config.text;
    let (width, inner) = (text.hidden_size, text.intermediate_size);
    let queries = text.num_attention_heads * text.head_dim();
    let keys = text.kv_heads() * text.head_dim();
    let mut all = vec![
        (
            EMBEDDING.into(),
            vec![text.vocab_size, width],
            Initial::Normal,
        ),
        ("model.norm.weight".into(), vec![width], Initial::Ones),
    ];
    for i in 0..text.num_hidden_layers {
        let mut add = |part: &str, shape: Vec<usize>, initial: Initial| {
            all.push((format!("model.layers.{i}.{part}"), shape, initial));
        };
        for (part, outputs) in [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)] {
            add(
                &format!("self_attn.{part}.weight"),
                vec![outputs, width],
                Initial::Normal,
            );
            add(
                &format!("self_attn.{part}.bias"),
                vec![outputs],
                Initial::Zeros,
            );
        }
        add(
            "self_attn.o_proj.weight",
            vec![width, queries],
            Initial::Normal,
        );
        add("mlp.gate_proj.weight", vec![inner, width], Initial::Normal);
        add("mlp.up_proj.weight", vec![inner, width], Initial::Normal);
        add("mlp.down_proj.weight", vec![width, inner], Initial::Normal);
        add("input_layernorm.weight", vec![width], Initial::Ones);
        add(
            "post_attention_layernorm.weight",
            vec![width],
            Initial::Ones,
        );
    }
    all
}
