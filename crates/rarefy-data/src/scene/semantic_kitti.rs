//! SemanticKITTI folders: `sequences/SS/velodyne/*.bin` with `sequences/SS/labels/*.label` (SYSTEMS.md §4.1, §8.2).

use super::entry::{LabelSource, SceneEntry};
use super::listing::{files_in, folders_in};
use crate::error::DataError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Which sequences are for what; names of folders such as `08`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KittiSplits {
    /// Sequences to train on.
    pub train: Vec<String>,
    /// Sequences to measure on.
    pub val: Vec<String>,
    /// Sequences without public labels.
    pub test: Vec<String>,
}

impl Default for KittiSplits {
    /// The benchmark's: 00–07, 09 and 10 for training, 08 for validation, 11–21 for the test.
    fn default() -> Self {
        let names = |numbers: &mut dyn Iterator<Item = u32>| numbers.map(|number| format!("{number:02}")).collect();
        Self {
            train: names(&mut (0..=10).filter(|&number| number != 8)),
            val: names(&mut (8..=8)),
            test: names(&mut (11..=21)),
        }
    }
}

impl KittiSplits {
    /// As [`default`](Self::default), with the validation sequence among those to train on, for a submission.
    #[must_use]
    pub fn for_submission() -> Self {
        let mut splits = Self::default();
        splits.train.extend(splits.val.clone());
        splits.train.sort_unstable();
        splits
    }

    /// The sequences of each split that a folder holds.
    #[must_use]
    pub fn present_in(&self, folder: &SemanticKitti) -> Self {
        let present = |names: &[String]| names.iter().filter(|name| folder.sequences.contains(name)).cloned().collect();
        Self { train: present(&self.train), val: present(&self.val), test: present(&self.test) }
    }
}

/// A folder in the layout of SemanticKITTI.
#[derive(Clone, Debug)]
pub struct SemanticKitti {
    root: PathBuf,
    sequences: Vec<String>,
}

impl SemanticKitti {
    /// Finds the sequences: in `root/sequences`, `root/dataset/sequences`, or in `root` itself.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        for inside in ["sequences", "dataset/sequences", ""] {
            let folder = root.join(inside);
            if !folder.is_dir() {
                continue;
            }
            let mut sequences = folders_in(&folder)?;
            sequences.retain(|name| folder.join(name).join("velodyne").is_dir());
            if !sequences.is_empty() {
                return Ok(Self { root: folder, sequences });
            }
        }
        // A missing folder is told by the system's own message.
        folders_in(root)?;
        let looked_for = "sequences; looked for folders sequences/<name>/velodyne".to_owned();
        Err(DataError::NoScenes { folder: root.to_path_buf(), looked_for })
    }

    /// Names of the sequences, sorted.
    #[must_use]
    pub fn sequences(&self) -> &[String] {
        &self.sequences
    }

    /// The scans of some sequences, each with its label file, which must exist.
    pub fn labelled(&self, sequences: &[String]) -> Result<Vec<SceneEntry>, DataError> {
        let mut entries = self.unlabelled(sequences)?;
        for entry in &mut entries {
            let (sequence, scan) = entry.name.split_once('/').expect("names are <sequence>/<scan>");
            let labels = self.root.join(sequence).join("labels").join(format!("{scan}.label"));
            if !labels.is_file() {
                return Err(DataError::NoLabels { path: entry.scan.clone(), looked_for: labels.display().to_string() });
            }
            entry.labels = LabelSource::Beside(labels);
        }
        Ok(entries)
    }

    /// The scans of some sequences, whether they have labels or not.
    pub fn unlabelled(&self, sequences: &[String]) -> Result<Vec<SceneEntry>, DataError> {
        let mut entries = Vec::new();
        for sequence in sequences {
            if !self.sequences.contains(sequence) {
                let looked_for = format!("sequence {sequence}; there are {}", self.sequences.join(", "));
                return Err(DataError::NoScenes { folder: self.root.clone(), looked_for });
            }
            let folder = self.root.join(sequence).join("velodyne");
            for file in files_in(&folder, |path| path.extension().is_some_and(|extension| extension == "bin"))? {
                let stem = file.trim_end_matches(".bin");
                entries.push(SceneEntry::new(format!("{sequence}/{stem}"), folder.join(&file), LabelSource::None));
            }
        }
        if entries.is_empty() {
            let looked_for = format!("scan; looked for velodyne/*.bin in the sequences {}", sequences.join(", "));
            return Err(DataError::NoScenes { folder: self.root.clone(), looked_for });
        }
        Ok(entries)
    }
}
