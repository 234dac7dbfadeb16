//! PLY clouds: the vertices with colour, normals, intensity and labels by the names of their properties. Faces and other
//! elements are passed over.

use super::points::Scan;
use super::table::{Role, Table, role_of};
use crate::error::DataError;
use crate::formats::Source;
use crate::formats::ply::{Ignored, broken, check_elements, check_header_length};
use ply_rs_bw::parser::{Parser, Reader};
use ply_rs_bw::ply::{ElementDef, Property, PropertyAccess, PropertyAccessResult, PropertyType, ScalarType};
use std::io::Write;

pub(super) fn parse(source: &Source<'_>) -> Result<Scan, DataError> {
    check_header_length(source)?;
    let mut reader = Reader::new(source.bytes);
    let header = Parser::<Vertex>::new().read_header(&mut reader).map_err(|error| broken(source, &error))?;
    check_elements(source, &header, reader.get_ref().len() as u64)?;
    let mut table = Table::new();
    for element in header.elements.values() {
        if element.name != "vertex" {
            let found = Parser::<Ignored>::new().read_payload_for_element(&mut reader, element, &header);
            found.map_err(|error| broken(source, &error))?;
            continue;
        }
        table.float_colour = has_float_colour(element);
        let vertices = Parser::<Vertex>::new().read_payload_for_element(&mut reader, element, &header);
        for vertex in vertices.map_err(|error| broken(source, &error))? {
            vertex.0.into_iter().for_each(|(role, value)| table.push(role, value));
        }
    }
    table.finish(source, "PLY")
}

fn has_float_colour(element: &ElementDef) -> bool {
    element.properties.iter().any(|(name, property)| {
        let float = matches!(property.data_type, PropertyType::Scalar(ScalarType::Float | ScalarType::Double));
        float && role_of(name) == Some(Role::Red)
    })
}

/// The values of one vertex that have a meaning, in the order of the file.
struct Vertex(Vec<(Role, f64)>);

impl PropertyAccess for Vertex {
    fn new() -> Self {
        Self(Vec::with_capacity(8))
    }

    fn set_property(&mut self, name: &str, value: Property) -> PropertyAccessResult {
        let Some(role) = role_of(name) else { return PropertyAccessResult::Ignored };
        let Some(value) = scalar(&value) else { return PropertyAccessResult::UnsupportedType };
        // Of two properties with one meaning the first counts.
        if self.0.iter().all(|(known, _)| *known != role) {
            self.0.push((role, value));
        }
        PropertyAccessResult::Set
    }
}

fn scalar(value: &Property) -> Option<f64> {
    Some(match *value {
        Property::Char(value) => value.into(),
        Property::UChar(value) => value.into(),
        Property::Short(value) => value.into(),
        Property::UShort(value) => value.into(),
        Property::Int(value) => value.into(),
        Property::UInt(value) => value.into(),
        Property::Float(value) => value.into(),
        Property::Double(value) => value,
        _ => return None,
    })
}

/// Writes a scan in binary little-endian PLY; coordinates are doubles if the scan's origin is not 0. Each of
/// `columns` is a property after the others.
pub(super) fn write(scan: &Scan, columns: &[(&str, &[f32])], out: &mut impl Write) -> std::io::Result<()> {
    let far = scan.is_moved();
    let float = if far { "double" } else { "float" };
    write!(out, "ply\nformat binary_little_endian 1.0\nelement vertex {}\n", scan.len())?;
    write!(out, "property {float} x\nproperty {float} y\nproperty {float} z\n")?;
    let fields = [
        (scan.normals.is_some(), "property float nx\nproperty float ny\nproperty float nz\n"),
        (scan.colour.is_some(), "property uchar red\nproperty uchar green\nproperty uchar blue\n"),
        (scan.intensity.is_some(), "property float intensity\n"),
        (scan.labels.is_some(), "property int label\n"),
        (scan.instances.is_some(), "property int instance\n"),
    ];
    fields.iter().filter(|(there, _)| *there).try_for_each(|(_, text)| out.write_all(text.as_bytes()))?;
    columns.iter().try_for_each(|(name, _)| writeln!(out, "property float {name}"))?;
    out.write_all(b"end_header\n")?;
    for (point, coordinates) in scan.points.iter().enumerate() {
        for (&coordinate, &origin) in coordinates.iter().zip(&scan.origin) {
            if far {
                out.write_all(&(f64::from(coordinate) + origin).to_le_bytes())?;
            } else {
                out.write_all(&coordinate.to_le_bytes())?;
            }
        }
        if let Some(normals) = &scan.normals {
            normals[point].iter().try_for_each(|part| out.write_all(&part.to_le_bytes()))?;
        }
        if let Some(colour) = &scan.colour {
            out.write_all(&colour[point])?;
        }
        if let Some(intensity) = &scan.intensity {
            out.write_all(&intensity[point].to_le_bytes())?;
        }
        // `int`, which is what other programs read: a point without a label becomes -1.
        for numbers in [&scan.labels, &scan.instances].into_iter().flatten() {
            out.write_all(&(numbers[point] as i32).to_le_bytes())?;
        }
        columns.iter().try_for_each(|(_, values)| out.write_all(&values[point].to_le_bytes()))?;
    }
    Ok(())
}
