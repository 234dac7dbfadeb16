//! What can be wrong with a compiled network or its input.

use std::fmt;

use rarefy_geometry::GeometryError;

use crate::shape::ShapeError;

/// A layer does not fit its place in the network, or the input does not fit the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompiledError {
    /// A layer takes another number of channels than its input has.
    Channels {
        /// Channels that the layer takes.
        expected: usize,
        /// Channels of the value that it was given.
        got: usize,
    },
    /// The weights of a layer have another number of taps than its window.
    Taps {
        /// Taps of the window.
        expected: usize,
        /// Taps of the weights.
        got: usize,
    },
    /// Two values that are to be joined lie on different voxels or have different widths.
    Elsewhere,
    /// A value belongs to another network.
    NoSuchValue,
    /// A window, or the voxels that it leads to, are not possible.
    Geometry(GeometryError),
    /// A slice has another length than its shape.
    Shape(ShapeError),
}

impl fmt::Display for CompiledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channels { expected, got } => write!(f, "the layer takes {expected} channels, its input has {got}"),
            Self::Taps { expected, got } => write!(f, "the window has {expected} taps, the weights have {got}"),
            Self::Elsewhere => f.write_str("the two values lie on different voxels or have different widths"),
            Self::NoSuchValue => f.write_str("the value belongs to another network"),
            Self::Geometry(error) => error.fmt(f),
            Self::Shape(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CompiledError {}

impl From<GeometryError> for CompiledError {
    fn from(error: GeometryError) -> Self {
        Self::Geometry(error)
    }
}

impl From<ShapeError> for CompiledError {
    fn from(error: ShapeError) -> Self {
        Self::Shape(error)
    }
}
