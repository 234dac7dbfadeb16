//! A cloud as a picture, without a display: round points in perspective, darkened where the surface behind is far.
//!
//! The darkening follows Boucheny 2009 (“eye-dome lighting”): a pixel is the darker, the more its neighbours are nearer.

use crate::cloud::CloudView;
use crate::cloud::camera::{Camera, FIELD_OF_VIEW_DEGREES, LEAST_ASPECT};
use crate::{Image, ViewError};

/// How a picture of a cloud is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudPicture {
    /// Pixels across and down.
    pub size: [usize; 2],
    /// Where one looks from; none: [`Camera::over`] the points.
    pub camera: Option<Camera>,
    /// The layer that colours the points.
    pub layer: String,
    /// Diameter of a point at the camera's target, in pixels; farther ones are smaller.
    pub point_pixels: f32,
    /// The colour behind the points.
    pub background: [u8; 3],
}

impl CloudPicture {
    /// A picture of a layer.
    pub fn of(layer: impl Into<String>, size: [usize; 2]) -> Self {
        Self { size, camera: None, layer: layer.into(), point_pixels: 3.0, background: [16, 20, 28] }
    }
}

/// Smallest and largest diameter of a point, in pixels.
const DIAMETERS: (f32, f32) = (1.5, 24.0);
/// How far the neighbours are that darken a pixel, in pixels.
const REACH: isize = 2;
/// How much a neighbour darkens by the doublings of distance between the two.
const DARKENING: f32 = 9.0;

/// Draws a cloud.
///
/// # Errors
///
/// When the layer is unknown or the picture has no pixels, or too many.
pub fn render_cloud(view: &CloudView, options: &CloudPicture) -> Result<Image, ViewError> {
    let colours = view.colours_of(view.layer(&options.layer)?);
    let [r, g, b] = options.background;
    let mut image = Image::filled(options.size[0], options.size[1], [r, g, b, 255])?;
    let depths = splat(view, &colours, options, &mut image);
    darken(&mut image, &depths);
    Ok(image)
}

/// Draws the points and gives the distance of what is seen at each pixel; infinite where nothing is.
fn splat(view: &CloudView, colours: &[[u8; 3]], options: &CloudPicture, image: &mut Image) -> Vec<f32> {
    let camera = options.camera.unwrap_or_else(|| Camera::over(&view.points));
    let axes = camera.axes();
    let [width, height] = options.size;
    let opened = (LEAST_ASPECT * height as f32 / width as f32).max(1.0);
    let focal = height as f32 / 2.0 / opened / (FIELD_OF_VIEW_DEGREES.to_radians() / 2.0).tan();
    let mut depths = vec![f32::INFINITY; width * height];
    for (point, colour) in view.points.iter().zip(colours) {
        let offset = [0, 1, 2].map(|axis| point[axis] - axes.eye[axis]);
        let along = |axis: &[f32; 3]| offset[0] * axis[0] + offset[1] * axis[1] + offset[2] * axis[2];
        let depth = along(&axes.forward);
        if depth < camera.distance * 1e-3 {
            continue;
        }
        let x = width as f32 / 2.0 + along(&axes.right) / depth * focal;
        let y = height as f32 / 2.0 - along(&axes.up) / depth * focal;
        let radius = (options.point_pixels * camera.distance / depth).clamp(DIAMETERS.0, DIAMETERS.1) / 2.0;
        let columns = clipped(x, radius, width);
        for row in clipped(y, radius, height) {
            for column in columns.clone() {
                let (dx, dy) = (column as f32 + 0.5 - x, row as f32 + 0.5 - y);
                let pixel = row * width + column;
                if dx * dx + dy * dy <= radius * radius && depth < depths[pixel] {
                    depths[pixel] = depth;
                    image.pixels_mut()[pixel] = [colour[0], colour[1], colour[2], 255];
                }
            }
        }
    }
    depths
}

/// The pixels that a point of this radius reaches along one side of the picture.
fn clipped(centre: f32, radius: f32, side: usize) -> std::ops::Range<usize> {
    let bound = |value: f32| value.clamp(0.0, side as f32) as usize;
    bound((centre - radius).floor())..bound((centre + radius).ceil())
}

fn darken(image: &mut Image, depths: &[f32]) {
    let (width, height) = (image.width() as isize, image.height() as isize);
    for row in 0..height {
        for column in 0..width {
            let depth = depths[(row * width + column) as usize];
            if depth.is_infinite() {
                continue;
            }
            let mut nearer = 0.0;
            for (x, y) in [(-REACH, 0), (REACH, 0), (0, -REACH), (0, REACH)] {
                let (x, y) = (column + x, row + y);
                if (0..width).contains(&x) && (0..height).contains(&y) {
                    let neighbour = depths[(y * width + x) as usize];
                    nearer += if neighbour.is_finite() { (depth / neighbour).log2().max(0.0) } else { 0.0 };
                }
            }
            let tone = (-DARKENING * nearer / 4.0).exp();
            let pixel = &mut image.pixels_mut()[(row * width + column) as usize];
            for channel in &mut pixel[..3] {
                *channel = (f32::from(*channel) * tone).round() as u8;
            }
        }
    }
}
