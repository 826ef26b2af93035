//! PNG, line by line: each line becomes RGB at once, whatever its pixels took.

use std::io::Cursor;

use image::error::{DecodingError, LimitError, LimitErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageError, ImageFormat, RgbImage};
use png::{BitDepth, ColorType, InterlaceInfo, Transformations};

use super::{Cost, Unreadable, to_rgb, upright};

/// Bytes that the decoder may take besides the pixels: lines, and chunks that it reads.
const MAX_LINES: usize = 64 << 20;

/// Pixels that are converted together.
const PIECE: usize = 4096;

/// Bytes of a pixel.
const RGB: usize = 3;

impl From<png::DecodingError> for Unreadable {
    fn from(error: png::DecodingError) -> Self {
        match error {
            png::DecodingError::IoError(source) => ImageError::IoError(source),
            png::DecodingError::LimitsExceeded => {
                ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory))
            }
            other => ImageError::Decoding(DecodingError::new(ImageFormat::Png.into(), other)),
        }
        .into()
    }
}

/// Decodes the bytes of a PNG image; of an animated one the first picture.
pub(super) fn rgb(file: &[u8]) -> Result<RgbImage, Unreadable> {
    let limits = png::Limits { bytes: MAX_LINES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    // They are compressed, and nobody looks at them.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    // Colours from palettes, and at least 8 bits for each channel.
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info()?;
    let size = (header.width, header.height);
    let mut cost = Cost {
        size,
        file: file.len() as u64,
        between: 0,
        orientation: Orientation::NoTransforms,
    };
    cost.check()?;
    let mut reader = decoder.read_info()?;
    let exif = reader.info().exif_metadata.as_deref();
    if let Some(orientation) = exif.and_then(Orientation::from_exif_chunk) {
        cost.orientation = orientation;
        cost.check()?;
    }
    let kind = reader.output_color_type();
    let mut image = RgbImage::new(size.0, size.1);
    let stride = RGB * size.0 as usize;
    let mut lines = image.chunks_exact_mut(stride);
    let mut line = Vec::new();
    if reader.info().interlaced {
        while let Some(row) = reader.next_interlaced_row()? {
            line.clear();
            convert(kind, row.data(), &mut line)?;
            if let InterlaceInfo::Adam7(place) = row.interlace() {
                png::expand_interlaced_row(&mut image, stride, &line, place, 8 * RGB as u8);
            }
        }
    } else {
        while let Some(row) = reader.next_row()? {
            line.clear();
            convert(kind, row.data(), &mut line)?;
            let Some(target) = lines.next() else {
                continue;
            };
            let count = line.len().min(target.len());
            target[..count].copy_from_slice(&line[..count]);
        }
    }
    Ok(upright(image, cost.orientation))
}

/// Appends the pixels of a line as RGB.
fn convert(
    (colour, depth): (ColorType, BitDepth),
    line: &[u8],
    rgb: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let bytes = colour.samples() * if depth == BitDepth::Sixteen { 2 } else { 1 };
    if (colour, depth) == (ColorType::Rgb, BitDepth::Eight) {
        rgb.extend_from_slice(line);
        return Ok(());
    }
    for piece in line.chunks(PIECE * bytes) {
        let width = (piece.len() / bytes) as u32;
        let eight = || piece.to_vec();
        let sixteen = || -> Vec<u16> {
            let (samples, _) = piece.as_chunks();
            samples.iter().copied().map(u16::from_be_bytes).collect()
        };
        let image = match (colour, depth) {
            (ColorType::Grayscale, BitDepth::Eight) => {
                ImageBuffer::from_raw(width, 1, eight()).map(DynamicImage::ImageLuma8)
            }
            (ColorType::Grayscale, BitDepth::Sixteen) => {
                ImageBuffer::from_raw(width, 1, sixteen()).map(DynamicImage::ImageLuma16)
            }
            (ColorType::GrayscaleAlpha, BitDepth::Eight) => {
                ImageBuffer::from_raw(width, 1, eight()).map(DynamicImage::ImageLumaA8)
            }
            (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => {
                ImageBuffer::from_raw(width, 1, sixteen()).map(DynamicImage::ImageLumaA16)
            }
            (ColorType::Rgb, BitDepth::Sixteen) => {
                ImageBuffer::from_raw(width, 1, sixteen()).map(DynamicImage::ImageRgb16)
            }
            (ColorType::Rgba, BitDepth::Eight) => {
                ImageBuffer::from_raw(width, 1, eight()).map(DynamicImage::ImageRgba8)
            }
            (ColorType::Rgba, BitDepth::Sixteen) => {
                ImageBuffer::from_raw(width, 1, sixteen()).map(DynamicImage::ImageRgba16)
            }
            // The decoder expands everything else.
            _ => None,
        };
        let image = image.ok_or_else(|| {
            let what = format!("pixels that are not known: {colour:?}, {depth:?}");
            ImageError::Decoding(DecodingError::new(ImageFormat::Png.into(), what))
        })?;
        rgb.extend_from_slice(&to_rgb(image));
    }
    Ok(())
}
