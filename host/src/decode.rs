//! Image files as RGB pixels: one way for training and for `rlhost score`.
//!
//! A small file can become a huge picture. So what the pixels take, and what decoding takes besides, is known from
//! the headers and bounded before anything is decoded; of what is not looked at, such as colour profiles and texts,
//! nothing is unpacked.

mod jpeg;
mod png;

use std::io::{self, Cursor};

use image::metadata::Orientation;
use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Rgb, RgbImage};

/// Bytes of an image file.
pub(crate) const MAX_FILE: u64 = 512 << 20;

/// Bytes of a picture's pixels: width × height × 3.
const MAX_PIXELS: u64 = 512 << 20;

/// Bytes that decoding may take in all: file, pixels, and what lies between them.
const MAX_DECODING: u64 = 1 << 30;

/// Scans of a JPEG image. Programs write about ten; each goes over the whole picture.
const MAX_SCANS: usize = 100;

/// Why there are no pixels.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the image can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("not a PNG or JPEG image that can be read: {0}")]
    Broken(ImageError),
    #[error("a {} image, and PNG and JPEG are read: convert it", name(*.0))]
    Format(ImageFormat),
    #[error("the image file is empty")]
    Empty,
    #[error("the JPEG image is cut off: the end of the file is missing")]
    CutOff,
    #[error(
        "the image is too large: {width}x{height} pixels take {bytes} bytes as RGB, and the limit is {MAX_PIXELS}: \
         make it smaller"
    )]
    Pixels { width: u32, height: u32, bytes: u64 },
    #[error(
        "the image is too large: to decode {width}x{height} pixels of this kind takes {bytes} bytes, and the limit is \
         {MAX_DECODING}: make it smaller, or save it as a plain JPEG or PNG"
    )]
    Decoding { width: u32, height: u32, bytes: u64 },
    #[error("the JPEG image has {0} scans, and the limit is {MAX_SCANS}: save it anew")]
    Scans(usize),
}

impl From<ImageError> for Unreadable {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::IoError(source) => Self::Io(source),
            other => Self::Broken(other),
        }
    }
}

/// Decodes the bytes of a PNG or JPEG image: turned upright as its EXIF orientation says, grey repeated to three
/// channels, transparency laid over white.
pub(crate) fn rgb(file: &[u8]) -> Result<RgbImage, Unreadable> {
    if file.is_empty() {
        return Err(Unreadable::Empty);
    }
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    match reader.format() {
        Some(ImageFormat::Png) => png::rgb(file),
        Some(ImageFormat::Jpeg) => jpeg::rgb(file),
        Some(other) => Err(Unreadable::Format(other)),
        // The library says what it is not.
        None => Ok(to_rgb(reader.decode()?)),
    }
}

/// What decoding needs besides the pixels that come out of it.
struct Cost {
    size: (u32, u32),
    /// Bytes of the file, as often as it is held.
    file: u64,
    /// Bytes that are held until the pixels are there.
    between: u64,
    orientation: Orientation,
}

impl Cost {
    /// Checks both limits.
    fn check(&self) -> Result<(), Unreadable> {
        let (width, height) = self.size;
        let pixels = 3 * u64::from(width) * u64::from(height);
        if pixels > MAX_PIXELS {
            return Err(Unreadable::Pixels {
                width,
                height,
                bytes: pixels,
            });
        }
        // A picture that lies on its side is copied when it is turned.
        let copied = match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => pixels,
            _ => 0,
        };
        let bytes = self.file + pixels + self.between.max(copied);
        if bytes > MAX_DECODING {
            return Err(Unreadable::Decoding {
                width,
                height,
                bytes,
            });
        }
        Ok(())
    }
}

/// The name of a format as people write it.
fn name(format: ImageFormat) -> String {
    format!("{format:?}").to_uppercase()
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

/// The picture upright.
fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return image;
    }
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}
