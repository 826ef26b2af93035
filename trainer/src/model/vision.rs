//! The vision tower of Qwen2.5-VL (*Qwen2.5-VL Technical Report*, 2025, section 2.1.1).

use super::config::VisionConfig;
use super::vision_layout::VisionLayout;
use super::weights::{Initial, Specification};
use crate::Result;
use crate::ops::{AttentionShape, Rotary, Segments, attention, linear, rms_norm, swiglu};
use crate::processor::ImagePatches;
use candle_core::Tensor;

/// Finds a weight by name and shape.
pub(super) type Get<'a> = &'a dyn Fn(&str, &[usize]) -> Result<Tensor>;

/// Epsilon of the tower's norms; not configurable in published checkpoints.
const EPSILON: f64 = 1e-6;

struct Affine {
    weight: Tensor,
    bias: Tensor,
}

impl Affine {
    fn new(get: Get, name: &str, outputs: usize, inputs: usize) -> Result<Self> {
        Ok(Self {
            weight: get(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: get(&format!("{name}.bias"), &[outputs])?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(linear(x, &self.weight, Some(&self.bias))?)
    }
}

struct Block {
    norm1: Tensor,
    qkv: Affine,
    proj: Affine,
    norm2: Tensor,
    gate: Affine,
    up: Affine,
    down: Affine,
    full: bool,
}

/// Turns patches into features of the language model's width.
pub struct VisionTower {
    config: VisionConfig,
    patch_embed: Tensor,
    blocks: Vec<Block>,
    merger_norm: Tensor,
    merger_in: Affine,
    merger_out: Affine,
}

impl VisionTower {
    pub(super) fn new(config: &VisionConfig, get: Get) -> Result<Self> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let merged = width * config.merge_area();
        let blocks = (0..config.depth)
            .map(|i| {
                let name = |part: &str| format!("visual.blocks.{i}.{part}");
                Ok(Block {
                    norm1: get(&name("norm1.weight"), &[width])?,
                    qkv: Affine::new(get, &name("attn.qkv"), 3 * width, width)?,
                    proj: Affine::new(get, &name("attn.proj"), width, width)?,
                    norm2: get(&name("norm2.weight"), &[width])?,
                    gate: Affine::new(get, &name("mlp.gate_proj"), inner, width)?,
                    up: Affine::new(get, &name("mlp.up_proj"), inner, width)?,
                    down: Affine::new(get, &name("mlp.down_proj"), width, inner)?,
                    full: config.fullatt_block_indexes.contains(&i),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            patch_embed: get("visual.patch_embed.proj.weight", &patch_shape(config))?
                .reshape((width, config.patch_width()))?,
            blocks,
            merger_norm: get("visual.merger.ln_q.weight", &[width])?,
            merger_in: Affine::new(get, "visual.merger.mlp.0", merged, merged)?,
            merger_out: Affine::new(get, "visual.merger.mlp.2", config.out_hidden_size, merged)?,
            config: config.clone(),
        })
    }

    /// Features of the pictures, one after the other: `[merged patches, out_hidden_size]`.
    pub fn forward(&self, images: &[&ImagePatches]) -> Result<Tensor> {
        let config = &self.config;
        let grids: Vec<[usize; 3]> = images.iter().map(|image| image.grid).collect();
        let layout = VisionLayout::new(config, &grids)?;
        let values: Vec<f32> = images
            .iter()
            .flat_map(|image| image.values.iter().copied())
            .collect();
        let patches = values.len() / config.patch_width();
        let device = self.patch_embed.device();
        let pixels = Tensor::from_vec(values, (patches, config.patch_width()), device)?;
        let merged = patches / config.merge_area();
        let order = |order: &[u32]| Tensor::from_slice(order, merged, device);

        let x = linear(&pixels, &self.patch_embed, None)?;
        let mut x = x
            .reshape((merged, config.merge_area() * config.hidden_size))?
            .index_select(&order(&layout.window_order)?, 0)?
            .reshape((patches, config.hidden_size))?;
        for block in &self.blocks {
            let segments = if block.full {
                &layout.frames
            } else {
                &layout.windows
            };
            x = self.block(block, &x, &layout.rotary, segments)?;
        }
        let x = rms_norm(&x, &self.merger_norm, EPSILON)?;
        let x = x.reshape((merged, config.merge_area() * config.hidden_size))?;
        let x = self.merger_in.forward(&x)?.gelu_erf()?;
        let x = self.merger_out.forward(&x)?;
        Ok(x.index_select(&order(&layout.natural_order)?, 0)?)
    }

    fn block(
        &self,
        block: &Block,
        x: &Tensor,
        rotary: &Rotary,
        segments: &Segments,
    ) -> Result<Tensor> {
        let width = self.config.hidden_size;
        let shape = AttentionShape {
            heads: self.config.num_heads,
            kv_heads: self.config.num_heads,
            head_dim: width / self.config.num_heads,
        };
        let qkv = block.qkv.forward(&rms_norm(x, &block.norm1, EPSILON)?)?;
        let third = |i: usize| qkv.narrow(1, i * width, width)?.contiguous();
        let mixed = attention(
            &third(0)?,
            &third(1)?,
            &third(2)?,
            shape,
            Some(rotary),
            segments,
        )?;
        let x = (x + block.proj.forward(&mixed)?)?;
        let h = rms_norm(&x, &block.norm2, EPSILON)?;
        let h = swiglu(&block.gate.forward(&h)?, &block.up.forward(&h)?)?;
        Ok((x + block.down.forward(&h)?)?)
    }
}

fn patch_shape(config: &VisionConfig) -> [usize; 5] {
    [
        config.hidden_size,
        config.in_chans,
        config.temporal_patch_size,
        config.patch_size,
        config.patch_size,
    ]
}

/// All weights of the tower.
pub(super) fn specifications(config: &VisionConfig) -> Vec<Specification> {
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    let merged = width * config.merge_area();
    let mut all = vec![
        (
            "visual.patch_embed.proj.weight".to_owned(),
            patch_shape(config).to_vec(),
            Initial::Normal,
        ),
        (
            "visual.merger.ln_q.weight".to_owned(),
            vec![width],
            Initial::Ones,
        ),
    ];
    let mut affine = |name: String, outputs: usize, inputs: usize| {
        all.push((
            format!("{name}.weight"),
            vec![outputs, inputs],
            Initial::Normal,
        ));
        all.push((format!("{name}.bias"), vec![outputs], Initial::Zeros));
    };
    affine("visual.merger.mlp.0".into(), merged, merged);
    affine("visual.merger.mlp.2".into(), config.out_hidden_size, merged);
    for i in 0..config.depth {
        let name = |part: &str| format!("visual.blocks.{i}.{part}");
        affine(name("attn.qkv"), 3 * width, width);
        affine(name("attn.proj"), width, width);
        affine(name("mlp.gate_proj"), inner, width);
        affine(name("mlp.up_proj"), inner, width);
        affine(name("mlp.down_proj"), width, inner);
    }
    for i in 0..config.depth {
        for norm in ["norm1", "norm2"] {
            all.push((
                format!("visual.blocks.{i}.{norm}.weight"),
                vec![width],
                Initial::Ones,
            ));
        }
    }
    all
}
