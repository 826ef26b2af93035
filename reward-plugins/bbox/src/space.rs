//! What the numbers of a box are: pixels, shares, percents or thousandths of an image's sides, or pixels of the image as a
//! model's processor resized it.

use crate::geometry::Box2;
use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{Failure, Sample};

/// A kind of coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Pixel,
    /// Pixels of the resized image, in which Qwen2.5-VL answers.
    Resized,
    Unit,
    Percent,
    Thousandth,
}

impl Space {
    /// The kind of that name; pixels for any other.
    pub fn named(name: &str) -> Self {
        match name {
            "unit" => Self::Unit,
            "percent" => Self::Percent,
            "thousandth" => Self::Thousandth,
            "resized" => Self::Resized,
            _ => Self::Pixel,
        }
    }

    /// The length of an image's side in this kind; nothing for pixels, where it is the image's own, resized or not.
    pub fn side(self) -> Option<f64> {
        match self {
            Self::Pixel | Self::Resized => None,
            Self::Unit => Some(1.0),
            Self::Percent => Some(100.0),
            Self::Thousandth => Some(1000.0),
        }
    }

    /// Whether a box is of this kind: shares are from 0 to 1, thousandths from 0 to 1000, pixels not negative.
    pub fn holds(self, found: &Box2) -> bool {
        let most = self.side().unwrap_or(f64::INFINITY);
        found.corners().iter().all(|n| (0.0..=most).contains(n))
    }

    /// A box of this kind in shares of the sides of an image of this width and height, which are those of the resized image for
    /// such pixels.
    pub fn shares(self, found: &Box2, (width, height): (f64, f64)) -> Box2 {
        match self {
            Self::Pixel | Self::Resized => found.scaled(1.0 / width, 1.0 / height),
            Self::Unit => *found,
            Self::Percent => found.scaled(1e-2, 1e-2),
            Self::Thousandth => found.scaled(1e-3, 1e-3),
        }
    }
}

/// A side of an image; nothing where the value is none.
fn side(value: &Value) -> Option<f64> {
    value.as_f64().filter(|side| (1.0..=1e9).contains(side))
}

/// Two columns of a sample as the sides of an image.
fn sides(sample: &Sample, width: &str, height: &str) -> Result<Option<(f64, f64)>, Failure> {
    let side = |name: &str| -> Result<Option<f64>, Failure> {
        Ok(sample.column(name)?.as_ref().and_then(side))
    };
    Ok(side(width)?.zip(side(height)?))
}

/// Width and height of the sample's image as its columns `width` and `height` say.
pub fn given_size(sample: &Sample) -> Result<Option<(f64, f64)>, Failure> {
    sides(sample, "width", "height")
}

/// Width and height of the sample's first image as the model saw it: its columns `resized_width` and `resized_height`, or
/// these keys of the first entry of its column `images` or `image`.
///
/// # Errors
/// [`Failure::InvalidReference`] where the row has neither.
pub fn resized_size(sample: &Sample) -> Result<(f64, f64), Failure> {
    const NAMES: [&str; 2] = ["resized_width", "resized_height"];
    if let Some(size) = sides(sample, NAMES[0], NAMES[1])? {
        return Ok(size);
    }
    for name in ["images", "image"] {
        let column = sample.column(name)?;
        let first = match &column {
            Some(Value::Array(items)) => items.first(),
            other => other.as_ref(),
        };
        let size =
            first.and_then(|first| side(first.get(NAMES[0])?).zip(side(first.get(NAMES[1])?)));
        if let Some(size) = size {
            return Ok(size);
        }
    }
    Err(Failure::InvalidReference(
        "pixels of the resized image need its size: the row has neither the columns `resized_width` and `resized_height` \
         nor an entry of `images` with these keys; in training, data.resized_size = true adds the columns"
            .into(),
    ))
}

/// Width and height of the sample's image: its columns `width` and `height`, or else its first image's.
pub fn size(sample: &Sample) -> Result<(f64, f64), Failure> {
    if let Some(size) = given_size(sample)? {
        return Ok(size);
    }
    let image = sample.images.first().ok_or_else(|| {
        Failure::InvalidReference(
            "boxes in pixels and others need the image's size: the row has neither an image nor the columns `width` and \
             `height`"
                .into(),
        )
    })?;
    Ok((
        f64::from(image.width()).max(1.0),
        f64::from(image.height()).max(1.0),
    ))
}
