//! Prompts in the order of a run.

use crate::config::Config;
use crate::data::{Augment, Dataset, PromptOrder, Row};
use crate::processor::{PixelLimits, PreparedPrompt, Processor};
use crate::{Error, Result};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

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
}

/// The training prompts of a run.
pub(super) struct Prompts {
    dataset: Dataset,
    /// Rows whose prompts are short enough.
    usable: Vec<usize>,
    order: PromptOrder,
    augment: Option<Augment>,
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
) -> Result<Vec<usize>> {
    let longest = config.data.max_prompt_length;
    let fits: Vec<bool> = dataset
        .rows()
        .par_iter()
        .map(|row| Ok(prepare(row, processor, None)?.token_ids.len() <= longest))
        .collect::<Result<_>>()?;
    let usable: Vec<usize> = (0..fits.len()).filter(|row| fits[*row]).collect();
    if usable.is_empty() {
        return Err(Error::Config(format!(
            "all {} prompts are longer than data.max_prompt_length = {longest} tokens",
            fits.len()
        )));
    }
    Ok(usable)
}

fn prepare(
    row: &Row,
    processor: &Processor,
    augment: Option<(&Augment, u64)>,
) -> Result<PreparedPrompt> {
    let mut images = row.load_images()?;
    if let Some((augment, draw)) = augment {
        for (number, image) in images.iter_mut().enumerate() {
            *image = augment.apply(image, draw, number as u32);
        }
    }
    processor
        .prepare(row.messages(), &images)
        .map_err(|e| row.error(&e.to_string()))
}

impl Prompts {
    /// Loads the training data; says how many prompts are too long.
    pub(super) fn load(
        config: &Config,
        processor: &Processor,
        notice: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let files: &[PathBuf] = &config.data.train_files.0;
        let dataset = Dataset::load(files, &config.data)?;
        let usable = usable_rows(config, &dataset, processor)?;
        let dropped = dataset.rows().len() - usable.len();
        if dropped > 0 {
            notice(&format!(
                "{dropped} of {} prompts are longer than data.max_prompt_length = {} tokens and left out",
                dataset.rows().len(),
                config.data.max_prompt_length
            ));
        }
        Ok(Self {
            order: PromptOrder::new(usable.len(), config.data.shuffle, config.data.seed),
            augment: Augment::new(&config.data.augment, config.data.seed),
            dataset,
            usable,
        })
    }

    /// How many prompts an epoch has.
    pub(super) fn len(&self) -> usize {
        self.usable.len()
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
                let augment = self.augment.as_ref().map(|augment| (augment, draw));
                Ok(Drawn {
                    draw,
                    row,
                    index,
                    prompt: prepare(row, processor, augment)?,
                })
            })
            .collect()
    }
}

/// Rows of `dataset` in order, prepared without augmentation; `draw` is the place.
pub(super) fn in_order<'a>(
    dataset: &'a Dataset,
    rows: &[usize],
    processor: &Processor,
) -> Result<Vec<Drawn<'a>>> {
    rows.par_iter()
        .map(|index| {
            let row = &dataset.rows()[*index];
            Ok(Drawn {
                draw: *index as u64,
                row,
                index: *index,
                prompt: prepare(row, processor, None)?,
            })
        })
        .collect()
}
