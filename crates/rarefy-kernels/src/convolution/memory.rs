//! The memory of a convolution, counted before it is taken.

use rarefy_geometry::{GeometryError, KernelMap, check_memory};

use super::panels::{self, Cut};
use super::tiles::Tiles;
use super::weight_grad;
use crate::element::Element;
use crate::isa::InstructionSet;

/// Bytes of one convolution. Gradients take as many bytes as what they are the gradients of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvMemory {
    /// Input rows.
    pub inputs: usize,
    /// Output rows.
    pub outputs: usize,
    /// Weights of all taps.
    pub weights: usize,
    /// Pairs of the map.
    pub map: usize,
    /// Pairs of the transposed map, which the gradient of the inputs runs over; none where it shares those of the map.
    pub transposed: usize,
    /// The most that a forward or backward pass takes beside all these, on the threads of the current pool.
    pub workspace: usize,
}

impl ConvMemory {
    /// The memory of a convolution over `map` with elements `T` and `channels` (`C_in`, `C_out`).
    ///
    /// # Panics
    /// Where the output rows of a tap are not sorted.
    #[must_use]
    pub fn of<T: Element>(map: &KernelMap, channels: (usize, usize)) -> Self {
        let bytes = |rows: usize, columns: usize| rows.saturating_mul(columns).saturating_mul(size_of::<T>());
        let tiles = Tiles::new::<T>(map, channels);
        let packed =
            packed_bytes::<T>(map.taps(), channels).max(packed_bytes::<T>(map.taps(), (channels.1, channels.0)));
        let partial = weight_grad::workspace::<T>(map, &tiles, channels, rayon::current_num_threads());
        Self {
            inputs: bytes(map.inputs(), channels.0),
            outputs: bytes(map.outputs(), channels.1),
            weights: bytes(map.taps(), channels.0.saturating_mul(channels.1)),
            map: map.bytes(),
            transposed: if map.is_mirrored() { 0 } else { map.bytes() },
            workspace: tiles.bytes() + packed.max(partial),
        }
    }

    /// Bytes of a forward pass: inputs, outputs, weights, map and workspace.
    #[must_use]
    pub fn forward(&self) -> usize {
        let parts = [self.inputs, self.outputs, self.weights, self.map, self.workspace];
        parts.into_iter().fold(0, usize::saturating_add)
    }

    /// Whether the outputs and the workspace fit what is left, see [`check_memory`].
    ///
    /// # Errors
    /// When they do not.
    pub fn check(&self) -> Result<(), GeometryError> {
        check_memory("the outputs of a convolution", self.outputs.saturating_add(self.workspace))
    }
}

/// Bytes of the largest part of packed weights.
fn packed_bytes<T: Element>(taps: usize, (depth, channels): (usize, usize)) -> usize {
    if depth == 0 || channels == 0 {
        return 0;
    }
    let panels = Cut::of::<T>(InstructionSet::current()).panels(channels);
    let parts = panels::parts::<T>(&panels, taps, depth);
    parts.map(|(taps, group)| panels::packed_bytes::<T>(taps.len(), depth, group)).max().unwrap_or(0)
}
