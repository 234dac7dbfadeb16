//! The settings that every task has in its section `train`.

use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// Length, batches and seed of the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Epochs to train; the schedule spans them.
    pub epochs: u64,
    /// Samples in a batch.
    pub batch: usize,
    /// Determines initial weights, order of samples and augmentation.
    pub seed: u64,
    /// Wall time after which the training ends early; 0 for none.
    pub minutes: f64,
    /// Steps between two checkpoints within an epoch; 0 for none.
    pub checkpoint_steps: u64,
    /// Minutes between two checkpoints within an epoch; 0 for none.
    pub checkpoint_minutes: f64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self { epochs: 30, batch: 32, seed: 1, minutes: 0.0, checkpoint_steps: 0, checkpoint_minutes: 5.0 }
    }
}

impl TrainConfig {
    /// Whether the settings make sense.
    ///
    /// # Errors
    ///
    /// Names the first key that does not, and what would do.
    pub fn check(&self) -> Result<(), ConfigError> {
        ConfigError::positive([("train.epochs", self.epochs), ("train.batch", self.batch as u64)])?;
        let minutes = [("train.minutes", self.minutes), ("train.checkpoint_minutes", self.checkpoint_minutes)];
        for (key, value) in minutes {
            if !(0.0..1e9).contains(&value) {
                return Err(ConfigError::setting(format!("{key} = {value}: expected a number of minutes, 0 for none")));
            }
        }
        Ok(())
    }
}
