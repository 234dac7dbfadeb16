//! Limits of the readers: nothing is allocated because a header says so.

/// What a shape file may hold at most. The defaults admit every mesh of the usual data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file (of one array, in an NPZ archive, after decompression).
    pub bytes: u64,
    /// Vertices, points or voxels.
    pub points: u64,
    /// Triangles, after polygons were cut up.
    pub triangles: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 30, points: 50_000_000, triangles: 50_000_000 }
    }
}
