//! Precision-recall curves: bringing queries of unequal size onto one grid, and the area below.

use serde::{Deserialize, Serialize};

/// A point of a precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Share of the relevant items found so far.
    pub recall: f64,
    /// Share of the items looked at that were relevant.
    pub precision: f64,
}

/// Brings precisions at recall `1/R, 2/R ..= 1` onto the recalls `1/grid, 2/grid ..= 1`, by straight lines.
///
/// Before the first recall the curve is level. `precisions` holds R values, at least one.
#[must_use]
pub fn interpolate_to_grid(precisions: &[f64], grid: usize) -> Vec<f64> {
    let count = precisions.len();
    if count == grid {
        return precisions.to_vec();
    }
    (1..=grid)
        .map(|step| {
            // In units of the query's own recall steps, as an exact fraction: step * count / grid.
            let (whole, rest) = ((step * count) / grid, (step * count) % grid);
            let part = rest as f64 / grid as f64;
            match whole {
                0 => precisions[0],
                _ if whole >= count => precisions[count - 1],
                _ => precisions[whole - 1] + part * (precisions[whole] - precisions[whole - 1]),
            }
        })
        .collect()
}

/// The area below a curve by the trapezoid rule, drawn level from recall 0 to its first point; 0 for no point.
#[must_use]
pub fn trapezoid_area(curve: &[CurvePoint]) -> f64 {
    let Some(first) = curve.first() else { return 0.0 };
    let mut area = first.recall * first.precision;
    for pair in curve.windows(2) {
        area += (pair[1].recall - pair[0].recall) * (pair[0].precision + pair[1].precision) / 2.0;
    }
    area
}
