//! JPEG. What decoding takes depends on how the file is built, which its markers say (ITU-T T.81, annex B).

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{DynamicImage, ImageDecoder, RgbImage};

use super::{Cost, MAX_SCANS, Unreadable, to_rgb, upright};

/// The most components, where the markers don't say how many there are.
const MOST_COMPONENTS: u64 = 4;

/// Pixels on a side of the largest unit that pictures are padded to: 8 times the largest factor of sampling.
const LARGEST_UNIT: u64 = 32;

/// Decodes the bytes of a JPEG image.
pub(super) fn rgb(file: &[u8]) -> Result<RgbImage, Unreadable> {
    let markers = Markers::of(file).ok_or(Unreadable::CutOff)?;
    if markers.scans > MAX_SCANS {
        return Err(Unreadable::Scans(markers.scans));
    }
    let mut decoder = JpegDecoder::new(Cursor::new(file))?;
    let size = decoder.dimensions();
    let orientation = decoder.orientation()?;
    let grey = u64::from(decoder.color_type().channel_count() == 1);
    let (width, height) = (u64::from(size.0), u64::from(size.1));
    let padded = width.next_multiple_of(LARGEST_UNIT) * height.next_multiple_of(LARGEST_UNIT);
    let cost = Cost {
        size,
        // Ours, and the decoder's copy.
        file: 2 * file.len() as u64,
        between: grey * width * height + 2 * markers.kept_components() * padded,
        orientation,
    };
    cost.check()?;
    let image = DynamicImage::from_decoder(decoder)?;
    Ok(upright(to_rgb(image), orientation))
}

/// What the markers of a file say.
#[derive(Default)]
struct Markers {
    /// Components of the frame.
    components: u64,
    /// Whether all coefficients are kept until the last scan is read: those of a progressive picture, and of one
    /// whose components stand one after the other.
    kept: bool,
    scans: usize,
    /// Whether the file is built of markers to its end. What is not is left to the decoder.
    whole: bool,
}

impl Markers {
    /// Reads up to the end marker, or to what is no marker where one ought to be; `None` where the file ends before.
    /// The decoder would fill what is missing with grey.
    fn of(file: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        let Some(mut rest) = file.strip_prefix(b"\xff\xd8") else {
            return (file.len() >= 2).then_some(found);
        };
        // After the start of a scan its data follows: there a marker is what is no escaped byte and no restart.
        let mut in_scan = false;
        loop {
            let start = rest.iter().position(|byte| *byte == 0xff)?;
            if start > 0 && !in_scan {
                return Some(found);
            }
            rest = &rest[start..];
            let code = rest.iter().position(|byte| *byte != 0xff)?;
            let marker = rest[code];
            rest = &rest[code + 1..];
            match marker {
                0xd9 => {
                    found.whole = true;
                    return Some(found);
                }
                0x00 | 0xd0..=0xd7 if in_scan => continue,
                0x01 | 0xd0..=0xd7 => continue,
                _ => {}
            }
            let (length, _) = rest.split_first_chunk()?;
            let length = usize::from(u16::from_be_bytes(*length)).max(2);
            let segment = rest.get(2..length)?;
            rest = &rest[length..];
            in_scan = marker == 0xda;
            match marker {
                0xc0..=0xc2 => {
                    found.kept |= marker == 0xc2;
                    // Precision, height and width stand before it.
                    let components = segment.get(5).copied().map_or(MOST_COMPONENTS, u64::from);
                    found.components = found.components.max(components);
                }
                0xda => {
                    let here = segment.first().copied().map_or(0, u64::from);
                    found.kept |= here != found.components;
                    found.scans += 1;
                }
                _ => {}
            }
        }
    }

    /// Components whose coefficients are kept, each of two bytes.
    fn kept_components(&self) -> u64 {
        match (self.whole, self.kept) {
            (true, false) => 0,
            (true, true) => self.components.min(MOST_COMPONENTS),
            (false, _) => MOST_COMPONENTS,
        }
    }
}
