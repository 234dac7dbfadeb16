//! Vectors as plain arrays, for machines that none of the other files knows and for Miri.
//!
//! Products are rounded before they are added: without the instruction a fused multiply-add is a slow library call.

use std::array;

use super::Vector;
use crate::element::Element;
use crate::isa::InstructionSet;

const LANES: usize = 4;

/// Four elements in an array.
#[derive(Clone, Copy)]
pub(super) struct Array<T>([T; LANES]);

impl<T: Element> Vector<T> for Array<T> {
    const SET: InstructionSet = InstructionSet::Portable;
    const LANES: usize = LANES;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([T::ZERO; LANES])
    }

    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller promises `LANES` readable elements; an array of `T` is aligned like `T`.
        Self(unsafe { from.cast::<[T; LANES]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller promises `LANES` writable elements.
        unsafe { to.cast::<[T; LANES]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const T, lanes: usize) -> Self {
        // SAFETY: only the first `lanes` elements are read, as the caller promises.
        Self(array::from_fn(|lane| if lane < lanes { unsafe { from.add(lane).read() } } else { T::ZERO }))
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut T, lanes: usize) {
        for (lane, value) in self.0.into_iter().enumerate().take(lanes) {
            // SAFETY: only the first `lanes` elements are written, as the caller promises.
            unsafe { to.add(lane).write(value) }
        }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(array::from_fn(|lane| a.0[lane] * b.0[lane] + self.0[lane]))
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        Self(array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }
}
