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
    /// A cloud without points or with too many.
    #[error("a cloud of {points} points cannot be shown; 1 to {limit} points can")]
    CloudSize {
        /// Points of the cloud.
        points: usize,
        /// The most points that can be shown.
        limit: usize,
    },
    /// A value of a point is no number.
    #[error("{what} of point {point} are not finite numbers; leave the point out")]
    NotFinite {
        /// Coordinates, or the name of a layer.
        what: String,
        /// The point, from 0.
        point: usize,
    },
    /// A layer of another length than the cloud.
    #[error("`{layer}` has {got} values for {expected} points; is it of another scan?")]
    LayerLength {
        /// The layer.
        layer: String,
        /// Points of the cloud.
        expected: usize,
        /// Values of the layer.
        got: usize,
    },
    /// A class that its palette does not name.
    #[error("`{layer}` has the class {class}, but only {known} classes are named")]
    UnknownClass {
        /// The layer.
        layer: String,
        /// The class.
        class: usize,
        /// Classes of the palette.
        known: usize,
    },
    /// A layer that the cloud does not have.
    #[error("the cloud has no layer `{layer}`; it has {known}")]
    UnknownLayer {
        /// What was asked for.
        layer: String,
        /// All layers.
        known: String,
    },
    /// The PNG encoder gave up.
    #[error("cannot encode the picture as PNG")]
    Png(#[from] png::EncodingError),
}
