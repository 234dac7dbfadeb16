//! A page that shows a cloud with WebGL and loads nothing from anywhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::camera::{FIELD_OF_VIEW_DEGREES, LEAST_ASPECT};
use super::{Camera, CloudView, Values, ViewClass, colours};
use crate::ViewError;
use crate::markup::escape;

const STYLE: &str = include_str!("viewer.css");
const BODY: &str = include_str!("viewer.html");
const SCRIPT: &str = include_str!("viewer.js");

/// How a page begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CloudPage {
    /// Layers that are shown at first: one, or two side by side; empty: the last one.
    pub shown: Vec<String>,
    /// Where one looks from at first; none: [`Camera::over`] the points.
    pub camera: Option<Camera>,
    /// The cloud's place in a series whose pages lie beside this one.
    pub series: Option<PlaceInSeries>,
}

/// A place in a series of clouds; the page of each is named by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceInSeries {
    /// The number of this cloud, from 1.
    pub number: usize,
    /// The number of the last one.
    pub count: usize,
}

/// What the script reads; the points and values follow in `data`, in this order, little-endian.
#[derive(Serialize)]
struct Header<'a> {
    title: &'a str,
    points: usize,
    /// Subtracted from the coordinates, so that f32 is fine enough far from the origin, too.
    centre: [f32; 3],
    /// Where the coordinate 0 lies in the system of the file.
    origin: [f64; 3],
    camera: Camera,
    field_of_view: f32,
    least_aspect: f32,
    scale: &'static [[u8; 3]],
    palettes: &'a [Vec<ViewClass>],
    layers: Vec<LayerHeader<'a>>,
    /// Layers that are shown at first; two stand side by side.
    shown: Vec<usize>,
    series: Option<PlaceInSeries>,
}

#[derive(Serialize)]
struct LayerHeader<'a> {
    name: &'a str,
    kind: &'static str,
    palette: usize,
    span: [f32; 2],
}

/// The page of a cloud: one file that needs nothing else.
///
/// # Errors
///
/// When a layer that is to be shown is unknown.
pub fn cloud_page(view: &CloudView, page: &CloudPage) -> Result<String, ViewError> {
    let mut shown = page.shown.iter().take(2).map(|name| view.place_of(name)).collect::<Result<Vec<_>, _>>()?;
    if shown.is_empty() {
        shown.push(view.layers.len() - 1);
    }
    let camera = page.camera.unwrap_or_else(|| view.camera());
    let centre = view.camera().target;
    let header = Header {
        title: &view.title,
        points: view.points.len(),
        centre,
        origin: view.origin,
        camera,
        field_of_view: FIELD_OF_VIEW_DEGREES,
        least_aspect: LEAST_ASPECT,
        scale: colours::scale(),
        palettes: &view.palettes,
        layers: view.layers.iter().map(layer_header).collect(),
        shown,
        series: page.series,
    };
    let header = serde_json::to_string(&header).expect("numbers and names can be written as JSON");
    // In a script element only `<` could end it early.
    let header = header.replace('<', "\\u003c");
    let data = STANDARD.encode(bytes(view, centre));
    let title = escape(&view.title);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n{BODY}\n\
         <script type=\"application/json\" id=\"header\">{header}</script>\n\
         <script type=\"text/plain\" id=\"data\">{data}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    ))
}

fn layer_header(layer: &super::Layer) -> LayerHeader<'_> {
    let (kind, palette, span) = match &layer.values {
        Values::Classes { palette, .. } => ("classes", *palette, [0.0, 1.0]),
        Values::Numbers(numbers) => ("numbers", 0, colours::span(numbers)),
        Values::Colours(_) => ("colours", 0, [0.0, 1.0]),
    };
    LayerHeader { name: &layer.name, kind, palette, span }
}

/// Points f32 [points, 3], then each layer: classes u16, numbers f32, colours u8 [3].
fn bytes(view: &CloudView, centre: [f32; 3]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(view.points.len() * (12 + 4 * view.layers.len()));
    for point in &view.points {
        for axis in 0..3 {
            bytes.extend((point[axis] - centre[axis]).to_le_bytes());
        }
    }
    for layer in &view.layers {
        match &layer.values {
            Values::Classes { classes, .. } => bytes.extend(classes.iter().flat_map(|class| class.to_le_bytes())),
            Values::Numbers(numbers) => bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
            Values::Colours(colours) => bytes.extend(colours.iter().flatten()),
        }
    }
    bytes
}
