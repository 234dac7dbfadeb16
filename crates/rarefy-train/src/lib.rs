//! Training tasks, the run folder, checkpoints and exact resume.
//!
//! A [`Task`] is what can be trained, [`shapes`] for example; its [`TaskConfig`] says everything about a run. [`train`] makes
//! the folder of a run and trains, [`resume`] goes on where a run was stopped or killed, and ends in the same bits as if it
//! had not been. [`open_checkpoint`] reads what a run has learnt.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use burn::tensor::Device;
//! use rarefy_data::{SyntheticSet, write_synthetic};
//! use rarefy_train::shapes::{ShapeConfig, Shapes};
//! use rarefy_train::{Silent, TaskConfig, Which, open_checkpoint, train};
//!
//! let folder = tempfile::tempdir()?;
//! let shapes = folder.path().join("shapes");
//! write_synthetic(&shapes, SyntheticSet { classes: 2, train_per_class: 4, test_per_class: 2, seed: 1 })?;
//!
//! let root = format!("data.root={}", shapes.display());
//! let small = ["data.cache=", "data.render_size=12", "model.depth=2", "model.width=4", "train.epochs=1"];
//! let config = ShapeConfig::load("s3dcnn", &[&[root.as_str()], &small[..]].concat())?;
//! let run = folder.path().join("run");
//! let summary = train(config, &run, &Silent, &AtomicBool::new(false))?;
//!
//! let checkpoint = open_checkpoint::<Shapes>(&run, Which::Best)?;
//! assert_eq!(checkpoint.manifest().weights_checksum, summary.weights_checksum);
//! let network = checkpoint.network(&Device::flex())?;
//! # assert!(network.parameter_count() > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod average;
mod checkpoint;
mod config;
mod durable;
mod error;
mod figures;
mod machine;
mod progress;
mod rows;
mod run_folder;
pub mod scenes;
mod session;
pub mod shapes;
mod state;
mod task;
mod trainer;
mod weights;

pub use checkpoint::{Checkpoint, CheckpointError, FileSum, Manifest};
pub use config::{ConfigError, TrainConfig};
pub use error::TrainError;
pub use figures::Figures;
pub use machine::Machine;
pub use progress::{Event, Progress, Silent, StepReport};
pub use run_folder::{RunFolder, Which, open_checkpoint};
pub use session::{RunRecord, Summary, resume, train};
pub use state::{Best, EpochRecord, EpochSums, Outcome, TrainState};
pub use task::{Split, StepLoss, Task, TaskConfig};
pub use weights::weights_checksum;
