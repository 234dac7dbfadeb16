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
    /// spconv 2.x, `[out, k1, k2, k3, in]`. It takes the values of a kernel of one tap for `[in, out]` all the same
    /// (spconv's issue 450), so that this is what the weights of its networks are.
    Spconv2,
    /// Early saves of spconv 2.x with its native algorithm, `[k1, k2, k3, out, in]`; with one tap as [`Self::Spconv2`].
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

impl fmt::Display for WeightLayout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::SparseConvNet => "SparseConvNet [taps, groups, in, out]",
            Self::TorchSparse => "TorchSparse [taps, in, out]",
            Self::Minkowski => "MinkowskiEngine [taps, in, out]",
            Self::Spconv1 => "spconv 1 [k1, k2, k3, in, out]",
            Self::Spconv2 => "spconv 2 [out, k1, k2, k3, in]",
            Self::Spconv2Native => "early spconv 2 [k1, k2, k3, out, in]",
            Self::Open3d => "Open3D [k3, k2, k1, in, out]",
            Self::Torch => "PyTorch [out, in, k1, k2, k3]",
            Self::TorchTransposed => "PyTorch, transposed [in, out, k1, k2, k3]",
        })
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

    /// Number of taps.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Number of weights.
    #[must_use]
    pub fn len(&self) -> usize {
        let (inputs, outputs) = self.channels;
        self.taps() * inputs * outputs / self.groups.max(1)
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
    /// The shape of the tensor in which this layout keeps such weights.
    #[must_use]
    pub fn tensor_shape(self, shape: WeightShape) -> Vec<usize> {
        let WeightShape { kernel: [k1, k2, k3], channels: (inputs, outputs), groups } = shape;
        match (self, shape.taps()) {
            (Self::SparseConvNet, taps) => vec![taps, groups, inputs / groups, outputs / groups],
            (Self::TorchSparse | Self::Minkowski, 1) => vec![inputs, outputs],
            (Self::TorchSparse | Self::Minkowski, taps) => vec![taps, inputs, outputs],
            (Self::Spconv1, _) => vec![k1, k2, k3, inputs, outputs],
            (Self::Spconv2, _) => vec![outputs, k1, k2, k3, inputs],
            (Self::Spconv2Native, _) => vec![k1, k2, k3, outputs, inputs],
            (Self::Open3d, _) => vec![k3, k2, k1, inputs, outputs],
            (Self::Torch, _) => vec![outputs, inputs / groups, k1, k2, k3],
            (Self::TorchTransposed, _) => vec![inputs, outputs / groups, k1, k2, k3],
        }
    }

    /// The cubic kernel without groups whose tensor has this shape: what [`tensor_shape`](Self::tensor_shape) turns round.
    #[must_use]
    pub fn cubic_kernel(self, tensor: &[usize]) -> Option<WeightShape> {
        // No kernel is wider, and the cube of a larger side may not fit.
        let cube_root = |taps: usize| (1..=64_usize).find(|side| side.pow(3) == taps);
        let (side, channels) = match (self, tensor) {
            (Self::TorchSparse | Self::Minkowski, &[inputs, outputs]) => (1, (inputs, outputs)),
            (Self::TorchSparse | Self::Minkowski, &[taps, inputs, outputs])
            | (Self::SparseConvNet, &[taps, 1, inputs, outputs]) => (cube_root(taps)?, (inputs, outputs)),
            (Self::Spconv1, &[k1, k2, k3, inputs, outputs])
            | (Self::Spconv2, &[outputs, k1, k2, k3, inputs])
            | (Self::Spconv2Native, &[k1, k2, k3, outputs, inputs])
            | (Self::Open3d, &[k3, k2, k1, inputs, outputs])
            | (Self::Torch, &[outputs, inputs, k1, k2, k3])
            | (Self::TorchTransposed, &[inputs, outputs, k1, k2, k3])
                if k1 == k2 && k2 == k3 =>
            {
                (k1, (inputs, outputs))
            }
            _ => return None,
        };
        Some(WeightShape::new([side; 3], channels))
    }

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
            Self::TorchSparse if shape.taps().is_multiple_of(2) => OURS,
            Self::Spconv2 | Self::Spconv2Native if shape.taps() == 1 => OURS,
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
    fn the_shape_of_a_tensor_tells_the_kernel() {
        let tensor = |layout: WeightLayout| layout.tensor_shape(WeightShape::new([3, 2, 1], (4, 6)));
        for (layout, expected) in [
            (WeightLayout::Minkowski, &[6, 4, 6][..]),
            (WeightLayout::Spconv1, &[3, 2, 1, 4, 6]),
            (WeightLayout::Spconv2, &[6, 3, 2, 1, 4]),
            (WeightLayout::Spconv2Native, &[3, 2, 1, 6, 4]),
            (WeightLayout::Open3d, &[1, 2, 3, 4, 6]),
            (WeightLayout::Torch, &[6, 4, 3, 2, 1]),
            (WeightLayout::TorchTransposed, &[4, 6, 3, 2, 1]),
        ] {
            assert_eq!(tensor(layout), expected, "{layout}");
            assert_eq!(layout.cubic_kernel(&tensor(layout)), None, "{layout}");
        }
        let grouped = WeightShape { groups: 2, ..WeightShape::new([3; 3], (4, 6)) };
        assert_eq!(WeightLayout::SparseConvNet.tensor_shape(grouped), [27, 2, 2, 3]);
        assert_eq!(WeightLayout::Torch.tensor_shape(grouped), [6, 2, 3, 3, 3]);
        for layout in ALL {
            for side in [1, 2, 3, 5] {
                let shape = WeightShape::new([side; 3], (4, 6));
                assert_eq!(layout.cubic_kernel(&layout.tensor_shape(shape)), Some(shape), "{layout}");
            }
            assert_eq!(layout.cubic_kernel(&[]), None, "{layout}");
            assert_eq!(layout.cubic_kernel(&[0, 0, 1, 0, 0]), None, "{layout}");
        }
        assert_eq!(WeightLayout::Minkowski.cubic_kernel(&[usize::MAX, 4, 6]), None);
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
    fn spconv_takes_kernels_of_one_tap_for_matrices_of_inputs_and_outputs() {
        let shape = WeightShape::new([1; 3], (2, 3));
        for layout in [WeightLayout::Spconv1, WeightLayout::Spconv2, WeightLayout::Spconv2Native] {
            assert_eq!(layout.read(&counted(shape), shape).unwrap(), counted(shape), "{layout}");
        }
        assert_eq!(WeightLayout::Spconv2.tensor_shape(shape), [3, 1, 1, 1, 2]);
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
