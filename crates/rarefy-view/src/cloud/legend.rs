//! What the colours of layers mean, below a picture: swatches with the names of classes, bars with the ends of scales.

use super::{CloudView, Layer, Values, colours};
use crate::Image;
use crate::text::{Type, write};

/// Height of a line.
const LINE: usize = 22;
/// Space round the legend.
const EDGE: usize = 14;
/// Side of a swatch, and height of a bar.
const SWATCH: usize = 12;
/// Width of a bar.
const BAR: usize = 220;
/// Space behind a swatch, and behind a name.
const GAPS: (usize, usize) = (7, 22);
const INK: [u8; 3] = [230, 233, 239];

/// The legend of some layers; layers with the same classes have one entry.
pub(super) struct Legend<'a> {
    entries: Vec<Entry<'a>>,
}

enum Entry<'a> {
    /// Names and colours of the classes that some point has.
    Classes(Vec<(&'a str, [u8; 3])>),
    /// Name and ends of a scale.
    Scale(&'a str, [f32; 2]),
}

impl<'a> Legend<'a> {
    pub(super) fn of(view: &'a CloudView, layers: &[&'a Layer]) -> Self {
        let mut palettes = Vec::new();
        let mut entries = Vec::new();
        for layer in layers {
            match &layer.values {
                Values::Classes { palette, .. } if !palettes.contains(palette) => {
                    palettes.push(*palette);
                    entries.push(Entry::Classes(present(view, *palette, layers)));
                }
                Values::Numbers(numbers) => entries.push(Entry::Scale(&layer.name, colours::span(numbers))),
                Values::Classes { .. } | Values::Colours(_) => {}
            }
        }
        Self { entries }
    }

    /// Pixels that the legend takes below a picture of this width.
    pub(super) fn height(&self, width: usize) -> usize {
        let lines: usize = self.entries.iter().map(|entry| entry.lines(width)).sum();
        if lines == 0 { 0 } else { lines * LINE + 2 * EDGE }
    }

    /// Draws the legend over the whole width, its upper edge at `top`.
    pub(super) fn draw(&self, image: &mut Image, top: usize) {
        let mut top = top + EDGE;
        for entry in &self.entries {
            entry.draw(image, top);
            top += entry.lines(image.width()) * LINE;
        }
    }
}

impl Entry<'_> {
    /// Width of a column of classes and number of columns.
    fn columns(classes: &[(&str, [u8; 3])], width: usize) -> (usize, usize) {
        let longest = classes.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let column = SWATCH + GAPS.0 + longest * Type::Label.advance() + GAPS.1;
        (column, (width.saturating_sub(2 * EDGE) / column).max(1))
    }

    fn lines(&self, width: usize) -> usize {
        match self {
            Self::Classes(classes) => classes.len().div_ceil(Self::columns(classes, width).1),
            Self::Scale(..) => 1,
        }
    }

    fn draw(&self, image: &mut Image, top: usize) {
        match self {
            Self::Classes(classes) => {
                let (width, columns) = Self::columns(classes, image.width());
                for (place, (name, [red, green, blue])) in classes.iter().enumerate() {
                    let corner = [EDGE + place % columns * width, top + place / columns * LINE];
                    image.fill_rectangle([corner[0], corner[1] + 2], [SWATCH; 2], [*red, *green, *blue, 255]);
                    let left = corner[0] + SWATCH + GAPS.0;
                    write(image, [left, corner[1]], width - SWATCH - GAPS.0, name, Type::Label, INK);
                }
            }
            Self::Scale(name, ends) => {
                let words = [format!("{name}  {}", number(ends[0])), number(ends[1])];
                let width = words[0].chars().count() * Type::Label.advance();
                write(image, [EDGE, top], width, &words[0], Type::Label, INK);
                let left = EDGE + width + GAPS.0;
                for step in 0..BAR {
                    let [red, green, blue] = colours::of_share(step as f32 / (BAR - 1) as f32);
                    image.fill_rectangle([left + step, top + 2], [1, SWATCH], [red, green, blue, 255]);
                }
                write(image, [left + BAR + GAPS.0, top], 20 * Type::Label.advance(), &words[1], Type::Label, INK);
            }
        }
    }
}

/// The classes of a palette that a point of one of the layers has.
fn present<'a>(view: &'a CloudView, palette: usize, layers: &[&Layer]) -> Vec<(&'a str, [u8; 3])> {
    let known = &view.palettes[palette];
    let mut seen = vec![false; known.len()];
    for layer in layers {
        match &layer.values {
            Values::Classes { palette: of, classes } if *of == palette => {
                for &class in classes {
                    seen[usize::from(class)] = true;
                }
            }
            _ => {}
        }
    }
    let shown = known.iter().zip(seen).filter(|(_, seen)| *seen);
    shown.map(|(class, _)| (class.name.as_str(), class.colour)).collect()
}

/// A number with about four digits.
fn number(value: f32) -> String {
    let digits = (3 - value.abs().max(1e-6).log10().floor() as i32).clamp(0, 6);
    let text = format!("{value:.*}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_four_digits() {
        assert_eq!([0.012_345, -2.5, 73.219, 123_456.0].map(number), ["0.01235", "-2.5", "73.22", "123456"]);
    }
}
