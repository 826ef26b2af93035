//! A few samples for people to look at: the lowest, the middle and the highest score.

use std::path::Path;

use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageEncoder as _};
use rlhost_host::is_plain;

use crate::processor::rgb_of;
use crate::run::RolloutRow;

use super::events::{Picture, Value};

/// Characters of a text that are shown.
const LONGEST: usize = 4_000;
/// The longest side of a picture in pixels; larger ones are made smaller.
const SIDE: u32 = 256;
/// Pictures of a sample that are shown.
const PICTURES: usize = 2;

/// What is shown of `rows`, with names below `place`. A sample has a text, and pictures where it has some; text and
/// pictures need names of their own, or one hides the other.
pub(super) fn chosen(place: &str, rows: &[RolloutRow]) -> Vec<(String, Value)> {
    let score = |row: &RolloutRow| row.score().unwrap_or(f64::NEG_INFINITY);
    let mut order: Vec<&RolloutRow> = rows.iter().collect();
    order.sort_by(|a, b| score(a).total_cmp(&score(b)));
    let mut at = [
        (0, "lowest"),
        (order.len() / 2, "middle"),
        (order.len().saturating_sub(1), "highest"),
    ]
    .to_vec();
    at.dedup_by_key(|(at, _)| *at);
    let mut values = Vec::new();
    for (row, name) in at
        .iter()
        .filter_map(|(at, name)| Some((order.get(*at)?, name)))
    {
        values.push((format!("{place}/{name}/text"), Value::Text(text(row))));
        for (number, image) in (1..).zip(row.images.iter().take(PICTURES)) {
            // A picture that has gone since, or is broken, is no reason to stop.
            if let Some(picture) = picture(image) {
                let name = format!("{place}/{name}/image_{number}");
                values.push((name, Value::Picture(picture)));
            }
        }
    }
    values
}

/// A sample as Markdown. What models and data say stands in blocks of code, which mean nothing else.
fn text(row: &RolloutRow) -> String {
    let score = row
        .score()
        .map_or("none".to_owned(), |score| score.to_string());
    let block = |title: &str, text: &str| {
        let mut shown: String = text.chars().take(LONGEST).collect();
        if shown.len() < text.len() {
            shown.push('\u{2026}');
        }
        let lines = shown.split('\n').map(|line| {
            let plain = line
                .chars()
                .map(|c| if is_plain(c) { c } else { '\u{fffd}' });
            format!("    {}\n", plain.collect::<String>())
        });
        format!("\n**{title}**\n\n{}", lines.collect::<String>())
    };
    format!(
        "score {score}, {} tokens, step {}, prompt {}\n{}{}{}",
        row.tokens,
        row.step,
        row.index,
        block("Prompt", &row.prompt),
        block("Response", &row.response),
        block("Answer", &row.answer),
    )
}

/// A small picture of the file or data URL, as a row names it.
fn picture(name: &str) -> Option<Picture> {
    let named = rlhost_host::Picture::named(name, Path::new("")).ok()?;
    let mut pixels = rgb_of(named.open().ok()?).ok()?;
    let longest = pixels.width().max(pixels.height());
    if longest > SIDE {
        let side = |of: u32| (u64::from(of) * u64::from(SIDE) / u64::from(longest)).max(1) as u32;
        let (width, height) = (side(pixels.width()), side(pixels.height()));
        pixels = resize(&pixels, width, height, FilterType::Triangle);
    }
    let (width, height) = pixels.dimensions();
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(pixels.as_raw(), width, height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(Picture { width, height, png })
}
