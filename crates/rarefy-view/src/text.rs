//! Text in pictures, from a font that is part of the program: no font of the system is needed.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::Image;
use crate::markup::shortened;

/// A line of text: its size and weight.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Label,
    Heading,
}

impl Type {
    fn face(self) -> (FontWeight, RasterHeight) {
        match self {
            Self::Label => (FontWeight::Regular, RasterHeight::Size16),
            Self::Heading => (FontWeight::Bold, RasterHeight::Size16),
        }
    }

    /// Pixels from one letter to the next.
    pub(crate) fn advance(self) -> usize {
        let (weight, height) = self.face();
        get_raster_width(weight, height)
    }
}

/// Writes one line, its upper left corner at `corner`, shortened to `width` pixels.
pub(crate) fn write(image: &mut Image, corner: [usize; 2], width: usize, text: &str, face: Type, colour: [u8; 3]) {
    let (weight, height) = face.face();
    let mut left = corner[0];
    for letter in shortened(text, width / face.advance()).chars() {
        let letter = if letter == '…' { '~' } else { letter };
        let raster = get_raster(letter, weight, height).or_else(|| get_raster('?', weight, height));
        let rows = raster.iter().flat_map(|letter| letter.rows().enumerate());
        for (y, row) in rows {
            for (x, &cover) in row.iter().enumerate().filter(|&(_, &cover)| cover > 0) {
                image.blend(left + x, corner[1] + y, [colour[0], colour[1], colour[2], cover]);
            }
        }
        left += face.advance();
    }
}
