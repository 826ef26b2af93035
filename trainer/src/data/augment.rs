//! Random affine changes of training images.

use image::{Rgb, RgbImage};

use crate::config::AugmentConfig;
use crate::random::{Domain, Stream};

/// Rotates, shears, scales and shifts an image around its centre, by amounts that depend only on
/// (`seed`, `draw`, `image`): the run's seed, the ordinal of the prompt and the image's place in it.
///
/// Each amount is uniform between minus and plus its limit. Pixels are interpolated bilinearly;
/// what lies outside takes the colour of the nearest edge. Without limits the image is unchanged.
pub fn augment(
    source: &RgbImage,
    config: &AugmentConfig,
    seed: u64,
    draw: u64,
    image: u32,
) -> RgbImage {
    let limits = [config.rotate, config.shear, config.scale, config.translate];
    let (width, height) = source.dimensions();
    if limits.iter().all(|&limit| limit == 0.0) || width == 0 || height == 0 {
        return source.clone();
    }
    let stream = Stream::new(seed, Domain::Augmentation, draw, image);
    let amount = |position: u32, limit: f64| (2.0 * stream.uniform(position) - 1.0) * limit;
    let angle = amount(0, config.rotate).to_radians();
    let slope = amount(1, config.shear).to_radians().tan();
    let scale = 1.0 + amount(2, config.scale);
    let shift_x = amount(3, config.translate) * f64::from(width);
    let shift_y = amount(4, config.translate) * f64::from(height);

    // target = centre + shift + scale · R(angle) · [1 slope; 0 1] · (source − centre), inverted.
    let (sin, cos) = angle.sin_cos();
    let (center_x, center_y) = (f64::from(width - 1) / 2.0, f64::from(height - 1) / 2.0);
    RgbImage::from_fn(width, height, |x, y| {
        let dx = (f64::from(x) - center_x - shift_x) / scale;
        let dy = (f64::from(y) - center_y - shift_y) / scale;
        let unturned_y = cos * dy - sin * dx;
        let unturned_x = cos * dx + sin * dy - slope * unturned_y;
        bilinear(source, center_x + unturned_x, center_y + unturned_y)
    })
}

fn bilinear(source: &RgbImage, x: f64, y: f64) -> Rgb<u8> {
    let x = x.clamp(0.0, f64::from(source.width() - 1));
    let y = y.clamp(0.0, f64::from(source.height() - 1));
    let (left, top) = (x as u32, y as u32);
    let right = (left + 1).min(source.width() - 1);
    let bottom = (top + 1).min(source.height() - 1);
    let (fx, fy) = (x.fract(), y.fract());
    let corners = [
        (source.get_pixel(left, top), (1.0 - fx) * (1.0 - fy)),
        (source.get_pixel(right, top), fx * (1.0 - fy)),
        (source.get_pixel(left, bottom), (1.0 - fx) * fy),
        (source.get_pixel(right, bottom), fx * fy),
    ];
    Rgb(std::array::from_fn(|channel| {
        let sum: f64 = corners
            .iter()
            .map(|(pixel, weight)| f64::from(pixel.0[channel]) * weight)
            .sum();
        sum.round() as u8
    }))
}
