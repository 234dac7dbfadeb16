//! `rarefy data` and `rarefy doctor` on good and on damaged shapes.

mod support;

use support::Place;

const TRIANGLE: &str = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n";

#[test]
fn synthetic_shapes_are_counted_checked_and_converted() {
    let place = Place::new().with_shapes(3, 2, 1);
    let info = place.done("data info shapes");
    assert!(info.out.contains("9 shapes (9 .off)") && info.out.contains("3 classes"), "{info:?}");
    assert!(place.done("data check shapes").out.contains("9 shapes read, 9 in order, 0 damaged"));
    place.done("data convert shapes voxels --to npy --voxels 24");
    let voxels = place.files_below("voxels");
    assert_eq!(voxels.len(), 9);
    assert!(place.done(&format!("data info {}", voxels[0])).out.contains("voxels"));
}

#[test]
fn a_mesh_survives_every_format_that_holds_meshes() {
    let place = Place::new();
    place.write("a.off", TRIANGLE);
    place.done("data convert a.off b.ply");
    place.done("data convert b.ply c.off");
    let described = place.done("data info c.off").out;
    assert!(described.contains("3 vertices and 1 triangles"), "{described}");
    place.done("data convert a.off p.npy --spacing 0.1");
    assert!(place.done("data info p.npy").out.contains("points"));
}

#[test]
fn the_same_seed_makes_the_same_files() {
    let place = Place::new();
    place.done("data synth a --classes 2 --train 1 --test 1 --seed 5");
    place.done("data synth b --classes 2 --train 1 --test 1 --seed 5 --threads 1");
    let (a, b) = (place.files_below("a"), place.files_below("b"));
    assert_eq!(a.len(), 4);
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(std::fs::read(place.join(a)).unwrap(), std::fs::read(place.join(b)).unwrap());
    }
}

#[test]
fn check_names_each_damaged_shape_and_ends_with_one() {
    let place = Place::new();
    place.write("shapes/a/train/good.off", TRIANGLE);
    place.write("shapes/a/train/text.off", "this is a shopping list");
    place.write("shapes/a/train/cut.off", "OFF\n3 1 0\n0 0 0\n1 0");
    place.write("shapes/a/train/nan.off", TRIANGLE.replace("1 0 0", "nan 0 0"));
    place.write("shapes/a/train/none.off", "OFF\n0 0 0\n");
    place.write("shapes/a/train/far.off", TRIANGLE.replace("3 0 1 2", "3 0 1 7"));
    let run = place.run("data check shapes");
    assert_eq!(run.code, 1, "{run:?}");
    for name in ["text.off", "cut.off", "nan.off", "none.off", "far.off"] {
        assert!(run.out.contains(name), "{name}: {run:?}");
    }
    assert!(run.out.contains("6 shapes read, 1 in order, 5 damaged"), "{run:?}");
    assert!(place.done("data check shapes/a/train/good.off").out.contains("good.off: in order"));
    place.fails("data check shapes/a/train/cut.off", 1, &["cut.off", "truncated"]);
    place.fails("data check shapes/a/train/gone.off", 1, &["gone.off", "no such file or folder"]);
}

#[test]
fn wrong_use_of_data_says_what_to_do() {
    let place = Place::new().with_shapes(2, 1, 1);
    place.fails("data chek shapes", 2, &["check"]);
    place.fails("data info nowhere", 1, &["nowhere", "no such file or folder"]);
    place.fails("data synth shapes", 1, &["not empty"]);
    place.fails("data synth new --classes 99", 1, &["99", "expected 1 to"]);
    place.fails("data convert shapes other", 2, &["--to"]);
    place.fails("data convert shapes other --to off --voxels 9000", 2, &["9000"]);
    std::fs::create_dir(place.join("empty")).unwrap();
    place.fails("data info empty", 1, &["empty", "<class>"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new().with_shapes(2, 1, 1);
    let program = env!("CARGO_BIN_EXE_rarefy");
    let script = format!("set -o pipefail; {program} data info shapes | true");
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    let run = support::Run::of(output);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn the_doctor_finds_this_machine_well_with_any_instruction_set() {
    let place = Place::new();
    assert!(place.done("doctor").out.contains("all well"));
    let portable = place.command("doctor").env("RAREFY_ISA", "portable").output().unwrap();
    let portable = support::Run::of(portable);
    assert!(portable.out.contains("portable in use") && portable.out.contains("as slow as f32"), "{portable:?}");
    let unknown = support::Run::of(place.command("doctor").env("RAREFY_ISA", "mmx").output().unwrap());
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("mmx"), "{unknown:?}");
}
