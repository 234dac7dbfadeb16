//! A data set in memory: surface clouds with labels and names.
//!
//! Invariant: samples keep the order of the entries, shapes that cannot be used are left out and listed once, by name.
//! Shapes are read on all threads, or come from the cache; the result is the same either way.

use crate::cache::{self, Found, Record};
use crate::class_folder::ShapeEntry;
use crate::cloud::{SurfaceCloud, check_resolution};
use crate::error::DataError;
use crate::fingerprint::{cache_key, data_fingerprint};
use crate::limits::Limits;
use crate::shape::read_shape_within;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How shapes are loaded.
#[derive(Clone, Copy)]
pub struct LoadOptions<'a> {
    /// Folder for the cache of voxelised shapes; none: no cache.
    pub cache_folder: Option<&'a Path>,
    /// Cells over the longest side of a mesh, see [`SurfaceCloud`]; at least twice the render size that is trained on.
    pub cache_resolution: u32,
    /// Limits of the readers.
    pub limits: Limits,
    /// Called with the number of shapes done and their number, from any thread.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        Self { cache_folder: None, cache_resolution: 128, limits: Limits::default(), progress: None }
    }
}

/// One shape in memory.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The path below the root of the data set.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Number of the class.
    pub label: u32,
    /// The surface.
    pub cloud: SurfaceCloud,
}

/// A shape that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The path below the root of the data set.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The shape and the reason.
impl std::fmt::Display for Skipped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Most reasons begin with the path.
        if self.reason.contains(&self.name) {
            write!(out, "{}", self.reason)
        } else {
            write!(out, "{}: {}", self.name, self.reason)
        }
    }
}

/// All usable shapes of a split.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The shapes; a sample's number is its index.
    pub samples: Vec<Sample>,
    /// Shapes that were left out, in the order of the entries.
    pub skipped: Vec<Skipped>,
    /// Names of the classes; a label is an index into this list.
    pub classes: Vec<String>,
    /// What went wrong without stopping anything (a damaged cache), to be shown once.
    pub warnings: Vec<String>,
    /// Fingerprint of the entries, see [`data_fingerprint`].
    pub fingerprint: String,
    /// Cells over the longest side of a mesh.
    pub cache_resolution: u32,
}

impl Dataset {
    /// Loads the shapes of `entries`, from the cache if it holds them.
    pub fn load(entries: &[ShapeEntry], classes: &[String], options: &LoadOptions<'_>) -> Result<Self, DataError> {
        check_resolution(options.cache_resolution)?;
        let fingerprint = data_fingerprint(entries)?;
        let mut warnings = Vec::new();
        let records = match options.cache_folder {
            Some(folder) => load_cached(entries, options, folder, &mut warnings)?,
            None => load_files(entries, options),
        };
        let (mut samples, mut skipped) = (Vec::with_capacity(entries.len()), Vec::new());
        for (entry, record) in entries.iter().zip(records) {
            let name = entry.name.clone();
            match record {
                Ok(cloud) => samples.push(Sample { name, path: entry.path.clone(), label: entry.label, cloud }),
                Err(reason) => skipped.push(Skipped { name, reason }),
            }
        }
        if samples.is_empty() {
            let first = skipped.first().map_or("there are none", |skipped| &skipped.reason).to_owned();
            return Err(DataError::NothingLeft { count: skipped.len(), first });
        }
        let (classes, cache_resolution) = (classes.to_vec(), options.cache_resolution);
        Ok(Self { samples, skipped, classes, warnings, fingerprint, cache_resolution })
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no sample, which a loaded data set never is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The label of each sample.
    #[must_use]
    pub fn labels(&self) -> Vec<u32> {
        self.samples.iter().map(|sample| sample.label).collect()
    }
}

fn load_cached(
    entries: &[ShapeEntry],
    options: &LoadOptions<'_>,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<Vec<Record>, DataError> {
    let key = cache_key(entries, options.cache_resolution, cache::VERSION)?;
    let path = cache::file_of(folder, &key);
    match cache::read(&path, &key, entries.len()) {
        Found::Records(records) => return Ok(records),
        Found::Nothing => {}
        Found::Damaged(reason) => {
            warnings.push(format!("the cache {} is damaged ({reason}) and was made anew", path.display()));
        }
    }
    let records = load_files(entries, options);
    if let Err(error) = cache::write(&path, &key, &records) {
        warnings.push(format!("the shapes could not be cached, the next start will read them again: {error}"));
    }
    Ok(records)
}

fn load_files(entries: &[ShapeEntry], options: &LoadOptions<'_>) -> Vec<Record> {
    let done = AtomicUsize::new(0);
    entries
        .par_iter()
        .map(|entry| {
            let record = load_file(&entry.path, options).map_err(|error| error.to_string());
            if let Some(progress) = options.progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, entries.len());
            }
            record
        })
        .collect()
}

fn load_file(path: &Path, options: &LoadOptions<'_>) -> Result<SurfaceCloud, DataError> {
    let shape = read_shape_within(path, &options.limits)?;
    SurfaceCloud::from_shape(path, shape, options.cache_resolution)
}
