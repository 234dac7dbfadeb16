//! Layers of a cloud side by side in one picture, each under its name, with a legend below.

use super::legend::Legend;
use super::{CloudPicture, CloudView, render_cloud};
use crate::text::{Type, write};
use crate::{Image, ViewError};

/// Space between panels.
const GAP: usize = 2;
/// Where the name of a layer stands in its panel.
const NAME: [usize; 2] = [14, 12];
/// What the plate behind a name has beyond it on both sides.
const PLATE: usize = 8;
const INK: [u8; 3] = [230, 233, 239];
/// The colour between panels and behind the legend.
const PANEL: [u8; 4] = [23, 28, 37, 255];
/// What is left for the panels at least; a smaller picture has no legend.
const LEAST_PANEL: usize = 120;

/// Draws layers side by side; `options.size` is that of the whole picture, and `options.layer` is not used.
///
/// # Errors
///
/// When no layer is named, one is unknown, or a panel has no pixels, or too many.
pub fn cloud_sheet(view: &CloudView, layers: &[&str], options: &CloudPicture) -> Result<Image, ViewError> {
    let [width, height] = options.size;
    let known = layers.iter().map(|name| view.layer(name)).collect::<Result<Vec<_>, _>>()?;
    let mut image = Image::filled(width, height, PANEL)?;
    let legend = Legend::of(view, &known);
    let legend_height = legend.height(width);
    let has_legend = legend_height + LEAST_PANEL <= height;
    let panel_height = if has_legend { height - legend_height } else { height };
    let count = layers.len().max(1);
    let panel_width = (width + GAP).saturating_sub(count * GAP) / count;
    for (place, &name) in layers.iter().enumerate() {
        let options = CloudPicture { size: [panel_width, panel_height], layer: name.to_owned(), ..options.clone() };
        let left = place * (panel_width + GAP);
        image.put([left, 0], &render_cloud(view, &options)?);
        name_panel(&mut image, left, panel_width, name);
    }
    if has_legend {
        legend.draw(&mut image, panel_height);
    }
    Ok(image)
}

/// Writes the name of a panel on a plate of its own, which is readable over any points.
fn name_panel(image: &mut Image, left: usize, width: usize, name: &str) {
    let corner = [left + NAME[0], NAME[1]];
    let room = width.saturating_sub(NAME[0] + PLATE);
    let letters = name.chars().count() * Type::Heading.advance();
    image.fill_rectangle([corner[0] - PLATE, corner[1] - 3], [letters.min(room) + 2 * PLATE, 24], PANEL);
    write(image, corner, room, name, Type::Heading, INK);
}
