//! A scan with everything that is known of its points, as a cloud to be looked at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use rarefy_data::Limits;
use rarefy_data::scan::{PointLabels, Scan, UNLABELLED, read_scan, read_values};
use rarefy_data::scene::{ClassMap, PUBLISHED_CLASSES, SceneClass, Unlisted, labels_beside, read_any_labels};
use rarefy_view::{CloudView, distinct_colour};

use crate::console::Console;
use crate::failure::WrongUse;
use crate::labelled_view::add_labels;

/// Labels of no known meaning that are told apart at most.
const MOST_LABELS: usize = 250;

/// What belongs to a scan, and where it is.
#[derive(Clone, Debug, Args)]
pub(super) struct Sources {
    /// True labels (.label .npy .npz .ply), or a folder of them by the scans' names (default: beside or inside the scan)
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Predicted labels (.label .npy .npz .ply), or a folder of them by the scans' names
    #[arg(long, value_name = "FILE")]
    prediction: Option<PathBuf>,
    /// Numbers of the points (.npy, or every array of an .npz), or a folder of such files; of several columns the norm
    #[arg(long = "value", value_name = "FILE")]
    values: Vec<PathBuf>,
    /// What labels mean: semantic-kitti, semantic-kitti-repository, scannet, synthetic-rooms, or a classes.toml
    #[arg(long, value_name = "NAME|FILE")]
    classes: Option<String>,
    /// Points that are shown at most; of more, every second, third, ... one
    #[arg(long, default_value_t = 3_000_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    points: u32,
}

/// A map of classes by its name, or from a file.
pub(crate) fn classes_named(name: &str) -> anyhow::Result<ClassMap> {
    if let Some(classes) = ClassMap::published(name) {
        return Ok(classes);
    }
    if !Path::new(name).is_file() {
        let known = PUBLISHED_CLASSES.join(", ");
        return Err(
            WrongUse(format!("--classes {name}: no such file, and no name of classes; the names are {known}")).into()
        );
    }
    Ok(ClassMap::read(Path::new(name))?)
}

impl Sources {
    /// Files belong to one scan, folders to any number.
    pub(super) fn check(&self, scans: usize) -> Result<(), WrongUse> {
        let named = self.labels.iter().chain(&self.prediction).chain(&self.values);
        match named.into_iter().find(|path| path.is_file()) {
            Some(file) if scans > 1 => Err(WrongUse(format!(
                "{}: one file for {scans} scans; name a folder that holds a file for each",
                file.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Reads a scan and what belongs to it.
    pub(super) fn read(&self, path: &Path, console: Console) -> anyhow::Result<CloudView> {
        let mut scan = read_scan(path)?;
        let inside = scan.labels.take();
        let truth = match of_scan(self.labels.as_deref(), path)?.or_else(|| labels_beside(path)) {
            Some(file) => Some((labels_of(&scan, &file)?, file)),
            None => inside.map(|labels| (labels, path.to_path_buf())),
        };
        let predicted = match of_scan(self.prediction.as_deref(), path)? {
            Some(file) => Some((labels_of(&scan, &file)?, file)),
            None => None,
        };
        let thin = Thinning::new(scan.len(), self.points as usize);
        thin.tell(path, scan.len(), console);
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let mut view = CloudView::new(name, thin.of(&scan.points))?.with_origin(scan.origin);
        add_attributes(&mut view, &scan, &thin, path, console)?;
        if truth.is_some() || predicted.is_some() {
            let classes = self.classes(path, [&truth, &predicted])?;
            let known = |labels: &Option<(Vec<u32>, PathBuf)>| {
                labels.as_ref().map(|(labels, file)| of_classes(&classes, labels, file, &thin)).transpose()
            };
            add_labels(&mut view, &classes, known(&truth)?.as_deref(), known(&predicted)?.as_deref())?;
        }
        for values in &self.values {
            let Some(file) = of_scan(Some(values), path)? else { continue };
            for values in read_values(&file, &scan, &Limits::default())? {
                view.add_numbers(values.name, thin.of(&values.values)).with_context(|| file.display().to_string())?;
            }
        }
        Ok(view)
    }

    /// The classes that were named, those that the place of the scan speaks for, or a class for each label that occurs.
    fn classes(&self, path: &Path, labels: [&Option<(Vec<u32>, PathBuf)>; 2]) -> anyhow::Result<ClassMap> {
        if let Some(name) = &self.classes {
            return classes_named(name);
        }
        if let Some(classes) = ClassMap::around(path)? {
            return Ok(classes);
        }
        let numbers = labels.into_iter().flatten().flat_map(|(labels, _)| labels);
        let distinct: BTreeSet<u32> = numbers.copied().filter(|&label| label != UNLABELLED).collect();
        anyhow::ensure!(
            distinct.len() <= MOST_LABELS,
            "{}: {} different labels; say what they mean with --classes",
            path.display(),
            distinct.len()
        );
        let class = |(number, id): (usize, u32)| SceneClass {
            name: format!("label {id}"),
            ids: vec![id],
            colour: distinct_colour(number),
        };
        let mut classes: Vec<SceneClass> = distinct.into_iter().enumerate().map(class).collect();
        if classes.is_empty() {
            classes.push(class((0, 0)));
        }
        Ok(ClassMap::new(classes, &[], Unlisted::Refused)?)
    }
}

/// The file that was named, or the one of the scan's name in the folder that was named; none if nothing was named.
fn of_scan(named: Option<&Path>, scan: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Some(named) = named else { return Ok(None) };
    if !named.is_dir() {
        return Ok(Some(named.to_path_buf()));
    }
    let stem = scan.file_stem().unwrap_or_default();
    let file = |extension: &str| {
        let mut name = stem.to_os_string();
        name.push(extension);
        named.join(name)
    };
    let candidates = [".label", ".npy", ".npz", ".ply"].map(file);
    match candidates.iter().find(|path| path.is_file() && path.as_path() != scan) {
        Some(found) => Ok(Some(found.clone())),
        None => anyhow::bail!(
            "{} holds nothing for {}; looked for {}",
            named.display(),
            scan.display(),
            candidates[0].display()
        ),
    }
}

/// The label of each point.
fn labels_of(scan: &Scan, file: &Path) -> anyhow::Result<Vec<u32>> {
    let PointLabels { labels, .. } = read_any_labels(file, &Limits::default())?;
    let (found, points) = (labels.len(), scan.rows());
    // Predictions may leave out rows in which the sensor saw nothing.
    if found == scan.len() {
        return Ok(labels);
    }
    if found != points {
        return Err(rarefy_data::DataError::LabelCount { path: file.to_path_buf(), labels: found, points }.into());
    }
    Ok(scan.to_points(labels))
}

fn of_classes(classes: &ClassMap, labels: &[u32], file: &Path, thin: &Thinning) -> anyhow::Result<Vec<u8>> {
    let known = classes.classes_of(labels).map_err(|label| {
        let point = labels.iter().position(|&other| other == label).unwrap_or(0);
        rarefy_data::DataError::UnlistedLabel { path: file.to_path_buf(), label, point }
    })?;
    Ok(thin.of(&known))
}

/// What the sensor gave beside the coordinates.
fn add_attributes(
    view: &mut CloudView,
    scan: &Scan,
    thin: &Thinning,
    path: &Path,
    console: Console,
) -> anyhow::Result<()> {
    match &scan.intensity {
        Some(intensity) if intensity.iter().all(|value| value.is_finite()) => {
            view.add_numbers("intensity", thin.of(intensity))?;
        }
        Some(_) => {
            console.warning(format_args!("{}: intensities are not all finite, so they are left out", path.display()));
        }
        None => {}
    }
    if let Some(colour) = &scan.colour {
        view.add_colours("colour", thin.of(colour))?;
    }
    Ok(())
}

/// Every `step`-th point.
struct Thinning {
    step: usize,
}

impl Thinning {
    fn new(points: usize, most: usize) -> Self {
        Self { step: points.div_ceil(most).max(1) }
    }

    fn of<T: Copy>(&self, values: &[T]) -> Vec<T> {
        values.iter().copied().step_by(self.step).collect()
    }

    fn tell(&self, path: &Path, points: usize, console: Console) {
        if self.step > 1 {
            let (path, step) = (path.display(), self.step);
            console.remark(format_args!(
                "{path}: {points} points, of which one in {step} is shown (--points says how many)"
            ));
        }
    }
}
