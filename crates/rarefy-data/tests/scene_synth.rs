//! Synthetic streets and rooms: the same for any number of threads, every class, labels that fit the geometry.

use rarefy_data::scene::{
    ClassMap, CloudFolder, KittiMap, KittiSplits, LidarSensor, SceneOptions, ScenePipeline, SceneSet, SeededSplit,
    SemanticKitti, Split, SyntheticRooms, SyntheticStreets, lidar_scan, room_scan, write_synthetic_rooms,
    write_synthetic_streets,
};
use std::collections::BTreeMap;

fn coarse() -> LidarSensor {
    LidarSensor { azimuth_steps: 512, ..LidarSensor::default() }
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn count(labels: impl IntoIterator<Item = u32>, counts: &mut BTreeMap<u32, usize>) {
    for label in labels {
        *counts.entry(label).or_default() += 1;
    }
}

#[test]
fn a_street_follows_from_its_seed_and_number_alone() {
    let scan = |threads, seed, number| with_threads(threads, || lidar_scan(&coarse(), seed, number).unwrap());
    let one = scan(1, 5, 2);
    assert_eq!(one, scan(3, 5, 2));
    assert_ne!(one, scan(1, 6, 2));
    assert_ne!(one, scan(1, 5, 3));
    let lists = [one.labels.as_ref().map(Vec::len), one.instances.as_ref().map(Vec::len)];
    assert_eq!(lists, [Some(one.len()); 2]);
    assert!(one.intensity.unwrap().iter().all(|value| (0.0..1.0).contains(value)));
    let range = |place: &[f32; 3]| place.iter().map(|part| part * part).sum::<f32>().sqrt();
    assert!(one.points.iter().all(|place| (1.0..80.2).contains(&range(place))));
}

#[test]
fn every_class_of_semantic_kitti_occurs_in_streets() {
    let classes = ClassMap::semantic_kitti(KittiMap::Official);
    let mut points = vec![0; classes.len()];
    for number in 0..20 {
        let labels = lidar_scan(&coarse(), 1, number).unwrap().labels.unwrap();
        // All but ignored: streets hold no label beyond the map.
        for class in classes.classes_of(&labels).unwrap() {
            points[usize::from(class)] += 1;
        }
    }
    for (name, points) in classes.names().iter().zip(&points) {
        assert!(*points >= 20, "{name}: {points} of {points:?}");
    }
}

#[test]
fn a_room_follows_from_its_seed_and_number_alone_and_is_well_formed() {
    let room = room_scan(4, 1, 20_000).unwrap();
    assert_eq!(room, with_threads(3, || room_scan(4, 1, 20_000).unwrap()));
    assert_ne!(room, room_scan(4, 2, 20_000).unwrap());
    assert_ne!(room, room_scan(5, 1, 20_000).unwrap());
    assert!((15_000..=20_000).contains(&room.len()), "{}", room.len());
    let lengths = [room.labels.map(|list| list.len()), room.instances.map(|list| list.len())];
    assert_eq!(lengths, [Some(room.points.len()); 2]);
    assert_eq!(room.colour.unwrap().len(), room.points.len());
    for normal in room.normals.unwrap() {
        assert!((normal.iter().map(|part| part * part).sum::<f32>() - 1.0).abs() < 1e-4);
    }
    assert!(room_scan(4, 1, 0).is_err());
}

#[test]
fn labels_of_rooms_fit_the_geometry() {
    for number in 0..6 {
        let room = room_scan(2, number, 30_000).unwrap();
        let high = |axis: usize| room.points.iter().map(|place| place[axis]).fold(0.0, f32::max);
        let size = [high(0), high(1), high(2)];
        let normals = room.normals.as_ref().unwrap();
        for ((place, normal), label) in room.points.iter().zip(normals).zip(room.labels.as_ref().unwrap()) {
            let from_wall = (0..2).map(|axis| place[axis].min(size[axis] - place[axis])).fold(9.0, f32::min);
            let fits = match label {
                1 => from_wall < 0.05 && normal[2].abs() < 1e-6,
                2 => place[2].abs() < 0.03 && normal[2] > 0.999,
                22 => size[2] - place[2] < 0.05 && normal[2] < -0.999,
                8 | 9 | 11 => from_wall < 0.12,
                16 => from_wall < 0.2,
                _ => place[2] < 2.6 && from_wall > -0.03,
            };
            assert!(fits, "room {number}: {label} at {place:?}, {normal:?}");
        }
    }
}

#[test]
fn every_class_occurs_in_rooms() {
    let mut counts = BTreeMap::new();
    for number in 0..30 {
        count(room_scan(1, number, 5_000).unwrap().labels.unwrap(), &mut counts);
    }
    let classes = ClassMap::synthetic_rooms();
    for (class, name) in classes.classes().iter().zip(classes.names()) {
        assert!(counts.get(&class.ids[0]).is_some_and(|&points| points > 100), "{name}: {counts:?}");
    }
    assert_eq!(counts.len(), classes.len());
}

#[test]
fn a_written_set_of_streets_is_read_as_semantic_kitti() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("streets");
    let set = SyntheticStreets { train: 3, val: 1, seed: 9, sensor: coarse() };
    write_synthetic_streets(&root, &set, None).unwrap();
    let kitti = SemanticKitti::open(&root).unwrap();
    let splits = KittiSplits::default().present_in(&kitti);
    let classes = ClassMap::semantic_kitti(KittiMap::Repository);
    let load =
        |names: &[String]| SceneSet::load(&kitti.labelled(names).unwrap(), &classes, &SceneOptions::default()).unwrap();
    let (train, val) = (load(&splits.train), load(&splits.val));
    assert_eq!((train.len(), val.len()), (3, 1));
    let (expected, found) = (lidar_scan(&set.sensor, 9, 3).unwrap(), val.scene(0).unwrap());
    assert_eq!((&found.scan.points, &found.scan.intensity), (&expected.points, &expected.intensity));
    assert_eq!(found.labels, classes.classes_of(&expected.labels.unwrap()).unwrap());
    assert!(!ScenePipeline::default().voxelise(&found).unwrap().cells.is_empty());
    let again = write_synthetic_streets(&root, &set, None).unwrap_err().to_string();
    assert!(again.contains("not empty"), "{again}");
    let none = SyntheticStreets { train: 0, ..set.clone() };
    assert!(write_synthetic_streets(&folder.path().join("other"), &none, None).is_err());
    let blind = SyntheticStreets { sensor: LidarSensor { azimuth_steps: 0, ..coarse() }, ..set };
    assert!(write_synthetic_streets(&folder.path().join("other"), &blind, None).is_err());
}

#[test]
fn a_written_set_of_rooms_is_read_as_a_folder_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("rooms");
    let set = SyntheticRooms { train: 2, val: 1, points: 4_000, seed: 3 };
    write_synthetic_rooms(&root, set, None).unwrap();
    let own = CloudFolder::open(&root).unwrap();
    assert_eq!(own.classes(), &ClassMap::synthetic_rooms());
    let load = |split| {
        let entries = own.labelled(split, SeededSplit::default()).unwrap();
        SceneSet::load(&entries, own.classes(), &SceneOptions::default()).unwrap()
    };
    assert_eq!((load(Split::Train).len(), load(Split::Val).len()), (2, 1));
    let (expected, found) = (room_scan(3, 2, 4_000).unwrap(), load(Split::Val).scene(0).unwrap());
    assert_eq!((&found.scan.points, &found.scan.colour), (&expected.points, &expected.colour));
    assert_eq!(found.scan.normals, expected.normals);
    assert_eq!(found.labels, own.classes().classes_of(&expected.labels.unwrap()).unwrap());
    assert!(write_synthetic_rooms(&root, set, None).unwrap_err().to_string().contains("not empty"));
}

#[test]
fn a_sensor_of_other_rings_can_be_had() {
    let sensor = LidarSensor::with_rings(16, 15.0, -15.0);
    assert_eq!((sensor.elevations_degrees.len(), sensor.elevations_degrees[15]), (16, -15.0));
    let scan = lidar_scan(&LidarSensor { azimuth_steps: 360, ..sensor }, 1, 1).unwrap();
    assert!((1_000..16 * 360).contains(&scan.len()), "{}", scan.len());
    let wrong = LidarSensor { height: f32::NAN, ..LidarSensor::default() };
    assert!(lidar_scan(&wrong, 1, 1).unwrap_err().to_string().contains("height"));
}
