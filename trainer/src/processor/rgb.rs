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
    let image = rlhost_host::Image::open(path)?;
    RgbImage::from_raw(image.width(), image.height(), image.rgb().to_vec()).ok_or_else(|| {
        Error::Config(format!(
            "{}: an image of this size can't be held",
            path.display()
        ))
    })
}
