//! Folders of scans as a whole: which layout they have, what their scans hold, and values and labels beside scans.

use rarefy_data::scan::{Scan, read_values, write_scan};
use rarefy_data::scene::{
    ClassMap, KittiMap, SceneFolder, SceneLayout, SurveyOptions, SyntheticRooms, read_any_labels, survey,
    write_synthetic_rooms,
};
use rarefy_data::{DataError, Limits};
use std::io::Write;
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive of arrays: name, shape, values.
fn write_npz(path: &Path, arrays: &[(&str, &str, &[f32])]) {
    let mut archive = ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, shape, values) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
        archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
        archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
        archive.write_all(header.as_bytes()).unwrap();
        values.iter().for_each(|value| archive.write_all(&value.to_le_bytes()).unwrap());
    }
    archive.finish().unwrap();
}

#[test]
fn arrays_of_the_scans_length_are_its_values_and_columns_give_their_norm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.npz");
    write_npz(
        &path,
        &[
            ("probability", "(2,)", &[0.25, 0.5]),
            ("features", "(2, 2)", &[3.0, 4.0, 0.0, 2.0]),
            ("labels", "(2,)", &[1.0, 2.0]),
            ("centre", "(3,)", &[0.0; 3]),
        ],
    );
    let scan = Scan::from_points(vec![[0.0; 3]; 2]);
    let values = read_values(&path, &scan, &Limits::default()).unwrap();
    let found: Vec<(&str, &[f32])> = values.iter().map(|one| (one.name.as_str(), &one.values[..])).collect();
    assert_eq!(found, [("features norm", &[5.0, 2.0][..]), ("probability", &[0.25, 0.5])]);
    assert_eq!(read_any_labels(&path, &Limits::default()).unwrap().labels, [1, 2]);

    let other = Scan::from_points(vec![[0.0; 3]; 5]);
    let error = read_values(&path, &other, &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("5 rows") && error.contains("probability"), "{error}");
}

#[test]
fn an_array_longer_than_its_header_says_is_refused_before_it_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.npz");
    write_npz(&path, &[("points", "(2, 3)", &vec![0.0; 1 << 20])]);
    let error = rarefy_data::read_scan(&path).unwrap_err().to_string();
    assert!(error.contains("bomb.npz") && error.contains("array `points`") && error.contains("4194"), "{error}");
}

#[test]
fn values_of_rows_without_a_point_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.npz");
    write_npz(&path, &[("score", "(3,)", &[1.0, 2.0, 3.0])]);
    let scan = Scan { missing: vec![1], ..Scan::from_points(vec![[0.0; 3]; 2]) };
    assert_eq!(read_values(&path, &scan, &Limits::default()).unwrap()[0].values, [1.0, 3.0]);
}

#[test]
fn a_layout_is_seen_from_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let set = SyntheticRooms { train: 1, val: 1, points: 500, seed: 3 };
    write_synthetic_rooms(&root.path().join("rooms"), set, None).unwrap();
    assert_eq!(SceneLayout::of(&root.path().join("rooms")), Some(SceneLayout::Folder));
    let room = root.path().join("scannet/scans/scene0000_00");
    std::fs::create_dir_all(&room).unwrap();
    std::fs::write(room.join("scene0000_00_vh_clean_2.ply"), "").unwrap();
    assert_eq!(SceneLayout::of(&root.path().join("scannet")), Some(SceneLayout::Scannet));
    std::fs::create_dir_all(root.path().join("kitti/sequences/04/velodyne")).unwrap();
    assert_eq!(SceneLayout::of(&root.path().join("kitti")), Some(SceneLayout::SemanticKitti));
    std::fs::create_dir_all(root.path().join("shapes/chair/train")).unwrap();
    std::fs::write(root.path().join("shapes/chair/train/1.ply"), "").unwrap();
    assert_eq!(SceneLayout::of(&root.path().join("shapes")), None);
}

#[test]
fn a_survey_adds_up_to_what_was_written() {
    let root = tempfile::tempdir().unwrap();
    let rooms = root.path().join("rooms");
    write_synthetic_rooms(&rooms, SyntheticRooms { train: 2, val: 1, points: 700, seed: 9 }, None).unwrap();
    let folder = SceneFolder::open(&rooms, SceneLayout::Folder, None).unwrap();
    let parts: Vec<(&str, usize)> = folder.parts().iter().map(|part| (part.name, part.entries.len())).collect();
    assert_eq!(parts, [("train", 2), ("val", 1)]);
    let options = SurveyOptions { voxel_size: 0.1, needs_labels: true, limits: Limits::default(), progress: None };
    for facts in survey(&folder.parts()[0].entries, Some(folder.classes()), &options) {
        let facts = facts.unwrap();
        let labels = facts.labels.unwrap();
        assert!((1..=700).contains(&facts.points) && facts.voxels <= facts.points && facts.voxels > 50);
        assert_eq!(labels.points_of_class.iter().sum::<u64>() + labels.ignored, facts.points as u64);
        assert!(facts.colour && facts.normals && facts.intensity.is_none() && labels.unknown.is_empty());
        assert!((0..3).all(|axis| facts.low[axis] < facts.high[axis] && facts.high[axis] < 20.0));
    }
}

#[test]
fn missing_labels_are_an_error_only_where_labels_are_needed() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sequences/00/velodyne");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("000000.bin"), [0; 32]).unwrap();
    let opened = SceneFolder::open(root.path(), SceneLayout::SemanticKitti, None).unwrap();
    assert!(opened.parts()[0].needs_labels);
    let of = |needs_labels: bool| {
        let options = SurveyOptions { voxel_size: 1.0, needs_labels, limits: Limits::default(), progress: None };
        survey(&opened.parts()[0].entries, Some(opened.classes()), &options).remove(0)
    };
    assert!(matches!(of(true), Err(DataError::NoLabels { .. })));
    let facts = of(false).unwrap();
    assert_eq!((facts.points, facts.voxels, facts.labels), (2, 1, None));
}

#[test]
fn labels_without_classes_are_counted_by_number() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.npz");
    let scan = Scan { labels: Some(vec![7, 9, 7]), ..Scan::from_points(vec![[0.0; 3]; 3]) };
    write_scan(&path, &scan).unwrap();
    let entry = rarefy_data::scene::SceneEntry::new("a", path, rarefy_data::scene::LabelSource::Inside);
    let options = SurveyOptions { voxel_size: 1.0, needs_labels: true, limits: Limits::default(), progress: None };
    let labels = survey(&[entry], None, &options).remove(0).unwrap().labels.unwrap();
    assert_eq!(labels.unknown.into_iter().collect::<Vec<_>>(), [(7, 2), (9, 1)]);
}

#[test]
fn published_classes_have_names_and_known_numbers() {
    for name in rarefy_data::scene::PUBLISHED_CLASSES {
        assert!(ClassMap::published(name).is_some(), "{name}");
    }
    assert!(ClassMap::published("kitty").is_none());
    let official = ClassMap::semantic_kitti(KittiMap::Official);
    let repository = ClassMap::semantic_kitti(KittiMap::Repository);
    // Buses are other vehicles in one reading and ignored by name in the other; 777 is unknown to both.
    assert_eq!((official.classes_of(&[13]), repository.classes_of(&[13])), (Ok(vec![4]), Ok(vec![255])));
    assert!([&official, &repository].iter().all(|map| map.is_listed(13) && map.is_listed(99) && !map.is_listed(777)));
    assert_eq!(official.id_of(255), 0);
}
