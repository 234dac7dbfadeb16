//! The report: a section for all data that is there, nothing loaded, nothing of a user's taken for markup.

use rarefy_metrics::{Confusion, Segmentation, evaluate_retrieval};
use rarefy_view::{
    EpochPoint, Image, ReportData, ResolutionPoint, RetrievalSheet, RunFacts, ScenePicture, SheetHit, SheetItem,
    SheetRow, SkippedFile, SparsityRow, Up, VoxelPicture, report_html,
};

/// The heading of each section and its place in the page.
const SECTIONS: [(&str, &str); 9] = [
    ("curves", "Training"),
    ("retrieval", "Retrieval"),
    ("nearest", "Nearest shapes"),
    ("confusion", "Confusion"),
    ("classes", "Classes"),
    ("shapes", "Shapes"),
    ("sparsity", "Sparsity"),
    ("configuration", "Configuration"),
    ("skipped", "Files left out"),
];

fn empty() -> ReportData {
    ReportData::new("run", RunFacts::new(17))
}

/// A report in which everything is there and everything is called `name`.
fn full(name: &str) -> ReportData {
    let text = || name.to_owned();
    let item = || SheetItem { name: text(), class: Some(text()), voxels: vec![[0, 0, 0], [1, 0, 2]] };
    let hit = |right| SheetHit { item: item(), distance: 0.25, right };
    let mut data = ReportData::new(
        name,
        RunFacts {
            model: text(),
            parameters: 582_088,
            data: text(),
            device: text(),
            commit: text(),
            minutes: 12.5,
            finished: text(),
            command: text(),
            ..RunFacts::new(17)
        },
    );
    data.description = text();
    data.configuration = format!("[{name}]\n{name} = \"{name}\"\n# {name}\n");
    data.epochs = (1..=4).map(epoch).collect();
    data.classes = vec![text(), text()];
    data.confusion = Some(Confusion::from_predictions(2, &[0, 0, 1, 1], &[0, 1, 1, 1]).unwrap());
    data.retrieval = Some(evaluate_retrieval(&[1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.2, 0.8], 2, &[0, 0, 1, 1]).unwrap());
    data.resolution =
        vec![ResolutionPoint { render_size: 16, map: 0.5 }, ResolutionPoint { render_size: 32, map: 0.6 }];
    data.samples = vec![VoxelPicture { note: text(), up: Up::Y, ..VoxelPicture::new(name, vec![[0, 0, 0]]) }];
    data.sheet = Some(RetrievalSheet {
        rows: vec![SheetRow { query: item(), hits: vec![hit(Some(true)), hit(Some(false)), hit(None)] }],
        up: Up::Z,
    });
    data.sparsity = vec![layer(name)];
    data.skipped = vec![SkippedFile { path: text(), reason: text() }];
    data
}

fn epoch(epoch: u32) -> EpochPoint {
    let falling = 1.0 / f64::from(epoch);
    EpochPoint {
        epoch,
        train_loss: Some(falling),
        test_loss: Some(falling + 0.1),
        train_accuracy: Some(1.0 - falling),
        test_accuracy: Some(0.9 - 0.5 * falling),
        map: (epoch == 4).then_some(0.7),
        mean_iou: None,
        active_triplets: None,
        learning_rate: Some(falling * 1e-3),
    }
}

fn layer(name: &str) -> SparsityRow {
    SparsityRow {
        layer: name.to_owned(),
        channels: 32,
        spatial: 125,
        active_sites: 6357.4,
        active_share: 0.0033,
        paper_share: Some(0.0035),
        pairs: 217_000,
        macs: 1_440_000_000,
        milliseconds: 0.99,
        bytes: 813_696,
    }
}

fn has_section(html: &str, [id, title]: [&str; 2]) -> bool {
    let there = html.contains(&format!("<section class=\"panel\" id=\"{id}\">\n<h2>{title}</h2>"));
    assert_eq!(there, html.contains(&format!("<a href=\"#{id}\">{title}</a>")), "{id}: the link at the top");
    there
}

#[test]
fn sections_without_data_are_left_out() {
    let html = report_html(&empty()).unwrap();
    for (id, title) in SECTIONS {
        assert!(!has_section(&html, [id, title]), "{id}");
    }
    assert!(!html.contains("class=\"cards\"") && !html.contains("<svg") && !html.contains("<img"));
    assert!(html.contains("<dt>seed</dt><dd>17</dd>") && !html.contains("<dt>commit</dt>"));
}

#[test]
fn every_section_with_data_is_there_in_order() {
    let html = report_html(&full("name")).unwrap();
    let places: Vec<usize> =
        SECTIONS.iter().map(|(id, _)| html.find(&format!("<section class=\"panel\" id=\"{id}\"")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    for (id, title) in SECTIONS {
        assert!(has_section(&html, [id, title]), "{id}");
    }
}

/// Takes the data of one section away.
type Clear = fn(&mut ReportData);

#[test]
fn each_section_comes_from_its_own_data() {
    let clear: [(&str, Clear); 7] = [
        ("curves", |data| data.epochs.clear()),
        ("nearest", |data| data.sheet = Some(RetrievalSheet::default())),
        ("confusion", |data| data.confusion = Some(Confusion::new(2))),
        ("shapes", |data| data.samples.clear()),
        ("sparsity", |data| data.sparsity.clear()),
        ("skipped", |data| data.skipped.clear()),
        ("retrieval", |data| (data.retrieval, data.resolution) = (None, Vec::new())),
    ];
    for (cleared, clear) in clear {
        let mut data = full("name");
        clear(&mut data);
        let html = report_html(&data).unwrap();
        for (id, title) in SECTIONS {
            // Classes are counted from the confusion matrix.
            let gone = id == cleared || (cleared == "confusion" && id == "classes");
            assert_eq!(has_section(&html, [id, title]), !gone, "{id} without data for {cleared}");
        }
    }
}

/// The page without the bytes of its pictures.
fn without_pictures(html: &str) -> String {
    html.split("base64,").map(|part| part.split_once('"').map_or(part, |(_, after)| after)).collect()
}

#[test]
fn the_page_loads_nothing() {
    // The name of SVG's namespace loads nothing.
    let page = report_html(&full("name")).unwrap().replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    let page = without_pictures(&page);
    for word in ["http", "//", "url(", "@import", "<script", "<iframe", "<object", "srcset"] {
        assert!(!page.contains(word), "{word}");
    }
    let html = report_html(&full("https://example.org/run")).unwrap();
    for attribute in [" src=\"", " href=\""] {
        for after in html.split(attribute).skip(1) {
            assert!(after.starts_with("data:") || after.starts_with('#'), "{attribute}{}", &after[..40]);
        }
    }
}

#[test]
fn text_of_a_user_is_never_taken_for_markup() {
    let nasty = "<script>alert('1')</script><img src=x onerror=\"f()\">&copy;";
    let html = report_html(&full(nasty)).unwrap();
    assert!(!html.contains("<script") && !html.contains("<img src=x") && !html.contains("&copy;"));
    assert!(!html.contains("alert('1')"), "a quote is left as it is");
    // With a harmless name there are just as many elements.
    let harmless = report_html(&full(&"x".repeat(nasty.len()))).unwrap();
    assert_eq!(html.matches('<').count(), harmless.matches('<').count());
    assert_eq!(html.matches('"').count(), harmless.matches('"').count());
}

#[test]
fn the_figures_on_the_page_are_those_of_the_data() {
    let html = report_html(&full("name")).unwrap();
    for text in [
        "<b>75.0 %</b><span>accuracy</span>",
        "<b>75.0 %</b><span>mean class accuracy</span>",
        "<b>100.0 %</b><span>mAP</span>",
        "<b>12.5</b><span>minutes</span>",
        "<dd>582,088</dd>",
        "<td class=\"n\">6,357</td>",
        "<td class=\"n\">1.44 G</td>",
        "<td class=\"n\">125³</td>",
        "1 of 2",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn figures_that_are_no_numbers_do_not_break_the_page() {
    let mut data = full("name");
    data.run.minutes = f64::NAN;
    data.epochs[1].train_loss = Some(f64::NAN);
    data.epochs[2].learning_rate = Some(f64::INFINITY);
    data.sparsity[0].active_share = f64::NAN;
    data.sparsity[0].active_sites = f64::NEG_INFINITY;
    data.resolution[0].map = f64::NAN;
    let html = report_html(&data).unwrap();
    let text = without_pictures(&html);
    assert!(!text.contains("NaN") && !text.contains("minutes</span>"));
}

#[test]
fn classes_without_a_name_are_called_by_their_number() {
    let mut data = full("name");
    data.classes.truncate(1);
    assert_eq!(data.class_name(0), "name");
    assert_eq!(data.class_name(1), "class 1");
    assert!(report_html(&data).unwrap().contains("name → class 1"));
}

#[test]
fn the_same_data_gives_the_same_page() {
    assert_eq!(report_html(&full("name")).unwrap(), report_html(&full("name")).unwrap());
}

#[test]
fn report_data_survives_a_round_trip_through_json() {
    for data in [empty(), full("<name> \"quoted\" – ü")] {
        let text = serde_json::to_string(&data).unwrap();
        let back: ReportData = serde_json::from_str(&text).unwrap();
        assert_eq!(back, data);
        assert_eq!(report_html(&back).unwrap(), report_html(&data).unwrap());
    }
}

#[test]
fn report_data_with_an_unknown_key_is_refused() {
    let text = serde_json::to_string(&empty()).unwrap().replacen("\"epochs\"", "\"epoch\"", 1);
    let error = serde_json::from_str::<ReportData>(&text).unwrap_err().to_string();
    assert!(error.contains("unknown field `epoch`"), "{error}");
}

#[test]
fn a_segmentation_shows_the_overlap_of_the_classes_that_occur_and_its_scenes() {
    let mut data = ReportData::new("scans", RunFacts::new(1));
    data.classes = ["road", "tree <i>", "car"].map(str::to_owned).to_vec();
    let mut counts = Segmentation::new(3, 255);
    counts.add(&[0_u8, 0, 0, 1, 255], &[0_u8, 0, 1, 1, 2]).unwrap();
    data.confusion = Some(counts.confusion().clone());
    data.segmentation = Some(counts);
    data.epochs = vec![EpochPoint { epoch: 1, mean_iou: Some(0.58), ..EpochPoint::default() }];
    let image = Image::filled(4, 2, [1, 2, 3, 255]).unwrap();
    data.scenes.push(ScenePicture { title: "08/<1>".into(), note: "75.0 % right".into(), image });
    let page = report_html(&data).unwrap();
    // Road: 2 of 3 points, no false ones; tree: 1 right and 1 false one; no car was seen or predicted for a known point.
    for text in
        ["<b>58.3 %</b><span>mean IoU</span>", "66.7 %", "50.0 %", "tree &lt;i&gt;", "08/&lt;1&gt;", "75.0 % right"]
    {
        assert!(page.contains(text), "{text}");
    }
    let table = page.split("id=\"overlaps\"").nth(1).and_then(|rest| rest.split("</section>").next()).unwrap();
    assert!(!table.contains("car"), "{table}");
    assert!(page.contains("Mean intersection over union"));
}
