//! Scenes: class maps, folders, voxelisation, augmentation, batches, blocks.

use rarefy_data::scan::{PointLabels, Scan, UNLABELLED, write_labels, write_scan};
use rarefy_data::scene::{
    Blocks, ClassMap, CloudFolder, ColourAugment, Elastic, IGNORED, KittiMap, KittiSplits, ScanNet, Scene,
    SceneAugment, SceneBatch, SceneClass, SceneFeature, SceneLoader, SceneOptions, ScenePipeline, SceneSet,
    SeededSplit, SemanticKitti, Split, Unlisted, join_blocks, read_scene_list,
};
use rarefy_data::{DataError, Limits, Pass, Prefetch, Sampler};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn write_bin(path: &Path, points: &[[f32; 4]]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
}

fn write_label(path: &Path, labels: &[u32]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_labels(path, &PointLabels { labels: labels.to_vec(), instances: vec![0; labels.len()] }).unwrap();
}

/// A scan of some points on a line, each with a label.
fn kitti_scan(root: &Path, sequence: &str, number: usize, points: usize) {
    let folder = root.join("sequences").join(sequence);
    let rows: Vec<[f32; 4]> = (0..points).map(|i| [i as f32 * 0.1, 1.0, 0.0, 0.5]).collect();
    write_bin(&folder.join("velodyne").join(format!("{number:06}.bin")), &rows);
    let labels: Vec<u32> = (0..points).map(|i| [40, 10, 0, 252][i % 4]).collect();
    write_label(&folder.join("labels").join(format!("{number:06}.label")), &labels);
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A cloud with every attribute.
fn scene(number: usize) -> Scene {
    let points = 300 + 20 * number;
    let place = |i: usize| [(i % 23) as f32 * 0.09, (i / 23) as f32 * 0.13 + number as f32, (i % 7) as f32 * 0.17];
    let scan = Scan {
        points: (0..points).map(place).collect(),
        intensity: Some((0..points).map(|i| i as f32).collect()),
        colour: Some((0..points).map(|i| [(i % 200) as u8, 30, (i % 90) as u8]).collect()),
        normals: Some((0..points).map(|i| if i % 2 == 0 { [1.0, 0.0, 0.0] } else { [0.0, 0.6, 0.8] }).collect()),
        ..Scan::default()
    };
    let labels = (0..points).map(|i| if i % 5 == 0 { IGNORED } else { (i % 3) as u8 }).collect();
    Scene { name: format!("scene {number}"), path: PathBuf::from(format!("{number}.bin")), scan, labels }
}

fn classes() -> ClassMap {
    let class = |id: u32| SceneClass { name: format!("class {id}"), ids: vec![id], colour: [9; 3] };
    ClassMap::new((0..3).map(class).collect(), &[7], Unlisted::Refused).unwrap()
}

fn set(scenes: usize) -> Arc<SceneSet> {
    Arc::new(SceneSet::of_scenes((0..scenes).map(scene).collect(), &classes()).unwrap())
}

fn everything() -> SceneAugment {
    SceneAugment {
        jitter: 0.01,
        point_dropout: 0.3,
        mix: 0.5,
        elastic: vec![Elastic { granularity: 0.5, magnitude: 0.3 }],
        ..SceneAugment::rooms()
    }
}

fn pipeline() -> ScenePipeline {
    ScenePipeline {
        voxel_size: 0.2,
        features: vec![SceneFeature::Position, SceneFeature::Colour, SceneFeature::Normal, SceneFeature::Intensity],
        intensity_scale: 0.5,
        most_voxels: 200,
        test_views: 4,
        augment: everything(),
    }
}

fn loader(threads: usize, seed: u64) -> SceneLoader {
    let prefetch = Prefetch { threads, queue: 2 };
    SceneLoader::new(set(7), pipeline(), Sampler::Shuffled { batch: 3 }, seed, prefetch).unwrap()
}

fn collect(batches: rarefy_data::scene::SceneBatches) -> Vec<SceneBatch> {
    batches.collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_two_maps_of_semantic_kitti_are_those_of_the_specification() {
    // SYSTEMS.md §8.2: official numbers, 0 is ignored.
    let official: [(&[u32], u32); 20] = [
        (&[0, 1, 52, 99], 0),
        (&[10, 252], 1),
        (&[11], 2),
        (&[15], 3),
        (&[18, 258], 4),
        (&[13, 16, 20, 256, 257, 259], 5),
        (&[30, 254], 6),
        (&[31, 253], 7),
        (&[32, 255], 8),
        (&[40, 60], 9),
        (&[44], 10),
        (&[48], 11),
        (&[49], 12),
        (&[50], 13),
        (&[51], 14),
        (&[70], 15),
        (&[71], 16),
        (&[72], 17),
        (&[80], 18),
        (&[81], 19),
    ];
    let ours = ClassMap::semantic_kitti(KittiMap::Official);
    let repository = ClassMap::semantic_kitti(KittiMap::Repository);
    assert_eq!((ours.len(), repository.len()), (19, 19));
    for (ids, number) in official {
        for &id in ids {
            let expected = if number == 0 { IGNORED } else { number as u8 - 1 };
            assert_eq!(ours.classes_of(&[id]), Ok(vec![expected]), "{id}");
            let differs = [13, 16, 60, 256, 257].contains(&id);
            assert_eq!(repository.classes_of(&[id]), Ok(vec![if differs { IGNORED } else { expected }]), "{id}");
        }
    }
    let inverse = [10, 11, 15, 18, 20, 30, 31, 32, 40, 44, 48, 49, 50, 51, 70, 71, 72, 80, 81];
    for map in [&ours, &repository] {
        assert_eq!((0..19).map(|class| map.id_of(class)).collect::<Vec<_>>(), inverse);
        assert_eq!((map.id_of(IGNORED), map.classes_of(&[77, 65_535])), (0, Ok(vec![IGNORED; 2])));
    }
}

#[test]
fn the_map_of_scannet_refuses_numbers_that_do_not_exist() {
    let map = ClassMap::scannet();
    assert_eq!(map.classes_of(&[1, 2, 12, 14, 39]), Ok(vec![0, 1, 11, 12, 19]));
    assert_eq!(map.classes_of(&[0, 13, 15, 40]), Ok(vec![IGNORED; 4]));
    assert_eq!(map.classes_of(&[5, 50]), Err(50));
}

#[test]
fn a_classes_file_says_what_is_wrong_with_it() {
    let map = ClassMap::parse(rarefy_data::scene::CLASSES_EXAMPLE).unwrap();
    assert_eq!((map.names(), map.classes_of(&[60, 10, 0])), (vec!["road", "car"], Ok(vec![0, 1, IGNORED])));
    assert_eq!((map.colour_of(0), map.colour_of(IGNORED)), ([255, 0, 255], [0; 3]));
    assert_eq!(map.classes_of(&[60, 3]), Err(3));
    let lenient = ClassMap::parse("others = \"ignore\"\n[[class]]\nname = \"a\"\nids = [1]").unwrap();
    assert_eq!(lenient.classes_of(&[60, 1]), Ok(vec![IGNORED, 0]));
    let refused = |text: &str| ClassMap::parse(text).unwrap_err();
    assert!(refused("[[class]]\nname = \"a\"\nids = [1]\n[[class]]\nname = \"b\"\nids = [1]").contains("label 1"));
    assert!(refused("[[class]]\nname = \"a\"\nids = []").contains("has no ids"));
    assert!(refused("class = []").contains("0 classes"));
    assert!(refused("[[class]]\nname = \"a\"\nid = 1").contains("unknown field"));
    assert!(refused("[[class]]\nname = \"a\"\nids = [-1]").contains("line 3"));
}

#[test]
fn a_folder_of_sequences_is_listed_in_order_with_its_labels() {
    let folder = tempfile::tempdir().unwrap();
    for (sequence, number) in [("00", 3), ("00", 1), ("08", 0), ("11", 5)] {
        kitti_scan(folder.path(), sequence, number, 4 + number);
    }
    let kitti = SemanticKitti::open(folder.path()).unwrap();
    let splits = KittiSplits::default().present_in(&kitti);
    assert_eq!((splits.train, splits.val), (strings(&["00"]), strings(&["08"])));
    let entries = kitti.labelled(&strings(&["00", "08"])).unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["00/000001", "00/000003", "08/000000"]);
    let set =
        SceneSet::load(&entries, &ClassMap::semantic_kitti(KittiMap::Official), &SceneOptions::default()).unwrap();
    assert_eq!(set.scene(0).unwrap().labels, [8, 0, IGNORED, 0, 8]);
    assert_eq!(set.scene(0).unwrap().scan.labels, None);
    assert_eq!(set.count_points().unwrap().0[..9], [7, 0, 0, 0, 0, 0, 0, 0, 5]);
    let absent = kitti.labelled(&strings(&["07"])).unwrap_err().to_string();
    assert!(absent.contains("sequence 07") && absent.contains("00, 08, 11"), "{absent}");
    let label = folder.path().join("sequences/11/labels/000005.label");
    std::fs::remove_file(&label).unwrap();
    let unlabelled = kitti.labelled(&strings(&["11"])).unwrap_err().to_string();
    assert!(unlabelled.contains("000005.bin") && unlabelled.contains("000005.label"), "{unlabelled}");
    assert_eq!(
        kitti.unlabelled(&strings(&["11"])).unwrap()[0].read(set.classes(), &Limits::default()).unwrap().labels,
        [IGNORED; 9]
    );
}

#[test]
fn damaged_scans_are_left_out_by_name_and_labels_of_another_length_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..4 {
        kitti_scan(folder.path(), "00", number, 8);
    }
    let velodyne = folder.path().join("sequences/00/velodyne");
    std::fs::write(velodyne.join("000001.bin"), [1; 33]).unwrap();
    write_bin(&velodyne.join("000002.bin"), &[]);
    write_label(&folder.path().join("sequences/00/labels/000002.label"), &[]);
    let entries = SemanticKitti::open(folder.path()).unwrap().labelled(&strings(&["00"])).unwrap();
    let classes = ClassMap::semantic_kitti(KittiMap::Repository);
    for memory in [0, 1 << 20] {
        let set = SceneSet::load(&entries, &classes, &SceneOptions { memory, ..SceneOptions::default() }).unwrap();
        assert_eq!(set.len(), 2);
        let left_out: Vec<String> = set.skipped.iter().map(ToString::to_string).collect();
        assert_eq!(left_out.len(), 2);
        assert!(left_out[0].contains("000001.bin") && left_out[1].contains("empty"), "{left_out:?}");
        assert_eq!(*set.scene(1).unwrap(), entries[3].read(&classes, &Limits::default()).unwrap());
    }
    // An attribute that is no number, which sizes do not show.
    write_bin(&velodyne.join("000000.bin"), &[[1.0, 2.0, 3.0, f32::NAN]; 8]);
    let set = SceneSet::load(&entries, &classes, &SceneOptions::default()).unwrap();
    assert_eq!((set.len(), set.skipped[0].name.as_str()), (1, "00/000000"));
    write_label(&folder.path().join("sequences/00/labels/000003.label"), &[40; 5]);
    for memory in [0, 1 << 20] {
        let options = SceneOptions { memory, ..SceneOptions::default() };
        let error = SceneSet::load(&entries, &classes, &options).unwrap_err();
        assert!(matches!(error, DataError::LabelCount { labels: 5, points: 8, .. }), "{error}");
    }
}

#[test]
fn a_scan_damaged_after_the_start_is_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        kitti_scan(folder.path(), "00", number, 8);
    }
    let entries = SemanticKitti::open(folder.path()).unwrap().labelled(&strings(&["00"])).unwrap();
    let options = SceneOptions { memory: 0, ..SceneOptions::default() };
    let set = Arc::new(SceneSet::load(&entries, &ClassMap::semantic_kitti(KittiMap::Official), &options).unwrap());
    let sampler = Sampler::Sequential { batch: 2 };
    let loader = SceneLoader::new(set, ScenePipeline::default(), sampler, 0, Prefetch::default()).unwrap();
    std::fs::write(folder.path().join("sequences/00/velodyne/000001.bin"), [0; 7]).unwrap();
    for _ in 0..2 {
        let ids: Vec<Vec<usize>> = collect(loader.epoch(0, 0)).into_iter().map(|batch| batch.ids).collect();
        assert_eq!(ids, [vec![0], vec![2]]);
    }
    assert_eq!(loader.set().newly_skipped()[0].name, "00/000001");
    assert_eq!(loader.set().newly_skipped(), []);
}

#[test]
fn own_scans_find_their_labels_beside_them_and_errors_name_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let without = CloudFolder::open(folder.path()).unwrap_err().to_string();
    assert!(without.contains("classes.toml") && without.contains("[[class]]"), "{without}");
    std::fs::write(folder.path().join("classes.toml"), "ignore = [0]\n[[class]]\nname = \"a\"\nids = [4, 5]").unwrap();
    let own = CloudFolder::open(folder.path()).unwrap();
    let empty = own.labelled(Split::Train, SeededSplit::default()).unwrap_err().to_string();
    assert!(empty.contains("looked for files of type"), "{empty}");

    let rows = [[0.0; 4], [1.0; 4], [2.0; 4]];
    for split in ["train", "val"] {
        write_bin(&folder.path().join(split).join("drive.bin"), &rows);
    }
    let missing = own.labelled(Split::Train, SeededSplit::default()).unwrap_err().to_string();
    for name in ["drive.bin", "drive.label", "drive.labels.npy", "drive_labels.ply", "labels/drive.npy"] {
        assert!(missing.contains(name), "{name}: {missing}");
    }
    write_label(&folder.path().join("train/drive.label"), &[4, 0, 5]);
    // A list of three 64-bit numbers as NumPy writes it.
    let header = format!("{:<117}\n", "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }");
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(header.as_bytes());
    npy.extend([5_i64, 5, 0].iter().flat_map(|label| label.to_le_bytes()));
    std::fs::create_dir(folder.path().join("labels")).unwrap();
    std::fs::write(folder.path().join("labels/drive.npy"), &npy).unwrap();
    for (split, expected) in [(Split::Train, [0, IGNORED, 0]), (Split::Val, [0, 0, IGNORED])] {
        let entries = own.labelled(split, SeededSplit::default()).unwrap();
        let set = SceneSet::load(&entries, own.classes(), &SceneOptions::default()).unwrap();
        assert_eq!(set.scene(0).unwrap().labels, expected);
    }
    let no_test = own.labelled(Split::Test, SeededSplit::default()).unwrap_err().to_string();
    assert!(no_test.contains("`test`"), "{no_test}");
    write_label(&folder.path().join("train/drive.label"), &[4, 9, 9]);
    let entries = own.labelled(Split::Train, SeededSplit::default()).unwrap();
    let unlisted = SceneSet::load(&entries, own.classes(), &SceneOptions::default()).unwrap_err();
    assert!(matches!(unlisted, DataError::UnlistedLabel { label: 9, point: 1, .. }), "{unlisted}");
    npy.truncate(npy.len() - 3);
    std::fs::write(folder.path().join("labels/drive.npy"), &npy).unwrap();
    let entries = own.labelled(Split::Val, SeededSplit::default()).unwrap();
    assert!(SceneSet::load(&entries, own.classes(), &SceneOptions::default()).is_err());
}

#[test]
fn a_seeded_split_parts_the_scans_without_overlap() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("classes.toml"), "[[class]]\nname = \"a\"\nids = [4]").unwrap();
    for number in 0..20 {
        write_bin(&folder.path().join(format!("{number:02}.bin")), &[[0.0; 4]]);
    }
    let own = CloudFolder::open(folder.path()).unwrap();
    let names = |seed: u64| {
        [Split::Train, Split::Val, Split::Test].map(|split| -> Vec<String> {
            let seeded = SeededSplit { val: 0.2, test: 0.1, seed };
            own.unlabelled(split, seeded).unwrap().into_iter().map(|entry| entry.name).collect()
        })
    };
    let parts = names(1);
    assert_eq!([parts[0].len(), parts[1].len(), parts[2].len()], [14, 4, 2]);
    assert_eq!(parts.concat().into_iter().collect::<BTreeSet<_>>().len(), 20);
    assert_eq!(names(1), parts);
    assert_ne!(names(2), parts);
    assert!(own.unlabelled(Split::Train, SeededSplit { val: 0.9, test: 0.2, seed: 0 }).is_err());
}

/// The rules of SYSTEMS.md §4.1 by a map from cells to first points.
#[test]
fn voxels_have_the_features_and_label_of_their_first_point() {
    let scene = scene(1);
    let pipeline = ScenePipeline { augment: SceneAugment::default(), most_voxels: 5, ..pipeline() };
    let voxels = pipeline.voxelise(&scene).unwrap();
    let rounded: Vec<[i32; 3]> = scene
        .scan
        .points
        .iter()
        .map(|place| place.map(|value| f64::from(value / 0.2).round_ties_even() as i32))
        .collect();
    let low: [i32; 3] = std::array::from_fn(|axis| rounded.iter().map(|cell| cell[axis]).min().unwrap());
    let mut first: BTreeMap<[i32; 3], usize> = BTreeMap::new();
    for (point, cell) in rounded.iter().enumerate() {
        first.entry(std::array::from_fn(|axis| cell[axis] - low[axis])).or_insert(point);
    }
    assert!(first.len() < scene.scan.len());
    assert_eq!(voxels.cells.iter().copied().collect::<BTreeSet<_>>(), first.keys().copied().collect());
    assert_eq!(voxels.cells.len(), first.len());
    for (row, cell) in voxels.cells.iter().enumerate() {
        let point = first[cell];
        assert_eq!(voxels.labels[row], scene.labels[point]);
        let features = &voxels.features[10 * row..][..10];
        assert_eq!(features[..3], scene.scan.points[point]);
        let colour = scene.scan.colour.as_ref().unwrap()[point];
        assert_eq!(features[3..6], colour.map(|part| f32::from(part) / 255.0));
        assert_eq!(features[6..9], scene.scan.normals.as_ref().unwrap()[point]);
        assert_eq!(features[9..], [0.5 * scene.scan.intensity.as_ref().unwrap()[point]]);
    }
    for (point, cell) in rounded.iter().enumerate() {
        let found = voxels.cells[voxels.voxel_of_point[point] as usize];
        assert_eq!(found, std::array::from_fn(|axis| cell[axis] - low[axis]));
    }
}

#[test]
fn signed_colours_run_from_minus_one_to_one() {
    let scan = Scan { colour: Some(vec![[0, 51, 255]]), ..Scan::from_points(vec![[0.0; 3]]) };
    let scene = Scene::unlabelled("one", Path::new("one.ply"), scan);
    let features = vec![SceneFeature::SignedColour, SceneFeature::Colour];
    let pipeline = ScenePipeline { features, ..ScenePipeline::default() };
    assert_eq!(pipeline.channels(), 6);
    let found = pipeline.voxelise(&scene).unwrap().features;
    for (found, expected) in found.iter().zip([-1.0, -0.6, 1.0, 0.0, 0.2, 1.0]) {
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }
}

#[test]
fn halves_go_to_the_even_cell() {
    let points = vec![[0.0, 0.0, 0.0], [0.5, 1.5, 2.5], [3.5, 0.0, 0.0]];
    let scene = Scene::unlabelled("halves", Path::new("halves.bin"), Scan::from_points(points));
    let features = vec![SceneFeature::Occupancy];
    let pipeline = ScenePipeline { voxel_size: 1.0, features, ..ScenePipeline::default() };
    let voxels = pipeline.voxelise(&scene).unwrap();
    let cells: Vec<[i32; 3]> = voxels.voxel_of_point.iter().map(|&row| voxels.cells[row as usize]).collect();
    assert_eq!(cells, [[0, 0, 0], [0, 2, 2], [4, 0, 0]]);
}

#[test]
fn the_voxel_cap_draws_a_subset_and_spares_evaluation() {
    let set = set(1);
    let pipeline = ScenePipeline { augment: SceneAugment::default(), most_voxels: 50, ..pipeline() };
    let train = |seed| SceneBatch::prepare(&set, &pipeline, &[0], Pass::Train { epoch: 0 }, seed).unwrap();
    let whole = SceneBatch::prepare(&set, &pipeline, &[0], Pass::Plain, 1).unwrap();
    let all: BTreeSet<[i32; 4]> = whole.coords.iter().copied().collect();
    assert!(all.len() > 100 && train(1).coords.len() == 50);
    assert!(train(1).coords.iter().all(|coord| all.contains(coord)));
    assert!(train(1).row_of_point.is_empty());
    assert_ne!(train(1), train(2));
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads_and_resume_at_any_batch() {
    let whole = collect(loader(1, 5).epoch(3, 0));
    assert_eq!(whole.len(), 3);
    assert_eq!(collect(loader(3, 5).epoch(3, 0)), whole);
    assert_ne!(collect(loader(1, 6).epoch(3, 0)), whole);
    assert_ne!(collect(loader(1, 5).epoch(4, 0)), whole);
    for first in 0..=whole.len() {
        assert_eq!(collect(loader(2, 5).epoch(3, first)), whole[first..]);
    }
}

#[test]
fn every_batch_is_well_formed_and_in_the_order_of_a_voxel_set() {
    for batch in collect(loader(2, 1).epoch(0, 0)) {
        assert_eq!((batch.channels, batch.features.len()), (10, 10 * batch.coords.len()));
        assert_eq!((batch.labels.len(), batch.ids.len()), (batch.coords.len(), batch.samples));
        assert!(batch.features.iter().all(|value| value.is_finite()));
        let set = rarefy_geometry::VoxelSet::new(&batch.coords, batch.samples).unwrap();
        assert_eq!(set.coords(), batch.coords);
        for row in 0..batch.coords.len() {
            let normal = &batch.features[10 * row + 6..][..3];
            let length = normal.iter().map(|part| part * part).sum::<f32>().sqrt();
            assert!((length - 1.0).abs() < 1e-5, "{normal:?}");
        }
    }
}

#[test]
fn each_point_gets_the_label_of_its_voxel() {
    let prefetch = Prefetch::default();
    let loader = SceneLoader::new(set(3), pipeline(), Sampler::Sequential { batch: 2 }, 0, prefetch).unwrap();
    let batches = collect(loader.plain());
    for (batch, ids) in batches.iter().zip([vec![0, 1], vec![2]]) {
        for (sample, id) in ids.into_iter().enumerate() {
            let scene = scene(id);
            assert_eq!(batch.point_labels[sample], scene.labels);
            let rows: Vec<u32> = (0..batch.coords.len() as u32).collect();
            for (point, row) in batch.to_points(sample, &rows).into_iter().enumerate() {
                let [place, ..] = batch.coords[row as usize];
                assert_eq!(place as usize, sample);
                let position = &batch.features[10 * row as usize..][..3];
                let apart = (0..3).map(|axis| (position[axis] - scene.scan.points[point][axis]).abs());
                assert!(apart.fold(0.0, f32::max) < 0.2001);
            }
        }
    }
}

#[test]
fn test_views_are_turned_by_equal_angles() {
    let loader = loader(1, 0);
    let position = |repetition: u64| -> [f32; 3] {
        let batch = loader.repetition(repetition).next().unwrap().unwrap();
        let row = batch.row_of_point[0][40] as usize;
        [0, 1, 2].map(|axis| batch.features[10 * row + axis])
    };
    let (zero, quarter) = (position(0), position(4));
    assert!(zero.iter().zip(quarter).all(|(a, b)| (a - b).abs() < 1e-4), "four views are a full turn");
    let length = |place: [f32; 3]| place[0].hypot(place[1]);
    assert!((length(position(1)) - length(zero)).abs() < 0.5 && (position(2)[0] + zero[0]).abs() < 0.5);
}

#[test]
fn each_augmentation_changes_what_it_says() {
    let set = set(2);
    let prepare = |augment: SceneAugment| {
        let pipeline = ScenePipeline { most_voxels: 0, voxel_size: 0.01, augment, ..pipeline() };
        SceneBatch::prepare(&set, &pipeline, &[0], Pass::Train { epoch: 1 }, 3).unwrap()
    };
    let plain = prepare(SceneAugment::default());
    let base = SceneAugment::default;
    let column = |batch: &SceneBatch, at: usize| -> f32 {
        batch.features.iter().skip(at).step_by(10).map(|value| value * value).sum()
    };
    let cases = [
        ("rotation", SceneAugment { rotation_degrees: 90.0, ..base() }, 0..2),
        ("scale", SceneAugment { scale: 0.3, ..base() }, 0..3),
        ("shift", SceneAugment { shift: 2.0, ..base() }, 0..3),
        ("jitter", SceneAugment { jitter: 0.1, ..base() }, 0..3),
        ("colour", SceneAugment { colour: ColourAugment { shift: 0.2, ..Default::default() }, ..base() }, 3..6),
    ];
    for (name, augment, changed) in cases {
        let batch = prepare(augment);
        for at in (0..10).filter(|&at| !(6..9).contains(&at)) {
            let apart = (column(&batch, at) - column(&plain, at)).abs() > 1e-3 * column(&plain, at).abs();
            assert_eq!(apart, changed.contains(&at), "{name}, channel {at}");
        }
    }
    let points = |batch: &SceneBatch| batch.coords.len();
    assert!(points(&prepare(SceneAugment { point_dropout: 0.9, ..base() })) < points(&plain));
    let mixed = prepare(SceneAugment { mix: 1.0, ..base() });
    // Both scenes together, less the cells that they share.
    assert!(points(&mixed) > points(&plain) + 200 && mixed.samples == 1);
}

#[test]
fn a_feature_that_the_scan_lacks_is_an_error_that_names_both() {
    let bare = Scene::unlabelled("bare", Path::new("bare.ply"), Scan::from_points(vec![[0.0; 3]; 3]));
    let error = pipeline().voxelise(&bare).unwrap_err().to_string();
    assert!(error.contains("bare.ply") && error.contains("colour"), "{error}");
    let set = Arc::new(SceneSet::of_scenes(vec![bare], &classes()).unwrap());
    let sampler = Sampler::Sequential { batch: 1 };
    assert!(SceneLoader::new(set, pipeline(), sampler, 0, Prefetch::default()).is_err());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |pipeline: ScenePipeline| pipeline.check().unwrap_err().to_string();
    assert!(refused(ScenePipeline { voxel_size: 0.0, ..pipeline() }).contains("voxel_size"));
    assert!(refused(ScenePipeline { voxel_size: f32::NAN, ..pipeline() }).contains("voxel_size"));
    assert!(refused(ScenePipeline { features: vec![], ..pipeline() }).contains("intensity"));
    assert!(refused(ScenePipeline { intensity_scale: f32::NAN, ..pipeline() }).contains("intensity_scale"));
    assert!(refused(ScenePipeline { test_views: 0, ..pipeline() }).contains("test_views"));
    let elastic = vec![Elastic { granularity: 0.0, magnitude: 1.0 }];
    let augment = SceneAugment { elastic, ..SceneAugment::default() };
    assert!(refused(ScenePipeline { augment, ..pipeline() }).contains("granularity"));
    let balanced = Sampler::Balanced { classes: 1, per_class: 1 };
    assert!(SceneLoader::new(set(2), pipeline(), balanced, 0, Prefetch::default()).is_err());
    let far = Scan::from_points(vec![[-1e6, 0.0, 0.0], [1e6, 0.0, 0.0]]);
    let far = Scene::unlabelled("far", Path::new("far.bin"), far);
    let fine = ScenePipeline { voxel_size: 1e-4, features: vec![SceneFeature::Position], ..pipeline() };
    assert!(fine.voxelise(&far).unwrap_err().to_string().contains("raise voxel_size"));
}

#[test]
fn blocks_cover_each_point_once_and_reach_beyond_their_cores() {
    let places = scene(4).scan.points;
    let blocks = Blocks { side: 0.7, overlap: 0.4 }.split(&places).unwrap();
    let mut cores = vec![0; places.len()];
    for block in &blocks {
        let core = |point: &u32| block.in_core[block.points.binary_search(point).unwrap()];
        let number =
            |point: u32| [0, 1].map(|axis| (f64::from(places[point as usize][axis]) / f64::from(0.7_f32)).floor());
        let inside = *block.points.iter().find(|point| core(point)).unwrap();
        let low = number(inside).map(|number| number * f64::from(0.7_f32));
        for point in 0..places.len() as u32 {
            let reached = [0, 1].into_iter().all(|axis| {
                let at = f64::from(places[point as usize][axis]) - low[axis];
                at > -0.4 + 1e-6 && at < 0.7 + 0.4 - 1e-6
            });
            assert!(!reached || block.points.binary_search(&point).is_ok());
        }
        for (&point, &in_core) in block.points.iter().zip(&block.in_core) {
            cores[point as usize] += usize::from(in_core);
        }
    }
    assert!(blocks.len() > 4 && cores.iter().all(|&count| count == 1));
    let values: Vec<Vec<u32>> = blocks
        .iter()
        .map(|block| {
            block.points.iter().zip(&block.in_core).map(|(&point, &core)| if core { point } else { 999_999 }).collect()
        })
        .collect();
    assert_eq!(join_blocks(&blocks, &values, places.len()).unwrap(), (0..places.len() as u32).collect::<Vec<_>>());
    assert!(join_blocks(&blocks, &values[1..], places.len()).is_err());
    assert!(join_blocks(&blocks, &values, 3).is_err());
    assert!(Blocks { side: 1.0, overlap: 2.0 }.split(&places).is_err());
    let one = Blocks { side: 1e6, overlap: 0.0 }.split(&places).unwrap();
    assert_eq!(scene(4).select(&one[0].points).labels, scene(4).labels);
}

/// A PLY mesh of two triangles in the plane z = 0, and its labels.
fn scannet_scan(root: &Path, scene: &str, labels: [u16; 4]) {
    let folder = root.join("scans").join(scene);
    std::fs::create_dir_all(&folder).unwrap();
    let corners = ["0 0 0", "1 0 0", "1 1 0", "0 1 0"];
    let axes = "property float x\nproperty float y\nproperty float z\n";
    let colours = "property uchar red\nproperty uchar green\nproperty uchar blue\n";
    let faces = "element face 2\nproperty list uchar int vertex_indices\n";
    let rows = |more: &dyn Fn(usize) -> String| -> String {
        let line = |corner: usize| format!("{} 10 20 30{}\n", corners[corner], more(corner));
        (0..4).map(line).collect::<Vec<_>>().concat()
    };
    let mesh = format!(
        "ply\nformat ascii 1.0\nelement vertex 4\n{axes}{colours}{faces}end_header\n{}3 0 1 2\n3 0 2 3\n",
        rows(&|_| String::new())
    );
    std::fs::write(folder.join(format!("{scene}_vh_clean_2.ply")), mesh).unwrap();
    let labelled = format!(
        "ply\nformat ascii 1.0\nelement vertex 4\n{axes}{colours}property ushort label\nend_header\n{}",
        rows(&|corner| format!(" {}", labels[corner]))
    );
    std::fs::write(folder.join(format!("{scene}_vh_clean_2.labels.ply")), labelled).unwrap();
}

#[test]
fn scannet_meshes_get_normals_and_stray_labels_of_three_scans_are_repaired() {
    let folder = tempfile::tempdir().unwrap();
    scannet_scan(folder.path(), "scene0270_00", [1, 50, 39, 13]);
    scannet_scan(folder.path(), "scene0384_00", [149, 2, 2, 40]);
    scannet_scan(folder.path(), "scene0001_00", [1, 50, 1, 1]);
    let scannet = ScanNet::open(folder.path()).unwrap();
    let rooms = scannet.of_rooms(&strings(&["scene0270", "scene0384_00"])).unwrap();
    let entries = scannet.labelled(&rooms).unwrap();
    let set = SceneSet::load(&entries, &ClassMap::scannet(), &SceneOptions::default()).unwrap();
    let first = set.scene(0).unwrap();
    assert_eq!(first.labels, [0, IGNORED, 19, IGNORED]);
    assert_eq!(first.scan.normals, Some(vec![[0.0, 0.0, 1.0]; 4]));
    assert_eq!(first.scan.colour, Some(vec![[10, 20, 30]; 4]));
    assert_eq!(set.scene(1).unwrap().labels, [IGNORED, 1, 1, IGNORED]);
    // The same number elsewhere is no known mistake.
    let entries = scannet.labelled(&strings(&["scene0001_00"])).unwrap();
    let refused = SceneSet::load(&entries, &ClassMap::scannet(), &SceneOptions::default()).unwrap_err();
    assert!(matches!(refused, DataError::UnlistedLabel { label: 50, point: 1, .. }), "{refused}");
    let list = folder.path().join("train.txt");
    std::fs::write(&list, "scene0270_00\n\n scene0001_00 \n").unwrap();
    assert_eq!(read_scene_list(&list).unwrap(), ["scene0270_00", "scene0001_00"]);
}

#[test]
fn labels_inside_a_scan_are_read_and_a_scan_without_any_says_where_they_could_be() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("classes.toml"), "[[class]]\nname = \"a\"\nids = [4]").unwrap();
    let scan = Scan { labels: Some(vec![4, UNLABELLED, 4]), ..Scan::from_points(vec![[0.0; 3], [1.0; 3], [2.0; 3]]) };
    std::fs::create_dir(folder.path().join("train")).unwrap();
    write_scan(&folder.path().join("train/a.ply"), &scan).unwrap();
    write_scan(&folder.path().join("train/b.npz"), &scan).unwrap();
    let own = CloudFolder::open(folder.path()).unwrap();
    let load = || {
        let entries = own.labelled(Split::Train, SeededSplit::default()).unwrap();
        SceneSet::load(&entries, own.classes(), &SceneOptions::default())
    };
    let set = load().unwrap();
    assert_eq!(set.len(), 2);
    for id in 0..2 {
        assert_eq!(set.scene(id).unwrap().labels, [0, IGNORED, 0]);
    }
    let bare = Scan { labels: None, ..scan.clone() };
    write_scan(&folder.path().join("train/c.ply"), &bare).unwrap();
    let missing = load().unwrap_err().to_string();
    assert!(missing.contains("c.ply") && missing.contains("c_labels.ply") && missing.contains("inside"), "{missing}");
    // Labels in a cloud of their own are no scan.
    write_scan(&folder.path().join("train/c_labels.ply"), &scan).unwrap();
    let set = load().unwrap();
    assert_eq!((set.len(), &set.scene(2).unwrap().labels[..]), (3, &[0, IGNORED, 0][..]));
}

#[test]
fn a_class_map_survives_its_text() {
    let maps =
        [ClassMap::scannet(), ClassMap::semantic_kitti(KittiMap::Official), ClassMap::synthetic_rooms(), classes()];
    for map in maps {
        assert_eq!(ClassMap::parse(&map.to_toml()).unwrap(), map);
    }
}

#[test]
fn a_pipeline_survives_its_configuration_and_unknown_keys_are_refused() {
    let text = toml::to_string(&pipeline()).unwrap();
    assert_eq!(toml::from_str::<ScenePipeline>(&text).unwrap(), pipeline());
    let some = "voxel_size = 0.1\nfeatures = [\"position\", \"colour\"]\n[augment]\nrotation_degrees = 180.0\n\
                elastic = [{ granularity = 0.2, magnitude = 0.4 }]\nelastic_probability = 0.5";
    let some: ScenePipeline = toml::from_str(some).unwrap();
    assert_eq!((some.channels(), some.most_voxels, some.augment.elastic.len()), (6, 80_000, 1));
    assert!(some.check().is_ok());
    let unknown = toml::from_str::<ScenePipeline>("voxel = 0.1").unwrap_err().to_string();
    assert!(unknown.contains("unknown field `voxel`") && unknown.contains("voxel_size"), "{unknown}");
}
