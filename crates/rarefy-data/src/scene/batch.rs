//! Batches of scenes for training and evaluation.
//!
//! Invariant: batch `b` of an epoch follows from the seed, the epoch and `b` alone, whatever the threads, so that the place
//! to resume at is two numbers: the epoch and the batch.

use super::entry::Scene;
use super::set::SceneSet;
use super::voxels::{ScenePipeline, SceneVoxels};
use crate::error::DataError;
use crate::pipeline::Pass;
use crate::prefetch::{Batches, Prefetch};
use crate::sampler::Sampler;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Some scenes as voxels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SceneBatch {
    /// Unique voxels, \[voxels\]\[batch, x, y, z\], sample after sample, in the order of a voxel set.
    pub coords: Vec<[i32; 4]>,
    /// Features, \[voxels, channels\].
    pub features: Vec<f32>,
    /// Input channels.
    pub channels: usize,
    /// Class of each voxel, \[voxels\]; 255 is ignored.
    pub labels: Vec<u8>,
    /// Number of samples. Smaller than the sampler's, even 0, where scans were damaged after the start.
    pub samples: usize,
    /// Number of each sample in the set.
    pub ids: Vec<usize>,
    /// The row of each point of each sample, \[samples\]\[points\]; no samples in training.
    pub row_of_point: Vec<Vec<u32>>,
    /// Class of each point of each sample, \[samples\]\[points\]; no samples in training.
    pub point_labels: Vec<Vec<u8>>,
}

impl SceneBatch {
    /// Voxelises some scenes of a set, in this order.
    pub fn prepare(
        set: &SceneSet,
        pipeline: &ScenePipeline,
        ids: &[usize],
        pass: Pass,
        seed: u64,
    ) -> Result<Self, DataError> {
        let mut batch = Self { channels: pipeline.channels(), ..Self::default() };
        for &id in ids {
            if let Some(scene) = set.usable_scene(id)? {
                batch.add(set, pipeline, &scene, id, pass, seed)?;
            }
        }
        Ok(batch)
    }

    /// Voxelises one scene, to be segmented, turned by the angle of a test repetition; its number is 0.
    pub fn of_scene(scene: &Scene, pipeline: &ScenePipeline, repetition: u64) -> Result<Self, DataError> {
        let mut batch = Self { channels: pipeline.channels(), ..Self::default() };
        let pass = Pass::Test { repetition };
        batch.append(scene, 0, pass, pipeline.prepare(scene, pass, 0, 0, |_| Ok(None))?);
        Ok(batch)
    }

    fn add(
        &mut self,
        set: &SceneSet,
        pipeline: &ScenePipeline,
        scene: &Scene,
        id: usize,
        pass: Pass,
        seed: u64,
    ) -> Result<(), DataError> {
        let partner = |rng: &mut ChaCha8Rng| {
            // Any scene but this one.
            let Some(last) = set.len().checked_sub(2) else { return Ok(None) };
            let drawn = rng.random_range(0..=last);
            set.usable_scene(drawn + usize::from(drawn >= id))
        };
        self.append(scene, id, pass, pipeline.prepare(scene, pass, seed, id, partner)?);
        Ok(())
    }

    fn append(&mut self, scene: &Scene, id: usize, pass: Pass, voxels: SceneVoxels) {
        let (place, first_row) = (self.samples as i32, self.coords.len() as u32);
        self.coords.extend(voxels.cells.iter().map(|&[x, y, z]| [place, x, y, z]));
        self.features.extend(voxels.features);
        self.labels.extend(voxels.labels);
        self.ids.push(id);
        self.samples += 1;
        if !matches!(pass, Pass::Train { .. }) {
            self.row_of_point.push(voxels.voxel_of_point.iter().map(|row| row + first_row).collect());
            self.point_labels.push(scene.labels.clone());
        }
    }

    /// A value for each point of a sample from one for each voxel of the batch; not in training.
    #[must_use]
    pub fn to_points<T: Copy>(&self, sample: usize, of_voxels: &[T]) -> Vec<T> {
        self.row_of_point[sample].iter().map(|&row| of_voxels[row as usize]).collect()
    }
}

/// A batch, or why there is none.
pub type SceneBatches = Batches<Result<SceneBatch, DataError>>;

/// Makes the batches of any epoch of a set of scenes.
#[derive(Clone, Debug)]
pub struct SceneLoader {
    set: Arc<SceneSet>,
    pipeline: Arc<ScenePipeline>,
    sampler: Sampler,
    seed: u64,
    prefetch: Prefetch,
}

impl SceneLoader {
    /// A loader; the settings are checked here, and the first scene for the attributes that the features need.
    pub fn new(
        set: Arc<SceneSet>,
        pipeline: ScenePipeline,
        sampler: Sampler,
        seed: u64,
        prefetch: Prefetch,
    ) -> Result<Self, DataError> {
        pipeline.check()?;
        prefetch.check()?;
        if matches!(sampler, Sampler::Balanced { .. }) {
            return Err(DataError::setting(
                "scenes have no class to balance: take the order `shuffled` or `sequential`",
            ));
        }
        if let Some(first) = set.usable_scene(0)? {
            pipeline.voxelise(&first)?;
        }
        let loader = Self { set, pipeline: Arc::new(pipeline), sampler, seed, prefetch };
        loader.sampler.plan(&loader.no_labels(), seed, 0)?;
        Ok(loader)
    }

    /// The scenes.
    #[must_use]
    pub fn set(&self) -> &Arc<SceneSet> {
        &self.set
    }

    /// The steps from scene to voxels.
    #[must_use]
    pub fn pipeline(&self) -> &ScenePipeline {
        &self.pipeline
    }

    /// The scenes of each batch of an epoch.
    #[must_use]
    pub fn plan(&self, epoch: u64) -> Vec<Vec<usize>> {
        self.sampler.plan(&self.no_labels(), self.seed, epoch).expect("the sampler was checked")
    }

    /// Number of batches in an epoch.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.set.len().div_ceil(self.sampler.batch_size())
    }

    /// The training batches of an epoch from batch `first` on; resuming there gives the same batches as a whole epoch.
    #[must_use]
    pub fn epoch(&self, epoch: u64, first: usize) -> SceneBatches {
        self.batches(self.plan(epoch), first, Pass::Train { epoch })
    }

    /// The test batches of a repetition, turned by its angle. Take a sequential sampler.
    #[must_use]
    pub fn repetition(&self, repetition: u64) -> SceneBatches {
        self.batches(self.plan(0), 0, Pass::Test { repetition })
    }

    /// The batches without any augmentation. Take a sequential sampler.
    #[must_use]
    pub fn plain(&self) -> SceneBatches {
        self.batches(self.plan(0), 0, Pass::Plain)
    }

    fn batches(&self, plan: Vec<Vec<usize>>, first: usize, pass: Pass) -> SceneBatches {
        let loader = self.clone();
        let prepare = move |ids: &[usize]| SceneBatch::prepare(&loader.set, &loader.pipeline, ids, pass, loader.seed);
        Batches::start(plan, first, self.prefetch, prepare)
    }

    fn no_labels(&self) -> Vec<u32> {
        vec![0; self.set.len()]
    }
}
