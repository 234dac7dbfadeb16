//! What a report shows, as plain data: training fills it in, this crate draws it. Sections without data are left out.

use rarefy_metrics::{Confusion, RetrievalReport, Segmentation};
use serde::{Deserialize, Serialize};

use crate::Image;
use crate::render::Up;
use crate::sheet::RetrievalSheet;

/// Everything that a report shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportData {
    /// The heading, such as the name of the run.
    pub title: String,
    /// What was run, in a sentence or two; may be empty.
    pub description: String,
    /// Where the figures come from.
    pub run: RunFacts,
    /// The resolved configuration, as TOML text.
    pub configuration: String,
    /// One entry an epoch, in order.
    pub epochs: Vec<EpochPoint>,
    /// Names of the classes, in label order.
    pub classes: Vec<String>,
    /// True against predicted classes; accuracy and mean class accuracy are taken from it.
    pub confusion: Option<Confusion>,
    /// What was predicted for the points of each class of scenes.
    pub segmentation: Option<Segmentation>,
    /// Retrieval measures with their curve.
    pub retrieval: Option<RetrievalReport>,
    /// mAP at several resolutions.
    pub resolution: Vec<ResolutionPoint>,
    /// Shapes to show.
    pub samples: Vec<VoxelPicture>,
    /// Pictures of scenes, shown as they are.
    pub scenes: Vec<ScenePicture>,
    /// Queries beside their nearest.
    pub sheet: Option<RetrievalSheet>,
    /// One entry a layer.
    pub sparsity: Vec<SparsityRow>,
    /// Files that were left out.
    pub skipped: Vec<SkippedFile>,
}

/// Where the figures of a report come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFacts {
    /// The seed that everything random follows from.
    pub seed: u64,
    /// Name of the network.
    pub model: String,
    /// Number of its parameters; 0 when it is not known.
    pub parameters: u64,
    /// The data set, and its size.
    pub data: String,
    /// What it ran on.
    pub device: String,
    /// The commit of the program.
    pub commit: String,
    /// Training time.
    pub minutes: f64,
    /// When it ended, as text.
    pub finished: String,
    /// The command that makes this run again.
    pub command: String,
}

/// The figures of one epoch; what was not measured is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochPoint {
    /// Number of the epoch, from 1.
    pub epoch: u32,
    /// Mean loss over the training set.
    pub train_loss: Option<f64>,
    /// Mean loss over the held-out set.
    pub test_loss: Option<f64>,
    /// Accuracy on the training set, 0 ..= 1.
    pub train_accuracy: Option<f64>,
    /// Accuracy on the held-out set, 0 ..= 1.
    pub test_accuracy: Option<f64>,
    /// Mean average precision on the held-out set, 0 ..= 1.
    pub map: Option<f64>,
    /// Mean intersection over union on the held-out set, over the classes present, 0 ..= 1.
    pub mean_iou: Option<f64>,
    /// Share of triplets with a loss above 0, 0 ..= 1.
    pub active_triplets: Option<f64>,
    /// Learning rate at the end of the epoch.
    pub learning_rate: Option<f64>,
}

/// mAP at one resolution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolutionPoint {
    /// Voxels over the longest side of a shape.
    pub render_size: u32,
    /// Mean average precision, 0 ..= 1.
    pub map: f64,
}

/// A shape to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoxelPicture {
    /// The line below the picture.
    pub title: String,
    /// A second, smaller line; may be empty.
    pub note: String,
    /// Filled cells, [voxels][x, y, z].
    pub voxels: Vec<[i32; 3]>,
    /// The axis that points up.
    pub up: Up,
}

/// A picture of a scene.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenePicture {
    /// The line below the picture.
    pub title: String,
    /// A second, smaller line; may be empty.
    pub note: String,
    /// The picture.
    pub image: Image,
}

/// What one layer saw and did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparsityRow {
    /// Name of the layer, such as `conv0`.
    pub layer: String,
    /// Channels that come out.
    pub channels: u32,
    /// Cells along one side of its output grid; 0 when it has none.
    pub spatial: u32,
    /// Mean number of active sites of a sample; pairs, multiply-accumulates, time and bytes are means, too.
    pub active_sites: f64,
    /// Active sites as a share of the grid, 0 ..= 1.
    pub active_share: f64,
    /// The share that the paper prints, 0 ..= 1.
    pub paper_share: Option<f64>,
    /// Pairs of its kernel map.
    pub pairs: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Time for a sample.
    pub milliseconds: f64,
    /// Bytes of its output.
    pub bytes: u64,
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkippedFile {
    /// The file.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl ReportData {
    /// A report with a title and no section yet.
    #[must_use]
    pub fn new(title: impl Into<String>, run: RunFacts) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            run,
            configuration: String::new(),
            epochs: Vec::new(),
            classes: Vec::new(),
            confusion: None,
            segmentation: None,
            retrieval: None,
            resolution: Vec::new(),
            samples: Vec::new(),
            scenes: Vec::new(),
            sheet: None,
            sparsity: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// The name of a class, or its number when it has none.
    #[must_use]
    pub fn class_name(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }
}

impl RunFacts {
    /// The seed alone; the rest is filled in by name.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

impl VoxelPicture {
    /// A picture with z up and no note.
    #[must_use]
    pub fn new(title: impl Into<String>, voxels: Vec<[i32; 3]>) -> Self {
        Self { title: title.into(), note: String::new(), voxels, up: Up::Z }
    }
}
