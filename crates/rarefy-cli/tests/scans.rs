//! `rarefy predict` and `rarefy eval` on runs of scans: what they write, what they refuse, and how they say it.

#[path = "support/scenes.rs"]
mod scenes;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use rarefy_data::scan::{read_labels, read_scan, read_values, write_scan};
use rarefy_data::{Limits, Scan};
use scenes::{SMALL_SCENES, kitti, plane, with_run, with_streets};
use serde_json::Value;
use support::Place;

fn trained() -> Place {
    with_run(with_streets(Place::new()))
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[test]
fn every_point_of_a_tree_of_scans_gets_a_label_in_each_format() {
    let place = trained();
    let run = place.done("predict run streets --out seen --format label,ply,npz");
    for part in ["scans", "points", "voxels", "median", "95 %", "GMACs a scan", "peak memory", "share"] {
        assert!(run.out.contains(part), "{part}: {run:?}");
    }
    let seen = place.files_below("seen");
    assert_eq!(seen.len(), 9, "{seen:?}");
    let known = rarefy_data::scene::ClassMap::semantic_kitti(rarefy_data::scene::KittiMap::Official);
    let scans = place.files_below("streets").into_iter().filter(|name| name.contains("/velodyne/"));
    for name in scans {
        let inside = name.strip_prefix("streets/").unwrap().strip_suffix(".bin").unwrap();
        let scan = read_scan(&place.join(&name)).unwrap();
        let labels = read_labels(&place.join(&format!("seen/{inside}.label")), &Limits::default()).unwrap().labels;
        assert_eq!(labels.len(), scan.len());
        let classes = known.classes_of(&labels).unwrap();
        assert!(classes.iter().all(|&class| class < 19));
        let npz = read_scan(&place.join(&format!("seen/{inside}.npz"))).unwrap();
        assert_eq!((npz.points, npz.labels.as_ref()), (scan.points.clone(), Some(&labels)));
        let ply = read_scan(&place.join(&format!("seen/{inside}.ply"))).unwrap();
        let colours: Vec<[u8; 3]> = classes.iter().map(|&class| known.colour_of(class)).collect();
        assert_eq!((ply.colour, ply.labels), (Some(colours), Some(labels)));
    }
}

#[test]
fn labels_are_the_same_for_any_number_of_threads_and_from_a_checkpoint_alone() {
    let place = trained();
    let scan = "streets/sequences/08/velodyne/000000.bin";
    for (words, out) in [("--threads 1", "one"), ("--threads 2", "two"), ("--last", "last")] {
        place.done(&format!("predict run {scan} --out {out} --format npz {words}"));
    }
    let checkpoint = place.join("run/checkpoints").read_dir().unwrap().flatten().find(|entry| entry.path().is_dir());
    std::fs::rename(checkpoint.unwrap().path(), place.join("alone")).unwrap();
    place.done(&format!("predict alone {scan} --out alone-out --format npz"));
    let bytes = |out: &str| std::fs::read(place.join(&format!("{out}/000000.npz"))).unwrap();
    for other in ["two", "last", "alone-out"] {
        assert!(bytes("one") == bytes(other), "{other}");
    }
    place.done(&format!("predict alone {scan} --out views --views 3"));
}

#[test]
fn blocks_label_every_point_and_mostly_as_the_whole_scan_does() {
    let place = trained();
    let scan = "streets/sequences/08/velodyne/000000.bin";
    place.done(&format!("predict run {scan} --out whole"));
    let cut = place.done(&format!("predict run {scan} --out cut --chunk 30 --json"));
    assert!(json_lines(&cut.out)[0]["blocks"].as_u64().unwrap() > 1, "{cut:?}");
    let labels =
        |out: &str| read_labels(&place.join(&format!("{out}/000000.label")), &Limits::default()).unwrap().labels;
    let (whole, cut) = (labels("whole"), labels("cut"));
    let same = whole.iter().zip(&cut).filter(|(a, b)| a == b).count();
    assert_eq!(whole.len(), cut.len());
    assert!(same * 10 > whole.len() * 8, "{same} of {}", whole.len());
    place.fails(&format!("predict run {scan} --chunk 0"), 2, &["--chunk", "a length"]);
}

#[test]
fn damaged_scans_are_left_out_by_name_and_the_others_go_on() {
    let place = trained();
    place.write("mixed/good.bin", kitti(&plane()));
    place.write("mixed/deep/good.bin", kitti(&plane()));
    place.write("mixed/cut.bin", &kitti(&plane())[..1001]);
    place.write("mixed/empty.bin", "");
    place.write("mixed/far.bin", kitti(&[[1.0, 2.0, 3.0, 0.0], [1e30, 0.0, 0.0, 0.0]]));
    place.write("mixed/nan.bin", kitti(&[[f32::NAN, 2.0, 3.0, 0.0]]));
    place.write("mixed/bare.npy", b"\x93NUMPY\x01\x00");
    // The network was trained with intensities, and this cloud has none.
    let header =
        "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
    place.write("mixed/plain.ply", format!("{header}0 0 0\n1 1 1\n"));
    let run = place.run("predict run mixed --out seen --json");
    assert_eq!(run.code, 1, "{run:?}");
    let answers = json_lines(&run.out);
    assert_eq!(answers.len(), 8, "{run:?}");
    let error_of = |name: &str| {
        let answer = answers.iter().find(|answer| answer["scan"].as_str().unwrap().ends_with(name)).unwrap();
        answer["error"].as_str().unwrap_or_default().to_owned()
    };
    for (name, part) in [
        ("cut.bin", "cut.bin, byte 992"),
        ("empty.bin", "empty"),
        ("far.bin", "1e30"),
        ("nan.bin", "not a finite number"),
        ("bare.npy", "bare.npy"),
        ("plain.ply", "no intensity"),
    ] {
        assert!(error_of(name).contains(part), "{name}: {}", error_of(name));
        assert!(run.err.contains(&error_of(name)), "{name}");
    }
    assert_eq!(place.files_below("seen"), ["seen/deep/good.label", "seen/good.label"]);
}

#[test]
fn a_stream_of_paths_is_answered_one_by_one_as_they_come() {
    let place = trained();
    place.write("a/0.bin", kitti(&plane()));
    place.write("b/0.bin", kitti(&plane()));
    let mut command = place.command("predict run - --out seen --json --quiet");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut paths, mut answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let mut ask = |path: &str| -> Value {
        writeln!(paths, "{path}").unwrap();
        serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap()
    };
    assert_eq!(ask("a/0.bin")["points"], 400);
    assert!(ask("nowhere.bin")["error"].as_str().unwrap().contains("nowhere.bin"));
    assert_eq!(ask("b/0.bin")["written"][0], "seen/b/0.label");
    // The same scan again would replace its result.
    assert!(ask("b/0.bin")["error"].as_str().unwrap().contains("--overwrite"));
    paths.write_all(b"\xff\xfe.bin\n").unwrap();
    let error: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
    assert!(error["error"].as_str().unwrap().contains(".bin"), "{error}");
    drop(paths);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(place.files_below("seen"), ["seen/a/0.label", "seen/b/0.label"]);
    place.fails("predict run - a/0.bin", 2, &["stands alone"]);
}

#[test]
fn inputs_are_never_written_over_and_results_only_when_asked() {
    let place = trained();
    place.write("mine/0.bin", kitti(&plane()));
    let truth = place.write("mine/0.label", [7_u8; 1600]);
    let run = place.run("predict run mine --out mine");
    assert_eq!((run.code, run.err.contains("is an input")), (1, true), "{run:?}");
    place.run("predict run mine --out mine --overwrite");
    assert_eq!(std::fs::read(&truth).unwrap(), [7_u8; 1600]);
    place.done("predict run mine/0.bin --out seen");
    let run = place.run("predict run mine/0.bin --out seen");
    assert!(run.code == 1 && run.err.contains("--overwrite"), "{run:?}");
    place.done("predict run mine/0.bin --out seen --overwrite");
    // Results below the folder that is searched are not taken for scans.
    place.done("predict run mine --out mine/seen --format ply,npz");
    place.done("predict run mine --out mine/seen --format ply,npz --overwrite");
    assert_eq!(place.files_below("mine/seen"), ["mine/seen/0.npz", "mine/seen/0.ply"]);
    // Two scans that differ in their type alone keep two results.
    std::fs::copy(place.join("mine/seen/0.npz"), place.join("twins.npz")).unwrap();
    place.write("twins.bin", kitti(&plane()));
    let run = place.run("predict run twins.bin twins.npz --out two");
    assert_eq!(place.files_below("two"), ["two/twins.label"], "the archive has no intensities: {run:?}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_before_anything_is_computed() {
    let place = trained();
    place.write("scan.bin", kitti(&plane()));
    place.write("file", "");
    place.fails("predict run scan.bin --out file", 1, &["cannot write to file"]);
    place.fails("predict run scan.bin --out file/inside", 1, &["cannot write to file/inside"]);
    // Files above 1 KiB cannot be written, as on a full disk.
    let program = env!("CARGO_BIN_EXE_rarefy");
    let script = format!("trap '' XFSZ; ulimit -f 1; exec {program} predict run scan.bin --out full");
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    let run = support::Run::of(output);
    assert!(run.code == 1 && run.err.contains("cannot write full/scan.label"), "{run:?}");
    assert!(place.files_below("full").is_empty(), "{:?}", place.files_below("full"));
}

#[test]
fn runs_of_shapes_and_of_scans_know_their_own_files() {
    let place = trained().with_shapes(2, 2, 1);
    place.done(&format!("train s3dcnn data.root=shapes {} --run-dir shape-run --no-report", support::SMALL));
    place.write("scan.bin", kitti(&plane()));
    let shape = place.files_below("shapes")[0].clone();
    place.fails("predict shape-run scan.bin", 1, &["scan.bin is a scan", "rarefy train segment"]);
    place.fails("predict shape-run scan.bin --out seen", 2, &["--out is about scans"]);
    place.fails(&format!("predict run {shape}"), 1, &["is a shape", "trained on shapes"]);
    place.fails("predict run scan.bin --top 2", 2, &["--top is about shapes"]);
    place.fails("eval run --resolutions 10", 2, &["--resolutions is about shapes"]);
    place.fails("eval shape-run --floors", 2, &["--floors is about scans"]);
    place.fails("eval nowhere --floors", 1, &["nowhere", "no such run"]);
    place.fails("predict nowhere scan.bin", 1, &["nowhere", "no such run"]);
    place.fails("predict run nowhere.bin", 1, &["nowhere.bin"]);
    place.fails("predict run scan.bin --overwrite", 2, &["--out"]);
}

#[test]
fn eval_gives_the_figures_of_every_split_with_floors_beside_them() {
    let place = trained();
    let run = place.done("eval run --floors --json figures.json");
    for part in
        ["accuracy", "mean IoU, official", "mean IoU, repository", "precision", "taken for", "GMACs a scan", "always "]
    {
        assert!(run.out.contains(part), "{part}: {run:?}");
    }
    let figures: Value = serde_json::from_slice(&std::fs::read(place.join("figures.json")).unwrap()).unwrap();
    // The same figures stand in the record of the run.
    let record = json_lines(&std::fs::read_to_string(place.join("run/metrics.jsonl")).unwrap());
    let measured = &figures["measured"]["figures"];
    assert_eq!(measured["mean_iou_present"], record[0]["test"]["mean_iou"]);
    assert_eq!(measured["accuracy"], record[0]["test"]["accuracy"]);
    let nearest = figures["floors"]["nearest"]["accuracy"].as_f64().unwrap();
    let constant = figures["floors"]["constant"]["accuracy"].as_f64().unwrap();
    assert!(nearest > constant && constant > 0.0, "{nearest} {constant}");
    assert!(figures["floors"]["sample"].as_u64().unwrap() > 100);
    // The labels that predict writes give the same accuracy.
    place.done("predict run streets/sequences/08 --out seen");
    let read = |name: &str| read_labels(&place.join(name), &Limits::default()).unwrap().labels;
    let known = rarefy_data::scene::ClassMap::semantic_kitti(rarefy_data::scene::KittiMap::Official);
    let truth = known.classes_of(&read("streets/sequences/08/labels/000000.label")).unwrap();
    let found = known.classes_of(&read("seen/velodyne/000000.label")).unwrap();
    let labelled = truth.iter().zip(&found).filter(|(truth, _)| **truth != 255);
    let (right, all) = labelled.fold((0, 0), |(right, all), (a, b)| (right + u32::from(a == b), all + 1));
    assert_eq!(measured["accuracy"], f64::from(right) / f64::from(all));

    assert!(place.done("eval run --split train --views 2").out.contains("2 scans (train)"));
    place.fails("eval run --split night", 2, &["night", "train, val and test"]);
    place.fails("eval run --only 77", 1, &["77"]);
    place.fails("eval run --data nowhere", 1, &["nowhere"]);
    let labels = place.join("streets/sequences/08/labels/000000.label");
    let bytes = std::fs::read(&labels).unwrap();
    std::fs::write(&labels, &bytes[..bytes.len() - 4]).unwrap();
    place.fails("eval run", 1, &["000000.label", "labels for a scan of"]);
}

#[test]
fn factors_of_bf16_give_nearly_the_labels_of_f32_and_are_named_in_the_figures() {
    let place = trained();
    let labels = |precision: &str| {
        place.done(&format!("predict run streets/sequences/08 --out {precision} --precision {precision}"));
        read_labels(&place.join(&format!("{precision}/velodyne/000000.label")), &Limits::default()).unwrap().labels
    };
    let (exact, rounded) = (labels("f32"), labels("bf16"));
    let same = exact.iter().zip(&rounded).filter(|(a, b)| a == b).count();
    assert!(same * 100 >= exact.len() * 95, "{same} of {}", exact.len());
    place.done("eval run --precision bf16 --json figures.json");
    let figures: Value = serde_json::from_slice(&std::fs::read(place.join("figures.json")).unwrap()).unwrap();
    assert_eq!(figures["measured"]["precision"], "bf16");
    place.fails("eval run --precision f64", 2, &["f64", "f32, bf16"]);
}

#[test]
fn how_strongly_each_branch_answers_is_written_shown_and_told_by_class() {
    let place = with_streets(Place::new());
    place.done(&format!("train segment spvcnn data.root=streets {SMALL_SCENES} --run-dir run --no-report"));
    let scan = "streets/sequences/08/velodyne/000000.bin";
    place.done(&format!("predict run {scan} --out seen --format npz,ply --norms"));
    let points = read_scan(&place.join(scan)).unwrap();
    let values = read_values(&place.join("seen/000000.npz"), &points, &Limits::default()).unwrap();
    let of = |name: &str| &values.iter().find(|value| value.name == name).unwrap_or_else(|| panic!("{name}")).values;
    assert!(of("norm_voxels").iter().chain(of("norm_points")).all(|norm| norm.is_finite() && *norm >= 0.0));
    assert_ne!(of("norm_voxels"), of("norm_points"));
    place.done(&format!("view {scan} --value seen/000000.npz --by norm_points --png norms.png"));
    place.fails(&format!("predict run {scan} --out other --norms"), 2, &["--format npz"]);

    let told = place.done("eval run --branches --json figures.json").out;
    assert!(told.contains("strongest 10 % of"), "{told}");
    let figures: Value = serde_json::from_slice(&std::fs::read(place.join("figures.json")).unwrap()).unwrap();
    let branches = figures["measured"]["branches"].as_array().unwrap();
    assert_eq!(
        branches.iter().map(|branch| branch["branch"].as_str().unwrap()).collect::<Vec<_>>(),
        ["voxels", "points"]
    );
    for branch in branches {
        // Of each class with points a share, weighted by the points a tenth of those with a class or less.
        let per_class = figures["measured"]["figures"]["per_class"].as_array().unwrap();
        let shares = branch["shares"].as_array().unwrap();
        let (mut strong, mut all) = (0.0, 0.0);
        for (class, share) in per_class.iter().zip(shares) {
            let points = class["points"].as_f64().unwrap();
            assert_eq!(points > 0.0, share.is_f64());
            strong += points * share.as_f64().unwrap_or(0.0);
            all += points;
        }
        assert!(strong > 0.0 && strong <= (0.1 * points.len() as f64).max(0.1 * all), "{strong} of {all}");
    }
}

#[test]
fn profile_shows_what_each_layer_does_to_scans() {
    let place = trained();
    let scans = "streets/sequences/08";
    let table = place.done(&format!("profile {scans} --model run --precision bf16")).out;
    for part in ["stem.0.conv", "classifier", "on the way up", "1 scan(s)", "bf16"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let layers = json_lines(&place.done(&format!("profile {scans} --model run --json")).out);
    let macs: f64 = layers.iter().map(|layer| layer["macs"].as_f64().unwrap()).sum();
    let predicted = json_lines(&place.done(&format!("predict run {scans} --json")).out);
    assert!((macs / 1e9 - predicted[0]["gmacs"].as_f64().unwrap()).abs() < 1e-9, "{macs} {predicted:?}");
    // A preset has random weights and sees synthetic streets, or rooms where it wants colours.
    place.done("profile --model minkunet-rooms --limit 1");
    place.fails("profile --model run --batch 2", 2, &["--batch is about shapes"]);
    place.fails("profile --views 2", 2, &["--views is about scans"]);
    place.fails("profile nowhere.bin --model run", 1, &["nowhere.bin"]);
}

#[test]
fn a_scan_that_the_memory_does_not_hold_is_told_with_both_sizes() {
    let place = trained();
    let points: Vec<[f32; 4]> = (0..90_000).map(|n| [(n % 300) as f32, (n / 300) as f32, 0.0, 0.5]).collect();
    place.write("wide.bin", kitti(&points));
    let refused = place.run("predict run wide.bin --memory 1");
    assert!(refused.code == 1 && refused.err.contains("wide.bin") && refused.err.contains("1.0 MiB"), "{refused:?}");
    place.fails("predict run wide.bin --memory 0", 2, &["--memory"]);
    assert!(place.done("predict run wide.bin --memory 200").out.contains("90000"));
}

#[test]
fn labels_have_the_numbers_of_ones_own_classes_and_follow_the_run_when_the_data_move() {
    let place = Place::new();
    let classes =
        "ignore = [0]\n\n[[class]]\nname = \"low\"\nids = [5, 6]\n\n[[class]]\nname = \"high\"\nids = [900]\n";
    place.write("mine/classes.toml", classes);
    for name in ["train/0", "train/1", "val/0"] {
        let points: Vec<[f32; 3]> = (0..300).map(|n| [(n % 15) as f32, (n / 15) as f32, (n % 2 * 4) as f32]).collect();
        let labels = points.iter().map(|point| if point[2] > 2.0 { 900 } else { 6 }).collect();
        let scan = Scan { labels: Some(labels), ..Scan::from_points(points) };
        std::fs::create_dir_all(place.join("mine/train")).unwrap();
        std::fs::create_dir_all(place.join("mine/val")).unwrap();
        write_scan(&place.join(&format!("mine/{name}.ply")), &scan).unwrap();
    }
    let settings = "data.root=mine data.layout=folder model.features=3 input.features=[\"position\"]";
    place.done(&format!("train segment minkunet {settings} {SMALL_SCENES} --run-dir run --no-report"));
    place.done("predict run mine/val --out seen");
    let labels = || read_labels(&place.join("seen/0.label"), &Limits::default()).unwrap().labels;
    assert!(labels().iter().all(|label| [5, 900].contains(label)), "{:?}", labels());
    let before = labels();
    std::fs::rename(place.join("mine"), place.join("moved")).unwrap();
    place.done("predict run moved/val --out seen --overwrite");
    assert_eq!(labels(), before);
    // Without the copy that the run keeps, it says what it lacks.
    std::fs::remove_file(place.join("run/classes.toml")).unwrap();
    place.fails("predict run moved/val", 1, &["--classes", "classes.toml"]);
    place.done("predict run moved/val --out seen --overwrite --classes moved/classes.toml");
    assert_eq!(labels(), before);
    assert!(place.done("eval run --data moved --floors").out.contains("1 scans (val)"));
    let other = place.write("other.toml", classes.replace("high", "tall"));
    place.fails(&format!("predict run moved/val --classes {}", other.display()), 1, &["`tall` in place of `high`"]);
}
