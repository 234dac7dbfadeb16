//! Weights that are packed once and used in many convolutions.
//!
//! Invariant: the parts are those of [`super::multiply`] in the same order, so every output element receives its
//! products in the same order and the result is the same bits.

use std::ops::Range;

use super::panels::{self, Cut, Panel, Weights};
use crate::element::Element;
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::storage::Storage;

/// Weights in the layout of the kernels of one instruction set.
pub struct PackedWeights<S> {
    taps: usize,
    channels: (usize, usize),
    set: InstructionSet,
    parts: Vec<Part<S>>,
}

/// The weights of some taps and some neighbouring output channels.
pub(super) struct Part<S> {
    pub(super) taps: Range<usize>,
    pub(super) panels: Vec<Panel>,
    /// [tap][panel][depth][vectors · lanes].
    pub(super) values: Vec<S>,
}

impl<T: Element> PackedWeights<T> {
    /// Packs `weights` `[taps, C_in, C_out]`, `channels` being (`C_in`, `C_out`), for the current instruction set.
    ///
    /// # Errors
    /// When the slice has another length than its shape.
    pub fn new(weights: &[T], taps: usize, channels: (usize, usize)) -> Result<Self, ShapeError> {
        let matrix = channels.0.checked_mul(channels.1);
        let shape = [taps, matrix.unwrap_or(usize::MAX)];
        ShapeError::check("weights", shape, weights.len())?;
        let set = InstructionSet::current();
        let mut parts = Vec::new();
        if !weights.is_empty() {
            let weights = Weights::forward(weights, channels);
            let panels = Cut::of::<T>(set).panels(channels.1);
            parts.extend(panels::parts::<T>(&panels, taps, channels.0).map(|(taps, group)| Part {
                values: panels::pack(&weights, taps.clone(), group).into_owned(),
                panels: group.to_vec(),
                taps,
            }));
        }
        Ok(Self { taps, channels, set, parts })
    }
}

impl<S: Storage> PackedWeights<S> {
    /// The same weights, each rounded to the nearest value of another type.
    #[must_use]
    pub fn narrowed<N: Storage<Work = S::Work>>(&self) -> PackedWeights<N> {
        let part = |part: &Part<S>| Part {
            taps: part.taps.clone(),
            panels: part.panels.clone(),
            values: part.values.iter().map(|value| N::narrow(value.wide())).collect(),
        };
        let parts = self.parts.iter().map(part).collect();
        PackedWeights { taps: self.taps, channels: self.channels, set: self.set, parts }
    }

    /// Bytes of the packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| size_of_val(&part.values[..])).sum()
    }

    /// Number of taps.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// Input and output channels.
    #[must_use]
    pub fn channels(&self) -> (usize, usize) {
        self.channels
    }

    /// The instruction set that the weights are packed for, and that a convolution with them uses.
    #[must_use]
    pub fn instruction_set(&self) -> InstructionSet {
        self.set
    }

    pub(super) fn parts(&self) -> &[Part<S>] {
        &self.parts
    }
}
