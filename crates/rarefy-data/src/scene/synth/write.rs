//! Synthetic data sets on disk, in the layouts of the real ones.

use super::{LidarSensor, lidar_scan, room_scan};
use crate::atomic::write_atomically;
use crate::error::DataError;
use crate::scan::{PointLabels, Scan, write_labels};
use crate::scene::{CLASSES_FILE, ClassMap, Split};
use rayon::prelude::*;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What [`write_synthetic_streets`] makes.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticStreets {
    /// Scans to train on, in sequence 00.
    pub train: usize,
    /// Scans to measure on, in sequence 08.
    pub val: usize,
    /// Seed of all randomness.
    pub seed: u64,
    /// The sensor.
    pub sensor: LidarSensor,
}

/// Scans of one sequence at most: their names have six digits.
const MOST_SCANS: usize = 1_000_000;

/// Writes streets in the layout of SemanticKITTI: `sequences/{00,08}/{velodyne,labels}/000000.*`.
///
/// The folder must be empty or not exist. `progress` is called with the number of scans done and their number, from any
/// thread. Every scan is of a street of its own; the validation scans follow the training scans in the seed's numbering.
pub fn write_synthetic_streets(
    root: &Path,
    set: &SyntheticStreets,
    progress: Option<&(dyn Fn(usize, usize) + Sync)>,
) -> Result<(), DataError> {
    set.sensor.check()?;
    if !(1..=MOST_SCANS).contains(&set.train) || set.val > MOST_SCANS {
        let (train, val) = (set.train, set.val);
        return Err(DataError::setting(format!(
            "{train} training and {val} validation scans: expected 1 to {MOST_SCANS}, and 0 to {MOST_SCANS}"
        )));
    }
    check_is_new(root)?;
    let (total, done) = (set.train + set.val, AtomicUsize::new(0));
    (0..total).into_par_iter().try_for_each(|number| {
        let (sequence, index) = if number < set.train { ("00", number) } else { ("08", number - set.train) };
        let folder = root.join("sequences").join(sequence);
        let scan = lidar_scan(&set.sensor, set.seed, number as u64)?;
        write_scan(&folder.join("velodyne").join(format!("{index:06}.bin")), &scan)?;
        let labels =
            PointLabels { labels: scan.labels.unwrap_or_default(), instances: scan.instances.unwrap_or_default() };
        write_labels(&folder.join("labels").join(format!("{index:06}.label")), &labels)?;
        if let Some(progress) = progress {
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        }
        Ok(())
    })
}

/// What [`write_synthetic_rooms`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntheticRooms {
    /// Rooms to train on.
    pub train: usize,
    /// Rooms to measure on.
    pub val: usize,
    /// Points of a room at most.
    pub points: usize,
    /// Seed of all randomness.
    pub seed: u64,
}

/// Writes rooms as a folder of one's own scans: `classes.toml` and `{train,val}/room_000000.ply` with labels inside.
///
/// The folder must be empty or not exist. `progress` is as in [`write_synthetic_streets`].
pub fn write_synthetic_rooms(
    root: &Path,
    set: SyntheticRooms,
    progress: Option<&(dyn Fn(usize, usize) + Sync)>,
) -> Result<(), DataError> {
    if !(1..=MOST_SCANS).contains(&set.train) || set.val > MOST_SCANS {
        let (train, val) = (set.train, set.val);
        return Err(DataError::setting(format!(
            "{train} training and {val} validation rooms: expected 1 to {MOST_SCANS}, and 0 to {MOST_SCANS}"
        )));
    }
    check_is_new(root)?;
    let (total, done) = (set.train + set.val, AtomicUsize::new(0));
    write_atomically(&root.join(CLASSES_FILE), |out| out.write_all(ClassMap::synthetic_rooms().to_toml().as_bytes()))?;
    (0..total).into_par_iter().try_for_each(|number| {
        let (split, index) = if number < set.train { (Split::Train, number) } else { (Split::Val, number - set.train) };
        let room = room_scan(set.seed, number as u64, set.points)?;
        crate::scan::write_scan(&root.join(split.folder()).join(format!("room_{index:06}.ply")), &room)?;
        if let Some(progress) = progress {
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        }
        Ok(())
    })
}

fn check_is_new(root: &Path) -> Result<(), DataError> {
    if std::fs::read_dir(root).is_ok_and(|mut inside| inside.next().is_some()) {
        let root = root.display();
        return Err(DataError::setting(format!("{root} is not empty: name a new folder for the synthetic scans")));
    }
    Ok(())
}

/// Writes x, y, z, intensity as little-endian f32.
fn write_scan(path: &Path, scan: &Scan) -> Result<(), DataError> {
    let intensities = scan.intensity.as_deref().unwrap_or_default();
    write_atomically(path, |out| {
        scan.points.iter().zip(intensities).try_for_each(|(&[x, y, z], &intensity)| {
            [x, y, z, intensity].iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
        })
    })
}
