//! What can be wrong with the arrays that a caller hands over.

use thiserror::Error;

/// Why a metric could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetricsError {
    /// Two arrays that describe the same items differ in length.
    #[error("{what}: {expected} expected, {got} given")]
    LengthMismatch {
        /// Which array is too short or too long.
        what: &'static str,
        /// The length that the other array asks for.
        expected: usize,
        /// The length that was given.
        got: usize,
    },
    /// A label or prediction names a class that does not exist.
    #[error("{what} of item {item} is class {got}, but there are only {classes} classes")]
    ClassOutOfRange {
        /// `"label"` or `"prediction"`.
        what: &'static str,
        /// Which item.
        item: usize,
        /// The class that it names.
        got: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// A descriptor holds NaN or infinity.
    #[error("descriptor {row} has a value that is not finite in column {column}; the network has diverged")]
    NotFinite {
        /// Row of the descriptor.
        row: usize,
        /// Column of the first bad value.
        column: usize,
    },
    /// Descriptors of no numbers at all.
    #[error("descriptors have dimension 0")]
    NoDimension,
    /// No item to measure on.
    #[error("there is nothing to measure: the set is empty")]
    Empty,
    /// A ranked list, or every one of them, holds no relevant item, so that no figure is defined.
    #[error("no query has a relevant item: every class needs two items or more")]
    NoRelevantItem,
}
