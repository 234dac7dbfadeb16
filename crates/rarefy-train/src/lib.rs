//! Training tasks, the run folder, checkpoints and exact resume.
//!
//! [`RunConfig`] says everything about a run; [`train`] makes its folder and trains, [`resume`] goes on where a run was
//! stopped or killed, and ends in the same bits as if it had not been. [`open_checkpoint`] reads what a run has learnt.

mod checkpoint;
mod config;
mod durable;
mod error;
mod evaluate;
mod inference;
mod machine;
mod objective;
mod progress;
mod run_folder;
mod session;
mod state;
mod task;
mod trainer;
mod weights;

pub use checkpoint::{Checkpoint, CheckpointError, FileSum, Manifest};
pub use config::{BestBy, ConfigError, DataConfig, EvalConfig, LossConfig, RunConfig, TrainConfig, preset_names};
pub use error::TrainError;
pub use evaluate::{Scores, first_per_class, scores};
pub use inference::{InferenceOptions, Predictions, infer};
pub use machine::Machine;
pub use progress::{Event, Progress, Silent, StepReport};
pub use run_folder::{RunFolder, Which, open_checkpoint};
pub use session::{RunRecord, Summary, resume, train};
pub use state::{Best, EpochRecord, EpochSums, Outcome, TrainState};
pub use task::Task;
pub use weights::weights_checksum;
