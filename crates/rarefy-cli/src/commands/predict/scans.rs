//! `rarefy predict` for runs of scans.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use rarefy_data::scan::scan_extension;
use rarefy_data::scene::ClassMap;
use rarefy_data::{EXTENSIONS, Limits};
use rarefy_train::TrainError;
use rarefy_train::scenes::Segmenter;

use super::PredictArgs;
use super::answers::{Answers, Manner};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse, story};
use crate::interrupt;
use crate::scan_jobs::{ScanJob, scan_jobs};
use crate::scan_output::{OutputArgs, OutputFormat, Outputs, write_result};
use crate::trained_scenes::TrainedScenes;

/// What it takes to label scans.
pub(crate) struct Work<'a> {
    pub(crate) segmenter: Segmenter,
    pub(crate) classes: ClassMap,
    pub(crate) outputs: Option<Outputs>,
    pub(crate) stop: &'a AtomicBool,
}

/// Runs the command.
pub(super) fn run(args: &PredictArgs, console: Console) -> CommandResult {
    let stop = interrupt::listen()?;
    let streamed = args.files.iter().any(|path| path == Path::new("-"));
    if streamed && args.files.len() > 1 {
        return Err(WrongUse("`-` stands alone: the paths then come from standard input".into()).into());
    }
    let jobs = if streamed { Vec::new() } else { scan_jobs(&args.files, args.output.out.as_deref())? };
    if let [only] = &args.files[..] {
        check_is_scan(only, &args.checkpoint)?;
    }
    let trained = TrainedScenes::open(&args.checkpoint, args.last)?;
    let OutputArgs { out, format, norms, overwrite } = &args.output;
    if *norms && format.iter().all(|&format| format == OutputFormat::Label) {
        return Err(WrongUse("label files have no room for --norms: add --format npz or --format ply".into()).into());
    }
    let outputs = match out {
        Some(out) => Some(Outputs::new(out, format, *overwrite, &jobs)?),
        None => None,
    };
    let mut segmenter = trained.segmenter(&args.segment);
    segmenter.passes.norms = *norms;
    let classes = trained.classes(args.classes.as_deref())?;
    let mut work = Work { segmenter, classes, outputs, stop: &stop };
    let manner = match (args.json, streamed) {
        (true, _) => Manner::Json,
        (false, true) => Manner::Lines,
        (false, false) => Manner::Table,
    };
    let mut answers = Answers::new(&trained.manifest.classes, manner, console);
    if streamed {
        for line in std::io::stdin().lock().split(b'\n') {
            let line = line.context("cannot read paths from standard input")?;
            let line = String::from_utf8_lossy(&line);
            if stop.load(Ordering::Relaxed) {
                break;
            }
            if !line.trim().is_empty() {
                work.answer(&ScanJob::of_line(line.trim_end_matches('\r')), &mut answers)?;
            }
        }
    } else {
        work.answer_all(&jobs, &mut answers, console)?;
    }
    answers.summary();
    Ok(work.outcome(&answers))
}

/// A mesh is told apart from a damaged scan.
fn check_is_scan(path: &Path, run: &Path) -> anyhow::Result<()> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    if path.is_file() && scan_extension(path).is_none() && EXTENSIONS.contains(&extension.as_str()) {
        let (path, run) = (path.display(), run.display());
        anyhow::bail!("{path} is a shape, and {run} was trained on scans: give a run that was trained on shapes");
    }
    Ok(())
}

impl Work<'_> {
    /// Labels scans until all are done or it is to stop.
    pub(crate) fn answer_all(
        &mut self,
        jobs: &[ScanJob],
        answers: &mut Answers<'_>,
        console: Console,
    ) -> anyhow::Result<()> {
        let mut bar = console.progress("labelling", jobs.len() as u64);
        for (done, job) in (0..).zip(jobs) {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            bar.set(done, "");
            self.answer(job, answers)?;
        }
        Ok(())
    }

    /// How it has ended.
    pub(crate) fn outcome(&self, answers: &Answers<'_>) -> Outcome {
        match (self.stop.load(Ordering::Relaxed), answers.refused) {
            (true, _) => Outcome::Interrupted,
            (false, 0) => Outcome::Done,
            _ => Outcome::NotInOrder,
        }
    }

    /// Labels a scan, writes its results and answers. What is wrong with the scan is told and stops nothing; a result that
    /// cannot be written is an error, as the next ones could not be either.
    fn answer(&mut self, job: &ScanJob, answers: &mut Answers<'_>) -> anyhow::Result<()> {
        let targets = match self.outputs.as_mut().map(|outputs| outputs.targets(job)).transpose() {
            Ok(targets) => targets.unwrap_or_default(),
            Err(taken) => return answers.refused(&job.scan, &taken.to_string()),
        };
        let entry = job.entry(&self.segmenter.pipeline);
        let scene = match entry.read(&self.classes, &Limits::default()) {
            Ok(scene) => scene,
            Err(error) => return answers.refused(&job.scan, &story(&error.into())),
        };
        let found = match self.segmenter.segment(&scene, self.stop) {
            Ok(found) => found,
            Err(TrainError::Interrupted) => return Ok(()),
            Err(error) => return answers.refused(&job.scan, &story(&error.into())),
        };
        let (predicted, confidence) = (found.predicted(), found.confidence());
        let mut written: Vec<PathBuf> = Vec::new();
        for (format, target) in targets {
            write_result((format, &target), &scene.scan, (&predicted, &confidence, &found.norms), &self.classes)?;
            written.push(target);
        }
        answers.labelled(&job.scan, &found, &predicted, &written)
    }
}
