//! The parts of a data set: which scans are trained on, measured on and kept for the test, by its layout.

use std::path::Path;
use std::sync::Arc;

use rarefy_data::scene::{
    CLASSES_FILE, ClassMap, CloudFolder, KittiSplits, ScanNet, SceneEntry, SceneOptions, SceneSet, SemanticKitti,
    Split as Part,
};

use super::{SceneConfig, SceneLayout};
use crate::{ConfigError, Event, Progress, TrainError};

/// The classes of a configuration. Those of a folder of one's own are read from a `classes.toml`: the first that is there
/// in `folders`, or in the folder of the data.
///
/// # Errors
///
/// When there is none, or it cannot be read.
pub fn class_map(config: &SceneConfig, folders: &[&Path]) -> Result<ClassMap, TrainError> {
    Ok(match config.data.layout {
        SceneLayout::SemanticKitti => ClassMap::semantic_kitti(config.data.labels),
        SceneLayout::Scannet => ClassMap::scannet(),
        SceneLayout::Folder => {
            let found = folders.iter().map(|folder| folder.join(CLASSES_FILE)).find(|path| path.is_file());
            ClassMap::read(&found.unwrap_or_else(|| config.data.root.join(CLASSES_FILE)))?
        }
    })
}

/// Reads the labelled scans of one part of the data that a configuration names.
///
/// # Errors
///
/// When there are none, their labels are missing, or the folder is not laid out as the configuration says.
pub fn load_part(config: &SceneConfig, part: Part, progress: &dyn Progress) -> Result<Arc<SceneSet>, TrainError> {
    let (classes, entries) = entries(config, part)?;
    let name = match part {
        Part::Train => "training",
        Part::Val => "validation",
        Part::Test => "test",
    };
    load(config, &classes, (name, &entries), progress)
}

/// The classes, and the scans of a part.
pub(super) fn entries(config: &SceneConfig, part: Part) -> Result<(ClassMap, Vec<SceneEntry>), TrainError> {
    let data = &config.data;
    match data.layout {
        SceneLayout::SemanticKitti => {
            let folder = SemanticKitti::open(&data.root)?;
            let there = KittiSplits::default().present_in(&folder);
            let [train, val] = data.sequences(&there);
            let sequences = match part {
                Part::Train => train,
                Part::Val => val,
                Part::Test => there.test,
            };
            if sequences.is_empty() {
                return Err(no_sequence(&data.root, &folder, part).into());
            }
            Ok((ClassMap::semantic_kitti(data.labels), folder.labelled(&sequences)?))
        }
        SceneLayout::Scannet => {
            let folder = ScanNet::open(&data.root)?;
            let rooms = match part {
                Part::Train => &data.train,
                Part::Val => &data.val,
                Part::Test => {
                    return Err(ConfigError::setting(
                        "the test rooms of ScanNet have no public labels: measure on `val` or `train`",
                    )
                    .into());
                }
            };
            if rooms.is_empty() {
                return Err(ConfigError::setting(
                    "ScanNet is parted by room: name the rooms, for example data.train='[\"scene0000\", \"scene0001\"]' \
                     data.val='[\"scene0002\"]'",
                )
                .into());
            }
            Ok((ClassMap::scannet(), folder.labelled(&folder.of_rooms(rooms)?)?))
        }
        SceneLayout::Folder => {
            let folder = CloudFolder::open(&data.root)?;
            Ok((folder.classes().clone(), folder.labelled(part, data.parts)?))
        }
    }
}

fn no_sequence(root: &Path, folder: &SemanticKitti, part: Part) -> ConfigError {
    let KittiSplits { train, val, test } = KittiSplits::default();
    let (key, of_benchmark) = match part {
        Part::Train => ("train", train),
        Part::Val => ("val", val),
        Part::Test => ("test", test),
    };
    let (wanted, there) = (of_benchmark.join(", "), folder.sequences().join(", "));
    ConfigError::setting(format!(
        "{} has none of the benchmark's sequences for `{key}` ({wanted}), only {there}: choose another split, \
         or name sequences in data.train and data.val",
        root.display()
    ))
}

/// Reads scans; those that are damaged are left out with a warning.
pub(super) fn load(
    config: &SceneConfig,
    classes: &ClassMap,
    (split, entries): (&str, &[SceneEntry]),
    progress: &dyn Progress,
) -> Result<Arc<SceneSet>, TrainError> {
    let listen = |done, total| progress.event(Event::Loading { split, done, total });
    let memory = config.data.memory_mb << 20;
    let options = SceneOptions { memory, progress: Some(&listen), ..SceneOptions::default() };
    let set = SceneSet::load(entries, classes, &options)?;
    for skipped in &set.skipped {
        progress.event(Event::Warning(&format!("left out: {skipped}")));
    }
    Ok(Arc::new(set))
}
