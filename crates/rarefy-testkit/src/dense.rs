//! Dense "valid" convolution and pooling on a full grid whose inactive cells hold the ground state.
//!
//! Invariant: after every operation a cell is active exactly where its window holds an active cell, and all inactive
//! cells of a sample hold equal values (Graham 2014; SYSTEMS.md §2.3).

/// One sample on a full grid.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseGrid {
    /// Cells along each axis.
    pub shape: [usize; 3],
    /// Features of a cell.
    pub channels: usize,
    /// Values, [cells, channels], cells with the last axis fastest.
    pub values: Vec<f64>,
    /// Which cells are active.
    pub active: Vec<bool>,
}

/// A pooled grid and, for each of its values, the cell of the input grid that won.
#[derive(Clone, Debug, PartialEq)]
pub struct DensePooled {
    /// The maxima.
    pub grid: DenseGrid,
    /// Winning cells, [cells, channels].
    pub winners: Vec<usize>,
}

impl DenseGrid {
    /// A grid whose cells hold `ground`, save those at `coords`, which hold the rows of `features`.
    #[must_use]
    pub fn new(shape: [usize; 3], coords: &[[i32; 3]], features: &[f64], ground: &[f64]) -> Self {
        let channels = ground.len();
        let cells = shape.iter().product();
        let mut grid = Self { shape, channels, values: ground.repeat(cells), active: vec![false; cells] };
        for (coord, row) in coords.iter().zip(features.chunks(channels)) {
            let cell = grid.cell(coord.map(|axis| axis as usize));
            grid.values[cell * channels..][..channels].copy_from_slice(row);
            grid.active[cell] = true;
        }
        grid
    }

    /// The number of the cell at a coordinate.
    #[must_use]
    pub fn cell(&self, [x, y, z]: [usize; 3]) -> usize {
        (x * self.shape[1] + y) * self.shape[2] + z
    }

    /// The coordinate of a cell.
    #[must_use]
    pub fn coord(&self, cell: usize) -> [usize; 3] {
        let [_, b, c] = self.shape;
        [cell / (b * c), cell / c % b, cell % c]
    }

    /// The values of a cell.
    #[must_use]
    pub fn at(&self, cell: usize) -> &[f64] {
        &self.values[cell * self.channels..][..self.channels]
    }

    /// The coordinates of the active cells in ascending order.
    #[must_use]
    pub fn active_coords(&self) -> Vec<[i32; 3]> {
        let cells = (0..self.active.len()).filter(|&cell| self.active[cell]);
        cells.map(|cell| self.coord(cell).map(|axis| axis as i32)).collect()
    }

    /// The values of some inactive cell, if there is one: the ground state.
    #[must_use]
    pub fn ground(&self) -> Option<&[f64]> {
        self.active.iter().position(|&active| !active).map(|cell| self.at(cell))
    }

    /// The cells under a window of `size` at output coordinate `out`, last axis fastest.
    fn window(&self, out: [usize; 3], size: usize, stride: usize) -> Vec<usize> {
        let mut cells = Vec::new();
        for x in 0..size {
            for y in 0..size {
                for z in 0..size {
                    cells.push(self.cell([out[0] * stride + x, out[1] * stride + y, out[2] * stride + z]));
                }
            }
        }
        cells
    }

    fn empty_output(&self, size: usize, stride: usize, channels: usize) -> Self {
        let shape = self.shape.map(|n| if n < size { 0 } else { (n - size) / stride + 1 });
        let cells = shape.iter().product();
        Self { shape, channels, values: vec![0.0; cells * channels], active: vec![false; cells] }
    }

    /// Valid convolution with bias: every window is multiplied, whether its cells are active or not.
    ///
    /// `weights` is [size³, channels, `bias.len()`].
    #[must_use]
    pub fn convolve(&self, size: usize, stride: usize, weights: &[f64], bias: &[f64]) -> Self {
        let c_out = bias.len();
        let mut out = self.empty_output(size, stride, c_out);
        for cell in 0..out.active.len() {
            let window = self.window(out.coord(cell), size, stride);
            out.active[cell] = window.iter().any(|&cell| self.active[cell]);
            for channel in 0..c_out {
                let mut sum = bias[channel];
                for (tap, &input) in window.iter().enumerate() {
                    for (i, value) in self.at(input).iter().enumerate() {
                        sum += value * weights[(tap * self.channels + i) * c_out + channel];
                    }
                }
                out.values[cell * c_out + channel] = sum;
            }
        }
        out
    }

    /// Max pooling over all cells of a window, inactive ones too; the first of equal cells wins.
    #[must_use]
    pub fn max_pool(&self, size: usize, stride: usize) -> DensePooled {
        let mut grid = self.empty_output(size, stride, self.channels);
        let mut winners = vec![0; grid.values.len()];
        for cell in 0..grid.active.len() {
            let window = self.window(grid.coord(cell), size, stride);
            grid.active[cell] = window.iter().any(|&cell| self.active[cell]);
            for channel in 0..self.channels {
                let mut winner = window[0];
                for &input in &window {
                    if self.at(input)[channel] > self.at(winner)[channel] {
                        winner = input;
                    }
                }
                grid.values[cell * self.channels + channel] = self.at(winner)[channel];
                winners[cell * self.channels + channel] = winner;
            }
        }
        DensePooled { grid, winners }
    }

    /// Applies a function to every value.
    #[must_use]
    pub fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        self.values.iter_mut().for_each(|value| *value = f(*value));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convolution_spreads_activity_and_keeps_one_ground_state() {
        let grid = DenseGrid::new([5, 5, 5], &[[0, 0, 0]], &[7.0], &[2.0]);
        let out = grid.convolve(2, 1, &[1.0; 8], &[0.5]);
        assert_eq!(out.shape, [4, 4, 4]);
        assert_eq!(out.active_coords(), [[0, 0, 0]]);
        assert_eq!(out.ground(), Some(&[16.5][..]));
        assert_eq!(out.at(0), [21.5]);
    }

    #[test]
    fn the_ground_state_can_win_a_pooling_and_the_first_of_equals_does() {
        let grid = DenseGrid::new([3, 3, 3], &[[0, 0, 0], [1, 1, 1]], &[-1.0, -2.0], &[0.0]);
        let pooled = grid.max_pool(3, 2);
        assert_eq!((pooled.grid.values, pooled.winners), (vec![0.0], vec![1]));
    }
}
