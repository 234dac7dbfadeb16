//! Horizontal bars of shares, on a logarithmic axis, with a second figure to compare with.

use std::fmt::Write;

use super::axis::{Axis, Scale};
use super::frame::{fitting, svg, text_width};
use crate::markup::escape;

const WIDTH: f64 = 620.0;
const ROW: f64 = 22.0;
const TOP: f64 = 50.0;
/// Units beside the bars that a label may take.
const LABEL: f64 = 200.0;
/// Shares below are drawn as this one.
const SMALLEST: f64 = 1e-6;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// The text beside it.
    pub label: String,
    /// Its length, 0 ..= 1.
    pub share: f64,
    /// The figure to compare with, drawn as a stroke.
    pub reference: Option<f64>,
}

/// A chart of bars.
#[derive(Debug, Clone, PartialEq)]
pub struct BarChart {
    /// The line above.
    pub title: String,
    /// What the strokes are, such as `paper`.
    pub reference_name: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

impl BarChart {
    /// The chart as SVG text.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let labels = self.bars.iter().map(|bar| text_width(&bar.label)).fold(40.0, f64::max).min(LABEL);
        let (left, right) = (labels + 12.0, WIDTH - 64.0);
        let figures = self.bars.iter().flat_map(|bar| [Some(bar.share), bar.reference]).flatten();
        let smallest = figures.filter(|&share| share > 0.0).fold(1.0, f64::min).max(SMALLEST);
        // The axis begins at the power of ten below the smallest figure.
        let axis = Axis::new(Scale::Logarithmic, [10f64.powf((smallest * 0.999).log10().floor()), 1.0], [left, right]);
        let bottom = TOP + ROW * self.bars.len() as f64;
        let mut body = String::new();
        for (figure, text) in axis.ticks(5, true) {
            let Some(x) = axis.place(figure) else { continue };
            let _ = writeln!(
                body,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\"/>\
                 <text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{text}</text>",
                TOP - 2.0,
                bottom + 17.0
            );
        }
        for (number, bar) in self.bars.iter().enumerate() {
            draw_bar(&mut body, bar, TOP + ROW * number as f64, left, &axis);
        }
        if self.bars.iter().any(|bar| bar.reference.is_some()) {
            let _ = writeln!(
                body,
                "<g class=\"s0\"><rect class=\"bar\" x=\"{left:.1}\" y=\"29\" width=\"14\" height=\"9\" rx=\"2\"/></g>\
                 <text x=\"{:.1}\" y=\"38\">this run</text>\
                 <line class=\"paper\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"26\" y2=\"41\"/><text x=\"{:.1}\" y=\"38\">{}</text>",
                left + 20.0,
                left + 84.0,
                left + 84.0,
                left + 92.0,
                escape(&self.reference_name)
            );
        }
        svg([WIDTH, bottom + 26.0], &self.title, &body)
    }
}

fn draw_bar(body: &mut String, bar: &Bar, top: f64, left: f64, axis: &Axis) {
    let middle = top + ROW / 2.0;
    let _ = write!(
        body,
        "<text class=\"ink end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        left - 8.0,
        middle + 4.0,
        escape(&fitting(&bar.label, LABEL))
    );
    let place = |share: f64| axis.place(share.min(1.0)).map_or(left, |at| at.max(left));
    let end = if bar.share.is_nan() { left } else { place(bar.share) };
    let reference = bar.reference.filter(|share| !share.is_nan()).map(place);
    let after = reference.map_or(end, |at| at.max(end));
    let _ = write!(
        body,
        "<g class=\"s0\"><rect class=\"bar\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\" rx=\"2.5\"/></g>\
         <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        top + 4.0,
        end - left,
        ROW - 8.0,
        after + 8.0,
        middle + 4.0,
        share_text(bar.share)
    );
    if let Some(at) = reference {
        let _ = write!(
            body,
            "<line class=\"paper\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            top + 1.5,
            top + ROW - 1.5
        );
    }
    body.push('\n');
}

/// Two significant digits at least: 0.0018 is `0.18 %`.
pub(crate) fn share_text(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        "–".to_owned()
    } else if (99.95..100.05).contains(&percent) {
        "100 %".to_owned()
    } else if percent >= 10.0 {
        format!("{percent:.1} %")
    } else if percent >= 0.01 || percent <= 0.0 {
        format!("{percent:.2} %")
    } else {
        format!("{percent:.1e} %")
    }
}

#[cfg(test)]
mod tests {
    use super::share_text;

    #[test]
    fn a_share_has_two_significant_digits_at_least() {
        let shares = [1.0, 0.463, 0.0018, 0.000_021, 0.0, f64::NAN];
        assert_eq!(shares.map(share_text), ["100 %", "46.3 %", "0.18 %", "2.1e-3 %", "0.00 %", "–"]);
    }
}
