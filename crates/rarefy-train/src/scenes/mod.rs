//! Segmentation of scenes: a class for every point.

mod config;
mod floors;
pub mod import;
mod inference;
mod parts;
mod segmenter;

use std::ops::AddAssign;
use std::sync::atomic::AtomicBool;

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_data::Sampler;
use rarefy_data::scene::{CLASSES_FILE, ClassMap, IGNORED, SceneBatch, SceneLoader, SceneSet, Split as Part};
use rarefy_models::{Mode, SegmentationNetwork, Trace};
use rarefy_sparse::{PointCloud, Precision, SparseError};
use serde::{Deserialize, Serialize};

use crate::rows::highest;
use crate::task::{Split, StepLoss, Task};
use crate::{Figures, Progress, TrainError};

pub use config::{SceneBestBy, SceneConfig, SceneDataConfig, SceneEvalConfig, SceneLayout, SceneLossConfig};
pub use floors::{Floors, floors};
pub use inference::{BranchNorm, Passes, Segmented, Work, segment};
pub use parts::{class_map, load_part};
pub use segmenter::{SegmentedScan, Segmenter};

/// A data set of labelled scans.
#[derive(Clone, Debug)]
pub struct Scenes {
    train: SceneLoader,
    test: SceneLoader,
    names: Vec<String>,
}

/// What is counted over an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SceneSums {
    /// Voxels with a class.
    pub voxels: u64,
    /// Those labelled right.
    pub correct: u64,
}

impl AddAssign for SceneSums {
    fn add_assign(&mut self, other: Self) {
        self.voxels += other.voxels;
        self.correct += other.correct;
    }
}

impl Scenes {
    /// The classes, as label files number them.
    #[must_use]
    pub fn class_map(&self) -> &ClassMap {
        self.test.set().classes()
    }

    /// The scans that are measured on.
    #[must_use]
    pub fn tests(&self) -> &SceneLoader {
        &self.test
    }
}

impl Task for Scenes {
    const NAME: &'static str = "scenes";
    const SAMPLES: &'static str = "scans";
    type Config = SceneConfig;
    type Network = SegmentationNetwork;
    type Batch = Result<SceneBatch, rarefy_data::DataError>;
    type Sums = SceneSums;

    fn load(config: &SceneConfig, progress: &dyn Progress) -> Result<Self, TrainError> {
        // Both are listed before either is read: a mistake in the second shows at once.
        let (classes, train) = parts::entries(config, Part::Train)?;
        let (_, val) = parts::entries(config, Part::Val)?;
        let train = parts::load(config, &classes, ("training", &train), progress)?;
        let val = parts::load(config, &classes, ("validation", &val), progress)?;
        let (seed, prefetch) = (config.train.seed, config.prefetch());
        let shuffled = Sampler::Shuffled { batch: config.train.batch };
        Ok(Self {
            train: SceneLoader::new(train, config.input.clone(), shuffled, seed, prefetch)?,
            test: config.test_loader(val, config.eval.batch)?,
            names: classes.names().into_iter().map(str::to_owned).collect(),
        })
    }

    fn complete(&self, mut config: SceneConfig) -> Result<SceneConfig, TrainError> {
        let (expected, got) = (config.model.classes(), self.names.len());
        if expected != 0 && expected != got {
            return Err(TrainError::ClassMismatch { expected, got });
        }
        let weights = config.loss.class_weights.len();
        if weights != 0 && weights != got {
            let what = format!("loss.class_weights has {weights} weights for {got} classes: give one a class, or none");
            return Err(crate::ConfigError::Setting { what }.into());
        }
        config.model = config.model.with_classes(got);
        Ok(config)
    }

    fn classes(&self) -> &[String] {
        &self.names
    }

    fn files(&self) -> Vec<(&'static str, String)> {
        vec![(CLASSES_FILE, self.class_map().to_toml())]
    }

    fn train_split(&self) -> Split<'_> {
        split_of(self.train.set())
    }

    fn test_split(&self) -> Split<'_> {
        split_of(self.test.set())
    }

    fn network(config: &SceneConfig, seed: u64, device: &Device) -> SegmentationNetwork {
        config.model.init(seed, device)
    }

    fn batches_per_epoch(&self) -> u64 {
        self.train.batches_per_epoch() as u64
    }

    fn batches(&self, epoch: u64, first: u64) -> impl Iterator<Item = Self::Batch> {
        self.train.epoch(epoch, first as usize)
    }

    fn loss(
        config: &SceneConfig,
        network: &SegmentationNetwork,
        batch: Self::Batch,
        number: u64,
        device: &Device,
    ) -> Result<StepLoss<SceneSums>, TrainError> {
        let batch = batch?;
        if batch.coords.is_empty() {
            return Err(TrainError::EmptyBatch);
        }
        // Seeds far apart, so that neighbouring runs do not drop the same features.
        let seed = config.train.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number);
        let labels: Vec<u32> = batch.labels.iter().map(|&label| label.into()).collect();
        let (cloud, features) = input(&batch, config.precision, device)?;
        let scores = network.forward(&cloud, features, Mode::Training { seed }, &mut Trace::off())?;
        let sums = count(&scores, &labels);
        let samples = batch.samples as u64;
        Ok(StepLoss { loss: config.loss.loss().forward(scores, &labels), samples, weight: samples as f64, sums })
    }

    fn train_figures(_config: &SceneConfig, sums: &SceneSums, _samples: u64) -> Figures {
        Figures::of([("accuracy", Some(sums.correct as f64 / sums.voxels.max(1) as f64))])
    }

    fn measure(
        &self,
        config: &SceneConfig,
        network: &SegmentationNetwork,
        progress: &dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Figures, TrainError> {
        inference::measure(self, config, network, progress, stop)
    }

    fn value(config: &SceneConfig, figures: &Figures) -> f64 {
        let figure = match config.eval.best_by {
            SceneBestBy::MeanIou => figures.get("mean_iou"),
            SceneBestBy::Accuracy => figures.get("accuracy"),
            SceneBestBy::Loss => figures.get("loss").map(|loss| -loss),
        };
        figure.expect("all three are measured")
    }
}

fn split_of(set: &SceneSet) -> Split<'_> {
    Split { samples: set.len(), fingerprint: &set.fingerprint, skipped: &set.skipped }
}

/// A batch as a network takes it: each voxel is a point at its lower corner (spec §4.1).
fn input(batch: &SceneBatch, precision: Precision, device: &Device) -> Result<(PointCloud, Tensor<2>), SparseError> {
    let places = batch.coords.iter().map(|&[_, x, y, z]| [x, y, z].map(|c| c as f32)).collect();
    let sample_of = batch.coords.iter().map(|coord| coord[0]).collect();
    let cloud = PointCloud::new(places, sample_of, batch.samples)?.with_precision(precision);
    let features = TensorData::new(batch.features.clone(), [batch.coords.len(), batch.channels]);
    Ok((cloud, Tensor::from_data(features, device)))
}

/// Voxels with a class, and those whose highest score is that of their class; ties go to the lowest class.
fn count(scores: &Tensor<2>, labels: &[u32]) -> SceneSums {
    let classes = scores.dims()[1];
    let values: Vec<f32> = scores.clone().detach().into_data().iter::<f32>().collect();
    let known = values.chunks(classes).zip(labels).filter(|(_, label)| **label != u32::from(IGNORED));
    let mut sums = SceneSums::default();
    for (row, label) in known {
        sums.voxels += 1;
        sums.correct += u64::from(highest(row) == *label as usize);
    }
    sums
}
