//! Augmentation: the random maps of training and of test-time repetition, as configuration.

use crate::error::DataError;
use rand::Rng;
use rarefy_geometry::{Affine, random_distortion, random_orthogonal, random_vertical_rotation, small_rotation};
use serde::{Deserialize, Serialize};

/// Which rotations are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// None.
    #[default]
    None,
    /// Any angle about the vertical axis z.
    Vertical,
    /// At most `small_angle` about any axis.
    Small,
    /// The orthogonal factor of a uniform random matrix, as in S3DCNN (mirror images included).
    Any,
}

/// What is changed at random; every field at its default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Rotation about the centre, before the shape is scaled to the render size.
    pub rotation: Rotation,
    /// Limit of `rotation = "small"`, in degrees.
    pub small_angle_degrees: f32,
    /// Each entry of the matrix `I + U(−affine, affine)`.
    pub affine: f32,
    /// Factor of the size, between 1 − scale and 1 + scale.
    pub scale: f32,
    /// Shift of each axis, at most this fraction of the render size.
    pub shift: f32,
    /// Mirrors x and y, each in half the cases; the height stays.
    pub flip: bool,
    /// Largest share of points that is dropped; the share is drawn for each sample.
    pub point_dropout: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            rotation: Rotation::None,
            small_angle_degrees: 10.0,
            affine: 0.0,
            scale: 0.0,
            shift: 0.0,
            flip: false,
            point_dropout: 0.0,
        }
    }
}

impl Augment {
    /// The training augmentation of S3DCNN: any rotation, affine 0.2, shift 0.2.
    #[must_use]
    pub fn s3dcnn_training() -> Self {
        Self { rotation: Rotation::Any, affine: 0.2, shift: 0.2, ..Self::default() }
    }

    /// The test augmentation of S3DCNN: any rotation.
    #[must_use]
    pub fn s3dcnn_test() -> Self {
        Self { rotation: Rotation::Any, ..Self::default() }
    }

    /// Whether every field lies in its range.
    pub fn check(&self) -> Result<(), DataError> {
        let ranges = [
            ("small_angle_degrees", self.small_angle_degrees, 180.0),
            ("affine", self.affine, 0.9),
            ("scale", self.scale, 0.9),
            ("shift", self.shift, 1.0),
            ("point_dropout", self.point_dropout, 0.99),
        ];
        for (name, value, limit) in ranges {
            if !(0.0..=limit).contains(&value) {
                return Err(DataError::setting(format!("augment.{name} = {value}: expected 0 to {limit}")));
            }
        }
        Ok(())
    }

    /// The rotation and mirroring of one sample.
    pub(crate) fn turn(&self, rng: &mut impl Rng) -> Affine {
        let rotation = match self.rotation {
            Rotation::None => Affine::IDENTITY,
            Rotation::Vertical => random_vertical_rotation(rng),
            Rotation::Small => small_rotation(self.small_angle_degrees.to_radians(), rng),
            Rotation::Any => random_orthogonal(rng),
        };
        if !self.flip {
            return rotation;
        }
        let mut sign = || if rng.random() { -1.0 } else { 1.0 };
        rotation.then(&Affine::scaling([sign(), sign(), 1.0]))
    }

    /// The distortion and shift of one sample that is centred and `render_size` voxels long.
    pub(crate) fn distortion(&self, render_size: f32, rng: &mut impl Rng) -> Affine {
        let mut map = Affine::IDENTITY;
        if self.scale > 0.0 {
            map = Affine::scaling([1.0 + self.scale * (2.0 * rng.random::<f32>() - 1.0); 3]);
        }
        if self.affine > 0.0 || self.shift > 0.0 {
            map = map.then(&random_distortion(self.affine, self.shift, render_size, rng));
        }
        map
    }

    /// Drops points; at least one stays.
    pub(crate) fn drop_points(&self, points: &mut Vec<[f32; 3]>, rng: &mut impl Rng) {
        if self.point_dropout > 0.0 {
            let share = rng.random::<f32>() * self.point_dropout;
            let saved = points[0];
            points.retain(|_| rng.random::<f32>() >= share);
            if points.is_empty() {
                points.push(saved);
            }
        }
    }
}
