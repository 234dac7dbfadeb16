//! Which points lie in a voxel and which voxels a point reads, by comparing coordinates one with another.

/// The cell of a point (sample, x, y, z) at a stride.
fn cell(place: [f32; 3], sample: i32, stride: [u32; 3]) -> [i32; 4] {
    let axis = |axis: usize| (place[axis] / stride[axis] as f32).floor() as i32;
    [sample, axis(0), axis(1), axis(2)]
}

/// For each voxel, the points in it in their order, with weight 1.
#[must_use]
pub fn naive_voxelise(
    (places, sample_of): (&[[f32; 3]], &[i32]),
    voxels: &[[i32; 4]],
    stride: [u32; 3],
) -> Vec<Vec<(usize, f64)>> {
    let cells: Vec<[i32; 4]> =
        places.iter().zip(sample_of).map(|(&place, &sample)| cell(place, sample, stride)).collect();
    let members = |voxel| (0..cells.len()).filter(|&point| cells[point] == voxel).map(|point| (point, 1.0)).collect();
    voxels.iter().map(|&voxel| members(voxel)).collect()
}

/// For each point, the voxels that its trilinear interpolation reads with their weights in f64, renormalised.
///
/// With `lower_corner_alone` the other seven are left out, but count for the sum of the weights.
#[must_use]
pub fn naive_devoxelise(
    (places, sample_of): (&[[f32; 3]], &[i32]),
    voxels: &[[i32; 4]],
    stride: [u32; 3],
    lower_corner_alone: bool,
) -> Vec<Vec<(usize, f64)>> {
    let reads = |(&place, &sample): (&[f32; 3], &i32)| {
        let base = cell(place, sample, stride);
        let mut reads = Vec::new();
        for corner in [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]] {
            let mut weight = 1.0;
            for axis in 0..3 {
                let rest = f64::from(place[axis] / stride[axis] as f32) - f64::from(base[axis + 1]);
                weight *= if corner[axis] == 1 { rest } else { 1.0 - rest };
            }
            let voxel = [sample, base[1] + corner[0], base[2] + corner[1], base[3] + corner[2]];
            let found = voxels.iter().position(|&other| other == voxel);
            reads.extend(found.map(|row| (corner, row, weight)));
        }
        let sum: f64 = reads.iter().map(|read| read.2).sum();
        reads.retain(|read| !lower_corner_alone || read.0 == [0, 0, 0]);
        reads.into_iter().map(|(_, row, weight)| (row, weight / (sum + 1e-8))).collect()
    };
    places.iter().zip(sample_of).map(reads).collect()
}
