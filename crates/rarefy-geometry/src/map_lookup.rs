//! The pairs of any window, each voxel looked up on its own.

use std::ops::Range;

use crate::map_chunks::ChunkPairs;
use crate::voxel_set::RowFinder;
use crate::{Coord, VoxelSet, Window};

/// The pairs of some output rows, each voxel looked up; the block found last is tried first.
pub(crate) fn looked_up_pairs(
    input: &VoxelSet,
    output: &VoxelSet,
    rows: Range<usize>,
    window: &Window,
    offsets: &[[i32; 3]],
) -> ChunkPairs {
    let mut pairs = ChunkPairs::default();
    let mut finder = RowFinder::new(input);
    for offset in offsets {
        for row in rows.clone() {
            let read = read_at(output.coords()[row], window, offset);
            if let Some(found) = read.and_then(|read| finder.row_of(read)) {
                pairs.from.push(found);
                pairs.to.push(row as u32);
            }
        }
        pairs.end_tap();
    }
    pairs
}

/// The voxel that an output reads; `None` where it lies beyond i32, which no voxel does.
fn read_at([sample, q @ ..]: Coord, window: &Window, offset: &[i32; 3]) -> Option<Coord> {
    let mut read = [sample; 4];
    for axis in 0..3 {
        let at = i64::from(q[axis]) * i64::from(window.stride[axis]) + i64::from(offset[axis]);
        read[axis + 1] = i32::try_from(at).ok()?;
    }
    Some(read)
}
