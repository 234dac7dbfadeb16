//! Writing what a network says of a scan: labels, coloured PLY, NPZ.
//!
//! Invariant: a file is whole or not there, no file that was there before is replaced unless that was asked for, and a scan
//! or its own label file never is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rarefy_data::Scan;
use rarefy_data::scan::{PointLabels, write_labels, write_scan_with};
use rarefy_data::scene::{ClassMap, IGNORED, label_candidates};
use rarefy_train::scenes::BranchNorm;

use crate::scan_jobs::ScanJob;

/// What is written of a scan, and where.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Scans: write the labels of each below this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Scans: types of the files to write
    #[arg(long, value_enum, value_delimiter = ',', default_value = "label", requires = "out")]
    pub(crate) format: Vec<OutputFormat>,
    /// Scans: write how strongly the network answers to each point into PLY and NPZ files, too: the norms of its last features
    #[arg(long, requires = "out")]
    pub(crate) norms: bool,
    /// Scans: replace results that are there already
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
}

/// A kind of file for results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// SemanticKITTI: 32 bits a point, the number of the class
    Label,
    /// Points with the colour, number and probability of their class
    Ply,
    /// Arrays `points`, `labels`, `probability`
    Npz,
}

impl OutputFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Ply => "ply",
            Self::Npz => "npz",
        }
    }
}

/// Where results go.
#[derive(Debug)]
pub(crate) struct Outputs {
    folder: PathBuf,
    formats: Vec<OutputFormat>,
    overwrite: bool,
    /// Which scan a result, without its extension, is of.
    taken: HashMap<PathBuf, PathBuf>,
    /// The scans that are known from the start.
    inputs: Vec<PathBuf>,
}

/// A result that must not be written where it would go; the others can be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceTaken {
    #[error("{} is there already: give another --out, or --overwrite", .0.display())]
    Exists(PathBuf),
    #[error("{} is an input and is not written over: give another --out", .0.display())]
    Input(PathBuf),
}

impl Outputs {
    /// Makes the folder, so that one that cannot be written to is told before anything is computed.
    pub(crate) fn new(
        folder: &Path,
        formats: &[OutputFormat],
        overwrite: bool,
        jobs: &[ScanJob],
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .and_then(|()| tempfile_in(folder))
            .map_err(|error| anyhow::anyhow!("cannot write to {}: {error}", folder.display()))?;
        let mut formats = formats.to_vec();
        formats.sort_by_key(|format| format.extension());
        formats.dedup();
        let inputs = jobs.iter().filter_map(|job| job.scan.canonicalize().ok()).collect();
        Ok(Self { folder: folder.to_path_buf(), formats, overwrite, taken: HashMap::new(), inputs })
    }

    /// The files that the results of a scan go to, one a format.
    pub(crate) fn targets(&mut self, job: &ScanJob) -> Result<Vec<(OutputFormat, PathBuf)>, PlaceTaken> {
        let mut stem = self.folder.join(job.place.with_extension(""));
        if self.taken.get(&stem).is_some_and(|scan| *scan != job.scan) {
            // Two scans that differ in their type alone.
            stem = self.folder.join(&job.place);
        }
        self.taken.insert(stem.clone(), job.scan.clone());
        let mut targets = Vec::new();
        for &format in &self.formats {
            let mut target = stem.clone().into_os_string();
            target.push(format!(".{}", format.extension()));
            let target = PathBuf::from(target);
            self.check(job, &target)?;
            targets.push((format, target));
        }
        Ok(targets)
    }

    fn check(&self, job: &ScanJob, target: &Path) -> Result<(), PlaceTaken> {
        let Ok(real) = target.canonicalize() else { return Ok(()) };
        let own = std::iter::once(job.scan.clone()).chain(label_candidates(&job.scan));
        if self.inputs.contains(&real) || own.filter_map(|path| path.canonicalize().ok()).any(|path| path == real) {
            return Err(PlaceTaken::Input(target.to_path_buf()));
        }
        if self.overwrite { Ok(()) } else { Err(PlaceTaken::Exists(target.to_path_buf())) }
    }
}

/// Whether a file can be made in the folder.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".rarefy-{}", std::process::id()));
    std::fs::File::create(&probe)?;
    std::fs::remove_file(&probe)
}

/// The number in label files of the class of each row of a scan's file; rows without a point have that of no class.
pub(crate) fn label_rows(scan: &Scan, predicted: &[u8], classes: &ClassMap) -> PointLabels {
    let ids: Vec<u32> = predicted.iter().map(|&class| classes.id_of(class)).collect();
    let labels = scan.to_rows(&ids, classes.id_of(IGNORED));
    PointLabels { instances: vec![0; labels.len()], labels }
}

/// Writes one file.
pub(crate) fn write_result(
    (format, target): (OutputFormat, &Path),
    scan: &Scan,
    (predicted, confidence, norms): (&[u8], &[f32], &[BranchNorm]),
    classes: &ClassMap,
) -> anyhow::Result<()> {
    if format == OutputFormat::Label {
        write_labels(target, &label_rows(scan, predicted, classes))?;
        return Ok(());
    }
    let colour = || predicted.iter().map(|&class| classes.colour_of(class)).collect();
    let result = Scan {
        points: scan.points.clone(),
        origin: scan.origin,
        colour: (format == OutputFormat::Ply).then(colour),
        labels: Some(predicted.iter().map(|&class| classes.id_of(class)).collect()),
        ..Scan::default()
    };
    let names: Vec<String> = norms.iter().map(|norm| format!("norm_{}", norm.branch)).collect();
    let mut values = vec![("probability", confidence)];
    values.extend(names.iter().zip(norms).map(|(name, norm)| (name.as_str(), &norm.norms[..])));
    write_scan_with(target, &result, &values)?;
    Ok(())
}
