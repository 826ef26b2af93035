//! Decoded images, kept while they fit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use rlhost_host::Picture;

use crate::Result;
use crate::processor::rgb_of;

/// Images of more bytes than this are decoded anew each time.
const LARGEST: usize = 64 * 1024;
/// Bytes of pixels that are kept altogether.
const BOUND: usize = 256 * 1024 * 1024;

/// Keeps small decoded images up to a bound; it has no influence on what is returned.
#[derive(Debug, Default)]
pub(super) struct ImageCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    images: HashMap<Picture, Arc<RgbImage>>,
    bytes: usize,
}

impl ImageCache {
    pub(super) fn load(&self, picture: &Picture) -> Result<RgbImage> {
        let known = self.lock().images.get(picture).cloned();
        if let Some(image) = known {
            return Ok((*image).clone());
        }
        let image = rgb_of(picture.open()?)?;
        let bytes = image.as_raw().len();
        let mut kept = self.lock();
        if bytes <= LARGEST
            && kept.bytes + bytes <= BOUND
            && kept
                .images
                .insert(picture.clone(), Arc::new(image.clone()))
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
