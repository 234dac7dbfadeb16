//! Points of a batch in units of voxels, checked once: every place is finite and near enough to have a voxel.
//!
//! Invariant: a cell is ⌊place / stride⌋ in f32, the arithmetic of the reference codes (SYSTEMS.md §4.2), so a point on
//! a border falls into the voxel that they put it in.

use rayon::prelude::*;

use crate::{COORDINATE_LIMIT, Coord, GeometryError};

/// No row: the voxel of a point whose cell is not active, the winner of a pooling over nothing.
pub const NO_ROW: u32 = u32::MAX;

/// Points that one task works through.
const CHUNK: usize = 1 << 14;

/// Strides up to this are possible, as for windows.
const LARGEST_STRIDE: u32 = 1024;

/// Points with the sample that each belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    /// Places in voxels of stride 1, [points, 3].
    places: &'a [[f32; 3]],
    /// Sample of each point, [points]; `None` where the batch is one sample.
    sample_of: Option<&'a [i32]>,
    samples: usize,
}

impl<'a> Points<'a> {
    /// Points of a batch of `samples`; `places` in units of voxels, `sample_of` the sample of each.
    ///
    /// # Errors
    ///
    /// When the lengths differ, a place is not finite or outside of ±[`COORDINATE_LIMIT`], or a sample does not exist.
    pub fn new(places: &'a [[f32; 3]], sample_of: &'a [i32], samples: usize) -> Result<Self, GeometryError> {
        if places.len() != sample_of.len() {
            let (expected, got) = (places.len(), sample_of.len());
            return Err(GeometryError::LengthMismatch { what: "samples of points", expected, got });
        }
        let wrong = |&sample: &i32| sample < 0 || sample as usize >= samples;
        if let Some(point) = first_wrong(sample_of, wrong) {
            return Err(GeometryError::SampleOutOfRange { point, batch: sample_of[point], samples });
        }
        Self { places, sample_of: Some(sample_of), samples }.checked()
    }

    /// Points of a batch of one sample.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_one_sample(places: &'a [[f32; 3]]) -> Result<Self, GeometryError> {
        Self { places, sample_of: None, samples: 1 }.checked()
    }

    fn checked(self) -> Result<Self, GeometryError> {
        if self.places.len() >= NO_ROW as usize {
            return Err(GeometryError::TooManyVoxels { count: self.places.len() });
        }
        // The comparison fails for NaN too.
        let wrong = |place: &[f32; 3]| !place.iter().all(|value| value.abs() < (COORDINATE_LIMIT - 1) as f32);
        let Some(point) = first_wrong(self.places, wrong) else { return Ok(self) };
        let place = self.places[point];
        if place.iter().all(|value| value.is_finite()) {
            let [x, y, z] = place.map(|value| value.floor() as i32);
            return Err(GeometryError::CoordinateOutOfRange { point, coord: [self.sample(point), x, y, z] });
        }
        Err(GeometryError::NotFinite { point })
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Number of samples of the batch.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The cell of every point at `stride`, \[points\] of (sample, x, y, z).
    ///
    /// # Errors
    ///
    /// When a stride is 0 or above 1024.
    pub fn cells(&self, stride: [u32; 3]) -> Result<Vec<Coord>, GeometryError> {
        let grid = PointGrid::new(*self, stride)?;
        let mut cells = vec![[0; 4]; self.len()];
        cells.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, cells)| {
            for (index, cell) in cells.iter_mut().enumerate() {
                *cell = grid.cell(chunk * CHUNK + index).0;
            }
        });
        Ok(cells)
    }

    fn sample(&self, point: usize) -> i32 {
        self.sample_of.map_or(0, |sample_of| sample_of[point])
    }
}

/// The number of the first wrong value; the search is over whole chunks until one holds something wrong.
fn first_wrong<T: Sync>(values: &[T], wrong: impl Fn(&T) -> bool + Sync) -> Option<usize> {
    if values.par_chunks(CHUNK).all(|values| !values.iter().fold(false, |any, value| any | wrong(value))) {
        return None;
    }
    values.iter().position(wrong)
}

/// Points over the grid of one stride.
#[derive(Clone, Copy)]
pub(crate) struct PointGrid<'a> {
    points: Points<'a>,
    stride: [f32; 3],
}

impl<'a> PointGrid<'a> {
    pub(crate) fn new(points: Points<'a>, stride: [u32; 3]) -> Result<Self, GeometryError> {
        if stride.iter().all(|stride| (1..=LARGEST_STRIDE).contains(stride)) {
            Ok(Self { points, stride: stride.map(|stride| stride as f32) })
        } else {
            Err(GeometryError::ImpossibleWindow { size: [1; 3], stride, dilation: [1; 3] })
        }
    }

    /// The cell of a point, and where in the cell it lies (0 to 1 along each axis).
    #[inline]
    pub(crate) fn cell(&self, point: usize) -> (Coord, [f32; 3]) {
        let place = self.points.places[point];
        let scaled: [f32; 3] = std::array::from_fn(|axis| place[axis] / self.stride[axis]);
        let [x, y, z] = scaled.map(floor);
        let rest = [scaled[0] - x as f32, scaled[1] - y as f32, scaled[2] - z as f32];
        ([self.points.sample(point), x, y, z], rest)
    }
}

/// The floor of a number inside ±[`COORDINATE_LIMIT`]: `f32::floor` is a call into the mathematics library where the
/// processor is not known to round, and took half of the time of voxelisation.
#[inline]
fn floor(value: f32) -> i32 {
    let towards_zero = value as i32;
    towards_zero - i32::from((towards_zero as f32) > value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_that_of_the_library() {
        let mut value = 1e-30_f32;
        while value < (COORDINATE_LIMIT - 1) as f32 {
            for value in [value, -value, value.round(), -value.round(), value.next_up(), -value.next_down()] {
                assert_eq!(floor(value), value.floor() as i32, "{value}");
            }
            value *= 1.37;
        }
        assert_eq!((floor(0.0), floor(-0.0)), (0, 0));
    }
}
