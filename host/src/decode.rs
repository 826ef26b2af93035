//! Image files as RGB pixels: one way for training and for `rlhost score`.

use std::io::{self, BufRead, ErrorKind, Read, Seek};

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
};

/// Bytes that a decoded picture may have, and its decoder besides.
const MAX_DECODED: u64 = 512 << 20;

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
pub(crate) fn rgb(mut file: impl BufRead + Seek) -> Result<RgbImage, Unreadable> {
    if file.fill_buf()?.is_empty() {
        return Err(Unreadable::Empty);
    }
    let reader = ImageReader::new(file).with_guessed_format()?;
    let format = reader.format();
    if let Some(other) = format.filter(|f| !matches!(f, ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(Unreadable::Format(other));
    }
    let mut file = reader.into_inner();
    if format == Some(ImageFormat::Jpeg) {
        // The decoder fills what is missing with grey.
        if is_cut_off(&mut file)? {
            return Err(Unreadable::CutOff);
        }
        file.rewind()?;
    }
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

/// The name of a format as people write it.
fn name(format: ImageFormat) -> String {
    format!("{format:?}").to_uppercase()
}

/// Whether a JPEG file ends before its end marker (ITU-T T.81, annex B). What is not built of markers
/// is left to the decoder.
fn is_cut_off(file: &mut impl BufRead) -> io::Result<bool> {
    match find_end(file) {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(true),
        Err(error) => Err(error),
    }
}

/// Reads up to the end marker, or to what is no marker where one ought to be.
fn find_end(file: &mut impl BufRead) -> io::Result<()> {
    let mut byte = [0];
    let mut next = |file: &mut dyn BufRead| file.read_exact(&mut byte).map(|()| byte[0]);
    if (next(file)?, next(file)?) != (0xff, 0xd8) {
        return Ok(());
    }
    // After the start of a scan its data follows: there a marker is what is no escaped byte and no restart.
    let mut in_scan = false;
    loop {
        let mut code = next(file)?;
        if code != 0xff {
            if in_scan {
                continue;
            }
            return Ok(());
        }
        while code == 0xff {
            code = next(file)?;
        }
        match code {
            0xd9 => return Ok(()),
            0x00 | 0xd0..=0xd7 if in_scan => {}
            0x01 | 0xd0..=0xd7 => {}
            _ => {
                in_scan = code == 0xda;
                let length = u64::from(u16::from_be_bytes([next(file)?, next(file)?]));
                let rest = length.saturating_sub(2);
                let skipped = io::copy(&mut file.by_ref().take(rest), &mut io::sink())?;
                if skipped < rest {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
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
