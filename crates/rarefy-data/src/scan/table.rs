//! Columns by what they mean, for formats whose fields have names (PCD, PLY), and the scan that they make.

use super::points::{Scan, UNLABELLED, recentred};
use crate::error::{DataError, Place};
use crate::formats::Source;

/// What a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    X,
    Y,
    Z,
    NormalX,
    NormalY,
    NormalZ,
    Red,
    Green,
    Blue,
    Intensity,
    Label,
    Instance,
}

const ROLES: usize = 12;

/// The meaning of a field's name, in the spellings of PCL, `Open3D`, `CloudCompare`, ScanNet and SemanticKITTI's tools.
pub(super) fn role_of(name: &str) -> Option<Role> {
    let name = name.to_ascii_lowercase();
    Some(match name.strip_prefix("scalar_").unwrap_or(&name) {
        "x" => Role::X,
        "y" => Role::Y,
        "z" => Role::Z,
        "nx" | "normal_x" => Role::NormalX,
        "ny" | "normal_y" => Role::NormalY,
        "nz" | "normal_z" => Role::NormalZ,
        "red" | "r" | "diffuse_red" => Role::Red,
        "green" | "g" | "diffuse_green" => Role::Green,
        "blue" | "b" | "diffuse_blue" => Role::Blue,
        "intensity" | "reflectance" | "reflectivity" | "remission" => Role::Intensity,
        "label" | "class" | "classification" | "category" | "semantic" => Role::Label,
        "instance" | "instance_id" | "object_id" | "objectid" => Role::Instance,
        _ => return None,
    })
}

/// The rows of a file, one list a role.
pub(super) struct Table {
    columns: [Vec<f64>; ROLES],
    /// Whether colours are stored as floats, which reach to 1 or to 255.
    pub(super) float_colour: bool,
    /// Whether rows with a NaN coordinate are places where the sensor saw nothing.
    pub(super) nan_is_missing: bool,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { columns: std::array::from_fn(|_| Vec::new()), float_colour: false, nan_is_missing: false }
    }

    pub(super) fn push(&mut self, role: Role, value: f64) {
        self.columns[role as usize].push(value);
    }

    /// The scan. `format` names the format in messages.
    pub(super) fn finish(mut self, source: &Source<'_>, format: &'static str) -> Result<Scan, DataError> {
        let rows = self.columns[Role::X as usize].len();
        let [x, y, z] = [Role::X, Role::Y, Role::Z].map(|role| self.take(role));
        let mut points: Vec<[f64; 3]> = x.into_iter().zip(y).zip(z).map(|((x, y), z)| [x, y, z]).collect();
        let mut missing = Vec::new();
        if self.nan_is_missing {
            let is_missing = |point: &[f64; 3]| point.iter().any(|part| part.is_nan());
            missing =
                (0..).zip(&points).filter_map(|(row, point): (u32, _)| is_missing(point).then_some(row)).collect();
            self.leave_out(&missing);
            points.retain(|point| !is_missing(point));
        }
        let full = |column: &[f64]| !column.is_empty() && column.len() + missing.len() == rows;
        let intensity = Some(self.take(Role::Intensity)).filter(|column| full(column));
        let colours = [Role::Red, Role::Green, Role::Blue].map(|role| self.take(role));
        let colour = colours.iter().all(|column| full(column)).then(|| bytes_of_colours(&colours, self.float_colour));
        let normals = [Role::NormalX, Role::NormalY, Role::NormalZ].map(|role| self.take(role));
        let normals = normals.iter().all(|column| full(column)).then(|| {
            let [x, y, z] = &normals;
            (0..points.len()).map(|point| [x[point], y[point], z[point]].map(|part| part as f32)).collect()
        });
        let [labels, instances] = [Role::Label, Role::Instance].map(|role| self.take(role));
        let numbers =
            |what, column: Vec<f64>| full(&column).then(|| numbers(source, format, what, &column)).transpose();
        let (labels, instances) = (numbers("label", labels)?, numbers("instance", instances)?);
        let (points, origin) = recentred(&points);
        let intensity = intensity.map(|column| column.into_iter().map(|value| value as f32).collect());
        Ok(Scan { points, intensity, colour, normals, labels, instances, origin, missing })
    }

    fn take(&mut self, role: Role) -> Vec<f64> {
        std::mem::take(&mut self.columns[role as usize])
    }

    fn leave_out(&mut self, missing: &[u32]) {
        for column in &mut self.columns {
            let mut missing = missing.iter().peekable();
            let mut row = 0;
            column.retain(|_| {
                row += 1;
                missing.next_if(|&&lost| lost == row - 1).is_none()
            });
        }
    }
}

/// Labels as whole numbers; a negative one means that there is none.
pub(super) fn numbers(
    source: &Source<'_>,
    format: &'static str,
    what: &str,
    column: &[f64],
) -> Result<Vec<u32>, DataError> {
    let whole = |(point, &value): (usize, &f64)| {
        if value < 0.0 {
            return Ok(UNLABELLED);
        }
        if value.fract() == 0.0 && value <= f64::from(u32::MAX) {
            return Ok(value as u32);
        }
        let expected = format!("a whole number up to {} as {what} of point {point}", u32::MAX);
        Err(source.format(format, Place::Byte(0), expected, value.to_string()))
    };
    column.iter().enumerate().map(whole).collect()
}

/// Colours as bytes: floats that do not pass 1 are shares of 255, other values are cut to 0 to 255.
pub(super) fn bytes_of_colours(colours: &[Vec<f64>; 3], float: bool) -> Vec<[u8; 3]> {
    let most = colours.iter().flatten().copied().fold(0.0, f64::max);
    let factor = if float && most <= 1.0 {
        255.0
    } else if most > 255.0 {
        1.0 / 257.0
    } else {
        1.0
    };
    let [red, green, blue] = colours;
    let byte = |value: f64| (value * factor).round().clamp(0.0, 255.0) as u8;
    (0..red.len()).map(|point| [red[point], green[point], blue[point]].map(byte)).collect()
}
