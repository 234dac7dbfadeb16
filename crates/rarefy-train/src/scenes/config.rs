//! The configuration of a run on scenes: what is trained, on what, how, and how it is measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use rarefy_data::scene::SceneLayout;
use rarefy_data::scene::{KittiMap, KittiSplits, SceneLoader, ScenePipeline, SceneSet, SeededSplit};
use rarefy_data::{DataError, Prefetch, Sampler};
use rarefy_models::{MinkUNetConfig, SegmentationConfig, SparseConvUNetConfig, SpvcnnConfig};
use rarefy_nn::{CrossEntropy, OptimiserConfig, Schedule, SegmentationLoss};
use rarefy_sparse::Precision;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{Passes, Scenes};
use crate::config::table;
use crate::{ConfigError, TaskConfig, TrainConfig};

/// Everything that determines a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneConfig {
    /// How exact the factors of the network's convolutions are, in training and where it is used.
    pub precision: Precision,
    /// Where the scans are and how they are parted.
    pub data: SceneDataConfig,
    /// How a scan becomes voxels, and random changes of the training scans.
    pub input: ScenePipeline,
    /// The network; its classes are taken from the data.
    pub model: SegmentationConfig,
    /// Length, batches and seed of the training.
    pub train: TrainConfig,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// The learning rate.
    pub schedule: Schedule,
    /// What is minimised.
    pub loss: SceneLossConfig,
    /// How the network is measured.
    pub eval: SceneEvalConfig,
}

impl Default for SceneConfig {
    fn default() -> Self {
        Self {
            precision: Precision::F32,
            data: SceneDataConfig::default(),
            input: ScenePipeline::default(),
            model: SegmentationConfig::MinkUNet(MinkUNetConfig::default()),
            train: TrainConfig { epochs: 15, batch: 2, ..TrainConfig::default() },
            optimiser: OptimiserConfig::default(),
            schedule: Schedule::default(),
            loss: SceneLossConfig::default(),
            eval: SceneEvalConfig::default(),
        }
    }
}

/// Where the scans are and how they are parted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneDataConfig {
    /// The folder.
    pub root: PathBuf,
    /// How it is laid out.
    pub layout: SceneLayout,
    /// Sequences (SemanticKITTI) or rooms (ScanNet) to train on; empty: those of the benchmark that are there.
    pub train: Vec<String>,
    /// Sequences or rooms to measure on; empty: those of the benchmark that are there.
    pub val: Vec<String>,
    /// Which reading of the SemanticKITTI labels.
    pub labels: KittiMap,
    /// How a folder without `train/` and `val/` is parted.
    pub parts: SeededSplit,
    /// Megabytes of files whose scans are kept in memory; the others are read again in every epoch.
    pub memory_mb: u64,
    /// Background threads that prepare batches.
    pub loader_threads: usize,
    /// Batches that each of them may have ready.
    pub loader_queue: usize,
}

impl Default for SceneDataConfig {
    fn default() -> Self {
        Self {
            root: PathBuf::new(),
            layout: SceneLayout::SemanticKitti,
            train: Vec::new(),
            val: Vec::new(),
            labels: KittiMap::Official,
            parts: SeededSplit::default(),
            memory_mb: 2048,
            loader_threads: 1,
            loader_queue: 2,
        }
    }
}

impl SceneDataConfig {
    /// The sequences to train on and to measure on: those that are named, or the benchmark's that are there.
    pub(super) fn sequences(&self, there: &KittiSplits) -> [Vec<String>; 2] {
        let or =
            |named: &Vec<String>, there: &Vec<String>| if named.is_empty() { there.clone() } else { named.clone() };
        [or(&self.train, &there.train), or(&self.val, &there.val)]
    }
}

/// What is minimised: a weighted sum of cross entropy and Lovász-softmax.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneLossConfig {
    /// Weight of the cross entropy; 0 leaves it out.
    pub cross_entropy: f64,
    /// Weight of Lovász-softmax; 0 leaves it out.
    pub lovasz: f64,
    /// Share of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// Weight of each class in the cross entropy; empty: 1 for all.
    pub class_weights: Vec<f64>,
}

impl Default for SceneLossConfig {
    fn default() -> Self {
        Self { cross_entropy: 1.0, lovasz: 0.0, label_smoothing: 0.0, class_weights: Vec::new() }
    }
}

impl SceneLossConfig {
    /// The loss, in which voxels without a class do not count.
    #[must_use]
    pub fn loss(&self) -> SegmentationLoss {
        SegmentationLoss {
            cross_entropy: CrossEntropy {
                label_smoothing: self.label_smoothing,
                ignore: Some(rarefy_data::scene::IGNORED.into()),
                class_weights: self.class_weights.clone(),
                ..CrossEntropy::default()
            },
            cross_entropy_weight: self.cross_entropy,
            lovasz_weight: self.lovasz,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        for (key, value) in [("cross_entropy", self.cross_entropy), ("lovasz", self.lovasz)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ConfigError::setting(format!("loss.{key} = {value}: expected 0 or more")));
            }
        }
        if self.cross_entropy == 0.0 && self.lovasz == 0.0 {
            return Err(ConfigError::setting(
                "loss.cross_entropy and loss.lovasz are both 0: give one of them a weight",
            ));
        }
        let smoothing = self.label_smoothing;
        if !(0.0..=1.0).contains(&smoothing) {
            return Err(ConfigError::setting(format!("loss.label_smoothing = {smoothing}: expected 0 to 1")));
        }
        if let Some(weight) = self.class_weights.iter().find(|weight| !(**weight >= 0.0 && weight.is_finite())) {
            return Err(ConfigError::setting(format!("loss.class_weights has {weight}: expected 0 or more")));
        }
        Ok(())
    }
}

/// The figure by which the best checkpoint is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SceneBestBy {
    /// Mean intersection over union over the classes present.
    #[default]
    MeanIou,
    /// Share of points labelled right.
    Accuracy,
    /// The loss over voxels; lower is better.
    Loss,
}

/// How the network is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneEvalConfig {
    /// Epochs between two measurements; the last epoch is always measured.
    pub every: u64,
    /// Scans in a batch.
    pub batch: usize,
    /// The figure by which the best checkpoint is chosen.
    pub best_by: SceneBestBy,
}

impl Default for SceneEvalConfig {
    fn default() -> Self {
        Self { every: 1, batch: 2, best_by: SceneBestBy::MeanIou }
    }
}

impl SceneConfig {
    /// How the network is run over the scans that it is measured on.
    #[must_use]
    pub fn passes(&self) -> Passes {
        Passes { views: self.input.test_views, precision: self.precision, norms: false }
    }

    /// A loader that gives scans in their order, `batch` at a time, as they are measured.
    ///
    /// # Errors
    ///
    /// When a setting cannot work.
    pub fn test_loader(&self, set: Arc<SceneSet>, batch: usize) -> Result<SceneLoader, DataError> {
        SceneLoader::new(set, self.input.clone(), Sampler::Sequential { batch }, self.train.seed, self.prefetch())
    }

    /// The background threads of the loader.
    #[must_use]
    pub fn prefetch(&self) -> Prefetch {
        Prefetch { threads: self.data.loader_threads, queue: self.data.loader_queue }
    }

    fn check_input(&self) -> Result<(), ConfigError> {
        self.input.check().map_err(|error| ConfigError::setting(format!("input.{error}")))?;
        let (channels, features) = (self.input.channels(), self.model.features());
        if channels != features {
            return Err(ConfigError::setting(format!(
                "model.features = {features}, but input.features give {channels} channels (occupancy 1, position 3, \
                 intensity 1, colour 3, normal 3): set model.features={channels}"
            )));
        }
        Ok(())
    }
}

impl TaskConfig for SceneConfig {
    type Task = Scenes;

    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("minkunet", include_str!("../../../../configs/minkunet.toml")),
        ("spvcnn", include_str!("../../../../configs/spvcnn.toml")),
        ("minkunet-rooms", include_str!("../../../../configs/minkunet-rooms.toml")),
        ("spvcnn-rooms", include_str!("../../../../configs/spvcnn-rooms.toml")),
    ];

    fn training(&self) -> &TrainConfig {
        &self.train
    }

    fn optimiser(&self) -> &OptimiserConfig {
        &self.optimiser
    }

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn measured_every(&self) -> u64 {
        self.eval.every
    }

    fn data_root(&self) -> &Path {
        &self.data.root
    }

    fn with_places_of(mut self, other: &Self) -> Self {
        self.data.root.clone_from(&other.data.root);
        self
    }

    fn models() -> Vec<Table> {
        vec![
            table(&SegmentationConfig::MinkUNet(MinkUNetConfig::default())),
            table(&SegmentationConfig::Spvcnn(SpvcnnConfig::default())),
            table(&SegmentationConfig::SparseConvUNet(SparseConvUNetConfig::default())),
        ]
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.data.root.as_os_str().is_empty() {
            return Err(ConfigError::setting(
                "data.root is not set: name the folder of scans, for example data.root=semantickitti (laid out as \
                 semantickitti/sequences/00/{velodyne,labels}/*; other layouts: data.layout=scannet, data.layout=folder)",
            ));
        }
        self.model.validate().map_err(|error| ConfigError::setting(error.to_string()))?;
        self.check_input()?;
        self.check_training()?;
        ConfigError::positive([
            ("eval.every", self.eval.every),
            ("eval.batch", self.eval.batch as u64),
            ("data.loader_threads", self.data.loader_threads as u64),
            ("data.loader_queue", self.data.loader_queue as u64),
        ])?;
        self.loss.check()
    }
}
