//! Golden files of the reference implementations (see tests/fixtures/goldens/README.md).

use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/goldens")
}

pub fn json(path: &str) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

pub struct Golden {
    folder: PathBuf,
    tensors: HashMap<String, Tensor>,
}

impl Golden {
    pub fn load(name: &str) -> Self {
        let folder = root().join(name);
        let file = folder.join("cases.safetensors");
        let tensors = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
        Self { folder, tensors }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn cases(&self) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.folder.join("cases.json")).unwrap())
            .unwrap()
    }

    pub fn tensor(&self, name: &str) -> &Tensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("no golden tensor {name}"))
    }

    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a String> {
        self.tensors
            .keys()
            .filter(move |name| name.starts_with(prefix))
    }

    pub fn f32s(&self, name: &str) -> Vec<f32> {
        self.tensor(name).flatten_all().unwrap().to_vec1().unwrap()
    }

    pub fn u32s(&self, name: &str) -> Vec<u32> {
        let tensor = self.tensor(name).to_dtype(DType::U32).unwrap();
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    pub fn rows_u32(&self, name: &str) -> Vec<Vec<u32>> {
        self.tensor(name)
            .to_dtype(DType::U32)
            .unwrap()
            .to_vec2()
            .unwrap()
    }
}

pub fn relative_l2(got: &[f32], want: &[f32]) -> f64 {
    assert_eq!(got.len(), want.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(&mut got.iter().zip(want).map(|(a, b)| f64::from(a - b)));
    difference / norm(&mut want.iter().map(|x| f64::from(*x)))
}
