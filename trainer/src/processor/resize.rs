//! Sizes and resampling as Hugging Face's Qwen2-VL image processor has them.

use image::RgbImage;

/// The size, (height, width), that an image of `height` × `width` pixels is resized to: both
/// multiples of `factor`, the area between `min_pixels` and `max_pixels`, the aspect ratio kept as
/// closely as possible (`smart_resize` of transformers).
///
/// # Errors
/// A message if a side is 0 or one side is more than 200 times the other.
///
/// ```
/// use rlhost_trainer::processor::smart_resize;
///
/// assert_eq!(smart_resize(100, 75, 28, 3136, 1_003_520), Ok((112, 84)));
/// ```
pub fn smart_resize(
    height: usize,
    width: usize,
    factor: usize,
    min_pixels: u64,
    max_pixels: u64,
) -> Result<(usize, usize), String> {
    if height == 0 || width == 0 {
        return Err(format!("an image of {width}x{height} pixels is empty"));
    }
    let (h, w) = (height as f64, width as f64);
    let ratio = h.max(w) / h.min(w);
    if ratio > 200.0 {
        return Err(format!(
            "absolute aspect ratio must be smaller than 200, got {ratio:?}"
        ));
    }
    let step = factor as f64;
    let rounded = |side: f64| (side / step).round_ties_even() * step;
    let (mut new_h, mut new_w) = (rounded(h), rounded(w));
    if new_h * new_w > max_pixels as f64 {
        let shrink = (h * w / max_pixels as f64).sqrt();
        new_h = step.max((h / shrink / step).floor() * step);
        new_w = step.max((w / shrink / step).floor() * step);
    } else if new_h * new_w < min_pixels as f64 {
        let grow = (min_pixels as f64 / (h * w)).sqrt();
        new_h = (h * grow / step).ceil() * step;
        new_w = (w * grow / step).ceil() * step;
    }
    Ok((new_h as usize, new_w as usize))
}

/// The size, (width, height), that `RLLaVA` shrinks or grows an image of `width` × `height` pixels
/// to before the model's own processor sees it: the area brought to `max_pixels` if it is above and
/// to `min_pixels` if it is below, both sides by the same factor and cut to whole pixels.
pub fn fit_pixels(
    width: u32,
    height: u32,
    min_pixels: Option<u64>,
    max_pixels: Option<u64>,
) -> (u32, u32) {
    let scaled = |(width, height): (u32, u32), pixels: u64| {
        let factor = (pixels as f64 / (f64::from(width) * f64::from(height))).sqrt();
        let side = |side: u32| ((f64::from(side) * factor) as u32).max(1);
        (side(width), side(height))
    };
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let mut size = (width, height);
    if let Some(max) = max_pixels.filter(|max| area(size) > *max) {
        size = scaled(size, max);
    }
    if let Some(min) = min_pixels.filter(|min| area(size) < *min && area(size) > 0) {
        size = scaled(size, min);
    }
    size
}

/// Bits behind the point of Pillow's weights: 8 for the pixel and 2 for overshoot are left.
const PRECISION: u32 = 32 - 8 - 2;

/// Resizes to the last bit as Pillow 13's `Image.resize(…, BICUBIC)` does: along the rows and
/// along the columns, with a support that grows when the image shrinks, and rounded to 8 bits in
/// between.
///
/// The rounding makes the order of the two passes count. Pillow 13 takes the columns first if the
/// height falls by more than twice what the width falls (found by comparing 5,600 random sizes);
/// older ones always take the rows first, which changes some pixels by up to 3 levels.
pub(super) fn resize_bicubic(image: &RgbImage, height: usize, width: usize) -> RgbImage {
    let (old_height, old_width) = (image.height() as usize, image.width() as usize);
    let source = image.as_raw();
    let columns_first = height < old_height && old_height - height + 2 * width > 2 * old_width;
    let pixels = if columns_first {
        let lower = along_columns(source, old_width, old_height, height);
        along_rows(&lower, old_width, width)
    } else {
        let narrower = along_rows(source, old_width, width);
        along_columns(&narrower, width, old_height, height)
    };
    RgbImage::from_raw(width as u32, height as u32, pixels)
        .expect("there are 3 bytes for each pixel")
}

/// Resizes every row of RGB pixels.
fn along_rows(pixels: &[u8], old_width: usize, width: usize) -> Vec<u8> {
    if old_width == width {
        return pixels.to_vec();
    }
    let windows = windows(old_width, width);
    let mut resized = Vec::with_capacity(pixels.len() / old_width * width);
    for row in pixels.chunks_exact(old_width * 3) {
        for window in &windows {
            let source = &row[window.start * 3..];
            for channel in 0..3 {
                resized.push(window.sum(source.iter().skip(channel).step_by(3)));
            }
        }
    }
    resized
}

/// Resizes every column of RGB pixels.
fn along_columns(pixels: &[u8], width: usize, old_height: usize, height: usize) -> Vec<u8> {
    if old_height == height {
        return pixels.to_vec();
    }
    let stride = width * 3;
    let mut resized = Vec::with_capacity(height * stride);
    for window in windows(old_height, height) {
        let source = &pixels[window.start * stride..];
        for column in 0..stride {
            resized.push(window.sum(source.iter().skip(column).step_by(stride)));
        }
    }
    resized
}

/// The pixels that an output pixel is a weighted sum of.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

impl Window {
    fn sum<'a>(&self, pixels: impl Iterator<Item = &'a u8>) -> u8 {
        let half = 1 << (PRECISION - 1);
        let sum = self
            .weights
            .iter()
            .zip(pixels)
            .fold(half, |sum, (weight, &pixel)| {
                sum + weight * i32::from(pixel)
            });
        (sum >> PRECISION).clamp(0, 255) as u8
    }
}

fn windows(old: usize, new: usize) -> Vec<Window> {
    let scale = old as f64 / new as f64;
    let filter_scale = scale.max(1.0);
    let support = 2.0 * filter_scale;
    (0..new)
        .map(|place| {
            let center = (place as f64 + 0.5) * scale;
            let start = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(old);
            let weights: Vec<f64> = (start..end)
                .map(|x| cubic((x as f64 - center + 0.5) / filter_scale))
                .collect();
            let total: f64 = weights.iter().sum();
            let fixed = |weight: f64| (weight / total * f64::from(1 << PRECISION)).round() as i32;
            Window {
                start,
                weights: weights.into_iter().map(fixed).collect(),
            }
        })
        .collect()
}

/// Keys' cubic convolution with a = −1/2.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        -0.5 * (((x - 5.0) * x + 8.0) * x - 4.0)
    } else {
        0.0
    }
}
