//! The error of this crate.

use std::path::PathBuf;

use rarefy_data::DataError;
use rarefy_metrics::MetricsError;

/// What can be wrong with an index or a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetrievalError {
    /// There is nothing to search in.
    #[error("an index needs at least one shape")]
    Empty,
    /// As many descriptors as shapes are needed.
    #[error("{descriptors} descriptors for {shapes} shapes")]
    CountMismatch {
        /// Shapes that were given.
        shapes: usize,
        /// Descriptors that were given.
        descriptors: usize,
    },
    /// The query comes from another network.
    #[error("the query has {got} values, the descriptors of the index {expected}: ask with the network that made it")]
    WidthMismatch {
        /// Values of a descriptor in the index.
        expected: usize,
        /// Values of the query.
        got: usize,
    },
    /// The descriptors are no matrix of finite numbers.
    #[error(transparent)]
    Descriptors(#[from] MetricsError),
    /// The file cannot be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The operating system refused.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
    /// The bytes are no index.
    #[error("{}: {reason}; make it again with `rarefy index`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The library for approximate search failed.
    #[error("approximate search: {0}")]
    Graph(String),
}
