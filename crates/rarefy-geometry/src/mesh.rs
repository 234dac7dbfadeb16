//! Triangle meshes.
//!
//! Invariant: every vertex is finite, every index names a vertex, and there is at least one triangle,
//! so that whoever holds a [`TriangleMesh`] uses it unchecked.

use crate::transform::{Affine, Bounds};

/// Why vertices and triangles do not make a mesh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeshError {
    /// A coordinate is NaN or infinite.
    #[error("vertex {vertex} has a coordinate that is not a finite number")]
    NotFinite {
        /// Number of the vertex, from 0.
        vertex: usize,
    },
    /// A triangle names a vertex that does not exist.
    #[error("triangle {triangle} names vertex {index}, but there are only {vertices} vertices (numbered from 0)")]
    IndexOutOfRange {
        /// Number of the triangle, from 0.
        triangle: usize,
        /// The index that it holds.
        index: u32,
        /// Number of vertices.
        vertices: usize,
    },
    /// There is nothing to look at.
    #[error("the mesh has {vertices} vertices and no triangle")]
    Empty {
        /// Number of vertices.
        vertices: usize,
    },
    /// More vertices than an index can name.
    #[error("{vertices} vertices are more than 32-bit indices can name")]
    TooManyVertices {
        /// Number of vertices.
        vertices: usize,
    },
    /// A grid that the voxeliser does not serve.
    #[error("a grid of {size} cells a side: expected 1 to {limit}")]
    GridSize {
        /// The size asked for.
        size: u32,
        /// The largest size.
        limit: u32,
    },
}

/// A surface made of triangles.
#[derive(Clone, Debug, PartialEq)]
pub struct TriangleMesh {
    vertices: Vec<[f32; 3]>,
    triangles: Vec<[u32; 3]>,
}

impl TriangleMesh {
    /// Checks the vertices and the triangles, which name vertices from 0.
    pub fn new(vertices: Vec<[f32; 3]>, triangles: Vec<[u32; 3]>) -> Result<Self, MeshError> {
        if u32::try_from(vertices.len()).is_err() {
            return Err(MeshError::TooManyVertices { vertices: vertices.len() });
        }
        if triangles.is_empty() {
            return Err(MeshError::Empty { vertices: vertices.len() });
        }
        if let Some(vertex) = first_not_finite(&vertices) {
            return Err(MeshError::NotFinite { vertex });
        }
        for (triangle, corners) in triangles.iter().enumerate() {
            if let Some(&index) = corners.iter().find(|&&index| index as usize >= vertices.len()) {
                return Err(MeshError::IndexOutOfRange { triangle, index, vertices: vertices.len() });
            }
        }
        Ok(Self { vertices, triangles })
    }

    /// Vertices, [vertices][x, y, z].
    #[must_use]
    pub fn vertices(&self) -> &[[f32; 3]] {
        &self.vertices
    }

    /// Vertex numbers of each triangle, three a triangle.
    #[must_use]
    pub fn triangles(&self) -> &[[u32; 3]] {
        &self.triangles
    }

    /// The three corners of triangle `triangle`.
    #[must_use]
    pub fn corners(&self, triangle: usize) -> [[f32; 3]; 3] {
        self.triangles[triangle].map(|index| self.vertices[index as usize])
    }

    /// The box around the vertices that triangles use: a stray vertex does not shrink the shape.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let used = self.triangles.iter().flatten().map(|&index| self.vertices[index as usize]);
        Bounds::around(used).expect("a mesh has at least one triangle")
    }

    /// The mesh with every vertex mapped, or an error if a coordinate overflows.
    pub fn transformed(&self, target_from_mesh: &Affine) -> Result<Self, MeshError> {
        let vertices: Vec<_> = self.vertices.iter().map(|&vertex| target_from_mesh.apply(vertex)).collect();
        match first_not_finite(&vertices) {
            Some(vertex) => Err(MeshError::NotFinite { vertex }),
            None => Ok(Self { vertices, triangles: self.triangles.clone() }),
        }
    }
}

/// Number of the first point with a NaN or infinite coordinate.
#[must_use]
pub fn first_not_finite(points: &[[f32; 3]]) -> Option<usize> {
    points.iter().position(|point| point.iter().any(|coordinate| !coordinate.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORNERS: [[f32; 3]; 3] = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

    #[test]
    fn a_vertex_that_is_not_a_number_is_refused() {
        let mut vertices = CORNERS.to_vec();
        vertices[1][2] = f32::NAN;
        assert_eq!(TriangleMesh::new(vertices, vec![[0, 1, 2]]), Err(MeshError::NotFinite { vertex: 1 }));
    }

    #[test]
    fn an_index_past_the_vertices_is_refused() {
        let refused = TriangleMesh::new(CORNERS.to_vec(), vec![[0, 1, 2], [0, 3, 1]]);
        assert_eq!(refused, Err(MeshError::IndexOutOfRange { triangle: 1, index: 3, vertices: 3 }));
    }

    #[test]
    fn a_mesh_without_triangles_is_refused() {
        assert_eq!(TriangleMesh::new(CORNERS.to_vec(), vec![]), Err(MeshError::Empty { vertices: 3 }));
    }

    #[test]
    fn bounds_pass_over_vertices_that_no_triangle_uses() {
        let mut vertices = CORNERS.to_vec();
        vertices.push([9.0; 3]);
        let mesh = TriangleMesh::new(vertices, vec![[0, 1, 2]]).unwrap();
        assert_eq!(mesh.bounds(), Bounds { min: [0.0; 3], max: [1.0, 1.0, 0.0] });
    }
}
