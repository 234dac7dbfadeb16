//! Convolution in groups: each group of output channels sees its own group of input channels alone.
//!
//! Weights are [taps, groups, `C_in` / groups, `C_out` / groups], the layout of SparseConvNet (SYSTEMS.md §1.3). A group
//! runs through the kernels of the plain convolution, over its columns of the rows, and all groups through one tile of rows
//! before the next.

use std::fmt;

use rarefy_geometry::KernelMap;

use super::columns::Columns;
use super::panels::Weights;
use super::weight_grad::Groups;
use super::{Product, multiply, weight_grad};
use crate::element::Element;
use crate::shape::ShapeError;

/// Input and output channels that are cut into whole groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelGroups {
    channels: (usize, usize),
    groups: usize,
}

/// Channels that cannot be cut into whole groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelGroupsError {
    /// Input and output channels.
    pub channels: (usize, usize),
    /// Number of groups.
    pub groups: usize,
}

impl fmt::Display for ChannelGroupsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channels: (inputs, outputs), groups } = self;
        write!(f, "{inputs} input and {outputs} output channels cannot be cut into {groups} groups of one size")
    }
}

impl std::error::Error for ChannelGroupsError {}

impl ChannelGroups {
    /// `channels` (`C_in`, `C_out`) in `groups` groups.
    ///
    /// # Errors
    /// When there is no group, or the number of groups does not divide both.
    pub fn new(channels: (usize, usize), groups: usize) -> Result<Self, ChannelGroupsError> {
        if groups > 0 && channels.0.is_multiple_of(groups) && channels.1.is_multiple_of(groups) {
            Ok(Self { channels, groups })
        } else {
            Err(ChannelGroupsError { channels, groups })
        }
    }

    /// Number of groups.
    #[must_use]
    pub fn groups(self) -> usize {
        self.groups
    }

    /// Whether every channel is a group of its own, on both sides.
    #[must_use]
    pub fn is_depthwise(self) -> bool {
        self.channels == (self.groups, self.groups)
    }

    /// Weights of one tap.
    #[must_use]
    pub fn weights(self) -> usize {
        self.groups * self.matrix()
    }

    /// Weights of one tap in one group.
    fn matrix(self) -> usize {
        (self.channels.0 / self.groups) * (self.channels.1 / self.groups)
    }

    /// The columns of every group in the inputs and in the outputs.
    fn columns(self) -> impl Iterator<Item = (Columns, Columns)> {
        let of = move |channels, group| Columns::group(channels, self.groups, group);
        (0..self.groups).map(move |group| (of(self.channels.0, group), of(self.channels.1, group)))
    }

    fn check(self, map: &KernelMap, weights: usize, x: usize, out: usize) -> Result<(), ShapeError> {
        ShapeError::check("weights", [map.taps(), self.weights()], weights)?;
        ShapeError::check("inputs", [map.inputs(), self.channels.0], x)?;
        ShapeError::check("outputs", [map.outputs(), self.channels.1], out)
    }
}

/// Adds the convolution of `x` into `out`, group by group.
///
/// `weights` is [taps, groups, `C_in` / groups, `C_out` / groups], `x` is [inputs, `C_in`], `out` [outputs, `C_out`].
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where the map names a row that does not exist.
pub fn group_conv_forward<T: Element>(
    map: &KernelMap,
    weights: &[T],
    groups: ChannelGroups,
    x: &[T],
    out: &mut [T],
) -> Result<(), ShapeError> {
    groups.check(map, weights.len(), x.len(), out.len())?;
    let product = |(group, (inputs, outputs)): (usize, (Columns, Columns))| Product {
        weights: Weights {
            values: weights.get(group * groups.matrix()..).unwrap_or_default(),
            tap_stride: groups.weights(),
            depth: inputs.count,
            channels: outputs.count,
            depth_stride: outputs.count,
            channel_stride: 1,
        },
        x: inputs,
        out: outputs,
    };
    let products: Vec<_> = groups.columns().enumerate().map(product).collect();
    multiply(map, &products, x, out);
    Ok(())
}

/// Adds the gradient of [`group_conv_forward`] with respect to its input into `grad_x`; shapes as there.
///
/// # Errors
/// As [`group_conv_forward`].
///
/// # Panics
/// As [`group_conv_forward`].
pub fn group_conv_input_grad<T: Element>(
    map: &KernelMap,
    weights: &[T],
    groups: ChannelGroups,
    grad_out: &[T],
    grad_x: &mut [T],
) -> Result<(), ShapeError> {
    groups.check(map, weights.len(), grad_x.len(), grad_out.len())?;
    let product = |(group, (inputs, outputs)): (usize, (Columns, Columns))| Product {
        weights: Weights {
            values: weights.get(group * groups.matrix()..).unwrap_or_default(),
            tap_stride: groups.weights(),
            depth: outputs.count,
            channels: inputs.count,
            depth_stride: 1,
            channel_stride: outputs.count,
        },
        x: outputs,
        out: inputs,
    };
    let products: Vec<_> = groups.columns().enumerate().map(product).collect();
    multiply(map.transposed(), &products, grad_out, grad_x);
    Ok(())
}

/// Adds the gradient of [`group_conv_forward`] with respect to its weights into `grad_weights`; shapes as there.
///
/// # Errors
/// As [`group_conv_forward`].
///
/// # Panics
/// As [`group_conv_forward`].
pub fn group_conv_weight_grad<T: Element>(
    map: &KernelMap,
    groups: ChannelGroups,
    x: &[T],
    grad_out: &[T],
    grad_weights: &mut [T],
) -> Result<(), ShapeError> {
    groups.check(map, grad_weights.len(), x.len(), grad_out.len())?;
    if grad_weights.is_empty() || map.pair_count() == 0 {
        return Ok(());
    }
    let of = |channels| Columns::group(channels, groups.groups, 0);
    let first = (of(groups.channels.0), of(groups.channels.1));
    weight_grad::add(map, Groups { count: groups.groups, first }, x, grad_out, grad_weights);
    Ok(())
}
