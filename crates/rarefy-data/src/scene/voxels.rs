//! From a scene to voxels (SYSTEMS.md §4.1): augment, `c = round(xyz / voxel)` minus the least, unique voxels, each with the
//! features and the label of its first point.
//!
//! Invariant: voxels stand in the order of a [`VoxelSet`], so that the set of a batch has their rows.

use super::augment::{SceneAugment, map_all};
use super::cloud::Cloud;
use super::entry::Scene;
use super::features::SceneFeature;
use super::random::happens;
use crate::error::DataError;
use crate::pipeline::Pass;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rarefy_geometry::{COORDINATE_LIMIT, VoxelSet, vertical_rotation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The steps from scene to voxels, as configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScenePipeline {
    /// Side of a voxel, in units of the file (metres for sensors).
    pub voxel_size: f32,
    /// Input channels, in this order.
    pub features: Vec<SceneFeature>,
    /// Factor of the intensities, to bring them to 0 to 1: 1/65,535 for LAS files, 1/255 for many others.
    pub intensity_scale: f32,
    /// Voxels of a training sample at most, drawn at random from all; 0 for no limit.
    pub most_voxels: usize,
    /// Number of equally spaced angles about the vertical axis that test repetitions turn the scene to.
    pub test_views: u32,
    /// Augmentation of training samples.
    pub augment: SceneAugment,
}

impl Default for ScenePipeline {
    /// The published recipe for lidar: 5 cm, position and intensity, 80,000 voxels.
    fn default() -> Self {
        Self {
            voxel_size: 0.05,
            features: vec![SceneFeature::Position, SceneFeature::Intensity],
            intensity_scale: 1.0,
            most_voxels: 80_000,
            test_views: 1,
            augment: SceneAugment::default(),
        }
    }
}

/// A scene as voxels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SceneVoxels {
    /// Unique cells, \[voxels\]\[x, y, z\], from 0 on.
    pub cells: Vec<[i32; 3]>,
    /// Features, \[voxels, channels\].
    pub features: Vec<f32>,
    /// Class of each voxel.
    pub labels: Vec<u8>,
    /// The voxel of each point of the scene, \[points\]; empty in training, where points may be dropped and added.
    pub voxel_of_point: Vec<u32>,
}

impl ScenePipeline {
    /// Whether the settings make sense.
    pub fn check(&self) -> Result<(), DataError> {
        if !(1e-4..=1e3).contains(&self.voxel_size) {
            return Err(DataError::setting(format!("voxel_size = {}: expected 0.0001 to 1000", self.voxel_size)));
        }
        if self.features.is_empty() {
            let names = "occupancy, position, intensity, colour, signed-colour, normal";
            return Err(DataError::setting(format!("features = []: name at least one of {names}")));
        }
        if !(1e-9..=1e9).contains(&self.intensity_scale) {
            let scale = self.intensity_scale;
            return Err(DataError::setting(format!("intensity_scale = {scale}: expected 1e-9 to 1e9, usually 1")));
        }
        if self.test_views == 0 {
            return Err(DataError::setting("test_views = 0: expected 1 or more"));
        }
        self.augment.check()
    }

    /// Number of input channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.features.iter().map(|feature| feature.channels()).sum()
    }

    /// The voxels of a scene as it is, to be segmented.
    pub fn voxelise(&self, scene: &Scene) -> Result<SceneVoxels, DataError> {
        self.prepare(scene, Pass::Plain, 0, 0, |_| Ok(None))
    }

    /// The voxels of scene number `id` in a pass. `partner` gives a scene to join it with, drawn by the generator.
    pub(crate) fn prepare(
        &self,
        scene: &Scene,
        pass: Pass,
        seed: u64,
        id: usize,
        partner: impl FnOnce(&mut ChaCha8Rng) -> Result<Option<Arc<Scene>>, DataError>,
    ) -> Result<SceneVoxels, DataError> {
        let mut cloud = Cloud::of(scene, &self.features)?;
        let mut rng = pass.generator(seed, id as u64);
        match pass {
            Pass::Train { .. } => {
                self.augment.apply(&mut cloud, &scene.name, &mut rng)?;
                if self.augment.mix > 0.0
                    && happens(self.augment.mix, &mut rng)
                    && let Some(other) = partner(&mut rng)?
                {
                    self.mix(&mut cloud, &other, &mut rng)?;
                }
            }
            Pass::Test { repetition } => {
                let angle = std::f64::consts::TAU * repetition as f64 / f64::from(self.test_views);
                let turn = vertical_rotation(angle as f32);
                map_all(&mut cloud.places, &turn);
                cloud.normals.iter_mut().for_each(|normals| map_all(normals, &turn));
            }
            Pass::Plain => {}
        }
        self.quantise(&cloud, scene, matches!(pass, Pass::Train { .. }).then_some(&mut rng))
    }

    /// Joins a cloud with another scene, augmented by itself and moved so that the middles meet.
    fn mix(&self, cloud: &mut Cloud, other: &Scene, rng: &mut impl Rng) -> Result<(), DataError> {
        let mut second = Cloud::of(other, &self.features)?;
        self.augment.apply(&mut second, &other.name, rng)?;
        let (to, from) = (cloud.middle(), second.middle());
        for place in &mut second.places {
            place[0] += to[0] - from[0];
            place[1] += to[1] - from[1];
        }
        cloud.append(second);
        Ok(())
    }

    /// Unique voxels; with a generator, at most `most_voxels` of them and without the voxel of each point.
    fn quantise(
        &self,
        cloud: &Cloud,
        scene: &Scene,
        training: Option<&mut ChaCha8Rng>,
    ) -> Result<SceneVoxels, DataError> {
        let cells = self.cells_of(cloud, scene)?;
        let quantised = VoxelSet::quantise(&cells, 1)
            .map_err(|error| DataError::setting(format!("{}: {error}", scene.path.display())))?;
        let (set, first) = (quantised.set.coords(), quantised.first_point);
        let mut voxels = SceneVoxels::default();
        let rows: Vec<usize> = match training {
            Some(rng) if self.most_voxels > 0 && set.len() > self.most_voxels => {
                let mut rows = rand::seq::index::sample(rng, set.len(), self.most_voxels).into_vec();
                rows.sort_unstable();
                rows
            }
            Some(_) => (0..set.len()).collect(),
            None => {
                voxels.voxel_of_point = quantised.voxel_from_point;
                (0..set.len()).collect()
            }
        };
        voxels.cells = rows.iter().map(|&row| [set[row][1], set[row][2], set[row][3]]).collect();
        voxels.labels = rows.iter().map(|&row| cloud.labels[first[row] as usize]).collect();
        voxels.features.reserve(rows.len() * self.channels());
        for row in rows {
            self.add_features(cloud, first[row] as usize, &mut voxels.features);
        }
        Ok(voxels)
    }

    /// The cell of each point, (0, x, y, z), from 0 on.
    fn cells_of(&self, cloud: &Cloud, scene: &Scene) -> Result<Vec<[i32; 4]>, DataError> {
        // Halves go to the even neighbour, as in the published pipelines.
        let round = |place: &[f32; 3]| place.map(|value| (value / self.voxel_size).round_ties_even());
        let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        for place in &cloud.places {
            let cell = round(place);
            low = std::array::from_fn(|axis| low[axis].min(cell[axis]));
            high = std::array::from_fn(|axis| high[axis].max(cell[axis]));
        }
        let limit = (COORDINATE_LIMIT / 2) as f32;
        let fits = |axis: usize| low[axis].abs() < limit && high[axis].abs() < limit && high[axis] - low[axis] < limit;
        if !(0..3).all(fits) {
            let (path, size) = (scene.path.display(), self.voxel_size);
            return Err(DataError::setting(format!(
                "{path}: the scene is too large for voxels of {size}: raise voxel_size, or cut the scene"
            )));
        }
        let cell = |place: &[f32; 3]| {
            let [x, y, z] = round(place);
            [0, x as i32 - low[0] as i32, y as i32 - low[1] as i32, z as i32 - low[2] as i32]
        };
        Ok(cloud.places.iter().map(cell).collect())
    }

    fn add_features(&self, cloud: &Cloud, point: usize, features: &mut Vec<f32>) {
        fn value<T: Copy + Default>(values: Option<&Vec<T>>, point: usize) -> T {
            values.map_or_else(T::default, |values| values[point])
        }
        for feature in &self.features {
            match feature {
                SceneFeature::Occupancy => features.push(1.0),
                SceneFeature::Position => features.extend(cloud.places[point]),
                SceneFeature::Intensity => {
                    features.push(self.intensity_scale * value(cloud.intensity.as_ref(), point));
                }
                SceneFeature::Colour => features.extend(value(cloud.colour.as_ref(), point)),
                SceneFeature::SignedColour => {
                    features.extend(value(cloud.colour.as_ref(), point).map(|part: f32| 2.0 * part - 1.0));
                }
                SceneFeature::Normal => features.extend(value(cloud.normals.as_ref(), point)),
            }
        }
    }
}
