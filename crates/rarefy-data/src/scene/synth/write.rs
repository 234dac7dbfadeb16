//! Synthetic data sets on disk, in the layouts of the real ones.

use super::{LidarSensor, lidar_scan};
use crate::atomic::write_atomically;
use crate::error::DataError;
use crate::scan::{PointLabels, Scan, write_labels};
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
    if std::fs::read_dir(root).is_ok_and(|mut inside| inside.next().is_some()) {
        let root = root.display();
        return Err(DataError::setting(format!("{root} is not empty: name a new folder for the synthetic scans")));
    }
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

/// Writes x, y, z, intensity as little-endian f32.
fn write_scan(path: &Path, scan: &Scan) -> Result<(), DataError> {
    let intensities = scan.intensity.as_deref().unwrap_or_default();
    write_atomically(path, |out| {
        scan.points.iter().zip(intensities).try_for_each(|(&[x, y, z], &intensity)| {
            [x, y, z, intensity].iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
        })
    })
}
