//! A scene on its way through augmentation: only what the features ask for, as numbers that may be changed.

use super::entry::Scene;
use super::features::SceneFeature;
use crate::error::DataError;

/// Points with attributes; every list that is there is as long as `places`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cloud {
    /// \[points\]\[x, y, z\]
    pub(crate) places: Vec<[f32; 3]>,
    pub(crate) intensity: Option<Vec<f32>>,
    /// Red, green, blue from 0 to 1.
    pub(crate) colour: Option<Vec<[f32; 3]>>,
    pub(crate) normals: Option<Vec<[f32; 3]>>,
    pub(crate) labels: Vec<u8>,
}

impl Cloud {
    /// The points of a scene with the attributes of the features; an attribute that the scene lacks is an error.
    pub(crate) fn of(scene: &Scene, features: &[SceneFeature]) -> Result<Self, DataError> {
        let scan = &scene.scan;
        let missing = |attribute: &str| {
            let path = scene.path.display();
            DataError::setting(format!("{path}: the scan has no {attribute}; leave `{attribute}` out of `features`"))
        };
        let mut cloud = Self { places: scan.points.clone(), labels: scene.labels.clone(), ..Self::default() };
        for feature in features {
            match feature {
                SceneFeature::Position | SceneFeature::Occupancy => {}
                SceneFeature::Intensity => {
                    cloud.intensity = Some(scan.intensity.clone().ok_or_else(|| missing("intensity"))?);
                }
                SceneFeature::Colour | SceneFeature::SignedColour => {
                    let colour = scan.colour.as_ref().ok_or_else(|| missing("colour"))?;
                    cloud.colour = Some(colour.iter().map(|rgb| rgb.map(|part| f32::from(part) / 255.0)).collect());
                }
                SceneFeature::Normal => {
                    cloud.normals = Some(scan.normals.clone().ok_or_else(|| missing("normal"))?);
                }
            }
        }
        Ok(cloud)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Keeps the points that `keep` says, in their order.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        fn kept<T>(values: &mut Vec<T>, keep: &[bool]) {
            let mut keep = keep.iter();
            values.retain(|_| keep.next().copied().unwrap_or(false));
        }
        kept(&mut self.places, keep);
        kept(&mut self.labels, keep);
        self.intensity.iter_mut().for_each(|values| kept(values, keep));
        self.colour.iter_mut().for_each(|values| kept(values, keep));
        self.normals.iter_mut().for_each(|values| kept(values, keep));
    }

    /// Adds the points of another cloud, which has the same attributes.
    pub(crate) fn append(&mut self, other: Self) {
        fn joined<T>(to: &mut Option<Vec<T>>, from: Option<Vec<T>>) {
            if let (Some(to), Some(from)) = (to, from) {
                to.extend(from);
            }
        }
        self.places.extend(other.places);
        self.labels.extend(other.labels);
        joined(&mut self.intensity, other.intensity);
        joined(&mut self.colour, other.colour);
        joined(&mut self.normals, other.normals);
    }

    /// The middle of the points in x and y.
    pub(crate) fn middle(&self) -> [f32; 2] {
        let count = self.places.len().max(1) as f64;
        [0, 1].map(|axis| (self.places.iter().map(|place| f64::from(place[axis])).sum::<f64>() / count) as f32)
    }
}
