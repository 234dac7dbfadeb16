//! Accuracy, confusion, segmentation and retrieval metrics on plain arrays.
//!
//! Plain arrays go in, plain structs come out; nothing here knows of tensors, files or networks. Every figure is the
//! same bits for any number of threads: work is split into fixed chunks and their sums are added in order.
//!
//! ```
//! use rarefy_metrics::{Confusion, Segmentation, evaluate_retrieval};
//!
//! // Three of four predictions are right.
//! let confusion = Confusion::from_predictions(2, &[0, 0, 1, 1], &[0, 1, 1, 1])?;
//! assert_eq!(confusion.accuracy(), 0.75);
//!
//! // The first point has no class (255) and does not count; a third of class 0 and half of class 1 overlap.
//! let mut segmentation = Segmentation::new(2, 255);
//! segmentation.add(&[255_u8, 0, 0, 1, 1], &[0_u8, 0, 255, 1, 0])?;
//! assert_eq!(segmentation.per_class()[0].iou(), Some(1.0 / 3.0));
//! assert_eq!(segmentation.per_class()[1].iou(), Some(1.0 / 2.0));
//!
//! // Four descriptors of two numbers: two point to the right, two point up.
//! let descriptors = [1.0, 0.1, 1.0, 0.0, 0.0, 1.0, 0.1, 1.0];
//! let report = evaluate_retrieval(&descriptors, 2, &[0, 0, 1, 1])?;
//! assert_eq!(report.map, 1.0);
//! assert_eq!(report.queries, 4);
//! # Ok::<(), rarefy_metrics::MetricsError>(())
//! ```

mod activation;
mod confusion;
mod curve;
mod error;
mod ranking;
mod relevance;
mod retrieval;
mod segmentation;
mod selection;

pub use activation::Activation;
pub use confusion::{ClassAccuracy, ConfusedPair, Confusion, largest_of_rows};
pub use curve::{CurvePoint, interpolate_to_grid, trapezoid_area};
pub use error::MetricsError;
pub use ranking::{Ranked, check_descriptors, dot, l2_normalise, nearest, rank_all};
pub use relevance::QueryMeasures;
pub use retrieval::{RetrievalReport, evaluate_retrieval, summarise_relevance};
pub use segmentation::{AbsentClass, ClassOverlap, Segmentation, SegmentationReport};
pub use selection::first_per_class;
