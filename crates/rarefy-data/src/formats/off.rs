//! OFF meshes: a header `OFF`, a line `vertices faces edges`, one line a vertex, one line a face (`n i₁ … iₙ`).
//!
//! Some files of ModelNet run the header and the counts together (`OFF490 518 0`): both forms are read. Words after
//! the coordinates of a vertex or the corners of a face (colours) are passed over; polygons are cut into fans; faces of
//! fewer than three corners have no surface and are left out.

use super::text::{Lines, Words};
use super::{Source, fan};
use crate::error::DataError;
use crate::shape::Shape;
use rarefy_geometry::TriangleMesh;
use std::io::Write;

const COUNTS: &str = "the number of vertices and of faces";

pub(crate) fn parse(source: &Source<'_>) -> Result<Shape, DataError> {
    let mut lines = Lines::new(source, "OFF");
    let (vertex_count, face_count) = counts(&mut lines)?;
    // A vertex takes at least `0 0 0` and a line end, a face `1 0` and a line end; the last line end may be missing.
    let room = lines.bytes_left() + 1;
    source.check_room("vertices", vertex_count, 6, room)?;
    source.check_room("faces", face_count, 4, room)?;
    source.check_points(vertex_count)?;
    source.check_triangles(face_count)?;
    let mut vertices = Vec::with_capacity(vertex_count as usize);
    for _ in 0..vertex_count {
        vertices.push(lines.require("a vertex (three numbers)")?.coordinates("a vertex (three numbers)")?);
    }
    let mut triangles = Vec::with_capacity(face_count as usize);
    let mut corners = Vec::new();
    for _ in 0..face_count {
        face(&mut lines.require("a face")?, &mut corners)?;
        fan(&corners, &mut triangles);
        source.check_triangles(triangles.len() as u64)?;
    }
    source.mesh(vertices, triangles)
}

/// The header and the counts, on one line or on two.
fn counts(lines: &mut Lines<'_>) -> Result<(u64, u64), DataError> {
    let mut line = lines.require("the header `OFF`")?;
    let header = line.word().unwrap_or_default();
    let Some(fused) = header.strip_prefix("OFF").or_else(|| header.strip_prefix("COFF")) else {
        return Err(line.unexpected("the header `OFF`"));
    };
    let vertices = if fused.is_empty() {
        if let Some(word) = line.word() {
            word.parse().map_err(|_| line.unexpected(COUNTS))?
        } else {
            line = lines.require(COUNTS)?;
            line.number(COUNTS)?
        }
    } else {
        fused.parse().map_err(|_| line.unexpected("the header `OFF`"))?
    };
    Ok((vertices, line.number(COUNTS)?))
}

fn face(line: &mut Words<'_>, corners: &mut Vec<u32>) -> Result<(), DataError> {
    let expected = "a face (the number of corners, then that many vertex numbers)";
    let count: u64 = line.number(expected)?;
    corners.clear();
    for _ in 0..count {
        corners.push(line.number(expected)?);
    }
    Ok(())
}

/// Writes a mesh in OFF.
pub(crate) fn write(mesh: &TriangleMesh, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "OFF\n{} {} 0", mesh.vertices().len(), mesh.triangles().len())?;
    for [x, y, z] in mesh.vertices() {
        writeln!(out, "{x} {y} {z}")?;
    }
    for [a, b, c] in mesh.triangles() {
        writeln!(out, "3 {a} {b} {c}")?;
    }
    Ok(())
}
