//! Scans behind the path of `rarefy data info` and `rarefy data check`: one file, or a folder in a layout that training reads.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::{Args, ValueEnum};
use rarefy_data::scan::scan_extension;
use rarefy_data::scene::{
    ClassMap, LabelSource, SceneEntry, SceneFacts, SceneFolder, SceneLayout, ScenePart, SurveyOptions, labels_beside,
    survey,
};
use rarefy_data::{DataError, Limits, Shape, read_shape};

use crate::commands::view::classes_named;
use crate::console::Console;
use crate::failure::WrongUse;

/// Options about scans.
#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// How a folder of scans is laid out (default: seen from the folder)
    #[arg(long)]
    layout: Option<LayoutName>,
    /// What labels mean: semantic-kitti, semantic-kitti-repository, scannet, synthetic-rooms, or a classes.toml
    #[arg(long, value_name = "NAME|FILE")]
    classes: Option<String>,
    /// Labels of one scan (.label .npy .npz .ply; default: beside or inside it)
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Side of the voxels that are counted in scans, in units of the file
    #[arg(long, default_value_t = 0.05, value_name = "LENGTH")]
    voxel_size: f32,
}

/// A layout, as it is called in `data.layout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LayoutName {
    /// sequences/SS/velodyne/*.bin and sequences/SS/labels/*.label
    SemanticKitti,
    /// `scans/SCENE/SCENE_vh_clean_2.ply` and its labels
    Scannet,
    /// Scans of any type beside a classes.toml, or in train/, val/ and test/ below it
    Folder,
}

/// What stands behind a path.
pub(super) struct Scans {
    /// What it is, for people.
    pub(super) what: String,
    /// None: the labels' numbers mean nothing that is known.
    pub(super) classes: Option<ClassMap>,
    pub(super) parts: Vec<ScenePart>,
    /// Whether it is one file.
    pub(super) is_file: bool,
}

/// A scan with what it holds, or why it cannot be used.
pub(super) type Surveyed = Result<SceneFacts, DataError>;

impl ScanArgs {
    /// The scans behind a path; none if shapes are there.
    pub(super) fn scans(&self, path: &Path) -> anyhow::Result<Option<Scans>> {
        if !(self.voxel_size > 0.0 && self.voxel_size.is_finite()) {
            return Err(WrongUse("--voxel-size must be a number above 0".into()).into());
        }
        let classes = self.classes.as_deref().map(classes_named).transpose()?;
        if path.is_dir() { self.in_folder(path, classes) } else { self.in_file(path, classes) }
    }

    fn in_folder(&self, path: &Path, classes: Option<ClassMap>) -> anyhow::Result<Option<Scans>> {
        if self.labels.is_some() {
            return Err(WrongUse("--labels is for one scan; a folder's labels are found by its layout".into()).into());
        }
        let named = self.layout.map(|layout| match layout {
            LayoutName::SemanticKitti => SceneLayout::SemanticKitti,
            LayoutName::Scannet => SceneLayout::Scannet,
            LayoutName::Folder => SceneLayout::Folder,
        });
        let Some(layout) = named.or_else(|| SceneLayout::of(path)) else { return Ok(None) };
        let folder = SceneFolder::open(path, layout, classes)?;
        let what = match layout {
            SceneLayout::SemanticKitti => "scans in the layout of SemanticKITTI",
            SceneLayout::Scannet => "scans in the layout of ScanNet",
            SceneLayout::Folder => "a folder of scans with its classes",
        };
        let classes = Some(folder.classes().clone());
        Ok(Some(Scans { what: what.into(), classes, parts: folder.parts().to_vec(), is_file: false }))
    }

    fn in_file(&self, path: &Path, classes: Option<ClassMap>) -> anyhow::Result<Option<Scans>> {
        let labels = self.labels.clone().or_else(|| labels_beside(path));
        let asked = self.layout.is_some() || classes.is_some() || labels.is_some();
        if !asked && is_shape(path) {
            return Ok(None);
        }
        let classes = match classes {
            None => ClassMap::around(path)?,
            given => given,
        };
        let needs_labels = labels.is_some();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let labels = labels.map_or(LabelSource::Inside, LabelSource::Beside);
        let entries = vec![SceneEntry::new(name, path.to_path_buf(), labels)];
        let parts = vec![ScenePart { name: "scan", entries, needs_labels }];
        Ok(Some(Scans { what: "a scan".into(), classes, parts, is_file: true }))
    }

    /// Reads the scans of a part, with a bar.
    pub(super) fn survey(&self, scans: &Scans, part: &ScenePart, console: Console) -> Vec<Surveyed> {
        let bar = Mutex::new(console.progress("reading", part.entries.len() as u64));
        let report = |done: usize| {
            if let Ok(mut bar) = bar.try_lock() {
                bar.set(done as u64, part.name);
            }
        };
        let options = SurveyOptions {
            voxel_size: self.voxel_size,
            needs_labels: part.needs_labels,
            limits: Limits::default(),
            progress: Some(&report),
        };
        survey(&part.entries, scans.classes.as_ref(), &options)
    }

    pub(super) fn voxel_size(&self) -> f32 {
        self.voxel_size
    }
}

/// Whether a file is for the readers of shapes: by its type, or, where both read it, by what is in it.
fn is_shape(path: &Path) -> bool {
    match scan_extension(path) {
        None => true,
        Some("ply" | "npy" | "npz") => match read_shape(path) {
            Ok(shape) => !matches!(shape, Shape::Points(_)),
            // A file of points with columns that no shape has.
            Err(_) => rarefy_data::read_scan(path).is_err(),
        },
        Some(_) => false,
    }
}
