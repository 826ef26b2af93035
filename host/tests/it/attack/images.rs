//! Image files that are larger than they look, or not what they say.

use std::fs;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};
use rlhost_host::{Image, SampleReader};
use std::io::Cursor;

use crate::guest::Folder;

/// CRC-32 as PNG has it (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    [
        &(data.len() as u32).to_be_bytes()[..],
        &body,
        &crc(&body).to_be_bytes(),
    ]
    .concat()
}

/// A PNG of this size, depth and colour type, whose pixels are one stored block of zeros.
fn png(width: u32, height: u32, depth: u8, colour: u8, zeros: u16) -> Vec<u8> {
    let header = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[depth, colour, 0, 0, 0],
    ]
    .concat();
    png_of(&header, &vec![0; zeros.into()])
}

/// A PNG of this header, whose lines are one stored block.
fn png_of(header: &[u8], lines: &[u8]) -> Vec<u8> {
    // zlib (RFC 1950): header, one stored block, Adler-32.
    let length = (lines.len() as u16).to_le_bytes();
    let (mut a, mut b) = (1, 0);
    for byte in lines {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let data = [
        &[0x78, 0x01, 0x01][..],
        &length,
        &[!length[0], !length[1]],
        lines,
        &(b << 16 | a).to_be_bytes(),
    ]
    .concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", header),
        chunk(b"IDAT", &data),
        chunk(b"IEND", b""),
    ]
    .concat()
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 128]));
    JpegEncoder::new(&mut bytes).encode_image(&image).unwrap();
    bytes
}

/// The same JPEG, but its frame header says another size.
fn resized(mut jpeg: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let is_frame = |w: &[u8]| w == [0xff, 0xc0] || w == [0xff, 0xc2];
    let at = jpeg.windows(2).position(is_frame).unwrap();
    jpeg[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// The same JPEG, but its frame header says that it is progressive.
fn progressive(mut jpeg: Vec<u8>) -> Vec<u8> {
    let at = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[at + 1] = 0xc2;
    jpeg
}

/// Bytes of memory of this process: those that it holds, or held at the most.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() << 10
}

/// Forgets what the process held at the most, and returns what it holds.
fn clear_peak() -> u64 {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    memory("VmHWM:")
}

fn refused(what: &str, bytes: &[u8]) -> String {
    let start = Instant::now();
    let error = Image::decode(bytes).expect_err(what).to_string();
    // Nothing of the claimed size was touched.
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{what}: {:?}",
        start.elapsed()
    );
    error
}

#[test]
fn a_small_file_that_claims_to_be_a_huge_picture_is_refused() {
    for (what, bytes) in [
        ("a PNG of 50,000 x 50,000", png(50_000, 50_000, 8, 2, 100)),
        ("a grey PNG of 1 bit", png(200_000, 100_000, 1, 0, 100)),
        (
            "a PNG as large as can be",
            png(0x7fff_ffff, 0x7fff_ffff, 16, 6, 100),
        ),
        ("a PNG of one line", png(0x7fff_ffff, 1, 8, 2, 100)),
        // Its pixels take 60 MB as they are, and 1.45 GB as RGB.
        ("a PNG of 1 bit", png(22_000, 22_000, 1, 0, 100)),
        ("a PNG of 8 bits", png(22_000, 22_000, 8, 0, 100)),
        // Of 360 MB of pixels, but all its coefficients are kept.
        (
            "a progressive JPEG",
            resized(progressive(jpeg(8, 8)), 10_000, 12_000),
        ),
        (
            "a JPEG of 65,535 x 65,535",
            resized(jpeg(8, 8), 65_535, 65_535),
        ),
        (
            "a JPEG of 20,000 x 20,000",
            resized(jpeg(8, 8), 20_000, 20_000),
        ),
    ] {
        let error = refused(what, &bytes);
        assert!(
            error.contains("limit") || error.contains("large"),
            "{what}: {error}"
        );
    }
}

/// Zeros by the million, as zlib (RFC 1950) packs them at its best: a zero, and the last 258 bytes again and again.
fn packed_zeros(times: usize) -> Vec<u8> {
    // Deflate (RFC 1951) with its fixed codes: the last block, a literal, matches, the end.
    let (head, zero) = ([1, 1, 0], [0, 0, 1, 1, 0, 0, 0, 0]);
    let again = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let bits = [&head[..], &zero, &again.repeat(times), &[0; 7]].concat();
    let pack = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    let bytes: Vec<u8> = bits.chunks(8).map(pack).collect();
    let adler = ((258 * times + 1) % 65_521) << 16 | 1;
    [&[0x78, 0x01][..], &bytes, &(adler as u32).to_be_bytes()].concat()
}

/// A colour profile and a text of 100 MB each.
#[test]
fn what_is_not_looked_at_is_not_unpacked() {
    let packed = packed_zeros(400_000);
    let mut bytes = png(3, 3, 8, 2, 30);
    let profile = chunk(b"iCCP", &[b"x\0\0", &packed[..]].concat());
    let text = chunk(b"zTXt", &[b"XML:com.adobe.xmp\0\0", &packed[..]].concat());
    bytes.splice(33..33, [profile, text].concat());
    let before = clear_peak();
    assert_eq!(Image::decode(&bytes).unwrap().rgb(), [0; 27]);
    let taken = memory("VmHWM:") - before;
    assert!(taken < 32 << 20, "{taken}");
}

/// Each scan goes over the whole picture, and takes 12 bytes in the file.
#[test]
fn a_jpeg_of_very_many_scans_is_refused() {
    let mut photo = progressive(jpeg(64, 64));
    let end = photo.len() - 2;
    let scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\x12\x34";
    photo.splice(end..end, scan.repeat(100));
    let error = refused("101 scans", &photo);
    assert!(error.contains("101 scans"), "{error}");
}

/// A whole line of any kind of pixels, converted as the library converts whole pictures.
#[test]
fn lines_become_what_pictures_become() {
    let (width, height) = (9001, 2);
    let ramp = |i: usize| (i * 37 % 65_536) as u16;
    let small: Vec<u8> = (0..width * height * 3).map(|i| ramp(i) as u8).collect();
    let large: Vec<u16> = (0..width * height * 3).map(ramp).collect();
    let (w, h) = (width as u32, height as u32);
    let rgb8 = DynamicImage::ImageRgb8(RgbImage::from_raw(w, h, small).unwrap());
    let rgb16 = image::ImageBuffer::from_raw(w, h, large).unwrap();
    let rgb16 = DynamicImage::ImageRgb16(rgb16);
    for image in [
        DynamicImage::ImageLuma8(rgb8.to_luma8()),
        DynamicImage::ImageLumaA8(rgb8.to_luma_alpha8()),
        DynamicImage::ImageRgba8(rgb8.to_rgba8()),
        DynamicImage::ImageLuma16(rgb16.to_luma16()),
        DynamicImage::ImageLumaA16(rgb16.to_luma_alpha16()),
        DynamicImage::ImageRgba16(rgb16.to_rgba16()),
        rgb8,
        rgb16,
    ] {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let decoded = Image::decode(bytes.get_ref()).unwrap();
        let same = decoded.rgb() == image.to_rgb8().as_raw().as_slice();
        assert!(same, "{:?}", image.color());
    }
}

#[test]
fn interlaced_pictures_are_put_together() {
    let (width, height) = (13_u32, 11_u32);
    let value = |x: u32, y: u32| (x * 16 + y) as u8;
    // Adam7 (PNG, section 8.2): first column and row, and the steps between.
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let mut lines = Vec::new();
    for (left, top, right, down) in passes {
        for y in (top..height).step_by(down) {
            lines.push(0);
            lines.extend((left..width).step_by(right).map(|x| value(x, y)));
        }
    }
    let header = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, 0, 0, 0, 1],
    ]
    .concat();
    let image = Image::decode(&png_of(&header, &lines)).unwrap();
    let expected = RgbImage::from_fn(width, height, |x, y| image::Rgb([value(x, y); 3]));
    assert_eq!(image.rgb(), expected.as_raw().as_slice());
}

#[test]
fn broken_files_are_refused() {
    let good = png(3, 3, 8, 2, 30);
    assert_eq!(Image::decode(&good).unwrap().rgb(), [0; 27]);
    let mut wrong_crc = good.clone();
    wrong_crc[29] ^= 1;
    let mut wrong_type = good.clone();
    wrong_type[0] = b'G';
    let photo = jpeg(64, 64);
    for (what, bytes) in [
        ("a wrong CRC", &wrong_crc[..]),
        ("another format", &wrong_type),
        ("no pixels", &png(3, 3, 8, 2, 0)),
        ("too few pixels", &png(3, 3, 8, 2, 20)),
        ("no width", &png(0, 3, 8, 2, 30)),
        ("no height", &png(3, 0, 8, 2, 30)),
        ("a depth that does not exist", &png(3, 3, 7, 2, 30)),
        ("a colour type that does not exist", &png(3, 3, 8, 5, 30)),
        ("a JPEG without width", &resized(photo.clone(), 0, 64)),
        ("a JPEG without height", &resized(photo.clone(), 64, 0)),
        ("a JPEG's header alone", &photo[..200]),
        ("nothing", b""),
        ("a GIF", b"GIF89a\x01\0\x01\0\0\0\0;"),
        (
            "an SVG",
            b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>",
        ),
    ] {
        refused(what, bytes);
    }
    for end in 0..good.len() - 12 {
        refused(&format!("{end} bytes"), &good[..end]);
    }
}

#[test]
fn a_cut_photograph_is_refused_or_whole() {
    // Some decoders fill the rest with grey; then at least the size is right.
    let photo = jpeg(64, 48);
    for end in (0..photo.len()).step_by(13) {
        if let Ok(image) = Image::decode(&photo[..end]) {
            assert_eq!((image.width(), image.height()), (64, 48));
            assert_eq!(image.rgb().len(), 64 * 48 * 3);
        }
    }
}

#[test]
fn deep_grey_and_animated_pictures_become_one_picture_of_eight_bits() {
    let mut deep = Vec::new();
    let source =
        image::ImageBuffer::from_fn(2, 1, |x, _| image::Rgb([x as u16 * 0xffff, 0x8080, 0]));
    DynamicImage::ImageRgb16(source)
        .write_to(&mut Cursor::new(&mut deep), ImageFormat::Png)
        .unwrap();
    assert_eq!(
        Image::decode(&deep).unwrap().rgb(),
        [0, 0x80, 0, 0xff, 0x80, 0]
    );

    let grey = png(4, 2, 1, 0, 4);
    assert_eq!(Image::decode(&grey).unwrap().rgb(), [0; 24]);

    // An animation that says it has four billion pictures, of which the first is the picture itself.
    let mut animated = png(3, 3, 8, 2, 30);
    let control = chunk(b"acTL", &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let frame = [
        &[0; 4][..],
        &3u32.to_be_bytes(),
        &3u32.to_be_bytes(),
        &[0; 14],
    ]
    .concat();
    let more = [control, chunk(b"fcTL", &frame)].concat();
    animated.splice(33..33, more);
    assert_eq!(Image::decode(&animated).unwrap().rgb(), [0; 27]);
}

#[test]
fn the_row_of_a_bad_image_is_named() {
    let folder = Folder::new();
    folder.file("huge.png", &png(50_000, 50_000, 8, 2, 100));
    let rows = folder.file(
        "rows.jsonl",
        b"{\"response\": \"x\", \"images\": [\"huge.png\"]}\n{\"response\": \"y\"}",
    );
    let rows: Vec<_> = SampleReader::open(rows).unwrap().collect();
    let error = rows[0].as_ref().unwrap_err().to_string();
    assert!(
        error.contains("rows.jsonl:1: ") && error.contains("huge.png: "),
        "{error}"
    );
    assert!(rows[1].is_ok());
}
