//! The orders in which other engines keep the weights of a sparse convolution (SYSTEMS.md §1.3).
//!
//! Ours is `[k1, k2, k3, groups, in / groups, out / groups]` flattened, the last spatial axis fastest among the taps. Every
//! other order is a permutation of these axes, so each layout is the list of its axes from the slowest to the fastest.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Weights of another engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightLayout {
    /// Ours, which is also SparseConvNet's `[K, groups, in / groups, out / groups]`.
    SparseConvNet,
    /// torchsparse 1.x and 2.x, `[K, in, out]`: the first axis is fastest for an odd volume, the last for an even one.
    TorchSparse,
    /// MinkowskiEngine, `[K, in, out]`, the first axis fastest.
    Minkowski,
    /// spconv 1.x, `[k1, k2, k3, in, out]`; the 2014 SparseConvNet's `[K · in, out]` is the same in memory.
    Spconv1,
    /// spconv 2.x, `[out, k1, k2, k3, in]`.
    Spconv2,
    /// Early saves of spconv 2.x with its native algorithm, `[k1, k2, k3, out, in]`.
    Spconv2Native,
    /// `Open3D`, `[k3, k2, k1, in, out]`.
    Open3d,
    /// PyTorch's dense convolution, `[out, in / groups, k1, k2, k3]`; O-CNN's `[out, in · K]` is the same in memory.
    Torch,
    /// PyTorch's transposed convolution, `[in, out / groups, k1, k2, k3]`; O-CNN's `[in, out · K]` is the same in memory.
    TorchTransposed,
}

/// What the weights of a convolution are: kernel size, channels, groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightShape {
    /// Taps per spatial axis, the first axis first.
    pub kernel: [usize; 3],
    /// Input and output channels.
    pub channels: (usize, usize),
    /// Groups; 1 for a plain convolution.
    pub groups: usize,
}

/// Weights that do not fit their shape or their layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Another number of values than the shape has.
    #[error("a kernel of {shape} has {expected} weights, {got} were given")]
    Length {
        /// The shape.
        shape: WeightShape,
        /// Its number of values.
        expected: usize,
        /// The number of values given.
        got: usize,
    },
    /// The channels cannot be cut into whole groups.
    #[error("{shape}: the groups do not divide the channels")]
    Groups {
        /// The shape.
        shape: WeightShape,
    },
    /// The layout has no groups.
    #[error("{layout:?} keeps no groups; {shape}")]
    NoGroups {
        /// The layout.
        layout: WeightLayout,
        /// The shape.
        shape: WeightShape,
    },
}

impl fmt::Display for WeightShape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel: [k1, k2, k3], channels: (inputs, outputs), groups } = self;
        write!(out, "{k1}×{k2}×{k3} taps from {inputs} to {outputs} channels in {groups} group(s)")
    }
}

/// An axis of a weight tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    Tap(usize),
    Group,
    In,
    Out,
}

const OURS: [Axis; 6] = [Axis::Tap(0), Axis::Tap(1), Axis::Tap(2), Axis::Group, Axis::In, Axis::Out];

impl WeightShape {
    /// A plain convolution.
    #[must_use]
    pub fn new(kernel: [usize; 3], channels: (usize, usize)) -> Self {
        Self { kernel, channels, groups: 1 }
    }

    /// Number of weights.
    #[must_use]
    pub fn len(&self) -> usize {
        let (inputs, outputs) = self.channels;
        self.kernel.iter().product::<usize>() * inputs * outputs / self.groups.max(1)
    }

    /// Whether there is no weight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn extent(&self, axis: Axis) -> usize {
        match axis {
            Axis::Tap(axis) => self.kernel[axis],
            Axis::Group => self.groups,
            Axis::In => self.channels.0 / self.groups,
            Axis::Out => self.channels.1 / self.groups,
        }
    }

    /// The distance in memory of neighbours along each of our axes, in a tensor with these axes.
    fn strides(&self, axes: [Axis; 6]) -> [usize; 6] {
        OURS.map(|axis| {
            let place = axes.iter().position(|&other| other == axis).expect("every layout has every axis");
            axes[place + 1..].iter().map(|&faster| self.extent(faster)).product()
        })
    }
}

impl WeightLayout {
    /// Weights in this layout, brought into ours: `[taps, groups, in / groups, out / groups]`.
    ///
    /// # Errors
    ///
    /// When there are more or fewer values than the shape has, or its groups are not possible.
    pub fn read<T: Copy>(self, values: &[T], shape: WeightShape) -> Result<Vec<T>, LayoutError> {
        self.check(values.len(), shape)?;
        let theirs = shape.strides(self.axes(shape));
        Ok(places(shape).map(|place| values[offset(place, theirs)]).collect())
    }

    /// Our weights, brought into this layout: what [`read`](Self::read) turns round.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write<T: Copy>(self, values: &[T], shape: WeightShape) -> Result<Vec<T>, LayoutError> {
        self.check(values.len(), shape)?;
        let theirs = shape.strides(self.axes(shape));
        let mut out = values.to_vec();
        for (&value, place) in values.iter().zip(places(shape)) {
            out[offset(place, theirs)] = value;
        }
        Ok(out)
    }

    fn check(self, got: usize, shape: WeightShape) -> Result<(), LayoutError> {
        let (inputs, outputs) = shape.channels;
        if shape.groups == 0 || !inputs.is_multiple_of(shape.groups) || !outputs.is_multiple_of(shape.groups) {
            return Err(LayoutError::Groups { shape });
        }
        let grouped = matches!(self, Self::SparseConvNet | Self::Torch | Self::TorchTransposed);
        if shape.groups > 1 && !grouped {
            return Err(LayoutError::NoGroups { layout: self, shape });
        }
        let expected = shape.len();
        if got == expected { Ok(()) } else { Err(LayoutError::Length { shape, expected, got }) }
    }

    /// The axes from the slowest to the fastest.
    fn axes(self, shape: WeightShape) -> [Axis; 6] {
        use Axis::{Group, In, Out, Tap};
        let first_fastest = [Tap(2), Tap(1), Tap(0), Group, In, Out];
        match self {
            Self::SparseConvNet | Self::Spconv1 => OURS,
            Self::TorchSparse if shape.kernel.iter().product::<usize>().is_multiple_of(2) => OURS,
            Self::TorchSparse | Self::Minkowski | Self::Open3d => first_fastest,
            Self::Spconv2 => [Group, Out, Tap(0), Tap(1), Tap(2), In],
            Self::Spconv2Native => [Tap(0), Tap(1), Tap(2), Group, Out, In],
            Self::Torch => [Group, Out, In, Tap(0), Tap(1), Tap(2)],
            Self::TorchTransposed => [Group, In, Out, Tap(0), Tap(1), Tap(2)],
        }
    }
}

/// All index tuples of our axes, in our order.
fn places(shape: WeightShape) -> impl Iterator<Item = [usize; 6]> {
    let extents = OURS.map(|axis| shape.extent(axis));
    (0..shape.len()).map(move |mut rest| {
        let mut place = [0; 6];
        for axis in (0..6).rev() {
            place[axis] = rest % extents[axis];
            rest /= extents[axis];
        }
        place
    })
}

fn offset(place: [usize; 6], strides: [usize; 6]) -> usize {
    place.iter().zip(strides).map(|(index, stride)| index * stride).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [WeightLayout; 9] = [
        WeightLayout::SparseConvNet,
        WeightLayout::TorchSparse,
        WeightLayout::Minkowski,
        WeightLayout::Spconv1,
        WeightLayout::Spconv2,
        WeightLayout::Spconv2Native,
        WeightLayout::Open3d,
        WeightLayout::Torch,
        WeightLayout::TorchTransposed,
    ];

    fn counted(shape: WeightShape) -> Vec<usize> {
        (0..shape.len()).collect()
    }

    #[test]
    fn what_is_written_is_read_back_in_every_layout() {
        for kernel in [[1, 1, 1], [2, 2, 2], [3, 3, 3], [3, 1, 2], [4, 5, 1]] {
            let shape = WeightShape::new(kernel, (3, 4));
            let ours = counted(shape);
            for layout in ALL {
                let theirs = layout.write(&ours, shape).unwrap();
                assert_eq!(layout.read(&theirs, shape).unwrap(), ours, "{layout:?} {kernel:?}");
                let mut sorted = theirs;
                sorted.sort_unstable();
                assert_eq!(sorted, ours, "{layout:?} keeps every weight once");
            }
        }
        let shape = WeightShape { groups: 2, ..WeightShape::new([3, 2, 1], (4, 6)) };
        for layout in [WeightLayout::SparseConvNet, WeightLayout::Torch, WeightLayout::TorchTransposed] {
            let ours = counted(shape);
            assert_eq!(layout.read(&layout.write(&ours, shape).unwrap(), shape).unwrap(), ours, "{layout:?}");
        }
    }

    #[test]
    fn the_permutations_of_the_specification_come_out() {
        let taps = |layout: WeightLayout, size: usize| {
            let shape = WeightShape::new([size; 3], (1, 1));
            layout.write(&counted(shape), shape).unwrap()
        };
        // MinkowskiEngine to torchsparse for kernel 2.
        assert_eq!(taps(WeightLayout::Minkowski, 2), [0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!(taps(WeightLayout::TorchSparse, 2), counted(WeightShape::new([2; 3], (1, 1))));
        // The 27 taps: i = 9a + 3b + c stands at j = a + 3b + 9c.
        let first_fastest = taps(WeightLayout::TorchSparse, 3);
        for (a, b, c) in (0..27).map(|i| (i / 9, i / 3 % 3, i % 3)) {
            assert_eq!(first_fastest[a + 3 * b + 9 * c], 9 * a + 3 * b + c);
        }
        assert_eq!(first_fastest, taps(WeightLayout::Minkowski, 3));
    }

    #[test]
    fn channels_stand_where_the_engines_have_them() {
        let shape = WeightShape::new([2, 1, 1], (2, 3));
        // Weight of tap k from channel i to channel o: 100 k + 10 i + o.
        let ours: Vec<usize> = (0..12).map(|n| 100 * (n / 6) + 10 * (n / 3 % 2) + n % 3).collect();
        assert_eq!(
            WeightLayout::Spconv2.write(&ours, shape).unwrap(),
            [0, 10, 100, 110, 1, 11, 101, 111, 2, 12, 102, 112]
        );
        assert_eq!(
            WeightLayout::Torch.write(&ours, shape).unwrap(),
            [0, 100, 10, 110, 1, 101, 11, 111, 2, 102, 12, 112]
        );
        assert_eq!(
            WeightLayout::TorchTransposed.write(&ours, shape).unwrap(),
            [0, 100, 1, 101, 2, 102, 10, 110, 11, 111, 12, 112]
        );
        assert_eq!(
            WeightLayout::Spconv2Native.write(&ours, shape).unwrap(),
            [0, 10, 1, 11, 2, 12, 100, 110, 101, 111, 102, 112]
        );
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let shape = WeightShape::new([3; 3], (2, 4));
        let error = WeightLayout::Spconv2.read(&[0.0; 5], shape).unwrap_err();
        assert_eq!(error, LayoutError::Length { shape, expected: 216, got: 5 });
        let grouped = WeightShape { groups: 2, ..shape };
        let error = WeightLayout::Minkowski.read(&[0.0; 108], grouped).unwrap_err();
        assert!(matches!(error, LayoutError::NoGroups { .. }));
        let odd = WeightShape { groups: 3, ..shape };
        assert!(matches!(WeightLayout::Torch.read(&[0.0; 72], odd), Err(LayoutError::Groups { .. })));
    }
}
