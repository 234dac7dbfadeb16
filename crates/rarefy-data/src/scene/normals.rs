//! Normals of mesh vertices, weighted by the areas of the triangles around them (SYSTEMS.md §6.3).

use rarefy_geometry::TriangleMesh;

/// The unit normal of each vertex; zero for a vertex without a triangle of any area.
pub(crate) fn vertex_normals(mesh: &TriangleMesh) -> Vec<[f32; 3]> {
    let vertices = mesh.vertices();
    let mut sums = vec![[0.0_f64; 3]; vertices.len()];
    for corners in mesh.triangles() {
        let [a, b, c] = corners.map(|corner| vertices[corner as usize].map(f64::from));
        let (along, across) = (minus(b, a), minus(c, a));
        // Twice the area long, so that the sum is weighted by area.
        let normal = cross(along, across);
        for corner in corners {
            let sum = &mut sums[*corner as usize];
            *sum = std::array::from_fn(|axis| sum[axis] + normal[axis]);
        }
    }
    sums.into_iter().map(unit).collect()
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(vector: [f64; 3]) -> [f32; 3] {
    let length = vector.iter().map(|part| part * part).sum::<f64>().sqrt();
    if length > 0.0 { vector.map(|part| (part / length) as f32) } else { [0.0; 3] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_triangles_weigh_more() {
        // Two triangles share the edge along y: one lies flat with area 2, the other stands upright with area 1/2.
        let vertices = vec![[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [4.0, 0.0, 0.0], [0.0, 0.0, 1.0], [9.0, 9.0, 9.0]];
        let mesh = TriangleMesh::new(vertices, vec![[0, 2, 1], [0, 1, 3]]).unwrap();
        let normals = vertex_normals(&mesh);
        let length = 17.0_f32.sqrt();
        for (axis, expected) in [1.0 / length, 0.0, 4.0 / length].into_iter().enumerate() {
            assert!((normals[0][axis] - expected).abs() < 1e-6, "{:?}", normals[0]);
        }
        assert_eq!((normals[2], normals[3], normals[4]), ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0; 3]));
    }
}
