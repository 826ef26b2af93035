//! The curves of many runs in one picture: a panel each, with all others in grey behind.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const COLUMNS: usize = 5;
const PANEL: (u32, u32) = (232, 176);
const HEADER: u32 = 46;
const CURVE: RGBColor = RGBColor(196, 78, 20);
const OTHERS: RGBColor = RGBColor(214, 214, 214);
const TEXT: RGBColor = RGBColor(51, 51, 51);
const AXIS: RGBColor = RGBColor(120, 120, 120);
const FONT: &str = "sans-serif";

/// A run.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// (step, held-out accuracy).
    pub(crate) curve: Vec<(f64, f64)>,
}

/// What texts are measured with: the font of the trainer's pictures.
const MEASURES: &[u8] = include_bytes!("../../trainer/src/run/plot/DejaVuSans-Latin.ttf");

/// The picture as SVG.
pub(crate) fn draw(panels: &[Panel]) -> Result<String> {
    register_font(FONT, FontStyle::Normal, MEASURES)
        .map_err(|_| anyhow!("the font can't be read"))?;
    let rows = panels.len().div_ceil(COLUMNS).max(1);
    let size = (PANEL.0 * COLUMNS as u32, HEADER + PANEL.1 * rows as u32);
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    draw_all(&area, panels, rows).map_err(|e| anyhow!("the curves can't be drawn: {e}"))?;
    drop(area);
    Ok(svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_all(area: &Area, panels: &[Panel], rows: usize) -> Drawn {
    area.fill(&WHITE)?;
    let (header, body) = area.split_vertically(HEADER);
    let style = (FONT, 19)
        .into_font()
        .color(&TEXT)
        .pos(Pos::new(HPos::Left, VPos::Center));
    header.draw(&Text::new(
        "Held-out accuracy over training steps, one preset a panel (all others in grey)",
        (14, 22),
        style,
    ))?;
    for (panel, area) in panels.iter().zip(body.split_evenly((rows, COLUMNS))) {
        draw_panel(&area, panel, panels)?;
    }
    area.present()?;
    Ok(())
}

fn draw_panel(area: &Area, panel: &Panel, all: &[Panel]) -> Drawn {
    let steps = all.iter().flat_map(|panel| &panel.curve);
    let last = steps.map(|point| point.0).fold(1.0, f64::max);
    let label = (FONT, 11).into_font().color(&TEXT);
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(16)
        .caption(&panel.title, (FONT, 15).into_font().color(&TEXT))
        .x_label_area_size(18)
        .y_label_area_size(28)
        .build_cartesian_2d(0.0..last, 0.0..1.05)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(AXIS)
        .label_style(label)
        .x_labels(3)
        .y_labels(5)
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|value| format!("{value:.1}"))
        .draw()?;
    for other in all {
        let line = LineSeries::new(other.curve.clone(), OTHERS.stroke_width(1));
        chart.draw_series(line)?;
    }
    chart.draw_series(LineSeries::new(panel.curve.clone(), CURVE.stroke_width(3)))?;
    if let Some(end) = panel.curve.last() {
        let style = (FONT, 13)
            .into_font()
            .style(FontStyle::Bold)
            .color(&CURVE)
            .pos(Pos::new(HPos::Right, VPos::Bottom));
        let text = EmptyElement::at(*end) + Text::new(format!("{:.2}", end.1), (-2, -6), style);
        chart.draw_series([text])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_run_has_a_panel_with_its_last_accuracy() {
        let panels: Vec<Panel> = (0..7)
            .map(|run| Panel {
                title: format!("run {run}"),
                curve: vec![(0.0, 0.5), (100.0, 0.61 + f64::from(run) / 100.0)],
            })
            .collect();
        let svg = draw(&panels).unwrap();
        for run in 0..7 {
            assert!(svg.contains(&format!("run {run}")));
            assert!(svg.contains(&format!("0.6{}", run + 1)));
        }
    }
}
