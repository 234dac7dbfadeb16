//! Block index, output sets and kernel maps against a hash table of coordinates, exhaustively over small windows.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rarefy_geometry::{
    COORDINATE_LIMIT, Coord, GeometryError, KernelMap, OutputRule, Points, PoolMap, VoxelSet, Window, generated_voxels,
    output_voxels,
};
use rarefy_testkit::{BENCHMARK_VOXEL_M, NaiveWindow, benchmark_cloud, map_by_hash, random_coords};

/// Clouds with every peculiarity that the block index has to stand.
fn clouds() -> Vec<(&'static str, Vec<Coord>)> {
    let block = (0..64).map(|bit| [0, bit >> 4, bit >> 2 & 3, bit & 3]).collect();
    let borders = [-5, -4, -1, 0, 3, 4, 7, 8];
    let borders = borders.iter().flat_map(|&x| borders.map(|y| [0, x, y, x - y])).collect();
    let mut random = random_coords(150, 2, 9, 3);
    for coord in &mut random {
        coord[1] -= 4;
    }
    random.extend_from_within(..20);
    let far = vec![[0, COORDINATE_LIMIT - 1, 0, 0], [0, 1 - COORDINATE_LIMIT, 0, 0], [0, COORDINATE_LIMIT - 2, 0, 0]];
    vec![
        ("empty", vec![]),
        ("one voxel", vec![[0, 5, -7, 2]]),
        ("full block", block),
        ("block borders", borders),
        ("two samples, negative, duplicates", random),
        ("the ends of the range", far),
    ]
}

fn naive(window: &Window) -> NaiveWindow {
    let int = |values: [u32; 3]| values.map(|value| value as i32);
    NaiveWindow {
        size: int(window.size),
        stride: int(window.stride),
        dilation: int(window.dilation),
        padding: window.padding,
    }
}

/// Every q such that some active p = q · stride − padding + k · dilation.
fn naive_outputs(input: &VoxelSet, window: &Window, clip: Option<[i32; 3]>) -> BTreeSet<Coord> {
    let mut outputs = BTreeSet::new();
    for &[sample, p @ ..] in input.coords() {
        for tap in naive(window).taps() {
            let at: [i32; 3] = std::array::from_fn(|a| p[a] + window.padding[a] - tap[a] * window.dilation[a] as i32);
            let stride = window.stride.map(|stride| stride as i32);
            let q: [i32; 3] = std::array::from_fn(|a| at[a].div_euclid(stride[a]));
            let whole = (0..3).all(|a| q[a] * stride[a] == at[a]);
            let inside = clip.is_none_or(|grid| {
                (0..3).all(|a| {
                    let span = window.dilation[a] as i32 * (window.size[a] as i32 - 1) + 1;
                    let count = (grid[a] + 2 * window.padding[a] - span).div_euclid(stride[a]) + 1;
                    (0..count).contains(&q[a])
                })
            });
            if whole && inside {
                outputs.insert([sample, q[0], q[1], q[2]]);
            }
        }
    }
    outputs
}

fn assert_same_map(got: &KernelMap, expected: &KernelMap, what: &str) {
    assert_eq!((got.inputs(), got.outputs(), got.taps()), (expected.inputs(), expected.outputs(), expected.taps()));
    for tap in 0..got.taps() {
        let (a, b) = (got.pairs(tap), expected.pairs(tap));
        assert!(a.from == b.from && a.to == b.to, "{what}: tap {tap} differs");
        assert!(a.to.is_sorted_by(|a, b| a < b), "{what}: tap {tap} is not sorted by output row");
    }
}

/// Transposition exchanges the two sides of every pair, and sorts by the new outputs.
fn assert_transposed(map: &KernelMap, what: &str) {
    let turned = map.transposed();
    for tap in 0..map.taps() {
        let mut expected: Vec<(u32, u32)> =
            map.pairs(tap).to.iter().copied().zip(map.pairs(tap).from.iter().copied()).collect();
        expected.sort_by_key(|pair| pair.1);
        let got: Vec<(u32, u32)> =
            turned.pairs(tap).from.iter().copied().zip(turned.pairs(tap).to.iter().copied()).collect();
        assert_eq!(got, expected, "{what}: transposed tap {tap}");
    }
}

#[test]
fn rows_and_coordinates_are_each_others_inverse() {
    for (name, coords) in clouds() {
        let quantised = VoxelSet::quantise(&coords, 2).unwrap();
        let set = &quantised.set;
        let distinct: BTreeSet<Coord> = coords.iter().copied().collect();
        assert_eq!(set.len(), distinct.len(), "{name}");
        for (row, &coord) in set.coords().iter().enumerate() {
            assert_eq!(set.row_of(coord), Some(row as u32), "{name}");
            assert_eq!(coords[quantised.first_point[row] as usize], coord, "{name}");
        }
        for (point, &row) in quantised.voxel_from_point.iter().enumerate() {
            assert_eq!(set.coords()[row as usize], coords[point], "{name}");
            assert!(quantised.first_point[row as usize] as usize <= point, "{name}: not the first point");
        }
        for sample in 0..2 {
            assert!(set.rows_of_sample(sample).all(|row| set.coords()[row][0] == sample as i32), "{name}");
        }
        assert_eq!(set.rows_of_sample(0).len() + set.rows_of_sample(1).len(), set.len(), "{name}");
        assert_eq!(set.row_of([0, 1000, 1000, 1000]), None, "{name}");
    }
}

#[test]
fn submanifold_maps_equal_the_naive_ones() {
    for (name, coords) in clouds() {
        let set = VoxelSet::new(&coords, 2).unwrap();
        for (size, dilation) in (1..=5).flat_map(|size| [1, 2].map(|dilation| (size, dilation))) {
            let what = format!("{name}, kernel {size}, dilation {dilation}");
            let map = KernelMap::submanifold(&set, [size; 3], [dilation; 3]).unwrap();
            let window = naive(&Window::centred([size; 3], [dilation; 3]));
            assert_same_map(&map, &map_by_hash(set.coords(), set.coords(), &window), &what);
            assert_transposed(&map, &what);
        }
        for size in [[3, 1, 1], [1, 3, 1], [1, 1, 7], [3, 2, 5]] {
            let map = KernelMap::submanifold(&set, size, [1; 3]).unwrap();
            let window = naive(&Window::centred(size, [1; 3]));
            assert_same_map(&map, &map_by_hash(set.coords(), set.coords(), &window), &format!("{name}, {size:?}"));
        }
    }
}

#[test]
fn strided_outputs_and_maps_equal_the_naive_ones() {
    for (name, coords) in clouds() {
        let set = VoxelSet::new(&coords, 2).unwrap();
        for (size, stride) in (1..=5).flat_map(|size| (1..=3).map(move |stride| (size, stride))) {
            for (dilation, padding) in [(1, 0), (1, 1), (2, 0), (2, 1), (1, 2)] {
                let window =
                    Window { size: [size; 3], stride: [stride; 3], dilation: [dilation; 3], padding: [padding; 3] };
                for clip in [None, Some([9, 8, 7])] {
                    let what =
                        format!("{name}, {size}/{stride}, dilation {dilation}, padding {padding}, clip {clip:?}");
                    assert_strided(&set, &window, clip, &what);
                }
            }
        }
        let uneven = Window { size: [3, 1, 2], stride: [2, 1, 3], dilation: [1, 1, 2], padding: [1, 0, 0] };
        assert_strided(&set, &uneven, Some([9, 8, 7]), name);
    }
}

fn assert_strided(set: &VoxelSet, window: &Window, clip: Option<[i32; 3]>, what: &str) {
    let expected = naive_outputs(set, window, clip);
    if expected.iter().flatten().any(|x| x.abs() >= COORDINATE_LIMIT) {
        let error = output_voxels(set, window, OutputRule::Spread { clip }).unwrap_err();
        assert!(matches!(error, GeometryError::CoordinateOutOfRange { .. }), "{what}");
        return;
    }
    let output = output_voxels(set, window, OutputRule::Spread { clip }).unwrap();
    assert_eq!(output.coords().iter().copied().collect::<BTreeSet<_>>(), expected, "{what}");
    assert_eq!(output.samples(), set.samples());
    let rebuilt = VoxelSet::new(output.coords(), output.samples()).unwrap();
    assert_eq!(rebuilt.coords(), output.coords(), "{what}: the order is that of every set");
    let map = KernelMap::build(set, &output, window).unwrap();
    if !set.coords().iter().flatten().any(|x| x.abs() > 1 << 20) {
        assert_same_map(&map, &map_by_hash(set.coords(), output.coords(), &naive(window)), what);
    }
    assert_transposed(&map, what);
}

#[test]
fn the_floor_rule_keeps_the_cell_of_every_voxel() {
    for (name, coords) in clouds() {
        let set = VoxelSet::new(&coords, 2).unwrap();
        for stride in 1..=3 {
            let output = output_voxels(&set, &Window::cubic(stride, stride), OutputRule::Floor).unwrap();
            let cell = |coord: &Coord| coord.map_xyz(|v| v.div_euclid(stride as i32));
            let expected: BTreeSet<Coord> = set.coords().iter().map(cell).collect();
            assert_eq!(output.coords().iter().copied().collect::<BTreeSet<_>>(), expected, "{name}");
            let map = KernelMap::build(&set, &output, &Window::cubic(stride, stride)).unwrap();
            assert_eq!(map.pair_count(), set.len(), "{name}: each voxel has exactly one partner");
        }
    }
}

#[test]
fn a_floor_inside_drops_the_border_that_no_whole_window_covers() {
    let along = |xs: &[i32]| xs.iter().map(|&x| [0, x, 0, 0]).collect::<Vec<_>>();
    let kept = |xs: &[i32], size: u32, padding| {
        let set = VoxelSet::new(&along(xs), 1).unwrap();
        let window = Window { size: [size, 1, 1], stride: [2, 1, 1], padding: [padding, 0, 0], ..Window::cubic(1, 1) };
        output_voxels(&set, &window, OutputRule::FloorInside).unwrap().coords().to_vec()
    };
    assert_eq!(kept(&[-3, 0, 3, 4], 2, 0), along(&[-2, 0, 1]), "the largest coordinate is even");
    assert_eq!(kept(&[-3, 0, 4, 5], 2, 0), along(&[-2, 0, 2]), "the largest coordinate is odd");
    assert_eq!(kept(&[0, 3, 4], 3, 1), along(&[0, 1, 2]), "padding makes up for the size");
    assert_eq!(kept(&[0, 3, 4], 3, 0), along(&[0, 1]));
}

#[test]
fn a_clip_of_any_size_is_no_panic() {
    let set = VoxelSet::new(&[[0, 5, 5, 5]], 1).unwrap();
    for grid in [i32::MIN, -1, 0, i32::MAX] {
        let rule = OutputRule::Spread { clip: Some([grid; 3]) };
        let output = output_voxels(&set, &Window { padding: [1; 3], ..Window::cubic(3, 1) }, rule).unwrap();
        assert_eq!(output.len(), if grid > 0 { 27 } else { 0 });
        let output = generated_voxels(&set, &Window::cubic(2, 2), Some([grid; 3])).unwrap();
        assert_eq!(output.len(), if grid > 0 { 8 } else { 0 });
    }
}

#[test]
fn generated_voxels_and_their_maps_equal_the_naive_ones() {
    for (name, coords) in clouds() {
        let set = VoxelSet::new(&coords, 2).unwrap();
        for (size, stride) in (1..=4).flat_map(|size| (1..=3).map(move |stride| (size, stride))) {
            for (dilation, padding, clip) in [(1, 0, None), (1, 1, None), (2, 1, None), (1, 1, Some([9, 8, 7]))] {
                let window =
                    Window { size: [size; 3], stride: [stride; 3], dilation: [dilation; 3], padding: [padding; 3] };
                assert_generated(&set, &window, clip, &format!("{name}, {window:?}, clip {clip:?}"));
            }
        }
        let uneven = Window { size: [3, 1, 2], stride: [2, 1, 3], dilation: [1, 1, 2], padding: [1, 0, 0] };
        assert_generated(&set, &uneven, None, name);
    }
}

fn assert_generated(set: &VoxelSet, window: &Window, clip: Option<[i32; 3]>, what: &str) {
    let inside = |p: &Coord| clip.is_none_or(|grid| (0..3).all(|axis| (0..grid[axis]).contains(&p[axis + 1])));
    let naive_window = naive(window);
    let under = |&coord: &Coord| naive_window.taps().map(move |tap| naive_window.input(coord, tap));
    let far = |x: &&i32| i64::from(**x) * i64::from(window.stride.into_iter().max().unwrap()) > 1 << 28;
    if set.coords().iter().flatten().any(|x| far(&x)) {
        let generated = generated_voxels(set, window, None);
        assert!(window.stride[0] == 1 || generated.is_err(), "{what}: twice the limit is too far");
        return;
    }
    let expected: BTreeSet<Coord> = set.coords().iter().flat_map(under).filter(inside).collect();
    let output = generated_voxels(set, window, clip).unwrap();
    assert_eq!(output.coords().iter().copied().collect::<BTreeSet<_>>(), expected, "{what}");
    let map = KernelMap::generative(set, &output, window).unwrap();
    let forward = map_by_hash(output.coords(), set.coords(), &naive(window));
    assert_same_map(&map, forward.transposed(), what);
    assert_same_map(map.transposed(), &forward, what);
}

trait MapXyz {
    fn map_xyz(self, f: impl Fn(i32) -> i32) -> Self;
}

impl MapXyz for Coord {
    fn map_xyz(self, f: impl Fn(i32) -> i32) -> Self {
        [self[0], f(self[1]), f(self[2]), f(self[3])]
    }
}

#[test]
fn activity_of_the_worked_example() {
    let along = |xs: &[i32]| xs.iter().map(|&x| [0, x, 0, 0]).collect::<Vec<_>>();
    let active = |coords: &[Coord], size, stride, length| {
        let set = VoxelSet::new(coords, 1).unwrap();
        let window = Window { size: [size, 1, 1], stride: [stride, 1, 1], ..Window::cubic(1, 1) };
        let rule = OutputRule::Spread { clip: Some([length, 1, 1]) };
        output_voxels(&set, &window, rule).unwrap().coords().to_vec()
    };
    assert_eq!(active(&along(&[1]), 2, 1, 6), along(&[0, 1]));
    assert_eq!(active(&along(&[2]), 3, 2, 7), along(&[0, 1]));
    assert_eq!(active(&along(&[0, 1]), 3, 2, 5), along(&[0]));
}

#[test]
fn pool_windows_hold_their_rows_in_tap_order_with_the_ground_at_the_first_gap() {
    let set = VoxelSet::new(&random_coords(60, 2, 6, 8), 2).unwrap();
    let window = Window::cubic(3, 2);
    let output = output_voxels(&set, &window, OutputRule::Spread { clip: Some([6; 3]) }).unwrap();
    let map = KernelMap::build(&set, &output, &window).unwrap();
    for ground in [false, true] {
        let pool = PoolMap::new(&map, ground);
        for (row, &coord) in output.coords().iter().enumerate() {
            let mut expected = Vec::new();
            let mut gap = false;
            for tap in naive(&window).taps() {
                match set.row_of(naive(&window).input(coord, tap)) {
                    Some(input) => expected.push(input),
                    None if ground && !gap => {
                        expected.push(set.len() as u32);
                        gap = true;
                    }
                    None => {}
                }
            }
            let range = pool.starts()[row] as usize..pool.starts()[row + 1] as usize;
            assert_eq!(pool.rows()[range], expected, "output {coord:?}, ground {ground}");
        }
    }
}

#[test]
fn wrong_coordinates_are_named() {
    let error = VoxelSet::new(&[[0, 0, 0, 0], [2, 0, 0, 0]], 2).unwrap_err();
    assert_eq!(error, GeometryError::SampleOutOfRange { point: 1, batch: 2, samples: 2 });
    let error = VoxelSet::new(&[[-1, 0, 0, 0]], 2).unwrap_err();
    assert_eq!(error, GeometryError::SampleOutOfRange { point: 0, batch: -1, samples: 2 });
    for x in [COORDINATE_LIMIT, i32::MAX, i32::MIN] {
        let error = VoxelSet::new(&[[0, 0, x, 0]], 1).unwrap_err();
        assert_eq!(error, GeometryError::CoordinateOutOfRange { point: 0, coord: [0, 0, x, 0] });
    }
    let set = VoxelSet::new(&[[0, 0, 0, 0]], 1).unwrap();
    assert!(matches!(KernelMap::submanifold(&set, [0; 3], [1; 3]), Err(GeometryError::ImpossibleWindow { .. })));
    assert!(output_voxels(&set, &Window::cubic(2, 0), OutputRule::Floor).is_err());
    let far = Window { padding: [i32::MIN, 0, 0], ..Window::cubic(2, 2) };
    for window in [Window::cubic(1024, 1), Window::cubic(1025, 1), far] {
        assert!(KernelMap::build(&set, &set, &window).is_err(), "{window:?}");
        assert!(KernelMap::generative(&set, &set, &window).is_err(), "{window:?}");
        assert!(generated_voxels(&set, &window, None).is_err(), "{window:?}");
    }
}

#[test]
fn geometry_is_the_same_for_any_number_of_threads() {
    let coords = random_coords(60_000, 3, 120, 4);
    let build = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let set = VoxelSet::new(&coords, 3).unwrap();
            let output =
                output_voxels(&set, &Window::cubic(3, 2), OutputRule::Spread { clip: Some([120; 3]) }).unwrap();
            let maps = [
                KernelMap::submanifold(&set, [3; 3], [1; 3]).unwrap(),
                KernelMap::build(&set, &output, &Window::cubic(3, 2)).unwrap(),
            ];
            let pairs: Vec<Vec<u32>> = maps
                .iter()
                .flat_map(|map| (0..map.taps()).map(|tap| [map.pairs(tap).from, map.pairs(tap).to].concat()))
                .collect();
            (set.coords().to_vec(), output.coords().to_vec(), pairs)
        })
    };
    let one = build(1);
    assert!(one == build(2) && one == build(3));
}

#[test]
fn maps_of_a_real_cloud_equal_the_naive_ones() {
    let Some(cloud) = benchmark_cloud() else { return };
    // In metres: every voxel has more points and more neighbours.
    let places: Vec<[f32; 3]> = cloud.iter().map(|place| place.map(|at| at * BENCHMARK_VOXEL_M)).collect();
    let coords = Points::of_one_sample(&places).unwrap().cells([1; 3]).unwrap();
    let quantised = VoxelSet::quantise(&coords, 1).unwrap();
    let set = &quantised.set;
    let again = Points::of_one_sample(&places).unwrap().quantise([1; 3]).unwrap();
    assert_eq!(again.set.coords(), set.coords());
    assert!(again.voxel_from_point == quantised.voxel_from_point && again.first_point == quantised.first_point);
    assert!(coords.iter().zip(&quantised.voxel_from_point).all(|(coord, &row)| set.coords()[row as usize] == *coord));
    let mut seen = vec![false; set.len()];
    for (point, &row) in quantised.voxel_from_point.iter().enumerate() {
        assert_eq!(quantised.first_point[row as usize] == point as u32, !seen[row as usize], "point {point}");
        seen[row as usize] = true;
    }
    for window in [
        Window::centred([3; 3], [1; 3]),
        Window::centred([5; 3], [1; 3]),
        Window::cubic(2, 2),
        Window { padding: [1; 3], ..Window::cubic(3, 2) },
    ] {
        for rule in [OutputRule::Floor, OutputRule::Spread { clip: None }] {
            let output = output_voxels(set, &window, rule).unwrap();
            let map = KernelMap::build(set, &output, &window).unwrap();
            let wanted = map_by_hash(set.coords(), output.coords(), &naive(&window));
            assert_same_map(&map, &wanted, &format!("{window:?}, {rule:?}"));
        }
    }
}

proptest! {
    #[test]
    fn any_cloud_has_the_naive_neighbours(
        coords in prop::collection::vec((0..2_i32, -9..9_i32, -9..9_i32, -9..9_i32), 0..200),
        size in prop::array::uniform3(1..4_u32),
        stride in prop::array::uniform3(1..4_u32),
    ) {
        let coords: Vec<Coord> = coords.into_iter().map(|(b, x, y, z)| [b, x, y, z]).collect();
        let set = VoxelSet::new(&coords, 2).unwrap();
        assert_strided(&set, &Window { size, stride, dilation: [1; 3], padding: [1, 0, 2] }, None, "random");
    }
}
