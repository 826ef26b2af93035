//! Curves as pictures: small multiples, one panel for each thing that is measured.
//!
//! [`curves`] chooses what a run's own picture shows, [`compare`] sets metrics of several runs side by side, and
//! [`write()`] draws a [`Figure`] as SVG or PNG, by the name of the file. Text of PNG is drawn with a font that lies
//! beside this file, so pictures need nothing of the machine.
//!
//! ```
//! use rlhost_trainer::run::plot::{Figure, Line, Panel, Style, write};
//!
//! # let dir = std::env::temp_dir().join(format!("rlhost-plot-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir).unwrap();
//! let path = dir.join("curve.png");
//! let line = Line::new("score", vec![(1, 0.25), (2, 0.5)], 0, Style::Smoothed);
//! let panel = Panel::new("reward", vec![line]);
//! write(&path, &Figure::new("digits", vec![panel]))?;
//! assert!(std::fs::read(&path).unwrap().starts_with(b"\x89PNG"));
//! # std::fs::remove_dir_all(&dir).unwrap();
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod choose;
mod draw;
mod font;
mod points;

use std::io::Write as _;
use std::path::Path;

use rlhost_host::files::replace;

use crate::{Error, Result};

pub use choose::{Shown, compare, curves, is_shown};

/// A picture of several panels over the same steps.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Written above the panels.
    pub title: String,
    /// From left to right, then down.
    pub panels: Vec<Panel>,
}

impl Figure {
    /// A picture of these panels.
    pub fn new(title: impl Into<String>, panels: Vec<Panel>) -> Self {
        Self {
            title: title.into(),
            panels,
        }
    }
}

/// Lines that share a measure.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What is measured.
    pub title: String,
    /// The lines, those of most weight first.
    pub lines: Vec<Line>,
}

impl Panel {
    /// A panel of these lines.
    pub fn new(title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self {
            title: title.into(),
            lines,
        }
    }
}

/// Values over the steps.
#[derive(Clone, Debug)]
pub struct Line {
    /// What the line is, for the legend.
    pub label: String,
    /// (step, value) in order of step. Values that are not finite are left out.
    pub points: Vec<(u64, f64)>,
    /// Which of the colours it has, from 0; they come again after the last.
    pub color: usize,
    /// How it is drawn.
    pub style: Style,
}

impl Line {
    /// A line through `points`.
    pub fn new(
        label: impl Into<String>,
        points: Vec<(u64, f64)>,
        color: usize,
        style: Style,
    ) -> Self {
        Self {
            label: label.into(),
            points,
            color,
            style,
        }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The values pale, and their moving average over them.
    Smoothed,
    /// The moving average alone, for lines that would hide one another.
    Mean,
    /// A line with a point for each value: few values, each of which counts.
    Points,
}

/// The form of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Scalable, with the viewer's fonts.
    Svg,
    /// Pixels.
    Png,
}

impl Format {
    /// The form that a file's name ends in.
    ///
    /// # Errors
    /// [`Error::Config`] for every other ending.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(Error::Config(format!(
                "{}: a picture's name ends in .svg or .png",
                path.display()
            ))),
        }
    }
}

/// The most panels of a picture.
const MOST_PANELS: usize = 300;

/// The bytes of a file that shows `figure`. Equal figures have equal bytes.
///
/// # Errors
/// If it can't be drawn.
pub fn draw(figure: &Figure, format: Format) -> Result<Vec<u8>> {
    if figure.panels.len() > MOST_PANELS {
        return Err(Error::Config(format!(
            "a picture has at most {MOST_PANELS} panels, and these metrics are {}; name fewer",
            figure.panels.len()
        )));
    }
    let bytes = match format {
        Format::Svg => draw::svg(figure),
        Format::Png => draw::png(figure),
    };
    bytes.map_err(|e| Error::run(&figure.title, format!("the curves can't be drawn: {e}")))
}

/// Draws `figure` as `path` ends, `.svg` or `.png`; the file is there whole or as it was.
///
/// # Errors
/// If the file has another ending or can't be written.
pub fn write(path: &Path, figure: &Figure) -> Result<()> {
    let bytes = draw(figure, Format::of(path)?)?;
    replace(path, |file| file.write_all(&bytes)).map_err(|e| Error::io(path, e))
}
