//! Masks: which cells of a grid over the image belong to a target.
//!
//! A mask comes as rows (`["0110", "0010"]`, `[[0, 1], [1, 0]]`) or run-length coded as COCO has it: `{"size": [height,
//! width], "counts": […]}`, column by column, runs outside and inside in turn, as numbers or in COCO's compressed text.

use rlhost_plugin::serde_json::Value;

/// The largest side of a mask.
const MAX_SIDE: u64 = 100_000;

/// A mask with at least one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: u64,
    height: u64,
    /// Where each run ends, counted in cells from the first column's top; runs outside and inside in turn.
    ends: Vec<u64>,
}

impl Mask {
    /// Reads a mask; nothing where it is of another form, of unequal rows, empty, or larger than 100,000 a side.
    ///
    /// ```
    /// use point::mask::Mask;
    /// let mask = Mask::read(&rlhost_plugin::serde_json::json!(["01", "00"])).unwrap();
    /// assert!(mask.holds(1, 0) && !mask.holds(0, 0));
    /// ```
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Array(rows) => Self::of_rows(rows),
            Value::Object(map) => {
                let [height, width] = map.get("size")?.as_array()?.as_slice() else {
                    return None;
                };
                let runs = match map.get("counts")? {
                    Value::Array(runs) => {
                        runs.iter().map(Value::as_u64).collect::<Option<Vec<_>>>()?
                    }
                    Value::String(text) => decompressed(text.as_bytes())?,
                    _ => return None,
                };
                Self::of_runs(width.as_u64()?, height.as_u64()?, &runs)
            }
            _ => None,
        }
    }

    fn of_rows(rows: &[Value]) -> Option<Self> {
        let cells = |row: &Value| -> Option<Vec<bool>> {
            match row {
                Value::String(text) => text
                    .chars()
                    .map(|c| match c {
                        '0' => Some(false),
                        '1' => Some(true),
                        _ => None,
                    })
                    .collect(),
                Value::Array(items) => items
                    .iter()
                    .map(|item| match item {
                        Value::Bool(inside) => Some(*inside),
                        _ => item.as_u64().map(|n| n > 0),
                    })
                    .collect(),
                _ => None,
            }
        };
        let rows = rows.iter().map(cells).collect::<Option<Vec<_>>>()?;
        let width = rows.first()?.len();
        if rows.iter().any(|row| row.len() != width) {
            return None;
        }
        let mut runs = Vec::new();
        let (mut inside, mut length) = (false, 0);
        for x in 0..width {
            for row in &rows {
                if row[x] != inside {
                    runs.push(length);
                    (inside, length) = (!inside, 0);
                }
                length += 1;
            }
        }
        runs.push(length);
        Self::of_runs(width as u64, rows.len() as u64, &runs)
    }

    fn of_runs(width: u64, height: u64, runs: &[u64]) -> Option<Self> {
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return None;
        }
        let mut end = 0u64;
        let mut ends = Vec::with_capacity(runs.len());
        for run in runs {
            end = end.checked_add(*run)?;
            ends.push(end);
        }
        let inside: u64 = runs.iter().skip(1).step_by(2).sum();
        (end == width * height && inside > 0).then_some(Self {
            width,
            height,
            ends,
        })
    }

    /// Width and height in cells.
    pub fn size(&self) -> (u64, u64) {
        (self.width, self.height)
    }

    /// Whether a cell of the grid belongs to the mask, counted from the left and from the top.
    pub fn holds(&self, x: u64, y: u64) -> bool {
        if x >= self.width || y >= self.height {
            return false;
        }
        let cell = x * self.height + y;
        // The runs before the cell: an odd number of them leads into a run that is inside.
        self.ends.partition_point(|end| *end <= cell) % 2 == 1
    }
}

/// The runs of COCO's compressed text: numbers in pieces of 5 bits, and from the fourth on the difference to the run two
/// places before.
fn decompressed(text: &[u8]) -> Option<Vec<u64>> {
    let mut runs: Vec<i64> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (mut value, mut shift) = (0i64, 0u32);
        loop {
            let piece = i64::from(text.get(at)?.checked_sub(48)?);
            at += 1;
            if piece > 0x3F || shift > 50 {
                return None;
            }
            value |= (piece & 0x1F) << shift;
            shift += 5;
            if piece & 0x20 == 0 {
                if piece & 0x10 != 0 {
                    value |= -1 << shift;
                }
                break;
            }
        }
        if runs.len() > 2 {
            value += runs[runs.len() - 2];
        }
        runs.push(value);
    }
    runs.into_iter()
        .map(|run| u64::try_from(run).ok())
        .collect()
}
