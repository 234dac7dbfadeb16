//! The whole journey on synthetic shapes: train, measure, name, profile, index, find; and what each says to wrong input.

mod support;

use std::sync::LazyLock;

use support::{Place, SMALL};

/// A place with shapes in `shapes` and a small trained run in `run`.
static TRAINED: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::new().with_shapes(3, 6, 3);
    place.done(&format!("train s3dcnn data.root=shapes {SMALL} --run-dir run"));
    place.write("one/triangle.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n");
    place
});

/// A shape of the test split.
fn a_shape() -> String {
    TRAINED.files_below("shapes").into_iter().find(|name| name.contains("/test/")).expect("a test shape")
}

#[test]
fn a_run_leaves_its_record_plots_and_a_report_that_loads_nothing() {
    let files = TRAINED.files_below("run");
    for name in [
        "config.toml",
        "run.json",
        "metrics.csv",
        "metrics.jsonl",
        "summary.json",
        "report.html",
        "plots/loss.svg",
        "plots/accuracy.svg",
        "plots/confusion.svg",
        "plots/precision-recall.svg",
        "plots/resolution.svg",
        "plots/sparsity.svg",
        "plots/retrieval.png",
    ] {
        assert!(files.contains(&format!("run/{name}")), "{name} is not among {files:?}");
    }
    let page = std::fs::read_to_string(TRAINED.join("run/report.html")).unwrap();
    for part in ["Confusion matrix", "Precision against recall", "mAP against resolution", "data:image/png;base64,"] {
        assert!(page.contains(part), "the report has no {part}");
    }
    // The address of SVG's name space loads nothing.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://"));
}

#[test]
fn eval_prints_and_writes_the_figures() {
    let run = TRAINED.done("eval run --resolutions 6,12 --json figures.json");
    for figure in ["accuracy", "mean class accuracy", "mAP", "nearest neighbour", "DCG", "render size"] {
        assert!(run.out.contains(figure), "{figure}: {run:?}");
    }
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(TRAINED.join("figures.json")).unwrap()).unwrap();
    assert_eq!(figures["classes"].as_array().unwrap().len(), 3);
    assert_eq!(figures["resolutions"][0]["render_size"], 6);
    assert_eq!(figures["figures"]["accuracy"], figures["resolutions"][1]["figures"]["accuracy"]);
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(TRAINED.join("run/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["best"]["figures"]["accuracy"], figures["figures"]["accuracy"]);
    assert_eq!(summary["best"]["figures"]["map"], figures["figures"]["retrieval"]["map"]);
}

#[test]
fn predict_names_classes_with_probabilities_that_sum_to_one() {
    let run = TRAINED.done(&format!("predict run {} --top 3 --json", a_shape()));
    let answer: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
    let sum: f64 =
        answer["classes"].as_array().unwrap().iter().map(|guess| guess["probability"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{run:?}");
    let table = TRAINED.done("predict run shapes --top 1").out;
    assert_eq!(table.lines().count(), 1 + 27, "{table}");
}

#[test]
fn profile_shows_every_layer_and_the_figures_of_the_paper_for_its_network_alone() {
    let paper = TRAINED.done("profile --limit 3 --batch 2");
    for part in ["conv5", "97.54", "582088 parameters", "126³"] {
        assert!(paper.out.contains(part), "{part}: {paper:?}");
    }
    assert!(!TRAINED.done("profile --limit 2 --render-size 20").out.contains("97.54"));
    let layers = TRAINED.done("profile shapes --model run --limit 2 --json").out;
    let first: serde_json::Value = serde_json::from_str(layers.lines().next().unwrap()).unwrap();
    assert_eq!(first["name"], "input");
    assert!(TRAINED.done("profile --model s3dcnn-modern --limit 2").out.contains("M MAC"));
}

#[test]
fn a_shape_of_the_collection_finds_itself_first_and_the_sheet_shows_it() {
    TRAINED.done("index run shapes -o found/shapes.idx");
    let shape = a_shape();
    let run = TRAINED.done(&format!("query found/shapes.idx {shape} -k 4 --json"));
    let answer: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
    let nearest = answer["nearest"].as_array().unwrap();
    assert_eq!(nearest.len(), 4);
    assert!(nearest[0]["path"].as_str().unwrap().ends_with(&shape), "{run:?}");
    assert!(nearest[0]["distance"].as_f64().unwrap().abs() < 1e-5);
    assert_eq!(nearest[0]["class"].as_str().unwrap(), shape.split('/').nth(1).unwrap());
    let sheet = format!("query found/shapes.idx {shape} one -k 3 --html found/a.html --png found/a.png");
    assert!(TRAINED.done(&sheet).out.contains("triangle.off"));
    let page = std::fs::read_to_string(TRAINED.join("found/a.html")).unwrap();
    assert_eq!(page.matches("data:image/png").count(), 8);
    assert!(std::fs::read(TRAINED.join("found/a.png")).unwrap().starts_with(b"\x89PNG"));
    // The graph gives the same answers here, and exact search is there beside it.
    TRAINED.done("index run shapes -o found/graph.idx --graph");
    let graph = TRAINED.done(&format!("query found/graph.idx {shape} -k 4 --json"));
    assert_eq!(graph.out, run.out);
    assert_eq!(TRAINED.done(&format!("query found/graph.idx {shape} -k 4 --json --exact")).out, run.out);
}

#[test]
fn bench_measures_and_draws_a_cloud_of_ones_own() {
    let words = "bench one/triangle.off --voxel-size 0.01 --widths 8 --repeats 1 --thread-counts 1,2 --no-networks";
    let run = TRAINED.done(&format!("{words} --json bench.json --svg roof.svg"));
    for part in ["multiply-add peak", "kernel map 3³", "submanifold 3³ forward + backward", "batch norm"] {
        assert_eq!(run.out.matches(part).count(), 2, "{part}: {run:?}");
    }
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(TRAINED.join("bench.json")).unwrap()).unwrap();
    assert_eq!(figures["measured"][1]["machine"]["threads"], 2);
    assert!(figures["cloud"]["voxels"].as_u64().unwrap() > 1000);
    assert!(std::fs::read_to_string(TRAINED.join("roof.svg")).unwrap().contains("forward, 8"));
    let networks = TRAINED.done("bench one/triangle.off --voxel-size 0.05 --widths 8 --repeats 1 --thread-counts 2");
    for name in ["s3dcnn forward, 8 shapes", "minkunet × 0.5 forward, the cloud", "spvcnn × 0.5 forward, the cloud"] {
        assert!(networks.out.contains(name), "{name}: {networks:?}");
    }
    TRAINED.fails("bench one/triangle.off --voxel-size 0", 2, &["--voxel-size 0", "above 0"]);
    TRAINED.fails("bench one/triangle.off --voxel-size 1e-12", 1, &["larger --voxel-size"]);
    TRAINED.fails("bench nowhere.npy", 1, &["nowhere.npy"]);
}

#[test]
fn wrong_input_to_each_command_says_what_to_do() {
    let place = &*TRAINED;
    place.write("text.off", "this is a shopping list");
    place.write("cut.off", "OFF\n3 1 0\n0 0 0\n1 0");
    place.write("nan.off", "OFF\n3 1 0\n0 0 0\n1 nan 0\n0 1 0\n3 0 1 2\n");
    place.fails("eval nowhere", 1, &["nowhere", "rarefy train"]);
    place.fails("eval shapes", 1, &["shapes", "is no checkpoint"]);
    place.fails("eval run --data nowhere", 1, &["nowhere"]);
    place.fails("eval run --resolutions 5000", 1, &["render_size = 5000", "expected 1 to"]);
    place.fails("predict run nowhere.off", 1, &["nowhere.off"]);
    for (name, says) in [("text.off", "expected"), ("cut.off", "truncated"), ("nan.off", "vertex 1")] {
        place.fails(&format!("predict run {name}"), 1, &[name, says]);
    }
    place.fails("profile --model s3dcn", 2, &["did you mean \"s3dcnn\"?"]);
    place.fails("profile nowhere", 1, &["nowhere"]);
    place.fails("index run nowhere -o a.idx", 1, &["nowhere"]);
    place.fails("index run shapes -o text.off/a.idx", 1, &["text.off"]);
    place.fails("query text.off one", 1, &["text.off", "is no descriptor index", "rarefy index"]);
    place.fails("query nowhere.idx one", 1, &["nowhere.idx"]);
    place.fails("query a.idx", 2, &["FILE"]);
}

#[test]
fn a_good_shape_beside_a_damaged_one_is_named_and_the_damaged_one_told() {
    TRAINED.write("mixed/good.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n");
    TRAINED.write("mixed/bad.off", "OFF\n3 1 0\n0 0 0\n");
    let run = TRAINED.run("predict run mixed");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("good.off") && run.err.contains("bad.off"), "{run:?}");
}

#[test]
fn an_index_is_asked_only_through_the_network_that_made_it() {
    TRAINED.done("index run shapes -o own.idx");
    TRAINED.done(&format!("train s3dcnn data.root=shapes {SMALL} train.seed=9 --run-dir other --no-report"));
    TRAINED.fails("query own.idx one --checkpoint other", 1, &["other weights", "rarefy index"]);
    TRAINED.done("query own.idx one --checkpoint run");
}

#[test]
fn a_network_without_a_classifier_finds_shapes_and_names_none() {
    let triplet = "loss.softmax=0 loss.triplet=1 data.classes_per_batch=3 train.batch=6";
    TRAINED.fails(&format!("train s3dcnn data.root=shapes {SMALL} {triplet} --run-dir no"), 2, &["eval.best_by=map"]);
    let run = TRAINED.done(&format!("train s3dcnn-triplet data.root=shapes {SMALL} {triplet} --run-dir triplet"));
    assert!(run.out.contains("mAP") && !run.out.contains("accuracy") && !run.err.contains("accuracy"), "{run:?}");
    let figures = TRAINED.done("eval triplet --resolutions 6").out;
    assert!(figures.contains("mAP") && !figures.contains("mean class accuracy"), "{figures}");
    TRAINED.fails("predict triplet one", 1, &["without a softmax loss", "rarefy index"]);
    TRAINED.done("index triplet shapes -o triplet.idx");
    TRAINED.done("query triplet.idx one");
}

#[test]
fn other_classes_than_those_of_the_training_are_refused() {
    TRAINED.write("animals/cat/test/a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n");
    TRAINED.write("animals/dog/test/a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n");
    TRAINED.fails("eval run --data animals", 1, &["animals", "other classes", "`cat` is unknown"]);
}
