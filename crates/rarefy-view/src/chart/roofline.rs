//! The roofline picture (Williams et al. 2009): operations a second against operations a byte, below the roof that memory and
//! arithmetic units of the machine set.

use std::fmt::Write;

use super::axis::{Axis, Scale};
use super::frame::{svg, text_width};
use crate::markup::escape;

const SIZE: [f64; 2] = [720.0, 420.0];
/// Free space left of, above, right of and below the field.
const FIELD: [f64; 4] = [64.0, 40.0, 24.0, 46.0];

/// Something that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct RooflinePoint {
    /// Its name.
    pub name: String,
    /// Floating-point operations for each byte that must be moved.
    pub intensity: f64,
    /// 10⁹ floating-point operations a second.
    pub gflops: f64,
}

/// A machine with what was measured on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Roofline {
    /// The line above.
    pub title: String,
    /// 10⁹ floating-point operations a second that the arithmetic units reach.
    pub peak_gflops: f64,
    /// 10⁹ bytes a second that memory reaches.
    pub bandwidth_gbytes: f64,
    /// What was measured; points that are not finite or not above 0 are left out.
    pub points: Vec<RooflinePoint>,
}

impl Roofline {
    /// What the machine could reach at this intensity.
    #[must_use]
    pub fn roof(&self, intensity: f64) -> f64 {
        self.peak_gflops.min(intensity * self.bandwidth_gbytes)
    }

    /// The picture as SVG text.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let drawable = |point: &&RooflinePoint| {
            [point.intensity, point.gflops].iter().all(|figure| figure.is_finite() && *figure > 0.0)
        };
        let points: Vec<&RooflinePoint> = self.points.iter().filter(drawable).collect();
        let ridge = self.peak_gflops / self.bandwidth_gbytes.max(1e-9);
        let intensities = points.iter().map(|point| point.intensity).chain([ridge]);
        let [low, high] = range(intensities, [0.5, 2.0]);
        let rates = points.iter().map(|point| point.gflops).chain([self.peak_gflops, self.roof(low)]);
        let x_axis = Axis::new(Scale::Logarithmic, [low, high], [FIELD[0], SIZE[0] - FIELD[2]]);
        let y_axis = Axis::new(Scale::Logarithmic, range(rates, [0.7, 1.4]), [SIZE[1] - FIELD[3], FIELD[1]]);
        let mut body = String::new();
        draw_axes(&mut body, &x_axis, &y_axis);
        self.draw_roof(&mut body, &x_axis, &y_axis, [low, ridge, high]);
        draw_points(&mut body, &x_axis, &y_axis, &points);
        svg(SIZE, &self.title, &body)
    }

    fn draw_roof(&self, body: &mut String, x_axis: &Axis, y_axis: &Axis, corners: [f64; 3]) {
        let place = |x: f64| Some(format!("{:.1} {:.1}", x_axis.place(x)?, y_axis.place(self.roof(x))?));
        let path: Vec<String> = corners.into_iter().filter_map(place).collect();
        let _ = writeln!(body, "<g class=\"s1\"><path class=\"curve\" d=\"M{}\"/></g>", path.join("L"));
        if let Some(y) = y_axis.place(self.peak_gflops) {
            let _ = writeln!(
                body,
                "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{:.0} GFLOP/s, {:.1} GB/s</text>",
                SIZE[0] - FIELD[2],
                y - 7.0,
                self.peak_gflops,
                self.bandwidth_gbytes
            );
        }
    }
}

/// The range of some figures, widened by factors.
fn range(figures: impl Iterator<Item = f64>, [below, above]: [f64; 2]) -> [f64; 2] {
    let [low, high] = figures
        .filter(|figure| figure.is_finite() && *figure > 0.0)
        .fold([f64::INFINITY, 0.0], |[low, high]: [f64; 2], figure| [low.min(figure), high.max(figure)]);
    if low <= high { [low * below, high * above] } else { [0.1, 10.0] }
}

fn draw_axes(body: &mut String, x_axis: &Axis, y_axis: &Axis) {
    let (left, right, bottom) = (FIELD[0], SIZE[0] - FIELD[2], SIZE[1] - FIELD[3]);
    for (figure, text) in y_axis.ticks(5, false) {
        let Some(y) = y_axis.place(figure) else { continue };
        let _ = writeln!(
            body,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"end\" x=\"{}\" y=\"{:.1}\">{text}</text>",
            left - 8.0,
            y + 4.0
        );
    }
    for (figure, text) in x_axis.ticks(6, false) {
        let Some(x) = x_axis.place(figure) else { continue };
        let _ = writeln!(body, "<text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{text}</text>", bottom + 17.0);
    }
    let _ = writeln!(
        body,
        "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>\
         <text class=\"mid\" x=\"{:.0}\" y=\"{:.0}\">operations for each byte that must be moved</text>\
         <text x=\"0\" y=\"{:.0}\">GFLOP/s</text>",
        f64::midpoint(left, right),
        SIZE[1] - 8.0,
        FIELD[1] - 8.0
    );
}

/// Points with their names, each at the first of some places around it where no other name stands.
fn draw_points(body: &mut String, x_axis: &Axis, y_axis: &Axis, points: &[&RooflinePoint]) {
    let dot = |point: &&RooflinePoint| {
        let (x, y) = (x_axis.place(point.intensity)?, y_axis.place(point.gflops)?);
        Some([x - 5.0, y - 5.0, x + 5.0, y + 5.0])
    };
    let mut taken: Vec<[f64; 4]> = points.iter().filter_map(dot).collect();
    body.push_str("<g class=\"s0\">");
    for point in points {
        let (Some(x), Some(y)) = (x_axis.place(point.intensity), y_axis.place(point.gflops)) else { continue };
        let width = text_width(&point.name);
        let spots =
            [[x - 8.0 - width, y + 4.0], [x + 8.0, y + 4.0], [x - width / 2.0, y + 18.0], [x - width / 2.0, y - 9.0]];
        let lower = (2..12)
            .flat_map(|step| [[x + 8.0, y + 14.0 * f64::from(step)], [x - 8.0 - width, y + 14.0 * f64::from(step)]]);
        let inside = |[left, base]: &[f64; 2]| {
            *left > FIELD[0] && left + width < SIZE[0] - 4.0 && *base < SIZE[1] - FIELD[3] - 2.0 && *base > FIELD[1]
        };
        let free = |[left, base]: &[f64; 2]| {
            taken
                .iter()
                .all(|other| *left > other[2] || left + width < other[0] || base - 11.0 > other[3] || *base < other[1])
        };
        let spot = spots.into_iter().chain(lower).find(|spot| inside(spot) && free(spot)).unwrap_or(spots[1]);
        taken.push([spot[0], spot[1] - 11.0, spot[0] + width, spot[1]]);
        let _ = writeln!(
            body,
            "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/><text class=\"ink\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            spot[0],
            spot[1],
            escape(&point.name)
        );
    }
    body.push_str("</g>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roofline(points: Vec<RooflinePoint>) -> Roofline {
        Roofline { title: "A <machine>".into(), peak_gflops: 100.0, bandwidth_gbytes: 10.0, points }
    }

    #[test]
    fn the_roof_is_memory_below_the_ridge_and_arithmetic_above() {
        let machine = roofline(Vec::new());
        assert!((machine.roof(1.0) - 10.0).abs() < 1e-12);
        assert!((machine.roof(50.0) - 100.0).abs() < 1e-12);
    }

    #[test]
    fn names_are_escaped_and_points_without_a_place_left_out() {
        let point = |name: &str, gflops| RooflinePoint { name: name.into(), intensity: 4.0, gflops };
        let svg = roofline(vec![point("a & b", 30.0), point("gone", f64::NAN), point("none", 0.0)]).to_svg();
        assert!(svg.contains("a &amp; b") && svg.contains("A &lt;machine&gt;"));
        assert!(!svg.contains("gone") && !svg.contains("none</text>"));
        assert_eq!(svg.matches("<circle").count(), 1);
    }
}
