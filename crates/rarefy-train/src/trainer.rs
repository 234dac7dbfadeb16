//! The training loop: batches in the background, forward, loss, backward, step, measurement, checkpoint.
//!
//! A step of the optimiser takes the mean gradient of `train.accumulate` batches, the last of an epoch of those that are
//! left. A run stops between steps only.
//!
//! Invariant: all randomness follows from the seed, the epoch and the sample, and every sum runs in a fixed order, so
//! that a run that is killed at any moment and resumed ends in the same bits as one that was left alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use rarefy_nn::Position;

use crate::average::WeightAverage;
use crate::checkpoint::Parts;
use crate::state::{Best, EpochSums, TrainState};
use crate::{
    EpochRecord, Event, Figures, Outcome, Progress, RunFolder, StepReport, Task, TaskConfig, TrainError, durable,
};

/// How an epoch came to its end.
enum EpochEnd {
    Whole,
    OutOfTime,
    Interrupted,
}

/// A run in progress.
pub(crate) struct Trainer<'a, T: Task> {
    pub(crate) config: &'a T::Config,
    pub(crate) task: &'a T,
    pub(crate) run: &'a RunFolder,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) device: Device,
    pub(crate) network: T::Network,
    /// The moving average of its weights, if the configuration asks for one.
    pub(crate) average: Option<WeightAverage>,
    pub(crate) optimiser: ModuleOptimizer,
    pub(crate) state: TrainState<T::Sums>,
    /// When the time in `state.seconds` was last brought up to date.
    clock: Instant,
    last_save: Instant,
}

impl<'a, T: Task> Trainer<'a, T> {
    /// A run at the position of `state`.
    pub(crate) fn new(
        (config, task, run): (&'a T::Config, &'a T, &'a RunFolder),
        (progress, stop): (&'a dyn Progress, &'a AtomicBool),
        (network, average): (T::Network, Option<WeightAverage>),
        (optimiser, state): (ModuleOptimizer, TrainState<T::Sums>),
        device: Device,
    ) -> Self {
        let (clock, last_save) = (Instant::now(), Instant::now());
        Self { config, task, run, progress, stop, device, network, average, optimiser, state, clock, last_save }
    }

    /// Steps of the optimiser in an epoch.
    pub(crate) fn steps_per_epoch(&self) -> u64 {
        self.task.batches_per_epoch().div_ceil(self.config.training().accumulate)
    }

    /// The network for use, in its inference form: that of the averaged weights if there is an average.
    pub(crate) fn network_for_use(&self) -> T::Network {
        match &self.average {
            Some(average) => average.network(&self.network),
            None => self.network.valid(),
        }
    }

    /// Trains to the end, or to the stop flag.
    pub(crate) fn run(&mut self) -> Result<Outcome, TrainError> {
        loop {
            if let Some(outcome) = self.state.ended {
                return Ok(outcome);
            }
            let end = match self.train_epoch()? {
                EpochEnd::Whole => {
                    let last = self.state.epoch + 1 >= self.config.training().epochs;
                    self.close_epoch(last.then_some(Outcome::Finished))?
                }
                EpochEnd::OutOfTime => self.close_epoch(Some(Outcome::OutOfTime))?,
                EpochEnd::Interrupted => EpochEnd::Interrupted,
            };
            if matches!(end, EpochEnd::Interrupted) {
                self.save(false)?;
                return Ok(Outcome::Interrupted);
            }
        }
    }

    fn train_epoch(&mut self) -> Result<EpochEnd, TrainError> {
        self.clock = Instant::now();
        let task = self.task;
        let mut batches = task.batches(self.state.epoch, self.batches_done());
        while self.state.step_in_epoch < self.steps_per_epoch() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(EpochEnd::Interrupted);
            }
            if self.out_of_time() {
                return Ok(EpochEnd::OutOfTime);
            }
            self.step(&mut batches)?;
            self.save_if_due()?;
        }
        Ok(if self.stop.load(Ordering::Relaxed) { EpochEnd::Interrupted } else { EpochEnd::Whole })
    }

    /// Batches done in the current epoch.
    fn batches_done(&self) -> u64 {
        self.state.step_in_epoch * self.config.training().accumulate
    }

    /// One step of the optimiser, with the next batches.
    fn step(&mut self, batches: &mut impl Iterator<Item = T::Batch>) -> Result<(), TrainError> {
        let lr = self.learning_rate(self.state.step);
        let (done, all) = (self.batches_done(), self.task.batches_per_epoch());
        let group = self.config.training().accumulate.min(all - done);
        let first = self.state.epoch * all + done;
        let mut sum = GradientsAccumulator::new();
        for (batch, number) in batches.take(group as usize).zip(first..) {
            let gradients = self.gradients(batch, number, group)?;
            sum.accumulate(&self.network, gradients);
        }
        self.network = self.optimiser.step(lr, self.network.clone(), sum.grads());
        self.state.step += 1;
        self.state.step_in_epoch += 1;
        if let Some(average) = &mut self.average {
            average.update(&self.network, self.state.step);
        }
        self.tick();
        self.report_step(lr);
        Ok(())
    }

    /// The gradients of all parameters for one batch, the `number`th since the start, of a step of `group` batches. Where
    /// several processes train together, they are averaged here, between the backward pass and the step.
    fn gradients(&mut self, batch: T::Batch, number: u64, group: u64) -> Result<GradientsParams, TrainError> {
        let batch = T::loss(self.config, &self.network, batch, number, &self.device)?;
        let loss = f64::from(batch.loss.clone().into_scalar::<f32>());
        if !loss.is_finite() {
            let (epoch, step) = (self.state.epoch + 1, self.state.step_in_epoch + 1);
            return Err(TrainError::NotFinite { loss, epoch, step, checkpoints: self.run.checkpoints() });
        }
        let sums = &mut self.state.sums;
        sums.samples += batch.samples;
        sums.loss += loss * batch.weight;
        sums.task += batch.sums;
        let share = if group == 1 { batch.loss } else { batch.loss / group as f64 };
        Ok(GradientsParams::from_grads(share.backward(), &self.network))
    }

    fn learning_rate(&self, step: u64) -> f64 {
        let (steps_per_epoch, epochs) = (self.steps_per_epoch(), self.config.training().epochs);
        self.config.schedule().rate(Position { step, steps_per_epoch, epochs })
    }

    /// Brings the measured times up to date.
    fn tick(&mut self) {
        let seconds = self.clock.elapsed().as_secs_f64();
        self.clock = Instant::now();
        self.state.sums.seconds += seconds;
        self.state.seconds += seconds;
    }

    fn out_of_time(&self) -> bool {
        let minutes = self.config.training().minutes;
        minutes > 0.0 && self.state.seconds + self.clock.elapsed().as_secs_f64() >= minutes * 60.0
    }

    fn report_step(&self, lr: f64) {
        let &EpochSums { samples, seconds, .. } = &self.state.sums;
        let (epochs, steps) = (self.config.training().epochs, self.steps_per_epoch());
        let by_steps = self.state.seconds / self.state.step as f64 * (epochs * steps - self.state.step) as f64;
        let minutes = self.config.training().minutes;
        let by_clock = if minutes > 0.0 { minutes * 60.0 - self.state.seconds } else { f64::INFINITY };
        self.progress.event(Event::Step(&StepReport {
            epoch: self.state.epoch + 1,
            epochs,
            step: self.state.step_in_epoch,
            steps,
            lr,
            loss: self.state.sums.mean_loss(),
            train: self.train_figures(),
            samples_per_second: samples as f64 / seconds.max(1e-9),
            seconds_left: by_steps.min(by_clock).max(0.0),
        }));
    }

    fn save_if_due(&mut self) -> Result<(), TrainError> {
        let training = self.config.training();
        let (steps, minutes) = (training.checkpoint_steps, training.checkpoint_minutes);
        let by_steps = steps > 0 && self.state.step.is_multiple_of(steps);
        let by_clock = minutes > 0.0 && self.last_save.elapsed().as_secs_f64() >= minutes * 60.0;
        // The end of an epoch saves anyway.
        if (by_steps || by_clock) && self.state.step_in_epoch < self.steps_per_epoch() {
            self.save(false)?;
        }
        Ok(())
    }

    /// Measures if it is time to, records the epoch and saves; `ended` if the run ends with it. When the measurement is
    /// interrupted, the resumed run begins with it.
    fn close_epoch(&mut self, ended: Option<Outcome>) -> Result<EpochEnd, TrainError> {
        let epoch = self.state.epoch + 1;
        let mut test = None;
        if ended.is_some() || epoch.is_multiple_of(self.config.measured_every()) {
            match self.measure() {
                Err(TrainError::Interrupted) => return Ok(EpochEnd::Interrupted),
                measured => test = Some(measured?),
            }
        }
        self.tick_outside();
        let record = self.epoch_record(test.clone());
        self.state.history.push(record);
        self.state.sums = EpochSums::default();
        self.state.epoch = epoch;
        self.state.step_in_epoch = 0;
        self.state.ended = ended;
        let better = test.is_some_and(|figures| self.keep_if_best(epoch, figures));
        self.save(better)?;
        self.progress.event(Event::Epoch(&self.state.history[self.state.history.len() - 1]));
        Ok(EpochEnd::Whole)
    }

    fn epoch_record(&self, test: Option<Figures>) -> EpochRecord {
        let sums = &self.state.sums;
        EpochRecord {
            epoch: self.state.epoch + 1,
            step: self.state.step,
            lr: self.learning_rate(self.state.step.saturating_sub(1)),
            train_loss: sums.mean_loss(),
            train: self.train_figures(),
            seconds: sums.seconds,
            samples_per_second: sums.samples as f64 / sums.seconds.max(1e-9),
            minutes: self.state.seconds / 60.0,
            test,
        }
    }

    /// Adds time that is no training to the clock of the run alone.
    fn tick_outside(&mut self) {
        self.state.seconds += self.clock.elapsed().as_secs_f64();
        self.clock = Instant::now();
    }

    fn train_figures(&self) -> Figures {
        T::train_figures(self.config, &self.state.sums.task, self.state.sums.samples)
    }

    fn measure(&self) -> Result<Figures, TrainError> {
        self.task.measure(self.config, &self.network_for_use(), self.progress, self.stop)
    }

    fn keep_if_best(&mut self, epoch: u64, figures: Figures) -> bool {
        let value = T::value(self.config, &figures);
        let better = self.state.best.as_ref().is_none_or(|best| value > best.value);
        if better {
            self.state.best = Some(Best { epoch, value, figures });
        }
        better
    }

    fn save(&mut self, best: bool) -> Result<(), TrainError> {
        let parts: Parts<'_, T> = Parts {
            network: &self.network,
            average: self.average.as_ref(),
            optimiser: &self.optimiser,
            state: &self.state,
            config: self.config,
            classes: self.task.classes(),
        };
        let folder = self.run.save_checkpoint(&parts, best, &durable::write_synced)?;
        self.run.write_metrics(&self.state.history)?;
        self.last_save = Instant::now();
        self.progress.event(Event::Saved(&folder));
        Ok(())
    }
}
