//! Synthetic scenes from a seed: streets as a lidar sees them, and furnished rooms.
//!
//! Invariant: a scene follows from the seed and its number alone, whatever the number of threads.

mod draw;
mod furnish;
mod ground;
mod labels;
mod part;
mod room;
mod sensor;
mod solid;
mod standing;
mod street;
mod surface;
mod vehicles;
mod visible;
mod write;

use crate::error::DataError;
use crate::pipeline::generator;
use crate::scan::Scan;
use draw::Draw;
pub use room::room_scan;
pub use sensor::LidarSensor;
use street::World;
pub use write::{SyntheticRooms, SyntheticStreets, write_synthetic_rooms, write_synthetic_streets};

/// Kinds of generators, see `Pass::generator` and the synthetic shapes for the numbers before these.
const STREETS: u64 = 7;

/// Street number `number` of a seed as the sensor sees it, with the labels and instances of SemanticKITTI.
///
/// Intensities are from 0 to 0.99. Instances are 0 on the ground.
pub fn lidar_scan(sensor: &LidarSensor, seed: u64, number: u64) -> Result<Scan, DataError> {
    sensor.check()?;
    let world = World::draw(&mut Draw(generator([seed, STREETS, number, 0])));
    Ok(sensor.scan(&world, [seed, STREETS, number]))
}
