//! Prompts in the order of a run.

use super::rewards::sample;
use crate::Result;
use crate::config::{AugmentConfig, Config};
use crate::data::{Dataset, FilterReport, PromptOrder, Row, augment, filter_overlong};
use crate::processor::{Content, Part, PixelLimits, PreparedPrompt, Processor};
use rayon::prelude::*;
use rlhost_host::Sample;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows that are looked at together.
const LOOKED_AT: usize = 512;

/// A prompt of the data, ready for the model.
pub(super) struct Drawn<'a> {
    /// Ordinal in the run's data order.
    pub(super) draw: u64,
    /// The row of the data.
    pub(super) row: &'a Row,
    /// Its place in the data.
    pub(super) index: usize,
    /// Tokens and patches.
    pub(super) prompt: PreparedPrompt,
    /// The columns that rewards and rollouts have, a JSON object.
    pub(super) columns: String,
}

/// The training prompts of a run.
pub(super) struct Prompts {
    dataset: Dataset,
    /// Rows whose prompts are short enough.
    usable: Vec<usize>,
    notices: Vec<String>,
    order: PromptOrder,
    augment: AugmentConfig,
    seed: u64,
    /// Whether samples say the size of their picture as the model sees it.
    sized: bool,
}

/// The processor of a model folder with the configuration's pixel limits.
pub(super) fn processor(config: &Config, folder: &Path) -> Result<Processor> {
    Processor::load(
        folder,
        PixelLimits {
            min: config.data.min_pixels,
            max: config.data.max_pixels,
        },
    )
}

/// Rows whose prompts have at most `data.max_prompt_length` tokens.
pub(super) fn usable_rows(
    config: &Config,
    dataset: &Dataset,
    processor: &Processor,
) -> Result<FilterReport> {
    let tokens = control_tokens(processor);
    let mut lengths = Vec::with_capacity(dataset.len());
    // Part by part, so that of several mistakes the first one is told, and soon.
    for part in dataset.rows().chunks(LOOKED_AT) {
        let found: Vec<Result<usize>> = part
            .par_iter()
            .map(|row| {
                check_text(row, &tokens)?;
                // Every picture is a token at least: what can't fit is not decoded to find out.
                let pictures = row.pictures().len();
                if pictures > config.data.max_prompt_length {
                    return Ok(pictures);
                }
                Ok(prepare(row, processor, None)?.token_ids.len())
            })
            .collect();
        for length in found {
            lengths.push(length?);
        }
    }
    filter_overlong(&lengths, config.data.max_prompt_length)
}

/// The tokens that end a turn, and the one that stands for a picture.
fn control_tokens(processor: &Processor) -> Vec<String> {
    let tokenizer = processor.tokenizer();
    let ends = tokenizer.eos_ids().iter();
    let ends = ends.filter_map(|id| tokenizer.token(*id));
    ends.chain(tokenizer.image_token().map(str::to_owned))
        .collect()
}

/// Checks that no text of the data has a control token in it: it would end a turn, or show a picture, where
/// the data only speaks of it.
fn check_text(row: &Row, tokens: &[String]) -> Result<()> {
    let texts = row.messages().iter().flat_map(|message| {
        let (text, parts) = match &message.content {
            Content::Text(text) => (Some(text), &[][..]),
            Content::Parts(parts) => (None, parts.as_slice()),
            Content::None => (None, &[][..]),
        };
        let parts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Image => None,
        });
        text.into_iter().chain(parts)
    });
    for text in texts {
        if let Some(token) = tokens.iter().find(|token| text.contains(token.as_str())) {
            return Err(row.error(format!(
                "the prompt's text has {token:?}, a control token of the model: the chat template adds these; \
                 a picture is written <image>, and turns are messages"
            )));
        }
    }
    Ok(())
}

/// What the user should know of a data set and of what is used of it.
pub(super) fn notices(dataset: &Dataset, report: &FilterReport) -> Vec<String> {
    let file = dataset.rows().first().map(|row| row.file().display());
    let dropped = file.filter(|_| report.dropped > 0);
    let dropped = dropped.map(|file| format!("{file}: {report}"));
    dataset.notices().iter().cloned().chain(dropped).collect()
}

/// Random changes of the pictures of one draw.
struct Augmentation<'a> {
    config: &'a AugmentConfig,
    seed: u64,
    draw: u64,
}

fn prepare(
    row: &Row,
    processor: &Processor,
    augmentation: Option<&Augmentation<'_>>,
) -> Result<PreparedPrompt> {
    let mut images = row.load_images()?;
    if let Some(Augmentation { config, seed, draw }) = augmentation {
        for (number, image) in images.iter_mut().enumerate() {
            *image = augment(image, config, *seed, *draw, number as u32);
        }
    }
    let prompt = processor
        .prepare(row.messages(), &images)
        .map_err(|e| row.error(e.to_string()))?;
    if prompt.token_ids.is_empty() {
        return Err(row.error(format!(
            "{} renders nothing for this prompt",
            processor.template().path().display()
        )));
    }
    Ok(prompt)
}

/// The row's further columns, and where `sized` asks for it the size of its first picture as the model sees it, in
/// `resized_width` and `resized_height`: some models answer in its pixels. What the row says of its own stays.
fn columns(
    row: &Row,
    prompt: &PreparedPrompt,
    processor: &Processor,
    sized: bool,
) -> Result<String> {
    let size = processor
        .image_processor()
        .filter(|_| sized)
        .zip(prompt.images.first())
        .map(|(processor, patches)| processor.size(patches));
    let Some((width, height)) = size else {
        return Ok(row.extra().to_owned());
    };
    let known: BTreeMap<String, &RawValue> =
        serde_json::from_str(row.extra()).map_err(|e| row.error(e.to_string()))?;
    if known.contains_key("resized_width") || known.contains_key("resized_height") {
        return Ok(row.extra().to_owned());
    }
    // The values of the row keep their own text.
    let own = row.extra().trim_end();
    let own = own.strip_suffix('}').unwrap_or(own);
    let comma = if known.is_empty() { "" } else { "," };
    Ok(format!(
        "{own}{comma}\"resized_width\":{width},\"resized_height\":{height}}}"
    ))
}

/// The sample of a row as its rewards see it, still without a response.
pub(super) fn template(config: &Config, row: &Row, processor: &Processor) -> Result<Sample> {
    let whole = sample(0, row)?;
    if !config.data.resized_size {
        return Ok(whole);
    }
    let prompt = prepare(row, processor, None)?;
    Ok(Sample {
        columns: columns(row, &prompt, processor, true)?,
        ..whole
    })
}

impl Prompts {
    /// Loads the training data.
    pub(super) fn load(config: &Config, processor: &Processor) -> Result<Self> {
        let dataset = Dataset::load(&config.data.train_files.0, &config.data)?;
        let report = usable_rows(config, &dataset, processor)?;
        Ok(Self {
            notices: notices(&dataset, &report),
            order: PromptOrder::new(report.kept.len(), config.data.shuffle, config.data.seed),
            augment: config.data.augment.clone(),
            sized: config.data.resized_size,
            seed: config.data.seed,
            dataset,
            usable: report.kept,
        })
    }

    /// What the user should know of the data.
    pub(super) fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    /// All of the data, also what is not drawn.
    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// How many prompts an epoch has.
    pub(super) fn len(&self) -> usize {
        self.usable.len()
    }

    /// The rows that are drawn from, in the order of the data.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        self.usable.iter().map(|index| &self.dataset.rows()[*index])
    }

    /// The `count` prompts from ordinal `first` on.
    pub(super) fn draw(
        &self,
        first: u64,
        count: usize,
        processor: &Processor,
    ) -> Result<Vec<Drawn<'_>>> {
        (first..first + count as u64)
            .into_par_iter()
            .map(|draw| {
                let index = self.usable[self.order.row(draw)];
                let row = &self.dataset.rows()[index];
                let augmentation = Augmentation {
                    config: &self.augment,
                    seed: self.seed,
                    draw,
                };
                let prompt = prepare(row, processor, Some(&augmentation))?;
                Ok(Drawn {
                    draw,
                    row,
                    index,
                    columns: columns(row, &prompt, processor, self.sized)?,
                    prompt,
                })
            })
            .collect()
    }
}

/// The data of `data.val_files`, if there are any.
pub(super) fn held_out(config: &Config) -> Result<Option<Dataset>> {
    let files = &config.data.val_files.0;
    if files.is_empty() {
        return Ok(None);
    }
    Dataset::load(files, &config.data).map(Some)
}

/// Rows of `dataset` in order, prepared without augmentation; `draw` is the place.
pub(super) fn in_order<'a>(
    dataset: &'a Dataset,
    rows: &[usize],
    processor: &Processor,
    sized: bool,
) -> Result<Vec<Drawn<'a>>> {
    rows.par_iter()
        .map(|index| {
            let row = &dataset.rows()[*index];
            let prompt = prepare(row, processor, None)?;
            Ok(Drawn {
                draw: *index as u64,
                row,
                index: *index,
                columns: columns(row, &prompt, processor, sized)?,
                prompt,
            })
        })
        .collect()
}
