//! A hash table that numbers blocks in the order in which they are met.

use crate::Coord;
use crate::voxel_set::{EMPTY, hash};

/// Places of blocks with their numbers.
#[derive(Debug)]
pub(crate) struct BlockTable {
    places: Vec<Coord>,
    /// Open addressing with linear probing, at most half full.
    slots: Vec<u32>,
}

impl BlockTable {
    /// An empty table with room for about `expected` blocks; it grows as needed.
    pub(crate) fn with_capacity(expected: usize) -> Self {
        let slots = vec![EMPTY; (expected * 2).next_power_of_two().max(16)];
        Self { places: Vec::with_capacity(expected), slots }
    }

    /// The places in the order of their numbers.
    pub(crate) fn places(&self) -> &[Coord] {
        &self.places
    }

    /// The number of the block at `place`, which is added where it is new.
    #[inline]
    pub(crate) fn number(&mut self, place: Coord) -> u32 {
        let slot = self.slot(place);
        if self.slots[slot] != EMPTY {
            return self.slots[slot];
        }
        let number = self.places.len() as u32;
        self.slots[slot] = number;
        self.places.push(place);
        if self.places.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    /// The slot of a block, or the empty one where it would go.
    #[inline]
    fn slot(&self, place: Coord) -> usize {
        let wrap = self.slots.len() - 1;
        let mut slot = hash(place) & wrap;
        while self.slots[slot] != EMPTY && self.places[self.slots[slot] as usize] != place {
            slot = (slot + 1) & wrap;
        }
        slot
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; self.slots.len() * 2];
        for number in 0..self.places.len() {
            let slot = self.slot(self.places[number]);
            self.slots[slot] = number as u32;
        }
    }
}
