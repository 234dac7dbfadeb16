//! A camera that looks at a point from a distance; the page has the same one.

use serde::Serialize;

use super::colours::inner_span;

/// Where one looks from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Camera {
    /// What one looks at.
    pub target: [f32; 3],
    /// How far from it one is.
    pub distance: f32,
    /// The direction that one looks from, round the z axis, in degrees; -90 is from the front (-y).
    pub azimuth_degrees: f32,
    /// The angle that one looks down by, in degrees.
    pub elevation_degrees: f32,
}

/// The angle between the upper and the lower edge of the picture, in degrees.
pub(super) const FIELD_OF_VIEW_DEGREES: f32 = 45.0;

/// Width by height of a view below which the angle grows, so that narrow views show as much from left to right.
pub(super) const LEAST_ASPECT: f32 = 1.2;

/// Axes of the camera in the world: right, up, forward.
pub(super) struct Axes {
    pub(super) right: [f32; 3],
    pub(super) up: [f32; 3],
    pub(super) forward: [f32; 3],
    pub(super) eye: [f32; 3],
}

impl Camera {
    /// A camera that sees nine tenths of the points, from the front left and above.
    #[must_use]
    pub fn over(points: &[[f32; 3]]) -> Self {
        let mut target = [0.0; 3];
        let mut half = [0.0_f32; 3];
        for axis in 0..3 {
            let values: Vec<f32> = points.iter().map(|point| point[axis]).collect();
            let [low, high] = inner_span(&values, 20);
            target[axis] = f32::midpoint(low, high);
            half[axis] = (high - low) / 2.0;
        }
        let radius = half.iter().map(|half| half * half).sum::<f32>().sqrt().max(1e-3);
        Self { target, distance: radius * 1.9, azimuth_degrees: -120.0, elevation_degrees: 35.0 }
    }

    pub(super) fn axes(&self) -> Axes {
        let (azimuth, elevation) = (self.azimuth_degrees.to_radians(), self.elevation_degrees.to_radians());
        let back = [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()];
        let right = [-azimuth.sin(), azimuth.cos(), 0.0];
        let up = [-elevation.sin() * azimuth.cos(), -elevation.sin() * azimuth.sin(), elevation.cos()];
        let eye = [0, 1, 2].map(|axis| self.target[axis] + back[axis] * self.distance);
        Axes { right, up, forward: back.map(|x| -x), eye }
    }
}
