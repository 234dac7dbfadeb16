//! A picture in memory: 8-bit red, green, blue, alpha; rows from the top. Alpha is not multiplied in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::ViewError;

/// The longest side of a picture, in pixels.
const LONGEST_SIDE: usize = 16_384;

/// A picture in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    width: usize,
    height: usize,
    /// [height, width]
    pixels: Vec<[u8; 4]>,
}

impl Image {
    /// A picture of one colour.
    pub fn filled(width: usize, height: usize, colour: [u8; 4]) -> Result<Self, ViewError> {
        if !(1..=LONGEST_SIDE).contains(&width) || !(1..=LONGEST_SIDE).contains(&height) {
            return Err(ViewError::PictureSize { width, height, limit: LONGEST_SIDE });
        }
        Ok(Self { width, height, pixels: vec![colour; width * height] })
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[[u8; 4]] {
        &self.pixels
    }

    pub(crate) fn pixels_mut(&mut self) -> &mut [[u8; 4]] {
        &mut self.pixels
    }

    /// Puts `colour` over one pixel; outside the picture nothing happens.
    pub(crate) fn blend(&mut self, x: usize, y: usize, colour: [u8; 4]) {
        if x >= self.width || y >= self.height {
            return;
        }
        let below = &mut self.pixels[y * self.width + x];
        let above_alpha = f32::from(colour[3]) / 255.0;
        let below_alpha = f32::from(below[3]) / 255.0 * (1.0 - above_alpha);
        let alpha = above_alpha + below_alpha;
        if alpha <= 0.0 {
            return;
        }
        for channel in 0..3 {
            let mixed = f32::from(colour[channel]) * above_alpha + f32::from(below[channel]) * below_alpha;
            below[channel] = (mixed / alpha).round() as u8;
        }
        below[3] = (alpha * 255.0).round() as u8;
    }

    pub(crate) fn fill_rectangle(&mut self, corner: [usize; 2], size: [usize; 2], colour: [u8; 4]) {
        for y in corner[1]..corner[1] + size[1] {
            for x in corner[0]..corner[0] + size[0] {
                self.blend(x, y, colour);
            }
        }
    }

    /// A frame of `thickness` pixels inside the rectangle.
    pub(crate) fn frame(&mut self, corner: [usize; 2], size: [usize; 2], thickness: usize, colour: [u8; 4]) {
        let [x, y] = corner;
        let [width, height] = size;
        self.fill_rectangle([x, y], [width, thickness], colour);
        self.fill_rectangle([x, y + height - thickness], [width, thickness], colour);
        self.fill_rectangle([x, y + thickness], [thickness, height - 2 * thickness], colour);
        self.fill_rectangle([x + width - thickness, y + thickness], [thickness, height - 2 * thickness], colour);
    }

    /// Puts another picture over this one, its upper left corner at `corner`.
    pub(crate) fn put(&mut self, corner: [usize; 2], picture: &Image) {
        for (y, row) in picture.pixels.chunks_exact(picture.width).enumerate() {
            for (x, &pixel) in row.iter().enumerate() {
                self.blend(corner[0] + x, corner[1] + y, pixel);
            }
        }
    }

    /// The bytes of a PNG file; without an alpha channel when every pixel is opaque.
    pub fn to_png(&self) -> Result<Vec<u8>, ViewError> {
        let opaque = self.pixels.iter().all(|pixel| pixel[3] == 255);
        let channels = if opaque { 3 } else { 4 };
        let bytes: Vec<u8> = self.pixels.iter().flat_map(|pixel| &pixel[..channels]).copied().collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(if opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(file)
    }

    /// The PNG file as text that stands in a page in place of an address.
    pub fn to_data_uri(&self) -> Result<String, ViewError> {
        Ok(format!("data:image/png;base64,{}", STANDARD.encode(self.to_png()?)))
    }
}
