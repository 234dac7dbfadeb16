//! Cutting a large scene into overlapping blocks, to be segmented one by one.
//!
//! Invariant: every point is in the core of exactly one block, and the blocks reach `overlap` beyond their cores, so that a
//! network sees what is around each point whose label is taken from it.

use crate::error::DataError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a scene is cut, in units of the file; blocks are square columns of any height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// Side of a block's core.
    pub side: f32,
    /// How far a block reaches beyond its core, at most `side`.
    pub overlap: f32,
}

/// Points of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Numbers of the points, ascending.
    pub points: Vec<u32>,
    /// Whether each of them lies in the core.
    pub in_core: Vec<bool>,
}

impl Blocks {
    /// The blocks that have a point in their core, in order of x, then y.
    pub fn split(&self, points: &[[f32; 3]]) -> Result<Vec<Block>, DataError> {
        let Self { side, overlap } = *self;
        if !(1e-3..=1e7).contains(&side) || !(0.0..=side).contains(&overlap) {
            return Err(DataError::setting(format!(
                "blocks of side = {side}, overlap = {overlap}: expected a side of 0.001 to 1e7 and an overlap of 0 to the side"
            )));
        }
        // f64: a core's number must come out alike here and from the reach around it.
        let number = |value: f64| (value / f64::from(side)).floor() as i64;
        let mut blocks: BTreeMap<[i64; 2], Block> = BTreeMap::new();
        for (point, place) in (0..).zip(points) {
            let [x, y] = [f64::from(place[0]), f64::from(place[1])];
            let core = [number(x), number(y)];
            let reach = |value: f64| number(value - f64::from(overlap))..=number(value + f64::from(overlap));
            for block_x in reach(x) {
                for block_y in reach(y) {
                    let block = blocks.entry([block_x, block_y]).or_default();
                    block.points.push(point);
                    block.in_core.push([block_x, block_y] == core);
                }
            }
        }
        Ok(blocks.into_values().filter(|block| block.in_core.contains(&true)).collect())
    }
}

/// One value a point of the scene, from the values of each block's points: that of the block in whose core it lies.
///
/// `values[b]` has one value for each point of `blocks[b]`; `count` is the number of points of the scene.
pub fn join_blocks<T: Copy + Default>(blocks: &[Block], values: &[Vec<T>], count: usize) -> Result<Vec<T>, DataError> {
    let mut joined = vec![T::default(); count];
    if blocks.len() != values.len() {
        return Err(DataError::setting(format!("values of {} blocks for {}", values.len(), blocks.len())));
    }
    for (block, values) in blocks.iter().zip(values) {
        if block.points.len() != values.len() {
            let (got, expected) = (values.len(), block.points.len());
            return Err(DataError::setting(format!("{got} values for a block of {expected} points")));
        }
        for ((&point, &in_core), &value) in block.points.iter().zip(&block.in_core).zip(values) {
            if in_core {
                let slot = joined.get_mut(point as usize);
                *slot.ok_or_else(|| DataError::setting(format!("point {point} of a scene of {count}")))? = value;
            }
        }
    }
    Ok(joined)
}
