//! Convolution and transposed convolution on full boxes of cells, by loops over cells, taps and channels.
//!
//! Nothing is sparse here: a cell without a voxel is a zero like any other.

use crate::NaiveWindow;

/// A box of cells for each sample of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    samples: usize,
    /// Lowest cell of the box.
    low: [i32; 3],
    /// Cells along each axis.
    shape: [usize; 3],
    channels: usize,
    /// [samples, cells, channels], the last axis fastest.
    values: Vec<f64>,
}

impl Volume {
    /// Zeros.
    #[must_use]
    pub fn zeros(samples: usize, low: [i32; 3], shape: [usize; 3], channels: usize) -> Self {
        let count = samples * shape.iter().product::<usize>() * channels;
        Self { samples, low, shape, channels, values: vec![0.0; count] }
    }

    /// The rows `x` [coords, channels] put into a box that holds all `coords` (sample, x, y, z).
    #[must_use]
    pub fn of_rows(samples: usize, coords: &[[i32; 4]], x: &[f64], channels: usize) -> Self {
        let ends = |axis: usize| {
            let values = || coords.iter().map(|coord| coord[axis + 1]);
            values().min().zip(values().max()).unwrap_or((0, -1))
        };
        let low = std::array::from_fn(|axis| ends(axis).0);
        let shape = std::array::from_fn(|axis| (ends(axis).1 - ends(axis).0 + 1) as usize);
        let mut volume = Self::zeros(samples, low, shape, channels);
        for (&coord, row) in coords.iter().zip(x.chunks_exact(channels)) {
            let cell = volume.cell(coord).expect("the box holds all coordinates");
            volume.values[cell * channels..][..channels].copy_from_slice(row);
        }
        volume
    }

    /// The number of a cell, if it lies in the box.
    fn cell(&self, [sample, place @ ..]: [i32; 4]) -> Option<usize> {
        let mut cell = sample as usize;
        for axis in 0..3 {
            let along = usize::try_from(place[axis] - self.low[axis]).ok().filter(|&along| along < self.shape[axis])?;
            cell = cell * self.shape[axis] + along;
        }
        Some(cell)
    }

    /// The values of a cell, if it lies in the box.
    #[must_use]
    pub fn at(&self, coord: [i32; 4]) -> Option<&[f64]> {
        self.cell(coord).map(|cell| &self.values[cell * self.channels..][..self.channels])
    }

    /// Every cell (sample, x, y, z) of the box.
    #[must_use]
    pub fn coords(&self) -> Vec<[i32; 4]> {
        let [a, b, c] = self.shape.map(|n| n as i32);
        let mut coords = Vec::new();
        for sample in 0..self.samples as i32 {
            for x in 0..a {
                for y in 0..b {
                    for z in 0..c {
                        coords.push([sample, self.low[0] + x, self.low[1] + y, self.low[2] + z]);
                    }
                }
            }
        }
        coords
    }

    /// The cells with a value that is not zero.
    #[must_use]
    pub fn occupied(&self) -> Vec<[i32; 4]> {
        let full = |&coord: &[i32; 4]| self.at(coord).is_some_and(|row| row.iter().any(|&value| value != 0.0));
        self.coords().into_iter().filter(full).collect()
    }

    /// Every cell of `out` becomes the sum over the taps of its window; `weights` is [taps, channels, channels of `out`].
    pub fn convolve_into(&self, window: &NaiveWindow, weights: &[f64], out: &mut Self) {
        for coord in out.coords() {
            for (index, tap) in window.taps().enumerate() {
                self.add_product(window.input(coord, tap), index, weights, coord, out);
            }
        }
    }

    /// Every cell q adds its value times the weights of tap k to the cell q · stride − padding + k · dilation of `out`.
    pub fn convolve_transposed_into(&self, window: &NaiveWindow, weights: &[f64], out: &mut Self) {
        for coord in self.coords() {
            for (index, tap) in window.taps().enumerate() {
                self.add_product(coord, index, weights, window.input(coord, tap), out);
            }
        }
    }

    /// Adds the values of one cell times the weights of one tap to a cell of `out`, where both lie in their boxes.
    fn add_product(&self, from: [i32; 4], tap: usize, weights: &[f64], to: [i32; 4], out: &mut Self) {
        let (Some(x), Some(to)) = (self.at(from), out.cell(to)) else { return };
        for (i, value) in x.iter().enumerate() {
            for o in 0..out.channels {
                out.values[to * out.channels + o] += value * weights[(tap * self.channels + i) * out.channels + o];
            }
        }
    }
}
