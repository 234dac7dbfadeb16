//! What a run leaves behind: `config.toml`, `run.json`, `metrics.csv`, `metrics.jsonl`, `summary.json`, `checkpoints/`.
//!
//! Invariant: the metrics files are written from the history of the last checkpoint, so that they never hold an epoch
//! that a resumed run would train again. In `checkpoints/`, the files `last` and `best` name folders; a folder is
//! removed only when neither names it any more.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::{self, Parts};
use crate::durable::{self, WriteFile};
use crate::{Checkpoint, CheckpointError, EpochRecord, Figures, RunRecord, Summary, Task, TaskConfig, TrainError};

const CONFIG: &str = "config.toml";
const RUN: &str = "run.json";
const SUMMARY: &str = "summary.json";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const CHECKPOINT_PREFIX: &str = "step-";

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Last,
    /// The one with the best figure on the test split.
    Best,
}

impl Which {
    fn file(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Best => "best",
        }
    }
}

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run.
    ///
    /// # Errors
    ///
    /// When there is a run in it already, or it cannot be made.
    pub fn create(root: &Path) -> Result<Self, TrainError> {
        let run = Self { root: root.to_path_buf() };
        if run.config_path().exists() {
            return Err(TrainError::RunExists { folder: root.to_path_buf() });
        }
        let checkpoints = run.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(TrainError::io("create", &checkpoints))?;
        Ok(run)
    }

    /// The folder of a run that was started before; what a killed process left half written is removed.
    ///
    /// # Errors
    ///
    /// When there is no run in it.
    pub fn open(root: &Path) -> Result<Self, TrainError> {
        let run = Self { root: root.to_path_buf() };
        if !run.config_path().is_file() {
            return Err(TrainError::NoRun { folder: root.to_path_buf() });
        }
        Ok(run)
    }

    /// Removes what a killed process left half written and checkpoints that nothing names.
    pub(crate) fn tidy(&self) -> Result<(), TrainError> {
        let checkpoints = self.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(TrainError::io("create", &checkpoints))?;
        for folder in [&self.root, &checkpoints] {
            durable::remove_partial(folder).map_err(TrainError::io("clean up", folder))?;
        }
        self.remove_unnamed()
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join(CHECKPOINTS)
    }

    /// The resolved configuration.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.root.join(CONFIG)
    }

    /// The folder of a checkpoint, if the run has come as far.
    #[must_use]
    pub fn checkpoint(&self, which: Which) -> Option<PathBuf> {
        let name = fs::read_to_string(self.checkpoints().join(which.file())).ok()?;
        let name = name.trim();
        (!name.is_empty() && !name.contains(['/', '\\'])).then(|| self.checkpoints().join(name))
    }

    /// What the run wrote down when it started.
    ///
    /// # Errors
    ///
    /// When `run.json` is missing or damaged.
    pub fn record(&self) -> Result<RunRecord, TrainError> {
        self.read_json(RUN)
    }

    /// How the run ended.
    ///
    /// # Errors
    ///
    /// When it has not ended, or `summary.json` is damaged.
    pub fn summary(&self) -> Result<Summary, TrainError> {
        self.read_json(SUMMARY)
    }

    /// The epochs up to the last checkpoint; none before the first.
    ///
    /// # Errors
    ///
    /// When `metrics.jsonl` is damaged.
    pub fn history(&self) -> Result<Vec<EpochRecord>, TrainError> {
        let path = self.root.join(METRICS);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(TrainError::io("read", &path))?,
        };
        let damaged =
            |error: serde_json::Error| TrainError::DamagedRecord { path: path.clone(), reason: error.to_string() };
        text.lines().map(|line| serde_json::from_str(line).map_err(damaged)).collect()
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, TrainError> {
        let path = self.root.join(name);
        let bytes = fs::read(&path).map_err(TrainError::io("read", &path))?;
        serde_json::from_slice(&bytes).map_err(|error| TrainError::DamagedRecord { path, reason: error.to_string() })
    }

    pub(crate) fn write_record(&self, record: &RunRecord) -> Result<(), TrainError> {
        self.write_json(RUN, record)
    }

    pub(crate) fn write_summary(&self, summary: &Summary) -> Result<(), TrainError> {
        self.write_json(SUMMARY, summary)
    }

    pub(crate) fn write_config(&self, config: &impl TaskConfig) -> Result<(), TrainError> {
        self.write_text(CONFIG, &config.to_toml())
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), TrainError> {
        let mut text = serde_json::to_string_pretty(value).expect("the record of a run can be written as JSON");
        text.push('\n');
        self.write_text(name, &text)
    }

    pub(crate) fn write_text(&self, name: &str, text: &str) -> Result<(), TrainError> {
        durable::write_file(&self.root.join(name), text.as_bytes(), &durable::write_synced)
            .map_err(|(path, source)| TrainError::Io { action: "write", path, source })
    }

    /// Writes `metrics.csv` and `metrics.jsonl` anew.
    pub(crate) fn write_metrics(&self, history: &[EpochRecord]) -> Result<(), TrainError> {
        let mut lines = String::new();
        for record in history {
            lines.push_str(&serde_json::to_string(record).expect("a record can be written as JSON"));
            lines.push('\n');
        }
        self.write_text(METRICS, &lines)?;
        self.write_text("metrics.csv", &metrics_csv(history))
    }

    /// Saves a checkpoint and makes it the last one, and the best one if `best`; older ones are removed after that.
    pub(crate) fn save_checkpoint<T: Task>(
        &self,
        parts: &Parts<'_, T>,
        best: bool,
        write: WriteFile,
    ) -> Result<PathBuf, CheckpointError> {
        let folder = self.free_checkpoint(parts.state.step);
        checkpoint::save(&folder, parts, write)?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let point = |which: Which| {
            durable::write_file(&self.checkpoints().join(which.file()), name.as_bytes(), write)
                .map_err(|(path, source)| CheckpointError::Io { action: "write", path, source })
        };
        let pointed = if best { point(Which::Best) } else { Ok(()) }.and_then(|()| point(Which::Last));
        if pointed.is_err() {
            // Only a checkpoint that nothing names goes: after a failure in between, `best` may name the new one.
            let _ = self.remove_unnamed();
        }
        pointed?;
        self.remove_unnamed().map_err(|error| match error {
            TrainError::Io { action, path, source } => CheckpointError::Io { action, path, source },
            other => CheckpointError::Encode { folder: folder.clone(), reason: other.to_string() },
        })?;
        Ok(folder)
    }

    /// A folder name for a checkpoint after `step` that is not taken.
    fn free_checkpoint(&self, step: u64) -> PathBuf {
        let folder = |copy: u64| match copy {
            0 => self.checkpoints().join(format!("{CHECKPOINT_PREFIX}{step:08}")),
            _ => self.checkpoints().join(format!("{CHECKPOINT_PREFIX}{step:08}-{copy}")),
        };
        (0..=u64::MAX).map(folder).find(|folder| !folder.exists()).expect("some number is free")
    }

    fn remove_unnamed(&self) -> Result<(), TrainError> {
        let named = [self.checkpoint(Which::Last), self.checkpoint(Which::Best)];
        let checkpoints = self.checkpoints();
        let remove = || -> io::Result<()> {
            for entry in fs::read_dir(&checkpoints)? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(CHECKPOINT_PREFIX) && !named.iter().flatten().any(|named| *named == path) {
                    fs::remove_dir_all(&path)?;
                }
            }
            Ok(())
        };
        remove().map_err(TrainError::io("clean up", &checkpoints))
    }
}

/// Opens a checkpoint by its own folder or by that of its run.
///
/// # Errors
///
/// When there is none, or it is damaged.
pub fn open_checkpoint<T: Task>(path: &Path, which: Which) -> Result<Checkpoint<T>, CheckpointError> {
    let run = RunFolder { root: path.to_path_buf() };
    if !run.config_path().is_file() {
        return Checkpoint::open(path);
    }
    let found = run.checkpoint(which).or_else(|| run.checkpoint(Which::Last));
    Checkpoint::open(&found.ok_or_else(|| CheckpointError::None { folder: path.to_path_buf() })?)
}

/// One line an epoch; the figures of the task have the columns `train_…` and `test_…`.
fn metrics_csv(history: &[EpochRecord]) -> String {
    fn names<'a>(figures: impl Iterator<Item = &'a Figures>) -> BTreeSet<&'a str> {
        figures.flat_map(Figures::names).collect()
    }
    let train = names(history.iter().map(|record| &record.train));
    let test = names(history.iter().filter_map(|record| record.test.as_ref()));
    let mut text = String::from("epoch,step,lr,train_loss");
    let titles = train.iter().map(|name| format!(",train_{name}"));
    text.extend(titles.chain([",seconds,samples_per_second,minutes".to_owned()]));
    text.extend(test.iter().map(|name| format!(",test_{name}")));
    text.push('\n');
    let cell = |figures: Option<&Figures>, name: &str| {
        let figure = figures.and_then(|figures| figures.get(name));
        figure.map_or_else(|| ",".to_owned(), |figure| format!(",{figure}"))
    };
    for record in history {
        let EpochRecord { epoch, step, lr, train_loss, seconds, samples_per_second, minutes, .. } = record;
        // Writing to a string does not fail.
        let _ = write!(text, "{epoch},{step},{lr},{train_loss}");
        text.extend(train.iter().map(|name| cell(Some(&record.train), name)));
        let _ = write!(text, ",{seconds:.2},{samples_per_second:.1},{minutes:.2}");
        text.extend(test.iter().map(|name| cell(record.test.as_ref(), name)));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use burn::tensor::Device;

    use super::*;
    use crate::shapes::{ShapeConfig, Shapes};
    use crate::state::TrainState;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Saves a checkpoint at `step`; the disk is full from the `files`-th file on.
    fn save(run: &RunFolder, step: u64, best: bool, files: usize) -> Result<PathBuf, CheckpointError> {
        let overrides = ["data.root=none", "model.depth=1", "model.width=2", "data.render_size=4"];
        let config = ShapeConfig::load("s3dcnn", &overrides).unwrap();
        let classes = ["a".to_owned(), "b".to_owned()];
        let network = config.model.clone().with_classes(2).init(step, &Device::flex());
        let optimiser = config.optimiser.init(&network);
        let state = TrainState { step, ..TrainState::default() };
        let parts: Parts<'_, Shapes> = Parts {
            network: &network,
            average: None,
            optimiser: &optimiser,
            state: &state,
            config: &config,
            classes: &classes,
        };
        let written = Cell::new(0);
        let write = |path: &Path, bytes: &[u8]| {
            written.set(written.get() + 1);
            if written.get() < files {
                return durable::write_synced(path, bytes);
            }
            // Some of it still fits.
            fs::write(path, &bytes[..bytes.len() / 2])?;
            Err(io::ErrorKind::StorageFull.into())
        };
        run.save_checkpoint(&parts, best, &write)
    }

    #[test]
    fn a_full_disk_leaves_the_old_checkpoint_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path()).unwrap();
        run.write_text(CONFIG, "").unwrap();
        save(&run, 1, true, usize::MAX).unwrap();
        let before = names(&run.checkpoints());
        assert_eq!(before, ["best", "last", "step-00000001"]);
        // Five files, then the pointer `last`.
        for full_at in 1..=6 {
            let error = save(&run, 2, false, full_at).unwrap_err().to_string();
            assert!(error.contains("cannot write") && error.contains(&*folder.path().to_string_lossy()), "{error}");
            assert_eq!(names(&run.checkpoints()), before, "full at file {full_at}");
            assert_eq!(open_checkpoint::<Shapes>(folder.path(), Which::Last).unwrap().manifest().step, 1);
        }
        save(&run, 2, false, 7).unwrap();
        assert_eq!(names(&run.checkpoints()), ["best", "last", "step-00000001", "step-00000002"]);
        assert_eq!(open_checkpoint::<Shapes>(folder.path(), Which::Last).unwrap().manifest().step, 2);
        assert_eq!(open_checkpoint::<Shapes>(folder.path(), Which::Best).unwrap().manifest().step, 1);
    }

    #[test]
    fn a_second_checkpoint_of_a_step_does_not_touch_the_first_before_it_is_durable() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path()).unwrap();
        save(&run, 1, false, usize::MAX).unwrap();
        assert!(save(&run, 1, false, 3).is_err());
        assert_eq!(names(&run.checkpoints()), ["last", "step-00000001"]);
        save(&run, 1, false, usize::MAX).unwrap();
        assert_eq!(names(&run.checkpoints()), ["last", "step-00000001-1"]);
    }
}
