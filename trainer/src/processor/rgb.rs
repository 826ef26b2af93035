//! Image files as RGB pixels.

use std::path::Path;

use image::RgbImage;

use crate::{Error, Result};

/// Reads a PNG or JPEG file as rewards see it ([`rlhost_host::Image::open`]): turned upright as its
/// EXIF orientation says, grey repeated to three channels, transparency laid over white.
///
/// # Errors
/// [`Error::Host`] that names the file, also if it is not an image.
pub fn load_rgb(path: &Path) -> Result<RgbImage> {
    rgb_of(rlhost_host::Image::open(path)?)
}

/// A picture of rewards as pixels to resize and cut.
pub(crate) fn rgb_of(image: rlhost_host::Image) -> Result<RgbImage> {
    let (width, height) = (image.width(), image.height());
    RgbImage::from_raw(width, height, image.into_rgb())
        .ok_or_else(|| Error::Config(format!("an image of {width}x{height} pixels can't be held")))
}
