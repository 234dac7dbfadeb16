//! Wavefront OBJ: the geometry alone (`v` and `f` lines); all groups and objects become one shape.
//!
//! A corner of a face is `v`, `v/t`, `v//n` or `v/t/n`, counted from 1, or from the end if negative. A file with
//! vertices and no face is a point cloud. Read here and not through a library, so that messages name the line.

use super::text::{Lines, Words};
use super::{Source, fan};
use crate::error::DataError;
use crate::shape::Shape;

const CORNER: &str = "a face whose corners are vertex numbers from 1 (or negative, counted from the last vertex)";

pub(crate) fn parse(source: &Source<'_>) -> Result<Shape, DataError> {
    let mut lines = Lines::new(source, "OBJ");
    let (mut vertices, mut triangles, mut corners) = (Vec::new(), Vec::new(), Vec::new());
    let mut known = 0_usize;
    let mut first = None;
    while let Some(mut line) = lines.next_line()? {
        match line.word() {
            Some("v") => {
                vertices.push(line.coordinates("a vertex (three numbers)")?);
                source.check_points(vertices.len() as u64)?;
            }
            Some("f") => {
                face(&mut line, vertices.len(), &mut corners)?;
                fan(&corners, &mut triangles);
                source.check_triangles(triangles.len() as u64)?;
            }
            Some(word) if KEYWORDS.contains(&word) => {}
            _ => {
                first.get_or_insert(line);
                continue;
            }
        }
        known += 1;
    }
    if known == 0 {
        return Err(match first {
            Some(line) => line.unexpected("lines that begin with `v` and `f`"),
            None => DataError::EmptyShape { path: source.path.to_path_buf() },
        });
    }
    if triangles.is_empty() { source.points(vertices) } else { source.mesh(vertices, triangles) }
}

/// Words that begin lines without geometry that matters here.
const KEYWORDS: [&str; 9] = ["vn", "vt", "vp", "g", "o", "s", "l", "mtllib", "usemtl"];

fn face(line: &mut Words<'_>, vertices: usize, corners: &mut Vec<u32>) -> Result<(), DataError> {
    corners.clear();
    while let Some(word) = line.word() {
        let number: Option<i64> = word.split('/').next().and_then(|first| first.parse().ok());
        let index = match number {
            Some(number) if number > 0 => Some(number - 1),
            Some(number) if number < 0 => number.checked_add(vertices as i64),
            _ => None,
        };
        // A number past the last vertex is caught when the mesh is checked.
        corners.push(index.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| line.unexpected(CORNER))?);
    }
    Ok(())
}
