//! Line charts.

use std::fmt::Write;

use super::axis::Axis;
pub use super::axis::Scale;
use super::frame::{fitting, svg, text_width};
use crate::markup::{coordinate, escape};

const SIZE: [f64; 2] = [560.0, 320.0];
/// Free space left of, above, right of and below the field.
const FIELD: [f64; 4] = [54.0, 56.0, 24.0, 42.0];

/// A point of a curve that is marked with its figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// No point.
    #[default]
    None,
    /// The highest, the first of equals.
    Highest,
    /// The lowest, the first of equals.
    Lowest,
    /// Every point.
    All,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// [points][x, y]; points that are not finite are left out.
    pub points: Vec<[f64; 2]>,
    /// Which point is marked.
    pub mark: Mark,
}

/// A chart of up to four curves over one x axis.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// The line above.
    pub title: String,
    /// The line below the x axis.
    pub x_label: String,
    /// Scale of the y axis.
    pub y_scale: Scale,
    /// The range of y; from the figures when `None`.
    pub y_range: Option<[f64; 2]>,
    /// The range of x; from the figures when `None`.
    pub x_range: Option<[f64; 2]>,
    /// Whether y is a share, written in per cent.
    pub y_percent: bool,
    /// Whether x is a share, written in per cent.
    pub x_percent: bool,
    /// Whether the area below the first curve is tinted.
    pub filled: bool,
    /// The curves.
    pub series: Vec<Series>,
}

impl LineChart {
    /// A chart with linear axes that fit the figures.
    #[must_use]
    pub fn new(title: impl Into<String>, x_label: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x_label: x_label.into(),
            y_scale: Scale::Linear,
            y_range: None,
            x_range: None,
            y_percent: false,
            x_percent: false,
            filled: false,
            series: Vec::new(),
        }
    }

    /// Adds a curve; one without a single finite point is not added.
    #[must_use]
    pub fn with_series(mut self, name: &str, points: Vec<[f64; 2]>, mark: Mark) -> Self {
        let points: Vec<[f64; 2]> = points.into_iter().filter(|point| self.drawable(point)).collect();
        if !points.is_empty() {
            self.series.push(Series { name: name.to_owned(), points, mark });
        }
        self
    }

    fn drawable(&self, point: &[f64; 2]) -> bool {
        point.iter().all(|figure| figure.is_finite()) && (self.y_scale == Scale::Linear || point[1] > 0.0)
    }

    /// The chart as SVG text.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let (x_axis, y_axis) = self.axes();
        let mut body = self.legend();
        self.draw_grid(&mut body, &x_axis, &y_axis);
        for (number, series) in self.series.iter().enumerate() {
            self.draw_series(&mut body, number, series, &x_axis, &y_axis);
        }
        svg(SIZE, &self.title, &body)
    }

    fn axes(&self) -> (Axis, Axis) {
        let points = || self.series.iter().flat_map(|series| &series.points).filter(|point| self.drawable(point));
        let range = |at: usize, given: Option<[f64; 2]>| {
            let figures = points().map(|point| point[at]);
            let found = figures.fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], f| [l.min(f), h.max(f)]);
            given.unwrap_or(if found[0] <= found[1] { found } else { [0.0, 1.0] })
        };
        let mut y_range = range(1, self.y_range);
        if self.y_range.is_none() && self.y_scale == Scale::Linear {
            // Room above and below, and for figures below the points; down to 0 when that is near.
            let figures_below = self.series.iter().any(|series| series.mark == Mark::All);
            let room = (y_range[1] - y_range[0]) * if figures_below { 0.13 } else { 0.06 };
            let near_zero = y_range[0] >= 0.0 && y_range[0] < 0.4 * y_range[1];
            y_range = [if near_zero { 0.0 } else { y_range[0] - room }, y_range[1] + room];
        }
        let (left, right) = (FIELD[0], SIZE[0] - FIELD[2]);
        let (top, bottom) = (FIELD[1], SIZE[1] - FIELD[3]);
        let counted = !self.x_percent && points().all(|point| point[0].fract() == 0.0);
        let x_axis = Axis::new(Scale::Linear, range(0, self.x_range), [left, right]).with_whole_ticks(counted);
        (x_axis, Axis::new(self.y_scale, y_range, [bottom, top]))
    }

    fn legend(&self) -> String {
        let mut legend = String::new();
        let mut left = FIELD[0];
        let room = ((SIZE[0] - left) / self.series.len().max(1) as f64 - 40.0).max(20.0);
        let all: f64 = self.series.iter().map(|series| 40.0 + text_width(&series.name)).sum();
        for (number, series) in self.series.iter().enumerate().filter(|_| self.series.len() > 1) {
            let name = if all > SIZE[0] - FIELD[0] { fitting(&series.name, room) } else { series.name.clone() };
            let _ = writeln!(
                legend,
                "<g class=\"s{}\"><line class=\"curve\" x1=\"{left:.0}\" x2=\"{:.0}\" y1=\"36\" y2=\"36\"/>\
                 <text x=\"{:.0}\" y=\"40\">{}</text></g>",
                number % 4,
                left + 18.0,
                left + 24.0,
                escape(&name)
            );
            left += 40.0 + text_width(&name);
        }
        legend
    }

    fn draw_grid(&self, body: &mut String, x_axis: &Axis, y_axis: &Axis) {
        let (left, right) = (FIELD[0], SIZE[0] - FIELD[2]);
        let bottom = SIZE[1] - FIELD[3];
        for (figure, text) in y_axis.ticks(5, self.y_percent) {
            let Some(y) = y_axis.place(figure) else { continue };
            let _ = writeln!(
                body,
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"end\" x=\"{}\" y=\"{:.1}\">{text}</text>",
                left - 8.0,
                y + 4.0
            );
        }
        for (figure, text) in x_axis.ticks(7, self.x_percent) {
            let Some(x) = x_axis.place(figure) else { continue };
            let _ = writeln!(body, "<text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{text}</text>", bottom + 17.0);
        }
        let _ = writeln!(
            body,
            "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>\
             <text class=\"mid\" x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            f64::midpoint(left, right),
            SIZE[1] - 6.0,
            escape(&self.x_label)
        );
    }

    fn draw_series(&self, body: &mut String, number: usize, series: &Series, x_axis: &Axis, y_axis: &Axis) {
        let place = |point: &[f64; 2]| Some([x_axis.place(point[0])?, y_axis.place(point[1])?]);
        let points: Vec<[f64; 2]> = series.points.iter().copied().filter(|point| self.drawable(point)).collect();
        let places: Vec<[f64; 2]> = points.iter().filter_map(place).collect();
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
        let path: Vec<String> = places.iter().map(|[x, y]| format!("{} {}", coordinate(*x), coordinate(*y))).collect();
        let path = path.join("L");
        let _ = write!(body, "<g class=\"s{}\">", number % 4);
        if self.filled && number == 0 {
            let bottom = SIZE[1] - FIELD[3];
            let _ = write!(body, "<path class=\"area\" d=\"M{path}V{bottom}H{:.1}Z\"/>", first[0]);
        }
        let _ = write!(body, "<path class=\"curve\" d=\"M{path}\"/>");
        if places.len() == 1 || series.mark == Mark::None {
            let _ = write!(body, "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", last[0], last[1]);
        }
        for number in series.mark.of(&points) {
            let Some([x, y]) = place(&points[number]) else { continue };
            let below = series.mark == Mark::Lowest && y + 20.0 < SIZE[1] - FIELD[3];
            let (anchor, [right, down]) = label_place(&places, number, if below { 16.0 } else { -8.0 });
            let _ = write!(
                body,
                "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>\
                 <text class=\"value {anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + right,
                y + down,
                self.figure(points[number][1])
            );
        }
        body.push_str("</g>\n");
    }

    fn figure(&self, value: f64) -> String {
        match value.abs() {
            _ if self.y_percent => format!("{:.1} %", value * 100.0),
            size if size >= 1e5 || (size > 0.0 && size < 1e-3) => format!("{value:.2e}"),
            _ => format!("{value:.3}"),
        }
    }
}

/// Where the figure of a point is written, so that it is not cut off and the curve does not cross it: the class of its
/// anchor, and how far to the right of and below the point it stands; `down` where nothing is in the way.
fn label_place(places: &[[f64; 2]], number: usize, down: f64) -> (&'static str, [f64; 2]) {
    let (left, right) = (FIELD[0], SIZE[0] - FIELD[2]);
    // Up is positive here, though y grows downwards.
    let slope = |from: usize, to: usize| match (places.get(from), places.get(to)) {
        (Some(a), Some(b)) if from != to => (a[1] - b[1]) / (b[0] - a[0]).abs().max(1.0),
        _ => 0.0,
    };
    let (behind, ahead) = (slope(number.saturating_sub(1), number), slope(number, number + 1));
    let x = places[number][0];
    if x > right - 26.0 {
        ("end", [0.0, down])
    } else if x < left + 26.0 {
        // To the left stand the figures of the axis; a curve that rises leaves free what is level with its start.
        ("start", if ahead > 0.3 { [10.0, 4.0] } else { [6.0, down] })
    } else if behind < -0.1 && ahead > 0.1 {
        ("mid", [0.0, 18.0])
    } else if down < 0.0 && ahead > 0.3 {
        ("end", [-2.0, down])
    } else if down < 0.0 && behind < -0.3 {
        ("start", [2.0, down])
    } else {
        ("mid", [0.0, down])
    }
}

impl Mark {
    /// The numbers of the points that are marked.
    fn of(self, points: &[[f64; 2]]) -> Vec<usize> {
        // Strictly better: the first of equals stays.
        let best = |better: fn(f64, f64) -> bool| {
            let chosen = |a: usize, b: usize| if better(points[b][1], points[a][1]) { b } else { a };
            (0..points.len()).reduce(chosen).into_iter().collect()
        };
        match self {
            Self::None => Vec::new(),
            Self::Highest => best(|b, a| b > a),
            Self::Lowest => best(|b, a| b < a),
            Self::All => (0..points.len()).collect(),
        }
    }
}
