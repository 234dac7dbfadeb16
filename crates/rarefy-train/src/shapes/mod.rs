//! Classification and retrieval of shapes.

mod config;
mod evaluate;
mod inference;
mod objective;

use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_data::{Batch, ClassFolder, Dataset, Loader, ShapeEntry};
use rarefy_models::Network;
use rarefy_sparse::{SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::task::{Split, StepLoss, Task};
use crate::{Event, Figures, Progress, TrainError};

pub use config::{BestBy, DataConfig, EvalConfig, LossConfig, ShapeConfig};
pub use evaluate::{Scores, first_per_class, scores};
pub use inference::{InferenceOptions, Predictions, infer};

/// A data set of shapes, in memory.
#[derive(Clone, Debug)]
pub struct Shapes {
    train: Loader,
    test: Arc<Dataset>,
}

/// What is counted over an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShapeSums {
    /// Shapes classified right.
    pub correct: u64,
    /// Triples looked at.
    pub triples: u64,
    /// Triples above the margin.
    pub active_triples: u64,
}

impl AddAssign for ShapeSums {
    fn add_assign(&mut self, other: Self) {
        self.correct += other.correct;
        self.triples += other.triples;
        self.active_triples += other.active_triples;
    }
}

impl Task for Shapes {
    const NAME: &'static str = "shapes";
    const SAMPLES: &'static str = "shapes";
    type Config = ShapeConfig;
    type Network = Network;
    type Batch = Batch;
    type Sums = ShapeSums;

    fn load(config: &ShapeConfig, progress: &dyn Progress) -> Result<Self, TrainError> {
        let folder = ClassFolder::open(&config.data.root)?;
        if folder.classes().len() < 2 {
            // Says which of the two is wrong.
            ClassFolder::open_for_training(&config.data.root)?;
        }
        let load = |split: &str| load_split(config, &folder, split, progress);
        let (train, test) = (load(&config.data.train_split)?, load(&config.data.test_split)?);
        let (seed, prefetch) = (config.train.seed, config.prefetch());
        let train = Loader::new(train, config.pipeline(), config.sampler(), seed, prefetch)?;
        Ok(Self { train, test })
    }

    fn complete(&self, mut config: ShapeConfig) -> Result<ShapeConfig, TrainError> {
        let (expected, got) = (config.model.classes(), self.classes().len());
        if expected != 0 && expected != got {
            return Err(TrainError::ClassMismatch { expected, got });
        }
        config.model = config.model.with_classes(got);
        Ok(config)
    }

    fn classes(&self) -> &[String] {
        &self.train.dataset().classes
    }

    fn train_split(&self) -> Split<'_> {
        split_of(self.train.dataset())
    }

    fn test_split(&self) -> Split<'_> {
        split_of(&self.test)
    }

    fn network(config: &ShapeConfig, seed: u64, device: &Device) -> Network {
        config.model.init(seed, device)
    }

    fn batches_per_epoch(&self) -> u64 {
        self.train.batches_per_epoch() as u64
    }

    fn batches(&self, epoch: u64, first: u64) -> impl Iterator<Item = Batch> {
        self.train.epoch(epoch, first as usize)
    }

    fn loss(
        config: &ShapeConfig,
        network: &Network,
        batch: Batch,
        _number: u64,
        device: &Device,
    ) -> Result<StepLoss<ShapeSums>, TrainError> {
        let labels = batch.labels.clone();
        let output = network.forward(sparse_input(batch, device)?, true)?;
        Ok(objective::batch_loss(&config.loss, output, &labels))
    }

    fn train_figures(config: &ShapeConfig, sums: &ShapeSums, samples: u64) -> Figures {
        let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
        Figures::of([
            ("accuracy", config.has_classifier().then(|| share(sums.correct, samples))),
            ("active_triples", (sums.triples > 0).then(|| share(sums.active_triples, sums.triples))),
        ])
    }

    fn measure(
        &self,
        config: &ShapeConfig,
        network: &Network,
        progress: &dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Figures, TrainError> {
        let options = InferenceOptions {
            batch: config.eval.batch,
            repeats: config.eval.repeats,
            seed: config.train.seed,
            prefetch: config.prefetch(),
        };
        let predictions = infer(network, &self.test, &config.pipeline(), &options, progress, stop)?;
        Ok(scores(&predictions, &self.test, config.eval.per_class, config.has_classifier())?.figures())
    }

    fn value(config: &ShapeConfig, figures: &Figures) -> f64 {
        let figure = match config.eval.best_by {
            BestBy::Accuracy => figures.get("accuracy"),
            BestBy::MeanClassAccuracy => figures.get("mean_class_accuracy"),
            BestBy::Map => figures.get("map"),
            BestBy::Loss => figures.get("loss").map(|loss| -loss),
        };
        figure.expect("a checked configuration compares by what is measured")
    }
}

fn split_of(dataset: &Dataset) -> Split<'_> {
    Split { samples: dataset.len(), fingerprint: &dataset.fingerprint, skipped: &dataset.skipped }
}

/// Reads one split.
fn load_split(
    config: &ShapeConfig,
    folder: &ClassFolder,
    split: &str,
    progress: &dyn Progress,
) -> Result<Arc<Dataset>, TrainError> {
    let entries: Vec<ShapeEntry> = folder.split(split)?;
    let listen = |done, total| progress.event(Event::Loading { split, done, total });
    let options = rarefy_data::LoadOptions { progress: Some(&listen), ..config.load_options() };
    let dataset = Dataset::load(&entries, folder.classes(), &options)?;
    for warning in &dataset.warnings {
        progress.event(Event::Warning(warning));
    }
    for skipped in &dataset.skipped {
        progress.event(Event::Warning(&format!("left out: {skipped}")));
    }
    Ok(Arc::new(dataset))
}

/// A batch as a sparse tensor on `device`.
fn sparse_input(batch: Batch, device: &Device) -> Result<SparseTensor, SparseError> {
    let features = TensorData::new(batch.features, [batch.coords.len(), batch.channels]);
    SparseTensor::new(&batch.coords, batch.samples, batch.grid, Tensor::from_data(features, device))
}
