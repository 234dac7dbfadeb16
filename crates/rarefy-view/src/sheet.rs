//! The retrieval sheet as data and as HTML: each query beside its nearest, right ones in a green frame, wrong in a red.

use std::fmt::Write;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::markup::escape;
use crate::render::{Paint, RenderOptions, Up, render_voxels};
use crate::{Image, ViewError};

/// The colour of a query, apart from that of its answers.
const QUERY_PAINT: Paint = Paint::Height([196, 122, 40], [255, 196, 96]);

/// Queries beside their nearest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrievalSheet {
    /// One row a query.
    pub rows: Vec<SheetRow>,
    /// The axis that points up.
    pub up: Up,
}

/// A query and its nearest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetRow {
    /// What was asked for.
    pub query: SheetItem,
    /// The nearest first.
    pub hits: Vec<SheetHit>,
}

/// A shape of the sheet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetItem {
    /// Its name or file.
    pub name: String,
    /// Its class, when it has one.
    pub class: Option<String>,
    /// Filled cells, [voxels][x, y, z].
    pub voxels: Vec<[i32; 3]>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetHit {
    /// The shape.
    pub item: SheetItem,
    /// Its distance to the query.
    pub distance: f32,
    /// Whether it is of the query's class; `None` when that is not known.
    pub right: Option<bool>,
}

impl SheetItem {
    /// The line below its picture.
    pub(crate) fn caption(&self) -> &str {
        self.class.as_deref().unwrap_or(&self.name)
    }
}

impl RetrievalSheet {
    /// The pictures of each row, the query first, `size` pixels wide; drawn in parallel.
    pub(crate) fn pictures(&self, size: usize) -> Result<Vec<Vec<Image>>, ViewError> {
        let answers = RenderOptions::new(size).with_up(self.up);
        let query = answers.clone().with_paint(QUERY_PAINT);
        let draw_row = |row: &SheetRow| {
            let first = render_voxels(&row.query.voxels, &query);
            let others = row.hits.iter().map(|hit| render_voxels(&hit.item.voxels, &answers));
            std::iter::once(first).chain(others).collect()
        };
        self.rows.par_iter().map(draw_row).collect()
    }
}

/// The sheet as part of a page; `report_html` puts it under the page's style.
///
/// [`crate::retrieval_sheet_page`] makes a page of the sheet alone.
pub fn retrieval_sheet_html(sheet: &RetrievalSheet) -> Result<String, ViewError> {
    let mut html = String::from("<div class=\"sheet\">\n");
    for (row, pictures) in sheet.rows.iter().zip(sheet.pictures(192)?) {
        html.push_str("<div class=\"sheet-row\">\n");
        let mut pictures = pictures.iter();
        if let Some(picture) = pictures.next() {
            figure(&mut html, "query", &row.query, "query", picture)?;
        }
        for (hit, picture) in row.hits.iter().zip(pictures) {
            let mark = match hit.right {
                Some(true) => "right",
                Some(false) => "wrong",
                None => "open",
            };
            figure(&mut html, mark, &hit.item, &format!("{:.3}", hit.distance), picture)?;
        }
        html.push_str("</div>\n");
    }
    html.push_str("</div>\n");
    Ok(html)
}

fn figure(html: &mut String, mark: &str, item: &SheetItem, note: &str, picture: &Image) -> Result<(), ViewError> {
    let (name, caption, uri) = (escape(&item.name), escape(item.caption()), picture.to_data_uri()?);
    // Colour alone does not tell right from wrong to everyone.
    let (sign, spoken) = match mark {
        "right" => (" ✓", ", right"),
        "wrong" => (" ✗", ", wrong"),
        _ => ("", ""),
    };
    let _ = writeln!(
        html,
        "<figure class=\"hit {mark}\" title=\"{name}\"><img src=\"{uri}\" alt=\"{caption}{spoken}\" loading=\"lazy\">\
         <figcaption>{caption}<small>{note}{sign}</small></figcaption></figure>"
    );
    Ok(())
}
