//! How other programs name the tensors of a layer and keep its kernel: names, layout, order of the axes (spec §1.3, §10).

use crate::{LayoutError, WeightLayout, WeightShape};

/// How a program names the tensors of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// TorchSparse 1.x and 2.x: `kernel`, `weight`.
    TorchSparse,
    /// MinkowskiEngine: `kernel`, `bn.weight`.
    Minkowski,
    /// spconv 1.x and 2.x: `weight`, for kernels as for norms.
    Spconv,
}

impl Naming {
    /// The layouts in which kernels of these names are found, today's first.
    #[must_use]
    pub fn layouts(self) -> &'static [WeightLayout] {
        match self {
            Self::TorchSparse => &[WeightLayout::TorchSparse],
            Self::Minkowski => &[WeightLayout::Minkowski],
            Self::Spconv => &[WeightLayout::Spconv2, WeightLayout::Spconv1, WeightLayout::Spconv2Native],
        }
    }

    /// The name of the kernel of the convolution `layer`.
    #[must_use]
    pub fn kernel(self, layer: &str) -> String {
        match self {
            Self::TorchSparse | Self::Minkowski => format!("{layer}.kernel"),
            Self::Spconv => format!("{layer}.weight"),
        }
    }

    /// The name of the scales of the norm `layer`.
    #[must_use]
    pub fn norm_scale(self, layer: &str) -> String {
        format!("{}.weight", self.norm(layer))
    }

    /// The name under which the tensors of the norm `layer` stand.
    pub(crate) fn norm(self, layer: &str) -> String {
        match self {
            Self::TorchSparse | Self::Spconv => layer.to_owned(),
            Self::Minkowski => format!("{layer}.bn"),
        }
    }
}

/// Which coordinate of a voxel the first spatial axis of a kernel belongs to; ours is x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AxisOrder {
    /// Voxels were (sample, x, y, z).
    #[default]
    Xyz,
    /// Voxels were (sample, z, y, x).
    Zyx,
}

/// Names, layout and order of the axes of another program; of a [`Naming`] alone: its layout of today, x first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    /// Names.
    pub naming: Naming,
    /// Order of the values of a kernel.
    pub layout: WeightLayout,
    /// Order of its spatial axes.
    pub axes: AxisOrder,
}

impl From<Naming> for Convention {
    fn from(naming: Naming) -> Self {
        Self { naming, layout: naming.layouts()[0], axes: AxisOrder::Xyz }
    }
}

/// [`AxisOrder::Zyx`] from and to our order: `Open3D` keeps the spatial axes the other way round, and all else as we do.
const TURNED: WeightLayout = WeightLayout::Open3d;

impl Convention {
    /// The shape of their tensor for a kernel that is `kernel` here.
    pub(crate) fn tensor_shape(self, kernel: WeightShape) -> Vec<usize> {
        self.layout.tensor_shape(self.theirs(kernel))
    }

    /// Their values in our order; `kernel` is the kernel as it is here.
    pub(crate) fn read(self, values: &[f32], kernel: WeightShape) -> Result<Vec<f32>, LayoutError> {
        let read = self.layout.read(values, self.theirs(kernel))?;
        if self.axes == AxisOrder::Zyx { TURNED.read(&read, kernel) } else { Ok(read) }
    }

    /// Our values in their order: what [`read`](Self::read) turns round.
    pub(crate) fn write(self, values: &[f32], kernel: WeightShape) -> Result<Vec<f32>, LayoutError> {
        let turned = if self.axes == AxisOrder::Zyx { TURNED.write(values, kernel)? } else { values.to_vec() };
        self.layout.write(&turned, self.theirs(kernel))
    }

    fn theirs(self, kernel: WeightShape) -> WeightShape {
        let [x, y, z] = kernel.kernel;
        match self.axes {
            AxisOrder::Xyz => kernel,
            AxisOrder::Zyx => WeightShape { kernel: [z, y, x], ..kernel },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_with_z_first_is_turned_round_in_every_layout() {
        // Tap (a, b, c) of channel i to o: 1000 a + 100 b + 10 c + 2 i + o.
        let kernel = WeightShape::new([4, 2, 3], (2, 2));
        let value = |a: usize, b: usize, c: usize, channels: usize| (1000 * a + 100 * b + 10 * c + channels) as f32;
        let ours: Vec<f32> = (0..96).map(|n| value(n / 24, n / 12 % 2, n / 4 % 3, n % 4)).collect();
        let turned: Vec<f32> = (0..96).map(|n| value(n % 16 / 4, n / 16 % 2, n / 32, n % 4)).collect();
        for naming in [Naming::TorchSparse, Naming::Minkowski, Naming::Spconv] {
            for &layout in naming.layouts() {
                let convention = Convention { naming, layout, axes: AxisOrder::Zyx };
                let theirs = convention.write(&ours, kernel).unwrap();
                let zyx = WeightShape { kernel: [3, 2, 4], ..kernel };
                assert_eq!(layout.read(&theirs, zyx).unwrap(), turned, "{layout:?}");
                assert_eq!(convention.read(&theirs, kernel).unwrap(), ours, "{layout:?}");
                assert_eq!(convention.tensor_shape(kernel), layout.tensor_shape(zyx));
            }
        }
        let plain = Convention::from(Naming::Spconv);
        assert_eq!(plain.tensor_shape(kernel), [2, 4, 2, 3, 2]);
        assert_eq!(plain.read(&plain.write(&ours, kernel).unwrap(), kernel).unwrap(), ours);
    }
}
