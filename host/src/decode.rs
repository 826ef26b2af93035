//! Image files as RGB pixels: one way for training and for `rlhost score`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};

/// Reads a PNG or JPEG file: turned upright as its EXIF orientation says, grey repeated to three
/// channels, transparency laid over white. The error is a message without the file's name.
pub(crate) fn open_rgb(path: &Path) -> Result<RgbImage, String> {
    let unreadable = |e: std::io::Error| format!("the image can't be read: {e}");
    let file = File::open(path).map_err(unreadable)?;
    let broken = |error: ImageError| match error {
        ImageError::IoError(source) => unreadable(source),
        other => format!("not a PNG or JPEG image that can be read: {other}"),
    };
    let mut decoder = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(unreadable)?
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
fn to_rgb(image: DynamicImage) -> RgbImage {
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
