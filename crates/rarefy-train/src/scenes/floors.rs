//! What can be reached without a network: figures that a network has to beat.
//!
//! One guess gives every point the most frequent class of the training scans. The other gives each point the class of its
//! nearest neighbour in (height, range, intensity) among training points drawn by a seed, each feature divided by its
//! standard deviation over them. Invariant: both follow from the scans and the seed, whatever the threads.

use std::sync::atomic::{AtomicBool, Ordering};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rarefy_data::DataError;
use rarefy_data::scene::{IGNORED, Scene, SceneSet};
use rarefy_metrics::Segmentation;
use rayon::prelude::*;
use rstar::RTree;
use rstar::primitives::GeomWithData;

use crate::TrainError;

/// Points that are looked up at a time.
const CHUNK: usize = 4096;

/// The figures of the two guesses.
#[derive(Clone, Debug, PartialEq)]
pub struct Floors {
    /// The class that has most points in the training scans.
    pub most_frequent: usize,
    /// Every point has that class.
    pub constant: Segmentation,
    /// Every point has the class of its nearest neighbour.
    pub nearest: Segmentation,
    /// Training points that the neighbours are among.
    pub sample: usize,
}

/// Measures both on all points of `test`; about `sample` of the labelled points of `train` are drawn.
///
/// Scans without intensities have 0 in their place.
///
/// # Errors
///
/// When no training point has a class, a scan can no longer be read, or `stop` is set.
pub fn floors(
    (train, test): (&SceneSet, &SceneSet),
    sample: usize,
    seed: u64,
    stop: &AtomicBool,
) -> Result<Floors, TrainError> {
    let (counts, _) = train.count_points()?;
    let total: u64 = counts.iter().sum();
    let most_frequent = (0..counts.len()).rev().max_by_key(|&class| counts[class]).filter(|_| total > 0);
    let Some(most_frequent) = most_frequent else {
        let what = "no point of the training scans has a class: see what their labels mean".to_owned();
        return Err(DataError::Setting { what }.into());
    };
    let drawn = draw(train, sample as f64 / total as f64, seed)?;
    let lookup = Lookup::new(&drawn);
    let classes = counts.len();
    let mut floors = Floors {
        most_frequent,
        constant: Segmentation::new(classes, IGNORED.into()),
        nearest: Segmentation::new(classes, IGNORED.into()),
        sample: drawn.len(),
    };
    for id in 0..test.len() {
        if stop.load(Ordering::Relaxed) {
            return Err(TrainError::Interrupted);
        }
        let scene = test.scene(id)?;
        floors.constant.add(&scene.labels, &vec![most_frequent as u8; scene.labels.len()])?;
        floors.nearest.add(&scene.labels, &lookup.classes(&scene))?;
    }
    Ok(floors)
}

/// Height, range and intensity of each point.
fn features(scene: &Scene) -> impl Fn(usize) -> [f64; 3] + Sync {
    move |point| {
        let [x, y, z] = scene.scan.points[point].map(f64::from);
        let intensity = scene.scan.intensity.as_ref().map_or(0.0, |values| f64::from(values[point]));
        [z, (x * x + y * y + z * z).sqrt(), intensity]
    }
}

/// Labelled points, each drawn with this chance, in the order of the scans.
fn draw(train: &SceneSet, chance: f64, seed: u64) -> Result<Vec<([f64; 3], u8)>, TrainError> {
    let of_scene = |id: usize| -> Result<Vec<([f64; 3], u8)>, TrainError> {
        let scene = train.scene(id)?;
        // Scans have streams of their own, so that they may be read on any thread.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(id as u64);
        let features = features(&scene);
        let labelled = scene.labels.iter().enumerate().filter(|(_, label)| **label != IGNORED);
        let drawn = labelled.filter(|_| rng.random_bool(chance.min(1.0)));
        Ok(drawn.map(|(point, &label)| (features(point), label)).collect())
    };
    let drawn: Vec<_> = (0..train.len()).into_par_iter().map(of_scene).collect::<Result<_, _>>()?;
    Ok(drawn.into_iter().flatten().collect())
}

/// Finds the nearest of the drawn points.
struct Lookup {
    /// One over the standard deviation of each feature; 0 where it is the same everywhere.
    scale: [f64; 3],
    tree: RTree<GeomWithData<[f64; 3], u8>>,
}

impl Lookup {
    fn new(drawn: &[([f64; 3], u8)]) -> Self {
        let count = drawn.len().max(1) as f64;
        let scale = std::array::from_fn(|axis| {
            let mean = drawn.iter().map(|(features, _)| features[axis]).sum::<f64>() / count;
            let variance = drawn.iter().map(|(features, _)| (features[axis] - mean).powi(2)).sum::<f64>() / count;
            if variance > 0.0 { 1.0 / variance.sqrt() } else { 0.0 }
        });
        let point = |(features, class): &([f64; 3], u8)| GeomWithData::new(scaled(*features, scale), *class);
        Self { scale, tree: RTree::bulk_load(drawn.iter().map(point).collect()) }
    }

    fn classes(&self, scene: &Scene) -> Vec<u8> {
        let features = features(scene);
        let class_of = |point: usize| {
            let place = scaled(features(point), self.scale);
            self.tree.nearest_neighbor(place).map_or(IGNORED, |nearest| nearest.data)
        };
        let points = scene.scan.len();
        (0..points).into_par_iter().with_min_len(CHUNK).map(class_of).collect()
    }
}

fn scaled(features: [f64; 3], scale: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| features[axis] * scale[axis])
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "shares of small counts and widths are compared as they are written")]
mod tests {
    use std::path::Path;

    use rarefy_data::Scan;
    use rarefy_data::scene::{ClassMap, SceneClass, Unlisted};
    use rarefy_metrics::AbsentClass;

    use super::*;

    fn set(scenes: &[(&[[f32; 4]], &[u8])]) -> SceneSet {
        let class = |(number, name): (u32, &str)| SceneClass { name: name.into(), ids: vec![number], colour: [0; 3] };
        let classes = (1..).zip(["low", "high", "bright"]).map(class).collect();
        let classes = ClassMap::new(classes, &[0], Unlisted::Refused).unwrap();
        let scene = |(points, labels): &(&[[f32; 4]], &[u8])| {
            let intensity = Some(points.iter().map(|point| point[3]).collect());
            let points = points.iter().map(|&[x, y, z, _]| [x, y, z]).collect();
            let scan = Scan { intensity, ..Scan::from_points(points) };
            Scene { labels: labels.to_vec(), ..Scene::unlabelled("scene", Path::new("scene"), scan) }
        };
        SceneSet::of_scenes(scenes.iter().map(scene).collect(), &classes).unwrap()
    }

    #[test]
    fn a_guess_by_height_and_intensity_finds_what_differs_in_them() {
        let train = set(&[
            (&[[5.0, 0.0, 0.0, 0.1], [5.0, 0.0, 2.0, 0.1], [0.0, 5.0, 0.0, 0.9]], &[0, 1, 2]),
            (&[[0.0, 5.0, 0.1, 0.1], [9.0, 9.0, 9.0, 0.5]], &[0, IGNORED]),
        ]);
        let test = set(&[(
            &[[-5.0, 0.0, 0.0, 0.1], [0.0, -5.0, 2.0, 0.2], [0.0, -5.0, 0.0, 0.8], [1.0, 1.0, 1.0, 0.0]],
            &[0, 1, 2, IGNORED],
        )]);
        let floors = floors((&train, &test), 1000, 1, &AtomicBool::new(false)).unwrap();
        assert_eq!((floors.most_frequent, floors.sample), (0, 4));
        assert_eq!(floors.nearest.report().accuracy, 1.0);
        // One of three points is low, and low is what two others are taken for.
        assert_eq!(floors.constant.report().accuracy, 1.0 / 3.0);
        assert_eq!(floors.constant.mean_iou(AbsentClass::Zero), 1.0 / 9.0);
    }

    #[test]
    fn neighbours_are_those_of_a_search_through_all_points_and_the_draw_follows_from_the_seed() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut cloud = |count: usize| -> (Vec<[f32; 4]>, Vec<u8>) {
            let points = (0..count).map(|_| std::array::from_fn(|_| rng.random_range(-9..9) as f32)).collect();
            (points, (0..count).map(|_| rng.random_range(0..3)).collect())
        };
        let (points, labels) = cloud(600);
        let (asked, truth) = cloud(200);
        let (train, test) = (set(&[(&points, &labels)]), set(&[(&asked, &truth)]));
        let drawn = draw(&train, 0.5, 7).unwrap();
        assert!((200..400).contains(&drawn.len()), "{}", drawn.len());
        assert_eq!(drawn, draw(&train, 0.5, 7).unwrap());
        assert_ne!(drawn, draw(&train, 0.5, 8).unwrap());
        let lookup = Lookup::new(&drawn);
        let scene = test.scene(0).unwrap();
        for (point, class) in lookup.classes(&scene).into_iter().enumerate() {
            let distance = |of: [f64; 3]| {
                let (a, b) = (scaled(of, lookup.scale), scaled(features(&scene)(point), lookup.scale));
                (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>()
            };
            let least = drawn.iter().map(|(of, _)| distance(*of)).fold(f64::INFINITY, f64::min);
            let nearest = drawn.iter().any(|(of, label)| *label == class && distance(*of) <= least + 1e-12);
            assert!(nearest, "point {point}");
        }
    }

    #[test]
    fn scans_without_any_class_are_an_error() {
        let train = set(&[(&[[0.0; 4]], &[IGNORED])]);
        let error = floors((&train, &train), 10, 1, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains("no point of the training scans has a class"), "{error}");
    }
}
