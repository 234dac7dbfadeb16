//! Batches, prepared by background threads while the consumer computes.
//!
//! Invariant: batch `b` of an epoch follows from the seed, the epoch and `b` alone. Thread `t` of `n` prepares batches
//! t, t + n, t + 2n, … into a bounded queue of its own, and the consumer goes round the queues, so that the order does
//! not depend on which thread is faster. When the consumer stops early, the queues close and the threads end.

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::pipeline::{Pass, VoxelPipeline};
use crate::sampler::Sampler;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

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

/// Background threads and queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefetch {
    /// Threads that prepare batches.
    pub threads: usize,
    /// Batches that each thread may have ready.
    pub queue: usize,
}

impl Default for Prefetch {
    fn default() -> Self {
        Self { threads: 1, queue: 4 }
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
        if prefetch.threads == 0 || prefetch.queue == 0 {
            return Err(DataError::setting("prefetch: expected at least one thread and a queue of at least one batch"));
        }
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

    fn batches(&self, mut plan: Vec<Vec<usize>>, first: usize, pass: Pass) -> Batches {
        plan.drain(..first.min(plan.len()));
        let plan = Arc::new(plan);
        let threads = self.prefetch.threads.min(plan.len()).max(1);
        let mut workers = Vec::with_capacity(threads);
        let mut queues = Vec::with_capacity(threads);
        for thread in 0..threads {
            let (sender, receiver) = sync_channel(self.prefetch.queue);
            let (loader, plan) = (self.clone(), Arc::clone(&plan));
            let work = move || loader.produce(plan.iter().skip(thread).step_by(threads), pass, &sender);
            let worker = std::thread::Builder::new().name(format!("rarefy-loader-{thread}")).spawn(work);
            workers.push(Some(worker.expect("the system starts a thread")));
            queues.push(receiver);
        }
        Batches { queues, workers, next: 0, total: plan.len() }
    }

    fn produce<'a>(&self, plan: impl Iterator<Item = &'a Vec<usize>>, pass: Pass, queue: &SyncSender<Batch>) {
        for ids in plan {
            let batch = Batch::prepare(&self.dataset, &self.pipeline, ids, pass, self.seed);
            if queue.send(batch).is_err() {
                // The consumer is gone.
                return;
            }
        }
    }
}

/// The batches of an epoch, in order.
#[derive(Debug)]
pub struct Batches {
    queues: Vec<Receiver<Batch>>,
    workers: Vec<Option<JoinHandle<()>>>,
    next: usize,
    total: usize,
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next == self.total {
            return None;
        }
        let turn = self.next % self.queues.len();
        self.next += 1;
        if let Ok(batch) = self.queues[turn].recv() {
            return Some(batch);
        }
        // A thread ends before its last batch only by a panic: pass it on rather than end the epoch early.
        match self.workers[turn].take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => unreachable!("a loader thread sends all its batches"),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.total - self.next, Some(self.total - self.next))
    }
}

impl ExactSizeIterator for Batches {}

impl Drop for Batches {
    fn drop(&mut self) {
        self.queues.clear();
        for worker in self.workers.iter_mut().filter_map(Option::take) {
            // A panic in a batch that nobody asked for any more is no news.
            let _ = worker.join();
        }
    }
}
