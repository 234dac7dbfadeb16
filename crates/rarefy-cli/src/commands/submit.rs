//! `rarefy submit`: the labels of SemanticKITTI scans as the benchmark takes them, written or checked.

use std::path::{Path, PathBuf};

use clap::Args;
use rarefy_data::scene::{
    ClassMap, KittiMap, KittiSplits, SceneEntry, SemanticKitti, check_submission, prediction_place, zip_submission,
};

use super::predict::answers::{Answers, Manner};
use super::predict::scans::Work;
use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};
use crate::interrupt;
use crate::scan_jobs::ScanJob;
use crate::scan_output::{OutputFormat, Outputs};
use crate::task::TaskName;
use crate::trained_scenes::{SegmentArgs, TrainedScenes};

/// Faults that are printed.
const SHOWN: usize = 20;

const HELP: &str = "\
Writes sequences/SS/predictions/NNNNNN.label with the original numbers of the classes (10 for car), and checks what it has
written. With --check, the first argument is a submission, a folder or a .zip: each file is compared with its scan. Without
--sequences it is about those of the test, 11 to 21, that the scans have.

Examples:
  rarefy submit runs/spvcnn semantickitti --out submission --zip submission.zip
  rarefy submit runs/spvcnn semantickitti --out mine --sequences 08 --views 4
  rarefy submit --check submission.zip semantickitti
  rarefy submit --check mine semantickitti --sequences 08";

/// Options of `rarefy submit`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct SubmitArgs {
    /// A run, or one of its checkpoints; with --check, a submission
    #[arg(value_name = "RUN|SUBMISSION")]
    subject: PathBuf,
    /// The folder of SemanticKITTI
    scans: PathBuf,
    /// Write the submission to this folder
    #[arg(long, value_name = "FOLDER", required_unless_present = "check")]
    out: Option<PathBuf>,
    /// Pack it into this archive, too
    #[arg(long, value_name = "FILE", requires = "out")]
    zip: Option<PathBuf>,
    /// Check a submission instead of writing one
    #[arg(long, conflicts_with_all = ["out", "zip", "last", "overwrite", "views", "precision", "chunk"])]
    check: bool,
    /// The sequences (default: those of the test)
    #[arg(long, value_name = "SS,SS,…", value_delimiter = ',')]
    sequences: Vec<String>,
    /// Take the newest checkpoint of the run instead of the best
    #[arg(long)]
    last: bool,
    /// Replace predictions that are there already
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    segment: SegmentArgs,
}

/// Runs the command.
pub(crate) fn run(args: &SubmitArgs, console: Console) -> CommandResult {
    let scans = entries(args)?;
    let classes = ClassMap::semantic_kitti(KittiMap::Official);
    if args.check {
        return check(&args.subject, &scans, &classes, console);
    }
    let Some(out) = &args.out else { return Err(WrongUse("name the folder to write to with --out".into()).into()) };
    if TaskName::of_run(&args.subject) == TaskName::Shapes && args.subject.join("manifest.json").is_file() {
        anyhow::bail!("{} was trained on shapes, and this is about scans", args.subject.display());
    }
    let stop = interrupt::listen()?;
    let trained = TrainedScenes::open(&args.subject, args.last)?;
    trained.check_classes(&classes)?;
    let job = |entry: &SceneEntry| ScanJob { scan: entry.scan.clone(), place: prediction_place(&entry.name).into() };
    let jobs: Vec<ScanJob> = scans.iter().map(job).collect();
    let outputs = Some(Outputs::new(out, &[OutputFormat::Label], args.overwrite, &jobs)?);
    let mut answers = Answers::new(&trained.manifest.classes, Manner::Table, console);
    let segmenter = trained.segmenter(&args.segment);
    let mut work = Work { segmenter, classes: classes.clone(), outputs, stop: &stop };
    work.answer_all(&jobs, &mut answers, console)?;
    answers.summary();
    match work.outcome(&answers) {
        Outcome::Done => {}
        Outcome::Interrupted => return Ok(Outcome::Interrupted),
        Outcome::NotInOrder => anyhow::bail!(
            "{} scans were left out, and the benchmark takes whole submissions alone: put them in order, then go on with --overwrite",
            answers.refused
        ),
    }
    if let Some(archive) = &args.zip {
        zip_submission(out, archive)?;
        console.result(format_args!("\narchive   {}", archive.display()));
    }
    console.result("");
    check(args.zip.as_ref().unwrap_or(out), &scans, &classes, console)
}

/// The scans that a submission is about.
fn entries(args: &SubmitArgs) -> anyhow::Result<Vec<SceneEntry>> {
    let folder = SemanticKitti::open(&args.scans)?;
    if !args.sequences.is_empty() {
        return Ok(folder.unlabelled(&args.sequences)?);
    }
    let test = KittiSplits::default().present_in(&folder).test;
    if test.is_empty() {
        let (root, there) = (args.scans.display(), folder.sequences().join(","));
        let message = format!("{root} holds none of the test sequences 11 to 21: name some with --sequences {there}");
        return Err(WrongUse(message).into());
    }
    Ok(folder.unlabelled(&test)?)
}

fn check(submission: &Path, scans: &[SceneEntry], classes: &ClassMap, console: Console) -> CommandResult {
    let faults = check_submission(submission, scans, classes)?;
    if faults.is_empty() {
        console.result(format_args!("{} is in order: {} scans", submission.display(), scans.len()));
        return Ok(Outcome::Done);
    }
    for fault in faults.iter().take(SHOWN) {
        console.result(fault);
    }
    if faults.len() > SHOWN {
        console.result(format_args!("… and {} more", faults.len() - SHOWN));
    }
    console.error(format_args!("{}: {} faults in {} scans", submission.display(), faults.len(), scans.len()));
    Ok(Outcome::NotInOrder)
}
