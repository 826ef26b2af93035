//! The learning curve as a picture.

use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::{Error, Result};
use rlhost_host::is_plain;

use super::files;

const SIZE: (u32, u32) = (800, 480);
const HEADER: i32 = 62;
const REWARD_LIGHT: RGBColor = RGBColor(168, 200, 228);
const REWARD: RGBColor = RGBColor(31, 98, 160);
const ACCURACY: RGBColor = RGBColor(196, 78, 20);
const TEXT: RGBColor = RGBColor(51, 51, 51);
const AXIS: RGBColor = RGBColor(120, 120, 120);
const GRID: RGBColor = RGBColor(228, 228, 228);
const FONT: &str = "sans-serif";
/// The axis of accuracies, with room for a label at 1.
const ACCURACIES: Range<f64> = 0.0..1.05;
/// Characters of a title for which there is room.
const LONGEST_TITLE: usize = 80;
/// More labels than this would run into each other.
const MAX_LABELS: usize = 12;

/// What a learning curve shows. Points are (step, value) in order of step.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// Written above it.
    pub title: &'a str,
    /// What the training curve is, such as `reward`.
    pub measure: &'a str,
    /// The training curve: mean reward of each step's samples, or a step's loss.
    pub training: &'a [(u64, f64)],
    /// Accuracy on held-out data, between 0 and 1.
    pub accuracy: &'a [(u64, f64)],
}

/// Draws `curve` as an SVG of 800 × 480: the measure of each step light, its moving average dark,
/// and the accuracies as labelled points with an axis of their own. Values that are not finite
/// are left out.
///
/// # Errors
/// If the file can't be written.
pub fn write_svg(path: &Path, curve: &Curve) -> Result<()> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(&area, curve).map_err(|e| Error::run(path, format!("the curve can't be drawn: {e}")))?;
    drop(area);
    files::write_whole(path, |file| file.write_all(svg.as_bytes()))
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(area: &Area, curve: &Curve) -> Drawn {
    let training = finite(curve.training);
    let accuracy = finite(curve.accuracy);
    let window = window(training.len());
    area.fill(&WHITE)?;
    let (header, body) = area.split_vertically(HEADER);
    draw_header(&header, curve.title, curve.measure, window)?;

    let seen = training.iter().chain(&accuracy).map(|point| point.0);
    let last = seen.fold(1.0, f64::max);
    let steps = 0.0..last;
    let range = training_range(&training);
    let mut chart = ChartBuilder::on(&body)
        .margin_top(6)
        .margin_bottom(8)
        .margin_left(12)
        .margin_right(12)
        .x_label_area_size(44)
        .y_label_area_size(54)
        .right_y_label_area_size(54)
        .build_cartesian_2d(steps.clone(), range.clone())?
        .set_secondary_coord(steps, ACCURACIES);
    let label = |color: &RGBColor| (FONT, 13).into_font().color(color);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .label_style(label(&TEXT))
        .axis_desc_style((FONT, 14).into_font().color(&TEXT))
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|value| tick(*value))
        .x_desc("step")
        .y_desc(format!("training {}", curve.measure))
        .draw()?;
    chart
        .configure_secondary_axes()
        .axis_style(AXIS)
        .label_style(label(&ACCURACY))
        .axis_desc_style((FONT, 14).into_font().color(&ACCURACY))
        .y_label_formatter(&|value| tick(*value))
        .y_desc("held-out accuracy")
        .draw()?;

    chart.draw_series(LineSeries::new(
        training.clone(),
        REWARD_LIGHT.stroke_width(1),
    ))?;
    let smooth = moving_average(&training, window);
    chart.draw_series(LineSeries::new(smooth.clone(), REWARD.stroke_width(3)))?;
    let line = LineSeries::new(accuracy.clone(), ACCURACY.mix(0.55).stroke_width(2));
    chart.draw_secondary_series(line)?;
    let points = accuracy
        .iter()
        .map(|point| Circle::new(*point, 5, ACCURACY.filled()));
    chart.draw_secondary_series(points)?;
    let labels = labelled(&accuracy).into_iter().map(|point| {
        // Centred on the frame, a label would run into the ticks beside it.
        let horizontal = match point.0 {
            step if step <= 0.0 => HPos::Left,
            step if step >= last => HPos::Right,
            _ => HPos::Center,
        };
        // On the side where the training curve is not.
        let (vertical, shift) = if height_at(&smooth, &range, point.0) > point.1 / ACCURACIES.end {
            (VPos::Top, 11)
        } else {
            (VPos::Bottom, -9)
        };
        let style = (FONT, 14)
            .into_font()
            .style(FontStyle::Bold)
            .color(&ACCURACY)
            .pos(Pos::new(horizontal, vertical));
        EmptyElement::at(point) + Text::new(format!("{:.2}", point.1), (0, shift), style)
    });
    chart.draw_secondary_series(labels)?;
    area.present()?;
    Ok(())
}

/// Title and legend, above the chart so that they never hide a curve.
fn draw_header(header: &Area, title: &str, measure: &str, window: usize) -> Drawn {
    let text = |x: i32, y: i32, size: i32, text: &str| {
        let style = (FONT, size)
            .into_font()
            .color(&TEXT)
            .pos(Pos::new(HPos::Left, VPos::Center));
        header.draw(&Text::new(text.to_owned(), (x, y), style))
    };
    let line = |x: i32, color: RGBColor, width: u32| {
        let ends = vec![(x, 48), (x + 26, 48)];
        header.draw(&PathElement::new(ends, color.stroke_width(width)))
    };
    text(66, 20, 19, &plain(title))?;
    line(66, REWARD_LIGHT, 1)?;
    text(98, 48, 13, &format!("{measure} of a step"))?;
    line(246, REWARD, 3)?;
    text(278, 48, 13, &format!("its mean over {window} steps"))?;
    line(466, ACCURACY, 2)?;
    header.draw(&Circle::new((479, 48), 5, ACCURACY.filled()))?;
    text(498, 48, 13, "accuracy on held-out data (right axis)")?;
    Ok(())
}

/// A title on one line: what is no text has no place in XML.
fn plain(title: &str) -> String {
    let shown = title.chars().take(LONGEST_TITLE);
    shown
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if is_plain(c) => c,
            _ => '\u{fffd}',
        })
        .collect()
}

fn finite(points: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let points = points.iter().filter(|(_, value)| value.is_finite());
    points.map(|(step, value)| (*step as f64, *value)).collect()
}

/// The axis of accuracies where the measure fits on it, so that both read alike; else what they need.
fn training_range(training: &[(f64, f64)]) -> Range<f64> {
    let (low, high) = training
        .iter()
        .fold((0.0_f64, 1.0_f64), |(low, high), (_, value)| {
            (low.min(*value), high.max(*value))
        });
    if low < 0.0 || high > 1.0 {
        let margin = 0.05 * (high - low);
        (low - margin)..(high + margin)
    } else {
        ACCURACIES
    }
}

/// A tick's label, without a minus before zero.
fn tick(value: f64) -> String {
    let text = format!("{value:.1}");
    if text == "-0.0" {
        "0.0".to_owned()
    } else {
        text
    }
}

/// Points of a moving average: about a twentieth of the run, an odd number from 5 on.
fn window(points: usize) -> usize {
    (points / 20).max(5) | 1
}

/// Mean of the `window` points around each, of those that there are at the ends.
fn moving_average(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let reach = window / 2;
    (0..points.len())
        .map(|at| {
            let around = &points[at.saturating_sub(reach)..points.len().min(at + reach + 1)];
            let sum: f64 = around.iter().map(|point| point.1).sum();
            (points[at].0, sum / around.len() as f64)
        })
        .collect()
}

/// How high the line through `points` is at `step`, as a share of the axis `range`; without any
/// point, at the bottom.
fn height_at(points: &[(f64, f64)], range: &Range<f64>, step: f64) -> f64 {
    let after = points.partition_point(|point| point.0 < step);
    let near = points.get(after).or(points.last());
    near.map_or(0.0, |point| {
        (point.1 - range.start) / (range.end - range.start)
    })
}

/// The points that get a label: all, or an even choice with the first and the last.
fn labelled(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MAX_LABELS {
        return points.to_vec();
    }
    let last = points.len() - 1;
    (0..MAX_LABELS)
        .map(|i| points[i * last / (MAX_LABELS - 1)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_average_by_hand() {
        let points: Vec<(f64, f64)> = [1.0, 5.0, 3.0, 0.0, 6.0]
            .iter()
            .enumerate()
            .map(|(step, value)| (step as f64, *value))
            .collect();
        let means: Vec<f64> = moving_average(&points, 5).iter().map(|p| p.1).collect();
        assert_eq!(means, [3.0, 2.25, 3.0, 3.5, 3.0]);
        assert!(moving_average(&[], 5).is_empty());
        assert_eq!((window(3), window(100), window(500)), (5, 5, 25));
    }

    #[test]
    fn labels_keep_the_ends() {
        let points: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i), 0.5)).collect();
        let chosen = labelled(&points);
        assert_eq!(chosen.len(), MAX_LABELS);
        assert_eq!((chosen[0].0, chosen[MAX_LABELS - 1].0), (0.0, 49.0));
    }
}
