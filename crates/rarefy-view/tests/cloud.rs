//! Clouds: what is refused, what a picture shows, and the page in a headless browser where there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use rarefy_view::{Camera, CloudPage, CloudPicture, CloudView, PlaceInSeries, ViewClass};
use rarefy_view::{cloud_page, cloud_sheet, render_cloud};

const RED: [u8; 3] = [230, 40, 40];
const GREEN: [u8; 3] = [40, 200, 90];

/// A flat sheet whose left half (x < 0) is of class 0 and whose right half is of class 1.
fn sheet() -> CloudView {
    let points: Vec<[f32; 3]> =
        (0..200).flat_map(|x| (0..200).map(move |y| [x as f32 * 0.05 - 4.975, y as f32 * 0.05 - 4.975, 0.0])).collect();
    let classes = points.iter().map(|point| u16::from(point[0] > 0.0)).collect();
    let numbers = points.iter().map(|point| point[1]).collect();
    let mut view = CloudView::new("a sheet </script><b>", points).unwrap();
    let palette = view.add_palette(vec![ViewClass::new("left <i>", RED), ViewClass::new("right", GREEN)]);
    view.add_classes("truth", palette, classes).unwrap();
    view.add_numbers("depth", numbers).unwrap();
    view
}

/// A page that begins with these layers.
fn page_of(view: &CloudView, shown: &[&str]) -> String {
    let shown = shown.iter().map(|name| (*name).to_owned()).collect();
    cloud_page(view, &CloudPage { shown, ..CloudPage::default() }).unwrap()
}

fn from_above() -> Camera {
    Camera { target: [0.0; 3], distance: 16.0, azimuth_degrees: -90.0, elevation_degrees: 90.0 }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let refusal = |result: Result<(), rarefy_view::ViewError>| result.unwrap_err().to_string();
    assert!(CloudView::new("none", Vec::new()).unwrap_err().to_string().contains("0 points"));
    let not_finite = CloudView::new("nan", vec![[0.0; 3], [f32::NAN, 0.0, 0.0]]).unwrap_err().to_string();
    assert!(not_finite.contains("point 1"), "{not_finite}");
    let mut view = sheet();
    assert!(refusal(view.add_classes("prediction", 0, vec![0; 7])).contains("`prediction` has 7 values for 40000"));
    assert!(refusal(view.add_classes("prediction", 0, vec![2; 40_000])).contains("class 2"));
    assert!(refusal(view.add_numbers("norm", vec![f32::INFINITY; 40_000])).contains("norm of point 0"));
    let unknown = render_cloud(&view, &CloudPicture::of("error", [8, 8])).unwrap_err().to_string();
    assert!(unknown.contains("height, truth, depth"), "{unknown}");
}

#[test]
fn a_picture_from_above_shows_each_class_on_its_side() {
    let options = CloudPicture { camera: Some(from_above()), ..CloudPicture::of("truth", [200, 200]) };
    let image = render_cloud(&sheet(), &options).unwrap();
    let at = |x: usize, y: usize| image.pixels()[y * 200 + x];
    assert_eq!(&at(60, 100)[..3], RED);
    assert_eq!(&at(140, 100)[..3], GREEN);
    // 10 m at 16 m fill five eighths of a square view, which is opened from 45 degrees as narrow views are.
    assert_eq!(&at(1, 1)[..3], options.background);
    assert!(image.pixels().iter().filter(|pixel| pixel[..3] != options.background).count() > 14_000);
}

#[test]
fn nearer_points_hide_farther_ones() {
    let mut view = CloudView::new("two", vec![[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]).unwrap();
    view.add_colours("paint", vec![RED, GREEN]).unwrap();
    let camera = Some(from_above());
    let options = CloudPicture { camera, point_pixels: 6.0, ..CloudPicture::of("paint", [21, 21]) };
    assert_eq!(&render_cloud(&view, &options).unwrap().pixels()[10 * 21 + 10][..3], GREEN);
}

#[test]
fn a_sheet_shows_two_layers_side_by_side_over_their_legend() {
    let options = CloudPicture { camera: Some(from_above()), ..CloudPicture::of("", [600, 300]) };
    let image = cloud_sheet(&sheet(), &["truth", "depth"], &options).unwrap();
    let at = |x: usize, y: usize| &image.pixels()[y * 600 + x][..3];
    // The legend takes two lines: a swatch for each of the two classes, and a bar from dark to light.
    assert_eq!((at(100, 120), at(200, 120)), (&RED[..], &GREEN[..]));
    let legend = 300 - 2 * 22 - 2 * 14;
    assert_eq!((at(20, legend + 14 + 8), at(117, legend + 14 + 8)), (&RED[..], &GREEN[..]));
    assert!(at(450, 36)[0] > 200 && at(450, 190)[0] < 90, "the depth grows upwards, from violet to yellow");
    assert!(cloud_sheet(&sheet(), &["truth", "norm"], &options).unwrap_err().to_string().contains("`norm`"));
    // Too small for a legend, but not for the cloud.
    let small = CloudPicture { size: [80, 60], ..options };
    assert_eq!(cloud_sheet(&sheet(), &["truth"], &small).unwrap().height(), 60);
}

#[test]
fn a_page_of_a_series_knows_its_neighbours_and_an_unknown_layer_is_refused() {
    let series = Some(PlaceInSeries { number: 2, count: 3 });
    let page = cloud_page(&sheet(), &CloudPage { series, ..CloudPage::default() }).unwrap();
    assert!(page.contains(r#""series":{"number":2,"count":3}"#));
    let unknown = CloudPage { shown: vec!["norm".into()], ..CloudPage::default() };
    assert!(cloud_page(&sheet(), &unknown).unwrap_err().to_string().contains("height, truth, depth"));
}

#[test]
fn a_page_loads_nothing_and_escapes_names() {
    let page = page_of(&sheet(), &["truth"]);
    assert!(page.contains("<title>a sheet &lt;/script&gt;&lt;b&gt;</title>"));
    assert_eq!(page.matches("</script>").count(), 3);
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

/// The browser, if there is one.
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// What a headless browser makes of `page`: its document after the scripts, and a picture of 1000 × 600 pixels.
fn browse(browser: &Path, page: &Path, folder: &Path) -> (String, Vec<u8>) {
    let picture = folder.join("shot.png");
    let run = |last: &str| {
        let output = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"])
            .args([
                "--disable-component-update",
                "--disable-sync",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
            ])
            .args(["--window-size=1000,600", "--virtual-time-budget=8000", last])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let document = run("--dump-dom");
    run(&format!("--screenshot={}", picture.display()));
    (document, std::fs::read(picture).unwrap())
}

#[test]
fn a_browser_draws_the_page_in_the_colours_of_the_classes() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no Chromium on this machine");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("cloud.html");
    std::fs::write(&page, page_of(&sheet(), &["truth", "depth"])).unwrap();
    let (document, picture) = browse(&browser, &page, folder.path());
    assert!(document.contains("data-state=\"drawn\""), "{}", &document[..document.len().min(2000)]);
    assert!(document.contains("left &lt;i&gt;") && document.contains("40,000 points"));
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let channels = info.color_type.samples();
    let near = |pixel: &[u8], colour: [u8; 3]| (0..3).all(|channel| pixel[channel].abs_diff(colour[channel]) < 12);
    for colour in [RED, GREEN] {
        let count = bytes.chunks_exact(channels).filter(|pixel| near(pixel, colour)).count();
        assert!(count > 2_000, "{colour:?}: {count} pixels");
    }
}
