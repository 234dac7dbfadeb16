//! The scenes of a split: in memory while they fit, read anew from their files beyond that.
//!
//! Invariant: scenes keep the order of the entries. Scans that are damaged or empty are left out and listed once, by name;
//! what is wrong with the whole data set (labels that belong to other scans, numbers of no class) is an error.

use super::classes::{ClassMap, IGNORED};
use super::entry::{LabelSource, Scene, SceneEntry};
use crate::class_folder::ShapeEntry;
use crate::dataset::Skipped;
use crate::error::DataError;
use crate::fingerprint::data_fingerprint;
use crate::limits::Limits;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How scenes are loaded.
#[derive(Clone, Copy)]
pub struct SceneOptions<'a> {
    /// Limits of the readers.
    pub limits: Limits,
    /// Bytes of files whose scenes are kept in memory; the scenes after them are read again whenever they are needed.
    pub memory: u64,
    /// Called with the number of scenes done and their number, from any thread.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

impl Default for SceneOptions<'_> {
    fn default() -> Self {
        Self { limits: Limits::default(), memory: 2 << 30, progress: None }
    }
}

/// All usable scenes of a split.
#[derive(Debug)]
pub struct SceneSet {
    entries: Vec<SceneEntry>,
    /// \[entries\]; none: to be read from its file.
    kept: Vec<Option<Arc<Scene>>>,
    classes: Arc<ClassMap>,
    limits: Limits,
    /// Scans that were left out, in the order of the entries.
    pub skipped: Vec<Skipped>,
    /// Fingerprint of the entries: names and sizes of scans and label files.
    pub fingerprint: String,
    /// Scans that turned out to be damaged after the start; whether they were told of.
    late: Mutex<BTreeMap<usize, (Skipped, bool)>>,
}

impl SceneSet {
    /// Reads the scenes of `entries`, or, for those beyond the memory, checks them.
    pub fn load(entries: &[SceneEntry], classes: &ClassMap, options: &SceneOptions<'_>) -> Result<Self, DataError> {
        let (sizes, fingerprint) = sizes_and_fingerprint(entries)?;
        let mut sum = 0;
        let keep: Vec<bool> = sizes
            .iter()
            .map(|size| {
                sum += size;
                sum <= options.memory
            })
            .collect();
        let done = AtomicUsize::new(0);
        let read: Vec<Result<Option<Arc<Scene>>, DataError>> = (entries, &keep)
            .into_par_iter()
            .map(|(entry, &keep)| {
                let scene = if keep {
                    entry.read(classes, &options.limits).map(|scene| Some(Arc::new(scene)))
                } else {
                    check(entry, classes, &options.limits).map(|()| None)
                };
                if let Some(progress) = options.progress {
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, entries.len());
                }
                scene
            })
            .collect();
        let mut set = Self {
            entries: Vec::with_capacity(entries.len()),
            kept: Vec::with_capacity(entries.len()),
            classes: Arc::new(classes.clone()),
            limits: options.limits,
            skipped: Vec::new(),
            fingerprint,
            late: Mutex::default(),
        };
        for (entry, scene) in entries.iter().zip(read) {
            match scene {
                Ok(scene) => {
                    set.entries.push(entry.clone());
                    set.kept.push(scene);
                }
                Err(error) if is_damage(&error) => set.skipped.push(skipped(entry, &error)),
                Err(error) => return Err(error),
            }
        }
        if set.entries.is_empty() {
            let first = set.skipped.first().map_or("there are none", |skipped| &skipped.reason).to_owned();
            return Err(DataError::NothingLeft { count: set.skipped.len(), first });
        }
        Ok(set)
    }

    /// A set of scenes that are in memory already.
    pub fn of_scenes(scenes: Vec<Scene>, classes: &ClassMap) -> Result<Self, DataError> {
        if scenes.is_empty() {
            return Err(DataError::NothingLeft { count: 0, first: "there are none".to_owned() });
        }
        for scene in &scenes {
            let lengths = [Some(scene.labels.len()), scene.scan.intensity.as_ref().map(Vec::len)];
            let more = [scene.scan.colour.as_ref().map(Vec::len), scene.scan.normals.as_ref().map(Vec::len)];
            if lengths.into_iter().chain(more).flatten().any(|length| length != scene.scan.len()) {
                let (name, points) = (&scene.name, scene.scan.len());
                return Err(DataError::setting(format!("{name}: labels or attributes are not {points}, one a point")));
            }
            let beyond = |&&label: &&u8| label != IGNORED && usize::from(label) >= classes.len();
            if let Some(label) = scene.labels.iter().find(beyond) {
                let (name, count) = (&scene.name, classes.len());
                return Err(DataError::setting(format!("{name}: class {label}, but there are {count} classes")));
            }
        }
        let entry = |scene: &Scene| SceneEntry::new(&scene.name, scene.path.clone(), LabelSource::None);
        Ok(Self {
            entries: scenes.iter().map(entry).collect(),
            kept: scenes.into_iter().map(|scene| Some(Arc::new(scene))).collect(),
            classes: Arc::new(classes.clone()),
            limits: Limits::default(),
            skipped: Vec::new(),
            fingerprint: String::new(),
            late: Mutex::default(),
        })
    }

    /// Number of scenes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no scene, which never is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The classes.
    #[must_use]
    pub fn classes(&self) -> &ClassMap {
        &self.classes
    }

    /// Names and files of the scenes; a scene's number is its index.
    #[must_use]
    pub fn entries(&self) -> &[SceneEntry] {
        &self.entries
    }

    /// Scene number `id`, from memory or from its file.
    pub fn scene(&self, id: usize) -> Result<Arc<Scene>, DataError> {
        match &self.kept[id] {
            Some(scene) => Ok(Arc::clone(scene)),
            None => self.entries[id].read(&self.classes, &self.limits).map(Arc::new),
        }
    }

    /// Scene number `id`, or none if it has been damaged since the start, which is noted.
    pub(crate) fn usable_scene(&self, id: usize) -> Result<Option<Arc<Scene>>, DataError> {
        match self.scene(id) {
            Ok(scene) => Ok(Some(scene)),
            Err(error) if is_damage(&error) => {
                let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
                late.entry(id).or_insert_with(|| (skipped(&self.entries[id], &error), false));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Scans that could not be read when they were needed and that no earlier call has told of.
    #[must_use]
    pub fn newly_skipped(&self) -> Vec<Skipped> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = late.values_mut().filter(|(_, told)| !told);
        fresh
            .map(|(skipped, told)| {
                *told = true;
                skipped.clone()
            })
            .collect()
    }

    /// Points of each class over all scenes, and ignored points, for class weights and constant guesses.
    pub fn count_points(&self) -> Result<(Vec<u64>, u64), DataError> {
        let counts = (0..self.len()).into_par_iter().map(|id| {
            let mut counts = [0_u64; 256];
            if let Some(scene) = self.usable_scene(id)? {
                scene.labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
            }
            Ok(counts)
        });
        let sum = |a: [u64; 256], b: [u64; 256]| Ok(std::array::from_fn(|label| a[label] + b[label]));
        let counts = counts.try_reduce(|| [0; 256], sum)?;
        Ok((counts[..self.classes.len()].to_vec(), counts[usize::from(IGNORED)]))
    }
}

fn skipped(entry: &SceneEntry, error: &DataError) -> Skipped {
    Skipped { name: entry.name.clone(), reason: error.to_string() }
}

/// Whether an error is about one file's bytes and says nothing about the others.
fn is_damage(error: &DataError) -> bool {
    matches!(
        error,
        DataError::Io { .. }
            | DataError::Format { .. }
            | DataError::Truncated { .. }
            | DataError::TooLarge { .. }
            | DataError::Mesh { .. }
            | DataError::NotFinite { .. }
            | DataError::TooFar { .. }
            | DataError::EmptyShape { .. }
    )
}

/// What can be seen from sizes alone where a scan is a list of 16-byte points, else from reading it.
fn check(entry: &SceneEntry, classes: &ClassMap, limits: &Limits) -> Result<(), DataError> {
    let bytes_of = |path: &std::path::Path| {
        std::fs::metadata(path).map(|metadata| metadata.len()).map_err(DataError::io("read", path))
    };
    let is = |path: &std::path::Path, wanted: &str| path.extension().is_some_and(|extension| extension == wanted);
    let points = bytes_of(&entry.scan)?;
    let whole = is(&entry.scan, "bin") && points > 0 && points % 16 == 0;
    match &entry.labels {
        LabelSource::None if whole => Ok(()),
        LabelSource::Beside(path) if whole && is(path, "label") && bytes_of(path)? == points / 4 => Ok(()),
        _ => entry.read(classes, limits).map(drop),
    }
}

fn sizes_and_fingerprint(entries: &[SceneEntry]) -> Result<(Vec<u64>, String), DataError> {
    let mut files = Vec::with_capacity(2 * entries.len());
    let mut sizes = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut paths = vec![&entry.scan];
        if let LabelSource::Beside(labels) = &entry.labels {
            paths.push(labels);
        }
        let mut size = 0;
        for (label, path) in (0..).zip(paths) {
            size += std::fs::metadata(path).map_err(DataError::io("read", path))?.len();
            files.push(ShapeEntry { path: path.clone(), name: entry.name.clone(), label });
        }
        sizes.push(size);
    }
    Ok((sizes, data_fingerprint(&files)?))
}
