//! `rarefy train`: wrong settings and data, a full disk, Ctrl-C, `kill -9`, any number of threads.

mod support;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use support::{Place, Run, SMALL};

/// A run of a few seconds with a checkpoint every other step.
const LONGER: &str = "train s3dcnn data.root=shapes train.checkpoint_steps=2 --no-report";

fn checksum(run: &Run) -> String {
    let line = run.out.lines().find_map(|line| line.strip_prefix("checksum"));
    line.unwrap_or_else(|| panic!("no checksum: {run:?}")).trim().to_owned()
}

fn start(place: &Place, words: &str) -> Child {
    place.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

fn leftovers(place: &Place, folder: &str) -> Vec<String> {
    place.files_below(folder).into_iter().filter(|name| name.contains(".partial") || name.contains("/.tmp")).collect()
}

#[test]
fn killed_at_twenty_moments_and_resumed_a_run_ends_in_the_same_bits() {
    let place = Place::new().with_shapes(3, 6, 2);
    let begin = Instant::now();
    let expected = checksum(&place.done(&format!("{LONGER} {SMALL} train.epochs=40 --run-dir whole")));
    let whole = begin.elapsed();
    for moment in 0..20 {
        let run = format!("run{moment}");
        let mut wait = whole.mul_f64((f64::from(moment) + 0.5) / 20.0);
        while !killed_after(wait, &place, &run) {
            // The machine is quicker than it was when the whole run was timed.
            std::fs::remove_dir_all(place.join(&run)).unwrap();
            wait /= 2;
        }
        let words = if place.join(&run).join("config.toml").exists() {
            format!("train --resume {run} --no-report")
        } else {
            // Killed before the run began.
            format!("{LONGER} {SMALL} train.epochs=40 --run-dir {run}")
        };
        assert_eq!(checksum(&place.done(&words)), expected, "killed at moment {moment} of 20");
        assert!(leftovers(&place, &run).is_empty(), "{:?}", leftovers(&place, &run));
    }
}

/// Starts a run and kills it after `wait`; whether it was still going then.
fn killed_after(wait: Duration, place: &Place, run: &str) -> bool {
    let mut child = start(place, &format!("{LONGER} {SMALL} train.epochs=40 --run-dir {run}"));
    std::thread::sleep(wait);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn one_and_two_threads_end_in_the_same_bits() {
    let place = Place::new().with_shapes(3, 6, 2);
    for preset in ["s3dcnn", "s3dcnn-modern"] {
        let shape = if preset == "s3dcnn" { SMALL } else { support::SMALL_MODERN };
        let train = |threads: u32| {
            let words =
                format!("train {preset} data.root=shapes {shape} --run-dir {preset}{threads} --threads {threads}");
            checksum(&place.done(&format!("{words} --no-report")))
        };
        assert_eq!(train(1), train(2), "{preset}");
    }
}

#[test]
fn ctrl_c_saves_ends_with_130_and_the_run_goes_on_to_the_same_bits() {
    let place = Place::new().with_shapes(3, 6, 2);
    let expected = checksum(&place.done(&format!("{LONGER} {SMALL} train.epochs=40 --run-dir whole")));
    let child = start(&place, &format!("{LONGER} {SMALL} train.epochs=40 --run-dir broken"));
    let begin = Instant::now();
    while !place.join("broken/checkpoints/last").exists() {
        assert!(begin.elapsed() < Duration::from_mins(1), "no checkpoint came");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let end = child.wait_with_output().unwrap();
    assert_eq!(end.status.code(), Some(130));
    let rest = place.done("train --resume broken --no-report");
    assert!(rest.err.contains("resuming"), "{rest:?}");
    assert_eq!(checksum(&rest), expected);
}

#[test]
fn a_full_disk_ends_the_run_with_a_clear_error_and_no_partial_checkpoint() {
    let place = Place::new().with_shapes(2, 4, 2);
    let program = env!("CARGO_BIN_EXE_rarefy");
    // Files above 8 KiB cannot be written; the signal that comes with it is ignored, as on a full disk there is none.
    let train = format!("{program} train s3dcnn data.root=shapes {SMALL} model.width=16 --run-dir run");
    let script = format!("trap '' XFSZ; ulimit -f 8; exec {train}");
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    let run = Run::of(output);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("cannot write") && run.err.contains("checkpoints"), "{run:?}");
    assert_eq!(leftovers(&place, "run"), [""; 0]);
    assert!(place.files_below("run").iter().all(|name| !name.contains("step-")), "{:?}", place.files_below("run"));
    // With room on the disk the run goes on where it was.
    checksum(&place.done("train --resume run --no-report"));
}

#[test]
fn wrong_settings_are_wrong_use_with_the_right_ones_beside_them() {
    let place = Place::new().with_shapes(2, 2, 1);
    place.fails("train s3dcn data.root=shapes", 2, &["did you mean \"s3dcnn\"?"]);
    place.fails("train s3dcnn data.root=shapes train.epoch=3", 2, &["train.epoch", "did you mean", "epochs"]);
    place.fails("train s3dcnn data.root=shapes train.epochs=many", 2, &["train.epochs"]);
    place.fails("train s3dcnn data.root=shapes train.epochs=0", 2, &["epochs"]);
    place.fails("train data.root=shapes", 2, &["name a preset"]);
    place.fails("train s3dcnn", 2, &["data.root"]);
    place.fails("train nowhere.toml data.root=shapes", 1, &["nowhere.toml"]);
    place.fails(
        "train minkunt data.root=shapes",
        2,
        &["s3dcnn-modern, quickstart, minkunet", "did you mean \"minkunet\"?"],
    );
    place.write("bad.toml", "[train]\nepochs = 3\nbatsh = 4\n");
    place.fails("train bad.toml data.root=shapes", 2, &["bad.toml", "batch"]);
    place.write("broken.toml", "[train\n");
    place.fails("train broken.toml data.root=shapes", 2, &["broken.toml", "1"]);
    place.fails("train s3dcnn data.root=shapes --name ../up", 2, &["--run-dir"]);
    assert!(place.done("train --list").out.contains("s3dcnn-modern"));
    let resolved = place.done("train s3dcnn data.root=shapes train.epochs=7 --dry-run").out;
    assert!(resolved.contains("epochs = 7") && resolved.contains("root = \"shapes\""), "{resolved}");
    assert!(!place.join("runs").exists(), "a dry run must leave nothing");
}

#[test]
fn wrong_data_are_named_with_the_layout_that_is_expected() {
    let place = Place::new();
    let train = |root: &str| format!("train s3dcnn data.root={root} {SMALL} --run-dir run");
    place.fails(&train("nowhere"), 1, &["nowhere"]);
    std::fs::create_dir(place.join("empty")).unwrap();
    place.fails(&train("empty"), 1, &["empty", "<class>/{train,test}"]);
    let triangle = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n";
    place.write("lonely/chair/train/a.off", triangle);
    place.write("lonely/chair/test/a.off", triangle);
    place.fails(&train("lonely"), 1, &["lonely", "at least two"]);
    for class in ["chair", "table"] {
        place.write(&format!("text/{class}/train/a.off"), "this is a shopping list");
        place.write(&format!("text/{class}/test/a.off"), triangle);
    }
    let run = place.fails(&train("text"), 1, &["text"]);
    assert!(run.err.contains("a.off"), "{run:?}");
    assert!(!place.join("run").exists(), "{:?}", place.files_below("run"));
}

#[test]
fn damaged_shapes_are_left_out_and_told_once() {
    let place = Place::new().with_shapes(2, 3, 1);
    let class = place.files_below("shapes")[0].split('/').nth(1).unwrap().to_owned();
    place.write(&format!("shapes/{class}/train/zz_cut.off"), "OFF\n3 1 0\n0 0 0\n");
    let run = place.done(&format!("train s3dcnn data.root=shapes {SMALL} --run-dir run"));
    assert_eq!(run.err.matches("zz_cut.off").count(), 1, "{run:?}");
    assert!(std::fs::read_to_string(place.join("run/report.html")).unwrap().contains("zz_cut.off"));
}

#[test]
fn a_run_is_not_written_over_and_a_changed_one_not_resumed() {
    let place = Place::new().with_shapes(2, 2, 1);
    let train = format!("train s3dcnn data.root=shapes {SMALL} --no-report");
    place.done(&format!("{train} --run-dir run"));
    place.fails(&format!("{train} --run-dir run"), 1, &["run holds a run already", "--resume run"]);
    place.fails("train --resume nowhere", 1, &["nowhere"]);
    let config = std::fs::read_to_string(place.join("run/config.toml")).unwrap();
    place.write("run/config.toml", config.replace("width = 4", "width = 8"));
    place.fails("train --resume run", 2, &["config.toml of the run was changed"]);
    // Without a name the next free one is taken.
    place.done(&train);
    place.done(&train);
    assert!(place.join("runs/s3dcnn").is_dir() && place.join("runs/s3dcnn-2").is_dir());
}

#[test]
fn quickstart_trains_measures_and_says_how_to_go_on() {
    let place = Place::new();
    let run = place.done("quickstart --classes 2 --train 6 --test 3 --epochs 2");
    for part in ["accuracy", "mAP", "report", "checksum"] {
        assert!(run.out.contains(part), "{part}: {run:?}");
    }
    assert!(run.err.contains("rarefy index runs/quickstart"), "{run:?}");
    assert!(place.join("runs/quickstart/report.html").is_file());
    // The second one goes beside the first and is the same.
    let again = place.done("quickstart --classes 2 --train 6 --test 3 --epochs 2 --threads 1");
    assert!(place.join("runs/quickstart-2/report.html").is_file());
    assert_eq!(checksum(&again), checksum(&run));
    place.fails("quickstart --classes 1", 2, &["--classes"]);
}
