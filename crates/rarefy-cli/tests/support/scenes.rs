//! Small streets, a network trained on them for a moment, and damaged scans.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses a part of it")]

use rarefy_data::scene::{LidarSensor, SyntheticStreets, write_synthetic_streets};

use super::Place;

/// Settings that make a network for scans small enough for tests.
pub const SMALL_SCENES: &str = "model.width=0.125 input.voxel_size=0.4 train.epochs=1 schedule.warmup_steps=1";

/// Makes coarse streets in `streets`, in the layout of SemanticKITTI: two to train on and one to measure on.
pub fn with_streets(place: Place) -> Place {
    let sensor = LidarSensor { azimuth_steps: 120, ..LidarSensor::with_rings(10, 3.0, -22.0) };
    let set = SyntheticStreets { sensor, train: 2, val: 1, seed: 3 };
    write_synthetic_streets(&place.join("streets"), &set, None).expect("streets");
    place
}

/// Trains a network on the streets in `run`.
pub fn with_run(place: Place) -> Place {
    place.done(&format!("train segment minkunet data.root=streets {SMALL_SCENES} --run-dir run --no-report"));
    place
}

/// The bytes of a KITTI scan.
pub fn kitti(points: &[[f32; 4]]) -> Vec<u8> {
    points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
}

/// A plane of points, 20 metres wide, that any network can label.
pub fn plane() -> Vec<[f32; 4]> {
    (0..400).map(|n| [(n % 20) as f32, (n / 20) as f32, 0.0, 0.5]).collect()
}
