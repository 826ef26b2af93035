//! Decoded images, kept while they fit.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;

use crate::Result;
use crate::processor::load_rgb;

/// Images of more bytes than this are decoded anew each time.
const LARGEST: usize = 64 * 1024;
/// Bytes of pixels that are kept altogether.
const BOUND: usize = 256 * 1024 * 1024;

/// Keeps small decoded images up to a bound; it has no influence on what is returned.
#[derive(Debug, Default)]
pub(super) struct ImageCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    images: HashMap<PathBuf, Arc<RgbImage>>,
    bytes: usize,
}

impl ImageCache {
    pub(super) fn load(&self, path: &Path) -> Result<RgbImage> {
        let known = self.lock().images.get(path).cloned();
        if let Some(image) = known {
            return Ok((*image).clone());
        }
        let image = load_rgb(path)?;
        let bytes = image.as_raw().len();
        let mut kept = self.lock();
        if bytes <= LARGEST
            && kept.bytes + bytes <= BOUND
            && kept
                .images
                .insert(path.to_owned(), Arc::new(image.clone()))
                .is_none()
        {
            kept.bytes += bytes;
        }
        Ok(image)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
