//! The index over shape descriptors: which shapes are most like a given one?
//!
//! Descriptors are compared by cosine. Collections up to [`EXACT_UP_TO`] shapes are compared one by one, which is exact
//! and takes milliseconds; larger ones also get a navigable small-world graph (Malkov and Yashunin 2018, by the library
//! `usearch`), whose answers are ranked again by their exact distances.
//!
//! ```
//! use rarefy_retrieval::{DescriptorIndex, DescriptorSource, IndexedShape};
//!
//! let shapes = ["a.off", "b.off", "c.off"].map(|path| IndexedShape { path: path.into(), class: None });
//! let descriptors = [1.0, 0.0, /* b */ 0.0, 1.0, /* c */ 2.0, 0.1];
//! let index = DescriptorIndex::build(DescriptorSource::default(), shapes.to_vec(), descriptors.to_vec(), 2)?;
//! let nearest = index.nearest(&[3.0, 0.0], 2)?;
//! assert_eq!(nearest.iter().map(|found| found.shape).collect::<Vec<_>>(), [0, 2]);
//!
//! let folder = tempfile::tempdir()?;
//! index.save(&folder.path().join("shapes.idx"))?;
//! assert_eq!(DescriptorIndex::open(&folder.path().join("shapes.idx"))?.nearest(&[3.0, 0.0], 2)?, nearest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod graph;
mod index;

pub use error::RetrievalError;
pub use index::{DescriptorIndex, DescriptorSource, EXACT_UP_TO, Found, IndexedShape};
