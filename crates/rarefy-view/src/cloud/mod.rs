//! Clouds of points to be looked at: in a page with WebGL, and in a picture.
//!
//! A [`CloudView`] is a cloud with layers, each of which colours every point: by class, by a number, or as it was seen.

mod camera;
mod colours;
mod legend;
mod page;
mod picture;
mod sheet;

use serde::Serialize;

use crate::ViewError;

pub use camera::Camera;
pub use colours::distinct_colour;
pub use page::{CloudPage, PlaceInSeries, cloud_page};
pub use picture::{CloudPicture, render_cloud};
pub use sheet::cloud_sheet;

/// The most points that a page or a picture shows.
pub const MOST_POINTS: usize = 20_000_000;

/// A cloud and what is known of its points.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudView {
    title: String,
    points: Vec<[f32; 3]>,
    origin: [f64; 3],
    palettes: Vec<Vec<ViewClass>>,
    layers: Vec<Layer>,
}

/// A class as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewClass {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: [u8; 3],
}

impl ViewClass {
    /// A class.
    pub fn new(name: impl Into<String>, colour: [u8; 3]) -> Self {
        Self { name: name.into(), colour }
    }
}

/// What colours the points.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    name: String,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// A class of a palette for every point.
    Classes { palette: usize, classes: Vec<u16> },
    /// A number for every point; the colours span the 1st to the 99th percentile.
    Numbers(Vec<f32>),
    /// A colour for every point.
    Colours(Vec<[u8; 3]>),
}

impl CloudView {
    /// A cloud coloured by height.
    ///
    /// # Errors
    ///
    /// When there is no point, or too many, or one that is not finite.
    pub fn new(title: impl Into<String>, points: Vec<[f32; 3]>) -> Result<Self, ViewError> {
        if points.is_empty() || points.len() > MOST_POINTS {
            return Err(ViewError::CloudSize { points: points.len(), limit: MOST_POINTS });
        }
        if let Some(point) = points.iter().position(|point| point.iter().any(|x| !x.is_finite())) {
            return Err(ViewError::NotFinite { what: "coordinates".into(), point });
        }
        let heights = points.iter().map(|point| point[2]).collect();
        let height = Layer { name: "height".into(), values: Values::Numbers(heights) };
        Ok(Self { title: title.into(), points, origin: [0.0; 3], palettes: Vec::new(), layers: vec![height] })
    }

    /// The same with another origin: where the coordinate 0 lies in the system of the file, for coordinates that are read.
    #[must_use]
    pub fn with_origin(self, origin: [f64; 3]) -> Self {
        Self { origin, ..self }
    }

    /// A camera that sees the cloud as a whole.
    #[must_use]
    pub fn camera(&self) -> Camera {
        Camera::over(&self.points)
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Never: a cloud has points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Names of the layers, in the order in which they were added; the first is `height`.
    pub fn layer_names(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(|layer| layer.name.as_str())
    }

    /// Adds classes that layers may refer to; gives the palette's number.
    pub fn add_palette(&mut self, classes: Vec<ViewClass>) -> usize {
        self.palettes.push(classes);
        self.palettes.len() - 1
    }

    /// Adds a class for every point, `[points]`, indices into a palette.
    ///
    /// # Errors
    ///
    /// When the length is another, or a class is not in the palette.
    pub fn add_classes(&mut self, name: impl Into<String>, palette: usize, classes: Vec<u16>) -> Result<(), ViewError> {
        let name = name.into();
        self.check_length(&name, classes.len())?;
        let known = self.palettes.get(palette).map_or(0, Vec::len);
        if let Some(&class) = classes.iter().find(|&&class| usize::from(class) >= known) {
            return Err(ViewError::UnknownClass { layer: name, class: class.into(), known });
        }
        self.layers.push(Layer { name, values: Values::Classes { palette, classes } });
        Ok(())
    }

    /// Adds a number for every point, `[points]`.
    ///
    /// # Errors
    ///
    /// When the length is another, or a number is not finite.
    pub fn add_numbers(&mut self, name: impl Into<String>, numbers: Vec<f32>) -> Result<(), ViewError> {
        let name = name.into();
        self.check_length(&name, numbers.len())?;
        if let Some(point) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(ViewError::NotFinite { what: name, point });
        }
        self.layers.push(Layer { name, values: Values::Numbers(numbers) });
        Ok(())
    }

    /// Adds a colour for every point, `[points]`.
    ///
    /// # Errors
    ///
    /// When the length is another.
    pub fn add_colours(&mut self, name: impl Into<String>, colours: Vec<[u8; 3]>) -> Result<(), ViewError> {
        let name = name.into();
        self.check_length(&name, colours.len())?;
        self.layers.push(Layer { name, values: Values::Colours(colours) });
        Ok(())
    }

    fn check_length(&self, layer: &str, got: usize) -> Result<(), ViewError> {
        let expected = self.points.len();
        if got == expected {
            return Ok(());
        }
        Err(ViewError::LayerLength { layer: layer.to_owned(), expected, got })
    }

    fn layer(&self, name: &str) -> Result<&Layer, ViewError> {
        self.place_of(name).map(|place| &self.layers[place])
    }

    fn place_of(&self, name: &str) -> Result<usize, ViewError> {
        self.layers.iter().position(|layer| layer.name == name).ok_or_else(|| ViewError::UnknownLayer {
            layer: name.to_owned(),
            known: self.layer_names().collect::<Vec<_>>().join(", "),
        })
    }

    /// The colour of every point in a layer.
    fn colours_of(&self, layer: &Layer) -> Vec<[u8; 3]> {
        match &layer.values {
            Values::Colours(colours) => colours.clone(),
            Values::Classes { palette, classes } => {
                classes.iter().map(|&class| self.palettes[*palette][usize::from(class)].colour).collect()
            }
            Values::Numbers(numbers) => {
                let [low, high] = colours::span(numbers);
                let width = (high - low).max(f32::MIN_POSITIVE);
                numbers.iter().map(|number| colours::of_share((number - low) / width)).collect()
            }
        }
    }
}
