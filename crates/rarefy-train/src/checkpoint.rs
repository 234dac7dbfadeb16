//! Checkpoints: a folder with the network, the optimiser, the position in the training, and a manifest with checksums.
//!
//! `model.safetensors` holds the network with its running statistics, `optimiser.bpk` Burn's record of the optimiser,
//! `state.json` the position, `manifest.json` what the network is for and the SHA-256 of the other files, and
//! `manifest.sha256` that of the manifest itself. With a moving average (`train.ema`) the model is the average, and
//! `training.safetensors` the weights that the training goes on with. Invariant: a checkpoint that opens is the one that was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, Device};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::average::WeightAverage;
use crate::state::TrainState;
use crate::weights::{HostTensors, from_safetensors, hex, tensors_of, to_safetensors, weights_checksum, with_tensors};
use crate::{Task, TaskConfig, durable};

const FORMAT: &str = "rarefy-checkpoint";
const VERSION: u32 = 1;
const MODEL: &str = "model.safetensors";
const TRAINING: &str = "training.safetensors";
const OPTIMISER: &str = "optimiser.bpk";
const STATE: &str = "state.json";
const MANIFEST: &str = "manifest.json";
const MANIFEST_SUM: &str = "manifest.sha256";

/// What can be wrong with a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; what was saved before is untouched", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
    /// The folder holds something else.
    #[error("{} is no checkpoint of Rarefy ({reason}); give the folder of a run, for example runs/s3dcnn", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The run has not come as far as a checkpoint.
    #[error("{} has no checkpoint yet: let it train for longer", folder.display())]
    None {
        /// The folder of the run.
        folder: PathBuf,
    },
    /// A file is gone.
    #[error("the checkpoint {} lacks the file {file}; {WAY_OUT}", folder.display())]
    Missing {
        /// The checkpoint.
        folder: PathBuf,
        /// The file.
        file: String,
    },
    /// The bytes of a file have changed.
    #[error("{} is damaged: {reason}; {WAY_OUT}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not agree.
        reason: String,
    },
    /// Written by a newer program.
    #[error("{} has version {got} of the checkpoint format, this program reads {VERSION}: update the program", folder.display())]
    Version {
        /// The checkpoint.
        folder: PathBuf,
        /// Its version.
        got: u32,
    },
    /// The checkpoint is of another task.
    #[error("{} is a checkpoint of the task `{got}`, and this is about `{expected}`", folder.display())]
    OtherTask {
        /// The checkpoint.
        folder: PathBuf,
        /// The task that was asked for.
        expected: &'static str,
        /// The task of the checkpoint.
        got: String,
    },
    /// The checkpoint is of another network: a parameter is missing, unknown or of another shape.
    #[error("{} is a checkpoint of another network: parameter {parameter} is {got} in the checkpoint and {expected} in the network; take the configuration that the checkpoint was trained with (config.toml of its run)", folder.display())]
    OtherNetwork {
        /// The checkpoint.
        folder: PathBuf,
        /// Name of the parameter.
        parameter: String,
        /// Shape in the network.
        expected: String,
        /// Shape in the checkpoint.
        got: String,
    },
    /// Something could not be put into bytes.
    #[error("cannot write the checkpoint {}: {reason}", folder.display())]
    Encode {
        /// The checkpoint.
        folder: PathBuf,
        /// The reason.
        reason: String,
    },
}

const WAY_OUT: &str = "copy it anew, or take the run's other checkpoint (in its folder `checkpoints`, put the text of \
                       the file `best` into the file `last`)";

/// What a file of a checkpoint should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

/// What a checkpoint is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest<C> {
    /// Always `rarefy-checkpoint`.
    pub format: String,
    /// Version of the layout.
    pub version: u32,
    /// Version of the program.
    pub program: String,
    /// What the network was trained for.
    pub task: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The whole configuration of the run.
    pub config: C,
    /// Whole epochs trained.
    pub epoch: u64,
    /// Steps trained.
    pub step: u64,
    /// See [`weights_checksum`].
    pub weights_checksum: String,
    /// The other files.
    pub files: BTreeMap<String, FileSum>,
}

/// A checkpoint whose files have been read and found whole.
#[derive(Clone, Debug)]
pub struct Checkpoint<T: Task> {
    folder: PathBuf,
    manifest: Manifest<T::Config>,
    files: BTreeMap<String, Vec<u8>>,
}

impl<T: Task> Checkpoint<T> {
    /// Reads and verifies the checkpoint in `folder`.
    ///
    /// # Errors
    ///
    /// When the folder holds no checkpoint, or one that is damaged, of another task or of a newer program.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let manifest = read_manifest::<T>(folder)?;
        let mut files = BTreeMap::new();
        for (name, sum) in &manifest.files {
            let bytes = read(folder, name)?;
            let damaged = |reason| CheckpointError::Damaged { path: folder.join(name), reason };
            if bytes.len() as u64 != sum.bytes {
                return Err(damaged(format!("it has {} bytes instead of {}", bytes.len(), sum.bytes)));
            }
            if sha256(&bytes) != sum.sha256 {
                return Err(damaged("its SHA-256 is not that of the manifest".into()));
            }
            files.insert(name.clone(), bytes);
        }
        Ok(Self { folder: folder.to_path_buf(), manifest, files })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the checkpoint is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest<T::Config> {
        &self.manifest
    }

    /// The network on `device`.
    ///
    /// # Errors
    ///
    /// When the weights are not those of the network that the manifest names.
    pub fn network(&self, device: &Device) -> Result<T::Network, CheckpointError> {
        self.load_into(T::network(&self.manifest.config, 0, device))
    }

    /// `network` with the weights of the checkpoint.
    ///
    /// # Errors
    ///
    /// When a parameter is missing, unknown or has another shape; it is named with both shapes.
    pub fn load_into(&self, network: T::Network) -> Result<T::Network, CheckpointError> {
        let tensors = self.tensors(MODEL, &network)?;
        Ok(with_tensors(network, tensors))
    }

    /// `network` with the weights that the training goes on with, and the moving average of the weights if there is one.
    pub(crate) fn load_training(
        &self,
        network: T::Network,
    ) -> Result<(T::Network, Option<WeightAverage>), CheckpointError> {
        let decay = self.manifest.config.training().ema;
        if decay == 0.0 {
            return Ok((self.load_into(network)?, None));
        }
        let average = WeightAverage::from_tensors(decay, self.tensors(MODEL, &network)?);
        let tensors = self.tensors(TRAINING, &network)?;
        Ok((with_tensors(network, tensors), Some(average)))
    }

    /// The tensors of a file, which are those of `network` by name and shape.
    fn tensors(&self, file: &str, network: &T::Network) -> Result<HostTensors, CheckpointError> {
        let path = self.folder.join(file);
        let tensors = from_safetensors(self.file(file)?)
            .map_err(|error| CheckpointError::Damaged { path, reason: error.to_string() })?;
        self.compare(&tensors_of(network), &tensors)?;
        Ok(tensors)
    }

    /// `optimiser` with the state of the checkpoint.
    pub(crate) fn load_optimiser(&self, optimiser: ModuleOptimizer) -> Result<ModuleOptimizer, CheckpointError> {
        let path = self.folder.join(OPTIMISER);
        let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(self.file(OPTIMISER)?.to_vec()))
            .map_err(|error| CheckpointError::Damaged { path, reason: error.to_string() })?;
        Ok(optimiser.load_record(record))
    }

    /// The position in the training.
    pub(crate) fn state(&self) -> Result<TrainState<T::Sums>, CheckpointError> {
        serde_json::from_slice(self.file(STATE)?)
            .map_err(|error| CheckpointError::Damaged { path: self.folder.join(STATE), reason: error.to_string() })
    }

    fn file(&self, name: &str) -> Result<&[u8], CheckpointError> {
        let missing = || CheckpointError::Missing { folder: self.folder.clone(), file: name.into() };
        self.files.get(name).map(Vec::as_slice).ok_or_else(missing)
    }

    fn compare(&self, expected: &HostTensors, got: &HostTensors) -> Result<(), CheckpointError> {
        let names: std::collections::BTreeSet<&String> = expected.keys().chain(got.keys()).collect();
        for name in names {
            let (expected, got) = (expected.get(name), got.get(name));
            let same = expected.zip(got).is_some_and(|(a, b)| a.shape == b.shape && a.bytes.len() == b.bytes.len());
            if !same {
                let shape = |tensor: Option<&crate::weights::HostTensor>| {
                    tensor.map_or_else(|| "absent".to_owned(), |tensor| format!("{:?}", tensor.shape))
                };
                return Err(CheckpointError::OtherNetwork {
                    folder: self.folder.clone(),
                    parameter: name.clone(),
                    expected: shape(expected),
                    got: shape(got),
                });
            }
        }
        Ok(())
    }
}

/// What goes into a checkpoint.
pub(crate) struct Parts<'a, T: Task> {
    /// The weights that the training goes on with.
    pub(crate) network: &'a T::Network,
    /// Their moving average, if there is one: the network for use.
    pub(crate) average: Option<&'a WeightAverage>,
    pub(crate) optimiser: &'a ModuleOptimizer,
    pub(crate) state: &'a TrainState<T::Sums>,
    pub(crate) config: &'a T::Config,
    pub(crate) classes: &'a [String],
}

/// Writes a checkpoint as the folder `folder`, which must not be there.
pub(crate) fn save<T: Task>(
    folder: &Path,
    parts: &Parts<'_, T>,
    write: durable::WriteFile,
) -> Result<(), CheckpointError> {
    let encode = |reason: String| CheckpointError::Encode { folder: folder.to_path_buf(), reason };
    let bytes_of = |network| to_safetensors(&tensors_of(network)).map_err(|error| encode(error.to_string()));
    let averaged = parts.average.map(|average| average.network(parts.network));
    let network = averaged.as_ref().unwrap_or(parts.network);
    let model = bytes_of(network)?;
    let training = averaged.as_ref().map(|_| bytes_of(parts.network)).transpose()?;
    let optimiser = parts.optimiser.into_bytes().map_err(|error| encode(error.to_string()))?;
    let state = serde_json::to_vec_pretty(parts.state).map_err(|error| encode(error.to_string()))?;
    let mut files: Vec<(&str, &[u8])> = vec![(MODEL, &model), (OPTIMISER, &optimiser), (STATE, &state)];
    files.extend(training.as_deref().map(|training| (TRAINING, training)));
    let sum = |bytes: &[u8]| FileSum { bytes: bytes.len() as u64, sha256: sha256(bytes) };
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").into(),
        task: T::NAME.into(),
        classes: parts.classes.to_vec(),
        config: parts.config.clone(),
        epoch: parts.state.epoch,
        step: parts.state.step,
        weights_checksum: weights_checksum(network),
        files: files.iter().map(|(name, bytes)| ((*name).to_owned(), sum(bytes))).collect(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| encode(error.to_string()))?;
    let manifest_sum = sha256(&manifest).into_bytes();
    files.extend([(MANIFEST, manifest.as_slice()), (MANIFEST_SUM, manifest_sum.as_slice())]);
    durable::write_folder(folder, &files, write).map_err(|(path, source)| CheckpointError::Io {
        action: "write",
        path,
        source,
    })
}

fn read_manifest<T: Task>(folder: &Path) -> Result<Manifest<T::Config>, CheckpointError> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
        version: u32,
        task: String,
    }
    let foreign = |reason: String| CheckpointError::Foreign { folder: folder.to_path_buf(), reason };
    if !folder.join(MANIFEST).is_file() {
        return Err(foreign(format!("it has no {MANIFEST}")));
    }
    let bytes = read(folder, MANIFEST)?;
    let sum = read(folder, MANIFEST_SUM)?;
    if sha256(&bytes).as_bytes() != sum {
        let reason = format!("its SHA-256 is not that of {MANIFEST_SUM}");
        return Err(CheckpointError::Damaged { path: folder.join(MANIFEST), reason });
    }
    let head: Head = serde_json::from_slice(&bytes).map_err(|error| foreign(error.to_string()))?;
    if head.format != FORMAT {
        return Err(foreign(format!("its format is {:?}", head.format)));
    }
    if head.version != VERSION {
        return Err(CheckpointError::Version { folder: folder.to_path_buf(), got: head.version });
    }
    if head.task != T::NAME {
        return Err(CheckpointError::OtherTask { folder: folder.to_path_buf(), expected: T::NAME, got: head.task });
    }
    serde_json::from_slice(&bytes).map_err(|error| foreign(error.to_string()))
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, CheckpointError> {
    let path = folder.join(name);
    if !path.is_file() {
        return Err(CheckpointError::Missing { folder: folder.to_path_buf(), file: name.to_owned() });
    }
    std::fs::read(&path).map_err(|source| CheckpointError::Io { action: "read", path, source })
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
