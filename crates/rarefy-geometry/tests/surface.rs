//! The surface voxeliser against its guarantee: exact counts, dense random samples, and flood fill.
//! Not tested here: speed, and real meshes (the data crate reads those).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rarefy_geometry::{
    Affine, MeshError, TriangleMesh, random_orthogonal, sample_surface, vertical_rotation, voxelise_surface,
};
use std::collections::HashSet;

/// The surface of the box from `low` to `high`, twelve triangles.
fn cuboid(low: [f32; 3], high: [f32; 3]) -> TriangleMesh {
    let vertices = (0..8)
        .map(|corner| std::array::from_fn(|axis| if corner >> axis & 1 == 0 { low[axis] } else { high[axis] }))
        .collect();
    let quads: [[u32; 4]; 6] = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let triangles = quads.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).collect();
    TriangleMesh::new(vertices, triangles).unwrap()
}

/// A closed ball of `2 · rings²` quads or so.
fn ball(radius: f32, rings: u32) -> TriangleMesh {
    let around = 2 * rings;
    let mut vertices = Vec::new();
    for ring in 0..=rings {
        let polar = std::f32::consts::PI * ring as f32 / rings as f32;
        for step in 0..around {
            let turn = std::f32::consts::TAU * step as f32 / around as f32;
            vertices.push([radius * polar.sin() * turn.cos(), radius * polar.sin() * turn.sin(), radius * polar.cos()]);
        }
    }
    let mut triangles = Vec::new();
    for ring in 0..rings {
        for step in 0..around {
            let next = (step + 1) % around;
            let [a, b] = [ring * around + step, ring * around + next];
            triangles.extend([[a, b, a + around], [b, b + around, a + around]]);
        }
    }
    TriangleMesh::new(vertices, triangles).unwrap()
}

/// Random triangles, some of them slivers, segments and points.
fn rubble(count: u32, extent: f32, rng: &mut ChaCha8Rng) -> TriangleMesh {
    let mut vertices: Vec<[f32; 3]> = Vec::new();
    for triangle in 0..count {
        let spread = extent * rng.random::<f32>().powi(3);
        let centre: [f32; 3] = std::array::from_fn(|_| rng.random::<f32>() * extent);
        let corner = |rng: &mut ChaCha8Rng| centre.map(|c| c + spread * (rng.random::<f32>() - 0.5));
        let (a, b, mut c) = (corner(rng), corner(rng), corner(rng));
        match triangle % 5 {
            0 => c = b,
            1 => c = std::array::from_fn(|axis| f32::midpoint(a[axis], b[axis])),
            2 => c[2] = a[2],
            _ => {}
        }
        vertices.extend([a, b, c]);
    }
    let triangles = (0..count).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect();
    TriangleMesh::new(vertices, triangles).unwrap()
}

#[test]
fn a_cube_strictly_inside_cells_gives_the_shell_of_those_cells() {
    let cells = voxelise_surface(&cuboid([2.5; 3], [9.5; 3]), &Affine::IDENTITY, 16).unwrap();
    assert_eq!(cells.len(), 8 * 8 * 8 - 6 * 6 * 6);
    assert!(cells.iter().all(|cell| cell.iter().any(|&c| c == 2 || c == 9)));
}

#[test]
fn a_cube_on_the_walls_between_cells_is_two_cells_thick() {
    // Closed cells: a face at 4 meets the cells that end there and those that begin there.
    let cells = voxelise_surface(&cuboid([4.0; 3], [12.0; 3]), &Affine::IDENTITY, 16).unwrap();
    assert_eq!(cells.len(), 10 * 10 * 10 - 6 * 6 * 6);
}

#[test]
fn cells_outside_the_grid_are_left_out() {
    let cells = voxelise_surface(&cuboid([-8.0; 3], [8.0; 3]), &Affine::IDENTITY, 8).unwrap();
    // Only the three faces at 8 pass through the grid, along its upper border.
    assert_eq!(cells.len(), 8 * 8 * 8 - 7 * 7 * 7);
    assert!(voxelise_surface(&cuboid([20.0; 3], [30.0; 3]), &Affine::IDENTITY, 8).unwrap().is_empty());
}

#[test]
fn one_slanted_triangle_matches_the_exhaustive_test_by_clipping() {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    for _ in 0..60 {
        let mesh = rubble(1 + rng.random_range(0..5), 12.0, &mut rng);
        let found: HashSet<_> = voxelise_surface(&mesh, &Affine::IDENTITY, 12).unwrap().into_iter().collect();
        for index in 0..12 * 12 * 12 {
            let cell = [index / 144, index / 12 % 12, index % 12];
            let overlap = |grow: f64| (0..mesh.triangles().len()).any(|t| clipped(mesh.corners(t), cell, grow));
            if overlap(-1e-9) {
                assert!(found.contains(&cell), "{cell:?} is met and missing");
            }
            if found.contains(&cell) {
                assert!(overlap(1e-8), "{cell:?} is not met");
            }
        }
    }
}

/// Oracle: cuts the triangle by the six walls of the cell (Sutherland and Hodgman) and looks whether anything is left.
fn clipped(corners: [[f32; 3]; 3], cell: [i32; 3], grow: f64) -> bool {
    let mut polygon: Vec<[f64; 3]> = corners.iter().map(|corner| corner.map(f64::from)).collect();
    for axis in 0..3 {
        for (sign, wall) in [(1.0, f64::from(cell[axis]) - grow), (-1.0, -f64::from(cell[axis] + 1) - grow)] {
            let inside = |point: &[f64; 3]| sign * point[axis] - wall;
            let mut kept = Vec::new();
            for (at, from) in polygon.iter().enumerate() {
                let to = &polygon[(at + 1) % polygon.len()];
                let (here, there) = (inside(from), inside(to));
                if here >= 0.0 {
                    kept.push(*from);
                }
                if (here < 0.0) != (there < 0.0) {
                    let part = here / (here - there);
                    kept.push(std::array::from_fn(|k| from[k] + part * (to[k] - from[k])));
                }
            }
            polygon = kept;
        }
    }
    !polygon.is_empty()
}

#[test]
fn random_points_of_the_surface_always_lie_in_an_active_cell() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for size in [8_u32, 33, 128, 512] {
        let mesh = rubble(300, size as f32, &mut rng);
        let cells: HashSet<_> = voxelise_surface(&mesh, &Affine::IDENTITY, size).unwrap().into_iter().collect();
        for triangle in 0..mesh.triangles().len() {
            let [a, b, c] = mesh.corners(triangle).map(|corner| corner.map(f64::from));
            for _ in 0..200 {
                let (mut p, mut q) = (rng.random::<f64>(), rng.random::<f64>());
                if p + q > 1.0 {
                    (p, q) = (1.0 - p, 1.0 - q);
                }
                let cell: [i32; 3] = std::array::from_fn(|axis| {
                    (a[axis] + p * (b[axis] - a[axis]) + q * (c[axis] - a[axis])).floor() as i32
                });
                let inside = cell.iter().all(|&index| (0..size as i32).contains(&index));
                assert!(!inside || cells.contains(&cell), "{cell:?} of triangle {triangle} at {size}");
            }
        }
    }
}

/// Cells that a flood by 26 neighbours from the corner of the grid does not reach and that are not wall.
fn enclosed(cells: &[[i32; 3]], size: i32) -> usize {
    let wall: HashSet<[i32; 3]> = cells.iter().copied().collect();
    let mut seen = HashSet::from([[0; 3]]);
    let mut open = vec![[0; 3]];
    assert!(!wall.contains(&[0; 3]));
    while let Some(cell) = open.pop() {
        for step in 0..27 {
            let next = [cell[0] + step / 9 - 1, cell[1] + step / 3 % 3 - 1, cell[2] + step % 3 - 1];
            if next.iter().all(|&index| (0..size).contains(&index)) && !wall.contains(&next) && seen.insert(next) {
                open.push(next);
            }
        }
    }
    (size * size * size) as usize - seen.len() - wall.len()
}

#[test]
fn no_path_of_corner_neighbours_leaks_into_a_closed_surface() {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let to_middle = Affine::shifting([24.0; 3]);
    for _ in 0..6 {
        let turned = random_orthogonal(&mut rng).then(&to_middle);
        let round = voxelise_surface(&ball(17.3, 16), &turned, 48).unwrap();
        assert!(enclosed(&round, 48) > 14_000);
        let square = voxelise_surface(&cuboid([-11.0; 3], [11.0; 3]), &turned, 48).unwrap();
        assert!(enclosed(&square, 48) > 6_000);
    }
}

#[test]
fn the_cells_do_not_depend_on_the_number_of_threads() {
    let mesh = rubble(5_000, 64.0, &mut ChaCha8Rng::seed_from_u64(1));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| voxelise_surface(&mesh, &vertical_rotation(0.1), 64).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn triangles_of_absurd_size_neither_panic_nor_lose_the_grid() {
    let far = 1e30;
    let vertices = vec![[-far, -far, 4.5], [far, -far, 4.5], [0.0, far, 4.5]];
    let mesh = TriangleMesh::new(vertices, vec![[0, 1, 2]]).unwrap();
    let cells = voxelise_surface(&mesh, &Affine::IDENTITY, 8).unwrap();
    assert!((0..64).all(|index| cells.contains(&[index / 8, index % 8, 4])));
    let largest = TriangleMesh::new(vec![[f32::MAX; 3], [f32::MIN; 3], [0.0; 3]], vec![[0, 1, 2]]).unwrap();
    assert!(voxelise_surface(&largest, &Affine::IDENTITY, 8).is_ok());
}

#[test]
fn a_grid_of_a_size_not_served_is_refused() {
    let mesh = cuboid([0.0; 3], [1.0; 3]);
    for size in [0, 513, u32::MAX] {
        let refused = voxelise_surface(&mesh, &Affine::IDENTITY, size);
        assert_eq!(refused, Err(MeshError::GridSize { size, limit: 512 }));
    }
}

#[test]
fn samples_lie_in_the_cells_of_the_voxeliser_and_leave_no_gap_wider_than_a_step() {
    let mesh = cuboid([2.5; 3], [9.5; 3]);
    let points = sample_surface(&mesh, &Affine::IDENTITY, 0.5, 1_000_000).unwrap();
    let cells: HashSet<_> = voxelise_surface(&mesh, &Affine::IDENTITY, 16).unwrap().into_iter().collect();
    let sampled: HashSet<[i32; 3]> = points.iter().map(|point| point.map(|part| part.floor() as i32)).collect();
    assert_eq!(sampled, cells);
}

#[test]
fn more_samples_than_the_limit_is_an_error_before_any_is_made() {
    let refused = sample_surface(&cuboid([0.0; 3], [1e9; 3]), &Affine::IDENTITY, 0.5, 1_000_000);
    assert!(refused.is_err_and(|error| error.needed > 1e18));
}
