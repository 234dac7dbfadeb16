//! All scans below a folder, to be segmented.
//!
//! Invariant: the order follows from the names alone, and a folder that is reached twice, by a link, is searched once.

use super::cloud_folder::is_label_file;
use super::listing::{files_in, folders_in};
use super::scannet::mesh_of;
use crate::error::DataError;
use crate::scan::{SCAN_EXTENSIONS, scan_extension};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders that hold labels, whatever the types of their files.
const LABEL_FOLDERS: [&str; 2] = ["labels", "predictions"];

/// Paths of the scans below `root`, relative to it, by name; hidden files and label files (see
/// [`label_candidates`](super::label_candidates)) are left out. In the folder of a scan of `ScanNet`, its cleaned mesh alone is
/// one.
pub fn find_scans(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    search(root, Path::new(""), &mut BTreeSet::new(), &mut found)?;
    if found.is_empty() {
        let looked_for = format!("scan; looked for files of type .{} at any depth", SCAN_EXTENSIONS.join(" ."));
        return Err(DataError::NoScenes { folder: root.to_path_buf(), looked_for });
    }
    Ok(found)
}

fn search(root: &Path, inside: &Path, seen: &mut BTreeSet<PathBuf>, found: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let folder = root.join(inside);
    if !seen.insert(folder.canonicalize().map_err(DataError::io("list", &folder))?) {
        return Ok(());
    }
    if let Some(mesh) = folder.file_name().and_then(|name| name.to_str()).map(mesh_of)
        && folder.join(&mesh).is_file()
    {
        found.push(inside.join(mesh));
        return Ok(());
    }
    let is_scan = |path: &Path| scan_extension(path).is_some() && !is_label_file(path);
    found.extend(files_in(&folder, is_scan)?.iter().map(|name| inside.join(name)));
    for name in folders_in(&folder)?.iter().filter(|name| !LABEL_FOLDERS.contains(&name.as_str())) {
        search(root, &inside.join(name), seen, found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_found_at_any_depth_and_label_files_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "sequences/00/velodyne/000001.bin",
            "sequences/00/velodyne/000000.bin",
            "sequences/00/labels/000000.npy",
            "rooms/a.ply",
            "rooms/a.labels.ply",
            "rooms/a_labels.npy",
            "rooms/.hidden.ply",
            "rooms/notes.txt",
            "top.LAS",
            "scans/scene0000_00/scene0000_00_vh_clean_2.ply",
            "scans/scene0000_00/scene0000_00_vh_clean.ply",
            "scans/scene0000_00/scene0000_00_bbox.npy",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), folder.path().join("rooms/loop")).unwrap();
        let expected = [
            "top.LAS",
            "rooms/a.ply",
            "scans/scene0000_00/scene0000_00_vh_clean_2.ply",
            "sequences/00/velodyne/000000.bin",
            "sequences/00/velodyne/000001.bin",
        ];
        assert_eq!(find_scans(folder.path()).unwrap(), expected.map(PathBuf::from));
    }

    #[test]
    fn a_folder_without_scans_is_an_error_that_names_the_types() {
        let folder = tempfile::tempdir().unwrap();
        let error = find_scans(folder.path()).unwrap_err().to_string();
        assert!(error.contains(".bin") && error.contains(".laz"), "{error}");
    }
}
