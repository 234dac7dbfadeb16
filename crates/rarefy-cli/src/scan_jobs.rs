//! Which scans a command is about, and where below an output folder the result of each goes.
//!
//! Places keep the folders below the one that all arguments share, so that scans of one name do not meet.

use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use rarefy_data::scan::scan_extension;
use rarefy_data::scene::{LabelSource, SceneEntry, SceneFeature, ScenePipeline, find_scans};

/// One scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScanJob {
    /// The file.
    pub(crate) scan: PathBuf,
    /// Its place below the output folder, with the name of the scan.
    pub(crate) place: PathBuf,
}

impl ScanJob {
    /// A scan that is named in a stream: its place is its path, without what leads out of a folder.
    pub(crate) fn of_line(line: &str) -> Self {
        let scan = PathBuf::from(line);
        let place = scan.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        Self { scan, place }
    }

    /// The scan without labels, as the pipeline needs it.
    pub(crate) fn entry(&self, pipeline: &ScenePipeline) -> SceneEntry {
        let mesh = pipeline.features.contains(&SceneFeature::Normal) && scan_extension(&self.scan) == Some("ply");
        let name = self.scan.display().to_string();
        SceneEntry { normals_from_mesh: mesh, ..SceneEntry::new(name, self.scan.clone(), LabelSource::None) }
    }
}

/// The scans of files and folders, in this order, those of a folder by name; what lies in `out` inside a folder is no input.
pub(crate) fn scan_jobs(paths: &[PathBuf], out: Option<&Path>) -> anyhow::Result<Vec<ScanJob>> {
    let out = out.and_then(|out| out.canonicalize().ok());
    let mut jobs = Vec::new();
    let mut shared: Option<PathBuf> = None;
    for path in paths {
        anyhow::ensure!(path.exists(), "{}: no such file or folder", path.display());
        let real = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
        let folder = if path.is_dir() { real.as_path() } else { real.parent().unwrap_or(&real) };
        shared = Some(shared.map_or_else(|| folder.to_path_buf(), |shared| common(&shared, folder)));
        if path.is_dir() {
            let results = out.as_ref().filter(|out| out.starts_with(&real) && **out != real);
            let inside = find_scans(path)?.into_iter().map(|inside| (path.join(&inside), real.join(&inside)));
            jobs.extend(inside.filter(|(_, real)| results.is_none_or(|results| !real.starts_with(results))));
        } else {
            jobs.push((path.clone(), real));
        }
    }
    let shared = shared.unwrap_or_default();
    let place = |real: &Path| real.strip_prefix(&shared).unwrap_or(real).to_path_buf();
    Ok(jobs.into_iter().map(|(scan, real)| ScanJob { place: place(&real), scan }).collect())
}

/// The innermost folder that holds both.
fn common(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(paths: &[PathBuf], out: Option<&Path>) -> Vec<String> {
        let jobs = scan_jobs(paths, out).unwrap();
        jobs.iter().map(|job| job.place.display().to_string()).collect()
    }

    #[test]
    fn places_keep_the_folders_below_the_one_that_all_arguments_share() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/x/0.bin", "a/y/0.bin", "b/0.bin", "a/out/0.ply"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let path = |name: &str| folder.path().join(name);
        assert_eq!(places(&[path("a/x/0.bin")], None), ["0.bin"]);
        assert_eq!(places(&[path("a/x/0.bin"), path("a/y/0.bin")], None), ["x/0.bin", "y/0.bin"]);
        assert_eq!(places(&[path("a")], Some(&path("a/out"))), ["x/0.bin", "y/0.bin"]);
        assert_eq!(places(&[path("a/x"), path("b/0.bin")], None), ["a/x/0.bin", "b/0.bin"]);
        assert!(scan_jobs(&[path("c")], None).unwrap_err().to_string().contains("no such file"));
    }

    #[test]
    fn a_line_of_a_stream_never_leads_out_of_the_output_folder() {
        let place = |line: &str| ScanJob::of_line(line).place.display().to_string();
        assert_eq!(place("/data/00/1.bin"), "data/00/1.bin");
        assert_eq!(place("../../etc/1.bin"), "etc/1.bin");
        assert_eq!(place("./a/1.bin"), "a/1.bin");
    }
}
