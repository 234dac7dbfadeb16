//! Naive oracles and gradient checks, for tests only.
//!
//! Everything here is written for being right at sight: loops over coordinates, f64, no cleverness shared with the
//! code under test. An oracle is independent of the block index, of tiles and of vectors.
//!
//! ```
//! use rarefy_testkit::{central_difference, relative_error};
//!
//! let gradient = central_difference(|x| x[0] * x[0] + 3.0 * x[1], &[2.0, 1.0], 1e-4);
//! assert!(relative_error(&gradient, &[4.0, 3.0]) < 1e-6);
//! ```

mod bench;
mod checksums;
mod convolution;
mod dense;
mod files;
mod gradient;
mod grouped;
mod losses;
mod norm;
mod points;
mod pooling;
mod row_sums;
mod samples;
mod values;
mod volume;

pub use bench::{BENCHMARK_VOXEL_M, CopyBandwidth, bench_numbers, bench_repeats, benchmark_cloud, least_ms};
pub use checksums::{CHECKSUM_FOLDER, Checksums};
pub use convolution::{
    NaiveWindow, conv_by_pairs, conv_input_grad_by_pairs, conv_weight_grad_by_pairs, map_by_hash, naive_windows,
    sparse_convolution,
};
pub use dense::{DenseGrid, DensePooled};
pub use files::{Golden, golden_files, golden_folder, real_data_folder};
pub use gradient::{central_difference, relative_error};
pub use grouped::{group_conv_by_pairs, group_conv_input_grad_by_pairs, group_conv_weight_grad_by_pairs};
pub use losses::{naive_cross_entropy, naive_lovasz_softmax, naive_softmax};
pub use norm::{batch_norm_grad_by_formula, naive_batch_norm, naive_batch_norm_grad};
pub use points::{naive_devoxelise, naive_voxelise};
pub use pooling::{max_pool_by_pairs, naive_max_pool};
pub use row_sums::{naive_row_sums, naive_row_sums_grad};
pub use samples::RowSample;
pub use values::{random_coords, random_values};
pub use volume::Volume;
