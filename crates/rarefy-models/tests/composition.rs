//! MinkUNet and SPVCNN in evaluation against the same networks written down again: plain sums in f64 over lists and hash
//! tables, from the tensors of a state dict under their public names.

mod common;

use std::collections::BTreeSet;

use burn::tensor::Device;
use common::{host, matrix, points, random_network};
use rarefy_models::{MinkUNetConfig, Mode, SegmentationConfig, SpvcnnConfig, Trace};
use rarefy_nn::StateDict;
use rarefy_sparse::PointCloud;
use rarefy_testkit::{
    NaiveWindow, naive_devoxelise, naive_row_sums, naive_voxelise, random_values, relative_error, sparse_convolution,
};

type Coords = Vec<[i32; 4]>;

/// Features of the voxels of one grid.
#[derive(Clone)]
struct Grid {
    coords: Coords,
    x: Vec<f64>,
}

/// The tensors of a network.
struct Naive<'a> {
    dict: &'a StateDict,
    places: &'a [[f32; 3]],
    sample_of: &'a [i32],
}

impl Naive<'_> {
    fn values(&self, name: &str) -> Vec<f64> {
        self.dict[name].values.iter().map(|&value| f64::from(value)).collect()
    }

    /// Weights with the last axis of the kernel fastest, and their channels.
    fn kernel(&self, name: &str) -> (Vec<f64>, (usize, usize)) {
        let theirs = self.values(&format!("{name}.kernel"));
        let shape = &self.dict[&format!("{name}.kernel")].shape;
        let channels = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let matrix = channels.0 * channels.1;
        if shape[0] != 27 || shape.len() == 2 {
            return (theirs, channels);
        }
        let mut ours = vec![0.0; theirs.len()];
        for (a, b, c) in (0..27).map(|i| (i / 9, i / 3 % 3, i % 3)) {
            let (from, to) = ((a + 3 * b + 9 * c) * matrix, (9 * a + 3 * b + c) * matrix);
            ours[to..to + matrix].copy_from_slice(&theirs[from..from + matrix]);
        }
        (ours, channels)
    }

    fn norm(&self, name: &str, x: &mut [f64]) {
        let [gamma, beta, mean, variance] =
            ["weight", "bias", "running_mean", "running_var"].map(|part| self.values(&format!("{name}.{part}")));
        for row in x.chunks_exact_mut(gamma.len()) {
            for (channel, value) in row.iter_mut().enumerate() {
                *value = (*value - mean[channel]) / (variance[channel] + 1e-5).sqrt() * gamma[channel] + beta[channel];
            }
        }
    }

    /// Convolution and norm onto `outputs`.
    fn conv_norm(&self, grid: &Grid, outputs: &Coords, window: &NaiveWindow, names: [&str; 2]) -> Grid {
        let (weights, channels) = self.kernel(names[0]);
        let mut x = sparse_convolution((&grid.coords, &grid.x), outputs, window, &weights, channels);
        self.norm(names[1], &mut x);
        Grid { coords: outputs.clone(), x }
    }

    fn stem(&self, grid: &Grid) -> Grid {
        let window = NaiveWindow::centred(3, 1);
        let mut x = self.conv_norm(grid, &grid.coords, &window, ["stem.0", "stem.1"]);
        relu(&mut x.x);
        let mut x = self.conv_norm(&x, &grid.coords, &window, ["stem.3", "stem.4"]);
        relu(&mut x.x);
        x
    }

    fn block(&self, grid: &Grid, name: &str) -> Grid {
        let window = NaiveWindow::centred(3, 1);
        let of = |part: &str| format!("{name}.{part}");
        let mut y = self.conv_norm(grid, &grid.coords, &window, [&of("net.0"), &of("net.1")]);
        relu(&mut y.x);
        let mut y = self.conv_norm(&y, &grid.coords, &window, [&of("net.3"), &of("net.4")]);
        let past = if self.dict.contains_key(&of("downsample.0.kernel")) {
            let one = NaiveWindow::cubic(1, 1);
            self.conv_norm(grid, &grid.coords, &one, [&of("downsample.0"), &of("downsample.1")])
        } else {
            grid.clone()
        };
        y.x.iter_mut().zip(past.x).for_each(|(y, past)| *y += past);
        relu(&mut y.x);
        y
    }

    fn down(&self, stage: usize, grid: &Grid) -> Grid {
        let coarse = |&[b, x, y, z]: &[i32; 4]| [b, x.div_euclid(2), y.div_euclid(2), z.div_euclid(2)];
        let outputs: Coords = grid.coords.iter().map(coarse).collect::<BTreeSet<_>>().into_iter().collect();
        let names = [format!("stage{stage}.0.net.0"), format!("stage{stage}.0.net.1")];
        let mut x = self.conv_norm(grid, &outputs, &NaiveWindow::cubic(2, 2), [&names[0], &names[1]]);
        relu(&mut x.x);
        let x = self.block(&x, &format!("stage{stage}.1"));
        self.block(&x, &format!("stage{stage}.2"))
    }

    fn up(&self, stage: usize, grid: &Grid, skip: &Grid) -> Grid {
        let (weights, (c_in, c_out)) = self.kernel(&format!("up{stage}.0.net.0"));
        let mut up = vec![0.0; skip.coords.len() * c_out];
        for (&[b, x, y, z], out) in skip.coords.iter().zip(up.chunks_exact_mut(c_out)) {
            let parent = [b, x.div_euclid(2), y.div_euclid(2), z.div_euclid(2)];
            let row = grid.coords.iter().position(|&other| other == parent).expect("every voxel has a parent");
            let tap = (4 * x.rem_euclid(2) + 2 * y.rem_euclid(2) + z.rem_euclid(2)) as usize;
            for i in 0..c_in {
                for (o, out) in out.iter_mut().enumerate() {
                    *out += grid.x[row * c_in + i] * weights[(tap * c_in + i) * c_out + o];
                }
            }
        }
        self.norm(&format!("up{stage}.0.net.1"), &mut up);
        relu(&mut up);
        let width = skip.x.len() / skip.coords.len();
        let rows = up.chunks_exact(c_out).zip(skip.x.chunks_exact(width));
        let joined = rows.flat_map(|(up, skip)| [up, skip].concat()).collect();
        let x = self.block(&Grid { coords: skip.coords.clone(), x: joined }, &format!("up{stage}.1.0"));
        self.block(&x, &format!("up{stage}.1.1"))
    }

    fn voxelise(&self, coords: &Coords, level: u32, points: &[f64]) -> Grid {
        let lists = naive_voxelise((self.places, self.sample_of), coords, [1 << level; 3]);
        let channels = points.len() / self.places.len();
        let x = naive_row_sums(&lists, |voxel| lists[voxel].len() as f64, channels, points);
        Grid { coords: coords.clone(), x }
    }

    fn devoxelise(&self, grid: &Grid, level: u32) -> Vec<f64> {
        let lists = naive_devoxelise((self.places, self.sample_of), &grid.coords, [1 << level; 3], false);
        naive_row_sums(&lists, |_| 1.0, grid.x.len() / grid.coords.len(), &grid.x)
    }

    /// `x · weightᵀ + bias`.
    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let (weights, bias) = (self.values(&format!("{name}.weight")), self.values(&format!("{name}.bias")));
        let width = weights.len() / bias.len();
        let product = |row: &[f64], o: usize| -> f64 { (0..width).map(|i| row[i] * weights[o * width + i]).sum() };
        x.chunks_exact(width)
            .flat_map(|row| (0..bias.len()).map(|o| product(row, o) + bias[o]).collect::<Vec<_>>())
            .collect()
    }

    fn transform(&self, number: usize, z: &[f64]) -> Vec<f64> {
        let mut x = self.linear(&format!("point_transforms.{number}.0"), z);
        self.norm(&format!("point_transforms.{number}.1"), &mut x);
        relu(&mut x);
        x
    }

    /// The voxels of the cloud with the means of its features.
    fn input(&self, features: &[f64]) -> Grid {
        let cell = |(place, &sample): (&[f32; 3], &i32)| {
            let [x, y, z] = place.map(|at| at.floor() as i32);
            [sample, x, y, z]
        };
        let coords: BTreeSet<[i32; 4]> = self.places.iter().zip(self.sample_of).map(cell).collect();
        self.voxelise(&coords.into_iter().collect(), 0, features)
    }

    fn minkunet(&self, features: &[f64]) -> Vec<f64> {
        let mut levels = vec![self.stem(&self.input(features))];
        for stage in 1..=4 {
            levels.push(self.down(stage, &levels[stage - 1]));
        }
        let mut x = levels[4].clone();
        for stage in 1..=4 {
            x = self.up(stage, &x, &levels[4 - stage]);
        }
        let cells = naive_voxelise((self.places, self.sample_of), &x.coords, [1; 3]);
        let scores = self.linear("classifier.0", &x.x);
        let width = scores.len() / x.coords.len();
        let voxel_of = |point| cells.iter().position(|points| points.iter().any(|&(p, _)| p == point)).unwrap();
        (0..self.places.len()).flat_map(|point| scores[voxel_of(point) * width..][..width].to_vec()).collect()
    }

    fn spvcnn(&self, features: &[f64]) -> Vec<f64> {
        let x0 = self.stem(&self.input(features));
        let z0 = self.devoxelise(&x0, 0);
        let x1 = self.down(1, &self.voxelise(&x0.coords, 0, &z0));
        let x2 = self.down(2, &x1);
        let x3 = self.down(3, &x2);
        let x4 = self.down(4, &x3);
        let z1 = sum(self.devoxelise(&x4, 4), &self.transform(0, &z0));
        let y1 = self.up(1, &self.voxelise(&x4.coords, 4, &z1), &x3);
        let y2 = self.up(2, &y1, &x2);
        let z2 = sum(self.devoxelise(&y2, 2), &self.transform(1, &z1));
        let y3 = self.up(3, &self.voxelise(&y2.coords, 2, &z2), &x1);
        let y4 = self.up(4, &y3, &x0);
        let z3 = sum(self.devoxelise(&y4, 0), &self.transform(2, &z2));
        self.linear("classifier.0", &z3)
    }
}

fn relu(x: &mut [f64]) {
    for value in x {
        *value = value.max(0.0);
    }
}

fn sum(mut a: Vec<f64>, b: &[f64]) -> Vec<f64> {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

fn compare(config: &SegmentationConfig) {
    const POINTS: usize = 160;
    let device = Device::flex();
    let (network, dict) = random_network(config, &device);
    let (places, sample_of) = points(POINTS, 15.0, 5);
    // Halves of them close together, so that voxels hold several points.
    let places: Vec<[f32; 3]> =
        (0..POINTS).map(|point| places[point % (POINTS * 2 / 3)].map(|at| at + 0.2 * (point as f32).sin())).collect();
    let features: Vec<f64> = random_values(POINTS * 4, 6).iter().map(|&value| f64::from(value as f32)).collect();
    let naive = Naive { dict: &dict, places: &places, sample_of: &sample_of };
    let wanted = match config {
        SegmentationConfig::Spvcnn(_) => naive.spvcnn(&features),
        _ => naive.minkunet(&features),
    };
    let cloud = PointCloud::new(places, sample_of, 2).unwrap();
    let found = network.forward(&cloud, matrix(&features, 4, &device), Mode::Evaluation, &mut Trace::off()).unwrap();
    let error = relative_error(&host(found), &wanted);
    println!("{} differs by {error:.1e}", config.name());
    assert!(error < 1e-5, "{} differs by {error:e}", config.name());
}

#[test]
fn minkunet_is_its_layers_one_after_the_other() {
    let config = MinkUNetConfig::new(7).with_width(0.125);
    compare(&SegmentationConfig::MinkUNet(config));
}

#[test]
fn spvcnn_is_its_layers_one_after_the_other() {
    let config = SpvcnnConfig::new(7).with_width(0.125);
    compare(&SegmentationConfig::Spvcnn(config));
}
