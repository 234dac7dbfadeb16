//! The data of a run, in memory: both splits and their classes.

use std::sync::Arc;

use rarefy_data::{Batch, ClassFolder, Dataset, ShapeEntry, Skipped};
use rarefy_sparse::{SparseError, SparseTensor};

use burn::tensor::{Device, Tensor, TensorData};

use crate::{Event, Progress, RunConfig, TrainError};

/// The splits of a data set.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is trained on.
    pub train: Arc<Dataset>,
    /// What is measured on.
    pub test: Arc<Dataset>,
}

impl Task {
    /// Reads both splits of the configuration's data set.
    ///
    /// # Errors
    ///
    /// When the folder is not laid out as a data set, or none of its shapes can be used.
    pub fn load(config: &RunConfig, progress: &dyn Progress) -> Result<Self, TrainError> {
        let folder = ClassFolder::open(&config.data.root)?;
        if folder.classes().len() < 2 {
            // Says which of the two is wrong.
            ClassFolder::open_for_training(&config.data.root)?;
        }
        let load = |split: &str| load_split(config, &folder, split, progress);
        let (train, test) = (load(&config.data.train_split)?, load(&config.data.test_split)?);
        Ok(Self { train: train.into(), test: test.into() })
    }

    /// Names of the classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.train.classes
    }

    /// Shapes of both splits that were left out.
    pub fn skipped(&self) -> impl Iterator<Item = &Skipped> {
        self.train.skipped.iter().chain(&self.test.skipped)
    }
}

/// Reads one split.
pub(crate) fn load_split(
    config: &RunConfig,
    folder: &ClassFolder,
    split: &str,
    progress: &dyn Progress,
) -> Result<Dataset, TrainError> {
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
    Ok(dataset)
}

/// A batch as a sparse tensor on `device`.
pub(crate) fn sparse_input(batch: Batch, device: &Device) -> Result<SparseTensor, SparseError> {
    let features = TensorData::new(batch.features, [batch.coords.len(), batch.channels]);
    SparseTensor::new(&batch.coords, batch.samples, batch.grid, Tensor::from_data(features, device))
}
