//! `rarefy import` and `rarefy submit`: PyTorch files become runs that label scans, and submissions are whole or refused.

#[expect(dead_code, reason = "a part of it is used")]
#[path = "../../rarefy-data/tests/pickle/mod.rs"]
mod pickle;
#[path = "support/scenes.rs"]
mod scenes;
mod support;

use burn::tensor::Device;
use pickle::{Pickle, archive, floats};
use rarefy_data::Limits;
use rarefy_data::scan::read_labels;
use rarefy_models::{MinkUNetConfig, SegmentationConfig, SegmentationNetwork};
use rarefy_train::scenes::import::Naming;
use rarefy_train::weights_checksum;
use scenes::{kitti, plane, with_run, with_streets};
use support::Place;
use zip::CompressionMethod;

fn network() -> SegmentationNetwork {
    SegmentationConfig::MinkUNet(MinkUNetConfig::new(19).with_width(0.125)).init(11, &Device::flex())
}

/// A checkpoint as a Python program would save it: `{"model": {"module.…": tensor, …}, "epoch": 7}`.
fn checkpoint(network: &SegmentationNetwork, left_out: &str) -> Vec<u8> {
    let dict = network.export(Naming::TorchSparse).unwrap();
    let mut pickle = Pickle::new().raw(b"}").text("model").raw(b"}");
    let mut storages = Vec::new();
    for (number, (name, tensor)) in dict.iter().filter(|(name, _)| *name != left_out).enumerate() {
        let shape: Vec<i64> = tensor.shape.iter().map(|&side| side as i64).collect();
        let strides: Vec<i64> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
        let count = tensor.values.len() as i64;
        pickle = pickle.text(&format!("module.{name}")).tensor(&number.to_string(), count, 0, &shape, &strides);
        pickle = pickle.raw(b"s");
        storages.push((format!("data/{number}"), floats(&tensor.values)));
    }
    let pickle = pickle.raw(b"s").text("epoch").int(7).raw(b"s").stop();
    let mut entries: Vec<(&str, &[u8])> = vec![("data.pkl", &pickle), ("version", b"3\n")];
    entries.extend(storages.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    archive(CompressionMethod::Stored, &entries)
}

#[test]
fn a_pytorch_checkpoint_becomes_a_run_that_labels_and_is_measured() {
    let place = with_streets(Place::new());
    place.write("net.pt", checkpoint(&network(), ""));
    let run = place.done("import net.pt --model minkunet --classes semantic-kitti --voxel-size 0.4 --out zoo");
    for part in ["stem.0.kernel", "[27, 4, 4]", "used", "0 missing (PyTorch, names of TorchSparse)", "\"intensity\""] {
        assert!(run.out.contains(part), "{part}: {run:?}");
    }
    let summary = place.done("predict zoo streets/sequences/08 --out seen");
    assert!(summary.out.contains("median"), "{summary:?}");
    let opened =
        rarefy_train::open_checkpoint::<rarefy_train::scenes::Scenes>(&place.join("zoo"), rarefy_train::Which::Best);
    assert_eq!(weights_checksum(&opened.unwrap().network(&Device::flex()).unwrap()), weights_checksum(&network()));
    let labels = read_labels(&place.join("seen/velodyne/000000.label"), &Limits::default()).unwrap().labels;
    assert!(labels.iter().all(|&label| (10..=81).contains(&label)));
    assert!(place.done("eval zoo --data streets").out.contains("mean IoU, official"));
    place.fails("eval zoo", 2, &["--data"]);
    place.fails("train --resume zoo", 1, &["zoo holds an imported network"]);
    place.fails("import net.pt --model minkunet --classes semantic-kitti --out zoo", 1, &["zoo holds a run already"]);
}

/// A checkpoint in the form of Pointcept's, of a network that spconv has run.
const SPUNET: &[u8] = include_bytes!("../../rarefy-train/tests/data/spconv/spunet.pth");

#[test]
fn a_checkpoint_of_spconv_becomes_a_run_that_labels() {
    let place = with_streets(Place::new());
    place.write("model_best.pth", SPUNET);
    let import = "import model_best.pth --model minkunet --classes semantic-kitti --voxel-size 0.4";
    let run = place.done(&format!("{import} --out spunet"));
    for part in [
        "conv_input.0.weight",
        "[2, 5, 5, 5, 4]",
        "num_batches_tracked of 33 norms",
        "167 used, 33 left, 0 missing (PyTorch, names of Spconv)",
        "kernels   as in spconv 2 [out, k1, k2, k3, in], axes x, y, z",
        "norms     ε 0.001",
        "\"intensity\"",
    ] {
        assert!(run.out.contains(part), "{part}: {run:?}");
    }
    assert_eq!(run.out.matches("num_batches_tracked").count(), 1, "{run:?}");
    let labels_of = |run: &str| {
        place.done(&format!("predict {run} streets/sequences/08 --out seen-{run}"));
        let path = place.join(&format!("seen-{run}/velodyne/000000.label"));
        read_labels(&path, &Limits::default()).unwrap().labels
    };
    let labels = labels_of("spunet");
    assert!(!labels.is_empty() && labels.iter().all(|&label| (10..=81).contains(&label)));

    let run = place.done(&format!("{import} --naming spconv --axes zyx --norm-epsilon 0.01 --out turned"));
    assert!(run.out.contains("axes z, y, x") && run.out.contains("ε 0.01"), "{run:?}");
    assert_ne!(labels_of("turned"), labels);

    place.fails(&format!("{import} --naming minkowski --out no"), 1, &["conv0p1s1.kernel", "--naming"]);
    place.fails(&format!("{import} --axes yxz --out no"), 2, &["xyz, zyx"]);
    place.fails(&format!("{import} --norm-epsilon 0 --out no"), 1, &["norm_epsilon"]);
    let spvcnn = "import model_best.pth --model spvcnn --classes semantic-kitti --out no";
    place.fails(spvcnn, 1, &["spvcnn has no names in Spconv"]);
    assert!(!place.join("no").exists());
}

#[test]
fn files_that_do_not_fit_or_would_run_something_leave_no_run() {
    let place = Place::new();
    let import = |file: &str| format!("import {file} --model minkunet --classes semantic-kitti --out zoo");
    place.write("less.pt", checkpoint(&network(), "up4.1.1.net.4.weight"));
    let run = place.fails(&import("less.pt"), 1, &["1 tensors of the network are missing", "up4.1.1.net.4.weight"]);
    assert!(run.out.lines().any(|line| line.contains("up4.1.1.net.4.weight") && line.ends_with("missing")), "{run:?}");
    let hostile = Pickle::new().global("os", "system").raw(b"(").text("touch owned").raw(b"tR").stop();
    place.write("hostile.pt", archive(CompressionMethod::Stored, &[("data.pkl", &hostile), ("version", b"3\n")]));
    place.fails(&import("hostile.pt"), 1, &["hostile.pt", "os.system", "nothing was run"]);
    place.write("cut.pt", &checkpoint(&network(), "")[..2000]);
    place.fails(&import("cut.pt"), 1, &["cut.pt"]);
    place.write("net.pt", checkpoint(&network(), ""));
    place.fails(&import("nowhere.pt"), 1, &["nowhere.pt"]);
    place.fails("import net.pt --model minkunet --classes scannet --out zoo", 1, &["19 classes", "20 are given"]);
    place.fails("import net.pt --model minkunet --classes none.toml --out zoo", 1, &["none.toml", "[[class]]"]);
    place.fails(
        "import net.pt --model minkunet --classes semantic-kitti --features colour --out zoo",
        1,
        &["4 channels"],
    );
    place.fails(
        "import net.pt --model minkunet --classes semantic-kitti --width 0.5 --out zoo",
        1,
        &["the network has"],
    );
    place.fails("import net.pt --model pointnet --classes semantic-kitti --out zoo", 2, &["minkunet, spvcnn"]);
    assert!(!place.join("zoo").exists() && !place.join("owned").exists());
}

#[test]
fn a_submission_is_written_checked_and_told_when_it_is_not_in_order() {
    let place = with_run(with_streets(Place::new()));
    let scan = kitti(&plane());
    for name in ["11/velodyne/000000.bin", "11/velodyne/000001.bin", "12/velodyne/000000.bin"] {
        place.write(&format!("streets/sequences/{name}"), &scan);
    }
    let run = place.done("submit run streets --out mine --zip mine.zip");
    assert!(run.out.contains("mine.zip is in order: 3 scans"), "{run:?}");
    let inside = |name: &str| format!("mine/sequences/{name}.label");
    let files = ["11/predictions/000000", "11/predictions/000001", "12/predictions/000000"].map(inside);
    assert_eq!(place.files_below("mine"), files);
    place.done("submit --check mine streets");
    place.done("submit --check mine.zip streets --sequences 11,12");
    let run = place.run("submit run streets --out mine");
    assert!(run.code == 1 && run.err.contains("--overwrite"), "{run:?}");
    place.done("submit run streets --out mine --overwrite --views 2");

    let whole = std::fs::read(place.join(&files[0])).unwrap();
    place.write(&files[0], &whole[..whole.len() - 4]);
    std::fs::remove_file(place.join(&files[1])).unwrap();
    place.write(&files[2], [3_u8, 0, 0, 0].repeat(400));
    place.write(&inside("12/predictions/000009"), "");
    let run = place.fails("submit --check mine streets", 1, &["4 faults in 3 scans"]);
    for part in ["1596 bytes", "000001.label is missing", "the label 3", "000009.label belongs to none"] {
        assert!(run.out.contains(part), "{part}: {run:?}");
    }
    place.write("streets/sequences/13/velodyne/000000.bin", &scan[..1001]);
    place.fails("submit run streets --out cut --zip cut.zip", 1, &["1 scans were left out"]);
    assert!(!place.join("cut.zip").exists());
    place.fails("submit run streets", 2, &["--out"]);
    place.fails("submit run streets --out more --sequences 99", 1, &["99"]);
    place.fails("submit --check nowhere streets", 1, &["nowhere"]);
    place.fails("submit run nowhere --out more", 1, &["nowhere"]);
}
