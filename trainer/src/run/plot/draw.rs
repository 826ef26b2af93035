//! The drawing itself, as SVG or in pixels.

use std::ops::Range;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::TextStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use rlhost_host::is_plain;

use super::font::{self, FAMILY};
use super::points::{finite, moving_average, thinned, window};
use super::{Figure, Line, Panel, Style};

const COLUMNS: usize = 3;
const PANEL: (u32, u32) = (400, 240);
/// The size of a panel that is alone.
const ALONE: (u32, u32) = (800, 460);
const HEADER: u32 = 58;
/// Pixels of a PNG for one of these units.
const SCALE: u32 = 2;
const COLORS: [RGBColor; 8] = [
    RGBColor(31, 98, 160),
    RGBColor(196, 78, 20),
    RGBColor(38, 128, 72),
    RGBColor(132, 76, 168),
    RGBColor(158, 122, 8),
    RGBColor(24, 140, 152),
    RGBColor(190, 52, 100),
    RGBColor(96, 96, 96),
];
const TEXT: RGBColor = RGBColor(51, 51, 51);
const AXIS: RGBColor = RGBColor(120, 120, 120);
const GRID: RGBColor = RGBColor(228, 228, 228);
/// Characters of a title, and of a label, for which there is room.
const LONGEST_TITLE: usize = 80;
const LONGEST_LABEL: usize = 40;
/// Rows of a panel's legend.
const LEGEND_ROWS: i32 = 2;

type Drawn<T, DB> = Result<T, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Why nothing was drawn.
pub(super) type Failure = Box<dyn std::error::Error>;

/// The figure as SVG.
pub(super) fn svg(figure: &Figure) -> Result<Vec<u8>, Failure> {
    font::register();
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size(figure)).into_drawing_area();
    Pen(1).figure(&area, figure)?;
    drop(area);
    Ok(svg.into_bytes())
}

/// The figure as PNG.
pub(super) fn png(figure: &Figure) -> Result<Vec<u8>, Failure> {
    font::register();
    let (width, height) = size(figure);
    let (width, height) = (width * SCALE, height * SCALE);
    let mut pixels = vec![0; (width * height * 3) as usize];
    let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
    Pen(SCALE).figure(&area, figure)?;
    drop(area);
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&pixels, width, height, ExtendedColorType::Rgb8)?;
    Ok(png)
}

/// Columns and rows of so many panels.
fn grid(panels: usize) -> (usize, usize) {
    let columns = match panels {
        0 | 1 => 1,
        2 | 4 => 2,
        _ => COLUMNS,
    };
    (columns, panels.div_ceil(columns).max(1))
}

fn size(figure: &Figure) -> (u32, u32) {
    let (columns, rows) = grid(figure.panels.len());
    let panel = if columns == 1 { ALONE } else { PANEL };
    (panel.0 * columns as u32, HEADER + panel.1 * rows as u32)
}

/// Draws with so many pixels for a unit.
struct Pen(u32);

impl Pen {
    fn px(&self, units: i32) -> i32 {
        units * self.0 as i32
    }

    fn text<'a>(&self, size: i32, color: &'a RGBColor) -> TextStyle<'a> {
        (FAMILY, self.px(size)).into_font().color(color)
    }

    fn figure<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        figure: &Figure,
    ) -> Drawn<(), DB> {
        area.fill(&WHITE)?;
        let (header, body) = area.split_vertically(self.px(HEADER as i32));
        let (columns, rows) = grid(figure.panels.len());
        self.words(&header, &short(&figure.title, LONGEST_TITLE), (14, 20), 19)?;
        let lines = || figure.panels.iter().flat_map(|panel| &panel.lines);
        let longest = lines().map(|line| line.points.len()).max().unwrap_or(0);
        let means = lines().any(|line| line.style != Style::Points);
        let note = if means {
            format!("over the steps; thick: mean over {} steps", window(longest))
        } else {
            "over the steps".to_owned()
        };
        self.words(&header, &note, (14, 42), 12)?;
        let steps = steps(lines());
        for (panel, area) in figure.panels.iter().zip(body.split_evenly((rows, columns))) {
            self.panel(&area, panel, steps.clone())?;
        }
        area.present()
    }

    /// A line of text that begins at `at` and is centred on its height.
    fn words<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        text: &str,
        at: (i32, i32),
        size: i32,
    ) -> Drawn<(), DB> {
        let style = self
            .text(size, &TEXT)
            .pos(Pos::new(HPos::Left, VPos::Center));
        let at = (self.px(at.0), self.px(at.1));
        area.draw(&Text::new(text.to_owned(), at, style))
    }

    fn panel<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        panel: &Panel,
        steps: Range<f64>,
    ) -> Drawn<(), DB> {
        self.words(area, &short(&panel.title, LONGEST_LABEL), (14, 12), 15)?;
        let rows = self.legend(area, &panel.lines)?;
        let (_, below) = area.split_vertically(self.px(24 + 16 * rows));
        let lines: Vec<(&Line, Vec<(f64, f64)>)> = panel
            .lines
            .iter()
            .map(|line| (line, finite(&line.points)))
            .collect();
        let values = range(&lines);
        let span = values.end - values.start;
        let largest = values.start.abs().max(values.end.abs());
        let labels = self.text(12, &TEXT);
        let mut chart = ChartBuilder::on(&below)
            .margin_top(self.px(4))
            .margin_bottom(self.px(6))
            .margin_left(self.px(8))
            .margin_right(self.px(20))
            .x_label_area_size(self.px(24))
            .y_label_area_size(self.px(46))
            .build_cartesian_2d(steps, values)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID.stroke_width(self.0))
            .light_line_style(TRANSPARENT)
            .axis_style(AXIS.stroke_width(self.0))
            .label_style(labels)
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&|step| {
                // Half a step is none.
                if step.fract() == 0.0 {
                    format!("{step:.0}")
                } else {
                    String::new()
                }
            })
            .y_label_formatter(&|value| tick(*value, span, largest))
            .draw()?;
        // The first is drawn last, over the others.
        for (line, points) in lines.into_iter().rev() {
            let color = COLORS[line.color % COLORS.len()];
            let window = window(points.len());
            let means = thinned(moving_average(&points, window));
            let pale = color.mix(0.35).stroke_width(self.0);
            let strong = color.stroke_width(2 * self.0);
            match line.style {
                Style::Smoothed => {
                    chart.draw_series(LineSeries::new(thinned(points), pale))?;
                    chart.draw_series(LineSeries::new(means, strong))?;
                }
                Style::Mean => {
                    chart.draw_series(LineSeries::new(means, strong))?;
                }
                Style::Points => {
                    let last = points.last().copied();
                    let mut points = thinned(points);
                    if points.last() != last.as_ref() {
                        points.extend(last);
                    }
                    chart.draw_series(LineSeries::new(points.clone(), strong))?;
                    let dot = |point: &(f64, f64)| Circle::new(*point, 3 * self.0, color.filled());
                    if points.len() <= 60 {
                        chart.draw_series(points.iter().map(dot))?;
                    } else {
                        chart.draw_series(points.last().map(dot))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the lines are and where they stand, above the chart so that nothing hides a curve; the rows that it took.
    fn legend<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        lines: &[Line],
    ) -> Drawn<i32, DB> {
        let end = area.dim_in_pixel().0 as i32 - self.px(14);
        let (mut x, mut row) = (self.px(14), 0);
        for (at, line) in lines.iter().enumerate() {
            let color = COLORS[line.color % COLORS.len()];
            let style = self
                .text(12, &color)
                .pos(Pos::new(HPos::Left, VPos::Center));
            let label = legend_label(line);
            let width = self.px(18) + area.estimate_text_size(&label, &style)?.0 as i32;
            let rest = format!("and {} more", lines.len() - at);
            let room = if row + 1 == LEGEND_ROWS && at + 1 < lines.len() {
                // For the words that others follow.
                area.estimate_text_size(&rest, &style)?.0 as i32 + self.px(12)
            } else {
                0
            };
            let begins = x == self.px(14);
            if x + width + room > end && !begins {
                if row + 1 == LEGEND_ROWS {
                    self.words(area, &rest, (x / self.0 as i32, 30 + 16 * row), 12)?;
                    break;
                }
                row += 1;
                x = self.px(14);
            }
            let y = self.px(30 + 16 * row);
            let swatch = vec![(x, y), (x + self.px(12), y)];
            area.draw(&PathElement::new(swatch, color.stroke_width(3 * self.0)))?;
            area.draw(&Text::new(label, (x + self.px(16), y), style))?;
            x += width + self.px(12);
        }
        Ok(if lines.is_empty() { 0 } else { row + 1 })
    }
}

/// A line's name with its last value; with the first one too where each value counts.
fn legend_label(line: &Line) -> String {
    let name = short(&line.label, LONGEST_LABEL);
    let points = finite(&line.points);
    match (points.first(), points.last()) {
        (Some(first), Some(last)) if line.style == Style::Points && points.len() > 1 => {
            format!("{name} {} \u{2192} {}", value(first.1), value(last.1))
        }
        (_, Some(last)) if line.style == Style::Points => format!("{name} {}", value(last.1)),
        (_, Some(_)) => {
            let means = moving_average(&points, window(points.len()));
            format!("{name} {}", value(means.last().map_or(0.0, |mean| mean.1)))
        }
        _ => name,
    }
}

/// From the first step of any line to the last.
fn steps<'a>(lines: impl Iterator<Item = &'a Line>) -> Range<f64> {
    let (mut first, mut last) = (u64::MAX, 0);
    for line in lines {
        for (step, _) in [line.points.first(), line.points.last()]
            .into_iter()
            .flatten()
        {
            (first, last) = (first.min(*step), last.max(*step));
        }
    }
    let first = first.min(last);
    first as f64..last.max(first + 1) as f64
}

/// The values that a panel has room for. Shares and scores keep the axis from 0 to 1, so that panels read alike.
fn range(lines: &[(&Line, Vec<(f64, f64)>)]) -> Range<f64> {
    let values = || {
        lines
            .iter()
            .flat_map(|(_, points)| points.iter().map(|p| p.1))
    };
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return 0.0..1.0;
    }
    if low >= 0.0 && high <= 1.0 && high > 0.2 {
        return 0.0..1.05;
    }
    let mut margin = 0.06 * (high - low);
    if margin <= f64::EPSILON * high.abs() {
        // A constant lies in the middle.
        margin = if high == 0.0 { 0.5 } else { 0.1 * high.abs() };
    }
    let bottom = if low >= 0.0 {
        (low - margin).max(0.0)
    } else {
        low - margin
    };
    bottom..high + margin
}

/// A tick's label: as many digits as ticks differ by, without a minus before zero.
fn tick(value: f64, span: f64, largest: f64) -> String {
    if value.abs() < span * 1e-9 {
        return "0".to_owned();
    }
    if !(1e-3..1e6).contains(&largest) {
        return format!("{value:.1e}");
    }
    let digits = (1.0 - span.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}

/// A value for a legend.
fn value(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => return "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => return format!("{value:.1e}"),
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// Text of a stranger on one line: what is no text has no place in XML.
fn short(text: &str, longest: usize) -> String {
    let shown = text.chars().take(longest).map(|c| match c {
        '\n' | '\t' => ' ',
        c if is_plain(c) => c,
        _ => '\u{fffd}',
    });
    let mut shown: String = shown.collect();
    if text.chars().nth(longest).is_some() {
        shown.push('\u{2026}');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 0.8333, 0.25, 12.04, 250.4, 2.5e-6, 3e7].map(value),
            ["0", "0.833", "0.25", "12", "250", "2.5e-6", "3.0e7"]
        );
        assert_eq!(tick(-1e-18, 1.0, 1.0), "0");
        assert_eq!(tick(0.25, 0.3, 0.5), "0.25");
        assert_eq!(tick(250.0, 400.0, 600.0), "250");
        assert_eq!(tick(2e-6, 4e-6, 5e-6), "2.0e-6");
    }

    #[test]
    fn a_panel_has_room_for_its_values() {
        let of = |values: &[f64]| {
            let points: Vec<(u64, f64)> = (1..).zip(values.iter().copied()).collect();
            let line = Line::new("", points, 0, Style::Mean);
            let points = finite(&line.points);
            range(&[(&line, points)])
        };
        assert_eq!(of(&[0.3, 1.0]), 0.0..1.05);
        assert_eq!(of(&[0.0, 0.0]), 0.0..0.5);
        assert_eq!(of(&[]), 0.0..1.0);
        assert_eq!(of(&[2.0, f64::NAN, 2.0]), 1.8..2.2);
        let far = of(&[-2.0, 3.0]);
        assert!(far.start < -2.0 && far.end > 3.0);
    }
}
