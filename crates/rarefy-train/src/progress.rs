//! What a run tells while it goes: the program shows it as a bar or as lines.

use std::path::Path;

use crate::{EpochRecord, Figures};

/// How far the training has come after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: u64,
    /// Epochs planned.
    pub epochs: u64,
    /// Step in the epoch, from 1.
    pub step: u64,
    /// Steps in the epoch.
    pub steps: u64,
    /// Learning rate of the step.
    pub lr: f64,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// The task's figures of the epoch so far.
    pub train: Figures,
    /// Training samples a second, in the epoch so far.
    pub samples_per_second: f64,
    /// Estimate of the seconds until the run ends.
    pub seconds_left: f64,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Samples of a split have been read.
    Loading {
        /// The split.
        split: &'a str,
        /// Samples done.
        done: usize,
        /// Samples in all.
        total: usize,
    },
    /// Something to be shown once that stops nothing.
    Warning(&'a str),
    /// Training begins, or goes on.
    Started {
        /// The folder of the run.
        run: &'a Path,
        /// What the samples are.
        samples: &'static str,
        /// Trained values of the network.
        parameters: usize,
        /// Training samples.
        train: usize,
        /// Test samples.
        test: usize,
        /// Steps in an epoch.
        steps: u64,
        /// Epochs planned.
        epochs: u64,
        /// Epochs and steps within the epoch that were done before.
        resumed_at: Option<(u64, u64)>,
    },
    /// A step is done.
    Step(&'a StepReport),
    /// Test samples have been measured.
    Evaluating {
        /// Samples done, over all repetitions.
        done: usize,
        /// Samples in all.
        total: usize,
    },
    /// An epoch is done, and measured if it was its turn.
    Epoch(&'a EpochRecord),
    /// A checkpoint is on the disk.
    Saved(&'a Path),
}

/// Listens to a run; called from any thread.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event<'_>) {}
}
