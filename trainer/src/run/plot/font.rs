//! The font that widths are measured with, and that PNG is written in.

use std::sync::Once;

use plotters::style::{FontStyle, register_font};

/// The name of the font in drawings; in SVG the viewer's own stands for it.
pub(super) const FAMILY: &str = "sans-serif";

/// Latin letters and signs of `DejaVu` Sans; its licence lies beside it.
const FONT: &[u8] = include_bytes!("DejaVuSans-Latin.ttf");

/// Makes the font known as `sans-serif` to whatever is drawn with `plotters` in this process.
pub(super) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Only a file that is no font is refused, and the tests read this one. Drawing says so then.
        let _ = register_font(FAMILY, FontStyle::Normal, FONT);
    });
}
