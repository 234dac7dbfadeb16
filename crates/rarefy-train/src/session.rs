//! Starting and resuming a run.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::module::Module;
use burn::tensor::Device;
use rarefy_nn::ParameterCount;
use serde::{Deserialize, Serialize};

use crate::average::WeightAverage;
use crate::machine::Machine;
use crate::state::{Best, TrainState};
use crate::trainer::Trainer;
use crate::weights::weights_checksum;
use crate::{
    Checkpoint, ConfigError, EpochRecord, Event, Outcome, Progress, RunFolder, Task, TaskConfig, TrainError, Which,
};

/// What is written down when a run starts: `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// What is trained for.
    pub task: String,
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
    /// Samples that were left out, with the reason.
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
pub fn train<C: TaskConfig>(
    config: C,
    run: &Path,
    progress: &dyn Progress,
    stop: &AtomicBool,
) -> Result<Summary, TrainError> {
    config.check()?;
    if run.join("config.toml").exists() {
        return Err(TrainError::RunExists { folder: run.to_path_buf() });
    }
    let task = C::Task::load(&config, progress)?;
    let config = task.complete(config)?;
    let run = RunFolder::create(run)?;
    let device = Device::flex().autodiff();
    let network = C::Task::network(&config, config.training().seed, &device);
    run.write_record(&run_record(&config, &task, parameters(&network)))?;
    for (name, text) in task.files() {
        run.write_text(name, &text)?;
    }
    // Last, as it is what makes the folder a run.
    run.write_config(&config)?;
    let optimiser = config.optimiser().init(&network);
    let average = average(&config, &network);
    let (weights, start) = ((network, average), (optimiser, TrainState::default()));
    go_on(Trainer::new((&config, &task, &run), (progress, stop), weights, start, device), None)
}

/// Goes on with the run in the folder `run` from its last checkpoint, or from the start if it has none.
///
/// # Errors
///
/// As [`train`], and when the run, its checkpoint or its data are not what they were.
pub fn resume<T: Task>(run: &Path, progress: &dyn Progress, stop: &AtomicBool) -> Result<Summary, TrainError> {
    let run = RunFolder::open(run)?;
    run.tidy()?;
    let config = T::Config::read(&run.config_path())?;
    config.check()?;
    let checkpoint = run.checkpoint(Which::Last).map(|folder| Checkpoint::<T>::open(&folder)).transpose()?;
    if let Some(checkpoint) = &checkpoint {
        check_same_config(&config, checkpoint)?;
    }
    let record = run.record()?;
    let task = T::load(&config, progress)?;
    check_same_data(&config, &record, &task)?;
    let device = Device::flex().autodiff();
    let network = T::network(&config, config.training().seed, &device);
    let mut optimiser = config.optimiser().init(&network);
    let mut weights = (network.clone(), average(&config, &network));
    let mut state = TrainState::default();
    let mut resumed_at = None;
    if let Some(checkpoint) = checkpoint {
        weights = checkpoint.load_training(network)?;
        optimiser = checkpoint.load_optimiser(optimiser)?;
        state = checkpoint.state()?;
        resumed_at = Some((state.epoch, state.step_in_epoch));
    }
    run.write_metrics(&state.history)?;
    let start = (optimiser, state);
    go_on(Trainer::new((&config, &task, &run), (progress, stop), weights, start, device), resumed_at)
}

fn go_on<T: Task>(mut trainer: Trainer<'_, T>, resumed_at: Option<(u64, u64)>) -> Result<Summary, TrainError> {
    trainer.progress.event(Event::Started {
        run: trainer.run.root(),
        samples: T::SAMPLES,
        parameters: parameters(&trainer.network),
        train: trainer.task.train_split().samples,
        test: trainer.task.test_split().samples,
        steps: trainer.steps_per_epoch(),
        epochs: trainer.config.training().epochs,
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
        weights_checksum: weights_checksum(&trainer.network_for_use()),
    };
    trainer.run.write_summary(&summary)?;
    Ok(summary)
}

/// The moving average of the weights of `network` at the start, if the configuration asks for one.
fn average(config: &impl TaskConfig, network: &impl Module) -> Option<WeightAverage> {
    let decay = config.training().ema;
    (decay > 0.0).then(|| WeightAverage::new(decay, network))
}

/// Number of values that training changes.
fn parameters(network: &impl Module) -> usize {
    let mut count = ParameterCount::default();
    network.visit(&mut count);
    count.total()
}

fn run_record<T: Task>(config: &T::Config, task: &T, parameters: usize) -> RunRecord {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let (train, test) = (task.train_split(), task.test_split());
    let skipped = train.skipped.iter().chain(test.skipped);
    RunRecord {
        task: T::NAME.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: crate::machine::commit(),
        machine: Machine::here(),
        seed: config.training().seed,
        started: since_1970.map_or(0, |since| since.as_secs()),
        classes: task.classes().to_vec(),
        parameters,
        train_samples: train.samples,
        test_samples: test.samples,
        train_fingerprint: train.fingerprint.to_owned(),
        test_fingerprint: test.fingerprint.to_owned(),
        skipped: skipped.map(|skipped| (skipped.name.clone(), skipped.reason.clone())).collect(),
    }
}

/// A run goes on with the settings that it was started with; only where the data lie may change.
fn check_same_config<T: Task>(config: &T::Config, checkpoint: &Checkpoint<T>) -> Result<(), TrainError> {
    if checkpoint.manifest().config.clone().with_places_of(config) == *config {
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

fn check_same_data<T: Task>(config: &T::Config, record: &RunRecord, task: &T) -> Result<(), TrainError> {
    let splits = [
        ("training", &record.train_fingerprint, task.train_split().fingerprint),
        ("test", &record.test_fingerprint, task.test_split().fingerprint),
    ];
    for (split, expected, got) in splits {
        if expected != got {
            let (root, expected, got) = (config.data_root().to_path_buf(), expected.clone(), got.to_owned());
            return Err(TrainError::DataChanged { split, root, expected, got });
        }
    }
    Ok(())
}
