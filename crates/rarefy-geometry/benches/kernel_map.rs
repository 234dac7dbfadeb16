//! Voxelisation, block index and kernel maps of a real cloud: 198,130 points at 0.1 m.
//!
//! `RAREFY_REALDATA=… cargo bench -p rarefy-geometry --bench kernel_map`. Everything is checked against naive searches before
//! anything is timed; every time is the least of 15 runs, or of `RAREFY_BENCH_REPEATS`, which helps where other programs run.
//! These steps do no arithmetic to speak of, so they are measured by what must at least move: what is given and what
//! comes out, each once, as a fraction of the bandwidth of a copy in the same run. It tells how far memory is from being
//! the limit.

use std::collections::{BTreeSet, HashSet};

use rarefy_geometry::{
    Coord, Interpolation, KernelMap, OutputRule, Points, Quantised, RowMap, VoxelSet, Window, output_voxels,
};
use rarefy_testkit::{
    CopyBandwidth, NaiveWindow, RowSample, bench_numbers, bench_repeats, benchmark_cloud, least_ms, map_by_hash,
    naive_devoxelise, naive_voxelise,
};

/// What other engines find on this cloud.
const EXPECTED: (usize, usize) = (125_565, 788_961);
/// Rows of the searches that look at every point or voxel.
const SAMPLED: usize = 200;
/// Bytes of the coordinate of a voxel.
const COORD: usize = 16;
/// Bytes of the place of a point.
const PLACE: usize = 12;
/// Bytes of a row number or a weight.
const ROW: usize = 4;
/// Bytes of a pair of a map.
const PAIR: usize = 8;

fn main() {
    warm_heap();
    let Some(places) = benchmark_cloud() else { return };
    let cloud = Points::of_one_sample(&places).expect("finite points");
    let set = VoxelSet::new(&cloud.cells([1; 3]).expect("a possible stride"), 1).expect("a valid cloud");
    let maps = Maps::of(cloud, &set);
    maps.check(cloud, &places, &set);
    println!(
        "{} points, {} voxels, {} pairs; milliseconds, least of {} runs; ‘voxelise’ goes from points to voxels, the \
         voxel of each point and the first point of each voxel; 10⁶ points, voxels or pairs a second",
        places.len(),
        set.len(),
        maps.near.pair_count(),
        bench_repeats(15)
    );
    println!("threads  step                    ms     10⁶/s    GB/s  of bandwidth");
    for threads in bench_numbers("RAREFY_BENCH_THREADS", &[1, 2]) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| time(threads, cloud, &maps));
    }
}

/// Frees one large block, after which glibc keeps freed memory instead of giving it back to the system: a program that
/// runs networks has such a heap. Without it fresh pages cost up to 2.5 ms in every run of ‘block index’.
fn warm_heap() {
    drop(std::hint::black_box(vec![1_u8; 24 << 20]));
}

/// Everything that is timed, built once.
struct Maps {
    quantised: Quantised,
    near: KernelMap,
    halved: (VoxelSet, KernelMap),
    spread: (VoxelSet, KernelMap),
    members: RowMap,
    trilinear: RowMap,
}

impl Maps {
    fn of(cloud: Points<'_>, set: &VoxelSet) -> Self {
        Self {
            quantised: cloud.quantise([1; 3]).expect("possible"),
            near: near(set),
            halved: halved(set),
            spread: spread(set),
            members: members(cloud, set),
            trilinear: trilinear(cloud, set),
        }
    }

    fn check(&self, cloud: Points<'_>, places: &[[f32; 3]], set: &VoxelSet) {
        assert_eq!((set.len(), self.near.pair_count()), EXPECTED, "the cloud or the map is not the expected one");
        check_voxels(&self.quantised, set, &cloud.cells([1; 3]).expect("possible"));
        let coords = set.coords();
        check_map(&self.near, &map_by_hash(coords, coords, &NaiveWindow::centred(3, 1)));
        let cells: BTreeSet<Coord> = coords.iter().map(|&[b, x, y, z]| [b, x >> 1, y >> 1, z >> 1]).collect();
        check_strided(coords, &self.halved, &NaiveWindow::cubic(2, 2), &cells);
        let reached = |&[b, x, y, z]: &Coord| {
            let along = |at: i32| [(at - 1).div_euclid(2), at.div_euclid(2)];
            let plane = move |x: i32| along(y).into_iter().map(move |y| (x, y));
            let all = along(x).into_iter().flat_map(plane);
            all.flat_map(move |(x, y)| along(z).into_iter().map(move |z| [b, x, y, z])).collect::<Vec<_>>()
        };
        let cells = coords.iter().flat_map(reached).collect();
        check_strided(coords, &self.spread, &NaiveWindow::cubic(3, 2), &cells);
        let (down, up) = (&self.halved.1, self.halved.1.transposed());
        let pairs = |map: &KernelMap, tap: usize| -> Vec<(u32, u32)> {
            map.pairs(tap).from.iter().copied().zip(map.pairs(tap).to.iter().copied()).collect()
        };
        for tap in 0..8 {
            let mut turned: Vec<_> = pairs(down, tap).into_iter().map(|(from, to)| (to, from)).collect();
            turned.sort_unstable_by_key(|pair| pair.1);
            assert_eq!(pairs(up, tap), turned, "tap {tap} of the transposed map");
        }
        let samples = vec![0; places.len()];
        let some = RowSample::new(set.len(), SAMPLED);
        let wanted = naive_voxelise((places, &samples), &some.items(coords), [1; 3]);
        check_rows(&self.members, &some, &wanted, "points of voxels");
        let some = RowSample::new(places.len(), SAMPLED);
        let sampled = (&some.items(places)[..], &some.items(&samples)[..]);
        let wanted = naive_devoxelise(sampled, coords, [1; 3], false);
        check_rows(&self.trilinear, &some, &wanted, "trilinear weights");
    }
}

fn check_voxels(found: &Quantised, set: &VoxelSet, cells: &[Coord]) {
    let coords = found.set.coords();
    assert_eq!(coords, set.coords());
    let distinct: HashSet<Coord> = cells.iter().copied().collect();
    assert!(coords.len() == distinct.len() && coords.iter().all(|coord| distinct.contains(coord)), "the voxels");
    let mut first = vec![None; coords.len()];
    for (point, (cell, &row)) in cells.iter().zip(&found.voxel_from_point).enumerate() {
        assert_eq!(coords[row as usize], *cell, "the voxel of point {point}");
        first[row as usize].get_or_insert(point as u32);
    }
    assert!(first.iter().zip(&found.first_point).all(|(first, found)| *first == Some(*found)), "the first points");
}

fn check_strided(inputs: &[Coord], (set, map): &(VoxelSet, KernelMap), window: &NaiveWindow, wanted: &BTreeSet<Coord>) {
    let coords = set.coords();
    assert!(coords.len() == wanted.len() && coords.iter().all(|coord| wanted.contains(coord)), "outputs of {window:?}");
    check_map(map, &map_by_hash(inputs, coords, window));
}

fn check_map(found: &KernelMap, wanted: &KernelMap) {
    assert_eq!(found.taps(), wanted.taps());
    for tap in 0..found.taps() {
        let (found, wanted) = (found.pairs(tap), wanted.pairs(tap));
        assert!(found.from == wanted.from && found.to == wanted.to, "tap {tap} differs from a naive search");
    }
}

/// Compares some outputs of a row map with lists of (row, weight), in any order.
fn check_rows(map: &RowMap, some: &RowSample, wanted: &[Vec<(usize, f64)>], what: &str) {
    let outputs: Vec<usize> = (0..map.outputs()).collect();
    for (output, wanted) in some.items(&outputs).into_iter().zip(wanted) {
        let weight = |entry: usize| f64::from(map.weights().map_or(1.0, |weights| weights[entry]));
        let mut found: Vec<_> = map.entries(output).map(|entry| (map.rows()[entry] as usize, weight(entry))).collect();
        let mut wanted = wanted.clone();
        found.retain(|entry| entry.1 != 0.0);
        wanted.retain(|entry| entry.1 != 0.0);
        found.sort_unstable_by_key(|entry| entry.0);
        wanted.sort_unstable_by_key(|entry| entry.0);
        let near = |(a, b): (&(usize, f64), &(usize, f64))| a.0 == b.0 && (a.1 - b.1).abs() < 1e-5;
        assert!(found.len() == wanted.len() && found.iter().zip(&wanted).all(near), "{what} of output {output}");
    }
}

/// A step: what it is called, the items that its rate counts, and the bytes that must move.
struct Step(&'static str, usize, usize);

fn time(threads: usize, cloud: Points<'_>, maps: &Maps) {
    let coords = cloud.cells([1; 3]).expect("a possible stride");
    let set = &maps.quantised.set;
    // A set of its own for every run: a set keeps what windows of stride 2 share.
    let fresh = || VoxelSet::new(&coords, 1).expect("a valid cloud");
    let (points, voxels) = (coords.len(), set.len());
    let outputs = |(set, map): &(VoxelSet, KernelMap)| COORD * (voxels + set.len()) + PAIR * map.pair_count();
    let rows = |map: &RowMap, weighted: usize| ROW * (map.outputs() + map.rows().len() * (1 + weighted));
    let count = |map: &KernelMap| map.pair_count();
    let mut clock = Clock { threads, copy: CopyBandwidth::default(), lines: Vec::new() };
    clock.row(
        &Step("voxelise", points, PLACE * points + ROW * (points + voxels) + COORD * voxels),
        || (),
        |()| cloud.quantise([1; 3]).expect("possible"),
    );
    clock.row(&Step("block index", points, COORD * (points + voxels)), || (), |()| fresh());
    clock.row(&Step("map 3³", count(&maps.near), COORD * voxels + PAIR * count(&maps.near)), || (), |()| near(set));
    clock.row(&Step("strided 2/2", count(&maps.halved.1), outputs(&maps.halved)), fresh, halved);
    clock.row(&Step("spread 3/2", count(&maps.spread.1), outputs(&maps.spread)), fresh, spread);
    let turned = |set: &VoxelSet| halved(set).1.into_transposed();
    let twice = outputs(&maps.halved) + PAIR * count(&maps.halved.1);
    clock.row(&Step("2/2 and transposed", count(&maps.halved.1), twice), fresh, turned);
    let bytes = PLACE * points + COORD * voxels;
    clock.row(&Step("points of voxels", points, bytes + rows(&maps.members, 0)), || (), |()| members(cloud, set));
    clock.row(&Step("trilinear", points, bytes + rows(&maps.trilinear, 1)), || (), |()| trilinear(cloud, set));
    clock.print();
}

/// Times steps, with copies between them.
struct Clock {
    threads: usize,
    copy: CopyBandwidth,
    lines: Vec<(&'static str, f64, f64, f64)>,
}

impl Clock {
    /// Times `run` on what `make` makes anew before, outside of the time.
    fn row<M, T>(&mut self, step: &Step, make: impl Fn() -> M, run: impl Fn(&M) -> T) {
        let Step(name, items, bytes) = *step;
        let mut ms = f64::INFINITY;
        for _ in 0..bench_repeats(15) {
            let made = make();
            least_ms(&mut ms, || run(&made));
        }
        self.copy.measure();
        self.lines.push((name, ms, items as f64 / ms / 1e3, bytes as f64 / ms / 1e6));
    }

    fn print(&self) {
        let (threads, gbytes) = (self.threads, self.copy.gbytes());
        println!("{threads:7}  copy                     –         –  {gbytes:6.1}       100.0 %");
        for (name, ms, items, rate) in &self.lines {
            let share = 100.0 * rate / gbytes;
            println!("{threads:7}  {name:18}  {ms:6.2}  {items:8.1}  {rate:6.1}  {share:10.1} %");
        }
    }
}

fn near(set: &VoxelSet) -> KernelMap {
    KernelMap::submanifold(set, [3; 3], [1; 3]).expect("a valid kernel")
}

fn strided(set: &VoxelSet, size: u32, rule: OutputRule) -> (VoxelSet, KernelMap) {
    let window = Window::cubic(size, 2);
    let output = output_voxels(set, &window, rule).expect("valid");
    let map = KernelMap::build(set, &output, &window).expect("valid");
    (output, map)
}

fn halved(set: &VoxelSet) -> (VoxelSet, KernelMap) {
    strided(set, 2, OutputRule::Floor)
}

fn spread(set: &VoxelSet) -> (VoxelSet, KernelMap) {
    strided(set, 3, OutputRule::Spread { clip: None })
}

fn members(cloud: Points<'_>, set: &VoxelSet) -> RowMap {
    RowMap::voxelisation(cloud, set, [1; 3]).expect("valid")
}

fn trilinear(cloud: Points<'_>, set: &VoxelSet) -> RowMap {
    RowMap::devoxelisation(cloud, set, [1; 3], Interpolation::Trilinear).expect("valid")
}
