//! The confusion matrix as a heat map.

use std::fmt::Write;

use rarefy_metrics::Confusion;

use super::frame::{svg, text_width};
use crate::markup::{escape, percent, shortened};

/// Letters of a class name that fit beside the map.
const LONGEST_NAME: usize = 16;
/// Up to this many classes, each cell has its figure.
const FIGURES_UP_TO: usize = 14;

/// Rows are true classes, columns predicted ones; a cell is as dark as its share of the true class.
///
/// Classes without a name are called by their number.
#[must_use]
pub fn confusion_heat_map(confusion: &Confusion, classes: &[String]) -> String {
    let count = confusion.classes();
    let name =
        |class: usize| classes.get(class).map_or_else(|| class.to_string(), |name| shortened(name, LONGEST_NAME));
    let side = (600.0 / count.max(1) as f64).clamp(13.0, 46.0);
    let names_width = (0..count).map(|class| text_width(&name(class))).fold(40.0, f64::max);
    let (left, top) = (names_width + 26.0, names_width * 0.72 + 48.0);
    let field = side * count as f64;
    let mut body = String::new();
    let _ = writeln!(
        body,
        "<text class=\"small\" x=\"{left:.1}\" y=\"36\">predicted class →</text>\
         <text class=\"small\" transform=\"translate(10 {:.1}) rotate(-90)\">← true class</text>",
        top + 72.0
    );
    for class in 0..count {
        let middle = (class as f64 + 0.5) * side;
        let label = escape(&name(class));
        let _ = writeln!(
            body,
            "<text class=\"ink end small\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>\
             <text class=\"ink small\" transform=\"translate({:.1} {:.1}) rotate(-50)\">{label}</text>",
            left - 7.0,
            top + middle + 3.7,
            left + middle + 3.0,
            top - 7.0
        );
    }
    for row in confusion.per_class().iter().filter(|row| row.items > 0) {
        for predicted in 0..count {
            let items = confusion.count(row.class, predicted);
            let share = items as f64 / row.items as f64;
            let corner = [left + predicted as f64 * side, top + row.class as f64 * side];
            let tip =
                format!("{} → {}: {items} of {} ({})", name(row.class), name(predicted), row.items, percent(share));
            cell(&mut body, corner, side, share, (items > 0).then_some(tip));
            if count <= FIGURES_UP_TO && items > 0 {
                figure(&mut body, corner, side, share);
            }
        }
    }
    draw_border(&mut body, [left, top], field);
    svg([left + field + names_width * 0.62, top + field + 12.0], "Confusion matrix", &body)
}

fn cell(body: &mut String, [x, y]: [f64; 2], side: f64, share: f64, tip: Option<String>) {
    let Some(tip) = tip else { return };
    // A power below 1 keeps rare mistakes visible.
    let opacity = 0.08 + 0.92 * share.powf(0.7);
    let inner = side - 1.0;
    let _ = writeln!(
        body,
        "<rect class=\"cell\" x=\"{:.1}\" y=\"{:.1}\" width=\"{inner:.1}\" height=\"{inner:.1}\" rx=\"1.5\" \
         opacity=\"{opacity:.2}\"><title>{}</title></rect>",
        x + 0.5,
        y + 0.5,
        escape(&tip)
    );
}

fn figure(body: &mut String, [x, y]: [f64; 2], side: f64, share: f64) {
    let class = if share > 0.45 { "over" } else { "ink" };
    let _ = writeln!(
        body,
        "<text class=\"small mid {class}\" x=\"{:.1}\" y=\"{:.1}\" pointer-events=\"none\">{:.0}</text>",
        x + side / 2.0,
        y + side / 2.0 + 4.0,
        share * 100.0
    );
}

fn draw_border(body: &mut String, [x, y]: [f64; 2], field: f64) {
    let _ = writeln!(
        body,
        "<rect class=\"grid\" fill=\"none\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{field:.1}\" height=\"{field:.1}\"/>"
    );
}
