//! What the shapes look like: samples, and queries beside their nearest.

use std::fmt::Write;

use rayon::prelude::*;

use super::Section;
use crate::markup::escape;
use crate::render::{RenderOptions, render_voxels};
use crate::sheet::retrieval_sheet_html;
use crate::{ReportData, ViewError, VoxelPicture};

/// Pixels of a picture: twice what it takes on the page, for fine screens.
const PICTURE: usize = 300;

pub(super) fn sheet(data: &ReportData) -> Result<Option<Section>, ViewError> {
    let Some(sheet) = data.sheet.as_ref().filter(|sheet| !sheet.rows.is_empty()) else { return Ok(None) };
    let html = format!(
        "<p class=\"hint\">Each row is a query and the shapes nearest to it, with their distance. \
         Green is of the query's class, red is not.</p>\n{}",
        retrieval_sheet_html(sheet)?
    );
    Ok(Some(Section::new("nearest", "Nearest shapes", html)))
}

pub(super) fn samples(data: &ReportData) -> Result<Option<Section>, ViewError> {
    if data.samples.is_empty() {
        return Ok(None);
    }
    let figures: Vec<String> = data.samples.par_iter().map(figure).collect::<Result<_, _>>()?;
    let html = format!("<div class=\"gallery\">\n{}</div>\n", figures.concat());
    Ok(Some(Section::new("shapes", "Shapes", html)))
}

pub(super) fn scenes(data: &ReportData) -> Result<Option<Section>, ViewError> {
    if data.scenes.is_empty() {
        return Ok(None);
    }
    let mut html = String::from("<div class=\"scenes\">\n");
    for picture in &data.scenes {
        let (title, note) = (escape(&picture.title), escape(&picture.note));
        let _ = writeln!(
            html,
            "<figure><img src=\"{}\" alt=\"{title}\" loading=\"lazy\"><figcaption>{title}<small>{note}</small></figcaption></figure>",
            picture.image.to_data_uri()?
        );
    }
    html.push_str("</div>\n");
    Ok(Some(Section::new("scenes", "Scenes", html)))
}

fn figure(picture: &VoxelPicture) -> Result<String, ViewError> {
    let image = render_voxels(&picture.voxels, &RenderOptions::new(PICTURE).with_up(picture.up))?;
    let (title, note) = (escape(&picture.title), escape(&picture.note));
    let mut html = String::new();
    let _ = writeln!(
        html,
        "<figure><img src=\"{}\" alt=\"{title}\" loading=\"lazy\"><figcaption>{title}<small>{note}</small></figcaption></figure>",
        image.to_data_uri()?
    );
    Ok(html)
}
