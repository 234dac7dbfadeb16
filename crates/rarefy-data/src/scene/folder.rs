//! A folder of scans in any of the layouts that training reads, with every scan that it holds.
//!
//! Unlike the readers of each layout, which give what a run needs and stop at the first scan without labels, this lists all
//! scans, so that a survey can name each one that is not in order.

use super::classes::ClassMap;
use super::classes_file::CLASSES_FILE;
use super::cloud_folder::{CloudFolder, Split, label_candidates, scans_in};
use super::entry::{LabelSource, SceneEntry};
use super::listing::{files_in, folders_in};
use super::published_classes::KittiMap;
use super::scannet::ScanNet;
use super::semantic_kitti::{KittiSplits, SemanticKitti};
use crate::error::DataError;
use crate::scan::scan_extension;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How a folder of scans is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SceneLayout {
    /// `sequences/SS/velodyne/*.bin` with `sequences/SS/labels/*.label`.
    #[default]
    SemanticKitti,
    /// `scans/<scene>/<scene>_vh_clean_2.ply` with its labels.
    Scannet,
    /// Clouds of any format beside a `classes.toml`.
    Folder,
}

impl SceneLayout {
    /// The layout that a folder has: that of its `classes.toml`, of its sequences, of its ScanNet scans, or, without a
    /// `classes.toml`, a folder of files that can only be scans. None for anything else.
    #[must_use]
    pub fn of(root: &Path) -> Option<Self> {
        if root.join(CLASSES_FILE).is_file() {
            Some(Self::Folder)
        } else if SemanticKitti::open(root).is_ok() {
            Some(Self::SemanticKitti)
        } else if ScanNet::open(root).is_ok() {
            Some(Self::Scannet)
        } else {
            let only_scan = |path: &Path| matches!(scan_extension(path), Some("bin" | "pcd" | "las" | "laz"));
            let holds = |folder: PathBuf| files_in(&folder, only_scan).is_ok_and(|files| !files.is_empty());
            (holds(root.to_path_buf()) || holds(root.join(Split::Train.folder()))).then_some(Self::Folder)
        }
    }
}

/// Scans of one part of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenePart {
    /// `train`, `val`, `test`, `other` for what belongs to none of them, or `all` where there are no parts.
    pub name: &'static str,
    /// The scans, each with the place where its labels are or should be.
    pub entries: Vec<SceneEntry>,
    /// Whether each scan must have labels.
    pub needs_labels: bool,
}

/// All scans of a folder.
#[derive(Clone, Debug)]
pub struct SceneFolder {
    layout: SceneLayout,
    classes: ClassMap,
    parts: Vec<ScenePart>,
}

impl SceneFolder {
    /// Lists the scans of a folder of this layout; `classes` stands in for those of the layout.
    ///
    /// # Errors
    ///
    /// When the folder is not laid out like this, or holds no scan.
    pub fn open(root: &Path, layout: SceneLayout, classes: Option<ClassMap>) -> Result<Self, DataError> {
        let (parts, of_layout) = match layout {
            SceneLayout::SemanticKitti => (kitti(root)?, ClassMap::semantic_kitti(KittiMap::Official)),
            SceneLayout::Scannet => (scannet(root)?, ClassMap::scannet()),
            SceneLayout::Folder => {
                folders_in(root)?;
                let known = match &classes {
                    Some(classes) => classes.clone(),
                    None => CloudFolder::open(root)?.classes().clone(),
                };
                (folder(root)?, known)
            }
        };
        Ok(Self { layout, classes: classes.unwrap_or(of_layout), parts })
    }

    /// How the folder is laid out.
    #[must_use]
    pub fn layout(&self) -> SceneLayout {
        self.layout
    }

    /// What labels mean.
    #[must_use]
    pub fn classes(&self) -> &ClassMap {
        &self.classes
    }

    /// The parts that hold a scan.
    #[must_use]
    pub fn parts(&self) -> &[ScenePart] {
        &self.parts
    }
}

/// Sequences by the benchmark's parts.
fn kitti(root: &Path) -> Result<Vec<ScenePart>, DataError> {
    let folder = SemanticKitti::open(root)?;
    let KittiSplits { train, val, test } = KittiSplits::default().present_in(&folder);
    let known = |name: &&String| [&train, &val, &test].iter().any(|names| names.contains(name));
    let other: Vec<String> = folder.sequences().iter().filter(|name| !known(name)).cloned().collect();
    let mut parts = Vec::new();
    for (name, sequences) in [("train", &train), ("val", &val), ("test", &test), ("other", &other)] {
        if sequences.is_empty() {
            continue;
        }
        let mut entries = folder.unlabelled(sequences)?;
        for entry in &mut entries {
            let sequence = entry.scan.parent().and_then(Path::parent).unwrap_or(root);
            let labels = sequence.join("labels").join(entry.scan.file_name().unwrap_or_default());
            entry.labels = LabelSource::Beside(labels.with_extension("label"));
        }
        parts.push(ScenePart { name, needs_labels: needs_labels(name, &entries), entries });
    }
    Ok(parts)
}

/// Rooms, which no list parts.
fn scannet(root: &Path) -> Result<Vec<ScenePart>, DataError> {
    let folder = ScanNet::open(root)?;
    let mut entries = folder.unlabelled(folder.scenes())?;
    for entry in &mut entries {
        entry.labels = LabelSource::Beside(entry.scan.with_extension("labels.ply"));
    }
    Ok(vec![ScenePart { name: "all", needs_labels: needs_labels("all", &entries), entries }])
}

/// The folders `train`, `val` and `test`, or all scans side by side.
fn folder(root: &Path) -> Result<Vec<ScenePart>, DataError> {
    let [train, val, test] = [Split::Train, Split::Val, Split::Test].map(Split::folder);
    if !root.join(train).is_dir() {
        let entries = scans_in(root)?.into_iter().map(|scan| entry_of("", scan)).collect::<Vec<_>>();
        return Ok(vec![ScenePart { name: "all", needs_labels: true, entries }]);
    }
    let mut parts = Vec::new();
    for name in [train, val, test] {
        let inside = root.join(name);
        if !inside.is_dir() {
            continue;
        }
        let prefix = format!("{name}/");
        let entries = scans_in(&inside)?.into_iter().map(|scan| entry_of(&prefix, scan)).collect();
        parts.push(ScenePart { name, needs_labels: name != test, entries });
    }
    Ok(parts)
}

fn entry_of(prefix: &str, scan: PathBuf) -> SceneEntry {
    let stem = scan.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = label_candidates(&scan).into_iter().find(|candidate| candidate.is_file());
    let labels = beside.map_or(LabelSource::Inside, LabelSource::Beside);
    SceneEntry::new(format!("{prefix}{stem}"), scan, labels)
}

/// Parts to train and to measure on need labels; others if one of their scans has some.
fn needs_labels(part: &str, entries: &[SceneEntry]) -> bool {
    let has = |entry: &SceneEntry| matches!(&entry.labels, LabelSource::Beside(path) if path.is_file());
    match part {
        "train" | "val" => true,
        "test" => false,
        _ => entries.iter().any(has),
    }
}
