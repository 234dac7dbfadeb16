//! From a surface cloud to the voxels that a network reads (§2.1): turn, scale to the render size, distort, shift, grid.

use crate::augment::Augment;
use crate::cloud::SurfaceCloud;
use crate::error::DataError;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rarefy_geometry::{Affine, PointFeature, PointVoxels, voxelise_points};
use serde::{Deserialize, Serialize};

/// How a shape is brought to the scale of the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The longest side becomes `render_size` voxels.
    #[default]
    Extent,
    /// The scale stays: one unit (one cell of a voxel list) is one voxel; the box is centred.
    Keep,
}

/// The steps from shape to voxels, as configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VoxelPipeline {
    /// Voxels over the longest side of the shape.
    pub render_size: u32,
    /// Cells of the grid on each side; the shape stands in its middle, what leaves it is clamped to its border.
    pub grid: u32,
    /// Input channels, in this order.
    pub features: Vec<PointFeature>,
    /// How the shape is scaled.
    pub fit: Fit,
    /// Augmentation of training samples.
    pub augment: Augment,
    /// Augmentation of test samples, drawn anew for each repetition; by default none.
    pub test_augment: Augment,
}

impl Default for VoxelPipeline {
    fn default() -> Self {
        Self {
            render_size: 40,
            grid: 126,
            features: vec![PointFeature::Occupancy],
            fit: Fit::Extent,
            augment: Augment::default(),
            test_augment: Augment::default(),
        }
    }
}

/// What a sample is prepared for; together with the seed and the sample's number it fixes all randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Training in this epoch, with `augment`.
    Train {
        /// Number of the epoch.
        epoch: u64,
    },
    /// Test-time repetition, with `test_augment`.
    Test {
        /// Number of the repetition.
        repetition: u64,
    },
    /// No randomness at all.
    Plain,
}

impl Pass {
    /// The generator of a sample in this pass; independent of threads, batches and all other samples.
    #[must_use]
    pub fn generator(self, seed: u64, sample: u64) -> ChaCha8Rng {
        let (kind, number) = match self {
            Self::Train { epoch } => (1, epoch),
            Self::Test { repetition } => (2, repetition),
            Self::Plain => (3, 0),
        };
        generator([seed, kind, number, sample])
    }
}

/// A generator for four numbers; its whole key is those numbers.
pub(crate) fn generator(numbers: [u64; 4]) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, number) in key.chunks_exact_mut(8).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

impl VoxelPipeline {
    /// Whether the settings make sense together.
    pub fn check(&self) -> Result<(), DataError> {
        if !(1..=1024).contains(&self.grid) {
            return Err(DataError::setting(format!("grid = {}: expected 1 to 1024", self.grid)));
        }
        if self.render_size == 0 || self.render_size > self.grid {
            let (size, grid) = (self.render_size, self.grid);
            return Err(DataError::setting(format!(
                "render_size = {size}: expected 1 to {grid}, the size of the grid; lower it or take a larger grid"
            )));
        }
        if self.features.is_empty() {
            return Err(DataError::setting("features = []: name at least one of occupancy, offset, position"));
        }
        self.augment.check()?;
        self.test_augment.check()
    }

    /// Whether meshes cached at this resolution are fine enough for the render size (see [`SurfaceCloud`]).
    pub fn check_cache_resolution(&self, cache_resolution: u32) -> Result<(), DataError> {
        let least = 2 * self.render_size;
        if cache_resolution < least {
            return Err(DataError::setting(format!(
                "cache_resolution = {cache_resolution} is too coarse for render_size = {}: set it to {least} or more",
                self.render_size
            )));
        }
        Ok(())
    }

    /// Number of input channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.features.iter().map(|feature| feature.channels()).sum()
    }

    /// The voxels of a sample in a pass; `seed` and `sample` choose the randomness.
    #[must_use]
    pub fn voxelise(&self, cloud: &SurfaceCloud, pass: Pass, seed: u64, sample: u64) -> PointVoxels {
        let augment = match pass {
            Pass::Train { .. } => self.augment,
            Pass::Test { .. } => self.test_augment,
            Pass::Plain => Augment::default(),
        };
        self.voxelise_with(cloud, &augment, &mut pass.generator(seed, sample))
    }

    /// The voxels of a cloud under an augmentation and a generator.
    #[must_use]
    pub fn voxelise_with(&self, cloud: &SurfaceCloud, augment: &Augment, rng: &mut impl Rng) -> PointVoxels {
        let mut points = cloud.points();
        let turn = augment.turn(rng);
        map_all(&mut points, &turn);
        let bounds = if turn == Affine::IDENTITY {
            cloud.bounds()
        } else {
            let turned = rarefy_geometry::Bounds::around(points.iter().copied());
            turned.expect("a cloud is never empty").grown(cloud.margin())
        };
        let size = self.render_size as f32;
        let fitted = match self.fit {
            Fit::Extent => bounds.normalised_to(size),
            Fit::Keep => Affine::shifting(bounds.centre().map(|middle| -middle)),
        };
        map_all(&mut points, &fitted.then(&augment.distortion(size, rng)));
        augment.drop_points(&mut points, rng);
        voxelise_points(&points, self.grid, &self.features)
    }
}

fn map_all(points: &mut [[f32; 3]], map: &Affine) {
    if *map != Affine::IDENTITY {
        for point in points {
            *point = map.apply(*point);
        }
    }
}
