//! The error of training: what went wrong, where, and the way out.

use std::path::{Path, PathBuf};

use rarefy_data::DataError;
use rarefy_metrics::MetricsError;
use rarefy_sparse::SparseError;

use crate::{CheckpointError, ConfigError};

/// What can go wrong in a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The network and its input do not fit.
    #[error(transparent)]
    Network(#[from] SparseError),
    /// The figures cannot be computed.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
    /// A run of this name is there already.
    #[error("{} holds a run already: resume it, or choose another name", folder.display())]
    RunExists {
        /// The folder of the run.
        folder: PathBuf,
    },
    /// The folder holds no run.
    #[error("{} holds no run (there is no config.toml in it); give the folder of a run, for example runs/s3dcnn", folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// A run without an end of its file of results.
    #[error("{}: {reason}; the file was damaged: delete the run and start anew", path.display())]
    DamagedRecord {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Training left the numbers.
    #[error("the loss is {loss} in epoch {epoch}, step {step}: lower schedule.lr; the last good checkpoint is kept in {}", checkpoints.display())]
    NotFinite {
        /// The loss.
        loss: f64,
        /// Epoch, from 1.
        epoch: u64,
        /// Step in the epoch, from 1.
        step: u64,
        /// The folder of the checkpoints.
        checkpoints: PathBuf,
    },
    /// The data are not those that the run was started on.
    #[error("the {split} split of {} has changed since the run was started (fingerprint {got} instead of {expected}): put the old files back, or start a new run", root.display())]
    DataChanged {
        /// The split.
        split: &'static str,
        /// The folder of the data.
        root: PathBuf,
        /// Fingerprint that the run was started with.
        expected: String,
        /// Fingerprint now.
        got: String,
    },
    /// The classes of the data are not those of the network.
    #[error("the data have {got} classes, the network {expected}: give the data set that it was trained on")]
    ClassMismatch {
        /// Classes of the network.
        expected: usize,
        /// Classes of the data.
        got: usize,
    },
    /// Scans that could be read at the start no longer can.
    #[error("no scan of a batch can be read any more: see that the data are in place, then go on with --resume")]
    EmptyBatch,
    /// What was made of a measurement could not be kept.
    #[error("{reason}")]
    Sink {
        /// The reason given.
        reason: String,
    },
    /// The stop flag was set during a measurement.
    #[error("interrupted")]
    Interrupted,
}

impl TrainError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
