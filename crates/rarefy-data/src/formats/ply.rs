//! PLY, text or binary of either byte order: a mesh if there are faces, a point cloud otherwise.
//!
//! The header and the payload are parsed by `ply-rs-bw`. Before the payload is read, each element's count is compared
//! with the bytes that follow, because the library trusts it (an element without properties would never end).

use super::{Source, fan};
use crate::error::{DataError, Place};
use crate::shape::Shape;
use ply_rs_bw::parser::{ParseError, Parser, Reader};
use ply_rs_bw::ply::{
    ElementDef, Encoding, Header, Property, PropertyAccess, PropertyAccessResult, PropertyType, ScalarType,
};
use rarefy_geometry::TriangleMesh;
use std::io::Write;

/// Bytes of a header at most: real ones have a few hundred.
const LONGEST_HEADER: usize = 1 << 16;

pub(crate) fn parse(source: &Source<'_>) -> Result<Shape, DataError> {
    let broken = |error: ParseError| broken(source, &error);
    check_header_length(source)?;
    let mut reader = Reader::new(source.bytes);
    let header = Parser::<Vertex>::new().read_header(&mut reader).map_err(broken)?;
    check_elements(source, &header, reader.get_ref().len() as u64)?;
    let (mut vertices, mut triangles) = (Vec::new(), Vec::new());
    for element in header.elements.values() {
        match element.name.as_str() {
            "vertex" => {
                let found = Parser::<Vertex>::new().read_payload_for_element(&mut reader, element, &header);
                vertices = found.map_err(broken)?.into_iter().map(|vertex| vertex.0).collect();
            }
            "face" => {
                let found = Parser::<Face>::new().read_payload_for_element(&mut reader, element, &header);
                for face in found.map_err(broken)? {
                    fan(&face.corners, &mut triangles);
                    source.check_triangles(triangles.len() as u64)?;
                }
            }
            _ => {
                let found = Parser::<Ignored>::new().read_payload_for_element(&mut reader, element, &header);
                found.map_err(broken)?;
            }
        }
    }
    if triangles.is_empty() { source.points(vertices) } else { source.mesh(vertices, triangles) }
}

pub(crate) fn broken(source: &Source<'_>, error: &ParseError) -> DataError {
    let place = error.line().map_or(Place::Byte(0), Place::Line);
    let found = error.to_string().replace(['\n', '\t'], " ");
    source.format("PLY", place, "what the header says", found)
}

/// The end of the header must come early: what follows may be gigabytes of anything.
pub(crate) fn check_header_length(source: &Source<'_>) -> Result<(), DataError> {
    let start = &source.bytes[..source.bytes.len().min(LONGEST_HEADER)];
    let text = String::from_utf8_lossy(&start[..start.len().min(16)]);
    if !start.starts_with(b"ply") {
        return Err(source.format("PLY", Place::Line(1), "`ply`", format!("`{}`", text.trim())));
    }
    if !start.windows(10).any(|window| window == b"end_header") {
        return Err(source.format("PLY", Place::Line(1), "`end_header` within 64 KiB", "none"));
    }
    Ok(())
}

/// Each element must have properties and fit into the bytes after the header; vertices need x, y and z.
pub(crate) fn check_elements(source: &Source<'_>, header: &Header, payload: u64) -> Result<(), DataError> {
    for element in header.elements.values() {
        if element.properties.is_empty() && element.count > 0 {
            let found = format!("the element `{}` without any", element.name);
            return Err(source.format("PLY", Place::Line(1), "properties", found));
        }
        // The last line of a text may lack its line end.
        source.check_room("elements", element.count as u64, least_bytes(element, header.encoding), payload + 1)?;
        match element.name.as_str() {
            "vertex" => source.check_points(element.count as u64)?,
            "face" => source.check_triangles(element.count as u64)?,
            _ => {}
        }
    }
    let vertex = header.elements.get("vertex");
    let complete =
        vertex.is_some_and(|vertex| ["x", "y", "z"].iter().all(|axis| vertex.properties.contains_key(*axis)));
    if !complete {
        let expected = "an element `vertex` with the properties x, y and z";
        return Err(source.format("PLY", Place::Line(1), expected, "a header without it"));
    }
    Ok(())
}

/// The fewest bytes that an element can take.
fn least_bytes(element: &ElementDef, encoding: Encoding) -> u64 {
    let of = |scalar: &ScalarType| match scalar {
        ScalarType::Char | ScalarType::UChar => 1,
        ScalarType::Short | ScalarType::UShort => 2,
        ScalarType::Int | ScalarType::UInt | ScalarType::Float => 4,
        ScalarType::Double => 8,
    };
    let properties = element.properties.values();
    match encoding {
        // One digit and one separator each.
        Encoding::Ascii => 2 * properties.len() as u64,
        Encoding::BinaryBigEndian | Encoding::BinaryLittleEndian => properties
            .map(|property| match &property.data_type {
                PropertyType::Scalar(scalar) | PropertyType::List(scalar, _) => of(scalar),
            })
            .sum(),
    }
}

/// A vertex: x, y, z.
struct Vertex([f32; 3]);

impl PropertyAccess for Vertex {
    fn new() -> Self {
        Self([0.0; 3])
    }

    fn set_property(&mut self, name: &str, value: Property) -> PropertyAccessResult {
        let axis = match name {
            "x" => 0,
            "y" => 1,
            "z" => 2,
            _ => return PropertyAccessResult::Ignored,
        };
        let Some(value) = value.to_f32_lossy() else { return PropertyAccessResult::UnsupportedType };
        self.0[axis] = value;
        PropertyAccessResult::Set
    }
}

/// A face: its vertex numbers.
struct Face {
    corners: Vec<u32>,
}

impl PropertyAccess for Face {
    fn new() -> Self {
        Self { corners: Vec::new() }
    }

    fn set_property(&mut self, name: &str, value: Property) -> PropertyAccessResult {
        if !matches!(name, "vertex_indices" | "vertex_index") {
            return PropertyAccessResult::Ignored;
        }
        let Some(corners) = value.to_u32_list() else { return PropertyAccessResult::UnsupportedType };
        self.corners = corners;
        PropertyAccessResult::Set
    }
}

/// An element that is passed over.
pub(crate) struct Ignored;

impl PropertyAccess for Ignored {
    fn new() -> Self {
        Self
    }
}

/// Writes a mesh in binary little-endian PLY.
pub(crate) fn write_mesh(mesh: &TriangleMesh, out: &mut impl Write) -> std::io::Result<()> {
    let faces = format!("element face {}\nproperty list uchar uint vertex_indices\n", mesh.triangles().len());
    write_vertices(mesh.vertices(), &faces, out)?;
    for corners in mesh.triangles() {
        out.write_all(&[3])?;
        corners.iter().try_for_each(|corner| out.write_all(&corner.to_le_bytes()))?;
    }
    Ok(())
}

/// Writes points in binary little-endian PLY.
pub(crate) fn write_points(points: &[[f32; 3]], out: &mut impl Write) -> std::io::Result<()> {
    write_vertices(points, "", out)
}

fn write_vertices(points: &[[f32; 3]], more: &str, out: &mut impl Write) -> std::io::Result<()> {
    let axes = "property float x\nproperty float y\nproperty float z\n";
    write!(out, "ply\nformat binary_little_endian 1.0\nelement vertex {}\n{axes}{more}end_header\n", points.len())?;
    points.iter().flatten().try_for_each(|part| out.write_all(&part.to_le_bytes()))
}
