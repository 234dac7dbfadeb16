//! What can go wrong while a picture is drawn.

use thiserror::Error;

/// Why a picture or a page could not be made.
#[derive(Debug, Error)]
pub enum ViewError {
    /// The voxels lie too far apart to be drawn.
    #[error("the voxels span {span:?} cells, more than the {limit} cells that a picture may hold")]
    TooManyCells {
        /// Cells along each axis.
        span: [u64; 3],
        /// Cells in all that are allowed.
        limit: u64,
    },
    /// A picture without pixels or with too many.
    #[error("a picture of {width} x {height} pixels cannot be made; 1 to {limit} along each side can")]
    PictureSize {
        /// Pixels across.
        width: usize,
        /// Pixels down.
        height: usize,
        /// The longest side that is allowed.
        limit: usize,
    },
    /// The PNG encoder gave up.
    #[error("cannot encode the picture as PNG")]
    Png(#[from] png::EncodingError),
}
