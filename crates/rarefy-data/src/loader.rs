//! Batches of shapes for training and evaluation.
//!
//! Invariant: batch `b` of an epoch follows from the seed, the epoch and `b` alone, whatever the threads of the prefetch.

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::pipeline::{Pass, VoxelPipeline};
use crate::prefetch::{Batches, Prefetch};
use crate::sampler::Sampler;
use std::sync::Arc;

/// Some samples as voxels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Voxels, [voxels][batch, x, y, z], sample after sample, unique, ascending within a sample.
    pub coords: Vec<[i32; 4]>,
    /// Features, [voxels, channels].
    pub features: Vec<f32>,
    /// Input channels.
    pub channels: usize,
    /// Label of each sample.
    pub labels: Vec<u32>,
    /// Number of samples.
    pub samples: usize,
    /// Cells of the grid on each axis.
    pub grid: [i32; 3],
    /// Number of each sample in the data set.
    pub ids: Vec<usize>,
}

impl Batch {
    /// Voxelises some samples of a data set, in this order.
    #[must_use]
    pub fn prepare(dataset: &Dataset, pipeline: &VoxelPipeline, ids: &[usize], pass: Pass, seed: u64) -> Self {
        let mut batch = Self {
            channels: pipeline.channels(),
            samples: ids.len(),
            grid: [pipeline.grid as i32; 3],
            ids: ids.to_vec(),
            ..Self::default()
        };
        for (place, &id) in (0..).zip(ids) {
            let sample = &dataset.samples[id];
            let voxels = pipeline.voxelise(&sample.cloud, pass, seed, id as u64);
            batch.coords.extend(voxels.cells.iter().map(|&[x, y, z]| [place, x, y, z]));
            batch.features.extend(voxels.features);
            batch.labels.push(sample.label);
        }
        batch
    }
}

/// Makes the batches of any epoch of a data set.
#[derive(Clone, Debug)]
pub struct Loader {
    dataset: Arc<Dataset>,
    pipeline: Arc<VoxelPipeline>,
    sampler: Sampler,
    seed: u64,
    prefetch: Prefetch,
}

impl Loader {
    /// A loader; the settings are checked here.
    pub fn new(
        dataset: Arc<Dataset>,
        pipeline: VoxelPipeline,
        sampler: Sampler,
        seed: u64,
        prefetch: Prefetch,
    ) -> Result<Self, DataError> {
        pipeline.check()?;
        prefetch.check()?;
        sampler.plan(&dataset.labels(), seed, 0)?;
        Ok(Self { dataset, pipeline: Arc::new(pipeline), sampler, seed, prefetch })
    }

    /// The data set.
    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// The steps from shape to voxels.
    #[must_use]
    pub fn pipeline(&self) -> &VoxelPipeline {
        &self.pipeline
    }

    /// The samples of each batch of an epoch.
    #[must_use]
    pub fn plan(&self, epoch: u64) -> Vec<Vec<usize>> {
        self.sampler.plan(&self.dataset.labels(), self.seed, epoch).expect("the sampler was checked")
    }

    /// Number of batches in an epoch.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.dataset.len().div_ceil(self.sampler.batch_size())
    }

    /// The training batches of an epoch from batch `first` on; resuming there gives the same batches as a whole epoch.
    #[must_use]
    pub fn epoch(&self, epoch: u64, first: usize) -> Batches {
        self.batches(self.plan(epoch), first, Pass::Train { epoch })
    }

    /// The test batches of a repetition. Take a sequential sampler.
    #[must_use]
    pub fn repetition(&self, repetition: u64) -> Batches {
        self.batches(self.plan(0), 0, Pass::Test { repetition })
    }

    /// The batches without any augmentation. Take a sequential sampler.
    #[must_use]
    pub fn plain(&self) -> Batches {
        self.batches(self.plan(0), 0, Pass::Plain)
    }

    fn batches(&self, plan: Vec<Vec<usize>>, first: usize, pass: Pass) -> Batches {
        let loader = self.clone();
        let prepare = move |ids: &[usize]| Batch::prepare(&loader.dataset, &loader.pipeline, ids, pass, loader.seed);
        Batches::start(plan, first, self.prefetch, prepare)
    }
}
