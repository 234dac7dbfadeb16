//! Which points of a room a hand-held camera has seen, from several places.
//!
//! Each place has a map of the nearest distance in every direction, and a point is seen if it lies no deeper than that.

use super::solid::{Vector, dot, minus};
use super::surface::SurfacePoint;
use std::f64::consts::{PI, TAU};

const COLUMNS: usize = 480;
const ROWS: usize = 240;
/// How far behind the nearest point of its direction a point may lie; also what slanted surfaces need within one cell.
const SLACK: f64 = 0.03;

/// The place that sees each point first; `None` for points that none sees.
pub(super) fn seen_from(points: &[SurfacePoint], eyes: &[Vector]) -> Vec<Option<Vector>> {
    let mut seen = vec![None; points.len()];
    for &eye in eyes {
        let mut nearest = vec![f64::INFINITY; COLUMNS * ROWS];
        let views: Vec<(usize, f64)> = points.iter().map(|point| view(minus(point.place, eye))).collect();
        for &(cell, distance) in &views {
            nearest[cell] = nearest[cell].min(distance);
        }
        for ((seen, point), (cell, distance)) in seen.iter_mut().zip(points).zip(views) {
            let slant = dot(point.normal, minus(point.place, eye)).abs() / distance.max(1e-9);
            let slack = SLACK + 0.5 * distance * TAU / COLUMNS as f64 / slant.max(0.05);
            if seen.is_none() && distance <= nearest[cell] + slack.min(0.3) {
                *seen = Some(eye);
            }
        }
    }
    seen
}

/// The cell of a direction and the distance.
fn view(towards: Vector) -> (usize, f64) {
    let distance = dot(towards, towards).sqrt();
    let azimuth = towards[1].atan2(towards[0]).rem_euclid(TAU) / TAU;
    let height = (towards[2] / distance.max(1e-9)).clamp(-1.0, 1.0).asin() / PI + 0.5;
    let column = ((azimuth * COLUMNS as f64) as usize).min(COLUMNS - 1);
    let row = ((height * ROWS as f64) as usize).min(ROWS - 1);
    (row * COLUMNS + column, distance)
}
