//! Boxes and their intersection over union.

/// Coordinates beyond this are none of a picture.
const MAX: f64 = 1e9;

/// A box with its sides parallel to the axes, of positive area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Box2 {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Box2 {
    /// A box from its corners; nothing where a number is not finite or beyond a billion, or left and right or top and
    /// bottom are equal or the wrong way round.
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Option<Self> {
        let bounded = [left, top, right, bottom].iter().all(|n| n.abs() <= MAX);
        // So thin a box that its area underflows to 0 is none either.
        let fits =
            left < right && top < bottom && (right - left) * (bottom - top) > f64::MIN_POSITIVE;
        (bounded && fits).then_some(Self {
            left,
            top,
            right,
            bottom,
        })
    }

    /// Left, top, right, bottom.
    pub fn corners(&self) -> [f64; 4] {
        [self.left, self.top, self.right, self.bottom]
    }

    /// The box with its sides multiplied, x by `x` and y by `y`, both positive.
    #[must_use]
    pub fn scaled(&self, x: f64, y: f64) -> Self {
        Self {
            left: self.left * x,
            top: self.top * y,
            right: self.right * x,
            bottom: self.bottom * y,
        }
    }

    fn area(&self) -> f64 {
        (self.right - self.left) * (self.bottom - self.top)
    }

    /// Area of the intersection over area of the union, from 0 to 1.
    pub fn iou(&self, other: &Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let common = width * height;
        // Not 0: both areas are positive, and the intersection is no larger than either.
        (common / (self.area() + other.area() - common)).clamp(0.0, 1.0)
    }
}
