//! Labelled scenes for segmentation: data sets, class maps, voxelisation, augmentation, batches, synthetic scenes.
//!
//! A folder gives entries ([`SemanticKitti`], [`ScanNet`], [`CloudFolder`]), these a [`SceneSet`], and a [`SceneLoader`]
//! turns its scenes into [`SceneBatch`]es through a [`ScenePipeline`]. All randomness follows from the seed, the pass and
//! the scene's number (see `docs/DESIGN.md`).
//!
//! ```
//! use rarefy_data::scene::{
//!     ClassMap, KittiMap, KittiSplits, LidarSensor, SceneAugment, SceneLoader, SceneOptions, ScenePipeline, SceneSet,
//!     SemanticKitti, SyntheticStreets, write_synthetic_streets,
//! };
//! use rarefy_data::{Prefetch, Sampler};
//! # let folder = tempfile::tempdir()?;
//! # let root = folder.path().join("streets");
//! let sensor = LidarSensor { azimuth_steps: 256, ..LidarSensor::default() };
//! write_synthetic_streets(&root, &SyntheticStreets { train: 2, val: 1, seed: 7, sensor }, None)?;
//!
//! let folder = SemanticKitti::open(&root)?;
//! let classes = ClassMap::semantic_kitti(KittiMap::Official);
//! let train = folder.labelled(&KittiSplits::default().present_in(&folder).train)?;
//! let set = SceneSet::load(&train, &classes, &SceneOptions::default())?;
//! let pipeline = ScenePipeline { augment: SceneAugment::lidar(), ..ScenePipeline::default() };
//! let loader = SceneLoader::new(set.into(), pipeline, Sampler::Shuffled { batch: 2 }, 7, Prefetch::default())?;
//! for batch in loader.epoch(0, 0) {
//!     let batch = batch?;
//!     assert_eq!(batch.labels.len(), batch.coords.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod augment;
mod batch;
mod blocks;
mod classes;
mod classes_file;
mod cloud;
mod cloud_folder;
mod colour;
mod elastic;
mod entry;
mod features;
mod find;
mod folder;
mod label_file;
mod listing;
mod normals;
mod published_classes;
mod random;
mod scannet;
mod semantic_kitti;
mod set;
mod submission;
mod survey;
mod synth;
mod voxels;

pub use augment::SceneAugment;
pub use batch::{SceneBatch, SceneBatches, SceneLoader};
pub use blocks::{Block, Blocks, join_blocks};
pub use classes::{ClassMap, IGNORED, SceneClass, Unlisted};
pub use classes_file::{CLASSES_EXAMPLE, CLASSES_FILE};
pub use cloud_folder::{CloudFolder, SeededSplit, Split, label_candidates, scans_in};
pub use colour::ColourAugment;
pub use elastic::Elastic;
pub use entry::{LabelSource, Scene, SceneEntry, labels_beside};
pub use features::SceneFeature;
pub use find::find_scans;
pub use folder::{SceneFolder, SceneLayout, ScenePart};
pub use label_file::read_any_labels;
pub use published_classes::{KittiMap, PUBLISHED_CLASSES};
pub use scannet::{ScanNet, read_scene_list};
pub use semantic_kitti::{KittiSplits, SemanticKitti};
pub use set::{SceneOptions, SceneSet};
pub use submission::{SubmissionFault, check_submission, prediction_place, zip_submission};
pub use survey::{LabelFacts, SceneFacts, SurveyOptions, survey};
pub use synth::{
    LidarSensor, SyntheticRooms, SyntheticStreets, lidar_scan, room_scan, write_synthetic_rooms,
    write_synthetic_streets,
};
pub use voxels::{ScenePipeline, SceneVoxels};
