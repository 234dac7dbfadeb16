//! Scans: clouds of points with what a sensor or an annotator adds to each point, one file format a module.
//!
//! The invariant of every reader is that of the shape readers: a count in a header is compared with the bytes that
//! follow before anything is allocated for it. What comes out is checked once: coordinates are finite and
//! within [`FARTHEST`] of the scan's origin, and every list is as long as the list of points.

mod kitti;
mod labels;
mod las;
mod lzf;
pub(crate) mod npy;
mod pcd;
mod ply;
mod points;
mod read;
mod table;
mod values;
mod write;

pub use labels::{PointLabels, read_labels, write_labels};
pub use points::{FARTHEST, Scan, UNLABELLED};
pub use read::{SCAN_EXTENSIONS, parse_scan, read_scan, read_scan_within, scan_extension};
pub use values::{PointValues, read_values};
pub use write::{write_scan, write_scan_with};
