//! Retrieval sheets, as HTML and as a picture.

use rarefy_view::{
    Image, RetrievalSheet, SheetHit, SheetItem, SheetRow, Up, ViewError, retrieval_sheet_html, retrieval_sheet_page,
    retrieval_sheet_png,
};

const GREEN: [u8; 4] = [34, 160, 84, 255];
const RED: [u8; 4] = [220, 60, 60, 255];
const AMBER: [u8; 4] = [222, 150, 50, 255];

fn item(name: &str, class: Option<&str>) -> SheetItem {
    SheetItem { name: name.to_owned(), class: class.map(str::to_owned), voxels: vec![[0, 0, 0], [1, 0, 0], [1, 1, 3]] }
}

fn sheet(rows: &[&[Option<bool>]]) -> RetrievalSheet {
    let hit = |&right: &Option<bool>| SheetHit { item: item("answer", Some("chair")), distance: 0.125, right };
    let row =
        |hits: &&[Option<bool>]| SheetRow { query: item("asked", Some("table")), hits: hits.iter().map(hit).collect() };
    RetrievalSheet { rows: rows.iter().map(row).collect(), up: Up::Z }
}

fn count(image: &Image, colour: [u8; 4]) -> usize {
    image.pixels().iter().filter(|&&pixel| pixel == colour).count()
}

#[test]
fn right_and_wrong_answers_are_told_apart_without_colour_too() {
    let html = retrieval_sheet_html(&sheet(&[&[Some(true), Some(false), Some(true), None]])).unwrap();
    let classes =
        ["query", "right", "wrong", "open"].map(|class| html.matches(&format!("class=\"hit {class}\"")).count());
    assert_eq!(classes, [1, 2, 1, 1]);
    assert_eq!((html.matches('✓').count(), html.matches('✗').count()), (2, 1));
    assert_eq!((html.matches("chair, right\"").count(), html.matches("chair, wrong\"").count()), (2, 1));
    assert_eq!(html.matches("0.125").count(), 4);
}

#[test]
fn answers_keep_their_order_and_their_row() {
    let mut sheet = sheet(&[&[None, None], &[None]]);
    sheet.rows[0].hits[0].item.class = Some("first".into());
    sheet.rows[0].hits[1].item.class = None;
    sheet.rows[0].hits[1].item.name = "second".into();
    sheet.rows[1].hits[0].item.class = Some("third".into());
    let html = retrieval_sheet_html(&sheet).unwrap();
    assert_eq!(html.matches("<div class=\"sheet-row\">").count(), 2);
    let captions: Vec<&str> = html.split("<figcaption>").skip(1).map(|text| text.split('<').next().unwrap()).collect();
    assert_eq!(captions, ["table", "first", "second", "table", "third"]);
}

#[test]
fn names_in_a_sheet_are_escaped() {
    let nasty = "<b onclick=\"x\">&";
    let mut sheet = sheet(&[&[None]]);
    sheet.rows[0].query = item(nasty, None);
    sheet.rows[0].hits[0].item = item(nasty, Some(nasty));
    let page = retrieval_sheet_page(nasty, &sheet).unwrap();
    assert!(!page.contains("<b "));
    assert!(page.contains("title=\"&lt;b onclick=&quot;x&quot;&gt;&amp;\""));
    assert!(page.contains("<h1>&lt;b onclick=&quot;x&quot;&gt;&amp;</h1>"));
    // A letter that the font lacks and a line break do not stop the picture.
    sheet.rows[0].query = item("椅子\n\u{0}\u{1f4ba}", None);
    retrieval_sheet_png(&sheet).unwrap();
}

#[test]
fn the_page_of_a_sheet_is_complete_and_loads_nothing() {
    let page = retrieval_sheet_page("Nearest", &sheet(&[&[Some(true)]])).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(!page.contains("http") && !page.contains("<script"));
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), page.matches("src=").count());
}

#[test]
fn frames_in_the_picture_tell_queries_right_and_wrong_apart() {
    let image = retrieval_sheet_png(&sheet(&[&[Some(true), Some(false)], &[Some(true)]])).unwrap();
    let (green, red, amber) = (count(&image, GREEN), count(&image, RED), count(&image, AMBER));
    // Two right, one wrong, two queries.
    assert!(red > 500);
    assert_eq!((green, amber), (2 * red, 2 * red));
}

#[test]
fn the_picture_grows_with_its_rows_and_columns() {
    let size = |rows: &[&[Option<bool>]]| {
        let image = retrieval_sheet_png(&sheet(rows)).unwrap();
        [image.width(), image.height()]
    };
    let [narrow, wide] = [size(&[&[None]]), size(&[&[None; 3]])];
    let high = size(&[&[None], &[], &[None]]);
    assert_eq!((narrow[1], high[0]), (wide[1], narrow[0]));
    assert!(wide[0] - narrow[0] >= 2 * 152 && high[1] - narrow[1] >= 2 * 152);
}

#[test]
fn sheets_without_rows_without_answers_and_without_voxels_are_drawn() {
    let mut bare = sheet(&[&[], &[None]]);
    bare.rows[1].hits[0].item.voxels.clear();
    bare.rows[1].hits[0].distance = f32::NAN;
    for sheet in [RetrievalSheet::default(), bare] {
        let image = retrieval_sheet_png(&sheet).unwrap();
        assert!(image.width() > 0 && image.height() > 0);
        let html = retrieval_sheet_html(&sheet).unwrap();
        assert_eq!(html.matches("<figure").count(), html.matches("</figure>").count());
    }
}

#[test]
fn a_sheet_too_large_for_a_picture_is_refused_before_anything_is_drawn() {
    let answers = vec![None; 200];
    let outcome = retrieval_sheet_png(&sheet(&[&answers]));
    assert!(matches!(outcome, Err(ViewError::PictureSize { .. })), "{outcome:?}");
}

#[test]
fn the_same_sheet_gives_the_same_bytes() {
    let draw = || retrieval_sheet_png(&sheet(&[&[Some(true), None]])).unwrap().to_png().unwrap();
    assert_eq!(draw(), draw());
}
