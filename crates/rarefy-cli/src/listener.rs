//! What a run tells, as a progress bar with the time left, or as plain lines.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rarefy_train::{EpochRecord, Event, Progress, StepReport};

use crate::console::{self, Console};

/// Shows the events of one run.
#[derive(Debug)]
pub(crate) struct Listener {
    console: Console,
    shown: Mutex<Option<Shown>>,
    /// What the samples of the run are.
    samples: OnceLock<&'static str>,
}

/// The bar that is on the screen.
#[derive(Debug)]
struct Shown {
    /// What it counts; another one makes a new bar.
    what: String,
    bar: console::Progress,
}

impl Listener {
    /// A listener that speaks through `console`.
    pub(crate) fn new(console: Console) -> Self {
        Self { console, shown: Mutex::new(None), samples: OnceLock::new() }
    }

    /// Takes the bar off the screen.
    pub(crate) fn finish(&self) {
        if let Ok(mut shown) = self.shown.lock() {
            *shown = None;
        }
    }

    fn show(&self, what: &str, done: u64, total: u64, message: &str) {
        // Called from all threads: who comes while another draws has nothing newer to say.
        let Ok(mut shown) = self.shown.try_lock() else { return };
        if shown.as_ref().is_none_or(|shown| shown.what != what) {
            // The old bar goes before the new one comes.
            *shown = None;
            *shown = Some(Shown { what: what.to_owned(), bar: self.console.progress(what, total) });
        }
        if let Some(shown) = shown.as_mut() {
            shown.bar.set(done, message);
        }
    }

    fn samples(&self) -> &'static str {
        self.samples.get().copied().unwrap_or("samples")
    }

    fn line(&self, text: &str) {
        self.finish();
        self.console.remark(text);
    }

    fn step(&self, report: &StepReport) {
        let what = format!("epoch {}/{}", report.epoch, report.epochs);
        let left = console::duration(Duration::from_secs_f64(report.seconds_left.clamp(0.0, 1e8)));
        let accuracy = report.train.get("accuracy").map(|share| format!(", accuracy {:.1} %", share * 100.0));
        let message = format!("loss {:.4}{}, run ends in {left};", report.loss, accuracy.unwrap_or_default());
        self.show(&what, report.step, report.steps, &message);
    }

    fn epoch(&self, record: &EpochRecord) {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let active = record.train.get("active_triples").map(|share| format!(", active triples {}", percent(share)));
        let accuracy = record.train.get("accuracy").map(|share| format!(", accuracy {}", percent(share)));
        let test = record.test.as_ref().map(|test| {
            let named = [("accuracy", "accuracy"), ("mean_iou", "mean IoU"), ("map", "mAP")];
            let figures = named.iter().filter_map(|(key, name)| Some(format!("{name} {}", percent(test.get(key)?))));
            format!("; test {}", figures.collect::<Vec<_>>().join(", "))
        });
        let time = console::duration(Duration::from_secs_f64(record.seconds.clamp(0.0, 1e8)));
        self.line(&format!(
            "epoch {}: loss {:.4}{}{}{} ({time}, {:.1} {}/s)",
            record.epoch,
            record.train_loss,
            accuracy.unwrap_or_default(),
            active.unwrap_or_default(),
            test.unwrap_or_default(),
            record.samples_per_second,
            self.samples()
        ));
    }
}

impl Progress for Listener {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Loading { split, done, total } => {
                self.show(&format!("reading {split} data"), done as u64, total as u64, "");
            }
            Event::Warning(text) => {
                self.finish();
                self.console.warning(text);
            }
            Event::Started { run, samples, parameters, train, test, epochs, resumed_at, .. } => {
                let _ = self.samples.set(samples);
                if let Some((epoch, step)) = resumed_at {
                    self.line(&format!("resuming {} at epoch {}, step {}", run.display(), epoch + 1, step + 1));
                }
                self.line(&format!(
                    "{train} training and {test} test {samples}, {parameters} parameters, {epochs} epochs, run {}",
                    run.display()
                ));
            }
            Event::Step(report) => self.step(report),
            Event::Evaluating { done, total } => self.show("measuring", done as u64, total as u64, ""),
            Event::Epoch(record) => self.epoch(record),
            _ => {}
        }
    }
}
