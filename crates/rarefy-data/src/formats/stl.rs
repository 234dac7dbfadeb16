//! STL, binary (80 bytes of comment, a count, 50 bytes a triangle, little-endian) and text (`facet … endfacet`).
//!
//! Many binary files begin with `solid` like text files do; a file is binary if its length fits its count. Corners with
//! equal bits become one vertex, numbered by first appearance.

use super::Source;
use super::text::Lines;
use crate::error::{DataError, Place};
use crate::shape::Shape;
use std::collections::HashMap;

const HEADER: usize = 84;
const FACET: usize = 50;

pub(crate) fn parse(source: &Source<'_>) -> Result<Shape, DataError> {
    let count = source
        .bytes
        .get(80..HEADER)
        .map(|bytes| u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])));
    let fits = count.is_some_and(|count| source.bytes.len() as u64 == HEADER as u64 + FACET as u64 * count);
    // A truncated binary file has zeros in its count; a text has none.
    let start = &source.bytes[..source.bytes.len().min(512)];
    if !fits && start.trim_ascii_start().starts_with(b"solid") && !start.contains(&0) {
        return text(source);
    }
    let Some(count) = count else {
        let found = format!("{} bytes", source.bytes.len());
        return Err(source.format("STL", Place::Byte(0), "`solid`, or a binary header of 84 bytes", found));
    };
    let body = &source.bytes[HEADER..];
    source.check_room("triangles", count, FACET as u64, body.len() as u64)?;
    source.check_triangles(count)?;
    let mut corners = Corners::default();
    for facet in body.chunks_exact(FACET).take(count as usize) {
        // The first 12 bytes are the normal.
        for corner in facet[12..48].chunks_exact(12) {
            let part = |at: usize| f32::from_le_bytes([corner[at], corner[at + 1], corner[at + 2], corner[at + 3]]);
            corners.push([part(0), part(4), part(8)]);
        }
    }
    corners.into_shape(source)
}

fn text(source: &Source<'_>) -> Result<Shape, DataError> {
    let mut lines = Lines::new(source, "STL");
    lines.require("`solid`")?;
    let mut corners = Corners::default();
    let expected = "`facet`, `outer loop`, `vertex x y z` three times, `endloop`, `endfacet`, in the end `endsolid`";
    // Number of corners when the facet under way was begun.
    let mut begun = None;
    while let Some(mut line) = lines.next_line()? {
        match line.word() {
            Some("vertex") if begun.is_some() => corners.push(line.coordinates(expected)?),
            Some("facet") if begun.is_none() => begun = Some(corners.indices.len()),
            Some("endfacet") if begun.is_some_and(|begun| begun + 3 == corners.indices.len()) => begun = None,
            Some("outer" | "endloop") if begun.is_some() => {}
            Some("endsolid" | "solid") if begun.is_none() => {}
            _ => return Err(line.unexpected(expected)),
        }
        source.check_triangles(corners.indices.len() as u64 / 3)?;
    }
    if begun.is_some() {
        lines.require("`endfacet`")?;
    }
    corners.into_shape(source)
}

/// Corners, three a triangle, with equal ones merged.
#[derive(Default)]
struct Corners {
    vertices: Vec<[f32; 3]>,
    number_of: HashMap<[u32; 3], u32>,
    indices: Vec<u32>,
}

impl Corners {
    fn push(&mut self, corner: [f32; 3]) {
        let next = self.vertices.len() as u32;
        let number = *self.number_of.entry(corner.map(f32::to_bits)).or_insert(next);
        if number == next {
            self.vertices.push(corner);
        }
        self.indices.push(number);
    }

    fn into_shape(self, source: &Source<'_>) -> Result<Shape, DataError> {
        source.check_points(self.vertices.len() as u64)?;
        let triangles = self.indices.chunks_exact(3).map(|corners| [corners[0], corners[1], corners[2]]).collect();
        source.mesh(self.vertices, triangles)
    }
}
