//! Voxelisation, block index and kernel maps of a real cloud: 198,130 points at 0.1 m.
//!
//! `RAREFY_REALDATA=… cargo bench -p rarefy-geometry --bench kernel_map`. The number of pairs is checked before anything
//! is timed; every time is the least of 15 runs, or of `RAREFY_BENCH_REPEATS`, which helps where other programs run.

use std::time::Instant;

use rarefy_geometry::{Coord, Interpolation, KernelMap, OutputRule, Points, RowMap, VoxelSet, Window, output_voxels};
use rarefy_testkit::real_data_folder;

const VOXEL: f32 = 0.1;
/// What other engines find on this cloud.
const EXPECTED: (usize, usize) = (125_565, 788_961);

fn main() {
    warm_heap();
    let Some(folder) = real_data_folder() else { return };
    let path = folder.join("lidar_unlabelled/benchmark_pc.npy");
    let points = match std::fs::read(&path) {
        Ok(bytes) => npyz::NpyFile::new(&bytes[..]).and_then(npyz::NpyFile::into_vec::<f32>).expect("an npy file"),
        Err(error) => return println!("skipped: {}: {error}", path.display()),
    };
    let places: Vec<[f32; 3]> =
        points.chunks_exact(3).map(|point| [point[0] / VOXEL, point[1] / VOXEL, point[2] / VOXEL]).collect();
    let cloud = Points::of_one_sample(&places).expect("finite points");
    let coords: Vec<Coord> = cloud.cells([1; 3]).expect("a possible stride");
    let set = VoxelSet::new(&coords, 1).expect("a valid cloud");
    let map = KernelMap::submanifold(&set, [3; 3], [1; 3]).expect("a valid kernel");
    assert_eq!((set.len(), map.pair_count()), EXPECTED, "the cloud or the map is not the expected one");
    println!(
        "{} points, {} voxels, {} pairs; milliseconds, least of {} runs; ‘voxelise’ goes from points to voxels, the \
         voxel of each point and the first point of each voxel",
        coords.len(),
        set.len(),
        map.pair_count(),
        repeats()
    );
    println!(
        "threads  voxelise  block index  map 3³  strided 2/2  spread 3/2  transposed 2/2  points of voxels  trilinear"
    );
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let voxelise = least(|| cloud.quantise([1; 3]).expect("possible"));
            let index = least(|| VoxelSet::new(&coords, 1).expect("valid"));
            let map = least(|| KernelMap::submanifold(&set, [3; 3], [1; 3]).expect("valid"));
            // A set of its own for every run: a set keeps what windows of stride 2 share.
            let fresh = || VoxelSet::new(&coords, 1).expect("a valid cloud");
            let strided = least_with(fresh, |set| strided(set, 2, OutputRule::Floor));
            let spread = least_with(fresh, strided_spread);
            let turned = least_with(fresh, |set| strided_map(set).transposed().pair_count());
            let members = least(|| RowMap::voxelisation(cloud, &set, [1; 3]).expect("valid"));
            let trilinear =
                least(|| RowMap::devoxelisation(cloud, &set, [1; 3], Interpolation::Trilinear).expect("valid"));
            println!(
                "{threads:7}  {voxelise:8.2}  {index:11.2}  {map:6.2}  {strided:11.2}  {spread:10.2}  {turned:14.2}  \
                 {members:16.2}  {trilinear:9.2}"
            );
        });
    }
}

/// Frees one large block, after which glibc keeps freed memory instead of giving it back to the system: a program that
/// runs networks has such a heap. Without it fresh pages cost up to 2.5 ms in every run of ‘block index’.
fn warm_heap() {
    drop(std::hint::black_box(vec![1_u8; 24 << 20]));
}

/// How often everything is timed.
fn repeats() -> usize {
    std::env::var("RAREFY_BENCH_REPEATS").ok().and_then(|count| count.parse().ok()).unwrap_or(15)
}

fn strided(set: &VoxelSet, size: u32, rule: OutputRule) -> KernelMap {
    let window = Window::cubic(size, 2);
    let output = output_voxels(set, &window, rule).expect("valid");
    KernelMap::build(set, &output, &window).expect("valid")
}

fn strided_spread(set: &VoxelSet) -> KernelMap {
    strided(set, 3, OutputRule::Spread { clip: None })
}

fn strided_map(set: &VoxelSet) -> KernelMap {
    strided(set, 2, OutputRule::Floor)
}

fn least<T>(mut run: impl FnMut() -> T) -> f64 {
    least_with(|| (), |()| run())
}

/// The least time of `run` with something that is made anew before, outside of the time.
fn least_with<M, T>(make: impl Fn() -> M, mut run: impl FnMut(&M) -> T) -> f64 {
    let time = |()| {
        let made = make();
        let start = Instant::now();
        std::hint::black_box(run(&made));
        start.elapsed().as_secs_f64() * 1e3
    };
    std::iter::repeat_n((), repeats()).map(time).fold(f64::INFINITY, f64::min)
}
