//! What the training loop asks of a task.
//!
//! Loop, schedule, records, checkpoints and resume are the same for every task; its data, network, loss and figures are
//! its own. Invariant: everything that a task gives follows from its configuration, the data and its arguments.

use std::fmt::Debug;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rarefy_data::Skipped;
use rarefy_nn::{OptimiserConfig, Schedule};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;

use crate::config::{general_variants, layers};
use crate::{ConfigError, Figures, Progress, TrainConfig, TrainError};

/// Something that can be trained, with its data in memory.
pub trait Task: Sized {
    /// Name, as in `run.json` and in checkpoints.
    const NAME: &'static str;
    /// What the samples are, as in “12 shapes”.
    const SAMPLES: &'static str;
    /// The settings.
    type Config: TaskConfig<Task = Self>;
    /// The network.
    type Network: Module;
    /// What a forward and backward pass takes.
    type Batch;
    /// Counts over an epoch from which [`train_figures`](Self::train_figures) follow.
    type Sums: Clone + Debug + Default + PartialEq + AddAssign + Serialize + DeserializeOwned;

    /// Reads the data.
    ///
    /// # Errors
    ///
    /// When they are not laid out as the task expects, or none can be used.
    fn load(config: &Self::Config, progress: &dyn Progress) -> Result<Self, TrainError>;

    /// The configuration with all that only the data tell, such as the number of classes.
    ///
    /// # Errors
    ///
    /// When the configuration and the data do not fit.
    fn complete(&self, config: Self::Config) -> Result<Self::Config, TrainError>;

    /// Names of the classes.
    fn classes(&self) -> &[String];

    /// Name and text of what a run keeps of the data beside its configuration, so that its network can be used without them.
    fn files(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What is trained on.
    fn train_split(&self) -> Split<'_>;

    /// What is measured on.
    fn test_split(&self) -> Split<'_>;

    /// A network whose initial weights `seed` determines.
    fn network(config: &Self::Config, seed: u64, device: &Device) -> Self::Network;

    /// Batches in an epoch.
    fn batches_per_epoch(&self) -> u64;

    /// The batches of an epoch from batch `first` on: the same as the rest of a whole epoch.
    fn batches(&self, epoch: u64, first: u64) -> impl Iterator<Item = Self::Batch>;

    /// The loss of batch `number`, counted from 0 since the start, with the graph for its gradients.
    ///
    /// # Errors
    ///
    /// When the network does not fit the batch.
    fn loss(
        config: &Self::Config,
        network: &Self::Network,
        batch: Self::Batch,
        number: u64,
        device: &Device,
    ) -> Result<StepLoss<Self::Sums>, TrainError>;

    /// The figures of `samples` training samples.
    fn train_figures(config: &Self::Config, sums: &Self::Sums, samples: u64) -> Figures;

    /// The figures of a network, in its inference form, on the test split.
    ///
    /// # Errors
    ///
    /// When the network does not fit the data, or `stop` is set.
    fn measure(
        &self,
        config: &Self::Config,
        network: &Self::Network,
        progress: &dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Figures, TrainError>;

    /// The figure by which checkpoints are compared; higher is better.
    fn value(config: &Self::Config, figures: &Figures) -> f64;
}

/// One split of a task's data.
#[derive(Clone, Copy, Debug)]
pub struct Split<'a> {
    /// Number of samples.
    pub samples: usize,
    /// Changes with the data.
    pub fingerprint: &'a str,
    /// Samples that were left out.
    pub skipped: &'a [Skipped],
}

/// The loss of a batch.
#[derive(Clone, Debug)]
pub struct StepLoss<S> {
    /// The loss.
    pub loss: Tensor<1>,
    /// Samples in the batch.
    pub samples: u64,
    /// The value of the loss counts this many times in the sum over samples: `samples` for a mean, 1 for a sum.
    pub weight: f64,
    /// What the batch adds to the sums of the epoch.
    pub sums: S,
}

/// The settings of a task.
pub trait TaskConfig: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned {
    /// The task.
    type Task: Task<Config = Self>;
    /// Name and TOML text of the configurations that are built in.
    const PRESETS: &'static [(&'static str, &'static str)];

    /// Length, batches and seed of the training.
    fn training(&self) -> &TrainConfig;

    /// The optimiser.
    fn optimiser(&self) -> &OptimiserConfig;

    /// The learning rate.
    fn schedule(&self) -> &Schedule;

    /// Epochs between two measurements; the last epoch is always measured.
    fn measured_every(&self) -> u64;

    /// The folder of the data.
    fn data_root(&self) -> &Path;

    /// The same settings with the places of `other`, where data and cache may have moved.
    #[must_use]
    fn with_places_of(self, other: &Self) -> Self;

    /// Examples of the section `model`, one for each `name` that it may have.
    fn models() -> Vec<Table>;

    /// Whether the settings make sense, each and together.
    ///
    /// # Errors
    ///
    /// Names the first key that does not, and what would do.
    fn check(&self) -> Result<(), ConfigError>;

    /// Whether the sections that all tasks share make sense: `optimiser`, `schedule` and `train`.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    fn check_training(&self) -> Result<(), ConfigError> {
        self.optimiser().check().map_err(|error| ConfigError::setting(format!("optimiser.{error}")))?;
        self.schedule().check().map_err(|error| ConfigError::setting(format!("schedule.{error}")))?;
        self.training().check()
    }

    /// The configuration of `config` (a preset's name or a TOML file, which may begin with `preset = "…"`) with
    /// `key=value` overrides, checked.
    ///
    /// ```
    /// use rarefy_train::TaskConfig;
    /// use rarefy_train::shapes::ShapeConfig;
    /// let config = ShapeConfig::load("s3dcnn", &["data.root=shapes", "train.epochs=3"])?;
    /// assert_eq!(config.train.epochs, 3);
    /// let error = ShapeConfig::load("s3dcnn", &["train.epoch=3"]).unwrap_err();
    /// assert_eq!(error.to_string(), "train.epoch=3: unknown key \"train.epoch\"; did you mean \"train.epochs\"?");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Names the file or override, the key and the way out.
    fn load<S: AsRef<str>>(config: &str, overrides: &[S]) -> Result<Self, ConfigError> {
        let config: Self = layers::load(config, overrides)?;
        config.check()?;
        Ok(config)
    }

    /// The configuration that a run has saved.
    ///
    /// # Errors
    ///
    /// When the file is missing or was damaged.
    fn read(path: &Path) -> Result<Self, ConfigError> {
        layers::read(path)
    }

    /// The configuration as TOML, every key written out.
    #[must_use]
    fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a configuration can be written as TOML")
    }

    /// Names of the configurations that are built in.
    #[must_use]
    fn preset_names() -> Vec<&'static str> {
        Self::PRESETS.iter().map(|(name, _)| *name).collect()
    }

    /// The examples of a section whose keys depend on its `name`, one for each.
    #[must_use]
    fn variants(section: &str) -> Vec<Table> {
        if section == "model" { Self::models() } else { general_variants(section) }
    }
}
