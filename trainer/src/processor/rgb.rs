//! Image files as RGB pixels.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};

use crate::{Error, Result};

/// Reads a PNG or JPEG file: turned upright as its EXIF orientation says, gray repeated to three
/// channels, transparency laid over white.
///
/// # Errors
/// [`Error::Io`] that names the file, also if it is not an image.
pub fn load_rgb(path: &Path) -> Result<RgbImage> {
    let named = |source| Error::io(path, source);
    let file = File::open(path).map_err(named)?;
    let broken = |error: ImageError| match error {
        ImageError::IoError(source) => named(source),
        other => named(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            format!("not a PNG or JPEG image that can be read: {other}"),
        )),
    };
    let mut decoder = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(named)?
        .into_decoder()
        .map_err(broken)?;
    let orientation = decoder.orientation().map_err(broken)?;
    // A small file can claim to be a huge picture; the reader's own limits don't cover this way.
    let mut limits = Limits::default();
    limits.reserve(decoder.total_bytes()).map_err(broken)?;
    decoder.set_limits(limits).map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(to_rgb(image))
}

/// Converts to RGB, transparency laid over white with Pillow's rounding.
pub fn to_rgb(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let source = image.into_rgba8();
    let mut target = RgbImage::new(source.width(), source.height());
    for (from, to) in source.pixels().zip(target.pixels_mut()) {
        let [r, g, b, a] = from.0.map(u32::from);
        let blend = |channel: u32| {
            // Fixed point with 7 bits and a rounded division by 255, as in Pillow's alpha_composite.
            let sum = (channel * a + 255 * (255 - a)) * 128 + (0x80 << 7);
            ((((sum >> 8) + sum) >> 8) >> 7) as u8
        };
        *to = Rgb([blend(r), blend(g), blend(b)]);
    }
    target
}
