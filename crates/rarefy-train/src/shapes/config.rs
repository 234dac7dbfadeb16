//! The configuration of a run on shapes: what is trained, on what, how, and how it is measured.
//!
//! Every key has a default but `data.root`. A configuration is put together by [`TaskConfig::load`] from a preset, a TOML
//! file and `key=value` overrides, and saved with the run as it was resolved.

use std::path::{Path, PathBuf};

use rarefy_data::{Augment, Fit, LoadOptions, PointFeature, Prefetch, Sampler, VoxelPipeline};
use rarefy_models::{ModelConfig, S3dcnnConfig, S3dcnnModernConfig};
use rarefy_nn::{CrossEntropy, Distance, Mining, OptimiserConfig, Reduction, Schedule, TripletLoss};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::Shapes;
use crate::config::table;
use crate::{ConfigError, TaskConfig, TrainConfig};

/// Everything that determines a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShapeConfig {
    /// Where the shapes are and how they become voxels.
    pub data: DataConfig,
    /// Random changes of the training shapes.
    pub augment: Augment,
    /// The network; its classes are taken from the data.
    pub model: ModelConfig,
    /// Length, batches and seed of the training.
    pub train: TrainConfig,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// The learning rate.
    pub schedule: Schedule,
    /// What is minimised.
    pub loss: LossConfig,
    /// How the network is measured.
    pub eval: EvalConfig,
}

impl Default for ShapeConfig {
    fn default() -> Self {
        Self {
            data: DataConfig::default(),
            augment: Augment::default(),
            model: ModelConfig::S3dcnnModern(S3dcnnModernConfig::default()),
            train: TrainConfig::default(),
            optimiser: OptimiserConfig::default(),
            schedule: Schedule::default(),
            loss: LossConfig::default(),
            eval: EvalConfig::default(),
        }
    }
}

/// Where the shapes are and how they become voxels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// The folder `<root>/<class>/<split>/*`.
    pub root: PathBuf,
    /// Name of the split that is trained on.
    pub train_split: String,
    /// Name of the split that is measured on.
    pub test_split: String,
    /// Folder for the cache of voxelised shapes; empty for none.
    pub cache: PathBuf,
    /// Classes in a training batch, each with batch / classes shapes; 0 shuffles all shapes instead.
    pub classes_per_batch: usize,
    /// Cells over the longest side of a cached mesh; at least twice the render size.
    pub cache_resolution: u32,
    /// Voxels over the longest side of a shape.
    pub render_size: u32,
    /// How a shape is scaled.
    pub fit: Fit,
    /// Input channels.
    pub features: Vec<PointFeature>,
    /// Background threads that prepare batches.
    pub loader_threads: usize,
    /// Batches that each of them may have ready.
    pub loader_queue: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            root: PathBuf::new(),
            train_split: "train".into(),
            test_split: "test".into(),
            cache: "runs/.cache".into(),
            classes_per_batch: 0,
            cache_resolution: 128,
            render_size: 40,
            fit: Fit::Extent,
            features: vec![PointFeature::Occupancy, PointFeature::Offset, PointFeature::Position],
            loader_threads: 1,
            loader_queue: 4,
        }
    }
}

/// What is minimised: a weighted sum of softmax cross entropy and triplet loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of the cross entropy; 0 leaves it out.
    pub softmax: f64,
    /// Share of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// How the losses of a batch become one number.
    pub reduction: Reduction,
    /// Weight of the triplet loss; 0 leaves it out.
    pub triplet: f64,
    /// By how much a negative must be farther than a positive.
    pub margin: f64,
    /// How far apart two descriptors are.
    pub distance: Distance,
    /// Which triples of a batch count.
    pub mining: Mining,
    /// A smooth loss instead of the hinge.
    pub soft: bool,
}

impl Default for LossConfig {
    fn default() -> Self {
        let triplet = TripletLoss::default();
        Self {
            softmax: 1.0,
            label_smoothing: 0.0,
            reduction: Reduction::Mean,
            triplet: 0.0,
            margin: triplet.margin,
            distance: triplet.distance,
            mining: triplet.mining,
            soft: triplet.soft,
        }
    }
}

impl LossConfig {
    /// The classification part.
    #[must_use]
    pub fn cross_entropy(&self) -> CrossEntropy {
        CrossEntropy { label_smoothing: self.label_smoothing, reduction: self.reduction, ..CrossEntropy::default() }
    }

    /// The metric part.
    #[must_use]
    pub fn triplet_loss(&self) -> TripletLoss {
        let &Self { margin, distance, mining, soft, reduction, .. } = self;
        TripletLoss { margin, distance, mining, soft, reduction }
    }

    /// How many times the loss of a batch counts in a sum over samples.
    pub(super) fn weight(&self, samples: u64) -> f64 {
        match self.reduction {
            Reduction::Mean => samples as f64,
            Reduction::Sum => 1.0,
        }
    }
}

/// The figure by which the best checkpoint is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BestBy {
    /// Share of samples classified right.
    #[default]
    Accuracy,
    /// Mean over the classes of that share.
    MeanClassAccuracy,
    /// Mean average precision of retrieval among the first shapes of each class.
    Map,
    /// The test loss; lower is better.
    Loss,
}

/// How the network is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalConfig {
    /// Epochs between two measurements; the last epoch is always measured.
    pub every: u64,
    /// Samples in a batch.
    pub batch: usize,
    /// Passes over each sample, each augmented anew, whose results are averaged.
    pub repeats: u64,
    /// Random changes of the test shapes.
    pub augment: Augment,
    /// The figure by which the best checkpoint is chosen.
    pub best_by: BestBy,
    /// Shapes of each class, after sorting names, that retrieval is measured on; 0 for all.
    pub per_class: usize,
}

impl Default for EvalConfig {
    fn default() -> Self {
        Self { every: 1, batch: 32, repeats: 1, augment: Augment::default(), best_by: BestBy::Accuracy, per_class: 20 }
    }
}

impl ShapeConfig {
    /// The steps from a shape to the network's input.
    #[must_use]
    pub fn pipeline(&self) -> VoxelPipeline {
        VoxelPipeline {
            render_size: self.data.render_size,
            grid: self.model.input_grid()[0] as u32,
            features: self.data.features.clone(),
            fit: self.data.fit,
            augment: self.augment,
            test_augment: self.eval.augment,
        }
    }

    /// How the training samples are cut into batches.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        match self.data.classes_per_batch {
            0 => Sampler::Shuffled { batch: self.train.batch },
            classes => Sampler::Balanced { classes, per_class: self.train.batch / classes },
        }
    }

    /// Whether the network learns to name classes.
    #[must_use]
    pub fn has_classifier(&self) -> bool {
        self.loss.softmax > 0.0
    }

    /// The background threads of the loader.
    #[must_use]
    pub fn prefetch(&self) -> Prefetch {
        Prefetch { threads: self.data.loader_threads, queue: self.data.loader_queue }
    }

    /// How shapes are read.
    #[must_use]
    pub fn load_options(&self) -> LoadOptions<'_> {
        let cache = &self.data.cache;
        LoadOptions {
            cache_folder: (!cache.as_os_str().is_empty()).then_some(cache),
            cache_resolution: self.data.cache_resolution,
            ..LoadOptions::default()
        }
    }

    fn check_input(&self) -> Result<(), ConfigError> {
        let pipeline = self.pipeline();
        pipeline.check().map_err(|error| ConfigError::setting(error.to_string()))?;
        let resolution = pipeline.check_cache_resolution(self.data.cache_resolution);
        resolution.map_err(|error| ConfigError::setting(format!("data.{error}")))?;
        let (channels, features) = (pipeline.channels(), self.model.features());
        if channels != features {
            return Err(ConfigError::setting(format!(
                "model.features = {features}, but data.features give {channels} channels (occupancy 1, offset 3, \
                 position 3): set model.features={channels}"
            )));
        }
        Ok(())
    }

    fn check_batches(&self) -> Result<(), ConfigError> {
        ConfigError::positive([
            ("eval.every", self.eval.every),
            ("eval.batch", self.eval.batch as u64),
            ("eval.repeats", self.eval.repeats),
            ("data.loader_threads", self.data.loader_threads as u64),
            ("data.loader_queue", self.data.loader_queue as u64),
        ])?;
        let (batch, classes) = (self.train.batch, self.data.classes_per_batch);
        if classes > 0 && (classes > batch || !batch.is_multiple_of(classes)) {
            return Err(ConfigError::setting(format!(
                "train.batch = {batch} is no multiple of data.classes_per_batch = {classes}: change one of them"
            )));
        }
        Ok(())
    }

    fn check_loss(&self) -> Result<(), ConfigError> {
        let LossConfig { softmax, triplet, label_smoothing, margin, .. } = self.loss;
        for (key, value) in [("softmax", softmax), ("triplet", triplet), ("margin", margin)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ConfigError::setting(format!("loss.{key} = {value}: expected 0 or more")));
            }
        }
        if !(0.0..=1.0).contains(&label_smoothing) {
            return Err(ConfigError::setting(format!("loss.label_smoothing = {label_smoothing}: expected 0 to 1")));
        }
        if softmax == 0.0 && triplet > 0.0 && self.eval.best_by != BestBy::Map {
            return Err(ConfigError::setting(
                "without a softmax loss no class is learnt, so that checkpoints are compared by retrieval: set eval.best_by=map",
            ));
        }
        if softmax == 0.0 && triplet == 0.0 {
            return Err(ConfigError::setting("loss.softmax and loss.triplet are both 0: give one of them a weight"));
        }
        if triplet > 0.0 && self.train.batch < 3 {
            return Err(ConfigError::setting("loss.triplet needs batches of 3 or more: raise train.batch"));
        }
        Ok(())
    }
}

impl TaskConfig for ShapeConfig {
    type Task = Shapes;

    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("s3dcnn", include_str!("../../../../configs/s3dcnn.toml")),
        ("s3dcnn-triplet", include_str!("../../../../configs/s3dcnn-triplet.toml")),
        ("s3dcnn-modern", include_str!("../../../../configs/s3dcnn-modern.toml")),
        ("quickstart", include_str!("../../../../configs/quickstart.toml")),
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
        self.data.cache.clone_from(&other.data.cache);
        self
    }

    fn models() -> Vec<Table> {
        vec![
            table(&ModelConfig::S3dcnn(S3dcnnConfig::new(0))),
            table(&ModelConfig::S3dcnnModern(S3dcnnModernConfig::default())),
        ]
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.data.root.as_os_str().is_empty() {
            return Err(ConfigError::setting(
                "data.root is not set: name the folder of shapes, for example data.root=shapes (laid out as \
                 shapes/<class>/{train,test}/*)",
            ));
        }
        self.model.validate().map_err(|error| ConfigError::setting(error.to_string()))?;
        self.check_input()?;
        self.check_training()?;
        self.check_batches()?;
        self.check_loss()
    }
}
