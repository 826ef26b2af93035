//! Image files as RGB pixels: one way for training and for `rlhost score`.

use std::io::{self, BufRead, Seek};

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};

/// Bytes that a decoded picture may have, and its decoder besides.
const MAX_DECODED: u64 = 512 << 20;

/// Why there are no pixels.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the image can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("not a PNG or JPEG image that can be read: {0}")]
    Broken(ImageError),
}

impl From<ImageError> for Unreadable {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::IoError(source) => Self::Io(source),
            other => Self::Broken(other),
        }
    }
}

/// Reads a PNG or JPEG image: turned upright as its EXIF orientation says, grey repeated to three
/// channels, transparency laid over white.
pub(crate) fn rgb(file: impl BufRead + Seek) -> Result<RgbImage, Unreadable> {
    let reader = ImageReader::new(file).with_guessed_format()?;
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    // A small file can claim to be a huge picture; the reader's own limits don't cover this way.
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let mut image = DynamicImage::from_decoder(decoder)?;
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
