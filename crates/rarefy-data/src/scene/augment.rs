//! Augmentation of scenes, as configuration. All draws of a sample come from one generator in one order.

use super::cloud::Cloud;
use super::colour::ColourAugment;
use super::elastic::{Elastic, MOST_NODES, distort};
use super::random::{around_zero, gaussian, happens};
use crate::error::DataError;
use rand::Rng;
use rarefy_geometry::{Affine, vertical_rotation};
use serde::{Deserialize, Serialize};

/// What is changed at random; every field at its default changes nothing. Lengths are in units of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneAugment {
    /// Largest rotation about the vertical axis, to either side, in degrees; 180 is any.
    pub rotation_degrees: f32,
    /// Factor of the size, between 1 − scale and 1 + scale.
    pub scale: f32,
    /// Mirrors x and y, each in half the cases.
    pub flip: bool,
    /// Shift along each axis, at most this far; the position features see it, the voxels only its fraction.
    pub shift: f32,
    /// Deviation of the noise on each coordinate.
    pub jitter: f32,
    /// Fields of displacements, one after the other.
    pub elastic: Vec<Elastic>,
    /// Share of the scenes that are distorted by `elastic`.
    pub elastic_probability: f32,
    /// Changes of colours.
    pub colour: ColourAugment,
    /// Largest share of points that is dropped; the share is drawn for each scene.
    pub point_dropout: f32,
    /// Share of the scenes that are joined with another one of the set (the union of both clouds, as in `Mix3D`; each is
    /// augmented by itself, and the other is moved so that their middles in x and y meet).
    pub mix: f32,
}

impl SceneAugment {
    /// The published recipe for lidar: any rotation, scale ±5 % (SYSTEMS.md §4.1).
    #[must_use]
    pub fn lidar() -> Self {
        Self { rotation_degrees: 180.0, scale: 0.05, ..Self::default() }
    }

    /// The usual recipe for rooms in metres: any rotation, scale and shift ±10 %, elastic distortion, colours.
    ///
    /// SYSTEMS.md §6.3 gives granularity and magnitude for coordinates divided by 5.12 m; in metres those are 5.12 times
    /// the numbers here.
    #[must_use]
    pub fn rooms() -> Self {
        let field = |granularity, magnitude| Elastic { granularity, magnitude };
        Self {
            rotation_degrees: 180.0,
            scale: 0.1,
            flip: true,
            shift: 0.1,
            elastic: vec![field(0.2, 0.4), field(0.8, 1.6)],
            elastic_probability: 0.95,
            colour: ColourAugment::rooms(),
            ..Self::default()
        }
    }

    /// Whether every field lies in its range.
    pub fn check(&self) -> Result<(), DataError> {
        let ranges = [
            ("rotation_degrees", self.rotation_degrees, 180.0),
            ("scale", self.scale, 0.9),
            ("shift", self.shift, 1e4),
            ("jitter", self.jitter, 1e4),
            ("elastic_probability", self.elastic_probability, 1.0),
            ("colour.autocontrast", self.colour.autocontrast, 1.0),
            ("colour.shift", self.colour.shift, 1.0),
            ("colour.jitter", self.colour.jitter, 1.0),
            ("point_dropout", self.point_dropout, 0.99),
            ("mix", self.mix, 1.0),
        ];
        for (name, value, limit) in ranges {
            if !(0.0..=limit).contains(&value) {
                return Err(DataError::setting(format!("augment.{name} = {value}: expected 0 to {limit}")));
            }
        }
        for Elastic { granularity, magnitude } in &self.elastic {
            if !(1e-3..=1e4).contains(granularity) || !(0.0..=1e4).contains(magnitude) {
                return Err(DataError::setting(format!(
                    "augment.elastic: granularity = {granularity}, magnitude = {magnitude}: expected 0.001 to 10000, and 0 to 10000"
                )));
            }
        }
        Ok(())
    }

    /// Changes a cloud; `name` is that of the scene, for messages.
    pub(crate) fn apply(&self, cloud: &mut Cloud, name: &str, rng: &mut impl Rng) -> Result<(), DataError> {
        self.drop_points(cloud, rng);
        if !self.elastic.is_empty() && happens(self.elastic_probability, rng) {
            for elastic in &self.elastic {
                distort(&mut cloud.places, *elastic, rng).map_err(|nodes| {
                    let step = elastic.granularity;
                    DataError::setting(format!(
                        "{name}: elastic distortion at granularity {step} takes {nodes:.0} nodes for a scene of this size, and {MOST_NODES:.0} are allowed: raise the granularity"
                    ))
                })?;
            }
        }
        let turn = self.turn(rng);
        map_all(&mut cloud.places, &turn);
        if let Some(normals) = &mut cloud.normals {
            // Rotations and mirrors alone: their lengths stay.
            map_all(normals, &turn);
        }
        self.scale_and_shift(&mut cloud.places, rng);
        if self.jitter > 0.0 {
            for place in &mut cloud.places {
                *place = place.map(|value| value + self.jitter * gaussian(rng));
            }
        }
        if let Some(colour) = &mut cloud.colour {
            self.colour.apply(colour, rng);
        }
        Ok(())
    }

    fn turn(&self, rng: &mut impl Rng) -> Affine {
        let mut turn = Affine::IDENTITY;
        if self.rotation_degrees > 0.0 {
            turn = vertical_rotation(around_zero(self.rotation_degrees, rng).to_radians());
        }
        if self.flip {
            let mut sign = || if rng.random() { -1.0 } else { 1.0 };
            turn = turn.then(&Affine::scaling([sign(), sign(), 1.0]));
        }
        turn
    }

    fn scale_and_shift(&self, places: &mut [[f32; 3]], rng: &mut impl Rng) {
        let mut map = Affine::IDENTITY;
        if self.scale > 0.0 {
            map = Affine::scaling([1.0 + around_zero(self.scale, rng); 3]);
        }
        if self.shift > 0.0 {
            map = map.then(&Affine::shifting(std::array::from_fn(|_| around_zero(self.shift, rng))));
        }
        map_all(places, &map);
    }

    /// At least one point stays.
    fn drop_points(&self, cloud: &mut Cloud, rng: &mut impl Rng) {
        if self.point_dropout > 0.0 {
            let share = rng.random::<f32>() * self.point_dropout;
            let mut keep: Vec<bool> = (0..cloud.len()).map(|_| rng.random::<f32>() >= share).collect();
            if let (false, Some(first)) = (keep.contains(&true), keep.first_mut()) {
                *first = true;
            }
            cloud.retain(&keep);
        }
    }
}

/// Maps points or directions.
pub(crate) fn map_all(vectors: &mut [[f32; 3]], map: &Affine) {
    if *map != Affine::IDENTITY {
        for vector in vectors {
            *vector = map.apply(*vector);
        }
    }
}
