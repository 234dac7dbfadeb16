//! A folder of a user's own scans: `classes.toml`, and scans in `train/`, `val/`, `test/` or side by side.
//!
//! Labels stand inside a scan's file or beside it. For `drive.pcd` these are looked for, in this order: `drive.label`,
//! `drive.labels.npy`, `drive_labels.npy`, `drive.labels.ply`, `drive_labels.ply`, and `drive.label` and `drive.npy` in a
//! folder `labels` beside the scan or beside its folder. Without any of them the labels must be inside.

use super::classes::ClassMap;
use super::classes_file::CLASSES_FILE;
use super::entry::{LabelSource, SceneEntry};
use super::listing::{files_in, folders_in};
use crate::error::DataError;
use crate::pipeline::generator;
use crate::scan::{SCAN_EXTENSIONS, scan_extension};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a part of the data is for; the name of its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// To train on.
    Train,
    /// To measure on while training.
    Val,
    /// To measure on, or to segment, in the end.
    Test,
}

impl Split {
    /// The name of the folder.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// How scans without folders for the splits are parted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeededSplit {
    /// Share of the scans for validation; at least one scan if it is above 0.
    pub val: f64,
    /// Share of the scans for the test; at least one scan if it is above 0.
    pub test: f64,
    /// Seed of the drawing.
    pub seed: u64,
}

impl Default for SeededSplit {
    fn default() -> Self {
        Self { val: 0.2, test: 0.0, seed: 0 }
    }
}

/// A folder of a user's own scans.
#[derive(Clone, Debug)]
pub struct CloudFolder {
    root: PathBuf,
    classes: ClassMap,
}

impl CloudFolder {
    /// Reads the `classes.toml` of a folder.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        folders_in(root)?;
        Ok(Self { root: root.to_path_buf(), classes: ClassMap::read(&root.join(CLASSES_FILE))? })
    }

    /// The classes.
    #[must_use]
    pub fn classes(&self) -> &ClassMap {
        &self.classes
    }

    /// Whether the folder has a folder for each split; otherwise scans are parted by a seed.
    #[must_use]
    pub fn has_split_folders(&self) -> bool {
        self.root.join(Split::Train.folder()).is_dir()
    }

    /// The labelled scans of a split; `seeded` parts the scans if there are no folders for the splits.
    pub fn labelled(&self, split: Split, seeded: SeededSplit) -> Result<Vec<SceneEntry>, DataError> {
        let mut entries = self.unlabelled(split, seeded)?;
        for entry in &mut entries {
            entry.labels = find_labels(&entry.scan)?;
        }
        Ok(entries)
    }

    /// The scans of a split, whether they have labels or not.
    pub fn unlabelled(&self, split: Split, seeded: SeededSplit) -> Result<Vec<SceneEntry>, DataError> {
        let (folder, prefix) = if self.has_split_folders() {
            (self.root.join(split.folder()), format!("{}/", split.folder()))
        } else {
            (self.root.clone(), String::new())
        };
        if !folder.is_dir() {
            let looked_for = format!("folder `{}`, though it has a folder `train`", split.folder());
            return Err(DataError::NoScenes { folder: self.root.clone(), looked_for });
        }
        let mut files = files_in(&folder, |path| scan_extension(path).is_some() && !is_label_file(path))?;
        let found = files.len();
        if !self.has_split_folders() {
            files = part(&files, split, seeded)?;
        }
        if files.is_empty() {
            let looked_for = match found {
                0 => format!("scan; looked for files of type .{}", SCAN_EXTENSIONS.join(" .")),
                _ => format!("scan for `{}`: raise its share, or make folders train, val and test", split.folder()),
            };
            return Err(DataError::NoScenes { folder, looked_for });
        }
        Ok(files
            .into_iter()
            .map(|file| {
                let stem = Path::new(&file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(&file);
                SceneEntry::new(format!("{prefix}{stem}"), folder.join(&file), LabelSource::None)
            })
            .collect())
    }
}

/// The files of a split, drawn by the seed, in the order of `files`.
fn part(files: &[String], split: Split, seeded: SeededSplit) -> Result<Vec<String>, DataError> {
    let SeededSplit { val, test, seed } = seeded;
    let total = val + test;
    if !(0.0..1.0).contains(&val) || !(0.0..1.0).contains(&test) || total >= 1.0 {
        return Err(DataError::setting(format!("shares val = {val} and test = {test}: expected sums of 0 to below 1")));
    }
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.shuffle(&mut generator([seed, 6, 0, 0]));
    let count = |share: f64| if share > 0.0 { ((files.len() as f64 * share).round() as usize).max(1) } else { 0 };
    let first_train = (count(val) + count(test)).min(files.len());
    let first_test = count(val).min(first_train);
    let chosen = match split {
        Split::Val => &mut order[..first_test],
        Split::Test => &mut order[first_test..first_train],
        Split::Train => &mut order[first_train..],
    };
    chosen.sort_unstable();
    Ok(chosen.iter().map(|&at| files[at].clone()).collect())
}

/// The scans in a folder, sorted by name; files that hold the labels of another are left out.
///
/// # Errors
///
/// When the folder cannot be listed or holds no scan.
pub fn scans_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let files = files_in(folder, |path| scan_extension(path).is_some() && !is_label_file(path))?;
    if files.is_empty() {
        let looked_for = format!("scan; looked for files of type .{}", SCAN_EXTENSIONS.join(" ."));
        return Err(DataError::NoScenes { folder: folder.to_path_buf(), looked_for });
    }
    Ok(files.into_iter().map(|file| folder.join(file)).collect())
}

/// Whether a file of a scan's type holds the labels of another.
pub(super) fn is_label_file(path: &Path) -> bool {
    path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| {
        let stem = stem.to_ascii_lowercase();
        stem.ends_with("_labels") || stem.ends_with(".labels")
    })
}

/// The label file beside a scan, or the scan itself if its format can hold labels.
fn find_labels(scan: &Path) -> Result<LabelSource, DataError> {
    let candidates = label_candidates(scan);
    if let Some(found) = candidates.iter().find(|candidate| candidate.is_file()) {
        return Ok(LabelSource::Beside(found.clone()));
    }
    if scan_extension(scan) == Some("bin") {
        let names: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
        return Err(DataError::NoLabels { path: scan.to_path_buf(), looked_for: names.join(", ") });
    }
    Ok(LabelSource::Inside)
}

/// Where the labels of a scan may be, in the order in which they are looked for.
#[must_use]
pub fn label_candidates(scan: &Path) -> Vec<PathBuf> {
    let folder = scan.parent().unwrap_or(Path::new(""));
    let stem = scan.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let endings = [".label", ".labels.npy", "_labels.npy", ".labels.ply", "_labels.ply"];
    let mut candidates: Vec<PathBuf> = endings.iter().map(|ending| folder.join(format!("{stem}{ending}"))).collect();
    let above = folder.parent().map(|above| above.join("labels"));
    for labels in [Some(folder.join("labels")), above].into_iter().flatten() {
        candidates.extend([".label", ".npy"].map(|ending| labels.join(format!("{stem}{ending}"))));
    }
    candidates
}
