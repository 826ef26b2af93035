//! The quickstart's data: images of two handwritten digits, whose sum is asked for.
//!
//! Rows 0 to 1299 of `data/digits.csv.gz` give the pairs to train on, the others those to evaluate
//! on, so a digit that evaluation shows was never trained on. Each 8×8 digit is enlarged to 28×28;
//! two of them, side by side, are a PNG of 56×28. Equal seeds give equal files.

use std::fs::{self, File};
use std::io::{BufWriter, Cursor, Write};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use image::imageops::{self, FilterType};
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::guests::{hex, replace};

/// Digits to train on; the other rows of the file are held out.
const TRAINING_ROWS: Range<usize> = 0..1300;

/// Digits to learn by imitation: so few that the model can read these and not yet others.
const COLD_START_ROWS: Range<usize> = 0..30;

/// Width and height of a digit in the file.
const FILE_SIDE: u32 = 8;

/// Width and height of a digit in an image: two patches of 14.
const SIDE: u32 = 28;

/// The largest grey value of the file.
const FILE_WHITE: u32 = 16;

/// Another number makes the data anew on machines that have it.
const VERSION: u32 = 2;

/// How many pairs each file has.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Pairs in `train.jsonl`, for reinforcement learning.
    pub train: usize,
    /// Pairs in `sft.jsonl`, for the cold start.
    pub sft: usize,
    /// Pairs in `val.jsonl`, of held-out digits.
    pub val: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            train: 6000,
            sft: 3000,
            val: 1000,
        }
    }
}

struct Handwritten {
    image: GrayImage,
    label: u32,
}

/// Writes the data into the folder `output`, unless it lies there already.
///
/// Makes `train.jsonl`, `sft.jsonl`, `val.jsonl` and `images/`; rows name images relative to the
/// folder. What lay there before is replaced. Returns whether anything was written.
pub fn write(digits: &Path, output: &Path, seed: u64, sizes: Sizes) -> Result<bool> {
    let bytes = fs::read(digits).with_context(|| format!("cannot read {}", digits.display()))?;
    let origin = json!({
        "version": VERSION,
        "digits": hex(&Sha256::digest(&bytes)),
        "seed": seed,
        "train": sizes.train,
        "sft": sizes.sft,
        "val": sizes.val,
    })
    .to_string();
    // Written last, so its presence says that the data is whole.
    let note = output.join("origin.json");
    if fs::read_to_string(&note).is_ok_and(|text| text == origin) {
        return Ok(false);
    }
    if output.exists() {
        fs::remove_dir_all(output)
            .with_context(|| format!("cannot replace {}", output.display()))?;
    }
    fs::create_dir_all(output.join("images"))?;

    let digits = read_digits(&bytes).with_context(|| format!("{} is broken", digits.display()))?;
    let (training, held_out) = digits.split_at(TRAINING_ROWS.end);
    for (stream, (split, digits, pairs)) in [
        ("train", training, sizes.train),
        ("sft", &training[COLD_START_ROWS], sizes.sft),
        ("val", held_out, sizes.val),
    ]
    .into_iter()
    .enumerate()
    {
        let random = Random::new(seed, stream as u64);
        write_split(output, split, digits, pairs, random)
            .with_context(|| format!("cannot write {split} in {}", output.display()))?;
    }
    replace(&note, origin.as_bytes())?;
    Ok(true)
}

fn read_digits(bytes: &[u8]) -> Result<Vec<Handwritten>> {
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(GzDecoder::new(bytes));
    let mut digits = Vec::new();
    for (index, row) in rows.deserialize().enumerate() {
        let row: Vec<u32> = row?;
        let pixels = (FILE_SIDE * FILE_SIDE) as usize;
        ensure!(
            row.len() == pixels + 1
                && row[..pixels].iter().all(|&grey| grey <= FILE_WHITE)
                && row[pixels] <= 9,
            "row {index} is not {pixels} values up to {FILE_WHITE} and a digit"
        );
        let small = GrayImage::from_fn(FILE_SIDE, FILE_SIDE, |x, y| {
            let grey = row[(y * FILE_SIDE + x) as usize];
            Luma([((grey * 255 + FILE_WHITE / 2) / FILE_WHITE) as u8])
        });
        digits.push(Handwritten {
            image: imageops::resize(&small, SIDE, SIDE, FilterType::CatmullRom),
            label: row[pixels],
        });
    }
    ensure!(
        digits.len() > TRAINING_ROWS.end,
        "it has {} rows, so none are held out",
        digits.len()
    );
    Ok(digits)
}

fn write_split(
    output: &Path,
    split: &str,
    digits: &[Handwritten],
    pairs: usize,
    mut random: Random,
) -> Result<()> {
    let mut rows = BufWriter::new(File::create(output.join(format!("{split}.jsonl")))?);
    for pair in 0..pairs {
        let [left, right] = [(); 2].map(|()| &digits[random.below(digits.len())]);
        let image = format!("images/{split}-{pair:05}.png");
        let mut png = Cursor::new(Vec::new());
        side_by_side(&left.image, &right.image).write_to(&mut png, ImageFormat::Png)?;
        fs::write(output.join(&image), png.into_inner())?;

        let (a, b) = (left.label, right.label);
        let mut row = json!({
            "prompt": "<image>sum?",
            "images": [image],
            "answer": a + b,
            "digits": [a, b],
            "data_source": "digits",
        });
        if split == "sft" {
            row["target"] = format!("<think>{a}+{b}</think><answer>{}</answer>", a + b).into();
        }
        writeln!(rows, "{row}")?;
    }
    rows.flush()?;
    Ok(())
}

/// White on black.
fn side_by_side(left: &GrayImage, right: &GrayImage) -> RgbImage {
    RgbImage::from_fn(2 * SIDE, SIDE, |x, y| {
        let half = if x < SIDE { left } else { right };
        let Luma([grey]) = *half.get_pixel(x % SIDE, y);
        Rgb([grey; 3])
    })
}

/// `SplitMix64` (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, 2014).
struct Random(u64);

impl Random {
    /// One of the sequences of a seed; different streams start far from each other.
    fn new(seed: u64, stream: u64) -> Self {
        Self(Self(Self(seed).next().wrapping_add(stream)).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in 0..`bound` (bias below `bound` / 2^64).
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: Sizes = Sizes {
        train: 20,
        sft: 10,
        val: 15,
    };

    fn digits() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/digits.csv.gz")
    }

    fn rows(folder: &Path, split: &str) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(folder.join(format!("{split}.jsonl"))).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The two halves of a row's image.
    fn halves(folder: &Path, row: &serde_json::Value) -> [GrayImage; 2] {
        let image = image::open(folder.join(row["images"][0].as_str().unwrap()));
        let image = image.unwrap().to_rgb8();
        assert_eq!(image.dimensions(), (56, 28));
        assert!(image.pixels().all(|Rgb([r, g, b])| r == g && g == b));
        [0, SIDE].map(|x| {
            let half = imageops::crop_imm(&image, x, 0, SIDE, SIDE).to_image();
            image::DynamicImage::from(half).to_luma8()
        })
    }

    #[test]
    fn images_show_the_digits_that_rows_name_from_the_right_part_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(&digits(), folder.path(), 1, SMALL).unwrap());
        let all = read_digits(&fs::read(digits()).unwrap()).unwrap();
        assert_eq!(all.len(), 1797);
        for (split, count, part) in [
            ("train", SMALL.train, 0..1300),
            ("sft", SMALL.sft, 0..30),
            ("val", SMALL.val, 1300..1797),
        ] {
            let rows = rows(folder.path(), split);
            assert_eq!(rows.len(), count);
            for row in rows {
                let mut sum = 0;
                for (place, half) in halves(folder.path(), &row).iter().enumerate() {
                    let digit = row["digits"][place].as_u64().unwrap();
                    assert!(all[part.clone()].iter().any(|candidate| {
                        candidate.image == *half && u64::from(candidate.label) == digit
                    }));
                    sum += digit;
                }
                assert_eq!(row["answer"], sum);
                assert_eq!(row["prompt"], "<image>sum?");
                assert_eq!(row.get("target").is_some(), split == "sft");
            }
        }
    }

    #[test]
    fn targets_spell_out_the_sum() {
        let folder = tempfile::tempdir().unwrap();
        write(&digits(), folder.path(), 1, SMALL).unwrap();
        for row in rows(folder.path(), "sft") {
            let expected = format!(
                "<think>{}+{}</think><answer>{}</answer>",
                row["digits"][0], row["digits"][1], row["answer"]
            );
            assert_eq!(row["target"], expected);
        }
    }

    #[test]
    fn equal_seeds_give_equal_files_and_are_not_written_twice() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(write(&digits(), a.path(), 7, SMALL).unwrap());
        assert!(!write(&digits(), a.path(), 7, SMALL).unwrap());
        assert!(write(&digits(), b.path(), 7, SMALL).unwrap());
        for file in ["train.jsonl", "val.jsonl", "images/sft-00009.png"] {
            let read = |folder: &Path| fs::read(folder.join(file)).unwrap();
            assert_eq!(read(a.path()), read(b.path()), "{file}");
        }
        assert!(write(&digits(), b.path(), 8, SMALL).unwrap());
        assert_ne!(rows(a.path(), "train"), rows(b.path(), "train"));
    }

    /// Grey values of the file become 0 to 255, and enlarging keeps the middle of a digit where it was.
    #[test]
    fn enlarging_keeps_brightness_and_place() {
        let all = read_digits(&fs::read(digits()).unwrap()).unwrap();
        // Row 0 of the file is a 0: bright on its ring, dark in its middle and at its edge.
        let zero = &all[0].image;
        assert_eq!(all[0].label, 0);
        assert!(zero.get_pixel(10, 5)[0] > 200);
        assert!(zero.get_pixel(14, 14)[0] < 60);
        assert_eq!(zero.get_pixel(0, 0)[0], 0);
    }

    /// The first outputs for seed 0 that the generator's reference implementation prints.
    #[test]
    fn splitmix64_known_answers() {
        let mut random = Random(0);
        assert_eq!(random.next(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random.next(), 0x6E78_9E6A_A1B9_65F4);
        assert_eq!(random.next(), 0x06C4_5D18_8009_454F);
    }
}
