//! Pixels as patches, as Hugging Face's `Qwen2VLImageProcessor` makes them.

use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::Deserialize;

use super::files::read_json;
use super::resize::{resize_bicubic, smart_resize};
use crate::{Error, Result};

/// Limits for the area of resized images; a model's own where `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelLimits {
    /// Fewest pixels.
    pub min: Option<u64>,
    /// Most pixels.
    pub max: Option<u64>,
}

/// An image as the vision tower reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePatches {
    /// Patches in time, height and width, before they are merged.
    pub grid: [usize; 3],
    /// `grid[0] * grid[1] * grid[2]` rows of channels × temporal patch × patch × patch values.
    /// Rows come in merge order: the patches of one merged token stand together.
    pub values: Vec<f32>,
}

impl ImagePatches {
    /// Patches in the image: rows of [`values`](Self::values).
    pub fn rows(&self) -> usize {
        self.grid.iter().product()
    }
}

/// Resizes, normalises and cuts images as a model folder's `preprocessor_config.json` says.
#[derive(Clone, Debug)]
pub struct ImageProcessor {
    path: PathBuf,
    patch_size: usize,
    temporal_patch_size: usize,
    merge_size: usize,
    min_pixels: u64,
    max_pixels: u64,
    /// Normalised value of each level of each channel.
    levels: [[f32; 256]; 3],
}

#[derive(Deserialize)]
struct Size {
    shortest_edge: Option<u64>,
    longest_edge: Option<u64>,
}

#[derive(Deserialize)]
struct PreprocessorConfig {
    image_processor_type: Option<String>,
    min_pixels: Option<u64>,
    max_pixels: Option<u64>,
    size: Option<Size>,
    patch_size: Option<usize>,
    temporal_patch_size: Option<usize>,
    merge_size: Option<usize>,
    resample: Option<u32>,
    do_resize: Option<bool>,
    do_rescale: Option<bool>,
    do_normalize: Option<bool>,
    rescale_factor: Option<f64>,
    image_mean: Option<[f64; 3]>,
    image_std: Option<[f64; 3]>,
}

/// transformers 5 nests the settings of all processors in one file.
#[derive(Deserialize)]
struct ProcessorConfig {
    image_processor: Option<PreprocessorConfig>,
}

// Defaults of transformers: OpenAI's CLIP statistics and the sizes of the Qwen2-VL paper.
const CLIP_MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];
const MIN_PIXELS: u64 = 56 * 56;
const MAX_PIXELS: u64 = 28 * 28 * 1280;

/// The widest square of patches that becomes one token, in pixels.
const MAX_SIDE: usize = 1024;
/// The largest picture that patches are cut from: as large as one that can be decoded.
const MAX_AREA: u64 = 178_956_970;

impl ImageProcessor {
    /// Reads `preprocessor_config.json` (or the `image_processor` of `processor_config.json`).
    ///
    /// # Errors
    /// [`Error::Model`] that names the file if it is missing or of another kind of processor.
    pub fn load(model_dir: &Path, limits: PixelLimits) -> Result<Self> {
        let combined = model_dir.join("processor_config.json");
        let own = model_dir.join("preprocessor_config.json");
        if !own.is_file()
            && combined.is_file()
            && let Some(config) = read_json::<ProcessorConfig>(&combined, "")?.image_processor
        {
            return Self::new(combined, &config, limits);
        }
        let config = read_json(&own, "it says how images are resized and normalised")?;
        Self::new(own, &config, limits)
    }

    fn new(path: PathBuf, config: &PreprocessorConfig, limits: PixelLimits) -> Result<Self> {
        let fail = |message: String| Err(Error::model(&path, message));
        let kind = config.image_processor_type.as_deref();
        if let Some(kind) = kind
            && !["Qwen2VLImageProcessor", "Qwen2_5_VLImageProcessor"]
                .iter()
                .any(|known| kind.starts_with(known))
        {
            return fail(format!(
                "image_processor_type {kind:?} is not supported; Qwen2VLImageProcessor is"
            ));
        }
        if config.do_resize == Some(false) {
            return fail("do_resize = false is not supported".into());
        }
        if let Some(other) = config.resample.filter(|&filter| filter != 3) {
            return fail(format!(
                "resample = {other} is not supported; 3 (bicubic) is"
            ));
        }
        let size = config.size.as_ref();
        let min_pixels = limits
            .min
            .or(config.min_pixels)
            .or(size.and_then(|size| size.shortest_edge))
            .unwrap_or(MIN_PIXELS);
        let max_pixels = limits
            .max
            .or(config.max_pixels)
            .or(size.and_then(|size| size.longest_edge))
            .unwrap_or(MAX_PIXELS);
        if max_pixels == 0 {
            return fail("max_pixels is 0".into());
        }
        if min_pixels > max_pixels {
            return fail(format!(
                "min_pixels ({min_pixels}) is above max_pixels ({max_pixels}); set both of \
                 data.min_pixels and data.max_pixels"
            ));
        }
        let sizes = [
            ("patch_size", config.patch_size.unwrap_or(14)),
            (
                "temporal_patch_size",
                config.temporal_patch_size.unwrap_or(2),
            ),
            ("merge_size", config.merge_size.unwrap_or(2)),
        ];
        for ((name, size), most) in sizes.into_iter().zip([1024, 16, 64]) {
            if !(1..=most).contains(&size) {
                return fail(format!("{name} = {size} must be from 1 to {most}"));
            }
        }
        if let Some(std) = config.image_std
            && std.iter().any(|std| !std.is_finite() || *std <= 0.0)
        {
            return fail(format!("image_std = {std:?} must be above 0"));
        }
        let [(_, patch_size), (_, temporal_patch_size), (_, merge_size)] = sizes;
        let side = patch_size * merge_size;
        if side > MAX_SIDE {
            return fail(format!(
                "patch_size x merge_size = {side}: the patches of a token may be {MAX_SIDE} pixels wide at the most"
            ));
        }
        if min_pixels > MAX_AREA {
            return fail(format!(
                "min_pixels = {min_pixels}: pictures may be made {MAX_AREA} pixels large at the most"
            ));
        }
        let levels = levels(config);
        if levels.iter().flatten().any(|level| !level.is_finite()) {
            return fail(
                "rescale_factor, image_mean and image_std make pixels that are no finite numbers"
                    .into(),
            );
        }
        Ok(Self {
            path,
            patch_size,
            temporal_patch_size,
            merge_size,
            min_pixels,
            max_pixels,
            levels,
        })
    }

    /// Patches that are merged into one token, in height and in width.
    pub fn merge_size(&self) -> usize {
        self.merge_size
    }

    /// Side of a patch, frames in it, and patches merged in height and in width.
    pub fn geometry(&self) -> [usize; 3] {
        [self.patch_size, self.temporal_patch_size, self.merge_size]
    }

    /// Tokens that stand for an image of this grid.
    pub fn tokens(&self, grid: [usize; 3]) -> usize {
        grid.iter().product::<usize>() / (self.merge_size * self.merge_size)
    }

    /// The image at the size that the patches are cut from.
    ///
    /// # Errors
    /// [`Error::Model`] if one side is more than 200 times the other, or the picture would become too large.
    pub fn resize(&self, image: &RgbImage) -> Result<RgbImage> {
        let factor = self.patch_size * self.merge_size;
        smart_resize(
            image.height() as usize,
            image.width() as usize,
            factor,
            self.min_pixels,
            self.max_pixels,
        )
        .and_then(|(height, width)| {
            let area = height as u64 * width as u64;
            if area > MAX_AREA {
                return Err(format!(
                    "an image of {}x{} pixels would become one of {width}x{height}: more than {MAX_AREA} pixels",
                    image.width(),
                    image.height()
                ));
            }
            Ok(resize_bicubic(image, height, width))
        })
        .map_err(|message| Error::model(&self.path, message))
    }

    /// Width and height of the image that patches were cut from.
    pub fn size(&self, patches: &ImagePatches) -> (usize, usize) {
        let [_, rows, columns] = patches.grid;
        (columns * self.patch_size, rows * self.patch_size)
    }

    /// Resizes, normalises and cuts one image. A still image fills its temporal patch with copies.
    ///
    /// # Errors
    /// As [`resize`](Self::resize).
    pub fn patches(&self, image: &RgbImage) -> Result<ImagePatches> {
        let image = self.resize(image)?;
        let (patch, merge) = (self.patch_size, self.merge_size);
        let (rows, columns) = (
            image.height() as usize / patch,
            image.width() as usize / patch,
        );
        let stride = image.width() as usize * 3;
        let pixels = image.as_raw();
        let mut values =
            Vec::with_capacity(rows * columns * 3 * self.temporal_patch_size * patch * patch);
        for block in 0..rows * columns / (merge * merge) {
            let block_row = block / (columns / merge);
            let block_column = block % (columns / merge);
            for inner in 0..merge * merge {
                let top = (block_row * merge + inner / merge) * patch;
                let left = (block_column * merge + inner % merge) * patch;
                for (channel, levels) in self.levels.iter().enumerate() {
                    for _ in 0..self.temporal_patch_size {
                        for y in top..top + patch {
                            let line = &pixels[y * stride + left * 3..][..patch * 3];
                            values.extend(
                                line.iter()
                                    .skip(channel)
                                    .step_by(3)
                                    .map(|&level| levels[usize::from(level)]),
                            );
                        }
                    }
                }
            }
        }
        Ok(ImagePatches {
            grid: [1, rows, columns],
            values,
        })
    }
}

fn levels(config: &PreprocessorConfig) -> [[f32; 256]; 3] {
    let scale = if config.do_rescale.unwrap_or(true) {
        config.rescale_factor.unwrap_or(1.0 / 255.0)
    } else {
        1.0
    };
    let (mean, std) = if config.do_normalize.unwrap_or(true) {
        (
            config.image_mean.unwrap_or(CLIP_MEAN),
            config.image_std.unwrap_or(CLIP_STD),
        )
    } else {
        ([0.0; 3], [1.0; 3])
    };
    // transformers rescales in f64, rounds to f32 and normalises in f32.
    std::array::from_fn(|channel| {
        std::array::from_fn(|level| {
            ((level as f64 * scale) as f32 - mean[channel] as f32) / std[channel] as f32
        })
    })
}
