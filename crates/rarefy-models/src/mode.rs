//! Whether a pass trains or evaluates.

/// How the layers behave that differ between training and use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Norms by the running statistics, no drop-out.
    #[default]
    Evaluation,
    /// Norms by the batch's own statistics, with drop-out.
    Training {
        /// Decides what is dropped; give each step another one.
        seed: u64,
    },
}

impl Mode {
    /// Whether this is a training pass.
    #[must_use]
    pub fn is_training(self) -> bool {
        matches!(self, Self::Training { .. })
    }
}
