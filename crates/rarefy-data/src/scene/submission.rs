//! Submissions to the SemanticKITTI benchmark: `sequences/SS/predictions/NNNNNN.label`, one label a point of each scan, in a
//! folder or a ZIP archive.
//!
//! What a server would refuse is found before anything is sent to it: a missing or needless file, another length than the
//! scan's, a label of no class.

use super::classes::{ClassMap, IGNORED};
use super::entry::SceneEntry;
use super::listing::{files_in, folders_in};
use crate::error::{DataError, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Bytes of a point in a scan and of its label.
const POINT_BYTES: u64 = 16;
const LABEL_BYTES: u64 = 4;
/// A file that the benchmark lets stand beside the predictions.
const DESCRIPTION: &str = "description.txt";

/// What is wrong with a submission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionFault {
    /// A scan without a prediction.
    #[error("{file} is missing")]
    Missing {
        /// The file within the submission.
        file: String,
    },
    /// A file that belongs to no scan.
    #[error("{file} belongs to none of the scans")]
    Needless {
        /// The file within the submission.
        file: String,
    },
    /// Another number of labels than points.
    #[error("{file} has {bytes} bytes and should have {expected}, 4 for each of the {points} points of its scan")]
    Length {
        /// The file within the submission.
        file: String,
        /// Its length.
        bytes: u64,
        /// The length that it should have.
        expected: u64,
        /// Points of the scan.
        points: u64,
    },
    /// A number of no class.
    #[error(
        "{file}: point {point} has the label {label}, which is of no class of the benchmark; labels are the original ones (10 for car), not numbers from 0 on"
    )]
    Label {
        /// The file within the submission.
        file: String,
        /// Number of the first such point, from 0.
        point: usize,
        /// Its label.
        label: u32,
    },
}

/// The place in a submission of a scan of [`SemanticKitti`](super::SemanticKitti), `08/000123`.
#[must_use]
pub fn prediction_place(name: &str) -> String {
    let (sequence, scan) = name.split_once('/').unwrap_or(("", name));
    format!("sequences/{sequence}/predictions/{scan}.label")
}

/// Compares a submission, a folder or a ZIP archive, with the scans that it is about.
///
/// # Errors
///
/// When it or a scan cannot be read.
pub fn check_submission(
    submission: &Path,
    scans: &[SceneEntry],
    classes: &ClassMap,
) -> Result<Vec<SubmissionFault>, DataError> {
    let mut submission = Submission::open(submission)?;
    let there = submission.files()?;
    let mut faults = Vec::new();
    let mut wanted = BTreeSet::from([DESCRIPTION.to_owned()]);
    for scan in scans {
        let file = prediction_place(&scan.name);
        let bytes = std::fs::metadata(&scan.scan).map_err(DataError::io("read", &scan.scan))?.len();
        let (points, expected) = (bytes / POINT_BYTES, bytes / POINT_BYTES * LABEL_BYTES);
        if there.contains(&file) {
            faults.extend(check_file(&submission.read(&file, expected)?, &file, points, classes));
        } else {
            faults.push(SubmissionFault::Missing { file: file.clone() });
        }
        wanted.insert(file);
    }
    let needless = there.difference(&wanted);
    faults.extend(needless.map(|file| SubmissionFault::Needless { file: file.clone() }));
    Ok(faults)
}

fn check_file(
    (bytes, length): &(Vec<u8>, u64),
    file: &str,
    points: u64,
    classes: &ClassMap,
) -> Option<SubmissionFault> {
    let file = file.to_owned();
    let expected = points * LABEL_BYTES;
    if *length != expected {
        return Some(SubmissionFault::Length { file, bytes: *length, expected, points });
    }
    // The upper half is the instance, which this benchmark does not look at.
    let labels: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|&entry| u32::from_le_bytes(entry) & 0xffff).collect();
    let mut known: BTreeMap<u32, bool> = classes.ignored_ids().iter().map(|&id| (id, true)).collect();
    let is_class = |label: u32| classes.classes_of(&[label]).is_ok_and(|found| found[0] != IGNORED);
    let odd = labels.iter().position(|&label| !*known.entry(label).or_insert_with(|| is_class(label)));
    odd.map(|point| SubmissionFault::Label { file, point, label: labels[point] })
}

/// Packs the predictions of a submission's folder, whole or not at all; they are in the order of their names.
pub fn zip_submission(folder: &Path, archive: &Path) -> Result<(), DataError> {
    let files = Submission::Folder(folder.to_path_buf()).files()?;
    let beside = archive.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(beside).map_err(DataError::io("create", beside))?;
    let pack = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(beside)?;
        let mut zip = ZipWriter::new(file.as_file_mut());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for name in &files {
            zip.start_file(name.as_str(), options)?;
            zip.write_all(&std::fs::read(folder.join(name))?)?;
        }
        zip.finish()?;
        file.as_file().sync_all()?;
        file.persist(archive).map_err(|error| error.error)?;
        Ok(())
    };
    pack().map_err(DataError::io("write", archive))
}

/// Where predictions are read from.
enum Submission {
    Folder(PathBuf),
    Zip(PathBuf, Box<ZipArchive<File>>),
}

impl Submission {
    fn open(path: &Path) -> Result<Self, DataError> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_path_buf()));
        }
        let file = File::open(path).map_err(DataError::io("read", path))?;
        let archive = ZipArchive::new(file).map_err(|error| not_a_zip(path, error.to_string()))?;
        Ok(Self::Zip(path.to_path_buf(), Box::new(archive)))
    }

    /// Names of all files of an archive, or of those that predictions may lie among in a folder.
    fn files(&self) -> Result<BTreeSet<String>, DataError> {
        match self {
            Self::Zip(path, archive) => {
                let mut files = BTreeSet::new();
                for name in archive.file_names() {
                    let name = name.map_err(|error| not_a_zip(path, error.to_string()))?;
                    if !name.ends_with('/') {
                        files.insert(name.into_owned());
                    }
                }
                Ok(files)
            }
            Self::Folder(root) => {
                let mut files = BTreeSet::new();
                let sequences = root.join("sequences");
                if !sequences.is_dir() {
                    let looked_for = "folder `sequences`; predictions are sequences/<name>/predictions/<scan>.label";
                    return Err(DataError::NoScenes { folder: root.clone(), looked_for: looked_for.to_owned() });
                }
                for sequence in folders_in(&sequences)? {
                    let inside = format!("sequences/{sequence}/predictions");
                    if root.join(&inside).is_dir() {
                        let names = files_in(&root.join(&inside), |_| true)?;
                        files.extend(names.iter().map(|name| format!("{inside}/{name}")));
                    }
                }
                Ok(files)
            }
        }
    }

    /// The bytes of a file, at most one more than expected, and its length.
    fn read(&mut self, name: &str, expected: u64) -> Result<(Vec<u8>, u64), DataError> {
        let mut bytes = Vec::new();
        match self {
            Self::Folder(root) => {
                let path = root.join(name);
                let file = File::open(&path).map_err(DataError::io("read", &path))?;
                let length = file.metadata().map_err(DataError::io("read", &path))?.len();
                file.take(expected + 1).read_to_end(&mut bytes).map_err(DataError::io("read", &path))?;
                Ok((bytes, length))
            }
            Self::Zip(path, archive) => {
                let entry = archive.by_name(name).map_err(|error| not_a_zip(path, error.to_string()))?;
                entry.take(expected + 1).read_to_end(&mut bytes).map_err(DataError::io("read", path))?;
                let length = bytes.len() as u64;
                Ok((bytes, length))
            }
        }
    }
}

fn not_a_zip(path: &Path, found: String) -> DataError {
    let (path, expected) = (path.to_path_buf(), "a folder or a ZIP archive of predictions".to_owned());
    DataError::Format { path, format: "ZIP", place: Place::Byte(0), expected, found }
}

#[cfg(test)]
mod tests {
    use super::super::entry::LabelSource;
    use super::super::published_classes::KittiMap;
    use super::*;

    /// Two scans of three and one points, and predictions of them.
    fn submission(folder: &Path) -> Vec<SceneEntry> {
        let scan = |name: &str, points: usize| {
            let path = folder.join(format!("{}.bin", name.replace('/', "-")));
            std::fs::write(&path, vec![0; points * 16]).unwrap();
            SceneEntry::new(name, path, LabelSource::None)
        };
        for (name, labels) in [("11/000000", &[10_u32, 0x0007_0028, 0][..]), ("12/000000", &[81])] {
            let path = folder.join("out").join(prediction_place(name));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<_>>()).unwrap();
        }
        vec![scan("11/000000", 3), scan("12/000000", 1)]
    }

    #[test]
    fn a_whole_submission_has_no_fault_as_a_folder_and_packed() {
        let folder = tempfile::tempdir().unwrap();
        let scans = submission(folder.path());
        let (out, packed) = (folder.path().join("out"), folder.path().join("out.zip"));
        let classes = ClassMap::semantic_kitti(KittiMap::Official);
        assert_eq!(check_submission(&out, &scans, &classes).unwrap(), []);
        zip_submission(&out, &packed).unwrap();
        assert_eq!(check_submission(&packed, &scans, &classes).unwrap(), []);
        let first = std::fs::read(&packed).unwrap();
        zip_submission(&out, &packed).unwrap();
        assert!(std::fs::read(&packed).unwrap() == first, "the same predictions give the same archive");
    }

    #[test]
    fn every_kind_of_fault_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let scans = submission(folder.path());
        let out = folder.path().join("out");
        let classes = ClassMap::semantic_kitti(KittiMap::Official);
        std::fs::rename(
            out.join("sequences/12/predictions/000000.label"),
            out.join("sequences/12/predictions/000001.label"),
        )
        .unwrap();
        let first = out.join("sequences/11/predictions/000000.label");
        std::fs::write(&first, [10, 0, 0, 0, 3, 0, 0, 0, 10, 0, 0, 0]).unwrap();
        let [label, missing, needless] =
            [("11/predictions/000000"), ("12/predictions/000000"), ("12/predictions/000001")]
                .map(|name| format!("sequences/{name}.label"));
        let expected = [
            SubmissionFault::Label { file: label.clone(), point: 1, label: 3 },
            SubmissionFault::Missing { file: missing },
            SubmissionFault::Needless { file: needless },
        ];
        assert_eq!(check_submission(&out, &scans, &classes).unwrap(), expected);
        std::fs::write(&first, [10, 0, 0, 0, 1]).unwrap();
        let faults = check_submission(&out, &scans, &classes).unwrap();
        assert_eq!(faults[0], SubmissionFault::Length { file: label, bytes: 5, expected: 12, points: 3 });
        let error = check_submission(&scans[0].scan, &scans, &classes).unwrap_err().to_string();
        assert!(error.contains("a folder or a ZIP archive"), "{error}");
        let error = check_submission(folder.path(), &scans, &classes).unwrap_err().to_string();
        assert!(error.contains("`sequences`"), "{error}");
    }
}
