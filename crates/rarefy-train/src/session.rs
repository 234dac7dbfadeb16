//! Starting and resuming a run.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::state::{Best, TrainState};
use crate::trainer::Trainer;
use crate::weights::weights_checksum;
use crate::{
    Checkpoint, ConfigError, EpochRecord, Event, Outcome, Progress, RunConfig, RunFolder, Task, TrainError, Which,
};

/// What is written down when a run starts: `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the program.
    pub version: String,
    /// Commit of the folder that the program was started in, if that is a git repository.
    pub commit: Option<String>,
    /// The machine.
    pub machine: Machine,
    /// The seed.
    pub seed: u64,
    /// Seconds since 1970 at the start.
    pub started: u64,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Trained values of the network.
    pub parameters: usize,
    /// Training samples.
    pub train_samples: usize,
    /// Test samples.
    pub test_samples: usize,
    /// Fingerprint of the training split.
    pub train_fingerprint: String,
    /// Fingerprint of the test split.
    pub test_fingerprint: String,
    /// Shapes that were left out, with the reason.
    pub skipped: Vec<(String, String)>,
}

/// How a run ended: what [`train`] returns, and `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How.
    pub outcome: Outcome,
    /// The folder of the run.
    pub run: PathBuf,
    /// Whole epochs trained.
    pub epochs: u64,
    /// Steps trained.
    pub steps: u64,
    /// Wall time, in minutes.
    pub minutes: f64,
    /// The last epoch.
    pub last: Option<EpochRecord>,
    /// The best measurement.
    pub best: Option<Best>,
    /// Checksum of the weights, see [`weights_checksum`].
    pub weights_checksum: String,
}

/// Trains a new run in the folder `run`, until it ends or `stop` is set.
///
/// # Errors
///
/// When there is a run in the folder already, the data cannot be used, the loss leaves the numbers or the disk is full.
pub fn train(config: RunConfig, run: &Path, progress: &dyn Progress, stop: &AtomicBool) -> Result<Summary, TrainError> {
    config.check()?;
    if run.join("config.toml").exists() {
        return Err(TrainError::RunExists { folder: run.to_path_buf() });
    }
    let task = Task::load(&config, progress)?;
    let config = with_classes(config, &task)?;
    let run = RunFolder::create(run)?;
    let device = Device::flex().autodiff();
    let network = config.model.init(config.train.seed, &device);
    run.write_record(&run_record(&config, &task, network.parameter_count()))?;
    // Last, as it is what makes the folder a run.
    run.write_config(&config)?;
    let optimiser = config.optimiser.init(&network);
    let start = (network, optimiser, TrainState::default());
    go_on(Trainer::new((&config, &task, &run), (progress, stop), start, device)?, None)
}

/// Goes on with the run in the folder `run` from its last checkpoint, or from the start if it has none.
///
/// # Errors
///
/// As [`train`], and when the run, its checkpoint or its data are not what they were.
pub fn resume(run: &Path, progress: &dyn Progress, stop: &AtomicBool) -> Result<Summary, TrainError> {
    let run = RunFolder::open(run)?;
    run.tidy()?;
    let config = RunConfig::read(&run.config_path())?;
    config.check()?;
    let checkpoint = run.checkpoint(Which::Last).map(|folder| Checkpoint::open(&folder)).transpose()?;
    if let Some(checkpoint) = &checkpoint {
        check_same_config(&config, checkpoint)?;
    }
    let record = run.record()?;
    let task = Task::load(&config, progress)?;
    check_same_data(&config, &record, &task)?;
    let device = Device::flex().autodiff();
    let mut network = config.model.init(config.train.seed, &device);
    let mut optimiser = config.optimiser.init(&network);
    let mut state = TrainState::default();
    let mut resumed_at = None;
    if let Some(checkpoint) = checkpoint {
        network = checkpoint.load_into(network)?;
        optimiser = checkpoint.load_optimiser(optimiser)?;
        state = checkpoint.state()?;
        resumed_at = Some((state.epoch, state.step_in_epoch));
    }
    run.write_metrics(&state.history)?;
    let start = (network, optimiser, state);
    go_on(Trainer::new((&config, &task, &run), (progress, stop), start, device)?, resumed_at)
}

fn go_on(mut trainer: Trainer<'_>, resumed_at: Option<(u64, u64)>) -> Result<Summary, TrainError> {
    trainer.progress.event(Event::Started {
        run: trainer.run.root(),
        parameters: trainer.network.parameter_count(),
        train: trainer.task.train.len(),
        test: trainer.task.test.len(),
        steps: trainer.steps_per_epoch(),
        epochs: trainer.config.train.epochs,
        resumed_at,
    });
    let outcome = trainer.run()?;
    let summary = Summary {
        outcome,
        run: trainer.run.root().to_path_buf(),
        epochs: trainer.state.epoch,
        steps: trainer.state.step,
        minutes: trainer.state.seconds / 60.0,
        last: trainer.state.history.last().cloned(),
        best: trainer.state.best.clone(),
        weights_checksum: weights_checksum(&trainer.network.valid()),
    };
    trainer.run.write_summary(&summary)?;
    Ok(summary)
}

/// The configuration with the classes of the data.
fn with_classes(mut config: RunConfig, task: &Task) -> Result<RunConfig, TrainError> {
    let got = task.classes().len();
    let expected = config.model.classes();
    if expected != 0 && expected != got {
        return Err(TrainError::ClassMismatch { expected, got });
    }
    config.model = config.model.with_classes(got);
    Ok(config)
}

fn run_record(config: &RunConfig, task: &Task, parameters: usize) -> RunRecord {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    RunRecord {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: crate::machine::commit(),
        machine: Machine::here(),
        seed: config.train.seed,
        started: since_1970.map_or(0, |since| since.as_secs()),
        classes: task.classes().to_vec(),
        parameters,
        train_samples: task.train.len(),
        test_samples: task.test.len(),
        train_fingerprint: task.train.fingerprint.clone(),
        test_fingerprint: task.test.fingerprint.clone(),
        skipped: task.skipped().map(|skipped| (skipped.name.clone(), skipped.reason.clone())).collect(),
    }
}

/// A run goes on with the settings that it was started with; only where the data lie may change.
fn check_same_config(config: &RunConfig, checkpoint: &Checkpoint) -> Result<(), TrainError> {
    let mut old = checkpoint.manifest().config.clone();
    old.data.root.clone_from(&config.data.root);
    old.data.cache.clone_from(&config.data.cache);
    if old == *config {
        return Ok(());
    }
    Err(ConfigError::Setting {
        what: format!(
            "config.toml of the run was changed since {} was saved, and a run goes on only with the settings that it \
             was started with (data.root and data.cache may change): undo the change, or start a new run",
            checkpoint.folder().display()
        ),
    }
    .into())
}

fn check_same_data(config: &RunConfig, record: &RunRecord, task: &Task) -> Result<(), TrainError> {
    let splits = [
        ("training", &record.train_fingerprint, &task.train.fingerprint),
        ("test", &record.test_fingerprint, &task.test.fingerprint),
    ];
    for (split, expected, got) in splits {
        if expected != got {
            let (root, expected, got) = (config.data.root.clone(), expected.clone(), got.clone());
            return Err(TrainError::DataChanged { split, root, expected, got });
        }
    }
    Ok(())
}
