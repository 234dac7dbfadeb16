//! One labelled scan of a data set: where its files lie, and reading them.

use super::classes::{ClassMap, IGNORED};
use super::cloud_folder::label_candidates;
use super::label_file::read_any_labels;
use super::normals::vertex_normals;
use crate::error::DataError;
use crate::limits::Limits;
use crate::scan::{Scan, read_scan_within, scan_extension};
use crate::shape::{Shape, read_shape_within};
use rarefy_geometry::first_not_finite;
use std::path::{Path, PathBuf};

/// Where the labels of a scan are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// There are none; every point is [`IGNORED`].
    None,
    /// In the file of the scan.
    Inside,
    /// In a file of their own, one a point.
    Beside(PathBuf),
}

/// Files of one scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneEntry {
    /// The name within the data set, for example `08/000123`.
    pub name: String,
    /// The file of the points.
    pub scan: PathBuf,
    /// Where the labels are.
    pub labels: LabelSource,
    /// A number that stands in the labels by mistake and is read as 0.
    pub stray_label: Option<u32>,
    /// Whether the points are vertices of a mesh, whose faces give normals.
    pub normals_from_mesh: bool,
}

/// A scan in memory with the class of each point.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The name within the data set.
    pub name: String,
    /// The file of the points.
    pub path: PathBuf,
    /// The points; labels and instances as the file numbers them are not kept.
    pub scan: Scan,
    /// Class of each point, [`IGNORED`] where it has none.
    pub labels: Vec<u8>,
}

impl Scene {
    /// A scene without labels, to be segmented.
    #[must_use]
    pub fn unlabelled(name: impl Into<String>, path: &Path, scan: Scan) -> Self {
        let labels = vec![IGNORED; scan.len()];
        Self { name: name.into(), path: path.to_path_buf(), scan, labels }
    }

    /// The scene of some of the points, in their order.
    #[must_use]
    pub fn select(&self, points: &[u32]) -> Self {
        fn of<T: Copy>(values: &[T], points: &[u32]) -> Vec<T> {
            points.iter().map(|&point| values[point as usize]).collect()
        }
        let scan = Scan {
            points: of(&self.scan.points, points),
            intensity: self.scan.intensity.as_ref().map(|values| of(values, points)),
            colour: self.scan.colour.as_ref().map(|values| of(values, points)),
            normals: self.scan.normals.as_ref().map(|values| of(values, points)),
            origin: self.scan.origin,
            ..Scan::default()
        };
        Self { name: self.name.clone(), path: self.path.clone(), scan, labels: of(&self.labels, points) }
    }
}

impl SceneEntry {
    /// A scan with a label file, or without labels.
    #[must_use]
    pub fn new(name: impl Into<String>, scan: PathBuf, labels: LabelSource) -> Self {
        Self { name: name.into(), scan, labels, stray_label: None, normals_from_mesh: false }
    }

    /// The file that labels are read from, if there is one.
    #[must_use]
    pub fn label_file(&self) -> Option<&Path> {
        match &self.labels {
            LabelSource::None => None,
            LabelSource::Inside => Some(&self.scan),
            LabelSource::Beside(path) => Some(path),
        }
    }

    /// Reads the scan and its labels.
    pub fn read(&self, classes: &ClassMap, limits: &Limits) -> Result<Scene, DataError> {
        let mut scan = self.read_with_ids(limits)?;
        let labels = match scan.labels.take() {
            Some(ids) => self.classes_of(&ids, classes)?,
            None => vec![IGNORED; scan.len()],
        };
        if self.normals_from_mesh && scan.normals.is_none() {
            scan.normals = self.mesh_normals(scan.rows(), limits)?;
        }
        Ok(Scene { name: self.name.clone(), path: self.scan.clone(), scan, labels })
    }

    /// The scan with the labels as its files number them; none only if the entry has no labels.
    pub(crate) fn read_with_ids(&self, limits: &Limits) -> Result<Scan, DataError> {
        let mut scan = read_scan_within(&self.scan, limits)?;
        if let LabelSource::Beside(path) = &self.labels {
            scan.attach_labels(path, read_any_labels(path, limits)?)?;
        }
        check_attributes(&self.scan, &scan)?;
        scan.instances = None;
        match (&self.labels, &mut scan.labels) {
            (LabelSource::None, labels) => *labels = None,
            (_, None) => return Err(self.without_labels()),
            (_, Some(ids)) => {
                if let Some(stray) = self.stray_label {
                    ids.iter_mut().filter(|id| **id == stray).for_each(|id| *id = 0);
                }
            }
        }
        Ok(scan)
    }

    /// The class of each label.
    pub(crate) fn classes_of(&self, ids: &[u32], classes: &ClassMap) -> Result<Vec<u8>, DataError> {
        classes.classes_of(ids).map_err(|label| DataError::UnlistedLabel {
            path: self.label_file().unwrap_or(&self.scan).to_path_buf(),
            label,
            point: ids.iter().position(|&id| id == label).unwrap_or(0),
        })
    }

    fn without_labels(&self) -> DataError {
        let beside = label_candidates(&self.scan);
        let names: Vec<String> = beside.iter().map(|path| path.display().to_string()).collect();
        // Only KITTI's format has no room for labels.
        let inside = if scan_extension(&self.scan) == Some("bin") { "" } else { "a field `label` inside, " };
        let looked_for = format!("{inside}{}", names.join(", "));
        DataError::NoLabels { path: self.scan.clone(), looked_for }
    }

    /// Area-weighted normals if the file is a mesh; none for a bare cloud.
    fn mesh_normals(&self, points: usize, limits: &Limits) -> Result<Option<Vec<[f32; 3]>>, DataError> {
        match read_shape_within(&self.scan, limits)? {
            Shape::Mesh(mesh) if mesh.vertices().len() == points => Ok(Some(vertex_normals(&mesh))),
            _ => Ok(None),
        }
    }
}

/// The label file beside a scan, if there is one, in the order of `docs/SCENES.md`.
#[must_use]
pub fn labels_beside(scan: &Path) -> Option<PathBuf> {
    label_candidates(scan).into_iter().find(|candidate| candidate.is_file())
}

/// Networks get intensities and normals as they are: each must be a number.
fn check_attributes(path: &Path, scan: &Scan) -> Result<(), DataError> {
    let intensity = scan.intensity.iter().flatten().position(|value| !value.is_finite());
    let normals = scan.normals.as_deref().and_then(first_not_finite);
    match intensity.or(normals) {
        Some(point) => Err(DataError::NotFinite { path: path.to_path_buf(), point }),
        None => Ok(()),
    }
}
