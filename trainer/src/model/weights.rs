//! The weights of a model by their published names.

use super::config::ModelConfig;
use super::language::{self, Head};
use super::vision;
use crate::ops::values::first_not_finite;
use crate::random::{Domain, Stream};
use crate::{Error, Result};
use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor, Var};
use rlhost_host::files::{TEXT, WEIGHTS, read, read_text};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Trainable tensors, ordered by name: every walk over them (norms, updates, files) is in the same
/// order in every run.
pub struct Weights {
    vars: BTreeMap<String, Var>,
    /// What files hold beside the architecture's weights; written back as it is.
    others: BTreeMap<String, Tensor>,
    device: Device,
    source: PathBuf,
}

/// How a weight starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Initial {
    /// Normal with the configured standard deviation.
    Normal,
    /// Zeros (biases).
    Zeros,
    /// Ones (norms).
    Ones,
}

/// The most weights that are drawn at random: 32 GiB of them.
const MAX_RANDOM: u128 = 1 << 33;

/// Name, shape and start of a weight.
pub(super) type Specification = (String, Vec<usize>, Initial);

impl Weights {
    /// Reads `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    ///
    /// Tensors that the architecture does not name (a tied head, a stray buffer) are kept, not
    /// trained.
    pub fn load(folder: &Path, config: &ModelConfig, device: &Device) -> Result<Self> {
        Self::load_with(folder, config, Head::Vocabulary, device)
    }

    /// As [`Self::load`] for a model with this head; another head is kept, not trained.
    pub(super) fn load_with(
        folder: &Path,
        config: &ModelConfig,
        head: Head,
        device: &Device,
    ) -> Result<Self> {
        let known: BTreeMap<String, Vec<usize>> = specifications(config, head)
            .into_iter()
            .map(|(name, shape, _)| (name, shape))
            .collect();
        let (mut vars, mut others) = (BTreeMap::new(), BTreeMap::new());
        for file in files(folder)? {
            let bytes = read(&file, WEIGHTS).map_err(|e| Error::io(&file, e))?;
            let tensors = SafeTensors::deserialize(&bytes)
                .map_err(|e| Error::model(&file, format!("not a safetensors file: {e}")))?;
            // In order of name, so that the same fault is told each time.
            let by_name: BTreeMap<&str, TensorView<'_>> = tensors.iter().collect();
            for (name, view) in by_name {
                let wrong = |what: String| Error::model(&file, what);
                if vars.contains_key(name) || others.contains_key(name) {
                    return Err(wrong(format!("{name} is in another file too")));
                }
                if let Some(shape) = known.get(name) {
                    let tensor = weight(name, &view, shape).map_err(wrong)?;
                    vars.insert(
                        name.to_owned(),
                        Var::from_tensor(&tensor.to_device(device)?)?,
                    );
                    continue;
                }
                if let Some(key) = config.beyond(name) {
                    return Err(wrong(format!(
                        "has {name}, but config.json says {key}: layers would be left out"
                    )));
                }
                let tensor = view
                    .load(&Device::Cpu)
                    .map_err(|e| wrong(format!("{name}: {e}")))?;
                others.insert(name.to_owned(), tensor);
            }
        }
        Ok(Self {
            vars,
            others,
            device: device.clone(),
            source: folder.to_owned(),
        })
    }

    /// Random weights; every tensor has a stream of its own, so the order plays no part.
    pub fn random(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        let mut specifications = specifications(config, Head::Vocabulary);
        specifications.sort();
        let count = |shape: &[usize]| shape.iter().map(|size| *size as u128).product::<u128>();
        let all: u128 = specifications
            .iter()
            .map(|(_, shape, _)| count(shape))
            .sum();
        if all > MAX_RANDOM {
            return Err(Error::model(
                Path::new("config.json"),
                format!("asks for {all} random weights, and {MAX_RANDOM} are the most"),
            ));
        }
        let mut vars = BTreeMap::new();
        for (index, (name, shape, initial)) in specifications.into_iter().enumerate() {
            let count: usize = shape.iter().product();
            let values: Vec<f32> = match initial {
                Initial::Zeros => vec![0.0; count],
                Initial::Ones => vec![1.0; count],
                Initial::Normal => {
                    let stream = Stream::new(seed, Domain::Initialisation, index as u64, 0);
                    let deviation = config.text.initializer_range;
                    (0..count)
                        .map(|i| (stream.normal(i as u32) * deviation) as f32)
                        .collect()
                }
            };
            let tensor = Tensor::from_vec(values, shape, device)?;
            vars.insert(name, Var::from_tensor(&tensor)?);
        }
        Ok(Self {
            vars,
            others: BTreeMap::new(),
            device: device.clone(),
            source: PathBuf::from("random weights"),
        })
    }

    /// Gives the head zeros where the files have none.
    pub(super) fn complete(&mut self, config: &ModelConfig, head: Head) -> Result<()> {
        if let Some((name, shape, _)) = head.specification(config)
            && !self.vars.contains_key(&name)
        {
            let zeros = Var::zeros(shape, DType::F32, &self.device)?;
            self.vars.insert(name, zeros);
        }
        Ok(())
    }

    /// A tensor of the files that the architecture does not name.
    pub(super) fn other(&self, name: &str) -> Option<&Tensor> {
        self.others.get(name)
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Names and variables, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// How many numbers there are.
    pub fn parameter_count(&self) -> usize {
        self.vars.values().map(|var| var.elem_count()).sum()
    }

    /// The tensor of a weight, recorded for the backward pass or detached (one storage either way).
    pub(super) fn tensor(&self, name: &str, shape: &[usize], recorded: bool) -> Result<Tensor> {
        let var = self
            .vars
            .get(name)
            .ok_or_else(|| Error::model(&self.source, format!("the weight {name} is missing")))?;
        if var.dims() != shape {
            return Err(Error::model(
                &self.source,
                format!(
                    "the weight {name} has shape {:?}, but config.json asks for {shape:?}",
                    var.dims()
                ),
            ));
        }
        Ok(if recorded {
            var.as_tensor().clone()
        } else {
            var.as_tensor().detach()
        })
    }

    /// Writes `model.safetensors` with the names and shapes that were read, in f32.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join("model.safetensors");
        let mut tensors = self.others.clone();
        for (name, var) in &self.vars {
            tensors.insert(name.clone(), var.as_tensor().to_device(&Device::Cpu)?);
        }
        // Loaders of the ecosystem refuse files without this note.
        let note = Some([("format".to_owned(), "pt".to_owned())].into());
        safetensors::serialize_to_file(&tensors, note, &path).map_err(|e| match e {
            safetensors::SafeTensorError::IoError(e) => Error::io(&path, e),
            e => Error::model(&path, e.to_string()),
        })
    }
}

/// All weights of the architecture with this head.
fn specifications(config: &ModelConfig, head: Head) -> Vec<Specification> {
    let mut all = language::specifications(config);
    all.extend(head.specification(config));
    all.extend(vision::specifications(&config.vision));
    all
}

/// The numbers of a weight in f32, all of them finite, on the CPU.
fn weight(
    name: &str,
    view: &TensorView<'_>,
    shape: &[usize],
) -> std::result::Result<Tensor, String> {
    if view.shape() != shape {
        return Err(format!(
            "the weight {name} has shape {:?}, but config.json asks for {shape:?}",
            view.shape()
        ));
    }
    if !matches!(
        view.dtype(),
        Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64
    ) {
        return Err(format!(
            "the weight {name} is of the type {:?}; F32, BF16, F16 and F64 are read",
            view.dtype()
        ));
    }
    let tensor = view
        .load(&Device::Cpu)
        .and_then(|tensor| tensor.to_dtype(DType::F32))
        .map_err(|e| format!("the weight {name}: {e}"))?;
    match first_not_finite(&tensor).map_err(|e| format!("the weight {name}: {e}"))? {
        None => Ok(tensor),
        Some((place, value)) => Err(format!(
            "the weight {name} holds {value} at element {place}: the file is damaged, or the training that \
             wrote it diverged"
        )),
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let single = folder.join("model.safetensors");
    if single.is_file() {
        return Ok(vec![single]);
    }
    let index = folder.join("model.safetensors.index.json");
    if !index.is_file() {
        return Err(Error::model(
            folder,
            "has neither model.safetensors nor model.safetensors.index.json",
        ));
    }
    let text = read_text(&index, TEXT).map_err(|e| Error::io(&index, e))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| Error::model(&index, e.to_string()))?;
    let map = json
        .get("weight_map")
        .and_then(|map| map.as_object())
        .ok_or_else(|| Error::model(&index, "has no weight_map"))?;
    let mut names: Vec<&str> = map.values().filter_map(|file| file.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            if Path::new(name).file_name() != Some(name.as_ref()) {
                return Err(Error::model(
                    &index,
                    format!("lists {name:?}, which is not the name of a file in the folder"),
                ));
            }
            let file = folder.join(name);
            if file.is_file() {
                Ok(file)
            } else {
                Err(Error::model(
                    &index,
                    format!("lists {name}, which is missing"),
                ))
            }
        })
        .collect()
}
