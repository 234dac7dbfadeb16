//! What scans hold, one after the other: every scan and its labels are read as training reads them.

use super::classes::{ClassMap, IGNORED};
use super::entry::{LabelSource, SceneEntry};
use crate::error::DataError;
use crate::limits::Limits;
use crate::scan::{Scan, UNLABELLED};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Labels of no known meaning that are told apart in a scan.
const MOST_UNKNOWN: usize = 1000;

/// What a scan holds.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneFacts {
    /// Number of points.
    pub points: usize,
    /// Rows of the file without a point.
    pub missing: usize,
    /// Least coordinate along each axis, in the system of the file.
    pub low: [f64; 3],
    /// Greatest coordinate along each axis.
    pub high: [f64; 3],
    /// Occupied voxels.
    pub voxels: usize,
    /// Least and greatest intensity, if the scan has intensities.
    pub intensity: Option<[f32; 2]>,
    /// Whether points have a colour.
    pub colour: bool,
    /// Whether points have a normal.
    pub normals: bool,
    /// What the labels say, if the scan has some.
    pub labels: Option<LabelFacts>,
}

/// What the labels of a scan say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelFacts {
    /// Points of each class, `[classes]`.
    pub points_of_class: Vec<u64>,
    /// Points that take no part, those with a label of no known meaning among them.
    pub ignored: u64,
    /// Labels of no known meaning that the classes let pass, with their points; the first thousand.
    pub unknown: BTreeMap<u32, u64>,
}

/// How scans are surveyed.
#[derive(Clone, Copy)]
pub struct SurveyOptions<'a> {
    /// Side of the voxels that are counted, in units of the file.
    pub voxel_size: f32,
    /// Whether a scan without labels is an error.
    pub needs_labels: bool,
    /// Limits of the readers.
    pub limits: Limits,
    /// Called with the number of scans done, from any thread.
    pub progress: Option<&'a (dyn Fn(usize) + Sync)>,
}

/// Reads scans, as many at a time as there are threads; `[entries]` facts, or why a scan cannot be used. Without classes, the
/// labels are counted as unknown.
///
/// No scan is kept, so that memory is bounded by the largest scans.
#[must_use]
pub fn survey(
    entries: &[SceneEntry],
    classes: Option<&ClassMap>,
    options: &SurveyOptions<'_>,
) -> Vec<Result<SceneFacts, DataError>> {
    let done = AtomicUsize::new(0);
    let facts = |entry: &SceneEntry| {
        let facts = facts_of(entry, classes, options);
        if let Some(progress) = options.progress {
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        facts
    };
    entries.par_iter().map(facts).collect()
}

fn facts_of(
    entry: &SceneEntry,
    classes: Option<&ClassMap>,
    options: &SurveyOptions<'_>,
) -> Result<SceneFacts, DataError> {
    let mut entry = entry.clone();
    if let LabelSource::Beside(path) = &entry.labels
        && !path.is_file()
    {
        if options.needs_labels {
            return Err(DataError::NoLabels { path: entry.scan, looked_for: path.display().to_string() });
        }
        entry.labels = LabelSource::None;
    }
    let scan = match entry.read_with_ids(&options.limits) {
        Err(DataError::NoLabels { .. }) if !options.needs_labels => {
            entry.labels = LabelSource::None;
            entry.read_with_ids(&options.limits)?
        }
        read => read?,
    };
    let labels = scan.labels.as_ref().map(|ids| label_facts(&entry, classes, ids)).transpose()?;
    let (low, high) = extent(&scan);
    let ends = |values: &Vec<f32>| {
        values.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &x| [low.min(x), high.max(x)])
    };
    Ok(SceneFacts {
        points: scan.len(),
        missing: scan.missing.len(),
        low,
        high,
        voxels: count_voxels(&scan.points, options.voxel_size),
        intensity: scan.intensity.as_ref().map(ends),
        colour: scan.colour.is_some(),
        normals: scan.normals.is_some(),
        labels,
    })
}

fn label_facts(entry: &SceneEntry, classes: Option<&ClassMap>, ids: &[u32]) -> Result<LabelFacts, DataError> {
    let mut facts = LabelFacts::default();
    let labels = match classes {
        Some(classes) => {
            facts.points_of_class = vec![0; classes.len()];
            entry.classes_of(ids, classes)?
        }
        None => vec![IGNORED; ids.len()],
    };
    let is_known = |id: u32| id == UNLABELLED || classes.is_some_and(|classes| classes.is_listed(id));
    for (&label, &id) in labels.iter().zip(ids) {
        if let Some(count) = facts.points_of_class.get_mut(usize::from(label)) {
            *count += 1;
            continue;
        }
        facts.ignored += 1;
        if !is_known(id) && (facts.unknown.len() < MOST_UNKNOWN || facts.unknown.contains_key(&id)) {
            *facts.unknown.entry(id).or_default() += 1;
        }
    }
    Ok(facts)
}

/// Ends of each axis in the system of the file.
fn extent(scan: &Scan) -> ([f64; 3], [f64; 3]) {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for point in &scan.points {
        for axis in 0..3 {
            let place = f64::from(point[axis]) + scan.origin[axis];
            low[axis] = low[axis].min(place);
            high[axis] = high[axis].max(place);
        }
    }
    (low, high)
}

/// Occupied voxels, as the preparation of scenes rounds: to the nearest, halves to the even neighbour.
fn count_voxels(points: &[[f32; 3]], size: f32) -> usize {
    let cell = |point: &[f32; 3]| point.map(|value| (value / size).round_ties_even() as i64);
    let mut cells: Vec<[i64; 3]> = points.iter().map(cell).collect();
    cells.sort_unstable();
    cells.dedup();
    cells.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_are_counted_once_each() {
        let points = [[0.0, 0.0, 0.0], [0.02, 0.01, 0.0], [0.09, 0.0, 0.0], [-0.06, 0.0, 0.0], [-1e6, 1e6, 1e6]];
        assert_eq!(count_voxels(&points, 0.1), 4);
    }
}
