//! The image processor against transformers and Pillow.

use std::collections::HashMap;

use rlhost_trainer::processor::{ImageProcessor, PixelLimits, RgbImage, load_rgb, smart_resize};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::fixtures;

const IMAGES: [&str; 6] = [
    "img0_84x112.png",
    "img1_56x140.png",
    "img2_100x75.png",
    "img3_200x150.png",
    "img4_60x90_gray.png",
    "img5_70x50_rgba.png",
];

fn image(index: usize) -> RgbImage {
    load_rgb(&fixtures::path("goldens/images").join(IMAGES[index])).unwrap()
}

fn with_tensors(file: &str, check: impl FnOnce(&SafeTensors)) {
    let bytes = std::fs::read(fixtures::path(file)).unwrap();
    check(&SafeTensors::deserialize(&bytes).unwrap());
}

fn floats(tensors: &SafeTensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let view = tensors.tensor(name).unwrap();
    assert_eq!(view.dtype(), Dtype::F32);
    let values = view.data().chunks_exact(4);
    (
        view.shape().to_vec(),
        values
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect(),
    )
}

fn assert_pixels(processor: &ImageProcessor, tensors: &SafeTensors, index: usize, name: &str) {
    let resized = processor.resize(&image(index)).unwrap();
    let golden = tensors.tensor(name).unwrap();
    assert_eq!(
        golden.shape(),
        [resized.height() as usize, resized.width() as usize, 3],
        "{name}"
    );
    assert!(resized.as_raw() == golden.data(), "{name}: other pixels");
}

fn assert_patches(processor: &ImageProcessor, tensors: &SafeTensors, index: usize) {
    let patches = processor.patches(&image(index)).unwrap();
    let (shape, golden) = floats(tensors, &format!("img{index}.pixel_values"));
    assert_eq!(
        [patches.rows(), patches.values.len() / patches.rows()],
        shape[..]
    );
    let grids = tensors.tensor("image_grid_thw").unwrap();
    let grid: Vec<i64> = grids.data()[index * 24..][..24]
        .chunks_exact(8)
        .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(patches.grid.map(|n| i64::try_from(n).unwrap()), grid[..]);
    let worst = patches
        .values
        .iter()
        .zip(&golden)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst <= 1e-6, "img{index}: off by {worst}");
}

#[test]
fn smart_resize_agrees_with_transformers() {
    let text = std::fs::read_to_string(fixtures::path("goldens/tables/smart_resize.json")).unwrap();
    let tables: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut rows = 0;
    for table in &tables {
        let number = |key: &str| table[key].as_u64().unwrap();
        for row in table["rows"].as_array().unwrap() {
            let at = |place: usize| usize::try_from(row[place].as_u64().unwrap()).unwrap();
            let found = smart_resize(
                at(0),
                at(1),
                usize::try_from(number("factor")).unwrap(),
                number("min_pixels"),
                number("max_pixels"),
            );
            let wanted = match row[2].as_u64() {
                Some(_) => Ok((at(2), at(3))),
                None => Err(row[3].as_str().unwrap().to_owned()),
            };
            assert_eq!(found, wanted, "{}: {row}", table["name"]);
            rows += 1;
        }
    }
    assert!(rows > 100, "{rows}");
    assert!(smart_resize(0, 5, 28, 1, 10).is_err());
}

#[test]
fn resized_pixels_are_pillows() {
    let dir = fixtures::path("goldens/qwen2_5_vl");
    let processor = ImageProcessor::load(&dir, PixelLimits::default()).unwrap();
    with_tensors("goldens/qwen2_5_vl/cases.safetensors", |tensors| {
        for index in 0..5 {
            assert_pixels(
                &processor,
                tensors,
                index,
                &format!("img{index}.resized_u8"),
            );
        }
        assert_pixels(&processor, tensors, 5, "img5.resized_u8_white");
    });
}

#[test]
fn patches_are_those_of_transformers() {
    let dir = fixtures::path("goldens/qwen2_5_vl");
    let processor = ImageProcessor::load(&dir, PixelLimits::default()).unwrap();
    with_tensors("goldens/qwen2_5_vl/cases.safetensors", |tensors| {
        for index in 0..3 {
            assert_patches(&processor, tensors, index);
        }
    });
}

/// Patches of 16 pixels, other statistics, and limits under `size`.
#[test]
fn settings_come_from_the_file() {
    let dir = fixtures::path("goldens/qwen3_vl");
    let processor = ImageProcessor::load(&dir, PixelLimits::default()).unwrap();
    with_tensors("goldens/qwen3_vl/images.safetensors", |tensors| {
        assert_patches(&processor, tensors, 2);
        assert_pixels(&processor, tensors, 3, "img3.resized_u8");
        assert_pixels(&processor, tensors, 4, "img4.resized_u8");
    });
    // transformers 5 nests them in processor_config.json.
    let nested = tempfile::tempdir().unwrap();
    let inner: Value =
        serde_json::from_slice(&std::fs::read(dir.join("preprocessor_config.json")).unwrap())
            .unwrap();
    let outer = HashMap::from([("image_processor", inner)]);
    std::fs::write(
        nested.path().join("processor_config.json"),
        serde_json::to_vec(&outer).unwrap(),
    )
    .unwrap();
    let processor = ImageProcessor::load(nested.path(), PixelLimits::default()).unwrap();
    with_tensors("goldens/qwen3_vl/images.safetensors", |tensors| {
        assert_patches(&processor, tensors, 2);
    });
}

#[test]
fn limits_of_the_run_stand_before_the_models() {
    let dir = fixtures::path("goldens/qwen2_5_vl");
    let limits = PixelLimits {
        min: Some(28 * 28),
        max: None,
    };
    let processor = ImageProcessor::load(&dir, limits).unwrap();
    let small = RgbImage::from_pixel(56, 28, image::Rgb([255, 0, 0]));
    let patches = processor.patches(&small).unwrap();
    assert_eq!(patches.grid, [1, 2, 4]);
    assert_eq!(processor.tokens(patches.grid), 2);
    // Red at 255 and green at 0, normalised by hand with CLIP's statistics.
    assert!((patches.values[0] - (1.0 - 0.481_454_66) / 0.268_629_54).abs() < 1e-6);
    assert!((patches.values[2 * 14 * 14] - -0.457_827_5 / 0.261_302_6).abs() < 1e-6);
    let limits = PixelLimits {
        min: Some(20_000),
        max: None,
    };
    let error = ImageProcessor::load(&dir, limits).unwrap_err().to_string();
    assert!(
        error.contains("min_pixels (20000)") && error.contains("12544"),
        "{error}"
    );
}

#[test]
fn other_processors_and_missing_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let load = || {
        ImageProcessor::load(dir.path(), PixelLimits::default())
            .unwrap_err()
            .to_string()
    };
    assert!(
        load().contains("preprocessor_config.json: missing"),
        "{}",
        load()
    );
    let file = dir.path().join("preprocessor_config.json");
    std::fs::write(&file, r#"{"image_processor_type": "CLIPImageProcessor"}"#).unwrap();
    assert!(
        load().contains("\"CLIPImageProcessor\" is not supported"),
        "{}",
        load()
    );
    std::fs::write(&file, r#"{"patch_size": 0}"#).unwrap();
    assert!(load().contains("patch_size = 0"), "{}", load());
    std::fs::write(&file, "{").unwrap();
    assert!(load().contains("can't be read as JSON"), "{}", load());

    let broken = dir.path().join("broken.png");
    std::fs::write(&broken, b"\x89PNG\r\n\x1a\nnonsense").unwrap();
    let error = load_rgb(&broken).unwrap_err().to_string();
    assert!(error.contains("broken.png"), "{error}");
    let text = dir.path().join("text.png");
    std::fs::write(&text, b"hello").unwrap();
    assert!(
        load_rgb(&text)
            .unwrap_err()
            .to_string()
            .contains("not a PNG or JPEG")
    );
}

/// A PNG of a few bytes that claims to be 60,000 pixels wide and high: 10.8 GB of RGB.
#[test]
fn a_small_file_with_a_huge_picture_is_refused() {
    fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
        let body: Vec<u8> = kind.iter().chain(data).copied().collect();
        let mut crc = u32::MAX;
        for byte in &body {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
            }
        }
        png.extend((data.len() as u32).to_be_bytes());
        png.extend(body);
        png.extend((!crc).to_be_bytes());
    }
    let side = 60_000_u32.to_be_bytes();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&side[..], &side, &[8, 2, 0, 0, 0]].concat();
    chunk(&mut png, *b"IHDR", &header);
    chunk(
        &mut png,
        *b"IDAT",
        &[0x78, 0x01, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01],
    );
    chunk(&mut png, *b"IEND", &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.png");
    std::fs::write(&path, png).unwrap();
    let error = load_rgb(&path).unwrap_err().to_string();
    assert!(error.contains("bomb.png"), "{error}");
    assert!(error.to_lowercase().contains("limit"), "{error}");
}
