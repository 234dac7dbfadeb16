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
    /// Batches whose gradients are averaged for one step of the optimiser: a step sees `batch · accumulate` samples.
    pub accumulate: u64,
    /// Decay of the moving average of the weights, which is then what is measured and saved for use; 0 for none.
    pub ema: f64,
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
        Self {
            epochs: 30,
            batch: 32,
            accumulate: 1,
            ema: 0.0,
            seed: 1,
            minutes: 0.0,
            checkpoint_steps: 0,
            checkpoint_minutes: 5.0,
        }
    }
}

impl TrainConfig {
    /// Whether the settings make sense.
    ///
    /// # Errors
    ///
    /// Names the first key that does not, and what would do.
    pub fn check(&self) -> Result<(), ConfigError> {
        ConfigError::positive([
            ("train.epochs", self.epochs),
            ("train.batch", self.batch as u64),
            ("train.accumulate", self.accumulate),
        ])?;
        if !(0.0..1.0).contains(&self.ema) {
            let ema = self.ema;
            return Err(ConfigError::setting(format!(
                "train.ema = {ema}: expected 0 (none) to below 1, such as 0.999"
            )));
        }
        let minutes = [("train.minutes", self.minutes), ("train.checkpoint_minutes", self.checkpoint_minutes)];
        for (key, value) in minutes {
            if !(0.0..1e9).contains(&value) {
                return Err(ConfigError::setting(format!("{key} = {value}: expected a number of minutes, 0 for none")));
            }
        }
        Ok(())
    }
}
