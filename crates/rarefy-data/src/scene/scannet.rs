//! ScanNet folders: `scans/<scene>/<scene>_vh_clean_2.ply` with `<scene>_vh_clean_2.labels.ply` (SYSTEMS.md §6.3, §8.4).

use super::entry::{LabelSource, SceneEntry};
use super::listing::folders_in;
use crate::error::DataError;
use crate::limits::{Limits, read_file_within};
use std::path::{Path, PathBuf};

/// Scans of the training set in which some points have a label that does not exist; they are read as unlabelled.
const STRAY_LABELS: [(&str, u32); 3] = [("scene0270_00", 50), ("scene0270_02", 50), ("scene0384_00", 149)];

/// A folder of ScanNet scans.
#[derive(Clone, Debug)]
pub struct ScanNet {
    root: PathBuf,
    scenes: Vec<String>,
}

impl ScanNet {
    /// Finds the scans: in `root/scans`, `root/scans_test`, or in `root` itself.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        for inside in ["scans", "scans_test", ""] {
            let folder = root.join(inside);
            if !folder.is_dir() {
                continue;
            }
            let mut scenes = folders_in(&folder)?;
            scenes.retain(|scene| cloud_of(&folder, scene).is_file());
            if !scenes.is_empty() {
                return Ok(Self { root: folder, scenes });
            }
        }
        folders_in(root)?;
        let looked_for = "scans; looked for scans/<scene>/<scene>_vh_clean_2.ply".to_owned();
        Err(DataError::NoScenes { folder: root.to_path_buf(), looked_for })
    }

    /// Names of the scans, sorted, for example `scene0000_00`.
    #[must_use]
    pub fn scenes(&self) -> &[String] {
        &self.scenes
    }

    /// The scans of some rooms (`scene0000`, with all its scans) or of some scans (`scene0000_01`); each name must match.
    ///
    /// Split by room: the scans of one room show the same furniture.
    pub fn of_rooms(&self, names: &[String]) -> Result<Vec<String>, DataError> {
        let belongs = |scene: &str, name: &String| scene == name || room_of(scene) == name;
        if let Some(name) = names.iter().find(|name| !self.scenes.iter().any(|scene| belongs(scene, name))) {
            let looked_for =
                format!("scan of {name}; it has {} scans, the first is {}", self.scenes.len(), self.scenes[0]);
            return Err(DataError::NoScenes { folder: self.root.clone(), looked_for });
        }
        Ok(self.scenes.iter().filter(|scene| names.iter().any(|name| belongs(scene, name))).cloned().collect())
    }

    /// Scans with their labels, which must exist.
    pub fn labelled(&self, scenes: &[String]) -> Result<Vec<SceneEntry>, DataError> {
        let mut entries = self.unlabelled(scenes)?;
        for entry in &mut entries {
            let labels = entry.scan.with_extension("labels.ply");
            if !labels.is_file() {
                return Err(DataError::NoLabels { path: entry.scan.clone(), looked_for: labels.display().to_string() });
            }
            entry.labels = LabelSource::Beside(labels);
        }
        Ok(entries)
    }

    /// Scans, whether they have labels or not.
    pub fn unlabelled(&self, scenes: &[String]) -> Result<Vec<SceneEntry>, DataError> {
        let entry = |scene: &String| {
            let scan = cloud_of(&self.root, scene);
            if !self.scenes.contains(scene) {
                let looked_for = format!("scan {scene}; looked for {}", scan.display());
                return Err(DataError::NoScenes { folder: self.root.clone(), looked_for });
            }
            let stray_label = STRAY_LABELS.iter().find(|(stray, _)| stray == scene).map(|&(_, label)| label);
            Ok(SceneEntry { normals_from_mesh: true, stray_label, ..SceneEntry::new(scene, scan, LabelSource::None) })
        };
        scenes.iter().map(entry).collect()
    }
}

fn cloud_of(folder: &Path, scene: &str) -> PathBuf {
    folder.join(scene).join(mesh_of(scene))
}

/// Name of the file of a scan's points.
pub(super) fn mesh_of(scene: &str) -> String {
    format!("{scene}_vh_clean_2.ply")
}

/// The room of a scan: the name without the number of the visit.
fn room_of(scene: &str) -> &str {
    scene.rsplit_once('_').map_or(scene, |(room, _)| room)
}

/// The names in a scene list, one a line, such as `scannetv2_train.txt`.
pub fn read_scene_list(path: &Path) -> Result<Vec<String>, DataError> {
    let bytes = read_file_within(path, &Limits { bytes: 1 << 24, ..Limits::default() })?;
    let text = String::from_utf8_lossy(&bytes);
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        return Err(DataError::setting(format!("{}: the list is empty: expected one scene a line", path.display())));
    }
    Ok(names)
}
