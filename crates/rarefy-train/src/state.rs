//! The position in a training: all that a resumed run needs beside weights and optimiser.
//!
//! The order of samples, the augmentation and the learning rate follow from the seed and the counts here, so that no
//! generator has to be saved.

use serde::{Deserialize, Serialize};

use crate::Figures;

/// Sums over the part of the epoch that is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochSums<S> {
    /// Samples seen.
    pub samples: u64,
    /// Loss of each sample's batch, summed over samples.
    pub loss: f64,
    /// What the task counts.
    pub task: S,
    /// Wall time, in seconds.
    pub seconds: f64,
}

impl<S> EpochSums<S> {
    /// Mean loss of a sample.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.samples.max(1) as f64
    }
}

/// One line of the record of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 1.
    pub epoch: u64,
    /// Steps done since the start.
    pub step: u64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Mean training loss of a sample.
    pub train_loss: f64,
    /// The task's figures of the training samples, while the weights still changed.
    pub train: Figures,
    /// Wall time of the training part, in seconds.
    pub seconds: f64,
    /// Training samples a second.
    pub samples_per_second: f64,
    /// Wall time since the start of the run, in minutes, resting times of an interrupted run left out.
    pub minutes: f64,
    /// The test split, if it was measured after this epoch.
    pub test: Option<Figures>,
}

/// The best measurement so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Epoch, from 1.
    pub epoch: u64,
    /// The figure that was compared; higher is better.
    pub value: f64,
    /// All figures.
    pub figures: Figures,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// The minutes were used up.
    OutOfTime,
    /// The stop flag was set; the run can be resumed.
    Interrupted,
}

/// The position in a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainState<S> {
    /// Whole epochs done.
    pub epoch: u64,
    /// Steps done in the current epoch.
    pub step_in_epoch: u64,
    /// Steps done since the start.
    pub step: u64,
    /// Sums over the current epoch.
    pub sums: EpochSums<S>,
    /// Wall time of the run so far, in seconds.
    pub seconds: f64,
    /// The best measurement so far.
    pub best: Option<Best>,
    /// One record an epoch.
    pub history: Vec<EpochRecord>,
    /// Set when the run has come to its end.
    pub ended: Option<Outcome>,
}
