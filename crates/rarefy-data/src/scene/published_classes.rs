//! The class maps of the published data sets (SYSTEMS.md §4.1, §6.3, §8.2).

use super::classes::{ClassMap, SceneClass, Unlisted};
use super::classes_file::CLASSES_FILE;
use crate::error::DataError;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::Path;

/// Name, number of the class in predictions, further numbers in both maps, numbers of the official map alone, colour.
type KittiClass = (&'static str, u32, &'static [u32], &'static [u32], [u8; 3]);

const SEMANTIC_KITTI: [KittiClass; 19] = [
    ("car", 10, &[252], &[], [100, 150, 245]),
    ("bicycle", 11, &[], &[], [100, 230, 245]),
    ("motorcycle", 15, &[], &[], [30, 60, 150]),
    ("truck", 18, &[258], &[], [80, 30, 180]),
    ("other-vehicle", 20, &[259], &[13, 16, 256, 257], [0, 0, 255]),
    ("person", 30, &[254], &[], [255, 30, 30]),
    ("bicyclist", 31, &[253], &[], [255, 40, 200]),
    ("motorcyclist", 32, &[255], &[], [150, 30, 90]),
    ("road", 40, &[], &[60], [255, 0, 255]),
    ("parking", 44, &[], &[], [255, 150, 255]),
    ("sidewalk", 48, &[], &[], [75, 0, 75]),
    ("other-ground", 49, &[], &[], [175, 0, 75]),
    ("building", 50, &[], &[], [255, 200, 0]),
    ("fence", 51, &[], &[], [255, 120, 50]),
    ("vegetation", 70, &[], &[], [0, 175, 0]),
    ("trunk", 71, &[], &[], [135, 60, 0]),
    ("terrain", 72, &[], &[], [150, 240, 80]),
    ("pole", 80, &[], &[], [255, 240, 150]),
    ("traffic-sign", 81, &[], &[], [255, 0, 0]),
];

/// Labels of SemanticKITTI that are of no class: unlabelled, outliers, other structures and other objects.
const KITTI_IGNORES: [u32; 4] = [0, 1, 52, 99];
/// Those that the repository's map ignores beside them: bus, on rails, lane marking, and the first two moving.
const REPOSITORY_IGNORES: [u32; 5] = [13, 16, 60, 256, 257];

/// Name, nyu40 number, colour.
const SCANNET: [(&str, u32, [u8; 3]); 20] = [
    ("wall", 1, [174, 199, 232]),
    ("floor", 2, [152, 223, 138]),
    ("cabinet", 3, [31, 119, 180]),
    ("bed", 4, [255, 187, 120]),
    ("chair", 5, [188, 189, 34]),
    ("sofa", 6, [140, 86, 75]),
    ("table", 7, [255, 152, 150]),
    ("door", 8, [214, 39, 40]),
    ("window", 9, [197, 176, 213]),
    ("bookshelf", 10, [148, 103, 189]),
    ("picture", 11, [196, 156, 148]),
    ("counter", 12, [23, 190, 207]),
    ("desk", 14, [247, 182, 210]),
    ("curtain", 16, [219, 219, 141]),
    ("refrigerator", 24, [255, 127, 14]),
    ("shower-curtain", 28, [158, 218, 229]),
    ("toilet", 33, [44, 160, 44]),
    ("sink", 34, [112, 128, 144]),
    ("bathtub", 36, [227, 119, 194]),
    ("other-furniture", 39, [82, 84, 163]),
];

/// The largest nyu40 number.
const LAST_NYU40: u32 = 40;

/// Names of the maps that [`ClassMap::published`] gives.
pub const PUBLISHED_CLASSES: [&str; 4] = ["semantic-kitti", "semantic-kitti-repository", "scannet", "synthetic-rooms"];

/// Which reading of the SemanticKITTI labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KittiMap {
    /// The benchmark's own: buses and what is on rails are other vehicles, lane markings are road.
    #[default]
    Official,
    /// That of the SPVNAS repository, which ignores those labels.
    Repository,
}

impl ClassMap {
    /// The map of this name, one of [`PUBLISHED_CLASSES`].
    #[must_use]
    pub fn published(name: &str) -> Option<Self> {
        match name {
            "semantic-kitti" => Some(Self::semantic_kitti(KittiMap::Official)),
            "semantic-kitti-repository" => Some(Self::semantic_kitti(KittiMap::Repository)),
            "scannet" => Some(Self::scannet()),
            "synthetic-rooms" => Some(Self::synthetic_rooms()),
            _ => None,
        }
    }

    /// The map that the place of a scan speaks for: a `classes.toml` in its folder or the folder above, the benchmark's map
    /// in a folder `velodyne`, that of ScanNet for its file names.
    ///
    /// # Errors
    ///
    /// When there is a `classes.toml` that cannot be read.
    pub fn around(scan: &Path) -> Result<Option<Self>, DataError> {
        let scan = std::path::absolute(scan).map_err(DataError::io("find", scan))?;
        if let Some(file) =
            scan.ancestors().skip(1).take(2).map(|folder| folder.join(CLASSES_FILE)).find(|f| f.is_file())
        {
            return Self::read(&file).map(Some);
        }
        let ends =
            |path: Option<&OsStr>, end: &str| path.and_then(OsStr::to_str).is_some_and(|name| name.ends_with(end));
        if ends(scan.parent().and_then(Path::file_name), "velodyne") {
            return Ok(Some(Self::semantic_kitti(KittiMap::Official)));
        }
        Ok(ends(scan.file_name(), "_vh_clean_2.ply").then(Self::scannet))
    }

    /// The 19 classes of SemanticKITTI; moving things belong to the class of the thing, every other label is ignored.
    #[must_use]
    pub fn semantic_kitti(map: KittiMap) -> Self {
        let class = |&(name, id, both, official, colour): &KittiClass| {
            let official = if map == KittiMap::Official { official } else { &[] };
            let ids = [&[id], both, official].concat();
            SceneClass { name: name.to_owned(), ids, colour }
        };
        let classes = SEMANTIC_KITTI.iter().map(class).collect();
        let of_repository = if map == KittiMap::Official { &[][..] } else { &REPOSITORY_IGNORES };
        Self::new(classes, &[&KITTI_IGNORES[..], of_repository].concat(), Unlisted::Ignored)
            .expect("the table is a map")
    }

    /// The 20 classes of ScanNet; the other nyu40 numbers are ignored, numbers beyond them refused.
    #[must_use]
    pub fn scannet() -> Self {
        let classes: Vec<SceneClass> = SCANNET
            .iter()
            .map(|&(name, id, colour)| SceneClass { name: name.to_owned(), ids: vec![id], colour })
            .collect();
        let ignored: Vec<u32> = (0..=LAST_NYU40).filter(|id| classes.iter().all(|class| class.ids[0] != *id)).collect();
        Self::new(classes, &ignored, Unlisted::Refused).expect("the table is a map")
    }
}
