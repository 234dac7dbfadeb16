//! Learning rates as pure functions of the position in the training, so that a resumed run needs no state for them.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

use crate::setting::{SettingError, check, check_factor, check_rate};

/// How far a training has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Steps done so far, over all epochs.
    pub step: u64,
    /// Steps in an epoch, at least 1.
    pub steps_per_epoch: u64,
    /// Epochs planned.
    pub epochs: u64,
}

impl Position {
    /// Whole epochs done.
    fn epoch(self) -> f64 {
        (self.step / self.steps_per_epoch.max(1)) as f64
    }

    /// Steps planned, at least 1.
    fn total(self) -> f64 {
        (self.steps_per_epoch * self.epochs).max(1) as f64
    }
}

/// The learning rate over a training; `lr` is always its highest value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The same rate throughout.
    Constant {
        /// The rate.
        lr: f64,
    },
    /// `lr · exp(−rate · epoch)`, with whole epochs.
    Exponential {
        /// Rate of the first epoch.
        lr: f64,
        /// Decay for each epoch.
        #[serde(default = "exponential_rate")]
        rate: f64,
    },
    /// `lr · factor^⌊epoch / every⌋`.
    Step {
        /// Rate of the first epochs.
        lr: f64,
        /// Factor of each step down.
        #[serde(default = "step_factor")]
        factor: f64,
        /// Epochs between two steps down.
        #[serde(default = "step_every")]
        every: u64,
    },
    /// A linear rise over `warmup_steps`, then half a cosine over the length of the training (spec §12.13).
    Cosine {
        /// Rate at the top.
        lr: f64,
        /// Steps of the rise; step k of it has the share (k + 1) / `warmup_steps`.
        #[serde(default)]
        warmup_steps: u64,
        /// Rate at the end as a share of `lr`.
        #[serde(default)]
        floor: f64,
    },
    /// `lr · (1 − step / total)^power`.
    Polynomial {
        /// Rate at the start.
        lr: f64,
        /// The exponent.
        #[serde(default = "polynomial_power")]
        power: f64,
    },
    /// Half a cosine up from `lr / start_divisor` over the share `rise` of the training, half a cosine down to
    /// `lr / start_divisor / 10,000`.
    OneCycle {
        /// Rate at the top.
        lr: f64,
        /// Share of the training that rises.
        #[serde(default = "one_cycle_rise")]
        rise: f64,
        /// The rate starts at `lr` divided by this.
        #[serde(default = "one_cycle_divisor")]
        start_divisor: f64,
    },
}

fn exponential_rate() -> f64 {
    0.025
}
fn step_factor() -> f64 {
    0.1
}
fn step_every() -> u64 {
    10
}
fn polynomial_power() -> f64 {
    0.9
}
fn one_cycle_rise() -> f64 {
    0.4
}
fn one_cycle_divisor() -> f64 {
    10.0
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Cosine { lr: 1e-3, warmup_steps: 100, floor: 0.0 }
    }
}

impl Schedule {
    /// The learning rate of the step at `position`.
    #[must_use]
    pub fn rate(&self, position: Position) -> f64 {
        let step = position.step as f64;
        match *self {
            Self::Constant { lr } => lr,
            Self::Exponential { lr, rate } => lr * (-rate * position.epoch()).exp(),
            Self::Step { lr, factor, every } => lr * factor.powf((position.epoch() / every as f64).floor()),
            Self::Cosine { lr, warmup_steps, .. } if position.step < warmup_steps => {
                lr * (step + 1.0) / warmup_steps as f64
            }
            Self::Cosine { lr, warmup_steps, floor } => {
                let done = (step - warmup_steps as f64) / position.total();
                glide(lr * floor, lr, 1.0 - done)
            }
            Self::Polynomial { lr, power } => lr * (1.0 - step / position.total()).max(0.0).powf(power),
            Self::OneCycle { lr, rise, start_divisor } => {
                let (start, top) = (lr / start_divisor, rise * position.total());
                if step < top {
                    glide(start, lr, step / top)
                } else {
                    glide(start / 1e4, lr, 1.0 - (step - top) / (position.total() - top))
                }
            }
        }
    }

    /// The highest rate.
    #[must_use]
    pub fn highest(&self) -> f64 {
        match *self {
            Self::Constant { lr }
            | Self::Exponential { lr, .. }
            | Self::Step { lr, .. }
            | Self::Cosine { lr, .. }
            | Self::Polynomial { lr, .. }
            | Self::OneCycle { lr, .. } => lr,
        }
    }

    /// Whether every setting lies in its range.
    ///
    /// # Errors
    ///
    /// Names the first setting that does not.
    pub fn check(&self) -> Result<(), SettingError> {
        check_rate("lr", self.highest())?;
        match *self {
            Self::Constant { .. } => Ok(()),
            Self::Exponential { rate, .. } => check_rate("rate", rate),
            Self::Step { factor, every, .. } => {
                check_rate("factor", factor)?;
                check(every > 0, "every", every as f64, "1 or more")
            }
            Self::Cosine { floor, .. } => check_factor("floor", floor),
            Self::Polynomial { power, .. } => check_rate("power", power),
            Self::OneCycle { rise, start_divisor, .. } => {
                check_factor("rise", rise)?;
                check(start_divisor >= 1.0, "start_divisor", start_divisor, "1 or more")
            }
        }
    }
}

/// Half a cosine from `low` at share 0 to `high` at share 1.
fn glide(low: f64, high: f64, share: f64) -> f64 {
    low + (high - low) * 0.5 * (1.0 - (PI * share.clamp(0.0, 1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64, steps_per_epoch: u64, epochs: u64) -> Position {
        Position { step, steps_per_epoch, epochs }
    }

    fn assert_close(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 5e-5 * expected.abs(), "{got} instead of {expected}");
    }

    #[test]
    fn exponential_decay_gives_the_figures_of_example_4() {
        let schedule = Schedule::Exponential { lr: 0.003, rate: 0.025 };
        for (epoch, rate) in [(0, 0.003), (50, 8.5951e-4), (100, 2.4625e-4), (199, 2.0726e-5)] {
            assert_close(schedule.rate(at(epoch * 7, 7, 200)), rate);
            assert_close(schedule.rate(at(epoch * 7 + 6, 7, 200)), rate);
        }
    }

    #[test]
    fn cosine_with_warm_up_gives_the_figures_of_example_13() {
        let schedule = Schedule::Cosine { lr: 0.24, warmup_steps: 125, floor: 0.0 };
        for (step, rate) in [(0, 0.00192), (124, 0.24), (9_095, 0.12)] {
            assert_close(schedule.rate(at(step, 1_196, 15)), rate);
        }
        assert!((schedule.rate(at(17_939, 1_196, 15)) - 2.9e-5).abs() < 5e-7);
        let alone = Schedule::Cosine { lr: 0.24, warmup_steps: 0, floor: 0.0 };
        assert_close(alone.rate(at(71_745, 9_566, 15)), 0.12);
    }

    #[test]
    fn one_cycle_gives_the_figures_of_example_17() {
        let schedule = Schedule::OneCycle { lr: 0.003, rise: 0.4, start_divisor: 10.0 };
        for (step, rate) in [(0, 0.0003), (200, 0.00165), (400, 0.003), (700, 0.0015)] {
            assert_close(schedule.rate(at(step, 100, 10)), rate);
        }
    }

    #[test]
    fn polynomial_decay_gives_the_figures_of_example_19() {
        let schedule = Schedule::Polynomial { lr: 0.05, power: 0.9 };
        for (epoch, rate) in [(0, 0.05), (100, 0.040_903), (250, 0.026_794)] {
            assert_close(schedule.rate(at(epoch * 3, 3, 500)), rate);
        }
    }

    #[test]
    fn steps_go_down_at_whole_epochs() {
        let schedule = Schedule::Step { lr: 1.0, factor: 0.5, every: 2 };
        let rates: Vec<f64> = (0..10).map(|step| schedule.rate(at(step, 2, 5))).collect();
        assert_eq!(rates, [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let error = Schedule::Constant { lr: f64::NAN }.check().unwrap_err();
        assert_eq!(error.to_string(), "lr = NaN is out of range: expected a finite number of 0 or more");
        assert!(Schedule::default().check().is_ok());
    }
}
