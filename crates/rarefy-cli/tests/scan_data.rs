//! `rarefy data` on scans: making, describing and checking them, and what damaged and hostile files end in.

mod support;

use std::io::Write;
use std::process::Command;

use support::{Place, Run};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Options of a small lidar.
const SMALL: &str = "--kind streets --rings 8 --steps 128 --quiet";

/// A KITTI scan of these points.
fn bin(points: &[[f32; 4]]) -> Vec<u8> {
    points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
}

fn labels(ids: &[u32]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

/// A sound scan of three points in the layout of SemanticKITTI.
fn place_with_sequence() -> Place {
    let place = Place::new();
    let points = [[0.0, 0.0, 0.0, 0.5], [1.0, 0.0, 0.0, 0.25], [1.01, 0.0, 0.0, 0.75]];
    place.write("kitti/sequences/00/velodyne/000000.bin", bin(&points));
    place.write("kitti/sequences/00/labels/000000.label", labels(&[40, 10, 0]));
    place
}

#[test]
fn synthetic_streets_are_described_and_in_order() {
    let place = Place::new();
    place.done(&format!("data synth streets {SMALL} --train 2 --val 1"));
    let names = place.files_below("streets");
    let scans = ["00/velodyne/000000.bin", "00/velodyne/000001.bin", "08/labels/000000.label"];
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(scans.iter().all(|scan| names.contains(&format!("streets/sequences/{scan}"))), "{names:?}");
    let info = place.done("data info streets").out;
    for part in
        ["layout of SemanticKITTI", "train", "val", "voxels of 0.05", "intensity  0", "labels     yes", "vegetation"]
    {
        assert!(info.contains(part), "{part}: {info}");
    }
    assert!(place.done("data check streets").out.contains("3 scans read, 3 in order, 0 not in order"));
    place.done(&format!("data synth again {SMALL} --train 2 --val 1 --threads 1"));
    for (a, b) in names.iter().zip(place.files_below("again")) {
        assert_eq!(std::fs::read(place.join(a)).unwrap(), std::fs::read(place.join(&b)).unwrap(), "{a}");
    }
}

#[test]
fn synthetic_rooms_are_described_and_in_order() {
    let place = Place::new();
    place.done("data synth rooms --kind rooms --train 2 --val 1 --points 3000 --seed 4");
    let info = place.done("data info rooms --voxel-size 0.1").out;
    for part in ["scans with its classes", "colour     yes", "normals    yes", "voxels of 0.1", "floor"] {
        assert!(info.contains(part), "{part}: {info}");
    }
    assert!(place.done("data check rooms").out.contains("3 scans read, 3 in order"));
    let room = place.done("data info rooms/train/room_000000.ply").out;
    assert!(room.contains("a scan") && room.contains("wall"), "{room}");
}

#[test]
fn options_of_another_kind_are_refused() {
    let place = Place::new();
    place.fails("data synth x --kind rooms --rings 8", 2, &["--rings goes with --kind streets, not with --kind rooms"]);
    place.fails("data synth x --val 3", 2, &["--val goes with --kind streets or --kind rooms"]);
    place.fails("data synth x --kind streets --classes 3", 2, &["--classes goes with --kind shapes"]);
    place.fails("data synth x --kind streets --steps 99999", 1, &["99999 azimuth steps"]);
    place.fails("data synth x --kind towns", 2, &["towns", "streets"]);
}

#[test]
fn a_sequence_is_counted_by_class() {
    let place = place_with_sequence();
    let info = place.done("data info kitti --voxel-size 0.1").out;
    let line = |start: &str| {
        let found = info.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {info}"));
        found.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    // One scan, three points, two voxels.
    assert_eq!(line("train"), ["train", "1", "3", "3", "2"]);
    assert_eq!(line("car"), ["car", "1", "50.00", "%"]);
    assert_eq!(line("ignored"), ["ignored", "1"]);
    assert!(info.contains("x 0.00 to 1.01") && info.contains("intensity  0.25 to 0.75"), "{info}");
    let file = place.done("data info kitti/sequences/00/velodyne/000000.bin").out;
    assert!(file.contains("road") && file.contains("labels     yes"), "{file}");
    let raw = "data info kitti/sequences/00/velodyne/000000.bin --classes synthetic-rooms";
    place.fails(raw, 1, &["000000.label", "label 40", "point 0"]);
}

#[test]
fn check_names_each_scan_that_is_not_in_order() {
    let place = place_with_sequence();
    let sound = [[0.0, 0.0, 0.0, 0.5]; 2];
    let scan = |number: usize, points: &[u8], ids: Option<&[u32]>| {
        place.write(&format!("kitti/sequences/00/velodyne/{number:06}.bin"), points);
        if let Some(ids) = ids {
            place.write(&format!("kitti/sequences/00/labels/{number:06}.label"), labels(ids));
        }
    };
    scan(1, &bin(&sound)[..20], Some(&[40]));
    scan(2, &[], Some(&[]));
    scan(3, &bin(&sound), Some(&[40, 40, 40]));
    scan(4, &bin(&sound), Some(&[40, 777]));
    scan(5, &bin(&[[0.0, f32::NAN, 0.0, 0.5], sound[0]]), Some(&[40, 40]));
    scan(6, &bin(&[sound[0], [1e30, 0.0, 0.0, 0.5]]), Some(&[40, 40]));
    scan(7, &bin(&sound), None);
    scan(8, &bin(&[[0.0, 0.0, 0.0, f32::INFINITY], sound[0]]), Some(&[40, 40]));
    let run = place.run("data check kitti");
    assert_eq!(run.code, 1, "{run:?}");
    let complaints = [
        ("00/000001", "4 bytes at the end"),
        ("00/000002", "is empty"),
        ("00/000003", "3 labels for a scan of 2 points"),
        ("00/000004", "777 (1 points)"),
        ("00/000005", "point 0 has a coordinate that is not a finite number"),
        ("00/000006", "point 1 has the coordinate 1e30"),
        ("00/000007", "has no labels; looked for"),
        ("00/000008", "point 0"),
    ];
    for (name, reason) in complaints {
        let told = run.out.lines().any(|line| line.starts_with(name) && line.contains(reason));
        assert!(told, "{name}, {reason}: {run:?}");
    }
    assert!(run.out.contains("9 scans read, 1 in order, 8 not in order"), "{run:?}");
    // A description tells of the same trouble and counts the rest.
    let info = place.run("data info kitti");
    assert_eq!(info.code, 1, "{info:?}");
    assert!(info.err.contains("7 of 9 scans cannot be used") && info.out.contains("train"), "{info:?}");
}

#[test]
fn test_sequences_need_no_labels() {
    let place = place_with_sequence();
    place.write("kitti/sequences/11/velodyne/000000.bin", bin(&[[0.0; 4]]));
    assert!(place.done("data check kitti").out.contains("2 scans read, 2 in order, 1 without labels, 0 not in order"));
}

#[test]
fn a_folder_of_scans_without_classes_says_what_to_write() {
    let place = Place::new();
    place.write("mine/train/a.bin", bin(&[[0.0; 4]]));
    place.fails("data check mine", 1, &["classes.toml", "[[class]]"]);
    place.write("mine/classes.toml", "others = \"refuse\"\n\n[[class]]\nname = \"road\"\nids = [40]\n");
    let run = place.run("data check mine");
    assert!(run.code == 1 && run.out.contains("train/a: ") && run.out.contains("a.label"), "{run:?}");
    place.write("mine/train/a.labels.npy", b"\x93NUMPY");
    assert!(place.run("data check mine").out.contains("a.labels.npy"));
    std::fs::remove_file(place.join("mine/train/a.labels.npy")).unwrap();
    place.write("mine/train/a.label", labels(&[41]));
    assert!(place.run("data check mine").out.contains("label 41, which is of no class"));
    // What the classes say to ignore is in order, and told once.
    place.write("mine/classes.toml", "others = \"ignore\"\n\n[[class]]\nname = \"road\"\nids = [40]\n");
    let ignored = place.done("data check mine");
    assert!(ignored.out.contains("1 scans read, 1 in order") && ignored.err.contains("41 (1 points)"), "{ignored:?}");
    assert!(place.done("data check mine/train/a.bin --classes mine/classes.toml").out.contains("in order"));
    place.write("mine/train/a.label", labels(&[40]));
    let all_named = place.done("data check mine");
    assert!(all_named.out.contains("1 scans read, 1 in order") && !all_named.err.contains("ignored"), "{all_named:?}");
    place.fails("data check mine --layout scannet", 1, &["mine", "scans/<scene>"]);
    place.fails("data check mine --labels x.label", 2, &["--labels is for one scan"]);
}

#[test]
fn intensities_of_two_scales_are_warned_of() {
    let place = place_with_sequence();
    place.write("kitti/sequences/00/velodyne/000001.bin", bin(&[[0.0, 0.0, 0.0, 40_000.0]]));
    place.write("kitti/sequences/00/labels/000001.label", labels(&[40]));
    let run = place.done("data check kitti");
    assert!(run.err.contains("warning: intensities") && run.err.contains("input.intensity_scale"), "{run:?}");
    assert!(place.done("data info kitti").out.contains("intensity_scale"));
}

/// Runs the program in 4 GiB of address space; it must end with 1 and name file and reason, whatever the file.
fn refused(place: &Place, words: &str, parts: &[&str]) {
    let program = env!("CARGO_BIN_EXE_rarefy");
    let script = format!("ulimit -v 4194304; exec {program} {words}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    let run = Run::of(output);
    assert_eq!(run.code, 1, "{words}: {run:?}");
    for part in parts {
        assert!(run.out.contains(part) || run.err.contains(part), "{words} does not say {part:?}: {run:?}");
    }
}

/// An archive that unpacks to more than a gigabyte, and cut or false files of every type, each with the reason for its refusal.
fn place_with_hostile_files() -> (Place, Vec<(&'static str, &'static str)>) {
    let place = Place::new();
    let ply = "ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\nproperty float x\nproperty float y\n\
               property float z\nend_header\n";
    place.write("long.ply", [ply.as_bytes(), &[0; 64]].concat());
    let pcd = "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 4000000000\nHEIGHT 1\n\
               POINTS 4000000000\nDATA binary\n";
    place.write("long.pcd", [pcd.as_bytes(), &[0; 64]].concat());
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (40000000, 4), }\n";
    let npy =
        [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes(), &[0; 64]].concat();
    place.write("long.npy", npy);
    place.write("cut.bin", [0; 17]);
    place.write("far.bin", bin(&[[0.0, 1e30, 0.0, 0.0]]));
    place.write("nan.bin", bin(&[[f32::NAN, 0.0, 0.0, 0.0]]));
    place.write("none.bin", []);
    for name in ["words.las", "words.laz", "words.pcd", "words.npz", "words.npy"] {
        place.write(
            name,
            "a shopping list, and no scan at all: bread, butter, and two hundred other things to eat".repeat(4),
        );
    }
    let mut las = vec![0; 400];
    las[..4].copy_from_slice(b"LASF");
    las[24..26].copy_from_slice(&[1, 2]);
    place.write("cut.las", las);
    write_bomb(&place, "bomb.npz");
    let files = vec![
        ("long.ply", "4000000000"),
        ("long.pcd", "4000000000"),
        ("long.npy", "40000000"),
        ("cut.bin", "1 bytes at the end"),
        ("far.bin", "1e30"),
        ("nan.bin", "not a finite number"),
        ("none.bin", "empty"),
        ("words.las", "LASF"),
        ("words.laz", "LASF"),
        ("words.pcd", "expected"),
        ("words.npz", "expected"),
        ("words.npy", "expected"),
        ("cut.las", "LAS"),
        ("bomb.npz", "exceed the limit"),
    ];
    (place, files)
}

/// An archive of 2 MB whose array `points` unpacks to 1.1 GiB of zeros.
fn write_bomb(place: &Place, name: &str) {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (98000000, 3), }\n";
    let mut archive = ZipWriter::new(std::fs::File::create(place.join(name)).unwrap());
    archive.start_file("points.npy", SimpleFileOptions::default().compression_level(Some(1))).unwrap();
    archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
    archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    archive.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..1126 {
        archive.write_all(&zeros).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn hostile_and_damaged_scans_end_in_an_error_that_names_file_and_reason() {
    let (place, files) = place_with_hostile_files();
    for (file, reason) in files {
        refused(&place, &format!("data check {file}"), &[file, reason]);
        refused(&place, &format!("data info {file}"), &[file, reason]);
        refused(&place, &format!("view {file} --html x.html"), &[file, reason]);
        assert!(!place.join("x.html").exists(), "{file} gave a page");
    }
}

#[test]
fn labels_of_another_scan_end_in_an_error_that_names_both_counts() {
    let place = place_with_sequence();
    let scan = "kitti/sequences/00/velodyne/000000.bin";
    place.write("other.label", labels(&[40; 7]));
    place.write("cut.label", [0; 13]);
    for command in ["data check", "data info", "view --html x.html"] {
        refused(&place, &format!("{command} {scan} --labels other.label"), &["other.label", "7 labels", "3 points"]);
        refused(&place, &format!("{command} {scan} --labels cut.label"), &["cut.label", "1 bytes at the end"]);
        refused(&place, &format!("{command} {scan} --labels gone.label"), &["gone.label"]);
    }
    refused(&place, &format!("view {scan} --prediction other.label --html x.html"), &["other.label", "7 labels"]);
}
