//! Readers of shape and scan files, data sets, augmentation, synthetic shapes and scenes, and the loader.
//!
//! A file becomes a [`Shape`] ([`read_shape`]), a folder a list of entries ([`ClassFolder`]), those a [`Dataset`] of
//! [`SurfaceCloud`]s in memory, and a [`Loader`] turns these into [`Batch`]es through a [`VoxelPipeline`]. Labelled scans
//! take the same way in [`scene`].
//!
//! Scans of streets and rooms are read by [`scan`], weights that Python programs published by [`pytorch`].
//!
//! ```
//! use rarefy_data::{ClassFolder, Dataset, LoadOptions, Loader, Prefetch, Sampler, VoxelPipeline};
//! # let folder = tempfile::tempdir()?;
//! # for class in ["cube", "stick"] {
//! #     for split in ["train", "test"] {
//! #         std::fs::create_dir_all(folder.path().join(class).join(split))?;
//! #         let mesh = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n";
//! #         std::fs::write(folder.path().join(class).join(split).join("1.off"), mesh)?;
//! #     }
//! # }
//! let folder = ClassFolder::open_for_training(folder.path())?;
//! let dataset = Dataset::load(&folder.split("train")?, folder.classes(), &LoadOptions::default())?;
//! let pipeline = VoxelPipeline { render_size: 16, grid: 24, ..VoxelPipeline::default() };
//! let loader = Loader::new(dataset.into(), pipeline, Sampler::Shuffled { batch: 2 }, 7, Prefetch::default())?;
//! for batch in loader.epoch(0, 0) {
//!     assert_eq!(batch.labels.len(), batch.samples);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrays;
mod atomic;
mod augment;
mod cache;
mod class_folder;
mod cloud;
mod dataset;
mod error;
mod fingerprint;
mod formats;
mod limits;
mod loader;
mod pipeline;
mod prefetch;
pub mod pytorch;
mod sampler;
pub mod scan;
pub mod scene;
mod shape;
mod synth;
mod write;

pub use arrays::{NamedArray, read_arrays};
pub use atomic::write_atomically;
pub use augment::{Augment, Rotation};
pub use class_folder::{ClassFolder, Layout, ShapeEntry};
pub use cloud::SurfaceCloud;
pub use dataset::{Dataset, LoadOptions, Sample, Skipped};
pub use error::{DataError, EXPECTED_LAYOUT, Place};
pub use fingerprint::data_fingerprint;
pub use limits::Limits;
pub use loader::{Batch, Loader};
pub use pipeline::{Fit, Pass, VoxelPipeline};
pub use prefetch::{Batches, Prefetch};
pub use pytorch::PyTorchFile;
pub use rarefy_geometry::{PointFeature, PointVoxels, TriangleMesh};
pub use sampler::Sampler;
pub use scan::{Scan, read_scan};
pub use shape::{EXTENSIONS, Shape, parse_shape, read_shape, read_shape_within, shape_extension};
pub use synth::{SyntheticSet, synthetic_classes, synthetic_dataset, synthetic_mesh, write_synthetic};
pub use write::write_shape;
